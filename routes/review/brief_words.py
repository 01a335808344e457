"""Conditions in as few words as a picture has room for: `accepts is electronic`, `any abnormal flags HH, LL`.

Short, and for that less exact than `expression_words`: a picture shows where to look, an explanation says
what is so. Must not know how a picture is drawn.
"""

from __future__ import annotations

from routes.hl7.path import Path
from routes.language.syntax import (
    And,
    Compare,
    Count,
    Element,
    Expression,
    InHours,
    InList,
    InTable,
    Is,
    IsValid,
    Join,
    Lookup,
    Matches,
    Name,
    Not,
    Number,
    Or,
    PathRead,
    Quantified,
    RangeEnd,
    Received,
    Test,
    Text,
    TextTest,
)
from routes.review.path_words import own_name, short_name

__all__ = ["brief", "brief_path"]


def brief(tree: Expression, it: Path | None = None, *, holds: bool = True) -> str:
    """A condition or a value in a few words. it: what `it` is. holds: False for the opposite."""
    match tree:
        case Not():
            return brief(tree.of, it, holds=not holds)
        case And() | Or():
            word = " and " if isinstance(tree, And) is holds else " or "
            return word.join(brief(part, it, holds=holds) for part in tree.parts)
        case Quantified():
            return _quantified(tree, it, holds=holds)
        case Test():
            return _asked(tree, brief(tree.value, it), it, holds=holds)
        case Name():
            return tree.name if holds else f"not {tree.name}"
        case Lookup():
            return tree.table if tree.column is None else tree.column
        case PathRead():
            return brief_path(tree.path, it)
        case Text():
            return tree.value
        case Number() | Join():
            return str(tree)
        case Received():
            return "received"
        case RangeEnd():
            return f"{tree.end} {brief(tree.of, it)}"
        case Count():
            return f"number of {brief_path(tree.path, it)}"
        case Element():
            return "it"
        case _:
            raise TypeError(f"no words tell of {type(tree).__name__}")


def brief_path(path: Path, it: Path | None = None) -> str:
    """The standard's name of a place, without the segment that it is in and without the path."""
    return own_name(path, it) if path.field or path.component else short_name(path)


def _quantified(tree: Quantified, it: Path | None, *, holds: bool) -> str:
    opposite = {"any": "no", "no": "any", "all": "not all"}
    quantifier = tree.quantifier if holds else opposite[tree.quantifier]
    subject = f"{quantifier} {brief_path(tree.path, it)}"
    if tree.with_ or not isinstance(tree.test, Test):
        return f"{subject} with {brief(tree.test, tree.path)}"
    return _asked(tree.test, subject, it, holds=True)


def _asked(tree: Test, subject: str, it: Path | None, *, holds: bool) -> str:
    no = "" if holds else "not "
    be = "is" if holds else "is not"
    match tree:
        case Compare():
            return _compared(tree, subject, it, holds=holds)
        case InList():
            return f"{subject} {be} {', '.join(brief(item, it) for item in tree.items)}"
        case InTable():
            return f"{subject} {no}in {tree.table}"
        case InHours():
            return f"{no}in hours {tree.hours}"
        case Is():
            return (
                f"{subject} is empty"
                if tree.state == "present" and not holds
                else f"{subject} {be} {tree.state}"
            )
        case IsValid():
            return f"{subject} {be} valid"
        case Matches():
            return f"{subject} {no}{tree.pattern}"
        case TextTest():
            return f"{subject} {no}{tree.kind} {brief(tree.other, it)}"
        case _:
            raise TypeError(f"no words tell of {type(tree).__name__}")


def _compared(tree: Compare, subject: str, it: Path | None, *, holds: bool) -> str:
    other = brief(tree.other, it)
    if tree.sign in ("=", "!="):
        same = (tree.sign == "=") is holds
        return f"{subject} is {other}" if same else f"{subject} is not {other}"
    return f"{subject} {tree.sign} {other}" if holds else f"not {subject} {tree.sign} {other}"
