"""How the constraints of a profile are written: bounds as a number or a range, values as a list or a table.

Each kind reads one node and reports what does not fit. Must not know which key it is read for, nor which
tables there are.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import Literal

from routes.language.kinds import Marked, Name
from routes.language.nearest import did_you_mean, nearest
from routes.language.nested_kinds import ListOf
from routes.language.problems import Problems, Spot
from routes.language.shapes import describe
from routes.language.source import Block, Items, Node, Scalar

__all__ = ["Bounds", "BoundsKind", "TableName", "ValuesKind"]

_WHOLE = re.compile(r"[0-9]{1,9}")
_RANGE = re.compile(r"([0-9]{1,9})\s*(?:-|\.\.|–|to)\s*([0-9]{1,9}|\*|n|)")
_WORDED = re.compile(r"(<=|>=|=|up to|at most|at least|exactly)\s*([0-9]{1,9})")
_MORE = re.compile(r"([0-9]{1,9})\s*(?:\+|or more)")
_TABLE_NAME = re.compile(r"[a-z][a-z0-9_]*")
_ENDS = {"least": 0, "min": 0, "most": 1, "max": 1}


@dataclass(frozen=True, slots=True)
class Bounds:
    """From `least` to `most`, both included; `most` None: without end."""

    least: int
    most: int | None
    spot: Spot

    def hold(self, number: int) -> bool:
        """Whether a number lies within."""
        return self.least <= number and (self.most is None or number <= self.most)

    def __str__(self) -> str:
        if self.most is None:
            return f"at least {self.least}"
        if self.most == self.least:
            return str(self.least)
        return f"at most {self.most}" if not self.least else f"{self.least} to {self.most}"


@dataclass(frozen=True, slots=True)
class BoundsKind:
    """`20`, `1-20`, `5-`, `at most 20`, `[1, 20]`, `{least: 1, most: 20}`, or the standard's own `[1..*]`.

    What one number means, `alone` says. what: how the number is called in messages.
    """

    what: str
    alone: Literal["most", "exactly"]

    @property
    def words(self) -> str:
        return f"{self.what}, or a range such as 1-3, or 2- for two and more"

    def read(self, node: Node, problems: Problems) -> Bounds | None:
        found = self._pair(node, problems)
        if found is None:
            return None
        least, most = found
        if most is not None and most < least:
            problems.add(
                node.spot, f"Nothing lies from {least} to {most}: write the lower number first.", "bad-range"
            )
            return None
        return Bounds(least, most, node.spot)

    def _pair(self, node: Node, problems: Problems) -> tuple[int, int | None] | None:
        if isinstance(node, Block):
            return self._block(node, problems)
        if isinstance(node, Items):
            numbers = [_whole(item) for item in node.items]
            if len(numbers) == 2 and numbers[0] is not None and numbers[1] is not None:
                return numbers[0], numbers[1]
            only = node.items[0] if len(node.items) == 1 else None
            cardinality = self._text(only.value) if isinstance(only, Scalar) and ".." in only.value else None
            if cardinality is not None:
                return cardinality
            problems.add(node.spot, f"This must be {self.words}, not {describe(node)}.", "wrong-kind")
            return None
        found = self._text(node.value.strip())
        if found is None:
            problems.add(node.spot, f"This must be {self.words}.", "wrong-kind")
        return found

    def _text(self, text: str) -> tuple[int, int | None] | None:
        if _WHOLE.fullmatch(text):
            number = int(text)
            return (number, number) if self.alone == "exactly" else (0, number)
        worded = _WORDED.fullmatch(text)
        if worded:
            number = int(worded[2])
            if worded[1] in ("<=", "up to", "at most"):
                return 0, number
            return (number, None) if worded[1] in (">=", "at least") else (number, number)
        more = _MORE.fullmatch(text)
        if more:
            return int(more[1]), None
        both = _RANGE.fullmatch(text)
        return None if both is None else (int(both[1]), int(both[2]) if both[2].isdigit() else None)

    def _block(self, node: Block, problems: Problems) -> tuple[int, int | None] | None:
        bounds: list[int | None] = [None, None]
        for key, value in node.entries:
            place = _ENDS.get(key.value)
            if place is None:
                message = f'"{key.value}" is not a bound{did_you_mean(key.value, ("least", "most"))}'
                fix = nearest(key.value, ("least", "most"))
                problems.add(key.spot, message, "unknown-key", fix=fix)
                return None
            number = _whole(value)
            if number is None:
                problems.add(value.spot, "This must be a whole number.", "wrong-kind")
                return None
            bounds[place] = number
        if bounds == [None, None]:
            problems.add(node.spot, f"There is nothing in here; it must be {self.words}.", "empty-value")
            return None
        return bounds[0] or 0, bounds[1]

    def schema(self) -> dict[str, object]:
        number: dict[str, object] = {"type": "integer", "minimum": 0}
        pair = {
            "type": "object",
            "properties": {
                "least": {**number, "description": "So many at least."},
                "most": {**number, "description": "So many at most."},
            },
            "additionalProperties": False,
            "minProperties": 1,
        }
        pattern = r"^(at (least|most) )?\d+\s*((-|\.\.)\s*(\d+|\*)?)?$"
        both = {"type": "array", "items": number, "minItems": 2, "maxItems": 2}
        return {"anyOf": [number, {"type": "string", "pattern": pattern}, pair, both]}


def _whole(node: Node) -> int | None:
    return int(node.value) if isinstance(node, Scalar) and _WHOLE.fullmatch(node.value) else None


@dataclass(frozen=True, slots=True)
class TableName:
    """The name of a table whose keys are the values that are allowed."""

    name: Scalar


@dataclass(frozen=True, slots=True)
class ValuesKind:
    """A list of texts, or the name of a table. What cannot be the name of a table is a list of one."""

    words: str = "a list of texts, or the name of a table whose keys are allowed"

    def read(self, node: Node, problems: Problems) -> tuple[Scalar, ...] | TableName | None:
        if isinstance(node, Block):
            return self._block(node, problems)
        if isinstance(node, Scalar) and node.style == "plain" and _TABLE_NAME.fullmatch(node.value):
            return TableName(node)
        listed = ListOf(Marked("a text")).read(node, problems)
        for each in listed or ():
            if not each.value:
                problems.add(
                    each.spot,
                    "An absent value is never compared; leave this out. Null is written '\"\"'.",
                    "empty-value",
                )
        return listed

    def _block(self, node: Block, problems: Problems) -> TableName | None:
        """`{table: NAME}`, which some write to be clear."""
        if len(node.entries) == 1 and node.entries[0][0].value == "table":
            name = Name("the name of a table").read(node.entries[0][1], problems)
            return None if name is None else TableName(name)
        problems.add(node.spot, f"This must be {self.words}, not {describe(node)}.", "wrong-kind")
        return None

    def schema(self) -> dict[str, object]:
        many = {"type": "array", "items": {"type": ["string", "number", "boolean"]}, "minItems": 1}
        return {"anyOf": [many, Name("the name of a table").schema()]}
