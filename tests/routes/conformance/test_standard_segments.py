"""One segment against its rule: the quick look and the explanation agree, whatever the fields hold."""

from __future__ import annotations

from functools import lru_cache

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from routes.conformance.dictionary import VERSIONS, read_dictionary
from routes.conformance.segments import SegmentCheck
from routes.hl7.message import Message

FIELD = st.lists(
    st.sampled_from(
        ["^", "&", "~", "", "", "Y", "F", "12", "x", "20260105", '""', "NM", "ED", "TX", "CE", "QQ", "\\T\\"]
    ),
    max_size=5,
).map("".join)
FIELDS = st.lists(st.one_of(st.just(""), st.just(""), FIELD), max_size=20)
NAMES = ("OBX", "PID", "PV1", "MSH", "EVN", "OBR")


@lru_cache
def check_of(version: str, name: str) -> SegmentCheck:
    dictionary = read_dictionary(version)
    rule = dictionary.segment(name)
    assert rule is not None
    return SegmentCheck(rule, dictionary)


@settings(max_examples=400)
@given(st.sampled_from(list(VERSIONS)), st.sampled_from(NAMES), FIELDS)
def test_a_segment_is_fine_exactly_when_nothing_is_wrong_with_it(
    version: str, name: str, fields: list[str]
) -> None:
    body = "|".join(fields)
    text = f"MSH|^~\\&|{body}" if name == "MSH" else f"MSH|^~\\&\r{name}|{body}"
    message = Message.parse(text.encode())
    row, check = message.segments - 1, check_of(version, name)
    faults = list(check.explained(message, row))

    if check.fine(message.texts(row), message.separators.cuts):
        assert faults == []
    else:
        # The quick look may err on the side of looking twice, for what ends in empty repetitions only.
        assert faults != [] or "~" in body or len(fields) > len(check.rule.fields)


@pytest.mark.parametrize("version", VERSIONS)
def test_every_segment_of_every_version_can_be_judged(version: str) -> None:
    dictionary = read_dictionary(version)
    for name in sorted(dictionary.segment_names):
        rule = dictionary.segment(name)
        assert rule is not None
        message = Message.parse(f"MSH|^~\\&\r{name}{'|A^B&C~D' * (len(rule.fields) + 2)}".encode())
        check = SegmentCheck(rule, dictionary)
        faults = list(check.explained(message, 1))
        assert check.fine(message.texts(1), message.separators.cuts) == (faults == [])
        numbers = [fault.field for fault in faults]
        assert numbers == sorted(numbers)
        # 2.1's ORO is malformed in the tables, and from 2.7 on withdrawn queries have no fields.
        assert rule.fields or name in ("ORO", "QRD", "QRF", "URD", "URS")


def test_numbers_come_from_names_where_a_version_has_withdrawn_fields() -> None:
    dictionary = read_dictionary("2.8.2")
    rule = dictionary.segment("OBR")
    assert rule is not None

    assert [field.number for field in rule.fields] == list(range(1, 55))
    assert [field.number for field in rule.fields if field.withdrawn] == [5, 6, 14, 15, 27]


def test_what_the_tables_call_required_and_the_chapters_do_not_is_not_asked() -> None:
    for version, name, number in (
        ("2.3", "ORC", 7),
        ("2.3.1", "OBX", 4),
        ("2.7", "OBX", 2),
        ("2.1", "OBR", 22),
    ):
        rule = read_dictionary(version).segment(name)
        assert rule is not None
        assert not rule.fields[number - 1].required


def test_tables_that_sites_may_add_to_are_not_asked() -> None:
    dictionary = read_dictionary("2.5.1")

    assert dictionary.table("HL70085") is not None
    assert dictionary.table("HL70203") is None  # suggested values
    assert dictionary.table("HL79999") is None  # no table
    assert dictionary.table(None) is None
    assert read_dictionary("2.8.2").table("HL70200") is None  # "..." among its codes
    assert read_dictionary("2.3").table("HL70085") is None  # 2.3 has no tables
