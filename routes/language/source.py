"""A YAML file as nodes that know where they stand: every scalar is text until a shape reads it.

Refuses what YAML does behind one's back: duplicate keys, anchors, aliases, tags, several documents.
Must not know what any key means, nor where the text came from.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Literal, Protocol

import yaml

from routes.language.problems import Edit, Problems, Spot
from routes.language.yaml_edits import quote_cut_text, written
from routes.language.yaml_faults import explain_fault, explain_odd_character

__all__ = ["Block", "Items", "Node", "Scalar", "Style", "read_yaml"]

Style = Literal["plain", "single", "double", "block"]

MAX_CHARACTERS = 1_000_000  # the largest route file seen in other engines is below 100,000
MAX_DEPTH = 40

_STYLES: dict[str | None, Style] = {"'": "single", '"': "double", "|": "block", ">": "block"}
SAY_YES_ALONE = frozenset({"required", "forbidden"})
"""Keys that may stand in {…} without a value: `{required, length: 10}`. Whoever reads them knows."""


@dataclass(frozen=True, slots=True)
class Scalar:
    """One text. `raw` is what stands in the file, quotes included; `spot` is its first character there."""

    value: str
    spot: Spot
    style: Style = "plain"
    raw: str = field(default="", compare=False, repr=False)
    flow: bool = False  # stands inside {…} or […]

    def at(self, offset: int, length: int = 1) -> Spot:
        """The place in the file of the characters of `value` at `offset`, through quotes and line folds."""
        places = _places(self.value, self.raw, self.style)
        if offset >= len(places):
            end = places[-1] + 1 if places else 0
            return self._spot_of(end, 1)
        start = places[max(0, offset)]
        last = places[min(offset + max(1, length), len(places)) - 1]
        span = last - start + 1
        line_end = self.raw.find("\n", start)
        if line_end >= 0:
            span = min(span, line_end - start)
        return self._spot_of(start, span)

    def edited(self, offset: int, length: int, new: str) -> Edit | None:
        """The change of the file that puts `new` in the place of some characters of `value`.

        Quotes are put round the text where YAML needs them from then on. None where it stands on several
        lines.
        """
        if "\n" in self.raw or self.style == "block" or not self.raw:
            return None
        value = self.value[:offset] + new + self.value[offset + length :]
        return Edit(
            self.spot.line, self.spot.column, len(self.raw), written(value, self.style, flow=self.flow)
        )

    def _spot_of(self, index: int, length: int) -> Spot:
        before = self.raw[:index]
        lines = before.count("\n")
        if not lines:
            return self.spot.shifted(index, length)
        column = index - before.rfind("\n")
        return Spot(self.spot.file, self.spot.line + lines, column, max(1, length))


@dataclass(frozen=True, slots=True)
class Block:
    """Keys and their values, in file order. `flow` where it is written in braces on one line.

    torn: a key was left out after a problem, so nobody can say which are missing.
    """

    entries: tuple[tuple[Scalar, Node], ...]
    spot: Spot
    flow: bool = False
    torn: bool = False

    def get(self, key: str) -> Node | None:
        """The value of a key, or None."""
        return next((node for name, node in self.entries if name.value == key), None)


@dataclass(frozen=True, slots=True)
class Items:
    """A list. `flow` where it is written in brackets."""

    items: tuple[Node, ...]
    spot: Spot
    flow: bool = False


Node = Scalar | Block | Items


class Mark(Protocol):
    """A place as both YAML readers give it, counted from nought."""

    index: int
    line: int
    column: int


def read_yaml(file: str, text: str, problems: Problems) -> Node | None:
    """The one document of a file, or None where it cannot be read; every fault becomes a problem.

    An empty file (or one of comments only) is an empty Block. `file` is the name to show, such as
    `routes/gp_results.yaml`.
    """
    text = text.removeprefix("\ufeff")
    problems.read(file, text)
    if len(text) > MAX_CHARACTERS:
        problems.add(
            Spot(file),
            f"This file holds more than {MAX_CHARACTERS:,} characters; divide it into several files.",
            "too-large",
        )
        return None
    if explain_odd_character(file, text, problems):
        return None
    try:
        events = _events(text)
    except yaml.YAMLError as error:
        explain_fault(file, text, error, problems)
        return None
    return _Composer(file, text, events, problems).document()


def _events(text: str) -> list[yaml.Event]:
    """All events. LibYAML reads where it is there, tenfold as fast; PyYAML's own has the last word."""
    fast = getattr(yaml, "CSafeLoader", None)
    if fast is not None:
        try:
            return list(yaml.parse(text, Loader=fast))
        except yaml.YAMLError:
            pass  # read again below: the slow reader's places and words are those that we explain
    return list(yaml.parse(text, Loader=yaml.SafeLoader))


class _Composer:
    """Turns events into nodes. A refused node is left out, so that one mistake gives one problem."""

    def __init__(self, file: str, text: str, events: list[yaml.Event], problems: Problems) -> None:
        self._file = file
        self._text = text
        self._events: Iterator[yaml.Event] = iter(events)
        self._problems = problems
        self._broken = False

    def document(self) -> Node | None:
        node: Node | None = None
        documents = 0
        for event in self._events:
            if isinstance(event, yaml.DocumentStartEvent):
                documents += 1
                if documents == 2:
                    self._refuse(
                        event,
                        3,
                        "A file holds one document; put the part after --- into a file of its own.",
                        "several-documents",
                    )
                    return None
                continue
            if isinstance(event, yaml.NodeEvent):
                node = self._node(event, 0, flow=False)
        if self._broken:
            return None
        return node if node is not None else Block((), Spot(self._file))

    def _node(self, event: yaml.NodeEvent, depth: int, *, flow: bool) -> Node:
        self._refuse_marks(event)
        spot = self._spot(event)
        if isinstance(event, yaml.ScalarEvent):
            raw = self._text[_index(event.start_mark) : _index(event.end_mark)]
            style = _STYLES.get(event.style, "plain")
            length = len(raw.split("\n", 1)[0]) or 1
            return Scalar(event.value, Spot(self._file, spot.line, spot.column, length), style, raw, flow)
        if isinstance(event, yaml.AliasEvent):
            return Scalar("", spot)
        if depth >= MAX_DEPTH:
            if not self._broken:
                self._refuse(event, 1, f"Nested more than {MAX_DEPTH} levels deep.", "too-deep")
            self._skip()
            return Scalar("", spot)
        if isinstance(event, yaml.SequenceStartEvent):
            return self._items(event, spot, depth, flow=flow)
        return self._block(event, spot, depth, flow=flow)

    def _items(self, event: yaml.NodeEvent, spot: Spot, depth: int, *, flow: bool) -> Items:
        here = flow or bool(getattr(event, "flow_style", False))
        items: list[Node] = []
        while not isinstance(entry := next(self._events), yaml.SequenceEndEvent):
            if isinstance(entry, yaml.NodeEvent):
                items.append(self._node(entry, depth + 1, flow=here))
        return Items(tuple(items), spot, here)

    def _block(self, event: yaml.NodeEvent, spot: Spot, depth: int, *, flow: bool) -> Block:
        here = flow or bool(getattr(event, "flow_style", False))
        entries: list[tuple[Scalar, Node]] = []
        first: dict[str, Spot] = {}
        places: dict[str, int] = {}
        again: list[tuple[Scalar, Spot]] = []  # keys that were there already
        torn = False
        while not isinstance(entry := next(self._events), yaml.MappingEndEvent):
            following = None
            if isinstance(entry, yaml.NodeEvent):
                key = self._node(entry, depth + 1, flow=here)
                following = next(self._events)
            if not isinstance(following, yaml.NodeEvent):
                continue
            value = self._node(following, depth + 1, flow=here)
            if not isinstance(key, Scalar):
                self._problem(key.spot, *_KEY_NOT_TEXT)
                torn = True
                continue
            if here and self._comma_fault(key, value):
                torn = True
                continue
            if key.value in first:
                again.append((key, first[key.value]))
                at = places[key.value]
                if _is_nothing(entries[at][1]):  # the one that says something is the one that is meant
                    entries[at] = (entries[at][0], value)
                continue
            first[key.value], places[key.value] = key.spot, len(entries)
            entries.append((key, value))
        if again:
            torn = torn or len(again) > 1
            self._tell_duplicates(again)
        return Block(tuple(entries), spot, here, torn)

    def _tell_duplicates(self, again: list[tuple[Scalar, Spot]]) -> None:
        """One problem for the keys of a mapping that stand there again."""
        key, first = again[0]
        keys = list(dict.fromkeys(other.value for other, _ in again))
        if len(keys) > 1:
            names = ", ".join(f'"{name}"' for name in keys[:_MOST_NAMED])
            names += " and others" if len(keys) > _MOST_NAMED else ""
            message = f"{names} stand here a second time (first from line {first.line} on)"
            message += ". Is the line, or the dash, missing above that begins another entry?"
        else:
            times = "a second time" if len(again) == 1 else f"{len(again) + 1} times"
            message = f'"{key.value}" stands here {times} (first in line {first.line}); '
            message += "only one would count. Keep one."
        self._problem(key.spot, message, "duplicate-key")

    def _comma_fault(self, key: Scalar, value: Node) -> bool:
        """True where a "key" inside {…} has no colon: it is the rest of a text that held a comma."""
        if not isinstance(value, Scalar) or value.value or value.style != "plain":
            return False
        if key.value in SAY_YES_ALONE:
            return False
        start = sum(len(line) + 1 for line in self._problems.lines[self._file][: key.spot.line - 1])
        after = self._text[start + key.spot.column - 1 + len(key.raw) :].lstrip(" ")
        if after.startswith(":"):
            return False
        if self._colon_fault(key):
            return True
        line = self._problems.lines[self._file][key.spot.line - 1]
        self._problems.add(
            key.spot,
            "Inside {…} a comma begins a new key, so the text before it is cut short. Put the whole text "
            'in double quotes ("…").',
            "comma-in-braces",
            edit=quote_cut_text(key.spot.line, line, key.spot.column - 1),
        )
        return True

    def _colon_fault(self, key: Scalar) -> bool:
        """True, with a problem, where a colon of {…} has no space behind it, as in {hold:tray}."""
        name, colon, rest = key.value.partition(":")
        if not colon or not _WORD.fullmatch(name.strip()) or not rest or key.style != "plain":
            return False
        at = key.spot.shifted(len(name), 1)
        edit = Edit(at.line, at.column + 1, 0, " ") if not rest.startswith(" ") else None
        self._problems.add(
            at, f'A colon has a space behind it: "{name.strip()}: …".', "missing-space", edit=edit
        )
        return True

    def _refuse_marks(self, event: yaml.NodeEvent) -> None:
        if isinstance(event, yaml.AliasEvent):
            self._refuse(
                event,
                1,
                "A value that begins with * is YAML's reference to another place, which is "
                "not used here. Put the text in double quotes.",
                "alias",
            )
            return
        if event.anchor is not None:
            self._refuse(
                event,
                1,
                "A value that begins with & is a YAML anchor, which is not used here. Put the "
                "text in double quotes, or write the value out.",
                "anchor",
            )
        elif getattr(event, "tag", None) is not None:
            self._refuse(
                event,
                1,
                "A value that begins with ! is a YAML tag, which is not used here. Put the "
                "text in double quotes.",
                "tag",
            )

    def _refuse(self, event: yaml.Event, length: int, message: str, rule: str) -> None:
        self._broken = True
        spot = self._spot(event)
        self._problems.add(Spot(spot.file, spot.line, spot.column, length), message, rule)

    def _problem(self, spot: Spot, message: str, rule: str) -> None:
        self._problems.add(spot, message, rule)

    def _skip(self) -> None:
        depth = 1
        while depth:
            event = next(self._events)
            if isinstance(event, yaml.CollectionStartEvent):
                depth += 1
            elif isinstance(event, yaml.CollectionEndEvent):
                depth -= 1

    def _spot(self, event: yaml.Event) -> Spot:
        mark = event.start_mark
        return Spot(self._file, mark.line + 1, mark.column + 1) if mark is not None else Spot(self._file)


_MOST_NAMED = 6
_WORD = re.compile("[A-Za-z_][A-Za-z0-9_]*")
_KEY_NOT_TEXT = (
    "A key must be a text. A text that begins with [ or { has to stand in double quotes.",
    "key-not-text",
)


def _is_nothing(node: Node) -> bool:
    return isinstance(node, Scalar) and node.style == "plain" and not node.value


def _index(mark: Mark | None) -> int:
    return mark.index if mark is not None else 0


def _places(value: str, raw: str, style: Style) -> list[int]:
    """For each character of `value`, its index in `raw`; YAML folds lines and doubles quotes between them."""
    index = 1 if style in ("single", "double") else 0
    if style == "block":
        index = raw.find("\n") + 1
    places: list[int] = []
    for character in value:
        if character.isspace():
            places.append(min(index, max(0, len(raw) - 1)))
            while index < len(raw) and raw[index].isspace():
                index += 1
            continue
        while index < len(raw) and raw[index] != character and (raw[index].isspace() or raw[index] == "\\"):
            index += 1
        places.append(min(index, max(0, len(raw) - 1)))
        doubled = style == "single" and character == "'"
        index += 2 if doubled else 1
    return places
