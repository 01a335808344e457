"""What comes with a message that somebody put into a queue, beside its bytes. Pure: no I/O, no state.

All of it is said by the sender, and proves nothing. Must not know feeds or HL7.
"""

from __future__ import annotations

import re
from dataclasses import dataclass

from pamqp.commands import Basic

__all__ = ["NOTHING", "Sent", "answer_queue", "claimed", "unframed"]

_ANSWER_QUEUE = re.compile(r"[A-Za-z0-9_.:+/=-]{1,200}\Z")
_OF_CLIENTS = ("amq.gen-", "amq.rabbitmq.reply-to.")
_CLAIM = re.compile(r"([0-9]{1,18})(-[0-9a-f]{32})?\Z")
VT, FS, CR = b"\x0b", b"\x1c", b"\r"


@dataclass(frozen=True, slots=True)
class Sent:
    """What intake is told of a message. claims: the delivery that the sender says it answers. too_large: it
    is larger than the feed takes."""

    claims: int | None = None
    too_large: bool = False


NOTHING = Sent()


def claimed(properties: Basic.Properties) -> int | None:
    """The delivery that a message says it answers: by the header gatepost-delivery-id given back, or by a
    correlation id that is a delivery's number, or the `message_id` that we published it with."""
    given = (properties.headers or {}).get("gatepost-delivery-id")
    if isinstance(given, int) and not isinstance(given, bool):
        return given if 0 < given < 1 << 63 else None
    for said in (given, properties.correlation_id):
        text = said.decode("latin-1") if isinstance(said, bytes | bytearray) else said
        found = _CLAIM.match(text) if isinstance(text, str) else None
        if found is not None:
            return int(found[1]) or None
    return None


def answer_queue(name: object) -> str | None:
    """The queue that an answer is to go to: "" where none is asked for, None where it must not go there.

    Queues of this site's own are none: whoever may only send would otherwise put messages into the mailboxes
    of others. Of the broker's own names only those that it gives to clients are.
    """
    if not name:
        return ""
    if not isinstance(name, str) or not _ANSWER_QUEUE.match(name) or name.startswith("gatepost."):
        return None
    return None if name.startswith("amq.") and not name.startswith(_OF_CLIENTS) else name


def unframed(body: bytes) -> bytes:
    """A body without the frame of MLLP, where it is one whole frame: some systems cannot leave it out."""
    inside = body.removesuffix(CR).removesuffix(FS)
    if not body.startswith(VT) or len(inside) == len(body.removesuffix(CR)):
        return body
    inside = inside[1:]
    return body if VT in inside or FS in inside else inside
