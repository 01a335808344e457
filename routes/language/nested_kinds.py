"""The kinds of value that hold other values: lists, mappings, and parts of a file with a shape of their own.

Each reads one node, hands what is inside to the kinds it is made of, and reports what does not fit. Must not
know any particular key.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import dataclass
from typing import Generic, TypeVar

from routes.language.problems import Edit, Problems
from routes.language.shapes import Kind, Record, Shape, describe
from routes.language.source import Block, Items, Node, Scalar

__all__ = ["Anything", "ListOf", "MappingOf", "Nested"]

T = TypeVar("T")


def _dash_without_space(node: Block, problems: Problems) -> bool:
    """True, with a problem, where `-to: archive` became a key of its own."""
    key = node.entries[0][0] if node.entries else None
    if key is None or key.style != "plain" or not re.match(r"-[A-Za-z]", key.value):
        return False
    edit = Edit(key.spot.line, key.spot.column + 1, 0, " ")
    problems.add(key.spot, "Put a space after the dash.", "missing-space", edit=edit)
    return True


@dataclass(frozen=True, slots=True)
class ListOf(Generic[T]):
    """A list; one value alone counts as a list of one."""

    kind: Kind[T]
    or_one: bool = True
    least: int = 1

    @property
    def words(self) -> str:
        return f"a list, each {self.kind.words}"

    def read(self, node: Node, problems: Problems) -> tuple[T, ...] | None:
        if not isinstance(node, Items):
            if isinstance(node, Block) and _dash_without_space(node, problems):
                return None
            if not self.or_one:
                hint = " Begin each entry with a dash." if isinstance(node, Block) else ""
                problems.add(
                    node.spot, f"This must be {self.words}, not {describe(node)}.{hint}", "wrong-kind"
                )
                return None
            only = self.kind.read(node, problems)
            return None if only is None else (only,)
        if len(node.items) < self.least:
            problems.add(node.spot, f"This list is empty; it must be {self.words}.", "empty-value")
            return None
        # An entry that cannot be read is left out and reported; the others are still looked at.
        found = [self.kind.read(item, problems) for item in node.items]
        return tuple(value for value in found if value is not None)

    def schema(self) -> dict[str, object]:
        many: dict[str, object] = {"type": "array", "items": self.kind.schema()}
        if self.least:
            many["minItems"] = self.least
        return {"anyOf": [self.kind.schema(), many]} if self.or_one else many


@dataclass(frozen=True, slots=True)
class MappingOf(Generic[T]):
    """Keys that the author chooses, each with a value of one kind, in file order.

    `misplaced` names keys that belong one level up, as `when` does when it slipped into `set`.
    """

    kind: Kind[T]
    key: Kind[Scalar]
    misplaced: tuple[str, ...] = ()
    parent: str = ""

    @property
    def words(self) -> str:
        return f"keys with values: each key {self.key.words}, each value {self.kind.words}"

    def read(self, node: Node, problems: Problems) -> tuple[tuple[Scalar, T], ...] | None:
        if not isinstance(node, Block):
            hint = " Take the dashes away." if isinstance(node, Items) and not node.flow else ""
            problems.add(node.spot, f"This must be {self.words}, not {describe(node)}.{hint}", "wrong-kind")
            return None
        if not node.entries:
            problems.add(node.spot, f"There is nothing in here; it must be {self.words}.", "empty-value")
            return None
        entries = [self._entry(key, value, problems) for key, value in node.entries]
        return tuple(entry for entry in entries if entry is not None)

    def _entry(self, key: Scalar, value: Node, problems: Problems) -> tuple[Scalar, T] | None:
        if key.value in self.misplaced:
            problems.add(
                key.spot,
                f'"{key.value}" stands inside "{self.parent}". Move it to the left, so that it begins '
                f'in the same column as "{self.parent}".',
                "misplaced-key",
            )
            return None
        name = self.key.read(key, problems)
        if isinstance(value, Scalar) and value.style == "plain" and not value.value:
            problems.add(
                key.spot, f'"{key.value}" has no value; this must be {self.kind.words}.', "empty-value"
            )
            return None
        read = self.kind.read(value, problems)
        return None if name is None or read is None else (name, read)

    def schema(self) -> dict[str, object]:
        found: dict[str, object] = {
            "type": "object", "additionalProperties": self.kind.schema(), "minProperties": 1,
        }  # fmt: skip
        key = self.key.schema()
        if self.misplaced:
            found["propertyNames"] = {"not": {"enum": list(self.misplaced)}}
        elif "pattern" in key:
            found["propertyNames"] = {"pattern": key["pattern"]}
        return found


@dataclass(frozen=True, slots=True)
class Nested(Generic[T]):
    """A mapping with a shape of its own, made into a value by `build` (which may refuse with None)."""

    shape: Shape
    build: Callable[[Record, Problems], T | None]

    @property
    def words(self) -> str:
        return self.shape.name

    def read(self, node: Node, problems: Problems) -> T | None:
        record = self.shape.read(node, problems)
        return None if record is None or not record.usable else self.build(record, problems)

    def schema(self) -> dict[str, object]:
        return self.shape.schema()


@dataclass(frozen=True, slots=True)
class Anything:
    """A node as it stands, for what is read elsewhere. like: its schema, where whoever reads it has one."""

    words: str = "a value"
    like: Callable[[], dict[str, object]] | None = None

    def read(self, node: Node, problems: Problems) -> Node | None:  # noqa: ARG002 - the contract's signature
        return node

    def schema(self) -> dict[str, object]:
        return {} if self.like is None else self.like()
