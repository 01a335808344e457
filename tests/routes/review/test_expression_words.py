"""Expressions in words: each kind of node, its opposite, and what it must never lose."""

from __future__ import annotations

import dataclasses
from decimal import Decimal

import pytest
from hypothesis import given
from hypothesis import strategies as st

from routes.language import syntax
from routes.language.parser import parse_expression
from routes.language.syntax import Expression, walk
from routes.review.document import plain
from routes.review.expression_words import Naming, clause, describe_expression, is_condition

NAMES = Naming({
    "critical": parse_expression("any OBX[*]-8 in ['HH', 'LL']"),
    "requester": parse_expression("PV1-3.10"),
})  # fmt: skip

EXAMPLES = {
    "MSH-9.1 = 'ORU'": "the message type (MSH-9.1) is “ORU” (results)",
    "PID-8 != 'M'": "the administrative sex (PID-8) is not “M” (male)",
    "any OBX[*]-8 in ['HH', 'LL']": (
        "the abnormal flags of at least one result line (OBX[*]-8) are “HH” (critically high) or “LL” "
        "(critically low)"
    ),
    "all OBX[*]-3.1 in codes": (
        "the test code of each result line (OBX[*]-3.1) is listed in the table codes (and there is at "
        "least one)"
    ),
    "no PID-32[*] = 'RES'": "no identity reliability code (PID-32[*]) is “RES”",
    "any OBX[*] with (it-5 > upper of it-7)": (
        "at least one result line (OBX[*]) is such that its observation value (it-5) is greater than the "
        "upper end of the range in its reference range (it-7)"
    ),
    "OBR-7 is valid YYYYMMDD": "the observation date/time of the first test order (OBR-7) is written as "
    "YYYYMMDD",
    "PID-3[5='NH'].1 is valid nhs_number": "the NHS number (PID-3[5='NH'].1) is a valid NHS number",
    "any OBX[2='NM']-5 > 7.5": (
        "the observation value of at least one result line whose value type is “NM” (a number) "
        "(OBX[2='NM']-5) is greater than 7.5"
    ),
    "no PID-3[4='NHS'].1 is present": "no NHS number (PID-3[4='NHS'].1) is filled in",
    "all PID-3[4='HOSP'].5 = 'MR'": (
        "the identifier type code of each patient identifier list entry whose assigning authority is “HOSP” "
        "(PID-3[4='HOSP'].5) is “MR” (medical record number) (and there is at least one)"
    ),
    "not critical": "critical is not true",
    "critical": "critical is true",
    "requester": "requester",
    "gp_directory[requester].accepts": "the accepts entry for requester in the table gp_directory",
    "gp_directory[requester] is present": "the table gp_directory has a row for requester",
    "count of OBX[*] >= 3": "the number of result lines (OBX[*]) is at least 3",
    "received in hours working": "the message comes in within the hours working",
    "PV1-44 in hours working": "the admit date/time (PV1-44) falls within the hours working",
    "PID-7 < '2000-01-01'": "the date/time of birth (PID-7) is before “2000-01-01”",
    "received": "the time at which the message came in",
    "PID-5.1 matches test_name": "the patient's family name (PID-5.1) fits the pattern test_name",
    "PID-5.1 starts with 'X' or PID-5.1 ends with 'Y' and NTE is present": (
        "the patient's family name (PID-5.1) begins with “X”, or (the patient's family name (PID-5.1) ends "
        "with “Y” and there is a note (NTE))"
    ),
    "MSH-4 & '-' & MSH-10": (
        "the sending facility (MSH-4), “-” and the message control ID (MSH-10), put together"
    ),
    "PID-8 is null": 'the administrative sex (PID-8) is set to the HL7 null ("")',
    "ZAL-3.2 = 'x'": "component 2 of field 3 of the first ZAL segment (ZAL-3.2) is “x”",
}


@pytest.mark.parametrize(("text", "words"), EXAMPLES.items())
def test_an_expression_is_told_in_these_words(text: str, words: str) -> None:
    assert describe_expression(parse_expression(text), NAMES) == words


def test_the_examples_have_every_kind_of_node() -> None:
    used = {type(node) for text in EXAMPLES for node in walk(parse_expression(text))}
    defined = {
        value
        for value in vars(syntax).values()
        if dataclasses.is_dataclass(value)
        and isinstance(value, type)
        and issubclass(value, Expression)
        and value not in (Expression, syntax.Test)
    }

    assert defined - used == set()


def test_a_kind_of_node_without_words_is_a_fault() -> None:
    @dataclasses.dataclass(frozen=True)
    class Riddle(Expression):
        pass

    with pytest.raises(TypeError, match="Riddle"):
        describe_expression(Riddle())


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("PID-8 != 'M'", "the administrative sex (PID-8) is “M” (male)"),
        ("PID-8 in ['M', 'F']", "the administrative sex (PID-8) is none of “M” (male) and “F” (female)"),
        (
            "any OBX[*]-8 = 'H'",
            "the abnormal flags of no result line (OBX[*]-8) are “H” (above the normal range)",
        ),
        (
            "all NTE[*]-1 = '1'",
            "the set ID of at least one note (NTE[*]-1) is not “1”, or there is none",
        ),
        (
            "PID-8 = 'M' and MSH-4 is empty",
            "the administrative sex (PID-8) is not “M” (male), or the sending facility (MSH-4) is filled in",
        ),
        (
            "all OBX[*] with (it-1 = '1')",
            "at least one result line (OBX[*]) is such that its set ID (it-1) is not “1”, or there is none",
        ),
        ("received in hours night", "the message does not come in within the hours night"),
        ("PID-5.1 contains 'ZZ'", "the patient's family name (PID-5.1) does not contain “ZZ”"),
        ("t[PID-3] is empty", "the table t has a row for the patient identifier list (PID-3)"),
    ],
)
def test_the_opposite_of_a_condition_is_told_in_these_words(text: str, words: str) -> None:
    assert plain(clause(parse_expression(text), NAMES, holds=False)) == words


values = st.text(st.characters(blacklist_categories=["Cs", "Cc"]), min_size=1, max_size=20)
simple = st.one_of(
    values.map(lambda value: f"PID-5.1 = {syntax.quoted(value)}"),
    values.map(lambda value: f"any OBX[*]-5 contains {syntax.quoted(value)}"),
    st.sampled_from(["critical", "PID-7 is present", "no NTE[*]-3 = 'x'", "PV1-8.1 in doctors"]),
)
conditions = st.recursive(
    simple,
    lambda inner: st.one_of(
        st.tuples(inner, inner).map(lambda pair: f"({pair[0]}) and ({pair[1]})"),
        st.tuples(inner, inner).map(lambda pair: f"({pair[0]}) or ({pair[1]})"),
        inner.map(lambda text: f"not ({text})"),
    ),
    max_leaves=6,
)


@given(conditions)
def test_no_value_path_or_name_is_ever_lost(text: str) -> None:
    tree = parse_expression(text)
    words = describe_expression(tree, NAMES)

    assert is_condition(tree, NAMES)
    for node in walk(tree):
        match node:
            case syntax.Text():
                assert f"“{node.value}”" in words
            case syntax.PathRead() | syntax.Quantified():
                assert f"({node.path})" in words
            case syntax.Name():
                assert node.name in words


@pytest.mark.parametrize(
    "path",
    [
        "OBX[*]-8",
        "OBX[2='NM']-5",
        "PID-3[*].5",
        "PID-3[5='NH'].1",
        "PID-3[4='X']",
        "PID-32[*]",
        "OBX/NTE[*]-3",
    ],
)
def test_the_quantifier_of_a_condition_is_never_lost(path: str) -> None:
    told = {describe_expression(parse_expression(f"{which} {path} = 'x'")) for which in ("any", "all", "no")}

    assert len(told) == 3
    assert all("at least one" in words or "no " in words or "none of" in words for words in told)


@given(conditions)
def test_a_condition_and_its_opposite_are_told_apart(text: str) -> None:
    tree = parse_expression(text)

    assert clause(tree, NAMES) != clause(tree, NAMES, holds=False)


def test_numbers_stand_as_they_are_written() -> None:
    assert describe_expression(syntax.Number(Decimal("7.50"))) == "7.50"
