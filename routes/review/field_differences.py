"""Where two texts of one message differ: field by field, as an analyst would point at it.

Bytes in, differences out. Knows nothing of routes, channels, or of who wants to know. Segments that are equal
are passed over; the others are laid side by side by name and set id, then by name alone, so that a segment
that was added or removed in the middle does not make all behind it differ.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from difflib import SequenceMatcher
from itertools import zip_longest
from typing import Literal

from routes.conformance.finding import describe_shape
from routes.hl7.message import Message, SegmentEnds, Unreadable
from routes.hl7.values import leaf

__all__ = ["MOST", "PLAIN", "FieldDifference", "Writing", "field_differences", "show_value"]

MOST = 100
"""The most differences told of one pair; a last one says that there are more."""

LONG = 240
"""Characters of a value from which on it is not shown whole."""

_MANY = 600  # segments from which on they are paired by their order alone: comparing costs their square
_BASE64 = re.compile(r"[A-Za-z0-9+/\s]{200}")

SegmentHow = Literal["", "added", "removed"]


@dataclass(frozen=True, slots=True)
class FieldDifference:
    """One place where two messages differ.

    path: `PID-3[2].1`, `OBX[3]-5.1`; of a segment that only one of them has, `NTE[2]`. before, after: the
    values as an expression reads them, "" where there is none; long ones shortened, documents never shown.
    segment: whether a whole segment was added or removed.
    """

    path: str
    before: str
    after: str
    segment: SegmentHow = ""


@dataclass(frozen=True, slots=True)
class Writing:
    """How the messages of a feed are read, and whether their values may be shown, or only their shapes."""

    charset: str = "utf-8"
    segment_ends: SegmentEnds = "cr"
    values: bool = True


def show_value(text: str) -> str:
    """A value fit to be shown: a document as its size, a long text shortened."""
    if len(text) <= LONG:
        return text
    if _BASE64.match(text) and " " not in text[:200]:
        return f"(document of {len(text):,} characters)"
    return f"{text[:LONG]}… ({len(text):,} characters)"


PLAIN = Writing()
"""UTF-8, CR, and values shown."""


def field_differences(before: bytes, after: bytes, writing: Writing = PLAIN) -> tuple[FieldDifference, ...]:
    """Every place where `after` differs from `before`, in the order of the message; at most MOST + 1."""
    if before == after:
        return ()
    try:
        old, new = (
            Message.parse(data, charset=writing.charset, segment_ends=writing.segment_ends)
            for data in (before, after)
        )
    except Unreadable:
        one, other = (f"({len(data):,} bytes that are no HL7 message)" for data in (before, after))
        return (FieldDifference("message", one, other),)
    return tuple(_first(_Pair(old, new, show_value if writing.values else describe_shape).all()))


def _first(found: Iterator[FieldDifference]) -> Iterator[FieldDifference]:
    for number, difference in enumerate(found):
        if number == MOST:
            yield FieldDifference("…", "", "(and more)")
            return
        yield difference


class _Pair:
    """Two messages that are laid side by side."""

    def __init__(self, old: Message, new: Message, show: Callable[[str], str]) -> None:
        self.old = old
        self.new = new
        self.show = show

    def all(self) -> Iterator[FieldDifference]:
        """In the order of the new message; what is gone stands where it was."""
        told = False
        for mine, theirs in self._aligned():
            if mine is not None and theirs is not None:
                differences = self._segments(mine, theirs)
            elif mine is not None:
                text = self.show(self.old.text(mine))
                differences = iter([FieldDifference(_place(self.old, mine), text, "", "removed")])
            else:
                text = self.show(self.new.text(theirs or 0))
                differences = iter([FieldDifference(_place(self.new, theirs or 0), "", text, "added")])
            for difference in differences:
                told = True
                yield difference
        if not told:
            yield FieldDifference("message", "(segment ends or blank lines)", "(written otherwise)")

    def _aligned(self) -> Iterator[tuple[int | None, int | None]]:
        """Positions in both that belong together; None where there is no other. Equal ones are left out."""
        mine, theirs = _present(self.old), _present(self.new)
        texts = [[m.text(at) for at in rows] for m, rows in ((self.old, mine), (self.new, theirs))]
        start = _common(texts[0], texts[1])
        end = _common(texts[0][start:][::-1], texts[1][start:][::-1])
        ours = slice(start, len(mine) - end)
        yours = slice(start, len(theirs) - end)
        block = _Block(mine[ours], theirs[yours])
        if max(len(block.mine), len(block.theirs)) > _MANY:
            pairs = _by_order(self.old, self.new, block)
        else:
            pairs = self._by_likeness(block, (texts[0][ours], texts[1][yours]))
        yield from pairs

    def _by_likeness(
        self, block: _Block, texts: tuple[list[str], list[str]]
    ) -> Iterator[tuple[int | None, int | None]]:
        """Equal texts first; between them the same name and set id, and at last the same name."""
        for unequal in _unequal(block, texts[0], texts[1], keep=False):
            keys = [_key(self.old, at) for at in unequal.mine], [_key(self.new, at) for at in unequal.theirs]
            for piece in _unequal(unequal, *keys, keep=True):
                if piece.paired:
                    yield from zip(piece.mine, piece.theirs, strict=True)
                    continue
                names = [self.old.name(at) for at in piece.mine], [self.new.name(at) for at in piece.theirs]
                for last in _unequal(piece, *names, keep=True):
                    if last.paired:
                        yield from zip(last.mine, last.theirs, strict=True)
                    else:
                        yield from ((at, None) for at in last.mine)
                        yield from ((None, at) for at in last.theirs)

    def _segments(self, mine: int, theirs: int) -> Iterator[FieldDifference]:
        old, new = self.old.fields(mine), self.new.fields(theirs)
        place = _place(self.new, theirs)
        for number, (one, other) in enumerate(zip_longest(old, new, fillvalue="")):
            if one == other or not number:
                continue
            if self.new.is_delimiters(theirs, number):
                yield FieldDifference(f"{place}-{number}", self.show(one), self.show(other))
            else:
                yield from self._narrowed(f"{place}-{number}", one, other, 0)

    def _narrowed(self, path: str, one: str, other: str, level: int) -> Iterator[FieldDifference]:
        """Down from a field to the repetition, component and sub-component that differs."""
        if level == 3:
            yield FieldDifference(path, self._value(self.old, one), self._value(self.new, other))
            return
        ours = one.split(self.old.separators.cuts[level])
        yours = other.split(self.new.separators.cuts[level])
        if len(ours) == len(yours) == 1:
            yield from self._narrowed(path, one, other, level + 1)
            return
        for number, (part, counterpart) in enumerate(zip_longest(ours, yours, fillvalue=""), 1):
            if part != counterpart:
                inner = f"{path}[{number}]" if level == 0 else f"{path}.{number}"
                yield from self._narrowed(inner, part, counterpart, level + 1)

    def _value(self, message: Message, text: str) -> str:
        return self.show(leaf(message, text) if len(text) <= LONG else text)


@dataclass(frozen=True, slots=True)
class _Block:
    """Positions in both messages that stand side by side; paired: one by one, as many here as there."""

    mine: Sequence[int]
    theirs: Sequence[int]
    paired: bool = False


def _unequal(block: _Block, ours: Sequence[str], yours: Sequence[str], *, keep: bool) -> Iterator[_Block]:
    """The parts of a block between what is the same in both; with `keep` the same parts too, as paired."""
    matcher = SequenceMatcher(None, ours, yours, autojunk=False)
    for how, a, b, c, d in matcher.get_opcodes():
        if how != "equal" or keep:
            yield _Block(block.mine[a:b], block.theirs[c:d], how == "equal")


def _by_order(old: Message, new: Message, block: _Block) -> Iterator[tuple[int | None, int | None]]:
    """The first NTE with the first NTE, and so on."""
    rows: dict[str, list[int]] = {}
    for at in block.mine:
        rows.setdefault(old.name(at), []).append(at)
    ahead = {name: iter(found) for name, found in rows.items()}
    for at in block.theirs:
        mine = next(ahead.get(new.name(at), iter(())), None)
        if mine is None or old.text(mine) != new.text(at):
            yield mine, at
    yield from ((at, None) for left in ahead.values() for at in left)


def _present(message: Message) -> list[int]:
    """The positions that hold a segment."""
    return [at for at, name in enumerate(message.raw_names()) if name]


def _common(ours: Sequence[str], yours: Sequence[str]) -> int:
    """How many are equal from the beginning."""
    count = 0
    for one, other in zip(ours, yours, strict=False):
        if one != other:
            break
        count += 1
    return count


def _key(message: Message, segment: int) -> str:
    """Name and set id: what makes a segment the same one."""
    return f"{message.name(segment)}|{message.field(segment, 1)}"


def _place(message: Message, segment: int) -> str:
    """`PID`, or `OBX[3]` where there are several."""
    name = message.name(segment)
    rows = message.rows(name.encode("latin-1", "replace"))
    return f"{name}[{rows.index(segment) + 1}]" if len(rows) > 1 else name
