"""The values that pass between the journal and the rest of the engine. Frozen; no behaviour.

Times are microseconds since 1970-01-01T00:00Z (UTC). Ids are the journal's own sequence numbers: a
message's id is its place in the order of acceptance.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Literal

from engine.journal.parts import RoutePart

if TYPE_CHECKING:  # commands that only read do without
    from engine.journal.answered import Answered

__all__ = [
    "OPEN_STATES",
    "Arrival",
    "Awaited",
    "Changed",
    "CopyKind",
    "Decided",
    "DeliveryRow",
    "DeliveryState",
    "HeldPart",
    "Lane",
    "MergedKeys",
    "MessageState",
    "NewDelivery",
    "Onward",
    "RoutePart",
    "Said",
    "Stored",
    "StoredKind",
    "Verdict",
    "Waiting",
]

MessageState = Literal["waiting", "decided", "held", "duplicate", "refused", "discarded", "answer"]
DeliveryState = Literal[
    "waiting",
    "queued",
    "sending",
    "delivered",
    "acknowledged",
    "parked",
    "refused_by_recipient",
    "withdrawn",
    "discarded",
]
CopyKind = Literal["", "fallback", "resend", "redirect", "re-addressed", "released"]
"""How a copy came of its parent; "" where a route made it."""
OPEN_STATES: tuple[DeliveryState, ...] = ("waiting", "queued", "sending")
StoredKind = Literal["new", "conflict", "duplicate", "refused"]


@dataclass(frozen=True, slots=True)
class Verdict:
    """What the sender is told: `ok`, `error` (AE or CE) or `reject` (AR or CR), and the words for MSA-3."""

    outcome: Literal["ok", "error", "reject"]
    words: str = ""


LATER = 1_000_000
"""From this number on parts and findings are counted that a release brought: they are not of the decision."""


@dataclass(frozen=True, slots=True)
class BatchCount:
    """What the trailers of a batch say, and what it holds. said: messages, or None where they do not say.
    problems: what does not fit, in fixed words, or "". first: whether this goes with its first message."""

    said: int | None
    came: int
    problems: str = ""
    first: bool = False

    @property
    def words(self) -> str:
        """What does not fit, as each of its messages is told of it."""
        counts = f": its trailers say {self.said}, and it holds {self.came}" if self.said is not None else ""
        return f"The counts of its batch do not fit ({self.problems}){counts}"


@dataclass(frozen=True, slots=True)
class Arrival:
    """One message (or piece of refused evidence) as intake hands it over to be stored.

    sender: MSH-3, MSH-4 and MSH-10 as raw bytes joined by b"\\r": with the feed, the duplicate key.
    refused: why it was refused; such bytes are kept as evidence, never decided, never a duplicate.
    envelope: FHS and BHS segments of its batch; `hold`: a tray that it goes to at once (batch_count).
    verdict: for feeds that acknowledge `when_stored`, the verdict is ok once stored; for `when_routed`
    it is None until the decision is recorded.
    window: how long after the original an equal message counts as its duplicate, in microseconds; 0:
    never.
    claims: the delivery that the sender says it answers (AMQP header or correlation id), unproved; None: it
    says nothing.
    batch: the counts of the batch that it came in, where there are any, or something does not fit.
    """

    feed: str
    received: int
    body: bytes
    sha256: bytes
    sender: bytes = b""
    control_id: str = ""
    type: str = ""
    version: str = ""
    peer: str = ""
    refused: str = ""
    envelope: bytes = b""
    hold: str = ""
    verdict: Verdict | None = None
    window: int = 7 * 86_400_000_000
    claims: int | None = None
    batch: BatchCount | None = None


@dataclass(frozen=True, slots=True)
class Stored:
    """What became of an arrival, told only after its commit is on disk.

    original: for a duplicate or conflict, the id of the message it repeats.
    verdict: for a duplicate, the original's verdict, or None while that is pending.
    """

    id: int
    kind: StoredKind
    original: int = 0
    verdict: Verdict | None = None


@dataclass(frozen=True, slots=True)
class Waiting:
    """A message that waits for its decision."""

    id: int
    feed: str
    received: int
    body: bytes
    envelope: bytes = b""
    spoilt: bool = False  # the stored bytes are not what was received


@dataclass(frozen=True, slots=True)
class Awaited:
    """A proof that is awaited until `due`; then `channel` and `address` get a copy. address None: the
    channel's directory does not have it."""

    proof: Literal["delivered", "acknowledged"]
    due: int
    channel: str
    address: str | None = ""


@dataclass(frozen=True, slots=True)
class Onward:
    """Where a copy goes, once, that its recipient sends back for one of these reasons. address None: the
    channel's directory does not have it. late: the address for the channel of the copy's deadline."""

    reasons: tuple[str, ...]
    channel: str
    address: str | None = ""
    late: str | None = None


@dataclass(frozen=True, slots=True)
class NewDelivery:
    """A copy to be made: one row of the outbox. `body` None means: the bytes as they came in.

    piece: which piece of a split message it is, "" for a whole one. kind, parent: how it came of which other
    copy. also: further routes that entries merged into it belong to.
    """

    route: str
    channel: str
    address: str
    body: bytes | None
    control_id: bytes = b""
    merged: int = 0
    parent: int = 0
    piece: str = ""
    kind: CopyKind = ""
    also: tuple[str, ...] = ()
    awaited: Awaited | None = None
    onward: Onward | None = None


@dataclass(frozen=True, slots=True)
class HeldPart:
    """Something of a message that waits for a person. route "" means: held before any route ran. part: which
    of the decision's parts it belongs to, counted from 0, or -1."""

    route: str
    tray: str
    reason: str
    where: str = ""
    entry: bool = False
    piece: str = ""
    part: int = -1


@dataclass(frozen=True, slots=True)
class Said:
    """What a recipient said of a copy. code: MSA-1. reason: why it comes back, or "". words: its own, which
    are content. message: the message that brought it, or 0 where it came on the copy's own connection."""

    code: str
    reason: str = ""
    words: str = ""
    message: int = 0


MergedKeys = tuple[tuple[tuple[str, str], ...], tuple[tuple[str, str], ...]]
"""Two groups of search keys, each of kind and value."""


@dataclass(frozen=True, slots=True)
class Decided:
    """One decision to be recorded: in one transaction with its outbox rows, events and search keys.

    same: digests by which a later message may be a version of this one. known: what the decision was told of
    earlier ones, as `earlier.known_text` writes it, or "".
    merges: of patients that it says are one, the search keys of the prior and of the surviving one.
    inbound: the bytes as they came in, where the caller has them at hand: saves reading them again.
    answer: it is a reply; then `SqliteJournal.answer` records it.
    """

    message: int
    config: str
    at: int
    parts: tuple[RoutePart, ...] = ()
    deliveries: tuple[NewDelivery, ...] = ()
    held: tuple[HeldPart, ...] = ()
    warnings: tuple[str, ...] = ()
    keys: Mapping[str, tuple[str, ...]] = field(default_factory=dict)
    verdict: Verdict = Verdict("ok")
    rejected: bool = False
    inbound: bytes = b""
    same: tuple[str, ...] = ()
    known: str = ""
    merges: tuple[MergedKeys, ...] = ()
    answer: Answered | None = None


@dataclass(frozen=True, slots=True)
class DeliveryRow:
    """One delivery as the outbox holds it. `body` is loaded only where it is asked for. kind: how it came of
    another copy, or of a release. again: when a person had it tried afresh, or 0."""

    id: int
    message: int
    feed: str
    channel: str
    address: str
    state: DeliveryState
    attempts: int
    next_try: int
    created: int
    type: str = ""
    control_id: bytes = b""
    config: str = ""
    body: bytes = b""
    in_doubt: bool = False  # a copy may have arrived already: claimed before a crash, or answered unclearly
    kind: CopyKind = ""
    again: int = 0
    spoilt: bool = False  # the stored bytes are not what was recorded: they must not be sent


@dataclass(frozen=True, slots=True)
class Changed:
    """One change of a delivery's state, to be recorded as a row update and an appended event. said: what the
    recipient said, where it did."""

    delivery: int
    state: DeliveryState
    at: int
    attempts: int
    next_try: int = 0
    reason: str = ""
    in_doubt: bool = False
    said: Said | None = None


@dataclass(frozen=True, slots=True)
class Lane:
    """All open deliveries of one channel and address: `first` is the oldest, `next_try` its due time."""

    channel: str
    address: str
    open: int
    first: int
    next_try: int
