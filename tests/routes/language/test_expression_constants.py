"""Conditions whose answer is known beforehand, as the linter tells them."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from routes.hl7.message import Message
from routes.language.compiler import Scope, compile_condition
from routes.language.constants import constant_truth
from routes.language.parser import parse_expression
from routes.language.vocabulary import Vocabulary


@pytest.mark.parametrize(
    "text",
    [
        "MSH-9.1 = 'ORU' and MSH-9.1 = 'ADT'",
        "MSH-9.1 = 'ORU' and abnormal and MSH-9.1 in ['ADT', 'MDM']",
        "MSH-9.1 = 'ORU' and MSH-9.1 != 'ORU'",
        "MSH-9.1 in ['A', 'B'] and not (MSH-9.1 in ['A', 'B', 'C'])",
        "MSH-9.1 in []",
        "any OBX[*]-8 in []",
        "'a' = 'b'",
        "1 > 2",
        "'2026-01-05' < '2026-01-05'",
        "abnormal and not abnormal",
        "not (abnormal or not abnormal)",
        "PID-8 is empty and PID-8 = 'F'",
        "PID-8 is null and PID-8 is empty",
        "PID-8 is present and PID-8 is empty",
        "PID-8 is null and PID-8 = 'F'",
        "not (PID-8 is blank) and PID-8 is null",
        "OBX-5 > 5 and OBX-5 < 3",
        "OBX-5 > 5 and OBX-5 <= 5",
        "OBX-5 = 5 and OBX-5 = 6",
        "OBX-5 > OBX-5",
        "OBX-5 = '5' and OBX-5 > 7",
        "OBX-5 in ['5', 'x'] and OBX-5 >= 6",
        "PID-7 > '2026-01-05' and PID-7 < '2025-01-01'",
        "PID-7 >= '2026-01-05' and PID-7 <= '2026-01-04'",
        "count of OBX[*] < 0",
        "count of OBX[*] = 1.5",
        "PID-8 = ''",
        "'x' contains 'y'",
    ],
)
def test_never_true(text: str) -> None:
    assert constant_truth(parse_expression(text)) is False
    assert constant_truth(parse_expression(f"not ({text})")) is True


@pytest.mark.parametrize(
    "text",
    [
        "MSH-9.1 != 'ORU' or MSH-9.1 != 'ADT'",
        "abnormal or not abnormal",
        "'a' = 'a'",
        "no OBX[*]-8 in []",
        "'x' is present",
        "1 < 2 and 'a' != 'b'",
        "PID-8 != ''",
        "count of OBX[*] >= 0",
    ],
)
def test_always_true(text: str) -> None:
    assert constant_truth(parse_expression(text)) is True


@pytest.mark.parametrize(
    "text",
    [
        "MSH-9.1 = 'ORU'",
        "MSH-9.1 = 'ORU' or MSH-9.1 = 'ADT'",
        "MSH-9.1 != 'ORU' and MSH-9.1 != 'ADT'",
        "OBX-5 = '5' and OBX-5 >= 5.0",
        "OBX-5 in ['5', '9'] and OBX-5 > 7",
        "PID-7 >= '2026-01-05' and PID-7 <= '2026-01-05'",
        "PID-7 > '2026-01-05' and PID-7 < '2026-01-05T12:00'",
        "count of OBX[*] = 0",
        "MSH-9.1 = 'ORU' and MSH-9.2 = 'ADT'",
        "any OBX[*]-8 = 'H' and any OBX[*]-8 = 'L'",
        "OBX-5 > 3 and OBX-5 < 5",
        "OBX-5 >= 5 and OBX-5 <= 5",
        "PID-8 is present and PID-8 is null",
        "PID-8 is blank and PID-8 is null",
        "OBX-5 = '7' and OBX-5 = 7",
        "PID-7 = '2008-01-05' and PID-7 = '2008-01'",
        "PID-8 = PID-8",
        "abnormal",
    ],
)
def test_it_depends(text: str) -> None:
    assert constant_truth(parse_expression(text)) is None


QUESTIONS = [
    "= 'F'",
    "= 'M'",
    "!= 'F'",
    "in ['F', 'M']",
    "in ['M', 'U']",
    "is present",
    "is empty",
    "is null",
    "is blank",
]
QUESTIONS += ["> 3", "<= 3", "= 3", "< 7", "= '7'", "= '\"\"'", "starts with 'F'"]
conditions = st.recursive(
    st.sampled_from(QUESTIONS).map(lambda question: f"PID-8 {question}"),
    lambda inner: st.one_of(
        inner.map(lambda text: f"not ({text})"),
        st.tuples(inner, st.sampled_from(["and", "or"]), inner).map(lambda t: f"({t[0]}) {t[1]} ({t[2]})"),
    ),
    max_leaves=5,
)


@given(conditions, st.sampled_from(["", "F", "M", "U", '""', "3", "5", "7", "7.0", "x"]))
def test_no_message_ever_contradicts_it(text: str, value: str) -> None:
    tree = parse_expression(text)
    known = constant_truth(tree)
    message = Message.parse(f"MSH|^~\\&|A\rPID|||||||x|{value}".encode())

    if known is not None:
        assert compile_condition(tree, Vocabulary())(Scope(message)) is known
