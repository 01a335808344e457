"""Names that stand in many places and are defined in none: told once, where the mistake most likely is.

A feed or channel that is misspelt where it is defined is missed wherever it is used, while nobody uses the
misspelt one: then the definition is blamed. Any other missing name is told at its first place, and the others
are listed there. Looks at problems that have been noted; finds none of its own.
"""

from __future__ import annotations

import re
from collections import defaultdict
from collections.abc import Iterable, Mapping
from dataclasses import replace

from routes.language.lint import has_errors
from routes.language.nearest import nearest
from routes.language.problems import Problem, Problems, Spot

__all__ = ["Defined", "put_together"]

_MISSING = re.compile(r'There (?:is|are) no ([a-z]+) "([^"]*)"')
_SITE_FILE, _OF_THE_SITE = "gatepost.yaml", ("hours", "pattern", "format")
_LOST = ("unknown-key", "empty-value")
_MANY = 2
_SHOWN = 4

Defined = tuple[Mapping[str, Spot], Iterable[str]]
"""Names of one kind, with where each is defined; and those of them that anybody uses."""


def put_together(problems: Problems, defined: Mapping[str, Defined]) -> None:
    """One problem for each name that is missing. defined: by the word for the kind, such as `channel`."""
    missing: dict[tuple[str, str, str], list[Problem]] = {}
    noted = problems.in_order()
    known = _Known(noted)  # what is dropped leaves one of these
    for problem in noted:
        match = _MISSING.match(problem.message)
        if problem.rule == "never-happens":
            missing.setdefault((problem.rule, "", problem.message), []).append(problem)
        elif match is not None and problem.rule.startswith("unknown-"):
            missing.setdefault((problem.rule, match[1], match[2]), []).append(problem)
    for (_, kind, name), found in missing.items():
        if kind in _OF_THE_SITE and has_errors(_SITE_FILE, problems):
            _drop(problems, found)  # it may be what could not be read there
            continue
        file = f"{kind}s.yaml"
        if kind in defined and file in known.doubled:
            _drop(problems, found)  # the line with its name may be the one that is missing there
            continue
        if kind in defined and name in known.marked[file]:
            _drop(problems, found)  # it stands there, in the wrong place
            continue
        if kind == "name" and known.badly_named(name, found[0].spot.file):
            _drop(problems, found)
            continue
        spots, used = defined.get(kind, ({}, ()))
        meant = nearest(name, spots)
        if meant and problems.found.get((spots[meant], "bad-name")) is not None:
            _drop(problems, found)  # its name where it is defined has been complained of
        elif len(found) >= _MANY and meant and meant not in used:
            _drop(problems, found)
            problems.add(
                spots[meant],
                f'Nothing uses "{meant}", and "{name}", which stands in {len(found)} places '
                f"({found[0].spot} is the first), is not defined: one of the two is misspelt.",
                found[0].rule,
                fix=name,
            )
        elif len(found) >= _MANY:
            first, *others = found
            _drop(problems, found)
            places = tuple(other.spot for other in others)
            message = f"{first.message} So, too, in {_listed(first.spot.file, places)}."
            problems.found[first.spot, first.rule] = replace(first, message=message, edit=None, also=places)


class _Known:
    """The errors that were noted, by file, so that a site with very many is gone through once."""

    def __init__(self, noted: Iterable[Problem]) -> None:
        self.doubled: set[str] = set()  # files with a key that stands there twice
        self.marked: defaultdict[str, set[str]] = defaultdict(set)
        self._bad: defaultdict[str, list[str]] = defaultdict(list)
        self._lost: defaultdict[str, set[str]] = defaultdict(set)
        for problem in noted:
            if problem.severity != "error":
                continue
            file, marked = problem.spot.file, _marked(problem)
            self.marked[file].add(marked)
            if problem.rule == "duplicate-key":
                self.doubled.add(file)
            if problem.rule == "bad-name":
                self._bad[file].append(marked)
            if problem.rule in _LOST:
                self._lost[file].add(marked)

    def badly_named(self, name: str, file: str) -> bool:
        """Whether a name that is much like it, or a key that is the same, has been complained of there."""
        return bool(nearest(name, self._bad[file])) or name in self._lost[file]


def _marked(problem: Problem) -> str:
    return problem.source[problem.spot.column - 1 : problem.spot.column - 1 + problem.spot.length]


def _drop(problems: Problems, found: Iterable[Problem]) -> None:
    for problem in found:
        del problems.found[problem.spot, problem.rule]


def _listed(file: str, places: tuple[Spot, ...]) -> str:
    """`line 12`, or `routes/b.yaml:4` where it is another file; not all of very many."""
    shown = [f"line {spot.line}" if spot.file == file else str(spot) for spot in places]
    shown = list(dict.fromkeys(shown))
    if len(shown) > _SHOWN:
        shown = [*shown[: _SHOWN - 1], f"{len(shown) - _SHOWN + 1} more places"]
    return shown[0] if len(shown) == 1 else f"{', '.join(shown[:-1])} and {shown[-1]}"
