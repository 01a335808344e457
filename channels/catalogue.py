"""Which kinds of outbound channel there are, and the class that serves each.

A kind that is not listed here is served by nobody; `amqp` is listed as a mailbox: the queue on the broker
is the destination itself, so that no sender exists for it. Knows nothing of sites or settings.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from channels.contract import Sender
from channels.folder import FolderSender
from channels.mllp.sender import MllpSender

__all__ = ["KINDS", "Kind"]


@dataclass(frozen=True, slots=True)
class Kind:
    """What the engine needs to know of a kind of channel.

    sender: the class that moves its parcels, None for a mailbox. replies: the peer answers each parcel,
    so that one is in flight at a time; otherwise a whole batch is handed over at once.
    """

    name: str
    sender: type[Sender] | None
    replies: bool = False


KINDS: Mapping[str, Kind] = {
    "amqp": Kind("amqp", None),
    "folder": Kind("folder", FolderSender),
    "mllp": Kind("mllp", MllpSender, replies=True),
}
