"""Compiles paths to closures that read messages. Simple paths get a short way; all give the same values.

Reads only; knows nothing of how a message is changed. What a value is, `values` says.
"""

from __future__ import annotations

from routes.hl7.finding import Found, Places, Read, compile_places, find_segments
from routes.hl7.message import Message
from routes.hl7.notation import EVERY, Path, Place
from routes.hl7.values import compile_cutter, raw_at, value_at

__all__ = ["Every", "First", "Places", "compile_every", "compile_first", "compile_places", "compile_raw"]

First = Read[str]
Every = Read[list[str]]

ENVELOPE = frozenset({"BHS", "FHS"})
HEADERS = frozenset({"MSH", "BHS", "FHS"})


def compile_first(path: Path) -> First:
    """The value that a bare reading of the path gives: that of its first place, or ""."""
    fast = _simple_first(path)
    if fast is not None:
        return fast
    places = compile_places(path)

    def first(message: Message, it: Place | None = None) -> str:
        for place in places(message, it):
            return value_at(message, place)
        return ""

    return _with_envelope(path, first)


def _simple_first(path: Path) -> First | None:
    """The short way for one plain segment (or that of `it`), a field, and numbers only."""
    if path.relative and not path.steps and path.field and isinstance(path.repetition, int | None):
        return _first_of_it(path)
    if path.relative or len(path.steps) != 1 or not path.field or path.steps[0].name in HEADERS - {"MSH"}:
        return None
    pick, repetition = path.steps[0].pick, path.repetition
    if not isinstance(pick, int | None) or not isinstance(repetition, int | None):
        return None
    if path.steps[0].name == "MSH" and path.field < 3:
        return None
    name, number, index = path.steps[0].name.encode(), path.field, (pick or 1) - 1
    cut = compile_cutter(repetition or 1, path.component, path.subcomponent)

    def first(message: Message, it: Place | None = None) -> str:  # noqa: ARG001 - the shape of Read
        rows = message.rows(name)
        if index >= len(rows):
            return ""
        text = message.field(rows[index], number)
        return cut(message, text) if text else ""

    return first


def _first_of_it(path: Path) -> First:
    number = path.field
    cut = compile_cutter(
        path.repetition if isinstance(path.repetition, int) else 1, path.component, path.subcomponent
    )

    def first(message: Message, it: Place | None = None) -> str:
        if it is None:
            raise ValueError("a path that begins with `it` was read where `it` is nothing")
        text = message.field(it.segment, number)
        if not text:
            return ""
        if number < 3 and message.is_delimiters(it.segment, number):
            return value_at(message, Place(it.segment, number, 1, path.component, path.subcomponent))
        return cut(message, text)

    return first


def compile_every(path: Path) -> Every:
    """The values of all places, in order: the elements of a path with `[*]`, or of a selector."""
    places = compile_places(path)
    if path.relative or not path.field or path.repetition is not None or path.segment in HEADERS:

        def every(message: Message, it: Place | None = None) -> list[str]:
            return [value_at(message, place) for place in places(message, it)]

        return _with_envelope(path, every)
    segments, number = find_segments(path), path.field
    cut = compile_cutter(1, path.component, path.subcomponent)

    def column(message: Message, it: Place | None = None) -> list[str]:
        field = message.field
        return [cut(message, text) if (text := field(row, number)) else "" for row in segments(message, it)]

    return column


def compile_raw(path: Path) -> First:
    """What stands at the first place, undecoded, for copies that keep structure. `PID-3[*]` without a
    component means the whole field with all its repetitions."""
    if path.field and path.repetition == EVERY and not path.component:
        segments, field = find_segments(path), path.field

        def whole(message: Message, it: Place | None = None) -> str:
            for row in segments(message, it):
                return message.field(row, field)
            return ""

        return _with_envelope(path, whole)
    places = compile_places(path)

    def raw(message: Message, it: Place | None = None) -> str:
        for place in places(message, it):
            return raw_at(message, place)
        return ""

    return _with_envelope(path, raw)


def _with_envelope(path: Path, read: Read[Found]) -> Read[Found]:
    """BHS and FHS paths read the batch that the message came in, where it holds none of its own."""
    if path.relative or path.steps[0].name not in ENVELOPE:
        return read
    name = path.steps[0].name.encode()

    def enveloped(message: Message, it: Place | None = None) -> Found:
        outer = None if message.rows(name) else message.envelope_message()
        return read(outer or message, it)

    return enveloped
