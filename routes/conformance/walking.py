"""The elements that a profile's path leads to, in the message's order, those that are missing among them.

Unlike an expression's reading, a walk says where each value stands and which one is not there, and cuts a
field with many repetitions once. Knows paths and messages; nothing of constraints.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Sequence
from typing import NamedTuple

from routes.conformance.finding import name_place
from routes.hl7.finding import SegmentFinder, find_segments, repetition_selector
from routes.hl7.message import Message
from routes.hl7.notation import EVERY, Path, Place, Selector
from routes.hl7.values import compile_cutter

__all__ = ["Count", "Element", "Missing", "Walk", "compile_walk", "counted"]

ENVELOPE = ("BHS", "FHS")
BEYOND = 1_000_000
"""The number of a repetition that no field has."""
THERE = "there"
"""What a segment's value is taken to be: it is not read."""


class Element(NamedTuple):
    """One element: its decoded value ("" where nothing stands), and its place."""

    value: str
    place: Place

    def where(self, message: Message) -> str:
        """The place as people read it."""
        return name_place(message, self.place)


class Missing(NamedTuple):
    """An element that the path asks for and the message does not have.

    trail: the rows of the path's segments that are there. value: what stands there, for one outside of the
    message, in its envelope. it: where it would stand, if its segment is there.
    """

    path: Path
    trail: tuple[int, ...]
    value: str = ""
    it: Place | None = None

    def where(self, message: Message) -> str:
        """The path, with the occurrences of the segments that are there."""
        found = [name_place(message, Place(row)) for row in self.trail]
        steps = [*found, *(str(step) for step in self.path.steps[len(found) :])]
        below = str(self.path)[len("/".join(map(str, self.path.steps))) :]
        return "/".join(steps) + below


Walk = Callable[[Message], Iterable[Element | Missing]]
Count = Callable[[Message], Iterable[tuple[int, Element | Missing]]]


def compile_walk(path: Path, *, every: bool = False) -> Walk:
    """The way to a path's elements. every: a path without numbers means all segments and repetitions.

    A field that a segment does not have is an element without a value; a repetition or a segment that the
    path picks and that is not there is Missing. Of `[*]` there may be none; where the path ends in it, that
    none is there is Missing too.
    """
    walk = _fields(path, every=every) if path.field else _segments(path, every=every)
    if path.segment not in ENVELOPE:
        return walk
    return lambda message: [_outside(path, element) for element in walk(_envelope(path, message))]


def _fields(path: Path, *, every: bool) -> Walk:
    find, cut = _rows(path, every=every), _repetitions(path, every=every)
    number = path.repetition if isinstance(path.repetition, int) else BEYOND
    absent = (path.field, number, path.component, path.subcomponent)

    def walk(message: Message) -> Iterator[Element | Missing]:
        for row, trail in find(message):
            if row is None:
                yield Missing(path, trail)
                continue
            found = False
            for number, value in cut(message, row):
                found = True
                yield Element(value, Place(row, path.field, number, path.component, path.subcomponent))
            if not found and (path.repetition != EVERY or not path.component):
                yield Missing(path, (*trail, row), "", Place(row, *absent))

    return walk


def counted(path: Path) -> Count:
    """How many there are: of a field's repetitions (where a component is named: of those that have it) in
    each of its segments; of segments in each of those that they belong to."""
    count = _count_repetitions(path) if path.field else _count_segments(path)
    if path.segment not in ENVELOPE:
        return count
    return lambda message: [
        (number, _outside(path, element)) for number, element in count(_envelope(path, message))
    ]


def _envelope(path: Path, message: Message) -> Message:
    """The batch that a message came in, unless it holds such a segment itself."""
    outer = None if message.rows(path.segment.encode()) else message.envelope_message()
    return outer or message


def _outside(path: Path, element: Element | Missing) -> Missing:
    """An element of the envelope has no place in the message."""
    return Missing(path, (), element.value)


def _count_repetitions(path: Path) -> Count:
    find, cut = _rows(path, every=True), _repetitions(path, every=True)

    def count(message: Message) -> Iterator[tuple[int, Element | Missing]]:
        for row, trail in find(message):
            if row is None:
                yield 0, Missing(path, trail)
            elif path.component:
                yield sum(bool(value) for _, value in cut(message, row)), _at(row, path)
            else:
                yield sum(1 for _ in cut(message, row)), _at(row, path)

    return count


def _at(row: int, path: Path) -> Element:
    return Element("", Place(row, path.field, 0, path.component, path.subcomponent))


# --- segments ----------------------------------------------------------------------------------------

Rows = Callable[[Message], Iterable[tuple[int | None, tuple[int, ...]]]]
"""The rows of the segments that a path leads to, each with those of the segments above it; None for one
that is asked for and not there."""


def _finders(path: Path, every: bool) -> list[SegmentFinder]:
    """One finder for each segment of a path: the first in the message, the others below the one before."""
    first, *below = path.steps
    return [
        find_segments(Path((first,)), all_of_bare=every),
        *(find_segments(Path((step,), relative=True), all_of_bare=every) for step in below),
    ]


def _rows(path: Path, *, every: bool) -> Rows:
    finders, steps = _finders(path, every), path.steps
    last = len(steps) - 1

    def rows(
        message: Message, depth: int = 0, trail: tuple[int, ...] = ()
    ) -> Iterator[tuple[int | None, tuple[int, ...]]]:
        found = finders[depth](message, Place(trail[-1]) if trail else None)
        if not found and steps[depth].pick != EVERY:
            yield None, trail
        for row in found:
            if depth == last:
                yield row, trail
            else:
                yield from rows(message, depth + 1, (*trail, row))

    return rows


def _segments(path: Path, *, every: bool) -> Walk:
    find = _rows(path, every=every)
    ends_in_every = path.steps[-1].pick == EVERY
    above = _parents(path)

    def walk(message: Message) -> Iterator[Element | Missing]:
        for row, trail in find(message):
            yield Missing(path, trail) if row is None else Element(THERE, Place(row))
        if ends_in_every:
            for trail, children in above(message):
                if not children:
                    yield Missing(path, trail)

    return walk


def _count_segments(path: Path) -> Count:
    above = _parents(path)

    def count(message: Message) -> Iterator[tuple[int, Element | Missing]]:
        for trail, children in above(message):
            yield len(children), Missing(path, trail)

    return count


def _parents(path: Path) -> Callable[[Message], Iterable[tuple[tuple[int, ...], Sequence[int]]]]:
    """For each segment that the path's last one belongs to (the message itself, where it names none): the
    rows of those that are there."""
    finder = _finders(path, True)[-1]
    if len(path.steps) == 1:
        return lambda message: [((), finder(message, None))]
    find = _rows(Path(path.steps[:-1]), every=True)

    def parents(message: Message) -> Iterator[tuple[tuple[int, ...], Sequence[int]]]:
        for row, trail in find(message):
            if row is not None:
                yield (*trail, row), finder(message, Place(row))

    return parents


# --- fields ------------------------------------------------------------------------------------------


def _repetitions(path: Path, *, every: bool) -> Callable[[Message, int], Iterable[tuple[int, str]]]:
    """The repetitions that a path picks in one segment, each with its number and value."""
    field, pick = path.field, path.repetition
    cut = compile_cutter(1, path.component, path.subcomponent)
    holds = repetition_selector(pick) if isinstance(pick, Selector) else None
    one = pick is None and not every

    def repetitions(message: Message, row: int) -> Iterable[tuple[int, str]]:
        text = message.field(row, field)
        if message.is_delimiters(row, field):
            return [(1, text if path.component < 2 else "")]
        if one:
            return [(1, cut(message, text) if text else "")]
        parts = text.split(message.separators.cuts[0]) if text else []
        if isinstance(pick, int):
            return [(pick, cut(message, parts[pick - 1]))] if pick <= len(parts) else []
        return [
            (number, cut(message, part))
            for number, part in enumerate(parts, 1)
            if holds is None or holds(message, part)
        ]

    return repetitions
