"""What holds of every profile on every message: nothing fails, and nothing tells content."""

from __future__ import annotations

import re
from string import printable

from hypothesis import example, given
from hypothesis import strategies as st

from routes.conformance.finding import describe_shape
from routes.hl7.message import Message
from routes.language.scope import Scope
from tests.routes.conformance.asking import REPORT, found, look, make_profile

CANARY = "Qzwx"  # letters that stand nowhere else
VALUES = st.text(alphabet=[*'AQzwx09^~&\\|.<" '], max_size=12)
PATHS = [
    *("PID-5", "PID-5[*]", "PID-5[2].1", "PID-5[1='A'].2", "OBX[*]-5", "OBX[*]-5[*].1", "OBX[2]-5.1.2"),
    *("OBX-5", "OBX[2='A']-5", "OBR/OBX[*]-5", "OBR[*]/OBX-5", "OBX[*]/NTE-3", "ZZZ[*]-1", "MSH-2", "BHS-3"),
]
CONSTRAINTS = [
    "required",
    "forbidden",
    "{length: 2-3}",
    "{count: 1-2}",
    "{count: 0}",
    "{required: yes, when: it is empty}",
    "{values: [A], when: it-2 = 'A'}",
    "{format: [date, number]}",
    "{values: lab_codes, format: nhs_number, length: 1}",
    "{format: ward, severity: warning}",
]
SAID = st.sampled_from(
    [
        f"{path}:\n  - {said}"
        for path in PATHS
        for said in CONSTRAINTS
        if "[2].1" not in path or "count" not in said
    ]
)


def message_of(name: str, result: str, kind: str) -> bytes:
    text = f"MSH|^~\\&|L|N|||20260309||ORU^R01|A1|P|2.5\rPID|1||7||{name}\rOBR|1\r"
    return f"{text}OBX|1|{kind}|B||{result}\rNTE|1||{name}\rOBX|2|ST|C||{name}\r".encode()


@given(said=SAID, name=VALUES, result=VALUES, kind=VALUES)
@example(said="PID-5: {length: 2-3}", name="~^&", result="", kind="")
def test_no_profile_fails_on_any_message(said: str, name: str, result: str, kind: str) -> None:
    profile = make_profile(said)

    for finding in profile.check(Scope(Message.parse(message_of(name, result, kind)))):
        assert re.fullmatch(r"[a-z]+", finding.rule)
        assert finding.path
        assert finding.words


@given(SAID)
def test_no_finding_tells_what_stood_there(said: str) -> None:
    content = f"{CANARY}^{CANARY}~{CANARY}&{CANARY}"

    for finding in look(said, message_of(content, content, CANARY)):
        assert CANARY not in str(finding)


@given(st.text(alphabet=printable, max_size=90))
def test_a_shape_is_made_of_counts_and_kinds_alone(text: str) -> None:
    words = set(re.split(r"[ ,]+", describe_shape(text)))
    known = {"empty", "null", "and", "letter", "letters", "digit", "digits", "sign", "signs"}

    assert {word for word in words if not word.isdigit()} <= known | {"blank", "blanks", "characters"}


@given(st.text(alphabet="AB1 -", min_size=1, max_size=20))
def test_the_counts_of_a_shape_add_up_to_the_text(text: str) -> None:
    assert sum(int(number) for number in re.findall(r"\d+", describe_shape(text))) == len(text)


@given(value=st.text(alphabet="ABC", max_size=8), least=st.integers(0, 6), more=st.integers(0, 4))
def test_a_length_holds_exactly_within_its_bounds(value: str, least: int, more: int) -> None:
    message = REPORT.replace(b"TARRANT", value.encode())
    wrong = bool(value) and not least <= len(value) <= least + more

    assert found(f"PID-5.1: {{length: {least}-{least + more}}}", message) == ["PID-5.1 length"] * wrong


@given(st.lists(st.sampled_from(["A", "B", "", "C^D"]), max_size=6))
def test_each_repetition_is_judged_as_if_it_stood_alone(parts: list[str]) -> None:
    message = REPORT.replace(b"TARRANT^ELSPETH", "~".join(parts).encode())
    wrong = [number for number, part in enumerate(parts, 1) if part not in ("A", "")]
    many = len(parts) > 1

    assert found("PID-5[*]: {values: [A]}", message) == [
        f"PID-5[{number}] values" if many else "PID-5 values" for number in wrong
    ]


@given(st.lists(st.sampled_from([b"F", b"P", b"", b"X"]), max_size=8))
def test_each_segment_is_judged_as_if_it_stood_alone(states: list[bytes]) -> None:
    message = b"MSH|^~\\&|L|N|||20260309||ORU^R01|A1|P|2.5\r" + b"".join(
        b"OBX|1|NM|A||5||||||" + state + b"\r" for state in states
    )
    expected = [f"OBX[{n}]-11" if len(states) > 1 else "OBX-11" for n, s in enumerate(states, 1) if s == b"X"]

    assert [finding.path for finding in look("OBX[*]-11: {values: [F, P]}", message)] == expected
