"""What is read from a message's AMQP properties: all of it said by a stranger."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pamqp.commands import Basic

from engine.queues.envelope import answer_queue, claimed, unframed

UUID = "0123456789abcdef0123456789abcdef"


@pytest.mark.parametrize(
    ("headers", "correlation", "expected"),
    [
        ({"gatepost-delivery-id": 12}, None, 12),
        ({"gatepost-delivery-id": 12}, "13", 12),
        ({"gatepost-delivery-id": "12"}, None, 12),
        ({"gatepost-delivery-id": b"12"}, None, 12),
        ({"gatepost-delivery-id": True}, "13", 13),
        ({"gatepost-delivery-id": -1}, None, None),
        ({"gatepost-delivery-id": 1 << 63}, None, None),
        ({"gatepost-delivery-id": [12]}, None, None),
        ({}, f"13-{UUID}", 13),
        (None, "13", 13),
        (None, UUID, None),
        (None, f"13-{UUID}x", None),
        (None, "0", None),
        (None, "9" * 19, None),
        (None, "١٢", None),
        (None, "", None),
        (None, None, None),
    ],
)
def test_a_claim_is_a_delivery_s_number_or_nothing(
    headers: dict[str, object] | None, correlation: str | None, expected: int | None
) -> None:
    properties = Basic.Properties(headers=headers, correlation_id=correlation)  # type: ignore[arg-type]  # a stranger's

    assert claimed(properties) == expected


@pytest.mark.parametrize(
    ("name", "expected"),
    [
        (None, ""),
        ("", ""),
        ("y90001.answers", "y90001.answers"),
        ("amq.gen-JzTY20BRgKO-HjmUJj0wLg", "amq.gen-JzTY20BRgKO-HjmUJj0wLg"),
        ("amq.rabbitmq.reply-to.g1h2AA/=+", "amq.rabbitmq.reply-to.g1h2AA/=+"),
        ("amq.direct", None),
        ("gatepost.gp_message.Y90001", None),
        ("gatepost.replies", None),
        ("two words", None),
        ("line\nbreak", None),
        ("answers\n", None),
        ("x" * 201, None),
        (b"bytes", None),
    ],
)
def test_answers_go_to_queues_of_clients_and_never_to_one_of_ours(name: object, expected: str | None) -> None:
    assert answer_queue(name) == expected


@pytest.mark.parametrize(
    ("body", "expected"),
    [
        (b"\x0bMSH|\r\x1c\r", b"MSH|\r"),
        (b"\x0bMSH|\r\x1c", b"MSH|\r"),
        (b"MSH|\r", b"MSH|\r"),
        (b"\x0bMSH|\r", b"\x0bMSH|\r"),
        (b"MSH|\r\x1c\r", b"MSH|\r\x1c\r"),
        (b"\x0bA\x1c\r\x0bB\x1c\r", b"\x0bA\x1c\r\x0bB\x1c\r"),
        (b"\x0b\x1c\r", b""),
        (b"\x0b", b"\x0b"),
        (b"", b""),
    ],
)
def test_a_whole_frame_is_taken_off_and_nothing_else(body: bytes, expected: bytes) -> None:
    assert unframed(body) == expected


@given(st.binary())
def test_what_was_framed_comes_out_as_it_was(body: bytes) -> None:
    framed = b"\x0b" + body + b"\x1c\r"

    assert unframed(framed) == (framed if b"\x0b" in body or b"\x1c" in body else body)
