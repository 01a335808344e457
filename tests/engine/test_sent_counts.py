"""What senders say they sent is compared with what came, line by line and number by number."""

from __future__ import annotations

from random import Random

import pytest

from engine.sent_counts import CountFileError, Difference, SentCount, compare, follow, numbers_of, read_counts

LAB = "northfield_lims"


def numbers(*texts: object) -> list[tuple[str, str, str]]:
    return [(LAB, "LAB NORTHFIELD", str(text)) for text in texts]


def test_a_count_file_is_read_as_a_spreadsheet_writes_it() -> None:
    text = "\ufeffType,Feed, Count,Remark\r\nORU^R01,northfield_lims, 12,\r\n,st_annes_tie,3,all\r\n,,,\r\n"

    assert read_counts(text) == [SentCount(LAB, "ORU^R01", 12), SentCount("st_annes_tie", "", 3)]


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("", 'columns "feed,type,count"'),
        ("feed,count\nx,1\n", 'columns "feed,type,count"'),
        ("feed,type,count\nx,ORU,twelve\n", "line 2: the count must be a whole number"),
        ("feed,type,count\nx,ORU,-1\n", "line 2: the count must be a whole number"),
        ("feed,type,count\nx,ORU,1\nx,ORU,2\n", "line 3: this feed and type have a line already"),
        ("feed,type,count\n", "no count in it"),
    ],
)
def test_a_count_file_that_cannot_be_read_says_where(text: str, words: str) -> None:
    with pytest.raises(CountFileError, match=words):
        read_counts(text)


def test_what_is_narrower_is_counted_once_and_what_is_not_spoken_of_is_told() -> None:
    accepted = {
        (LAB, "ORU^R01"): (10, 2),
        (LAB, "ORU^R32"): (4, 0),
        (LAB, "ADT^A01"): (3, 1),
        ("st_annes_tie", "ORU^R01"): (5, 0),
    }
    sent = [SentCount(LAB, "ORU", 4), SentCount(LAB, "ORU^R01", 12)]

    found = compare(sent, accepted)

    assert found == [
        Difference(LAB, "ADT^A01", None, 3, 1),
        Difference(LAB, "ORU", 4, 4, 0),
        Difference(LAB, "ORU^R01", 12, 10, 2),
    ]
    assert [one.difference for one in found] == [3, 0, -2]


def test_a_line_for_all_types_takes_them_all_and_one_without_messages_stays() -> None:
    accepted = {(LAB, "ORU^R01"): (10, 0), (LAB, "ADT^A01"): (3, 0)}

    found = compare([SentCount(LAB, "", 13), SentCount("westmoor_lims", "ORU", 7)], accepted)

    assert [(one.feed, one.difference) for one in found] == [(LAB, 0), ("westmoor_lims", -7)]


@pytest.mark.parametrize(
    ("sequence", "missing", "repeats", "restarts", "gaps"),
    [
        ((5, 6, 7), 0, 0, 0, ()),
        ((1, 2, 5, 6), 2, 0, 0, ((3, 4),)),
        ((1, 4, 2, 3, 5), 0, 0, 0, ()),  # late is not missing
        ((1, 9, 5), 6, 0, 0, ((2, 4), (6, 8))),
        ((1, 2, 2, 3), 0, 1, 0, ()),
        ((7, 8, 1, 2), 0, 0, 1, ()),
        ((7, 9, 0, 1, 3), 2, 0, 1, ((2, 2), (8, 8))),
        (("", "x", "-1", "٣"), None, 0, 0, ()),
    ],
)
def test_sequence_numbers(
    sequence: tuple[object, ...], missing: int | None, repeats: int, restarts: int, gaps: object
) -> None:
    found = follow(numbers(*sequence))

    if missing is None:
        assert found == []
        return
    (one,) = found
    assert (one.numbered, one.missing, one.repeats, one.restarts) == (
        len(sequence),
        missing,
        repeats,
        restarts,
    )
    assert one.gaps == gaps


@pytest.mark.parametrize("seed", range(5))
def test_numbers_in_any_near_order_miss_exactly_what_was_taken_away(seed: int) -> None:
    random = Random(seed)
    inner = list(range(101, 199))
    lost = set(random.sample(inner, 12))
    come = [number for number in inner if number not in lost]
    come.sort(key=lambda number: number + random.uniform(0, 6))

    (one,) = follow(numbers(100, *come, 199))

    told = {number for first, last in one.gaps for number in range(first, last + 1)}
    assert told == lost
    assert one.missing == len(lost)
    assert one.repeats == 0


def test_each_sender_has_numbers_of_its_own() -> None:
    heads = [
        (LAB, b"MSH|^~\\&|LAB|N|GP|P|20260101||ORU^R01|1|P|2.4|7\rPID|1"),
        (LAB, b"MSH|^~\\&|PAS|N|GP|P|20260101||ORU^R01|2|P|2.4|20\nPID|1"),
        (LAB, b"no message at all"),
        (LAB, b"MSH|^~\\&|LAB|N|GP|P|20260101||ORU^R01|3|P|2.4|9\r"),
        (LAB, b"MSH|^~\\&|LAB|N|GP|P|20260101||ORU^R01|4|P|2.4"),
    ]

    found = follow(numbers_of(heads))

    assert [(one.sender, one.numbered, one.missing) for one in found] == [("LAB N", 2, 1), ("PAS N", 1, 0)]
