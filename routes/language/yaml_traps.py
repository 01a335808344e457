"""What YAML did silently to an expression or a path before anybody could read it.

Each trap has a rule of its own and says the remedy. Looks at the style and the surroundings of a scalar
only; parsing the expression is the language's own matter.
"""

from __future__ import annotations

import re

from routes.language.problems import Edit, Problems
from routes.language.source import Scalar
from routes.language.yaml_edits import quote_rest

__all__ = ["lost_to_yaml", "path_lost_to_yaml"]

_SMART = re.compile("[‘’“”„‚«»]")
_ASKS = re.compile(r"[=<>]|\b(?:and|or|not|is|in|contains|matches)\b")
_NEEDS_QUOTES = re.compile(r"[\[\]&=<>]")
"""Signs that no plain text has by chance: an expression in double quotes, which YAML wants round brackets."""
_PATH = re.compile(r"(?:[A-Z][A-Z0-9]{2}|it)(?:\[\S+\])?-[0-9]\S*")
_WORD = re.compile(r"[A-Za-z][A-Za-z0-9_]*")
_UNFINISHED = re.compile(r"(?:[=<>&,(\[]|\b(?:and|or|not|in|is|with|contains|matches))\s*\Z")


def lost_to_yaml(found: Scalar, problems: Problems) -> bool:
    """True, with a problem, where YAML silently changed what the author of an expression wrote."""
    needed = found.style == "double" and _NEEDS_QUOTES.search(found.value)
    if found.style in ("single", "double") and "'" not in found.value and not needed:
        problems.add(
            found.spot,
            "YAML takes these quotes away before the expression is read. Write an expression without quotes "
            "round it; where it begins with a quoted text, put all of it in double quotes "
            "(\"'GP' & requester\"); for plain text there is set_text.",
            "yaml-ate-the-quotes",
            edit=_with_quotes_back(found),
        )
        return True
    return _smart_quotes(found, problems) or _cut_short(found, problems)


def path_lost_to_yaml(found: Scalar, problems: Problems) -> bool:
    """The same for a path, which YAML's own quotes do not hurt."""
    return _smart_quotes(found, problems) or _cut_short(found, problems)


def _smart_quotes(found: Scalar, problems: Problems) -> bool:
    smart = _SMART.search(found.value)
    if smart is None or _inside_quotes(found.value, smart.start()):
        return False
    problems.add(
        found.at(smart.start()),
        "This is a typographic quote, as word processors make them. Texts stand in straight quotes: 'ORU'.",
        "smart-quotes",
        edit=found.edited(0, len(found.value), _SMART.sub("'", found.value)),
    )
    return True


def _with_quotes_back(found: Scalar) -> Edit | None:
    """The expression without YAML's quotes, or a text with its own; None where either may be meant."""
    if _ASKS.search(found.value) or _PATH.fullmatch(found.value):
        bare = Scalar(found.value, found.spot, "plain", found.raw, found.flow)
        return bare.edited(0, 0, "")
    if not _WORD.fullmatch(found.value) or found.value.islower():
        return None
    double = Scalar(found.value, found.spot, "double", found.raw, found.flow)
    return double.edited(0, len(found.value), f"'{found.value}'")


def _inside_quotes(text: str, offset: int) -> bool:
    return text[:offset].count("'") % 2 == 1


def _cut_short(found: Scalar, problems: Problems) -> bool:
    """A ` #` begins a comment for YAML, also in the middle of a quoted text of ours."""
    if found.style != "plain":
        return False
    lines = problems.lines.get(found.spot.file, [])
    last = found.spot.line + found.raw.count("\n") - 1
    column = len(found.raw.rsplit("\n", 1)[-1]) + (found.spot.column - 1 if "\n" not in found.raw else 0)
    rest = lines[last][column:] if last < len(lines) else ""
    unfinished = found.value.count("'") % 2 == 1 or _UNFINISHED.search(found.value) is not None
    if not rest.lstrip().startswith("#") or not unfinished:
        return False
    number = found.spot.line - 1
    edit = None
    if "\n" not in found.raw and not found.flow:
        edit = quote_rest(found.spot.line, lines[number], found.spot.column - 1)
        if edit is not None and edit.text.count("'") % 2 == 1:
            edit = None  # a quote stays open: where the value ends is a guess
    problems.add(
        found.spot.shifted(column - found.spot.column + 1 + len(rest) - len(rest.lstrip()), 1)
        if "\n" not in found.raw
        else found.spot,
        "For YAML a # behind a space begins a comment, so the expression ends before it. Put the whole "
        'value in double quotes ("…").',
        "comment-cut",
        edit=edit,
    )
    return True
