"""`join`: the values of several segments go into the first of them, as text or as one document.

Values are joined as they stand, escapes and all. Knows nothing of how a step is written in a file.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from routes.flow.changing import Step
from routes.flow.running import Run
from routes.hl7.message import Message
from routes.hl7.path import CompiledPath, Place, compile_path, parse_path
from routes.hl7.separators import decode, encode
from routes.hl7.values import part, raw_at

__all__ = ["LINE_BREAK", "REPETITION", "Joining", "groups_of", "join_segments"]

LINE_BREAK = "line_break"
REPETITION = "repetition"
_IT = compile_path(parse_path("it"))
_CHUNK = compile_path(parse_path("it.5"))
_TYPE_FIELD = 2  # OBX-2, the data type of OBX-5
_DOCUMENT = 5  # ED: the data is its component 5


@dataclass(frozen=True, slots=True)
class Joining:
    """How to join.

    within: the segment whose groups are joined each by itself, or b"". between: LINE_BREAK, REPETITION or a
    literal text. wrap: the longest line in characters, or 0. type: what field 2 becomes, or "". base64: the
    values are chunks of one document. same: fields that must be equal.
    """

    within: bytes = b""
    between: str = LINE_BREAK
    wrap: int = 0
    type: str = ""
    base64: bool = False
    same: tuple[int, ...] = ()


def join_segments(path: CompiledPath, how: Joining) -> Step:
    """`join`: False where chunks of a document do not fit one another."""

    def join(run: Run) -> bool:
        message = run.message
        groups: dict[tuple[object, ...], list[Place]] = {}
        before = groups_of(message, how.within)
        for place in path.places(message, run.scope.it):
            same = tuple([message.field(place.segment, number) for number in how.same])
            groups.setdefault((before[place.segment], *same), []).append(place)
        return all(_join(message, places, how) for places in groups.values())

    return join


def groups_of(message: Message, within: bytes) -> Sequence[int]:
    """For each segment position the number of `within` segments up to there: equal means one group."""
    if not within:
        return [0] * message.segments
    counted, found = 0, []
    for name in message.raw_names():
        counted += name == within
        found.append(counted)
    return found


def _join(message: Message, places: Sequence[Place], how: Joining) -> bool:
    first, rest = places[0], places[1:]
    if how.base64:
        chunk = _CHUNK if _is_document(message, first) else _IT
        chunks = [chunk.raw(message, place).strip() for place in places]
        if any("=" in text for text in chunks[:-1]):
            return False  # padding ends a document: what follows belongs to another one, or is broken
        if rest:
            chunk.write_raw(message, "".join(chunks), first)
    else:
        text = _between(message, how.between).join([raw_at(message, place) for place in places])
        if how.wrap:
            text = _wrapped(message, text, how.wrap)
        if text != raw_at(message, first):
            _IT.write_raw(message, text, first)
    if how.type and (rest or how.wrap):
        message.set_field(first.segment, _TYPE_FIELD, how.type)
    for place in rest:
        message.remove(place.segment)
    return True


def _is_document(message: Message, place: Place) -> bool:
    """Whether the path names a whole field that has the components of an ED."""
    if place.component:
        return False
    return bool(part(raw_at(message, place), message.separators.cuts[1], _DOCUMENT))


def _between(message: Message, between: str) -> str:
    seps = message.separators
    if between == LINE_BREAK:
        return _line_break(message)
    if between == REPETITION:
        return seps.repetition
    return encode(between, seps)


def _line_break(message: Message) -> str:
    escape = message.separators.escape
    return f"{escape}.br{escape}" if escape else " "


def _wrapped(message: Message, text: str, longest: int) -> str:
    """Lines longer than `longest` are broken at spaces; the space goes. Lines are never put together."""
    line_break = _line_break(message)
    return line_break.join(
        line for whole in text.split(line_break) for line in _broken(message, whole, longest)
    )


def _broken(message: Message, line: str, longest: int) -> list[str]:
    seps = message.separators
    if len(line) <= longest:
        return [line]
    lines: list[str] = []
    current, length = "", 0
    for number, word in enumerate(line.split(" ")):
        width = len(decode(word, seps)) if seps.escape and seps.escape in word else len(word)
        if number and length + 1 + width <= longest:
            current, length = f"{current} {word}", length + 1 + width
        else:
            if number:
                lines.append(current)
            current, length = word, width
    return [*lines, current]
