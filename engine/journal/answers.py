"""What reading the journal gives: frozen values for commands and the console. No behaviour.

Times are microseconds since 1970-01-01T00:00Z. An empty text or 0 means: there is none. `body`,
`envelope` and `keys` are message content: they are shown to those entitled to it and never logged.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Literal

if TYPE_CHECKING:
    from engine.journal.parts import RoutePart
    from engine.journal.records import CopyKind, DeliveryState, MessageState, StoredKind

__all__ = [
    "DeadlineShown", "DeliveryShown", "EventShown", "HeldShown", "MessageShown", "MessageStory", "SaidShown",
]  # fmt: skip


@dataclass(frozen=True, slots=True)
class DeliveryShown:
    """One copy: where it goes and how far it is. `size` is of the bytes that go out."""

    id: int
    message: int
    route: str
    channel: str
    address: str
    state: DeliveryState
    attempts: int
    next_try: int
    created: int
    closed: int  # when it left the open states
    merged: int
    parent: int
    in_doubt: bool
    reason: str
    size: int
    piece: str = ""
    kind: CopyKind = ""
    also: str = ""


@dataclass(frozen=True, slots=True)
class DeadlineShown:
    """What is, or was, awaited of a copy. ending: "" while it is open; kept, missed, or ended by a person.
    address: None where the directory of `channel` does not have it."""

    delivery: int
    proof: Literal["delivered", "acknowledged"]
    due: int
    channel: str
    address: str | None
    ending: str


@dataclass(frozen=True, slots=True)
class MessageShown:
    """One message as a search lists it.

    original: the message that this one repeats, where `kind` is duplicate or conflict.
    verdict: what its sender was told: ok, error or reject; "" while that is open, and for duplicates.
    rejected: a route, dialect or guard rejected it.
    """

    id: int
    feed: str
    received: int
    type: str
    version: str
    control_id: str
    peer: str
    size: int
    sha256: bytes
    kind: StoredKind
    state: MessageState
    original: int
    refused: str
    verdict: str
    words: str
    rejected: bool
    config: str
    decided: int
    copies: tuple[DeliveryShown, ...] = ()


@dataclass(frozen=True, slots=True)
class EventShown:
    """One change of state, in the order in which it was recorded; `delivery` 0 is the message itself."""

    id: int
    delivery: int
    kind: str
    at: int
    detail: str
    config: str


@dataclass(frozen=True, slots=True)
class HeldShown:
    """Something of a message in a tray. route "": the message was held before any route ran."""

    id: int
    route: str
    tray: str
    reason: str
    where: str
    entry: bool
    at: int
    state: str
    piece: str = ""


@dataclass(frozen=True, slots=True)
class SaidShown:
    """What a recipient said of a copy. words are content. message, feed: what brought it, or 0 and "": it
    came on the copy's own connection. counts: 0 where it changed nothing."""

    delivery: int
    at: int
    code: str
    reason: str
    words: str
    message: int
    feed: str
    counts: int


@dataclass(frozen=True, slots=True)
class MessageStory:
    """Everything that the journal knows of one message."""

    message: MessageShown
    body: bytes
    envelope: bytes
    events: tuple[EventShown, ...]
    deliveries: tuple[DeliveryShown, ...]
    parts: tuple[RoutePart, ...]
    held: tuple[HeldShown, ...]
    findings: tuple[str, ...]
    keys: tuple[tuple[str, str], ...]
    repeats: tuple[int, ...]  # duplicates and conflicts that name this message as their original
    deadlines: tuple[DeadlineShown, ...] = ()
    said: tuple[SaidShown, ...] = ()
    answers: tuple[int, int] = (0, 0)  # of a reply: the copy that it speaks of, and that copy's message
