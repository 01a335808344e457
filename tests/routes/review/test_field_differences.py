"""Where two texts of one message differ is named as an analyst would name it."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from routes.conformance.finding import describe_shape
from routes.review.field_differences import (
    LONG,
    MOST,
    FieldDifference,
    Writing,
    field_differences,
    show_value,
)

HEAD = "MSH|^~\\&|LAB|NFD|GP|Y06601|20260105||ORU^R01|1|P|2.4"


def message(*segments: str, head: str = HEAD) -> bytes:
    return "".join(f"{segment}\r" for segment in (head, *segments)).encode()


def told(before: bytes, after: bytes) -> list[tuple[str, str, str]]:
    return [(place.path, place.before, place.after) for place in field_differences(before, after)]


@pytest.mark.parametrize(
    ("before", "after", "differences"),
    [
        ("PID|1||A", "PID|1||B", [("PID-3", "A", "B")]),
        ("PID|1||A", "PID|1", [("PID-3", "A", "")]),
        ("PID|1||A^B", "PID|1||A^C", [("PID-3.2", "B", "C")]),
        ("PID|1||A", "PID|1||A^^^NHS", [("PID-3.4", "", "NHS")]),
        ("PID|1||A~B", "PID|1||A~C", [("PID-3[2]", "B", "C")]),
        ("PID|1||A", "PID|1||A~B^^^X", [("PID-3[2].1", "", "B"), ("PID-3[2].4", "", "X")]),
        ("PID|1||A^B&C", "PID|1||A^B&D", [("PID-3.2.2", "C", "D")]),
        ("PID|1||A\\T\\B", "PID|1||A\\F\\B", [("PID-3", "A&B", "A|B")]),
        ('PID|1||""', "PID|1||", [("PID-3", '""', "")]),
        ("PID|1|A|B", "PID|1|C|D", [("PID-2", "A", "C"), ("PID-3", "B", "D")]),
    ],
)
def test_the_narrowest_place_is_named(
    before: str, after: str, differences: list[tuple[str, str, str]]
) -> None:
    assert told(message(before), message(after)) == differences


def test_the_header_counts_as_the_standard_counts_it() -> None:
    assert told(message(), message(head=HEAD.replace("Y06601", "Y06602"))) == [("MSH-6", "Y06601", "Y06602")]
    assert told(message(), message(head=HEAD.replace("~\\&", "~\\"))) == [("MSH-2", "^~\\&", "^~\\")]


def test_a_segment_that_was_removed_makes_no_other_differ() -> None:
    rows = [f"OBX|{n}|NM|{code}^x||{n}" for n, code in enumerate("ABCDE", 1)]
    (gone,) = field_differences(message(*rows), message(*rows[:2], *rows[3:]))
    assert gone == FieldDifference("OBX[3]", rows[2], "", "removed")
    (new,) = field_differences(message(*rows[1:]), message(*rows))
    assert new == FieldDifference("OBX[1]", "", rows[0], "added")


def test_changed_segments_are_paired_by_their_set_id_where_one_is_gone() -> None:
    before = [f"OBX|{n}|NM|A||{n}" for n in range(1, 6)]
    after = [f"OBX|{n}|NM|B||{n}" for n in (1, 2, 4, 5)]
    assert told(message(*before), message(*after)) == [
        ("OBX[1]-3", "A", "B"),
        ("OBX[2]-3", "A", "B"),
        ("OBX[3]", before[2], ""),
        ("OBX[3]-3", "A", "B"),
        ("OBX[4]-3", "A", "B"),
    ]


def test_a_very_long_message_is_compared_in_order_of_its_segments() -> None:
    before = [f"OBX|{n}|NM|A||{n}" for n in range(1, 1001)]
    after = [row.replace("|A|", "|B|") if n % 100 == 0 else row for n, row in enumerate(before, 1)]
    after[0] = "OBX|0|NM|A||1"
    after[-1] = "OBX|0|NM|A||1"
    found = told(message(*before), message(*after, "NTE|1"))
    assert found[0] == ("OBX[1]-1", "1", "0")
    assert ("OBX[900]-3", "A", "B") in found
    assert found[-1] == ("NTE", "", "NTE|1")


def test_no_more_is_told_than_anybody_reads() -> None:
    before, after = (message(*[f"OBX|{n}|NM|{text}" for n in range(1, 400)]) for text in "AB")
    found = field_differences(before, after)
    assert len(found) == MOST + 1
    assert found[-1].path == "…"


def test_a_document_is_never_shown() -> None:
    before, after = (message(f"OBX|1|ED|L||^application^pdf^Base64^{letter * 90_000}") for letter in "AB")
    assert told(before, after) == [
        ("OBX-5.5", "(document of 90,000 characters)", "(document of 90,000 characters)")
    ]
    added = field_differences(message(), before)
    assert len(added[0].after) < 2 * LONG


def test_a_long_text_is_shortened() -> None:
    shown = show_value("a long story " * 100)
    assert shown.startswith("a long story a long")
    assert shown.endswith("… (1,300 characters)")


def test_shapes_are_told_in_place_of_values_where_they_are_hidden() -> None:
    hidden = Writing(values=False)
    before, after = message("PID|1||9990001081||PENHALIGON"), message("PID|1||||PENHALIGON^M", "NTE|1||x")
    found = field_differences(before, after, hidden)
    assert [(place.path, place.before, place.after) for place in found] == [
        ("PID-3", "10 digits", "empty"),
        ("PID-5.2", "empty", "1 letter"),
        ("NTE", "", describe_shape("NTE|1||x")),
    ]
    assert "PENHALIGON" not in str(found)


def test_the_feeds_character_set_is_used() -> None:
    before, after = (
        "MSH|^~\\&|A\rPID|||J\u00e9r\u00f4me\r".encode("windows-1252"),
        b"MSH|^~\\&|A\rPID|||x\r",
    )
    (place,) = field_differences(before, after, Writing("windows-1252"))
    assert place.before == "J\u00e9r\u00f4me"


def test_bytes_that_are_no_message_are_counted() -> None:
    (place,) = field_differences(b"nonsense", message())
    assert place.path == "message"
    assert place.before == "(8 bytes that are no HL7 message)"


def test_other_segment_ends_are_a_difference_too() -> None:
    (place,) = field_differences(message("PID|1"), message("PID|1") + b"\r")
    assert place.path == "message"


SEGMENTS = st.lists(
    st.builds(
        lambda name, fields: "|".join([name, *fields]),
        st.sampled_from(["PID", "OBX", "NTE", "OBR"]),
        st.lists(st.text("AB^~&\\F1", max_size=5), max_size=5),
    ),
    max_size=8,
)


@given(SEGMENTS, SEGMENTS)
def test_something_is_told_exactly_where_the_bytes_differ(one: list[str], other: list[str]) -> None:
    before, after = message(*one), message(*other)
    assert bool(field_differences(before, after)) == (before != after)
    for place in field_differences(before, after):
        assert place.path
