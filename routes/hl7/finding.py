"""Compiles paths to closures that find places: which segments, which repetitions, and what belongs to what.

Knows nothing of what is done with a place.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Protocol, TypeVar

from routes.hl7.message import Message
from routes.hl7.notation import EVERY, Comparison, Path, Pick, Place, Selector, Step
from routes.hl7.values import leaf, part, value_at

__all__ = [
    "LOWEST", "RANKS", "Places", "Read", "RepetitionFinder", "SegmentFinder", "compile_places",
    "find_repetitions", "find_segments", "members", "repetition_selector",
]  # fmt: skip

RANKS: dict[bytes, int] = {
    b"FHS": 0, b"BHS": 0, b"MSH": 0, b"SCH": 0,
    b"PID": 1,
    b"PV1": 2,
    b"ORC": 3,
    b"OBR": 4, b"RXO": 4, b"RXE": 4, b"RXD": 4, b"RXA": 4, b"TXA": 4, b"RGS": 4,
    b"SPM": 5,
    b"OBX": 6, b"FT1": 6, b"DG1": 6, b"AL1": 6, b"PR1": 6, b"NK1": 6, b"GT1": 6, b"IN1": 6, b"AIS": 6,
    b"AIL": 6, b"AIP": 6, b"AIG": 6, b"MRG": 6,
}  # fmt: skip
"""What belongs to what. The group of a segment ends at the next one of the same name or of the same or a
higher rank (a lower number). Segments not listed, NTE and Z-segments among them, end no group. An NTE
belongs only to the listed segment that it follows: `OBR/NTE` are the notes before that OBR's first OBX."""

LOWEST = 99
"""The rank of all others."""


Found = TypeVar("Found", covariant=True)


class Read(Protocol[Found]):
    """Reads something from a message; `it` is where the current element stands."""

    def __call__(self, message: Message, it: Place | None = None) -> Found: ...


Places = Read[list[Place]]
SegmentFinder = Callable[[Message, Place | None], Sequence[int]]
RepetitionFinder = Callable[[Message, int], Sequence[int]]


def members(message: Message, parent: int, name: bytes) -> list[int]:
    """The positions of the segments called `name` that belong to the one at `parent` (see RANKS)."""
    names = message.raw_names()
    own = names[parent]
    rank = RANKS.get(own, LOWEST)
    note = name == b"NTE"
    found: list[int] = []
    for position in range(parent + 1, len(names)):
        other = names[position]
        other_rank = RANKS.get(other, LOWEST)
        if other == own or other_rank <= rank < LOWEST or (note and other_rank < LOWEST):
            break
        if other == name:
            found.append(position)
    return found


def find_segments(path: Path, *, all_of_bare: bool = False) -> SegmentFinder:
    """Compile the part of a path that finds segments. A step without a number takes the first one, or
    every one where `all_of_bare` is set (for removing)."""
    if not path.steps:
        return _where_it_stands
    finders = [_step_finder(step, all_of_bare) for step in path.steps]
    first_name = path.steps[0].name.encode()
    if path.relative:
        base: SegmentFinder = _where_it_stands
    else:
        first = finders.pop(0)

        def base(message: Message, _it: Place | None) -> Sequence[int]:
            return first(message, message.rows(first_name))

        if not finders:
            return base
    below = list(zip([s.name.encode() for s in path.steps[-len(finders) :]], finders, strict=True))

    def find(message: Message, it: Place | None) -> Sequence[int]:
        positions = base(message, it)
        for name, pick in below:
            positions = [
                child for parent in positions for child in pick(message, members(message, parent, name))
            ]
        return positions

    return find


def _where_it_stands(_message: Message, it: Place | None) -> Sequence[int]:
    if it is None:
        raise ValueError("a path that begins with `it` was read where `it` is nothing")
    return (it.segment,)


def _step_finder(step: Step, all_of_bare: bool) -> Callable[[Message, Sequence[int]], Sequence[int]]:
    pick = step.pick
    if pick == EVERY or (pick is None and all_of_bare):
        return lambda _message, rows: rows
    if isinstance(pick, Selector):
        holds = _segment_selector(pick)
        return lambda message, rows: [row for row in rows if holds(message, row)]
    number = 1 if pick is None else pick
    return lambda _message, rows: rows[number - 1 : number]


def find_repetitions(field: int, pick: Pick) -> RepetitionFinder:
    """Compile the part of a path that finds repetitions of a field; a bare field stands for its first."""
    if pick is None:
        return lambda _message, _segment: (1,)
    if pick == EVERY:
        return lambda message, segment: range(1, _count(message, segment, field) + 1)
    if isinstance(pick, Selector):
        holds = repetition_selector(pick)

        def selected(message: Message, segment: int) -> Sequence[int]:
            text = message.field(segment, field)
            if not text or message.is_delimiters(segment, field):
                return ()
            repetitions = text.split(message.separators.cuts[0])
            return [number for number, one in enumerate(repetitions, 1) if holds(message, one)]

        return selected
    return lambda message, segment: (pick,) if pick <= _count(message, segment, field) else ()


def _count(message: Message, segment: int, field: int) -> int:
    text = message.field(segment, field)
    if not text:
        return 0
    return 1 if message.is_delimiters(segment, field) else text.count(message.separators.cuts[0]) + 1


def _segment_selector(selector: Selector) -> Callable[[Message, int], bool]:
    def reader(test: Comparison) -> Callable[[Message, int], bool]:
        field, component, subcomponent = (*test.numbers, 0, 0)[:3]
        value, equal = test.value, test.equal

        def holds(message: Message, row: int) -> bool:
            return (value_at(message, Place(row, field, 1, component, subcomponent)) == value) is equal

        return holds

    compiled = [[reader(test) for test in tests] for tests in selector.alternatives]
    return lambda message, row: any(all(test(message, row) for test in tests) for tests in compiled)


def repetition_selector(selector: Selector) -> Callable[[Message, str], bool]:
    """Compile a selector behind a field: takes the text of one repetition."""

    def reader(test: Comparison) -> Callable[[Message, str], bool]:
        component, subcomponent = (*test.numbers, 0)[:2]
        value, equal = test.value, test.equal

        def holds(message: Message, text: str) -> bool:
            cuts = message.separators.cuts
            found = part(text, cuts[1], component)
            if subcomponent:
                found = part(found, cuts[2], subcomponent)
            return (leaf(message, found) == value) is equal

        return holds

    compiled = [[reader(test) for test in tests] for tests in selector.alternatives]
    if len(compiled) == 1 and len(compiled[0]) == 1:
        return compiled[0][0]
    return lambda message, text: any(all(test(message, text) for test in tests) for tests in compiled)


def _at_it(path: Path) -> Places:
    """Places of `it`, `it.1` and `it.1.2`: where `it` stands, narrowed further."""
    component, subcomponent = path.component, path.subcomponent

    def places(message: Message, it: Place | None = None) -> list[Place]:  # noqa: ARG001 - the shape of Read
        if it is None:
            raise ValueError("a path that begins with `it` was read where `it` is nothing")
        if not component:
            return [it]
        if not it.field:
            return []  # a segment has no components of its own
        if not it.component:
            return [Place(it.segment, it.field, it.repetition or 1, component, subcomponent)]
        if not it.subcomponent and not subcomponent:
            return [Place(it.segment, it.field, it.repetition, it.component, component)]
        return [it] if component == 1 and subcomponent < 2 else []

    return places


def compile_places(path: Path) -> Places:
    """All places that a path leads to, in the message's order. A field that is missing in a segment that
    is there has a place; a repetition that is not there has none. Places in an envelope are not told."""
    if path.relative and not path.steps and not path.field:
        return _at_it(path)
    segments = find_segments(path)
    field, component, subcomponent = path.field, path.component, path.subcomponent
    if not field:
        return lambda message, it=None: [Place(row) for row in segments(message, it)]
    repetitions = find_repetitions(field, path.repetition)

    def places(message: Message, it: Place | None = None) -> list[Place]:
        return [
            Place(row, field, repetition, component, subcomponent)
            for row in segments(message, it)
            for repetition in repetitions(message, row)
        ]

    return places
