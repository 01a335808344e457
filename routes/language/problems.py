"""A problem in somebody's file: where it is, what is wrong, what to do. One mistake gives one problem."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Literal

from routes.language.nearest import resembles

__all__ = ["Edit", "Problem", "Problems", "Spot"]

_TEARING = ("comma-in-braces", "missing-space")


@dataclass(frozen=True, slots=True, order=True)
class Spot:
    """A place in a site file: lines and columns count from one; `length` is in characters, at least one.

    whole: it is the file or folder as a whole; no line is told.
    """

    file: str
    line: int = 1
    column: int = 1
    length: int = 1
    whole: bool = False

    def shifted(self, offset: int, length: int) -> Spot:
        """The place `offset` characters further on the same line."""
        return Spot(self.file, self.line, self.column + offset, max(1, length))

    def __str__(self) -> str:
        return f"{self.file}:{self.line}"


@dataclass(frozen=True, slots=True)
class Edit:
    """A change of one line that takes a problem away: `length` characters become `text`.

    line and column count from one; length 0 puts the text before the column.
    """

    line: int
    column: int
    length: int
    text: str

    def apply(self, whole: str) -> str:
        """The text of a file with this change."""
        lines = whole.split("\n")
        line = lines[self.line - 1]
        start = self.column - 1
        lines[self.line - 1] = line[:start] + self.text + line[start + self.length :]
        return "\n".join(lines)


@dataclass(frozen=True, slots=True)
class Problem:
    """One problem: `message` says what is wrong and what to do; `rule` is its stable id.

    edit: the change that takes it away, where there is one that can hardly be wrong. also: other places of
    the same mistake, as the message says.
    """

    spot: Spot
    message: str
    rule: str
    severity: Literal["error", "warning"] = "error"
    source: str = ""  # the line of the file, for the caret
    edit: Edit | None = None
    also: tuple[Spot, ...] = ()

    def __str__(self) -> str:
        mark = "" if self.severity == "error" else "warning: "
        at = self.spot
        place = at.file if at.whole else f"{at.file}:{at.line}:{at.column}"
        head = f"{place}: {mark}{self.message} [{self.rule}]"
        if not self.source:
            return head
        shown = self.source.rstrip("\r\n").replace("\t", " ")
        width = max(1, min(self.spot.length, len(shown) - self.spot.column + 1))
        caret = " " * (self.spot.column - 1) + "^" + "~" * (width - 1)
        return f"{head}\n{self.spot.line:>6} | {shown}\n       | {caret}"


@dataclass(slots=True)
class Problems:
    """Collects problems while a site is read; sorted into file order, the same one never twice."""

    found: dict[tuple[Spot, str], Problem] = field(default_factory=dict)
    lines: dict[str, list[str]] = field(default_factory=dict)

    def read(self, file: str, text: str) -> None:
        """Remember a file's lines, so that problems can show them. Splits at LF only."""
        self.lines[file] = text.split("\n")

    def add(
        self,
        spot: Spot,
        message: str,
        rule: str,
        *,
        warning: bool = False,
        fix: str = "",
        edit: Edit | None = None,
    ) -> None:
        """Note a problem. The first one at a spot with a rule stays.

        fix: the word that is meant by what is marked; it becomes a change where the two are alike enough.
        edit: the change, where it is another one.
        """
        lines = self.lines.get(spot.file, [])
        source = lines[spot.line - 1] if 0 < spot.line <= len(lines) else ""
        severity: Literal["error", "warning"] = "warning" if warning else "error"
        marked = source[spot.column - 1 : spot.column - 1 + spot.length]
        if edit is None and fix and resembles(marked, fix):
            edit = Edit(spot.line, spot.column, spot.length, fix)
        self.found.setdefault((spot, rule), Problem(spot, message, rule, severity, source, edit))

    @property
    def errors(self) -> bool:
        """True where anything stands in the way of running the site."""
        return any(p.severity == "error" for p in self.found.values())

    def in_order(self) -> list[Problem]:
        """All of them, by file, line and column."""
        torn = {(p.spot.file, p.spot.line) for p in self.found.values() if p.rule in _TEARING}
        # Where a line of {…} was torn apart, whatever else is wrong with it comes of that.
        told = [
            p for p in self.found.values()
            if p.rule in _TEARING or (p.spot.file, p.spot.line) not in torn
        ]  # fmt: skip
        return sorted(told, key=lambda p: (p.spot, p.rule))
