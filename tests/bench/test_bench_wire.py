"""The bench's own framing and messages: whatever way the bytes are cut, the same messages come out."""

from __future__ import annotations

import re

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bench.messages import addresses, letter_maker, nhs_number, result_maker
from bench.wire import Frames, answer, frame, header, sequence

BODIES = st.lists(st.binary(max_size=60).filter(lambda body: b"\x1c" not in body), min_size=1, max_size=6)


@given(BODIES, st.data())
def test_any_cutting_of_frames_gives_the_same_bodies(bodies: list[bytes], data: st.DataObject) -> None:
    stream = b"".join(frame(body) for body in bodies)
    frames, found, at = Frames(), [], 0
    while at < len(stream):
        size = data.draw(st.integers(1, len(stream) - at))
        found += frames.feed(stream[at : at + size])
        at += size

    assert found == bodies


def test_fs_without_cr_belongs_to_the_message() -> None:
    assert Frames().feed(b"\x0bone\x1ctwo\x1c\r") == [b"one\x1ctwo"]


@pytest.mark.parametrize("stream", [b"MSH|", b"\x0bone\x1c\rx", b"\x0bone\x1c\r\r"])
def test_bytes_outside_a_frame_are_refused(stream: bytes) -> None:
    with pytest.raises(ValueError, match="outside a frame"):
        Frames().feed(stream)


def test_an_answer_carries_the_code_and_the_control_id() -> None:
    body = result_maker()("C-17", "s-0", "Y90001", 1)

    (ack,) = Frames().feed(answer(body, b"AE"))

    assert ack.split(b"\r")[1] == b"MSA|AE|C-17"
    assert header(ack)[8] == b"ACK"


@given(st.integers(1, 10**7), st.sampled_from(addresses(100)))
def test_a_result_has_a_kilobyte_and_tells_its_place_in_the_order(number: int, address: str) -> None:
    body = result_maker()(f"C-{number}", "B1-3", address, number)

    assert len(body) == 1024
    assert sequence(body) == ("B1-3", address, number)
    assert header(body)[9] == f"C-{number}".encode()


def test_a_letter_is_large_and_holds_base64_only() -> None:
    body = letter_maker(300_000)("C-1", "B1-0", "Y90001", 1)

    assert 295_000 < len(body) < 310_000
    assert sequence(body) == ("B1-0", "Y90001", 1)
    assert re.search(rb"\^Base64\^[A-Za-z0-9+/]+=*\|", body)


@given(st.integers(0, 999_999))
def test_the_people_of_the_bench_have_valid_numbers_that_are_never_issued(serial: int) -> None:
    number = nhs_number(serial)

    assert number.startswith("999")
    assert sum(int(digit) * weight for digit, weight in zip(number, range(10, 0, -1), strict=True)) % 11 == 0
