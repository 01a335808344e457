"""The small closures that compiled expressions are made of, and the readings that they share.

Each takes closures and gives one. Knows the Scope and the two ways of being nothing; knows no tree, apart
from two questions about literals. `compiler` decides which closure stands for what.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from decimal import Decimal
from operator import eq, ge, gt, le, lt
from typing import Any, TypeAlias, TypeVar

from routes.hl7.formats import reference_range
from routes.language.readings import read_literal_moment
from routes.language.scope import Scope
from routes.language.syntax import Expression, Text
from routes.language.vocabulary import Pattern

__all__ = [
    "NOTHING", "NULL", "SIGNS", "Condition", "Figure", "Read", "all_of", "always", "any_of", "ask", "checked",
    "is_iso_date", "is_plain_text", "joined", "matcher", "range_end", "text_test", "written",
]  # fmt: skip

Figure: TypeAlias = "int | Decimal | None"
Condition: TypeAlias = Callable[[Scope], bool]
Read: TypeAlias = Callable[[Scope], str]
V = TypeVar("V")

NULL = '""'  # HL7's null, as paths read it
NOTHING = ("", NULL)

SIGNS: Mapping[str, Callable[[Any, Any], bool]] = {"=": eq, "<": lt, "<=": le, ">": gt, ">=": ge}


def always(value: V) -> Callable[[Scope], V]:
    """The same value for every message."""

    def read(_: Scope) -> V:
        return value

    return read


def ask(scope: Scope, test: Condition, values: Iterable[str]) -> Iterable[bool]:
    for value in values:
        scope.element = value
        yield test(scope)


def all_of(parts: list[Condition]) -> Condition:
    if len(parts) == 2:
        first, second = parts
        return lambda scope: first(scope) and second(scope)

    def asked(scope: Scope) -> bool:
        for part in parts:  # noqa: SIM110 - this is hot, and a generator costs more than the loop
            if not part(scope):
                return False
        return True

    return asked


def any_of(parts: list[Condition]) -> Condition:
    if len(parts) == 2:
        first, second = parts
        return lambda scope: first(scope) or second(scope)

    def asked(scope: Scope) -> bool:
        for part in parts:  # noqa: SIM110 - this is hot, and a generator costs more than the loop
            if part(scope):
                return True
        return False

    return asked


def joined(parts: list[Read]) -> Read:
    def read(scope: Scope) -> str:
        texts = [part(scope) for part in parts]
        return "".join([text for text in texts if text != NULL])

    return read


def checked(text: Read, check: Callable[[str], bool]) -> Condition:
    return lambda scope: (value := text(scope)) not in NOTHING and check(value)


def matcher(pattern: Pattern) -> Callable[[str], bool]:
    fullmatch = pattern.fullmatch

    def fits(value: str) -> bool:
        try:
            return fullmatch(value) is not None
        except UnicodeEncodeError:  # bytes that the charset does not know are kept as lone surrogates
            return fullmatch(value.encode("utf-8", "replace").decode("utf-8")) is not None

    return fits


def text_test(text: Read, other: Read, kind: str) -> Condition:
    def asked(scope: Scope) -> bool:
        value, part = text(scope), other(scope)
        if value in NOTHING or part in NOTHING:
            return False
        if kind == "contains":
            return part in value
        return value.startswith(part) if kind == "starts with" else value.endswith(part)

    return asked


def is_iso_date(node: Expression) -> bool:
    """A date in quotes and with hyphens is meant as a date wherever it stands; digits alone are a text."""
    return isinstance(node, Text) and read_literal_moment(node.value, iso_only=True) is not None


def is_plain_text(node: Expression) -> bool:
    return isinstance(node, Text) and not is_iso_date(node)


def written(figure: Figure) -> str:
    return "" if figure is None else format(figure, "f") if isinstance(figure, Decimal) else str(figure)


def range_end(text: str, end: int) -> Figure:
    found = reference_range(text)
    return found[end]
