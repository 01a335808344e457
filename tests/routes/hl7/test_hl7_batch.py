"""Batches: every message verbatim, its envelope beside it, and counts that are checked."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from routes.hl7.batch import Piece, split_batch
from routes.hl7.message import SegmentEnds

ONE = b"MSH|^~\\&|A|B|C|D|||ADT^A01|1\rPID|1\r"
TWO = b"MSH|^~\\&|A|B|C|D|||ADT^A01|2\rPID|2\r"
FHS = b"FHS|^~\\&|FILE\r"
BHS = b"BHS|^~\\&|BATCH\r"


def test_a_batch_gives_its_messages_with_their_envelope() -> None:
    batch = split_batch(FHS + BHS + ONE + TWO + b"BTS|2\rFTS|1\r")

    assert batch is not None
    assert batch.messages == (Piece(ONE, FHS + BHS), Piece(TWO, FHS + BHS))
    assert batch.envelope == FHS + BHS
    assert batch.problems == ()
    assert not batch.unwrapped


def test_each_batch_of_a_file_has_its_own_envelope() -> None:
    other = b"BHS|^~\\&|OTHER\r"
    batch = split_batch(FHS + BHS + ONE + b"BTS|1\r" + other + TWO + b"BTS|1\rFTS|2\r")

    assert batch is not None
    assert [piece.envelope for piece in batch.messages] == [FHS + BHS, FHS + other]
    assert batch.problems == ()


@pytest.mark.parametrize(
    ("data", "said"),
    [
        (BHS + ONE + TWO + b"BTS|3\r", 3),
        (FHS + BHS + ONE + b"BTS|1\r" + BHS + TWO + b"BTS|4\rFTS|2\r", 5),
        (FHS + BHS + ONE + b"BTS|1\r" + BHS + TWO + b"BTS\rFTS|2\r", None),  # one of two says it
        (BHS + ONE + b"BTS|one\r", None),
        (BHS + ONE + BHS + TWO + b"BTS|1\r", None),
        (FHS + ONE + TWO + b"FTS|1\r", None),  # of batches, not of messages
        (ONE + TWO, None),
    ],
)
def test_what_the_trailers_say_is_known_where_all_of_them_say_it(data: bytes, said: int | None) -> None:
    batch = split_batch(data)

    assert batch is not None
    assert batch.said == said


@pytest.mark.parametrize(
    ("data", "problem"),
    [
        (BHS + ONE + TWO + b"BTS|3\r", "BTS-1 does not equal the number of messages"),
        (BHS + ONE + b"BTS|one\r", "BTS-1 does not equal the number of messages"),
        (FHS + BHS + ONE + b"BTS|1\rFTS|2\r", "FTS-1 does not equal the number of batches"),
        (BHS + ONE + TWO, "the batch has no BTS trailer"),
        (FHS + BHS + ONE + b"BTS|1\r", "the file has no FTS trailer"),
        (FHS + BHS + ONE + b"FTS|1\r", "the batch has no BTS trailer"),
        (BHS + ONE + BHS + TWO + b"BTS|1\r", "the batch has no BTS trailer"),
        (BHS + b"NTE|1|CANARY\r" + ONE + b"BTS|1\r", "segments stand outside any message of the batch"),
        (FHS + ONE + b"BTS|1\rFTS|0\r", "a BTS trailer comes without its BHS"),
    ],
)
def test_counts_and_trailers_that_do_not_fit_are_told_without_content(data: bytes, problem: str) -> None:
    batch = split_batch(data)

    assert batch is not None
    assert batch.problems == (problem,)
    assert batch.messages


@pytest.mark.parametrize("trailer", [b"BTS\r", b"BTS|\r", b"BTS||done\r", b"BTS|1", b"BTS|01\r"])
def test_an_empty_count_says_nothing(trailer: bytes) -> None:
    batch = split_batch(BHS + ONE + trailer)

    assert batch is not None
    assert batch.problems == ()


def test_a_batch_without_messages_is_one() -> None:
    batch = split_batch(FHS + BHS + b"BTS|0\rFTS|1\r")

    assert batch is not None
    assert batch.messages == ()
    assert batch.problems == ()


def test_a_byte_order_mark_stays_with_the_first_message() -> None:
    batch = split_batch(b"\xef\xbb\xbf" + ONE + TWO)

    assert batch is not None
    assert [piece.data for piece in batch.messages] == [b"\xef\xbb\xbf" + ONE, TWO]


def test_two_messages_in_one_frame_without_an_envelope_are_told_apart() -> None:
    batch = split_batch(ONE + TWO)

    assert batch is not None
    assert batch.messages == (Piece(ONE, b""), Piece(TWO, b""))
    assert batch.unwrapped


@pytest.mark.parametrize(
    "data",
    [
        ONE,
        b"",
        b"junk",
        b"MSH|^~\\&|A\rOBX|1|TX|||MSH|^~\\&|B\r",
        b"MSH|^~\\&|A\rMSHX|1\rMSH and more\r",
        b"junk\r" + ONE + TWO,
        b"MSH|^~\\&|A\rNTE|1||two\nMSH|lines\r",
    ],
)
def test_what_is_no_batch_gives_nothing(data: bytes) -> None:
    assert split_batch(data) is None


@pytest.mark.parametrize("end", [b"\n", b"\r\n"])
def test_other_segment_ends_are_taken_where_the_feed_says(end: bytes) -> None:
    data = (BHS + ONE + TWO + b"BTS|2\r").replace(b"\r", end)
    batch = split_batch(data, "any")

    assert batch is not None
    assert [piece.data for piece in batch.messages] == [ONE.replace(b"\r", end), TWO.replace(b"\r", end)]
    assert batch.envelope == BHS.replace(b"\r", end)
    assert batch.problems == ()


pieces = st.lists(st.sampled_from([FHS, BHS, ONE, TWO, b"BTS|1\r", b"FTS|1\r", b"NTE|1\r", b"\r", b"x"]))


@given(pieces, st.sampled_from(["cr", "any"]))
def test_messages_are_verbatim_pieces_in_order(parts: list[bytes], ends: SegmentEnds) -> None:
    data = b"".join(parts)
    batch = split_batch(data, ends)
    if batch is None:
        return

    at = 0
    for piece in batch.messages:
        at = data.index(piece.data, at) + len(piece.data)
        assert piece.data.startswith(b"MSH|")
        assert piece.data.count(b"\rMSH|") == 0
