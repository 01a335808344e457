"""A trace says of each part of a condition what it came to, and why where that is not plain."""

from __future__ import annotations

from dataclasses import replace

import pytest

from routes.hl7.message import Message
from routes.language.hours import read_hours
from routes.language.parser import parse_expression
from routes.language.parts import tell_parts
from routes.language.scope import Scope
from routes.language.types import check_types, define_names
from routes.language.vocabulary import Vocabulary
from routes.tables.table import Table, build_table

MESSAGE = Message.parse(
    b"MSH|^~\\&|LIMS|N|X|Y|2026||ORU^R01|R7|P|2.4\r"
    b"PID|1||7^^^N^MR~9990000018^^^NHS^NH||DOE^JO||19800105|F\r"
    b"PV1|1||||||||||||||||||Y06601\r"
    b'OBX|1|NM|HB||3|g|4-5|N\rOBX|2|NM|ZZ||9|g|4-5|HH\rOBX|3|ST|Q||""||\r'
)
MODEL = Table("practices", ("practice", "accepts", "successor"), follow="successor")
PRACTICES = build_table(MODEL, [("Y06601", "paper", "Y06602"), ("Y06602", "electronic", "")])
CODES = build_table(Table("codes", ("code", "name")), [("HB", "Haemoglobin")])


@pytest.fixture(scope="module")
def vocabulary() -> Vocabulary:
    words = Vocabulary(
        tables={"practices": PRACTICES, "codes": CODES},
        hours={"working": read_hours({"zone": "Europe/London", "monday_to_friday": "08:00-18:30"})},
        zone="Europe/London",
    )
    names = {"requester": "PV1-19", "critical": "any OBX[*]-8 in ['HH', 'LL']", "nhs": "PID-3[5='NH'].1"}
    words, errors = define_names({name: parse_expression(text) for name, text in names.items()}, words)

    assert errors == {}
    return words


def told(text: str, words: Vocabulary) -> list[str]:
    expression = parse_expression(text)
    check_types(expression, replace(words, in_each=True))
    scope = Scope(MESSAGE, received=1767605400_000000, zone="Europe/London")  # 2026-01-05, 09:30 in London
    return [
        f"{'. ' * part.depth}{part.text} -> {part.value}" + (f" ({part.note})" if part.note else "")
        for part in tell_parts(expression, words, scope)
    ]


@pytest.mark.parametrize(
    ("text", "parts"),
    [
        ("PID-8 = 'M'", ["PID-8 -> 'F'"]),
        ("PID-9 is present", ["PID-9 -> (empty)"]),
        ("OBX is present", ["OBX -> 1 element"]),
        (
            "PID-8 = 'F' and PID-9 = 'X' and PID-5.1 = 'Y'",
            [
                "PID-8 = 'F' -> yes", ". PID-8 -> 'F'",
                "PID-9 = 'X' -> no", ". PID-9 -> (empty)",
                "PID-5.1 = 'Y' -> no (not asked any more)", ". PID-5.1 -> 'DOE'",
            ],
        ),
        ("not PID-8 = 'F'", ["PID-8 = 'F' -> yes", ". PID-8 -> 'F'"]),
        ("nhs is valid nhs_number", ["nhs -> '9990000018' (= PID-3[5='NH'].1; at PID-3[2].1)"]),
        ("PID-3[5='XX'].1 = '1'", ["PID-3[5='XX'].1 -> (empty) (nothing fits)"]),
        (
            "PID-3.1 is valid nhs_number",
            ["PID-3.1 -> '7' (must be ten digits with the right check digit, without blanks)"],
        ),
        ("PID-5.1 > 5", ["PID-5.1 -> 'DOE' (not a number)"]),
        ("PID-5.1 < '2026-01-01'", ["PID-5.1 -> 'DOE' (not a date or time)"]),
        (
            "practices[requester].accepts = 'paper'",
            [
                "practices[requester].accepts -> 'electronic' (follows to 'Y06602')",
                ". requester -> 'Y06601' (= PV1-19)",
            ],
        ),
        (
            "codes[OBX[2]-3].name is present",
            ["codes[OBX[2]-3].name -> (empty) ('ZZ' is no key of codes)", ". OBX[2]-3 -> 'ZZ'"],
        ),
        ("OBX[2]-3 in codes", ["OBX[2]-3 -> 'ZZ' (no key of codes)"]),
        ("received in hours working", ["received -> 2026-01-05T09:30:00+00:00"]),
        (
            "critical",
            [
                "critical -> yes (= any OBX[*]-8 in ['HH', 'LL'])",
                ". OBX[*]-8 -> 'N', 'HH', (empty) (3 elements)",
                ". . OBX[2]-8 -> 'HH' (decides: yes)",
            ],
        ),
        ("any OBX[*]-8 = 'X'", ["OBX[*]-8 -> 'N', 'HH', (empty) (3 elements)"]),
        ("no PID-32[*] = 'RES'", ["PID-32[*] -> (empty) (nothing there)"]),
        (
            "all OBX[*]-3 in codes",
            [
                "OBX[*]-3 -> 'HB', 'ZZ', 'Q' (3 elements)",
                ". OBX[2]-3 -> 'ZZ' (decides: no; no key of codes)",
            ],
        ),
        (
            "any OBX[*] with (it-5 > upper of it-7)",
            [
                "OBX[*] -> 3 elements",
                ". it = OBX[2] -> yes (decides: yes)",
                ". . it-5 -> '9'", ". . upper of it-7 -> 5", ". . . it-7 -> '4-5'",
            ],
        ),
        ("count of OBX[*] > 2", ["count of OBX[*] -> 3"]),
        ("PID-8 & '-' & requester", ["PID-8 & '-' & requester -> 'F-Y06601'", ". PID-8 -> 'F'",
                                     ". requester -> 'Y06601' (= PV1-19)"]),
    ],
)  # fmt: skip
def test_each_part_of_a_condition_is_told(text: str, parts: list[str], vocabulary: Vocabulary) -> None:
    assert told(text, vocabulary) == parts


def test_of_many_elements_none_of_which_decides_the_first_few_are_opened(vocabulary: Vocabulary) -> None:
    many = Message.parse(MESSAGE.source + b"OBX|4|NM|A||1||1-2\r" * 5)
    parts = tell_parts(parse_expression("any OBX[*] with (it-5 > 100)"), vocabulary, Scope(many))

    assert [part.text for part in parts if part.depth == 1] == [
        "it = OBX[1]", "it = OBX[2]", "it = OBX[3]", "it = OBX[4]", "…",
    ]  # fmt: skip
    assert parts[-1].note == "and 4 more like these"


def test_a_long_value_among_several_is_cut_short(vocabulary: Vocabulary) -> None:
    long = Message.parse(MESSAGE.source + b"NTE|1||" + b"x" * 5000 + b"\r")
    [part] = tell_parts(parse_expression("any NTE[*]-3 = 'y'"), vocabulary, Scope(long))

    assert len(part.value) < 60
