"""`join`: the values of several segments go into the first of them, as text or as one document.

Values are joined as they stand, escapes and all. Knows nothing of how a step is written in a file.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from routes.flow.changing import Step
from routes.flow.running import Run
from routes.hl7.finding import LOWEST, RANKS
from routes.hl7.message import Message
from routes.hl7.path import CompiledPath, Place, compile_path, parse_path
from routes.hl7.separators import decode, encode
from routes.hl7.values import raw_at

__all__ = ["LINE_BREAK", "REPETITION", "Joining", "groups_of", "join_segments"]

LINE_BREAK = "line_break"
REPETITION = "repetition"
_IT = compile_path(parse_path("it"))
_CHUNK = compile_path(parse_path("it.5"))
_OBSERVATION = "OBX"
_TYPE_FIELD = 2  # OBX-2, the data type of OBX-5
_DOCUMENT = 5  # ED: the data is its component 5; what it is stands before


@dataclass(frozen=True, slots=True)
class Joining:
    """How to join.

    within: the segment whose groups are joined each by itself, or b"". between: LINE_BREAK, REPETITION or a
    literal text. wrap: the longest line in characters, or 0. type: what OBX-2 becomes, or "". base64: the
    values are chunks of one document. same: fields that must be equal.
    """

    within: bytes = b""
    between: str = LINE_BREAK
    wrap: int = 0
    type: str = ""
    base64: bool = False
    same: tuple[int, ...] = ()


def join_segments(path: CompiledPath, how: Joining) -> Step:
    """`join`: False where chunks of a document do not fit one another.

    A path without a repetition takes all of a field's repetitions, each as a value of its own.
    """
    whole_field = bool(path.path.field) and path.path.repetition is None and not path.path.component

    def join(run: Run) -> bool:
        message = run.message
        groups: dict[tuple[object, ...], list[Place]] = {}
        before = groups_of(message, how.within)
        for place in path.places(message, run.scope.it):
            same = tuple([message.field(place.segment, number) for number in how.same])
            groups.setdefault((before[place.segment], *same), []).append(
                Place(place.segment, place.field) if whole_field else place
            )
        make = _join_document if how.base64 else _join_texts
        return all(make(message, places, how) for places in groups.values())

    return join


def groups_of(message: Message, within: bytes) -> Sequence[int]:
    """For each segment position a number: equal means within the same segment of that name, or between the
    same two groups of them. What belongs to what: `routes.hl7.finding`."""
    if not within:
        return [0] * message.segments
    rank = RANKS.get(within, LOWEST)
    group, inside, found = 0, False, []
    for name in message.raw_names():
        if name == within:
            group, inside = group + 1, True
        elif inside and RANKS.get(name, LOWEST) <= rank < LOWEST:
            group, inside = group + 1, False
        found.append(group)
    return found


# --- text --------------------------------------------------------------------------------------------


def _join_texts(message: Message, places: Sequence[Place], how: Joining) -> bool:
    first, rest = places[0], _segments_behind(places)
    before = raw_at(message, first)
    between = _between(message, how.between)
    repetition = message.separators.repetition
    values = [value for place in places for value in _values(raw_at(message, place), place, repetition)]
    text = between.join(values)
    if how.wrap:
        text = _wrapped(message, text, how)
    if text != before:
        _IT.write_raw(message, text, first)
    if rest or text != before:
        _finish(message, first, rest, how)
    return True


def _values(text: str, place: Place, repetition: str) -> Sequence[str]:
    """The text itself; of a whole field, each of its repetitions."""
    whole = place.field and not place.repetition
    return text.split(repetition) if whole and repetition else (text,)


def _segments_behind(places: Sequence[Place]) -> list[int]:
    """The segments of all places but the first one's."""
    return [row for row in dict.fromkeys(place.segment for place in places) if row != places[0].segment]


def _finish(message: Message, first: Place, rest: Sequence[int], how: Joining) -> None:
    if how.type and message.name(first.segment) == _OBSERVATION:
        message.set_field(first.segment, _TYPE_FIELD, how.type)
    for row in rest:
        message.remove(row)


def _between(message: Message, between: str) -> str:
    seps = message.separators
    if between == LINE_BREAK:
        return _line_break(message)
    if between == REPETITION:
        return seps.repetition or " "
    return encode(between, seps)


def _line_break(message: Message) -> str:
    escape = message.separators.escape
    return f"{escape}.br{escape}" if escape else " "


def _wrapped(message: Message, text: str, how: Joining) -> str:
    """Lines longer than `wrap` are broken at spaces; the space goes. Lines are never put together.

    A break is a line break, or a repetition where repetitions are the lines.
    """
    line_break = _between(message, how.between if how.between == REPETITION else LINE_BREAK)
    return line_break.join(
        line for whole in text.split(line_break) for line in _broken(message, whole, how.wrap)
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


# --- documents ---------------------------------------------------------------------------------------


def _join_document(message: Message, places: Sequence[Place], how: Joining) -> bool:
    """Chunks of base64 into one: as whole fields, or as component 5 where they are written as ED."""
    first, rest = places[0], _segments_behind(places)
    if not rest:
        return True
    chunks = [_chunk(message, place) for place in places]
    kinds = [kind for kind, _ in chunks]
    texts = [text.strip() for _, text in chunks]
    if any("=" in text for text in texts[:-1]):
        return False  # padding ends a document: what follows belongs to another one, or is broken
    if any(kind is None or (kind and kind != kinds[0]) for kind in kinds):
        return False  # several repetitions, or chunks of another kind: these are not of one document
    write = _CHUNK if message.separators.cuts[1] in raw_at(message, first) else _IT
    write.write_raw(message, "".join(texts), first)
    _finish(message, first, rest, how)
    return True


def _chunk(message: Message, place: Place) -> tuple[str | None, str]:
    """The components before the data, where there are any, and the data. None: it is no chunk."""
    text = raw_at(message, place)
    seps = message.separators
    if place.component:
        return "", text
    if seps.cuts[0] in text:
        return None, text
    if seps.cuts[1] not in text:
        return "", text
    parts = text.split(seps.cuts[1])
    if len(parts) < _DOCUMENT or any(parts[_DOCUMENT:]):
        return None, text
    kind = parts[: _DOCUMENT - 1]
    return seps.cuts[1].join(kind) if any(kind) else "", parts[_DOCUMENT - 1]
