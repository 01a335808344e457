"""Sample files: whatever an editor made of their line ends, the messages are those that were meant."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from routes.hl7.samples import read_sample

ONE = b"MSH|^~\\&|A|B\rPID|1\r"
BATCH = b"FHS|^~\\&\rBHS|^~\\&\r" + ONE + ONE + b"BTS|2\rFTS|1\r"


@pytest.mark.parametrize("end", [b"\r", b"\n", b"\r\n"])
def test_line_feeds_stand_for_carriage_returns(end: bytes) -> None:
    assert [piece.data for piece in read_sample(ONE.replace(b"\r", end)).messages] == [ONE]


def test_a_line_feed_within_a_text_stays_where_carriage_returns_are_in_use() -> None:
    assert read_sample(b"MSH|^~\\&\rNTE|a\nb\r").messages[0].data == b"MSH|^~\\&\rNTE|a\nb\r"


def test_several_messages_are_taken_one_by_one_and_blank_lines_between_them_dropped() -> None:
    several = read_sample((ONE + b"\r" + ONE).replace(b"\r", b"\n"))

    assert [piece.data for piece in several.messages] == [ONE, ONE]
    assert not several.problems


def test_a_batch_gives_its_messages_with_their_envelope() -> None:
    found = read_sample(b"\xef\xbb\xbf" + BATCH.replace(b"\r", b"\r\n"))

    assert [piece.data for piece in found.messages] == [ONE, ONE]
    assert {piece.envelope for piece in found.messages} == {b"FHS|^~\\&\rBHS|^~\\&\r"}
    assert not found.problems


def test_a_batch_that_miscounts_says_so() -> None:
    assert read_sample(BATCH.replace(b"BTS|2", b"BTS|3")).problems


@pytest.mark.parametrize("data", [b"", b"\n\n", b"\xef\xbb\xbf\r\n"])
def test_an_empty_file_holds_no_message(data: bytes) -> None:
    assert read_sample(data).messages == ()


def test_what_is_no_message_is_one_piece_as_it_stands() -> None:
    assert [piece.data for piece in read_sample(b"hello\n").messages] == [b"hello\r"]


@given(st.binary(max_size=200))
def test_reading_never_fails_and_a_message_alone_is_kept_whole(data: bytes) -> None:
    read_sample(data)
    body = ONE + b"ZZZ|" + data.replace(b"\r", b"").replace(b"\n", b"").replace(b"MSH", b"") + b"\r"

    assert [piece.data for piece in read_sample(body).messages] == [body]
