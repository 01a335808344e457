"""What differs between two states of a message, place by place: segments, fields, repetitions, components.

Values are decoded, as an expression reads them; paths are those that an analyst would write. Both messages
have the same delimiters. Knows nothing of the steps that made the difference.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from difflib import SequenceMatcher
from itertools import zip_longest

from routes.flow.tracing import Change
from routes.hl7.message import Message
from routes.hl7.separators import decode

__all__ = ["find_changes"]

Row = tuple[int, str]
"""A segment: its position in the message, and its whole text."""

Pair = tuple[int | None, int | None]
"""A segment's position before and after; None where it was not there."""

NULL = '""'
_CAREFUL = 300
"""Up to so many segments of a name, those that came or went are found exactly; beyond, from both ends."""


def find_changes(before: Message, after: Message) -> list[Change]:
    """Every difference, in the order of `after`; what only `before` has stands where it stood.

    Quick where the two are states of one message; others may be compared as well.
    """
    return list(_Comparing(before, after).all())


class _Comparing:
    def __init__(self, before: Message, after: Message) -> None:
        self.before = before
        self.after = after
        self.seps = after.separators

    def all(self) -> Iterator[Change]:
        after, before = self.after.parted_from(self.before)
        old, new = _rows(self.before, before), _rows(self.after, after)
        found: list[tuple[int, list[Change]]] = []
        for name in dict.fromkeys([*old, *new]):
            for one, other in _pair(old.get(name, ()), new.get(name, ())):
                place = other if other is not None else one
                found.append((0 if place is None else place, list(self._row(one, other))))
        for _, changes in sorted(found, key=lambda each: each[0]):
            yield from changes

    def _row(self, one: int | None, other: int | None) -> Iterator[Change]:
        """One segment that changed, came or went."""
        if one is None and other is not None:
            yield Change(_numbered(self.after, other), "", self.after.text(other))
        elif one is not None and other is None:
            yield Change(_numbered(self.before, one), self.before.text(one), "")
        elif one is not None and other is not None:
            yield from self._segment(one, other)

    def _segment(self, one: int, other: int) -> Iterator[Change]:
        old, new = self.before.fields(one), self.after.fields(other)
        name, same = _numbered(self.after, other), True
        for number in range(1, max(len(old), len(new))):
            text = old[number] if number < len(old) else ""
            changed = new[number] if number < len(new) else ""
            if text != changed:
                same = False
                found = list(self._field(f"{name}-{number}", text, changed))
                # Where only delimiters at the end came or went, no part of the field differs.
                yield from found or [Change(f"{name}-{number}", text, changed)]

        if same:  # only empty fields at the end came or went
            yield Change(name, self.before.text(one), self.after.text(other))

    def _field(self, path: str, text: str, changed: str) -> Iterator[Change]:
        old, new = _cut(text, self.seps.repetition), _cut(changed, self.seps.repetition)
        if len(old) == len(new) == 1:
            yield from self._repetition(path, text, changed)
        elif sorted(old) == sorted(new):
            yield Change(path, text, changed)
        elif len(old) == len(new) or not text or not changed:
            yield from self._pairs(path, 0, old if text else [], new if changed else [])
        else:
            start, end = _shared(old, new)
            yield from self._pairs(path, start, old[start : len(old) - end], new[start : len(new) - end])

    def _pairs(self, path: str, start: int, old: Sequence[str], new: Sequence[str]) -> Iterator[Change]:
        for place in range(max(len(old), len(new))):
            text = old[place] if place < len(old) else ""
            changed = new[place] if place < len(new) else ""
            if text != changed:
                yield from self._repetition(f"{path}[{start + place + 1}]", text, changed)

    def _repetition(self, path: str, text: str, changed: str) -> Iterator[Change]:
        yield from self._parts(path, text, changed, (self.seps.component, self.seps.subcomponent))

    def _parts(self, path: str, text: str, changed: str, separators: Sequence[str]) -> Iterator[Change]:
        if not separators:
            yield Change(path, self._value(text), self._value(changed))
            return
        old, new = _cut(text, separators[0]), _cut(changed, separators[0])
        if len(old) == len(new) == 1:
            yield from self._parts(path, text, changed, separators[1:])
            return
        for number in range(max(len(old), len(new))):
            one = old[number] if number < len(old) else ""
            other = new[number] if number < len(new) else ""
            if one != other:
                yield from self._parts(f"{path}.{number + 1}", one, other, separators[1:])

    def _value(self, text: str) -> str:
        return text if not text or text == NULL else decode(text, self.seps, self.after.codec)


def _rows(message: Message, stretch: range) -> dict[bytes, list[Row]]:
    """The segments of a stretch by name, in order."""
    found: dict[bytes, list[Row]] = {}
    names = message.raw_names()
    for row in stretch:
        if name := names[row]:
            found.setdefault(name, []).append((row, message.text(row)))
    return found


def _pair(old: Sequence[Row], new: Sequence[Row]) -> Iterator[Pair]:
    """The segments of one name that are not the same any more, each with what became of it."""
    if len(old) == len(new):
        yield from [(one, other) for (one, text), (other, now) in zip(old, new, strict=True) if text != now]
        return
    start, end = _shared([text for _, text in old], [text for _, text in new])
    old, new = old[start : len(old) - end], new[start : len(new) - end]
    blocks = [("replace", 0, len(old), 0, len(new))]
    if len(old) + len(new) <= _CAREFUL:
        texts = ([text for _, text in old], [text for _, text in new])
        blocks = [*SequenceMatcher(None, *texts, autojunk=False).get_opcodes()]
    for how, i1, i2, j1, j2 in blocks:
        if how != "equal":
            for one, other in zip_longest(old[i1:i2], new[j1:j2]):
                yield (None if one is None else one[0], None if other is None else other[0])


def _shared(old: Sequence[str], new: Sequence[str]) -> tuple[int, int]:
    """How many are the same at the beginning, and how many of the rest at the end."""
    most = min(len(old), len(new))
    start = end = 0
    while start < most and old[start] == new[start]:
        start += 1
    while end < most - start and old[-1 - end] == new[-1 - end]:
        end += 1
    return start, end


def _numbered(message: Message, row: int) -> str:
    """`OBX[3]`, or `PID` where there is one."""
    name = message.name(row)
    rows = message.rows(message.raw_names()[row])
    return f"{name}[{rows.index(row) + 1}]" if len(rows) > 1 else name


def _cut(text: str, separator: str) -> list[str]:
    return text.split(separator) if separator else [text]
