"""What `decide` says of one message: frozen values, to be recorded and carried out by the engine.

Knows nothing of queues, journals or clocks. Every route that a message enters ends in at least one
outcome; there is no drop.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Literal

from routes.flow.keys import Merge

__all__ = [
    "Asked",
    "Copy",
    "Deadline",
    "Decision",
    "Finding",
    "Held",
    "Known",
    "NotWanted",
    "Readdress",
    "Rejected",
    "Released",
    "RouteDecision",
]


Asked = tuple[str, str]
"""A route, and by which digest (see `Same`) it asks who was sent an earlier version by it."""


@dataclass(frozen=True, slots=True)
class Known:
    """What a decision may depend on beside the message; recorded with it.

    received: when the message was accepted, microseconds since 1970-01-01T00:00Z.
    envelope: the FHS and BHS segments of the batch it came in, as bytes, or b"".
    earlier: (channel, address) of everyone who was sent an earlier version of this message, by any route: as
    a test of a route says it; final: those of them who were sent a final one. earlier_of: the same as the
    engine looks it up, for what a decision `asked`.
    """

    received: int
    envelope: bytes = b""
    earlier: tuple[tuple[str, str], ...] = ()
    earlier_of: Mapping[Asked, tuple[tuple[str, str], ...]] = field(default_factory=dict)
    final: tuple[tuple[str, str], ...] = ()


@dataclass(frozen=True, slots=True)
class Released:
    """What a person has let go of: only this is decided again.

    answered: the places (`Held.where`) of the checks that held it; they hold it no more. unchanged: nor does
    a change that cannot be made: the field goes out as it came.
    route: the route that held it, at its visit number `visit` (from 0, for a route that is entered several
    times); "": it was held before any route, and all is decided. entry: which of the route's send entries,
    counted from 0, or -1: the whole route. piece: of which piece, for an entry.
    channel, address: where the entry sends instead of holding; channel "": its own.
    """

    answered: frozenset[str] = frozenset()
    unchanged: bool = False
    route: str = ""
    visit: int = 0
    entry: int = -1
    piece: str = ""
    channel: str = ""
    address: str = ""


@dataclass(frozen=True, slots=True)
class Deadline:
    """What happens to a copy whose proof does not come in time: another channel gets it.

    proof: what must have been reached. after: microseconds since the copy was made. address: as the
    fallback's directory writes it, or None where it does not have it: then it is held as unknown_address.
    """

    proof: Literal["delivered", "acknowledged"]
    after: int
    channel: str
    address: str | None = ""


@dataclass(frozen=True, slots=True)
class Readdress:
    """Where a copy goes, once, that its recipient sends back for one of these reasons.

    address: as the channel's directory writes it, or None where that does not have it: then the copy waits
    for a person. late: the address for the channel of the copy's deadline, as a deadline has it.
    """

    reasons: tuple[str, ...]
    channel: str
    address: str | None = ""
    late: str | None = None


@dataclass(frozen=True, slots=True)
class Copy:
    """One copy to send: to which channel and address, and the bytes to go out.

    `address` is "" for a channel without addresses. `body` is the very object that came in where no
    route or dialect changed anything, so that callers may compare with `is`.
    `merged` counts further send entries that named the same channel and address; `also` names the other
    routes that some of them belong to.
    `piece` says which piece of a split message it is: "1", "2", ... ("2.1" where a piece was split again),
    and "" for a message that is whole.
    """

    channel: str
    address: str
    body: bytes
    merged: int = 0
    piece: str = ""
    deadline: Deadline | None = None
    also: tuple[str, ...] = ()
    readdress: Readdress | None = None


@dataclass(frozen=True, slots=True)
class Held:
    """Waits in a tray for a person. `reason` is the author's words or the engine's; no message content.

    `where` says which entry held it, as `routes/x.yaml:12`. `entry` is true where only one send entry
    is held and the rest of the route went on. `piece` as for a copy.
    """

    tray: str
    reason: str
    where: str = ""
    entry: bool = False
    piece: str = ""


@dataclass(frozen=True, slots=True)
class Rejected:
    """The author's literal words for the sender, and where they stand."""

    words: str
    where: str = ""


@dataclass(frozen=True, slots=True)
class NotWanted:
    """By which rule of `accept` the message was not wanted."""

    rule: str


@dataclass(frozen=True, slots=True)
class Finding:
    """Something worth knowing about a message. `words` never hold its content.

    kind: `warning` for what a `warn` says, in the words of the site file; `conformance` for one finding of
    a profile or of the standard.
    """

    words: str
    where: str = ""
    kind: Literal["warning", "conformance"] = "warning"


@dataclass(frozen=True, slots=True)
class RouteDecision:
    """What one route (or `dialect:NAME`, `guard:NAME` before any route) made of the message.

    At least one of copies, held, rejected, not_wanted and passed_to is there, or `nothing_more` is true.
    via, piece: the route that passed the message (or a piece of it) to this one, or "".
    passed_to: the routes that this one passed it to.
    """

    route: str
    copies: tuple[Copy, ...] = ()
    held: tuple[Held, ...] = ()
    rejected: Rejected | None = None
    not_wanted: NotWanted | None = None
    warnings: tuple[Finding, ...] = ()
    nothing_more: bool = False
    via: str = ""
    piece: str = ""
    passed_to: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Decision:
    """The whole decision for one message.

    held_before_routing: set where the dialect or a guard of the feed held it: no route ran.
    rejected: set where any route, the dialect or a guard rejected: then no route sends anything.
    keys: what the message can be found by, as {"nhs_number": ("9990000018",), "patient": (...)}.
    misses: for each (table, code) that was looked up and is not there, how often.
    same: by which digests a later message may turn out to be a version of this one. asked: of whom must be
    known that they were sent an earlier version; a decision that asks is made again once they are. merges:
    patients that the message says are one.
    """

    routes: tuple[RouteDecision, ...] = ()
    held_before_routing: Held | None = None
    rejected: Rejected | None = None
    warnings: tuple[Finding, ...] = ()
    keys: Mapping[str, tuple[str, ...]] = field(default_factory=dict)
    misses: Mapping[tuple[str, str], int] = field(default_factory=dict)
    same: tuple[str, ...] = ()
    asked: tuple[Asked, ...] = ()
    merges: tuple[Merge, ...] = ()

    @property
    def wanted(self) -> bool:
        """False where every route said not wanted (or the feed has no route)."""
        return self.held_before_routing is not None or any(r.not_wanted is None for r in self.routes)
