"""What a decision did, moment by moment: for `gatepost trace`, and for people who ask why.

Made only where somebody asks (`decide(..., watch=Watch())`); a decision that nobody watches pays nothing.
Unlike everything else that a decision leaves behind, a trace holds message content: it is shown to people
who may see the message, and is never logged or stored.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Literal

__all__ = ["Change", "Kind", "Moment", "Part", "Watch"]

Kind = Literal[
    "", "passed_over", "held", "rejected", "warned", "not_wanted", "sent", "passed", "split", "nothing_more",
    "failed",
]  # fmt: skip
"""What an entry came to. "": it went on; passed_over: its `when` was no; failed: it failed unexpectedly."""


@dataclass(frozen=True, slots=True)
class Change:
    """One value that a step changed: its path, and what an expression reads there before and after.

    Where a whole segment came or went, the path is the segment's and the value the segment as it stands;
    where repetitions only changed places, the path is the field's, and the values stand as they are.
    """

    path: str
    before: str
    after: str


@dataclass(frozen=True, slots=True)
class Part:
    """One part of a condition or of a value: as it is written, and what it came to for this message.

    value: yes or no, a text in quotes, `(empty)`, a number, `(none)`. note: why, where that is not plain:
    what a name stands for, which element decided, that a code is no key of the table. depth: how far inside
    the condition it stands.
    """

    text: str
    value: str
    note: str = ""
    depth: int = 0


@dataclass(frozen=True, slots=True)
class Moment:
    """One entry of a file at work.

    part: `dialect NAME`, `guard NAME` or `route NAME`. route: the route that it belongs to, "" before any.
    via: the route that passed the message to that one, or "". where: `routes/x.yaml:12`. verb: accept,
    check, change or send. text: what the file says there, on one line. piece: as for a copy. element: what
    `it` is, as a path. depth: how far inside another entry it stands (for_each, a send entry's own
    changes). answer: what its condition came to, or None where it has none. read: the parts of its
    conditions and values. findings: of a profile. changes: what it changed. outcome: in words, or "".
    """

    part: str
    where: str
    verb: str
    text: str
    route: str = ""
    via: str = ""
    piece: str = ""
    element: str = ""
    depth: int = 0
    answer: bool | None = None
    read: tuple[Part, ...] = ()
    findings: tuple[str, ...] = ()
    changes: tuple[Change, ...] = ()
    kind: Kind = ""
    outcome: str = ""


@dataclass(slots=True)
class Watch:
    """Collects the moments of one decision, in their order: an entry before those that stand within it.

    depth: how far inside other entries the decision is just now.
    """

    moments: list[Moment] = field(default_factory=list)
    depth: int = 0
