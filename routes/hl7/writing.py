"""Compiles paths to closures that change messages: write values, copy structure, remove.

Values are escaped with the message's own delimiters. Fields, repetitions and components that are missing
on the way are filled in, empty; trailing delimiters that were there stay. Writing what is there already
changes nothing. Knows nothing of routes.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal, Protocol

from routes.hl7.finding import compile_places, find_repetitions, find_segments
from routes.hl7.message import Message
from routes.hl7.notation import EVERY, NoSuchPlace, Path, PathError, Place, Selector
from routes.hl7.reading import Every, First, Places, compile_every, compile_first, compile_raw
from routes.hl7.separators import NEVER, Unwritable, encode
from routes.hl7.values import leaf, raw_at

__all__ = ["CompiledPath", "Purpose", "compile_path", "put_raw"]

Purpose = Literal["read", "write", "remove"]
HEADERS = frozenset({"MSH", "BHS", "FHS"})


PATIENT_AND_VISIT = (b"EVN", b"PID", b"PD1", b"NK1", b"PV1", b"PV2")
"""The segments that stand before any order or observation, in the order of the message structures."""


class Write(Protocol):
    """Writes a text; returns how many places it was written to."""

    def __call__(self, message: Message, value: str, it: Place | None = None) -> int: ...


class Remove(Protocol):
    """Removes; returns how many things were there to be removed."""

    def __call__(self, message: Message, it: Place | None = None) -> int: ...


@dataclass(frozen=True, slots=True)
class CompiledPath:
    """A path made ready. Each of these takes a message and, for paths that begin with `it`, a place.

    first: the value of the first place, "" where there is none. every: the values of all. places: all
    places. raw: the first place's text as it stands (`PID-3[*]`: the whole field).
    write: a value, escaped, to the first place; where there is none it is made: a missing segment that is
    not reached through another is added at the end of the message (behind the last of its name, where a
    selector picks), a repetition that no selector picks is added with the selector's values in it. An
    empty value makes nothing. write_all: to every place. write_raw: a text with its delimiters, as `raw`
    gives it, to the first place. remove: every match; a path without numbers matches all segments and all
    repetitions. Segments and picked repetitions go, fields and components are emptied; `it` is emptied
    where it stands. remove_first: only what `first` reads.

    Writing raises NoSuchPlace where the place cannot be made, and Unwritable where the message cannot
    hold the text.
    """

    path: Path
    first: First
    every: Every
    places: Places
    raw: First
    write: Write
    write_raw: Write
    write_all: Write
    remove: Remove
    remove_first: Remove


def compile_path(path: Path, purpose: Purpose = "read") -> CompiledPath:
    """Make a path ready. Raises PathError where it can never be used for the purpose."""
    _check_purpose(path, purpose)
    maker = _Maker(path)
    return CompiledPath(
        path, compile_first(path), compile_every(path), compile_places(path), compile_raw(path),
        maker.write, maker.write_raw, maker.write_all, maker.remove, maker.remove_first,
    )  # fmt: skip


def _check_purpose(path: Path, purpose: Purpose) -> None:
    text, name = str(path), path.segment
    if purpose == "read" or name not in HEADERS:
        if purpose == "write" and not path.field and not path.relative:
            raise PathError(
                f"{text} is a whole segment; a value is written to a field, such as {text}-1", 0, len(text),
                "path-not-writable",
            )  # fmt: skip
        return
    if name != "MSH":
        raise PathError(
            "the envelope of a batch can be read, but not changed", 0, len(text), "path-not-writable"
        )
    if not path.field:
        raise PathError(
            "the MSH segment cannot be written or removed as a whole", 0, len(text), "path-not-writable"
        )
    if path.field < 3:
        raise PathError(
            f"MSH-{path.field} holds the message's delimiters and cannot be changed", 0, len(text),
            "path-not-writable",
        )  # fmt: skip


class _Maker:
    """Changes messages at one path."""

    def __init__(self, path: Path) -> None:
        self.path = path
        self.places = compile_places(path)
        self.segments = find_segments(path)
        self.repetitions = find_repetitions(path.field, path.repetition)
        self.matches = find_segments(path, all_of_bare=True)

    # -- writing -----------------------------------------------------------------------------------

    def write(self, message: Message, value: str, it: Place | None = None) -> int:
        place = self._place(message, value, it)
        return _write_value(message, place, value) if place else 0

    def write_all(self, message: Message, value: str, it: Place | None = None) -> int:
        places = self.places(message, it)
        if not places and not self.path.many:
            return self.write(message, value, it)
        return sum(_write_value(message, place, value) for place in places)

    def write_raw(self, message: Message, value: str, it: Place | None = None) -> int:
        place = self._place(message, value, it)
        if place is None:
            return 0
        if self.path.repetition == EVERY and not self.path.component:
            place = Place(place.segment, place.field)
        put_raw(message, place, value)
        return 1

    def _place(self, message: Message, value: str, it: Place | None) -> Place | None:
        """The first place, made where it is missing; None where there is nothing to write there."""
        path = self.path
        if path.relative and not path.steps and not path.field:
            for place in self.places(message, it):
                return place
            raise NoSuchPlace(f"{path} leads nowhere here: a segment has no components of its own")
        if not path.field:
            for row in self.segments(message, it):
                return Place(row)
            raise NoSuchPlace(f"{path}: there is no such segment in the message")
        for row in self.segments(message, it):
            return self._in_segment(message, row, value)
        return self._in_segment(message, self._make_segment(message, it), value) if value else None

    def _in_segment(self, message: Message, row: int, value: str) -> Place | None:
        path = self.path
        for repetition in self.repetitions(message, row):
            return Place(row, path.field, repetition, path.component, path.subcomponent)
        if not value:
            return None
        number = 1
        if isinstance(path.repetition, int):
            number = path.repetition
        elif isinstance(path.repetition, Selector):
            number = _add_repetition(message, row, path.field, path.repetition)
        return Place(row, path.field, number, path.component, path.subcomponent)

    def _make_segment(self, message: Message, it: Place | None) -> int:
        path = self.path
        step = path.steps[0] if path.steps else None
        if step is None or path.relative or len(path.steps) > 1 or step.name in HEADERS or step.pick == EVERY:
            raise NoSuchPlace(f"{path}: there is no such segment in the message")
        rows = message.rows(step.name.encode())
        if isinstance(step.pick, int) and step.pick != len(rows) + 1:
            raise NoSuchPlace(f"{path}: the message holds too few {step.name} segments")
        if not isinstance(step.pick, Selector):
            # An insertion would move the element that `it` stands for: then the end has to do.
            return message.append(step.name) if it else message.insert(_home(message, step.name), step.name)
        at = rows[-1] + 1 if rows else message.segments
        row = message.insert(at, step.name)
        for test in step.pick.alternatives[0]:
            if test.equal and test.value:
                field, component, subcomponent = (*test.numbers, 0, 0)[:3]
                _write_value(message, Place(row, field, 1, component, subcomponent), test.value)
        return row

    # -- removing ----------------------------------------------------------------------------------

    def remove(self, message: Message, it: Place | None = None) -> int:
        path = self.path
        if path.relative and not path.steps and not path.field:
            return sum(_clear(message, place) for place in self.places(message, it))
        rows = list(self.matches(message, it))
        if not path.field:
            for row in rows:
                message.remove(row)
            return len(rows)
        return sum(self._remove_in(message, row) for row in rows)

    def remove_first(self, message: Message, it: Place | None = None) -> int:
        for place in self.places(message, it):
            if place.field and not place.component and isinstance(self.path.repetition, int | Selector):
                return _drop(message, place.segment, place.field, [place.repetition])
            return _clear(message, place)
        return 0

    def _remove_in(self, message: Message, row: int) -> int:
        path = self.path
        text = message.field(row, path.field)
        if not text:
            return 0
        if path.repetition is None and not path.component:
            message.set_field(row, path.field, "")
            return 1
        count = text.count(message.separators.cuts[0]) + 1
        numbers = range(1, count + 1) if path.repetition is None else list(self.repetitions(message, row))
        if not path.component:
            return _drop(message, row, path.field, numbers)
        places = [Place(row, path.field, number, path.component, path.subcomponent) for number in numbers]
        return sum(_clear(message, place) for place in places)


# -- changing one place ------------------------------------------------------------------------------------


def _write_value(message: Message, place: Place, value: str) -> int:
    """Write a value, escaped. Bytes that already mean it are left as they are."""
    raw = raw_at(message, place)
    text = encode(value, message.separators)
    if raw != text and not (_is_leaf(message, raw) and leaf(message, raw) == value):
        put_raw(message, place, text)
    return 1


def _is_leaf(message: Message, raw: str) -> bool:
    _, component, subcomponent, _ = message.separators.cuts
    return component not in raw and subcomponent not in raw


def _clear(message: Message, place: Place) -> int:
    """Empty one place where it stands (a segment is removed); 1 where anything was there."""
    if not place.field:
        if not message.name(place.segment):
            return 0
        message.remove(place.segment)
        return 1
    if not raw_at(message, place):
        return 0
    put_raw(message, place, "")
    return 1


def _drop(message: Message, row: int, field: int, numbers: range | list[int]) -> int:
    """Take repetitions out of a field; those behind them move up."""
    cut = message.separators.cuts[0]
    gone = set(numbers)
    if gone:
        repetitions = message.field(row, field).split(cut)
        kept = [text for number, text in enumerate(repetitions, 1) if number not in gone]
        message.set_field(row, field, cut.join(kept))
    return len(gone)


def put_raw(message: Message, place: Place, text: str) -> None:
    """Put a text in its place as it stands; it may hold only the delimiters below its own level."""
    segment, field, repetition, component, subcomponent = place
    if not field:
        message.replace(segment, text)
        return
    if message.is_delimiters(segment, field):
        raise Unwritable("the message's delimiters cannot be changed")
    if component and not repetition:
        repetition = 1
    cuts = message.separators.cuts
    outer = cuts[: 3 if subcomponent else 2 if component else 1 if repetition else 0]
    if any(cut in text for cut in outer):
        raise Unwritable("a text with structure does not fit into a place so small")
    whole = message.field(segment, field) if repetition else ""
    if component or repetition > 1 or cuts[0] in whole:
        steps = ((cuts[0], repetition), (cuts[1], component), (cuts[2], subcomponent))
        text = _with_part(whole, [step for step in steps if step[1]], text)
    message.set_field(segment, field, text)


def _with_part(whole: str, steps: list[tuple[str, int]], text: str) -> str:
    """`whole` with `text` as its part number n by the first cut, and so on down the steps."""
    if not steps:
        return text
    (cut, number), below = steps[0], steps[1:]
    parts = whole.split(cut)
    old = parts[number - 1] if number <= len(parts) else ""
    new = _with_part(old, below, text)
    if new == old:
        return whole
    if number > 1 and cut == NEVER:
        raise Unwritable("the message has no delimiter to make such a part")
    parts.extend([""] * (number - len(parts)))
    parts[number - 1] = new
    return cut.join(parts)


def _add_repetition(message: Message, row: int, field: int, selector: Selector) -> int:
    """Add a repetition that the selector's first alternative picks; returns its number. A null field
    becomes a field with one repetition."""
    cut = message.separators.cuts[0]
    whole = message.field(row, field)
    before = "" if whole == '""' else whole
    if before and cut == NEVER:
        raise Unwritable("the message has no repetition separator")
    text = ""
    for test in selector.alternatives[0]:
        if test.equal and test.value:
            component, subcomponent = (*test.numbers, 0)[:2]
            steps = [(message.separators.cuts[1], component), (message.separators.cuts[2], subcomponent)]
            text = _with_part(text, [s for s in steps if s[1]], encode(test.value, message.separators))
    message.set_field(row, field, f"{before}{cut}{text}" if before else text)
    return before.count(cut) + 2 if before else 1


def _home(message: Message, name: str) -> int:
    """Where a segment that the message lacks belongs: those of the patient and the visit behind the last
    of those that come before them (with its notes), all others at the end."""
    raw = name.encode()
    if raw not in PATIENT_AND_VISIT:
        return message.segments
    before = PATIENT_AND_VISIT[: PATIENT_AND_VISIT.index(raw)]
    names = message.raw_names()
    last = max((row for row, other in enumerate(names) if other in before), default=0)
    while last + 1 < len(names) and names[last + 1] == b"NTE":
        last += 1
    return last + 1
