"""What a listener needs of the engine, and what it tells it: slots, notes and counters.

Knows nothing of sockets or of HL7. Notes and counters hold counts, addresses and fixed words, never a
byte of what was sent.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Literal, Protocol

__all__ = ["Counters", "Intake", "Note", "NoteKind", "Slot"]

NoteKind = Literal[
    "opened",  # a connection is open and is read from
    "closed",  # it has ended: `detail` says why, `count` how many frames it brought
    "refused",  # a connection was turned away: `detail` says why
    "discarded",  # `count` bytes stood outside any frame
    "truncated",  # a frame was never finished: `count` bytes of it were thrown away
    "too_long",  # a frame passed the limit of `count` bytes; the connection is closed
    "unanswerable",  # an answer could not be framed; the connection is closed
    "failed",  # intake raised an exception of the kind `detail` for a frame; the connection is closed
    "over_budget",  # `count` bytes are held by all listeners together: sockets are not read
    "within_budget",  # they have been read again for a while
    "not_accepting",  # the system gives no more connections (file descriptors, memory): `detail` says why
    "accepting",  # it gives them again
]


@dataclass(frozen=True, slots=True)
class Note:
    """Something that operators must see. `peer` is "" where it concerns the listener as a whole."""

    kind: NoteKind
    feed: str
    peer: str = ""
    count: int = 0
    detail: str = ""


@dataclass(slots=True)
class Counters:
    """What one listener has seen since it was made. Read it at any time; only the listener writes it.

    open: connections at this moment. opened: all so far. refused: connections turned away, by reason.
    answers: acknowledgements handed to a connection for sending. too_long: frames over the limit.
    truncated: frames never finished. bytes: all bytes received. accept_failures: times that the system
    would not give a connection.
    """

    open: int = 0
    opened: int = 0
    refused: dict[str, int] = field(default_factory=dict)
    frames: int = 0
    answers: int = 0
    bytes: int = 0
    discarded_bytes: int = 0
    truncated: int = 0
    too_long: int = 0
    accept_failures: int = 0


class Slot(Protocol):
    """The place of one frame in its connection's row of answers.

    Exactly one of `answer` and `hang_up` is called for each slot, once, at any time, also after the
    connection has gone; the first call counts. The frame's bytes stay in the budget until then.

    peer: who sent the frame: `host:port`, followed by the name in its certificate where it has one.
    """

    peer: str

    def answer(self, data: bytes | None) -> None:
        """Answer this frame with an unframed acknowledgement, or with several joined by FS CR VT.

        None says that no answer is due. Answers go out in the order of the frames.
        """

    def hang_up(self) -> None:
        """Close the connection without an answer to this frame, once those before it are answered."""


class Intake(Protocol):
    """The engine's side of a listener. Both methods return at once and do not raise."""

    def take(self, frame: bytes, slot: Slot) -> None:
        """One complete frame, in the order of its connection."""

    def note(self, what: Note) -> None:
        """Something that operators must see."""
