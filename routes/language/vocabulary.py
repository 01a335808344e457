"""What an expression may speak of besides the message: names, tables, hours, patterns.

Holds them together for `types` and `compiler`; reads nothing and knows nothing of files. The reserved
words stand here too, since they are what a name must not be called.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from enum import Enum
from typing import Any, Protocol

from routes.hl7.notation import Path
from routes.language.hours import Hours
from routes.language.syntax import Expression
from routes.tables.table import Table

__all__ = ["RESERVED", "Kind", "Named", "Pattern", "Vocabulary", "looks_like_segment", "name_problem"]


class Kind(Enum):
    """What an expression gives. The value is how it is called in messages to people."""

    TEXT = "a text"
    NUMBER = "a number"
    DATE = "a date"
    TIME = "a time"
    YES_NO = "yes or no"
    LIST = "a list"
    ROW = "a row"
    UNKNOWN = "unknown"


class Pattern(Protocol):
    """A compiled RE2 pattern."""

    def fullmatch(self, text: str) -> object | None: ...


@dataclass(frozen=True, slots=True)
class Named:
    """What a name stands for. `expression` None: it did not parse; its kind is unknown and it is "" or no."""

    expression: Expression | None
    kind: Kind = Kind.UNKNOWN


@dataclass(frozen=True, slots=True)
class Vocabulary:
    """Everything that expressions of one file may name.

    patterns: compiled with RE2 (`import re2`), never with `re`: a pattern must not be able to stall us.
    zone: the IANA zone of times without an offset, "" where the feed does not say: then such times are
    compared with times with an offset never, rather than by a guess. A Scope's own zone goes first.
    in_each: true where `it` is allowed: in `each` and `for_each`. (`with` allows it by itself.)
    element: the path whose element `it` is there, where that is known.
    live: the site is in live use, so that numbers which belong to nobody are not valid.
    broken_tables: those that are there and could not be made; their problems have been told.
    broken_words: the same of hours and patterns.
    """

    names: Mapping[str, Named] = field(default_factory=dict)
    tables: Mapping[str, Table] = field(default_factory=dict)
    hours: Mapping[str, Hours] = field(default_factory=dict)
    patterns: Mapping[str, Pattern] = field(default_factory=dict)
    zone: str = ""
    in_each: bool = False
    element: Path | None = None
    live: bool = False
    broken_tables: frozenset[str] = frozenset()
    broken_words: frozenset[str] = frozenset()
    # Closures of names, made once and shared by every expression of this vocabulary: names may refer to
    # names, and compiling them anew at each use would grow without bound. Only `compiler` touches it, and
    # a vocabulary made by `replace` begins with none.
    compiled: dict[str, Callable[[Any], Any]] = field(
        init=False, default_factory=dict, compare=False, repr=False
    )


# A word that begins or joins parts of an expression cannot be a name, or a condition would read two ways.
RESERVED = frozenset(
    {"and", "or", "not", "in", "is", "it", "any", "all", "no", "with", "received", "count", "upper", "lower"}
    | {"of", "starts", "ends", "contains", "matches", "true", "false", "yes", "null", "none"}
)
_WORD = re.compile(r"[A-Za-z_][A-Za-z0-9_]*")
_SEGMENT = re.compile(r"[A-Z][A-Z0-9]{2}|[A-Z]{3}[0-9]{1,2}")


def looks_like_segment(word: str) -> bool:
    """True for `PID` or `ZAL`, and for `PID3`, which is a path that lost its hyphen."""
    return _SEGMENT.fullmatch(word) is not None


def name_problem(name: str) -> str:
    """Why a word cannot name a value, a table, hours or a pattern, without a full stop; "" where it can."""
    if not _WORD.fullmatch(name):
        return f'"{name}" cannot be a name here; use letters, digits and _, beginning with a letter'
    if name.lower() in RESERVED:
        return f'"{name}" is a word of the language and cannot be a name'
    if looks_like_segment(name):
        return f'"{name}" would be read as a segment; write the name in lower case'
    return ""
