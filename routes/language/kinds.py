"""The kinds of value that a site file may hold: durations, sizes, choices, lists, expressions, paths …

Each reads one node and reports what does not fit. Expressions and paths are only looked at for what YAML
did to them on the way; reading them is the language's own matter. Must not know any particular key.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Generic, TypeVar

from routes.language.nearest import nearest
from routes.language.problems import Edit, Problems
from routes.language.shapes import Kind, Record, Shape, describe
from routes.language.source import Block, Items, Node, Scalar
from routes.language.yaml_edits import written
from routes.language.yaml_traps import lost_to_yaml, path_lost_to_yaml

__all__ = [
    "NAMES", "Anything", "Choice", "Decimal", "Duration", "Expression", "HostPort", "Integer", "ListOf",
    "MappingOf", "Marked", "Name", "Nested", "PathText", "Secret", "Size", "Text", "YesNo",
]  # fmt: skip

T = TypeVar("T")

NAMES = "x-names"
"""In a schema: of what sort the name is, until the names of a site are put there. See `schemas`."""

_NAME = re.compile(r"[a-z][a-z0-9_]*\Z")
_DURATION = re.compile(r"(\d+(?:\.\d+)?)\s*(ms|s|m|h|d)\Z")
_SECONDS = {"ms": 0.001, "s": 1.0, "m": 60.0, "h": 3600.0, "d": 86400.0}
_SIZE = re.compile(r"(\d+)\s*(B|KiB|MiB|GiB|kB|KB|MB|GB)?\Z")
_BYTES = {
    "B": 1,
    "KiB": 1 << 10,
    "MiB": 1 << 20,
    "GiB": 1 << 30,
    "kB": 10**3,
    "KB": 10**3,
    "MB": 10**6,
    "GB": 10**9,
}


def _scalar(node: Node, words: str, problems: Problems) -> Scalar | None:
    if isinstance(node, Scalar):
        return node
    problems.add(node.spot, f"This must be {words}, not {describe(node)}.", "wrong-kind")
    return None


def _with_straight_quotes(found: Scalar) -> Edit | None:
    """A text whose typographic quotes stand all round it, in double quotes."""
    if "\n" in found.raw or found.value[-1] not in "’”“»" or len(found.value) < 3:
        return None
    inner = written(found.value[1:-1], "double")
    return Edit(found.spot.line, found.spot.column, len(found.raw), inner)


@dataclass(frozen=True, slots=True)
class Marked:
    """A text together with its place."""

    words: str = "a text"
    one_line: bool = True

    def read(self, node: Node, problems: Problems) -> Scalar | None:
        found = _scalar(node, self.words, problems)
        if found is None:
            return None
        if self.one_line and "\n" in found.value:
            problems.add(found.spot, f"This must be {self.words} on one line.", "wrong-kind")
            return None
        if found.style == "plain" and found.value[:1] in "‘“„«":
            problems.add(
                found.at(0), 'This is a typographic quote, which would be part of the text. Use " instead.',
                "smart-quotes",
                edit=_with_straight_quotes(found),
            )  # fmt: skip
            return None
        return found

    def schema(self) -> dict[str, object]:
        return {"type": ["string", "number", "boolean"]}


@dataclass(frozen=True, slots=True)
class Text:
    """A text, taken as it stands."""

    words: str = "a text"
    one_line: bool = True

    def read(self, node: Node, problems: Problems) -> str | None:
        found = Marked(self.words, self.one_line).read(node, problems)
        return None if found is None else found.value

    def schema(self) -> dict[str, object]:
        return {"type": ["string", "number", "boolean"]}


@dataclass(frozen=True, slots=True)
class Name:
    """The name of something in the site, with its place: small letters, digits and _, and capitals where
    they are allowed."""

    words: str = "a name of small letters, digits and _"
    capitals: bool = False

    def read(self, node: Node, problems: Problems) -> Scalar | None:
        found = _scalar(node, self.words, problems)
        if found is None:
            return None
        if not _NAME.match(found.value.lower() if self.capitals else found.value):
            near = re.sub(r"[^a-z0-9_]+", "_", found.value.lower()).strip("_")
            hint = f'; "{near}", perhaps?' if _NAME.match(near) else "."
            problems.add(
                found.spot,
                f"This must be {self.words}, beginning with a letter{hint}",
                "bad-name",
                fix=near if _NAME.match(near) else "",
            )
            return None
        return found

    def schema(self) -> dict[str, object]:
        named = re.match(r"the name of an? (\w+)", self.words)
        pattern = "^[A-Za-z][A-Za-z0-9_]*$" if self.capitals else "^[a-z][a-z0-9_]*$"
        found: dict[str, object] = {"type": "string", "pattern": pattern}
        return {**found, NAMES: named[1]} if named else found


@dataclass(frozen=True, slots=True)
class Integer:
    """A whole number between two bounds."""

    least: int = 0
    most: int = 2**31 - 1

    @property
    def words(self) -> str:
        return f"a whole number from {self.least:,} to {self.most:,}"

    def read(self, node: Node, problems: Problems) -> int | None:
        found = _scalar(node, self.words, problems)
        if found is None:
            return None
        if (
            not re.fullmatch(r"-?\d{1,12}", found.value, re.ASCII)
            or not self.least <= int(found.value) <= self.most
        ):
            problems.add(found.spot, f"This must be {self.words}.", "wrong-kind")
            return None
        return int(found.value)

    def schema(self) -> dict[str, object]:
        return {"type": "integer", "minimum": self.least, "maximum": self.most}


@dataclass(frozen=True, slots=True)
class Decimal:
    """A number, with or without decimals."""

    least: float = 0.0
    most: float = 1e9

    @property
    def words(self) -> str:
        return f"a number from {self.least:g} to {self.most:g}"

    def read(self, node: Node, problems: Problems) -> float | None:
        found = _scalar(node, self.words, problems)
        if found is None:
            return None
        good = re.fullmatch(r"-?\d{1,12}(\.\d{1,9})?", found.value, re.ASCII)
        if not good or not self.least <= float(found.value) <= self.most:
            problems.add(found.spot, f"This must be {self.words}.", "wrong-kind")
            return None
        return float(found.value)

    def schema(self) -> dict[str, object]:
        return {"type": "number", "minimum": self.least, "maximum": self.most}

    def write(self, number: float) -> str:
        """As a file says it."""
        return f"{number:g}"


@dataclass(frozen=True, slots=True)
class Duration:
    """A length of time, read as seconds."""

    words: str = "a length of time: a number with ms, s, m, h or d, such as 5s, 10m or 3d"

    def read(self, node: Node, problems: Problems) -> float | None:
        found = _scalar(node, self.words, problems)
        if found is None:
            return None
        matched = _DURATION.match(found.value)
        if matched is None or len(found.value) > 20:
            problems.add(found.spot, f"This must be {self.words}.", "wrong-kind")
            return None
        return float(matched[1]) * _SECONDS[matched[2]]

    def schema(self) -> dict[str, object]:
        return {"type": "string", "pattern": r"^\d+(\.\d+)?\s*(ms|s|m|h|d)$"}

    def write(self, seconds: float) -> str:
        """A length of time as a file says it."""
        for unit in ("d", "h", "m"):
            if seconds >= _SECONDS[unit] and seconds % _SECONDS[unit] == 0:
                return f"{seconds / _SECONDS[unit]:g}{unit}"
        return f"{seconds:g}s"


@dataclass(frozen=True, slots=True)
class Size:
    """An amount of data, read as bytes."""

    words: str = "a size: a number with KiB, MiB or GiB, such as 32MiB"

    def read(self, node: Node, problems: Problems) -> int | None:
        found = _scalar(node, self.words, problems)
        if found is None:
            return None
        matched = _SIZE.match(found.value)
        if matched is None or len(found.value) > 20:
            problems.add(found.spot, f"This must be {self.words}.", "wrong-kind")
            return None
        return int(matched[1]) * _BYTES[matched[2] or "B"]

    def schema(self) -> dict[str, object]:
        return {"type": ["string", "integer"], "pattern": r"^\d+\s*(B|KiB|MiB|GiB|kB|KB|MB|GB)?$"}

    def write(self, size: int) -> str:
        """A size as a file says it."""
        unit = next(unit for unit in ("GiB", "MiB", "KiB", "B") if size % _BYTES[unit] == 0)
        return f"{size // _BYTES[unit]}{unit}"


@dataclass(frozen=True, slots=True)
class YesNo:
    """yes or no."""

    words: str = "yes or no"

    def read(self, node: Node, problems: Problems) -> bool | None:
        found = _scalar(node, self.words, problems)
        if found is None:
            return None
        if found.value.lower() not in ("yes", "no", "true", "false"):
            problems.add(found.spot, "This must be yes or no.", "wrong-kind")
            return None
        return found.value.lower() in ("yes", "true")

    def schema(self) -> dict[str, object]:
        return {"enum": ["yes", "no", True, False]}

    def write(self, value: bool) -> str:
        """As a file says it."""
        return "yes" if value else "no"


@dataclass(frozen=True, slots=True)
class Choice:
    """One of a few words. hints: what to say to somebody who writes another likely word, as a sentence.
    about: what each word means, for editors."""

    options: tuple[str, ...]
    hints: Mapping[str, str] = field(default_factory=dict)
    about: Mapping[str, str] = field(default_factory=dict)

    @property
    def words(self) -> str:
        return f"one of {', '.join(self.options)}"

    def read(self, node: Node, problems: Problems) -> str | None:
        found = _scalar(node, self.words, problems)
        if found is None:
            return None
        if found.value not in self.options:
            hint = self.hints.get(found.value.casefold().replace(" ", ""))
            near = "" if hint else nearest(found.value, self.options)
            end = f". {hint}" if hint else f'; did you mean "{near}"?' if near else "."
            problems.add(found.spot, f"This must be {self.words}{end}", "wrong-choice", fix=near)
            return None
        return found.value

    def schema(self) -> dict[str, object]:
        found: dict[str, object] = {"enum": list(self.options)}
        if self.about:
            found["enumDescriptions"] = [self.about.get(word, "") for word in self.options]
        return found


@dataclass(frozen=True, slots=True)
class HostPort:
    """A network address, host:port."""

    words: str = "an address host:port, such as 127.0.0.1:2575"

    def read(self, node: Node, problems: Problems) -> tuple[str, int] | None:
        found = _scalar(node, self.words, problems)
        if found is None:
            return None
        host, colon, port = found.value.rpartition(":")
        good = colon and re.fullmatch(r"\d{1,5}", port, re.ASCII) and int(port) <= 65535
        if host.startswith("[") and host.endswith("]"):
            host = host[1:-1]
        if not good or not re.fullmatch(r"[A-Za-z0-9_.:%-]+", host):
            problems.add(found.spot, f"This must be {self.words}.", "wrong-kind")
            return None
        return host, int(port)

    def schema(self) -> dict[str, object]:
        return {"type": "string", "pattern": r"^.+:\d{1,5}$"}


@dataclass(frozen=True, slots=True)
class Secret:
    """A text in which `${env:NAME}` or `${file:/run/secrets/x}` may stand; the loader fills it in."""

    words: str = "a text, or a reference such as ${env:NAME}"

    def read(self, node: Node, problems: Problems) -> Scalar | None:
        return _scalar(node, self.words, problems)

    def schema(self) -> dict[str, object]:
        return {"type": "string"}


@dataclass(frozen=True, slots=True)
class Expression:
    """An expression, with its place. Looks for what YAML ate; parsing comes later."""

    words: str = "an expression such as MSH-9.1 = 'ORU'"

    def read(self, node: Node, problems: Problems) -> Scalar | None:
        found = _scalar(node, self.words, problems)
        if found is None or lost_to_yaml(found, problems):
            return None
        return found

    def schema(self) -> dict[str, object]:
        return {"type": ["string", "number"]}


@dataclass(frozen=True, slots=True)
class PathText:
    """A path, with its place."""

    words: str = "a path such as PID-3[5='NH'].1"

    def read(self, node: Node, problems: Problems) -> Scalar | None:
        found = _scalar(node, self.words, problems)
        if found is None:
            return None
        if path_lost_to_yaml(found, problems):
            return None
        return found

    def schema(self) -> dict[str, object]:
        return {"type": "string"}


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
