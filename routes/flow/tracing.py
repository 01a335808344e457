"""What a decision did, moment by moment: for `gatepost trace`, and for people who ask why.

Made only where somebody asks (`decide(..., watch=Watch())`); a decision that nobody watches pays nothing.
Unlike everything else that a decision leaves behind, a trace holds message content: it is shown to people
who may see the message, and is never logged or stored.
"""

from __future__ import annotations

from dataclasses import dataclass, field

__all__ = ["Change", "Moment", "Watch"]


@dataclass(frozen=True, slots=True)
class Change:
    """One value that a step changed: its path, and what an expression reads there before and after."""

    path: str
    before: str
    after: str


@dataclass(frozen=True, slots=True)
class Moment:
    """One entry of a file at work.

    part: `dialect NAME`, `guard NAME` or `route NAME`. piece: as for a copy. where: `routes/x.yaml:12`.
    verb: guard, accept, check, change or send. text: what the file says there, on one line.
    answer: what its condition came to, or None where it has none. read: the parts of the condition, each
    (as it is written, its value). changes: what it changed. outcome: in words, or "".
    """

    part: str
    where: str
    verb: str
    text: str
    piece: str = ""
    answer: bool | None = None
    read: tuple[tuple[str, str], ...] = ()
    changes: tuple[Change, ...] = ()
    outcome: str = ""


@dataclass(slots=True)
class Watch:
    """Collects the moments of one decision, in their order."""

    moments: list[Moment] = field(default_factory=list)
