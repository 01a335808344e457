"""What the standard's rules find: each rule at its place, and nothing where nothing is wrong."""

from __future__ import annotations

import pytest

from routes.conformance.dictionary import VERSIONS
from routes.conformance.standard import MOST_KINDS, _rules, check_message
from routes.hl7.message import Message
from tests.routes.conformance.samples import PATIENT, VISIT, admission, build, found, letter, result

ERROR, WARNING = "error", "warning"


@pytest.mark.parametrize("version", ["2.2", "2.3", "2.3.1", "2.4", "2.5", "2.5.1"])
def test_nothing_is_found_in_admissions_and_results_that_are_right(version: str) -> None:
    assert found(admission(version)) == []
    assert found(result(version)) == []


@pytest.mark.parametrize("version", ["2.3", "2.3.1", "2.4", "2.5", "2.5.1"])
def test_nothing_is_found_in_a_letter_that_is_right(version: str) -> None:
    assert found(letter(version=version)) == []


FIELDS = [
    ("a required field", "PID|1||9990000018^^^NHS^NH|", "PID|1|||", [("PID-3", "required-field", ERROR)]),
    ("nothing but separators", "TEST^ANN^B", "^^~^", [("PID-5", "required-field", ERROR)]),
    ("a day that is not", "19800101", "19800230", [("PID-7.1", "date-time", ERROR)]),
    ("a date of another kind", "19800101", "01/01/1980", [("PID-7.1", "date-time", ERROR)]),
    ("a sequence number", "PID|1|", "PID|one|", [("PID-1", "set-id", ERROR)]),
    ("a field that repeats", "|F|||1 HIGH", "|F~M|||1 HIGH", [("PID-8", "repetition", ERROR)]),
    ("a code of a closed table", "TEST^ANN^B", "TEST^ANN^B^^^^?", [("PID-5.7", "code", ERROR)]),
    ("one component too many", "BED3||||C123", "BED3|R^X|||C123", [("PV1-4.2", "extra-component", WARNING)]),
    (
        "one sub-component too many",
        "TEST^ANN",
        "TEST^ANN&BOB",
        [("PID-5.2.2", "extra-subcomponent", WARNING)],
    ),
    ("a field too many", "PV1|1|I|", "PV2" + "|" * 50 + "X\rPV1|1|I|", None),
    ("null is right everywhere", "19800101|F|||1 HIGH ST", '""|""|||""', []),
    ("the same of required fields", "9990000018^^^NHS^NH", '""', []),
    ("a date with less precision", "19800101", "198001", []),
    ("empty repetitions keep their place", "TEST^ANN^B", "~TEST^ANN^B~", []),
]


@pytest.mark.parametrize(
    ("old", "new", "expected"), [case[1:] for case in FIELDS], ids=[c[0] for c in FIELDS]
)
def test_a_field_is_judged_by_its_rule(
    old: str, new: str, expected: list[tuple[str, str, str]] | None
) -> None:
    text = admission("2.5.1")
    assert old in text
    if expected is None:
        expected = [
            ("PV2", "misplaced-segment", ERROR),
            ("PV2-50", "extra-field", WARNING),
        ]
    assert found(text.replace(old, new, 1)) == expected


STRUCTURES = [
    ("missing at the end", [PATIENT], [("PV1", "missing-segment")]),
    ("missing before another", [PATIENT, "AL1|1||X"], [("PV1", "missing-segment")]),
    ("two that are missing", ["AL1|1||X"], [("PID", "missing-segment"), ("PV1", "missing-segment")]),
    ("the wrong order", [VISIT, PATIENT], [("PV1", "misplaced-segment")]),
    ("one too many", [PATIENT, PATIENT, VISIT], [("PID[2]", "excess-segment")]),
    ("one too many, later", [PATIENT, VISIT, PATIENT], [("PID[2]", "excess-segment")]),
    ("one that belongs earlier", [PATIENT, VISIT, "NK1|1"], [("NK1", "misplaced-segment")]),
    ("no place for it", [PATIENT, VISIT, "OBR|1|||X"], [("OBR", "unexpected-segment")]),
    ("no such segment", [PATIENT, VISIT, "QQQ|1"], [("QQQ", "unknown-segment")]),
    ("a line cut in two", [PATIENT, VISIT, "smith, ann"], [("line 5", "segment-name")]),
    ("a line cut in two at a Z", [PATIENT, VISIT, "Zebra"], [("line 5", "segment-name")]),
    ("Z segments stand anywhere", ["ZAA|\\X", PATIENT, "ZBB|^^^&&", VISIT, "ZCC"], []),
    ("a group with choices", [PATIENT, VISIT, "PR1|1||X||20260105", "ROL|1|AD|X|Y"], []),
]


@pytest.mark.parametrize(
    ("segments", "expected"), [case[1:] for case in STRUCTURES], ids=[case[0] for case in STRUCTURES]
)
def test_the_structure_is_judged(segments: list[str], expected: list[tuple[str, str]]) -> None:
    text = build("EVN|A01|20260105", *segments, kind="ADT^A01^ADT_A01")
    assert [entry[:2] for entry in found(text)] == expected


def test_each_of_two_orders_is_a_group_of_its_own() -> None:
    order = "OBR|1|||FBC^Full blood count"
    value = "OBX|1|NM|HB^Hb||120||||||F"
    right = build(PATIENT, order, value, "NTE|1", order, "NTE|1", value, kind="ORU^R01^ORU_R01")
    assert found(right) == []
    early = build(PATIENT, value, order, kind="ORU^R01^ORU_R01")
    assert [entry[:2] for entry in found(early)] == [("OBX", "misplaced-segment")]
    orphan = build(PATIENT, "ORC|RE", value, "ORC|RE", order, kind="ORU^R01^ORU_R01")
    assert [entry[:2] for entry in found(orphan)] == [("OBR", "missing-segment")]


def test_a_choice_names_what_else_could_stand_there() -> None:
    text = build(PATIENT, "ORC|NW|1", "OBX|1|NM|HB||1||||||F", kind="ORM^O01^ORM_O01")
    (finding,) = check_message(Message.parse(text.encode()))
    assert finding.path == "OBR"
    assert finding.words == "OBR (or RQD, RQ1, RXO, ODS, ODT) is required here, before OBX"


def test_a_second_message_in_the_same_bytes_is_one_finding() -> None:
    assert found(admission() + admission()) == [("MSH[2]", "second-message", ERROR)]


@pytest.mark.parametrize("ends", ["\n", "\r\n"])
def test_line_feeds_that_the_feed_does_not_expect_are_one_finding(ends: str) -> None:
    data = admission().replace("\r", ends)

    assert found(data) == [("the message", "segment-ends", ERROR)]
    assert check_message(Message.parse(data.encode(), segment_ends="any")) == ()


VALUES = [
    ("a number that is none", "||1.5|", "||>200|", "OBX[1]-5", "number"),
    ("no type", "|NM|WBC1", "||WBC1", "OBX[1]-2", "value-type"),
    ("a type that is none", "|NM|WBC1", "|NUM|WBC1", "OBX[1]-2", "value-type"),
    ("a type of another version", "|NM|WBC1", "|CM|WBC1", "OBX[1]-2", "withdrawn"),
    ("a status that is none", "|N|||F|", "|N|||Q|", "OBX[1]-11", "code"),
]  # fmt: skip


@pytest.mark.parametrize(("old", "new", "path", "rule"), [c[1:] for c in VALUES], ids=[c[0] for c in VALUES])
def test_an_observation_is_judged_by_its_type(old: str, new: str, path: str, rule: str) -> None:
    assert [entry[:2] for entry in found(result("2.5.1").replace(old, new, 1))] == [(path, rule)]


@pytest.mark.parametrize(
    ("kind", "version", "expected"),
    [
        ("ADT^A08", "2.5", []),
        ("ADT^A04", "2.3", []),
        ("ADT^A28^ADT_A05", "2.5", []),
        ("ADT^A31", "2.3", []),
        ("ADT^A08^ADT_A08", "2.5", [("MSH-9.3", "structure-name", WARNING)]),
        ("ADT^A03^ADT_A01", "2.5", [("MSH-9.3", "structure-name", WARNING)]),
        ("ADT^Z17", "2.5", []),
        ("ADT^Z17^ADT_A01", "2.5", []),
        ("ADT^X99", "2.5", [("MSH-9", "unknown-structure", ERROR)]),
        ("FOO^A01", "2.5", [("MSH-9", "unknown-structure", ERROR)]),
        ("ADT", "2.5", [("MSH-9", "unknown-structure", ERROR)]),
        ("", "2.5", [("MSH-9", "required-field", ERROR)]),
    ],
)
def test_the_structure_is_found_by_msh_9(
    kind: str, version: str, expected: list[tuple[str, str, str]]
) -> None:
    assert found(build("EVN|A01|20260105", PATIENT, VISIT, kind=kind, version=version)) == expected


def test_fields_are_judged_where_the_structure_is_unknown() -> None:
    text = admission(kind="FOO^A01").replace("19800101", "1980-01-01")
    assert [entry[:2] for entry in found(text)] == [("MSH-9", "unknown-structure"), ("PID-7.1", "date-time")]


@pytest.mark.parametrize("version", ["", "2.9", "2.7.1", "three", "2.5x"])
def test_an_unknown_version_is_one_finding_and_nothing_else_is_judged(version: str) -> None:
    text = admission(version).replace("19800101", "nonsense")
    assert found(text) == [("MSH-12", "version", ERROR)]


def test_a_version_may_have_components() -> None:
    assert found(admission("2.5^GBR")) == []


@pytest.mark.parametrize("version", VERSIONS)
def test_every_version_judges_an_acknowledgement(version: str) -> None:
    text = build("MSA|AA|1", kind="ACK^A01^ACK" if version > "2.3" else "ACK", version=version)
    assert found(text) == []
    assert found(text.replace("|AA|", "||")) == [("MSA-1", "required-field", ERROR)]


@pytest.mark.parametrize("version", ["2.7", "2.8", "2.8.1", "2.8.2"])
def test_what_a_version_has_withdrawn_is_a_warning(version: str) -> None:
    text = admission(version).replace("|0123456789", "|^PRN^PH^^^^0123456789")

    assert found(text) == [("EVN-1", "withdrawn", WARNING)]
    assert found(text.replace("EVN|A01|", "EVN||")) == []
    assert ("PID-13.1", "withdrawn", WARNING) in found(admission(version))


@pytest.mark.parametrize("version", ["2.3.1", "2.4", "2.5", "2.6", "2.8.2"])
def test_values_of_user_defined_tables_are_the_sites_own(version: str) -> None:
    text = (
        admission(version).replace("|F|||1 HIGH", "|INDETERMINATE|||1 HIGH").replace("PV1|1|I|", "PV1|1|?|")
    )

    assert [entry for entry in found(text) if entry[0] in ("PID-8", "PV1-2")] == []


@pytest.mark.parametrize("version", ["2.3", "2.4", "2.5", "2.6"])
def test_an_ods_code_may_stand_where_the_tables_want_a_number(version: str) -> None:
    text = admission(version).replace("\rPV1", "\rPD1|||OAK SURGERY^^Y06601\rPV1")

    assert [entry for entry in found(text) if entry[0].startswith("PD1")] == []


def test_an_addendum_may_carry_on_any_segment() -> None:
    text = admission()

    assert found(text.replace("\rPV1", "\rADD|ST TOWN\rPV1")) == []
    assert [entry[:2] for entry in found(text.replace("\rPV1", "\rADD|A|B\rPV1"))] == [
        ("ADD-2", "extra-field")
    ]


@pytest.mark.parametrize("size", [1, 20_000])
def test_a_document_is_not_looked_into(size: int) -> None:
    assert found(letter("A&B^C~D" * size)) == []
    assert found(letter("A^" * size).replace("^pdf^", "^pdf&x^")) == [
        ("OBX-5.3.2", "extra-subcomponent", WARNING)
    ]


def test_spellings_of_msh_9_do_not_fill_the_memory() -> None:
    for number in range(MOST_KINDS + 50):
        found(admission(kind=f"ADT^A01^{number}"))

    assert found(admission(kind="ADT^A02^x")) == [("MSH-9.3", "structure-name", WARNING)]
    assert len(_rules("2.5")._kinds) <= MOST_KINDS


def test_other_delimiters_are_the_messages_own() -> None:
    text = admission().replace("|", "!").replace("^", "@").replace("~", "#").replace("&", "%")
    assert found(text) == []
    assert found(text.replace("19800101", "1980")) == []
    assert found(text.replace("19800101", "80")) == [("PID-7.1", "date-time", ERROR)]


def test_findings_are_in_the_messages_order_and_hold_no_content() -> None:
    edits = {
        "MSH|^~\\&|PAS": "MSH|^~\\&|PAS^SECRET^^SECRET",
        "TEST^ANN": "TEST^ANN&SECRET",
        "19800101": "SECRET",
        "ORC|RE": "SECRET, WHO LIVES HERE\rORC|RE",
        "|3.5|": "|SECRET|",
        "PV1|1": "PV2||||||||SECRET\rPV1|1",
    }
    text = result("2.5.1")
    for old, new in edits.items():
        assert old in text
        text = text.replace(old, new)
    findings = check_message(Message.parse(text.encode()))

    places = ["MSH-3.4", "PID-5.2.2", "PID-7.1", "PV2", "PV2-8.1", "line 5", "OBX[3]-5"]
    assert [finding.path for finding in findings] == places
    assert not any("SECRET" in str(finding) for finding in findings)
