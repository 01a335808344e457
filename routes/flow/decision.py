"""What `decide` says of one message: frozen values, to be recorded and carried out by the engine.

Knows nothing of queues, journals or clocks. Every route that a message enters ends in at least one
outcome; there is no drop.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

__all__ = ["Copy", "Decision", "Finding", "Held", "Known", "NotWanted", "Rejected", "RouteDecision"]


@dataclass(frozen=True, slots=True)
class Known:
    """What a decision may depend on beside the message; recorded with it.

    received: when the message was accepted, microseconds since 1970-01-01T00:00Z.
    envelope: the FHS and BHS segments of the batch it came in, as bytes, or b"".
    """

    received: int
    envelope: bytes = b""


@dataclass(frozen=True, slots=True)
class Copy:
    """One copy to send: to which channel and address, and the bytes to go out.

    `address` is "" for a channel without addresses. `body` is the very object that came in where no
    route or dialect changed anything, so that callers may compare with `is`.
    `merged` counts further send entries that named the same channel and address.
    """

    channel: str
    address: str
    body: bytes
    merged: int = 0


@dataclass(frozen=True, slots=True)
class Held:
    """Waits in a tray for a person. `reason` is the author's words or the engine's; no message content.

    `where` says which entry held it, as `routes/x.yaml:12`. `entry` is true where only one send entry
    is held and the rest of the route went on.
    """

    tray: str
    reason: str
    where: str = ""
    entry: bool = False


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
    """A warning that did not stop the message. `words` come from the site file, never from the message."""

    words: str
    where: str = ""


@dataclass(frozen=True, slots=True)
class RouteDecision:
    """What one route (or `dialect:NAME`, `guard:NAME` before any route) made of the message.

    At least one of copies, held, rejected and not_wanted is there, or `nothing_more` is true.
    """

    route: str
    copies: tuple[Copy, ...] = ()
    held: tuple[Held, ...] = ()
    rejected: Rejected | None = None
    not_wanted: NotWanted | None = None
    warnings: tuple[Finding, ...] = ()
    nothing_more: bool = False


@dataclass(frozen=True, slots=True)
class Decision:
    """The whole decision for one message.

    held_before_routing: set where the dialect or a guard of the feed held it: no route ran.
    rejected: set where any route, the dialect or a guard rejected: then no route sends anything.
    keys: what the message can be found by, as {"nhs_number": ("9990000018",), "patient": (...)}.
    """

    routes: tuple[RouteDecision, ...] = ()
    held_before_routing: Held | None = None
    rejected: Rejected | None = None
    warnings: tuple[Finding, ...] = ()
    keys: Mapping[str, tuple[str, ...]] = field(default_factory=dict)

    @property
    def wanted(self) -> bool:
        """False where every route said not wanted (or the feed has no route)."""
        return self.held_before_routing is not None or any(r.not_wanted is None for r in self.routes)
