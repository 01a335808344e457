"""Which files of a site differ between two of its configurations, and in what.

Texts in, differences out; of a table, its rows. Knows the layout of a site by the names of its folders, and
nothing of what the files mean.
"""

from __future__ import annotations

import csv
import io
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from difflib import unified_diff
from itertools import zip_longest
from typing import Literal

__all__ = ["FileChange", "RowChanges", "file_differences"]

MOST_ROWS = 50
"""The most rows of a changed table that are told one by one."""

MOST_LINES = 2_000
"""The most lines of a text's difference."""

_KINDS = {
    "routes": "route",
    "dialects": "dialect",
    "guards": "guard",
    "profiles": "profile",
    "tables": "table",
    "environments": "environment",
}
_ORDER = ("route", "dialect", "guard", "profile", "table")

How = Literal["changed", "added", "removed"]


@dataclass(frozen=True, slots=True)
class RowChanges:
    """A table's rows by key: how many were changed, added and removed, and the first of them in words."""

    changed: int = 0
    added: int = 0
    removed: int = 0
    told: tuple[str, ...] = ()

    def __str__(self) -> str:
        counts = ((self.changed, "changed"), (self.added, "added"), (self.removed, "removed"))
        said = [f"{number:,} {what}" for number, what in counts if number]
        if not said:
            return "no row differs"
        first, *rest = said
        number, what = first.split(" ")
        noun = "row" if number == "1" else "rows"
        return ", ".join([f"{number} {noun} {what}", *rest])


@dataclass(frozen=True, slots=True)
class FileChange:
    """One file that is otherwise now, or is new, or is gone.

    kind: route, dialect, guard, profile, table (its CSV or its sidecar), environment or settings. lines: the
    difference of the texts as `diff -u` writes it, not for a table's rows.
    """

    path: str
    kind: str
    how: How
    rows: RowChanges | None = None
    lines: tuple[str, ...] = ()

    def __str__(self) -> str:
        rows = f": {self.rows}" if self.rows is not None else ""
        return f"{self.kind} {self.path} {self.how}{rows}"


def file_differences(then: Mapping[str, str], now: Mapping[str, str]) -> tuple[FileChange, ...]:
    """Every file that differs, routes first, then what routes use, then the rest, by path."""
    paths = sorted(
        (path for path in {*then, *now} if then.get(path) != now.get(path)),
        key=lambda path: (_rank(_kind(path)), path),
    )
    return tuple([_change(path, then.get(path), now.get(path)) for path in paths])


def _change(path: str, then: str | None, now: str | None) -> FileChange:
    how: How = "added" if then is None else "removed" if now is None else "changed"
    if path.endswith(".csv"):
        return FileChange(path, _kind(path), how, _rows(then or "", now or ""))
    lines = unified_diff((then or "").splitlines(), (now or "").splitlines(), "then", "now", lineterm="", n=3)
    return FileChange(path, _kind(path), how, None, tuple(_first(lines)))


def _first(lines: Iterator[str]) -> Iterator[str]:
    for number, line in enumerate(lines):
        if number == MOST_LINES:
            yield f"… more than {MOST_LINES:,} lines"
            return
        if number > 1:  # the two names: whoever shows this says which file it is
            yield line


def _kind(path: str) -> str:
    folder, slash, _ = path.partition("/")
    return _KINDS.get(folder, "settings") if slash else "settings"


def _rank(kind: str) -> int:
    return _ORDER.index(kind) if kind in _ORDER else len(_ORDER)


Row = tuple[str, ...]


def _rows(then: str, now: str) -> RowChanges:
    """By key; where a key has several rows, the first is held against the first."""
    head, old = _by_key(then)
    new_head, new = _by_key(now)
    columns = new_head or head
    gone = [key for key in old if key not in new]
    fresh = [key for key in new if key not in old]
    other = [key for key in new if key in old and (old[key] != new[key] or (head and head != new_head))]
    told = [f"{key[0]}: {_cells(columns, old[key], new[key])}" for key in other[:MOST_ROWS]]
    told += [f"{key[0]}: added" for key in fresh[:MOST_ROWS]]
    told += [f"{key[0]}: removed" for key in gone[:MOST_ROWS]]
    return RowChanges(len(other), len(fresh), len(gone), tuple(told[:MOST_ROWS]))


def _by_key(text: str) -> tuple[Row, dict[tuple[str, int], Row]]:
    """The header, and each row under its key and the number of times that the key stood before it."""
    found: dict[tuple[str, int], Row] = {}
    seen: dict[str, int] = {}
    head: Row = ()
    try:
        for cells in csv.reader(io.StringIO(text.removeprefix("\ufeff"), newline="")):
            if not head:
                head = tuple(cells)
            elif cells:
                seen[cells[0]] = seen.get(cells[0], -1) + 1
                found[cells[0], seen[cells[0]]] = tuple(cells)
    except csv.Error:
        return head, found  # a cell past the reader's limit: what was read so far is compared
    return head, found


def _cells(columns: Row, old: Row, new: Row) -> str:
    """Which cells of a row are others."""
    differing = [
        f"{name or '?'}: {before or '(empty)'} → {after or '(empty)'}"
        for name, before, after in zip_longest(columns, old, new, fillvalue="")
        if before != after
    ]
    return "; ".join(differing) or "in another column"
