"""What a route, dialect or guard file says, as frozen values with their places in the file.

Expressions and paths are still text here (`Scalar`): reading them needs the site's tables and names. No
behaviour; nothing of YAML beyond where things stand.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

from routes.language.problems import Spot
from routes.language.source import Scalar
from routes.language.trials import Trial

__all__ = [
    "Accept",
    "Add",
    "Arrange",
    "Check",
    "CopyStep",
    "DialectFile",
    "FallBack",
    "FirstOf",
    "ForEach",
    "GuardFile",
    "Join",
    "NothingMore",
    "Original",
    "Otherwise",
    "Plugin",
    "Recase",
    "Reformat",
    "Remove",
    "Renumber",
    "Replace",
    "RouteFile",
    "SendEntry",
    "Set",
    "SetText",
    "Split",
    "Step",
    "Translate",
]

Original = Literal["alternate", "note", "drop"]


@dataclass(frozen=True, slots=True)
class Otherwise:
    """An `else`: hold in a tray, reject with words, or warn with words and go on."""

    kind: Literal["hold", "reject", "warn"]
    words: str
    spot: Spot


@dataclass(frozen=True, slots=True)
class NothingMore:
    """`otherwise: nothing_more`, where another entry always sends."""

    spot: Spot


@dataclass(frozen=True, slots=True)
class Check:
    """`that` must be true, `unless` must not be, or the message conforms to a profile; asked only `when`.

    One of the three is set. profile: a profile's name, or `standard`.
    """

    spot: Spot
    that: Scalar | None
    unless: Scalar | None
    when: Scalar | None
    otherwise: Otherwise
    profile: Scalar | None = None


@dataclass(frozen=True, slots=True)
class Accept:
    """What the route wants; others are counted as not wanted by `rule`."""

    spot: Spot
    that: Scalar | None
    unless: Scalar | None
    rule: str


@dataclass(frozen=True, slots=True)
class Step:
    """What every change step may have."""

    spot: Spot
    when: Scalar | None
    otherwise: Otherwise | None


@dataclass(frozen=True, slots=True)
class Set(Step):
    """Expressions, computed first and written together."""

    values: tuple[tuple[Scalar, Scalar], ...]


@dataclass(frozen=True, slots=True)
class SetText(Step):
    """Plain text, taken as it stands."""

    values: tuple[tuple[Scalar, str], ...]


@dataclass(frozen=True, slots=True)
class CopyStep(Step):
    """Structure and all, from one place to another; with `move`, the first is emptied."""

    source: Scalar
    target: Scalar
    move: bool


@dataclass(frozen=True, slots=True)
class Remove(Step):
    """Every match of each path."""

    paths: tuple[Scalar, ...]


@dataclass(frozen=True, slots=True)
class Translate(Step):
    """A code, by a table; `into` maps components to columns."""

    path: Scalar
    table: Scalar
    into: tuple[tuple[int, Scalar], ...]
    original: Original


@dataclass(frozen=True, slots=True)
class Reformat(Step):
    """A date, time, number, NHS number or name from one way of writing to another."""

    path: Scalar
    source: Scalar
    target: Scalar
    zone: Scalar | None


@dataclass(frozen=True, slots=True)
class Replace(Step):
    """A literal text within values by another."""

    paths: tuple[Scalar, ...]
    find: str
    by: str


@dataclass(frozen=True, slots=True)
class Recase(Step):
    """`trim`, `upper` or `lower`."""

    paths: tuple[Scalar, ...]
    how: Literal["trim", "upper", "lower"]


@dataclass(frozen=True, slots=True)
class Add(Step):
    """A new segment, before or behind a place."""

    name: Scalar
    after: Scalar | None
    before: Scalar | None
    values: tuple[tuple[Scalar, Scalar], ...]
    texts: tuple[tuple[Scalar, str], ...]


@dataclass(frozen=True, slots=True)
class ForEach(Step):
    """Steps on each element of a path, which is `it` there. `when` is asked for each."""

    path: Scalar
    steps: tuple[Step, ...]


@dataclass(frozen=True, slots=True)
class Join(Step):
    """The values of several segments' field into the first of them; the others go.

    path: the field, such as OBX[*]-5. within: the segment whose groups are joined each by itself. between:
    what stands between two values: `line_break` (`\\.br\\`), `repetition`, or a literal text. wrap: the
    longest line in characters, or 0. type: what OBX-2 becomes. base64: whether the values are chunks of one
    document. same: fields that must be equal for segments to be joined.
    """

    path: Scalar
    within: Scalar | None = None
    between: str = "line_break"
    wrap: int = 0
    type: Scalar | None = None
    base64: bool = False
    same: tuple[int, ...] = ()


@dataclass(frozen=True, slots=True)
class Renumber(Step):
    """Set IDs counted anew: 1, 2, ... `within` each of a segment; or, with `group`, as group.item."""

    path: Scalar
    within: Scalar | None = None
    group: Scalar | None = None
    form: str = ""


@dataclass(frozen=True, slots=True)
class Arrange(Step):
    """Repetitions of a field in another order: by a component's value. others: kept behind, or taken out."""

    path: Scalar
    by: int
    order: tuple[str, ...]
    others: Literal["keep", "remove"] = "keep"


@dataclass(frozen=True, slots=True)
class Split(Step):
    """One piece for each of a segment (OBR); all later steps and entries are for each piece.

    keep_together: a path whose equal values stay in one piece. number: the field that gets -1, -2, ...
    """

    segment: Scalar
    keep_together: Scalar | None = None
    number: Scalar | None = None


@dataclass(frozen=True, slots=True)
class Plugin(Step):
    """A step of a separately installed package: `step: package.name@1.2`, with plain settings.

    writes: the names of the segments that are taken over from it.
    """

    name: Scalar
    writes: tuple[Scalar, ...]
    settings: tuple[tuple[str, str], ...] = ()


@dataclass(frozen=True, slots=True)
class FallBack:
    """`if_not_delivered_in` or `if_not_acknowledged_in`, with its `then`. after: microseconds."""

    spot: Spot
    proof: Literal["delivered", "acknowledged"]
    after: int
    then: Scalar


@dataclass(frozen=True, slots=True)
class ReturnRule:
    """`if_returned`: for which reasons, and where the copy goes then. to: None means its own channel."""

    spot: Spot
    reasons: tuple[str, ...]
    to: Scalar | None
    address: Scalar | None


@dataclass(frozen=True, slots=True)
class SendEntry:
    """One edge: to a channel, perhaps for each of several places, perhaps with changes of its own.

    to: a channel, `earlier_recipients`, or, where `passes` is true, another route. same: the fields by
    which an earlier message is the same one, for `earlier_recipients`.
    """

    spot: Spot
    to: Scalar
    when: Scalar | None = None
    address: Scalar | None = None
    otherwise: Otherwise | None = None
    each: Scalar | None = None
    changes: tuple[Step, ...] = ()
    checks: tuple[Check, ...] = ()
    passes: bool = False
    fall_back: FallBack | None = None
    same: tuple[Scalar, ...] = ()
    if_returned: ReturnRule | None = None


@dataclass(frozen=True, slots=True)
class FirstOf:
    """Exactly one of several entries: the first whose `when` is true, or `otherwise`."""

    spot: Spot
    entries: tuple[SendEntry, ...]
    otherwise: Otherwise | NothingMore | None


@dataclass(frozen=True, slots=True)
class RouteFile:
    """One file of `routes/`."""

    name: Scalar
    spot: Spot
    about: str
    owner: str
    feeds: tuple[Scalar, ...]
    guards: tuple[Scalar, ...]
    accept: tuple[Accept, ...]
    names: tuple[tuple[Scalar, Scalar], ...]
    checks: tuple[Check, ...]
    changes: tuple[Step, ...]
    sends: tuple[SendEntry | FirstOf, ...]
    tests: tuple[Trial, ...] = ()


@dataclass(frozen=True, slots=True)
class DialectFile:
    """One file of `dialects/`: one hospital's habits, brought to the common form before any route."""

    name: Scalar
    spot: Spot
    about: str
    names: tuple[tuple[Scalar, Scalar], ...]
    checks: tuple[Check, ...]
    changes: tuple[Step, ...]
    tables: tuple[tuple[Scalar, Scalar], ...]


@dataclass(frozen=True, slots=True)
class GuardFile:
    """One file of `guards/`: checks shared by routes and feeds."""

    name: Scalar
    spot: Spot
    about: str
    checks: tuple[Check, ...]
