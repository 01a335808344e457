"""python-hl7 and hl7apy as independent witnesses: they read what we read, except where it is written here.

Known disagreements, where they are wrong by the standard or by our promise:
- python-hl7 adds a final CR, strips blanks at the end of the last segment, and decodes nothing unless
  asked; it counts an empty field as one empty repetition; its `unescape` turns `\\.br\\` into a CR.
- hl7apy drops trailing delimiters, the final CR and blank lines, escapes `\\.br\\` again, and corrupts
  messages that end segments with LF. It is compared field by field only.
"""

from __future__ import annotations

from typing import Any

import hl7
import pytest
from hl7apy.parser import parse_message
from hypothesis import given
from hypothesis import strategies as st

from routes.hl7.message import Message
from routes.hl7.path import compile_path, parse_path

MESSAGES = [
    (
        "MSH|^~\\&|PAS|NORTH|TIE|TRUST|20260105093000||ADT^A01^ADT_A01|M1|P|2.5\r"
        "EVN|A01|20260105093000\r"
        "PID|1||9990000018^^^NHS^NH~RX12^^^RX1&R&L^MR||EXAMPLE^ANNA^^^MS||19700101|F|||1 LANE^^TOWN\r"
        "PV1|1|I|WARD^1^2||||G123^DOE^JANE\r"
    ),
    (
        "MSH|^~\\&|LIMS|WEST|TIE|TRUST|20260105093000||ORU^R01^ORU_R01|W1|P|2.5.1\r"
        "PID|1||9990000026^^^NHS^NH||SAMPLE^BEN\r"
        "OBR|1|10|20|FBC^Full blood count|||20260105\r"
        "OBX|1|NM|HB^Haemoglobin||7.1|g/L|12.0-16.0|LL|||F\r"
        "OBX|2|ST|CMT^Comment||a \\T\\ b \\F\\ c||||||F\r"
    ),
]


def ours(
    message: Message, segment: int, field: int, repetition: int, component: int, subcomponent: int
) -> str:
    name = message.name(segment)
    nth = message.names()[: segment + 1].count(name)
    path = parse_path(f"{name}[{nth}]-{field}[{repetition}].{component}.{subcomponent}")
    return compile_path(path).first(message)


def theirs(repetition: Any, component: int, subcomponent: int) -> str:
    """python-hl7's value, where a part that stands alone may be plain text at any level."""
    value = repetition
    for number in (component, subcomponent):
        if not isinstance(value, str):
            value = value[number - 1] if number <= len(value) else ""
        elif number > 1:
            return ""
    return str(value)


@pytest.mark.parametrize("text", MESSAGES)
def test_python_hl7_finds_the_same_values(text: str) -> None:
    message, witness = Message.parse(text.encode()), hl7.parse(text)
    compared = 0
    for segment, other in enumerate(witness):
        for field in range(3 if segment == 0 else 1, len(other)):
            for repetition, one in enumerate(other[field], 1):
                for component in (1, 2, 4):
                    for subcomponent in (1, 2):
                        expected = witness.unescape(theirs(one, component, subcomponent))
                        found = ours(message, segment, field, repetition, component, subcomponent)
                        assert found == expected, (other[0], field, repetition, component, subcomponent)
                        compared += 1

    assert compared > 100


@pytest.mark.parametrize("text", MESSAGES)
def test_hl7apy_finds_the_same_fields(text: str) -> None:
    message, witness = Message.parse(text.encode()), parse_message(text, find_groups=False)
    for segment, other in enumerate(witness.children):
        fields: dict[int, list[str]] = {}
        for child in other.children:
            fields.setdefault(int(child.name.rpartition("_")[2]), []).append(child.to_er7())
        for number, repetitions in fields.items():
            if segment == 0 and number < 3:
                continue
            assert message.field(segment, number) == "~".join(repetitions), (other.name, number)


def test_python_hl7_reads_an_edited_message_as_we_do() -> None:
    message = Message.parse(MESSAGES[0].encode())
    for path, value in (
        ("PID-5.1", "O|N^E"),
        ("PID-3[5='NH'].1", "9990000026"),
        ("ZDL-3", "x&y"),
        ("PV1-9", "7"),
    ):
        compile_path(parse_path(path), "write").write(message, value)
    witness = hl7.parse(message.to_bytes().decode())

    assert witness.unescape(str(witness.segment("PID")[5][0][0])) == "O|N^E"
    assert str(witness.segment("PID")[3][0][0]) == "9990000026"
    assert str(witness.segment("PID")[3][1][0]) == "RX12"
    assert witness.unescape(str(witness.segment("ZDL")[3])) == "x&y"
    assert str(witness.segment("PV1")[9]) == "7"


one_field = st.lists(
    st.lists(st.text(st.sampled_from("AB12 .-"), max_size=4), min_size=1, max_size=3), min_size=1, max_size=3
)


@given(st.lists(one_field, min_size=1, max_size=6))
def test_python_hl7_finds_the_same_values_in_any_structure(fields: list[list[list[str]]]) -> None:
    row = "|".join("~".join("^".join(one) for one in field) for field in fields)
    text = f"MSH|^~\\&|A\rZZZ|{row}|.\r"
    message, witness = Message.parse(text.encode()), hl7.parse(text)
    for number, field in enumerate(fields, 1):
        for repetition, components in enumerate(field, 1):
            for component in range(1, len(components) + 1):
                expected = theirs(witness[1][number][repetition - 1], component, 1)
                assert ours(message, 1, number, repetition, component, 1) == expected
