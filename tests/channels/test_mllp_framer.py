"""The framer: any bytes in any pieces give the events that the rules ask for."""

from __future__ import annotations

import time
from itertools import pairwise

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from channels.mllp.framer import (
    Discarded,
    Event,
    Frame,
    Framer,
    TooLong,
    Truncated,
    Unframeable,
    frame,
)

VT, FS, CR = 0x0B, 0x1C, 0x0D
LIMIT = 12

# Streams rich in the three bytes that matter.
streams = st.lists(
    st.sampled_from([b"\x0b", b"\x1c", b"\r", b"\x1c\r", b"M", b"MSH|", b"\x00\xff", b"\x0bA\x1c\r"]),
    max_size=40,
).map(b"".join)


def spelled_out(stream: bytes, limit: int, *, ended: bool) -> list[Event]:
    """The rules byte by byte, as slowly and plainly as they can be put."""
    events: list[Event] = []
    body: bytearray | None = None
    for byte in stream:
        if body is None:
            if byte == VT:
                body = bytearray()
            else:
                events.append(Discarded(1))
        elif byte == CR and body[-1:] == b"\x1c":
            events.append(Frame(bytes(body[:-1])))
            body = None
        elif byte == VT:
            if len(body) > limit:
                events.append(TooLong(limit + 1))
                return merged(events)
            events.append(Truncated(len(body) + 1))
            body = bytearray()
        else:
            body.append(byte)
            if len(body) - (byte == FS) > limit:
                events.append(TooLong(limit + 1))
                return merged(events)
    if ended and body is not None:
        events.append(Truncated(len(body) + 1))
    return merged(events)


def merged(events: list[Event]) -> list[Event]:
    """The same events, with neighbouring discards added up: reads may cut them anywhere."""
    out: list[Event] = []
    for event in events:
        if isinstance(event, Discarded) and out and isinstance(out[-1], Discarded):
            out[-1] = Discarded(out[-1].count + event.count)
        else:
            out.append(event)
    return out


def framed(framer: Framer, pieces: list[bytes], *, ended: bool = True) -> list[Event]:
    events = [event for piece in pieces for event in framer.receive(piece)]
    return merged(events + framer.end() if ended else events)


def cut(stream: bytes, cuts: list[int]) -> list[bytes]:
    places = [0, *sorted(place % (len(stream) + 1) for place in cuts), len(stream)]
    return [stream[begin:end] for begin, end in pairwise(places)]


@given(stream=streams, cuts=st.lists(st.integers(0, 400), max_size=8), ended=st.booleans())
@example(stream=b"\x0bABC\x1c\x1c\r", cuts=[5, 6], ended=True)
@example(stream=b"\x0b" + b"A" * LIMIT + b"\x1c\r", cuts=[LIMIT + 2], ended=True)
@example(stream=b"\x0b" + b"A" * LIMIT + b"\x1c\x0b", cuts=[LIMIT + 2], ended=True)
@example(stream=b"\x0b" + b"A" * LIMIT + b"\x1c", cuts=[], ended=True)
def test_any_stream_in_any_pieces_follows_the_rules(stream: bytes, cuts: list[int], ended: bool) -> None:
    got = framed(Framer(LIMIT), cut(stream, cuts), ended=ended)

    assert spelled_out(stream, LIMIT, ended=ended) == got


@given(streams)
def test_one_byte_at_a_time_gives_the_same_events(stream: bytes) -> None:
    whole = framed(Framer(LIMIT), [stream])

    assert whole == framed(Framer(LIMIT), [bytes([byte]) for byte in stream])


@given(st.lists(st.binary(max_size=60), max_size=6), st.lists(st.integers(0, 400), max_size=6))
def test_what_frame_wraps_the_framer_unwraps(bodies: list[bytes], cuts: list[int]) -> None:
    sendable = [body for body in bodies if _is_sendable(body)]
    stream = b"".join(frame(body) for body in sendable)

    assert [Frame(body) for body in sendable] == framed(Framer(1000), cut(stream, cuts))


def _is_sendable(body: bytes) -> bool:
    return b"\x0b" not in body and b"\x1c\r" not in body and not body.endswith(b"\x1c")


@given(before=st.binary(max_size=20), bad=st.sampled_from([b"\x0b", b"\x1c\r"]), after=st.binary(max_size=20))
def test_a_body_that_a_peer_would_cut_wrongly_is_refused(before: bytes, bad: bytes, after: bytes) -> None:
    with pytest.raises(Unframeable):
        frame(before + bad + after)
    with pytest.raises(Unframeable):
        frame(before + b"\x1c")


def test_a_refusal_holds_nothing_of_the_body() -> None:
    for bad in (b"\x0b", b"\x1c\r", b"\x1c"):
        with pytest.raises(Unframeable) as refusal:
            frame(b"CANARYSURNAME" + bad)
        assert "CANARYSURNAME" not in str(refusal.value)


def test_fs_without_cr_is_payload() -> None:
    assert [Frame(b"A\x1cB")] == Framer(100).receive(b"\x0bA\x1cB\x1c\r")
    assert frame(b"A\x1cB") == b"\x0bA\x1cB\x1c\r"


@pytest.mark.parametrize("pieces", [[b"\x0bAB\x1c", b"\r"], [b"\x0bAB", b"\x1c", b"\r"]])
def test_the_end_mark_may_be_cut_in_two(pieces: list[bytes]) -> None:
    framer = Framer(100)

    for piece in pieces[:-1]:
        assert framer.receive(piece) == []
    assert framer.receive(pieces[-1]) == [Frame(b"AB")]


def test_two_and_a_half_frames_in_one_read_give_two_frames_and_the_third_later() -> None:
    framer = Framer(100)

    assert framer.receive(b"\x0bA\x1c\r\x0bB\x1c\r\n\x0bC") == [Frame(b"A"), Frame(b"B"), Discarded(1)]
    assert framer.inside
    assert framer.receive(b"D\x1c\r") == [Frame(b"CD")]
    assert not framer.inside


def test_vt_in_an_open_frame_begins_anew_and_counts_what_is_lost() -> None:
    events = framed(Framer(100), [b"\x0bAB", b"C\x0bDE\x1c\r"])

    assert events == [Truncated(4), Frame(b"DE")]


def test_doubled_marks_cost_one_truncated_byte_and_two_of_junk() -> None:
    events = framed(Framer(100), [b"\x0b\x0bA\x1c\r\x1c\r"])

    assert events == [Truncated(1), Frame(b"A"), Discarded(2)]


def test_a_body_of_exactly_the_limit_passes_and_one_byte_more_does_not() -> None:
    assert framed(Framer(5), [b"\x0b12345\x1c\r"]) == [Frame(b"12345")]
    assert framed(Framer(5), [b"\x0b123456\x1c\r"]) == [TooLong(6)]
    assert framed(Framer(5), [b"\x0b12345", b"6"]) == [TooLong(6)]


def test_nothing_is_taken_after_a_frame_over_the_limit() -> None:
    framer = Framer(5)

    assert framer.receive(b"\x0bA\x1c\r\x0b123456\x1c\r\x0bB\x1c\r") == [Frame(b"A"), TooLong(6)]
    assert framer.receive(b"\x0bC\x1c\r") == []
    assert framer.end() == []


def test_a_frame_without_end_is_never_kept_past_the_limit() -> None:
    framer = Framer(100_000)
    most = 0

    for _ in range(50):
        framer.receive(b"\x0b" if not framer.inside else b"x" * 7_000)
        most = max(most, framer.buffered)

    assert most <= 100_001
    assert framer.buffered == 0


def test_no_byte_is_searched_twice_so_time_grows_with_length_only() -> None:
    """Sixteen times the length may take about sixteen times as long: a rescan would take 256 times."""
    letter = _seconds_to_frame(1)
    library = _seconds_to_frame(16)

    assert library < 16 * letter * 5 + 0.05


def _seconds_to_frame(megabytes: int) -> float:
    piece = b"QUJD" * 16_384
    best = 1e9
    for _ in range(3):
        framer = Framer(64 * 1024 * 1024)
        began = time.perf_counter()
        framer.receive(b"\x0b")
        for _ in range(megabytes * 16):
            framer.receive(piece)
        assert len(framer.receive(b"\x1c\r")) == 1
        best = min(best, time.perf_counter() - began)
    return best


def test_a_read_full_of_vts_is_dealt_with_in_linear_time() -> None:
    began = time.perf_counter()
    events = Framer(100).receive(b"\x0b" * 262_144 + b"A\x1c\r")

    assert events[-1] == Frame(b"A")
    assert len(events) == 262_144
    assert time.perf_counter() - began < 5
