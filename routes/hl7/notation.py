"""What a path is: frozen values, and the one way each is written (ROUTES.md, Paths).

Everything counts from one, as the standard does. Knows nothing of messages.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal, NamedTuple

__all__ = ["EVERY", "Comparison", "NoSuchPlace", "Path", "PathError", "Pick", "Place", "Selector", "Step"]

EVERY: Literal["*"] = "*"


class PathError(Exception):
    """A path that is not written as it should be, or used where it cannot stand.

    message: what is wrong and what to write. offset and length: where, in characters of the path's text.
    rule: a stable id. fix: what to write instead of the whole text, where that is certain enough.
    """

    def __init__(self, message: str, offset: int, length: int, rule: str, fix: str = "") -> None:
        super().__init__(message)
        self.message = message
        self.offset = offset
        self.length = max(1, length)
        self.rule = rule
        self.fix = fix


class NoSuchPlace(Exception):
    """A path leads nowhere in this message, and the place cannot be made. Names the path, no content."""


class Place(NamedTuple):
    """One place in a message: where `it` stands. Segments count from zero, all else from one; 0 means
    not narrowed that far."""

    segment: int
    field: int = 0
    repetition: int = 0
    component: int = 0
    subcomponent: int = 0


@dataclass(frozen=True, slots=True)
class Comparison:
    """One comparison in a selector: `numbers` are field, component, sub-component behind a segment, and
    component, sub-component behind a field."""

    numbers: tuple[int, ...]
    value: str
    equal: bool = True

    def __str__(self) -> str:
        sign = "=" if self.equal else "!="
        quoted = self.value.replace("'", "''")
        return f"{'.'.join(map(str, self.numbers))}{sign}'{quoted}'"


@dataclass(frozen=True, slots=True)
class Selector:
    """Picks by content: one of the alternatives must hold, each of them with all its tests."""

    alternatives: tuple[tuple[Comparison, ...], ...]

    def __str__(self) -> str:
        return " or ".join(" and ".join(map(str, tests)) for tests in self.alternatives)


Pick = int | Literal["*"] | Selector | None
"""Which of several: a number, every one, those that a selector picks; None: not said, so the first."""


def _picked(pick: Pick) -> str:
    return "" if pick is None else f"[{pick}]"


@dataclass(frozen=True, slots=True)
class Step:
    """One segment of a path: its name and which of that name."""

    name: str
    pick: Pick = None

    def __str__(self) -> str:
        return f"{self.name}{_picked(self.pick)}"


@dataclass(frozen=True, slots=True)
class Path:
    """A place, or several, in any message.

    steps: the segment, behind those that it belongs to. relative: it begins with `it`; then steps may be
    empty. field 0: the segment itself (or `it` itself). component 0: the whole repetition.
    """

    steps: tuple[Step, ...]
    field: int = 0
    repetition: Pick = None
    component: int = 0
    subcomponent: int = 0
    relative: bool = False

    @property
    def many(self) -> bool:
        """Whether there is a `[*]` in it, so that it needs a quantifier or a step that works on all."""
        return self.repetition == EVERY or any(step.pick == EVERY for step in self.steps)

    @property
    def segment(self) -> str:
        """The name of the segment that it leads to; "" where that is wherever `it` stands."""
        return self.steps[-1].name if self.steps else ""

    def __str__(self) -> str:
        text = "/".join([*(["it"] if self.relative else []), *map(str, self.steps)])
        if self.field:
            text += f"-{self.field}{_picked(self.repetition)}"
        if self.component:
            text += f".{self.component}"
        if self.subcomponent:
            text += f".{self.subcomponent}"
        return text
