"""The kinds of single value that a site file may hold: durations, sizes, choices, expressions, paths …

Each reads one node and reports what does not fit; lists and mappings of them are in `nested_kinds`.
Expressions and paths are only looked at for what YAML did to them on the way; reading them is the language's
own matter. Must not know any particular key.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass, field

from routes.language.nearest import nearest
from routes.language.problems import Edit, Problems
from routes.language.shapes import describe
from routes.language.source import Node, Scalar
from routes.language.yaml_edits import written
from routes.language.yaml_traps import lost_to_yaml, path_lost_to_yaml

__all__ = [
    "NAMES", "Choice", "Decimal", "Duration", "Expression", "HostPort", "Integer", "Marked", "Name",
    "PathText", "Secret", "Size", "Text", "YesNo",
]  # fmt: skip

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
