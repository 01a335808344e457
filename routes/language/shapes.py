"""Declarations that read a YAML node into plain values, with a problem for whatever does not fit.

A `Shape` lists the keys that a piece of a file may have: kind, help, example, default. The same
declarations read files and make JSON Schema and the reference, so nothing about a key is written anywhere
else. Must not know what the values are used for.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Generic, Protocol, TypeVar, cast

from routes.language.nearest import did_you_mean, nearest
from routes.language.problems import Edit, Problems, Spot
from routes.language.source import Block, Items, Node, Scalar, read_yaml

__all__ = ["Field", "Kind", "Record", "Shape", "as_json", "describe"]

_MOST_STRANGE = 50
"""So many unknown keys of one mapping are looked at; where there are more, the first of them say enough."""
_MOST_NAMED = 6

T = TypeVar("T")
T_co = TypeVar("T_co", covariant=True)


class Kind(Protocol[T_co]):
    """How one value is written. `words` completes the sentence "this must be …"."""

    @property
    def words(self) -> str: ...

    def read(self, node: Node, problems: Problems) -> T_co | None:
        """The value, or None after a problem was noted."""

    def schema(self) -> dict[str, object]:
        """The value as JSON Schema, for editors."""


@dataclass(frozen=True, slots=True)
class Field(Generic[T]):
    """One key of a shape. `help` is one sentence for the reference; `example` is YAML."""

    key: str
    kind: Kind[T]
    help: str = ""
    example: str = ""
    required: bool = False
    default: T | None = None

    def schema(self) -> dict[str, object]:
        """This key's value as JSON Schema, with what an editor shows beside it."""
        found = self.kind.schema()
        if "$ref" in found:  # beside a reference nothing else counts
            found = {"allOf": [found]}
        default = self._default()
        lines = [f"{_capital(self.help).rstrip('.')}.", "", f"This must be {self.kind.words}."]
        if default:
            lines += ["", f"Left out: `{default}`."]
        if self.example:
            lines += ["", "```yaml", self.example, "```"]
        found |= {"description": lines[0], "markdownDescription": "\n".join(lines)}
        if default:
            found["default"] = default
        if self.example:
            found["examples"] = [_example(self.key, self.example)]
        return found

    def _default(self) -> str:
        """The default as a file would say it; "" where there is none, or none that is one word."""
        write = getattr(self.kind, "write", None)
        if self.default is None or (isinstance(self.default, bool | float) and write is None):
            return ""
        if write is not None:
            return str(write(self.default))
        return str(self.default) if isinstance(self.default, str | int) else ""


@dataclass(frozen=True, slots=True)
class Shape:
    """The keys that a mapping may have.

    name: with its article, as problems call it: "a route", "a check".
    order: keys that must stand in this order where they are present.
    not_yet: keys of the language that this version does not carry out; they are refused, never ignored.
    misplaced: keys that are often put here by mistake, and what to do about it.
    either: of these exactly one must be there. needs: keys, each with another that it needs beside it. Both
    are for editors; whoever builds a value of the record says what is wrong in words of its own.
    """

    name: str
    fields: tuple[Field[Any], ...]
    order: tuple[str, ...] = ()
    not_yet: tuple[str, ...] = ()
    misplaced: Mapping[str, str] = field(default_factory=dict)
    help: str = ""
    either: tuple[str, ...] = ()
    needs: Mapping[str, str] = field(default_factory=dict)

    @property
    def keys(self) -> tuple[str, ...]:
        """All keys that may stand here, in the order of declaration."""
        return tuple(f.key for f in self.fields)

    def read(self, node: Node, problems: Problems) -> Record | None:
        """The values of a mapping; None where the node is none. `Record.whole` is False where any of it is
        a problem, `Record.usable` where a key that must be there could not be read."""
        if not isinstance(node, Block):
            self._not_a_block(node, problems)
            return None
        record = Record(self, node.spot, torn=node.torn)
        known = {f.key: f for f in self.fields}
        written = {key.value for key, _ in node.entries}
        strange = [key.value for key, _ in node.entries if not self._is_known(key.value)][:_MOST_STRANGE]
        odd = [word for word in strange if not self._meant(word)]
        empty = ""  # the key above, where it has no value and what follows may be meant for it
        for at, (key, value) in enumerate(node.entries):
            if key.value in known and _is_nothing(value) and self._spilt(key.value, at, node):
                record.whole = False  # what belongs into it stands beside it, which is told there
                record.keys[key.value] = key.spot
                empty = key.value
            elif key.value in known:
                self._read_field(known[key.value], key, value, record, problems)
                empty = ""
            else:
                record.whole = False
                if node.torn or not (self._is_known(key.value) or key.value in strange):
                    continue  # of another entry, or the rest of a text; or the hundredth of its kind
                self._unknown(key, written, problems, empty, odd)
                self._read_as_meant(key, value, written, record, problems)
                empty = empty and "-"  # for one of them it is said
        self._find_missing(node, record, problems)
        self._find_disorder(node, problems)
        return record

    def schema(self) -> dict[str, object]:
        """This shape as JSON Schema."""
        found: dict[str, object] = {
            "type": "object",
            "title": re.sub(r"^(an?|the) ", "", self.name),
            "properties": {f.key: f.schema() for f in self.fields},
            "additionalProperties": False,
        }
        if self.help:
            found["description"] = self.help
        required = [f.key for f in self.fields if f.required]
        if required:
            found["required"] = required
        if self.either:
            found["oneOf"] = [{"required": [key]} for key in self.either]
        if self.needs:
            found["dependencies"] = {key: [other] for key, other in self.needs.items()}
        return found

    def _read_field(
        self, wanted: Field[Any], key: Scalar, value: Node, record: Record, problems: Problems
    ) -> None:
        record.keys[wanted.key] = key.spot
        record.nodes[wanted.key] = value
        if _is_nothing(value):
            problems.add(
                key.spot,
                f'"{key.value}" has no value; this must be {wanted.kind.words}{_such_as(wanted)}.',
                "empty-value",
            )
            record.whole = False
            return
        found = wanted.kind.read(value, problems)
        if found is None:
            record.whole = False
        else:
            record.values[wanted.key] = found

    def _lacking(self, odd: Sequence[str], written: set[str]) -> str:
        """The one key that is missing where one stands that means nothing: most likely it stands for it."""
        missing = [wanted.key for wanted in self.fields if wanted.required and wanted.key not in written]
        return missing[0] if len(odd) == len(missing) == 1 else ""

    def _is_known(self, word: str) -> bool:
        """Whether it is a key, or one of which there is something to say."""
        return word in self.keys or word in self.misplaced or word in self.not_yet

    def _spilt(self, key: str, at: int, node: Block) -> bool:
        """Whether what stands inside this key stands beside it: the next key, or one that is known to be."""
        following = node.entries[at + 1][0].value if at + 1 < len(node.entries) else ""
        if following and not self._is_known(following) and not self._meant(following):
            return True
        return any(f'inside "{key}"' in self.misplaced.get(other.value, "") for other, _ in node.entries)

    def _meant(self, word: str) -> str:
        """The key that a misspelt one stands for, also where colon or space behind it are missing."""
        return nearest(word, self.keys) or nearest(re.split(r"\W", word, maxsplit=1)[0], self.keys)

    def _read_as_meant(
        self, key: Scalar, value: Node, written: set[str], record: Record, problems: Problems
    ) -> None:
        """A misspelt key, which has been told, is read as the one that it means: its value is not the
        mistake, and what is said of it elsewhere would be a second complaint."""
        near = self._meant(key.value)
        record.meant.add(near)
        if not near or near in record.keys or near in written or key.value in self.misplaced:
            return
        aside = Problems(lines=problems.lines)
        wanted = next(f for f in self.fields if f.key == near)
        self._read_field(wanted, key, value, record, aside)
        if aside.found:
            for found in (record.values, record.keys, record.nodes):
                found.pop(near, None)

    def _not_a_block(self, node: Node, problems: Problems) -> None:
        hint = ""
        if isinstance(node, Scalar):
            key, colon, rest = node.value.partition(":")
            if colon and key in self.keys and rest and not rest.startswith(" "):
                message = f'Put a space after the colon: "{key}: …".'
                edit = _space_behind(node, len(key))
                problems.add(node.at(len(key)), message, "missing-space", edit=edit)
                return
            if node.value.startswith("-") and not node.value.startswith("- "):
                edit = _space_behind(node, 0)
                problems.add(node.spot, "Put a space after the dash.", "missing-space", edit=edit)
                return
        if isinstance(node, Items):
            hint = " Take the dash away." if not node.flow else ""
        what = describe(node)
        problems.add(
            node.spot,
            f"Here must stand {self.name}: keys with values ({_listed(self.keys)}), not {what}.{hint}",
            "wrong-kind",
        )

    def _unknown(
        self, key: Scalar, written: set[str], problems: Problems, empty: str, odd: list[str]
    ) -> None:
        """An unknown key. written: all keys of the mapping. empty: the key above, where that has no value, or
        `-` where it was said before. odd: those that are not like any key, told with the first of them."""
        word = key.value
        if word in self.not_yet:
            problems.add(key.spot, f'"{word}" is not available in this version.', "not-yet")
        elif word in self.misplaced:
            problems.add(key.spot, self.misplaced[word], "misplaced-key")
        else:
            near = nearest(word, self.keys)
            if empty == "-" or (not empty and word in odd[1:]):
                return
            message = f'"{word}" is not a key of {self.name}{did_you_mean(word, self.keys)}'
            if not near and empty:
                message = (
                    f'"{word}" is not a key of {self.name}. Does it belong into "{empty}", which is empty? '
                    "Then it begins further to the right."
                )
            elif not near and (meant := self._meant(word)):
                message = (
                    f'"{word}" is not a key of {self.name}. Is it "{meant}"? Behind the colon comes a space.'
                )
            elif len(odd) > 1 and word == odd[0]:
                words = ", ".join(f'"{each}"' for each in odd[:_MOST_NAMED])
                rest = " and others" if len(odd) > _MOST_NAMED else ""
                known = did_you_mean(word, self.keys)
                message = f"{words}{rest} are no keys of {self.name}{known}"
            if word in odd and (lacking := self._lacking(odd, written)):
                message += f' "{lacking}" is missing; is it this?'
            fix = near if near not in written else ""  # a second one would be no better
            problems.add(key.spot, message, "unknown-key", fix=fix)

    def _find_missing(self, node: Block, record: Record, problems: Problems) -> None:
        written = {key.value for key, _ in node.entries}
        misspelt = {self._meant(word) for word in written if word not in self.keys}
        odd = [
            word
            for word in list(written)[:_MOST_STRANGE]
            if not self._is_known(word) and not self._meant(word)
        ]
        misspelt.add(self._lacking(odd, written))
        for wanted in self.fields:
            if not wanted.required or wanted.key in written:
                continue
            record.whole = False
            told = node.torn or wanted.key in misspelt or bool(written & self.misplaced.keys())
            if not told:
                problems.add(
                    node.spot,
                    f'{_capital(self.name)} needs "{wanted.key}": {wanted.help or wanted.kind.words}'
                    f"{_such_as(wanted)}.",
                    "missing-key",
                )

    def _find_disorder(self, node: Block, problems: Problems) -> None:
        place = {key: number for number, key in enumerate(self.order)}
        highest = -1
        last = ""
        for key, _ in node.entries:
            number = place.get(key.value)
            if number is None:
                continue
            if number < highest:
                problems.add(
                    key.spot,
                    f'"{key.value}" must stand before "{last}": {self.name} is carried out from top to '
                    f"bottom, always in the order {', '.join(self.order)}.",
                    "order",
                )
                return
            highest, last = number, key.value


@dataclass(slots=True)
class Record:
    """What a shape read. Ask it with the shape's own fields: `record.get(FIELD)`."""

    shape: Shape
    spot: Spot
    values: dict[str, object] = field(default_factory=dict)
    keys: dict[str, Spot] = field(default_factory=dict)
    nodes: dict[str, Node] = field(default_factory=dict)
    meant: set[str] = field(default_factory=set)  # keys that a misspelt one may stand for
    whole: bool = True
    torn: bool = False  # a key was left out after a problem

    @property
    def usable(self) -> bool:
        """Whether every required key has a value: enough to look for further problems inside."""
        return all(f.key in self.values for f in self.shape.fields if f.required)

    def get(self, wanted: Field[T]) -> T | None:
        """The value, the field's default, or None."""
        found = self.values.get(wanted.key)
        return wanted.default if found is None else cast("T", found)

    def __getitem__(self, wanted: Field[T]) -> T:
        """The value or the default. KeyError where there is neither."""
        found = self.get(wanted)
        if found is None:
            raise KeyError(wanted.key)
        return found

    def __contains__(self, wanted: Field[Any]) -> bool:
        """True where the key stands in the file, whether or not its value could be read."""
        return wanted.key in self.keys

    def spot_of(self, wanted: Field[Any]) -> Spot:
        """Where the value stands; where the key is absent, where the mapping begins."""
        node = self.nodes.get(wanted.key)
        return node.spot if node is not None else self.spot

    def key_spot(self, wanted: Field[Any]) -> Spot:
        """Where the key stands; where it is absent, where the mapping begins."""
        return self.keys.get(wanted.key, self.spot)

    def present(self) -> Iterator[str]:
        """The keys that stand in the file."""
        return iter(self.keys)


def _is_nothing(node: Node) -> bool:
    return isinstance(node, Scalar) and node.style == "plain" and not node.value


def describe(node: Node) -> str:
    """What a node is, for "… must be a number, not a list"."""
    if isinstance(node, Items):
        return "a list"
    if isinstance(node, Block):
        return "keys with values"
    return "a text" if node.value else "nothing"


def _space_behind(node: Scalar, offset: int) -> Edit | None:
    """A space behind the sign at `offset`, where the text stands in no quotes and on one line."""
    if node.style != "plain" or "\n" in node.raw:
        return None
    return Edit(node.spot.line, node.spot.column + offset + 1, 0, " ")


def _example(key: str, text: str) -> object:
    """An example's value: what stands behind the key, or the whole of it where it is without its key."""
    node = read_yaml("example", text, Problems())
    if isinstance(node, Block) and len(node.entries) == 1 and node.entries[0][0].value == key:
        node = node.entries[0][1]
    return None if node is None else as_json(node)


def as_json(node: Node) -> object:
    """A node as an editor's YAML (1.2) reads it: numbers, true and false, and everything else a text."""
    if isinstance(node, Block):
        return {key.value: as_json(value) for key, value in node.entries}
    if isinstance(node, Items):
        return [as_json(item) for item in node.items]
    if node.style != "plain" or not re.fullmatch(r"true|false|null|~|-?\d+(\.\d+)?|", node.value):
        return node.value
    return json.loads(re.sub(r"^(-?)0+(?=\d)", r"\1", node.value).replace("~", "null") or "null")


def _such_as(wanted: Field[Any]) -> str:
    return f" (example: {wanted.example})" if wanted.example else ""


def _listed(keys: tuple[str, ...]) -> str:
    shown = ", ".join(keys[:6])
    return f"{shown}, …" if len(keys) > 6 else shown


def _capital(text: str) -> str:
    return text[:1].upper() + text[1:]
