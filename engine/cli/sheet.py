"""Tables and lines of the commands that somebody waits for, drawn as rich draws them, without rich.

Loading rich and laying out a table with it costs more than to start Python. What is plain is drawn here:
every table that fits the width, with one line for each cell, in letters of one column. Whatever is not plain
(a narrow terminal, wide letters, a terminal that is told to be special) rich draws, so that both look the
same; `tests/engine/cli/test_sheet.py` holds them against each other. Must not know what the tables are about.
"""

from __future__ import annotations

import os
import sys
from collections.abc import Iterator
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from rich.table import Table

__all__ = ["WIDE", "Sheet", "print_line", "print_sheet", "printable"]

WIDE = 160
"""Columns of a table that goes to a file or a pipe, where nothing says how wide it may be."""

# What tells rich that a terminal is another than it looks; rich knows what follows from it.
_SPECIAL = ("FORCE_COLOR", "TTY_COMPATIBLE", "TTY_INTERACTIVE", "JUPYTER_COLUMNS", "UNICODE_VERSION")
_WITHOUT_STYLE = ("dumb", "unknown")
# Letters that take one column: Latin, Greek, Cyrillic, the usual dashes and quotation marks.
_NARROW = ((0x20, 0x7E), (0xA0, 0xAC), (0xAE, 0x2FF), (0x370, 0x482), (0x2010, 0x2027))
_BOLD, _ITALIC, _AS_BEFORE = "\x1b[1m", "\x1b[3m", "\x1b[0m"


class Sheet:
    """A table of text. Cells are made fit for a terminal, and hold one line each.

    title: above it. fold: in a narrow terminal, break words rather than cut them off. numbers: so many of the
    first columns stand to the right and are never broken. upright: in a narrow terminal, a line for each cell
    that says something, below the row's first one.
    """

    def __init__(
        self,
        *headings: str,
        title: str = "",
        fold: bool = False,
        numbers: int = 0,
        upright: bool = False,
    ) -> None:
        self.headings = headings
        self.rows: list[tuple[str, ...]] = []
        self.title, self.fold, self.numbers, self.upright = printable(title), fold, numbers, upright

    def add(self, *cells: str) -> None:
        """A row, with a cell for each heading."""
        self.rows.append(tuple(map(printable, cells)))


def printable(text: str) -> str:
    """Text from outside, fit for a terminal: no control characters."""
    return text if text.isprintable() else "".join(c if c.isprintable() else "?" for c in text)


def print_sheet(sheet: Sheet) -> None:
    """Print a table."""
    room, styled = _room(), sys.stdout.isatty()
    lines = None if room is None else _drawn(sheet, room, styled=styled)
    if lines is None and room is not None and styled and sheet.upright:
        lines = list(_upright(sheet))
    if lines is None:
        _by_rich(_as_rich(sheet), wrapped=True)
    else:
        sys.stdout.write("".join(f"{line}\n" for line in lines))
        sys.stdout.flush()


def print_line(text: str, *, wrapped: bool = False) -> None:
    """Print text, made fit for a terminal. wrapped: broken between words where it is too long."""
    clean, room = printable(text), _room()
    if not wrapped or (room is not None and len(clean) <= room and _narrow(clean)):
        sys.stdout.write(f"{clean}\n")
        sys.stdout.flush()
    else:
        _by_rich(clean, wrapped=True)


def _room() -> int | None:
    """How many columns there are; None where it takes rich to know."""
    if any(name in os.environ for name in _SPECIAL) or not _in_utf(sys.stdout.encoding):
        return None
    if not sys.stdout.isatty():
        return WIDE
    if os.environ.get("TERM", "").lower() in _WITHOUT_STYLE:
        return None
    said = os.environ.get("COLUMNS", "")
    if said.isdigit():
        return int(said) or None
    for stream in (0, 1, 2):
        try:
            return os.get_terminal_size(stream).columns or None
        except OSError:
            continue
    return None


def _in_utf(encoding: str | None) -> bool:
    return (encoding or "utf-8").lower().startswith("utf")


def _narrow(text: str) -> bool:
    """Whether each letter takes one column."""
    return text.isascii() or all(any(low <= ord(c) <= high for low, high in _NARROW) for c in text)


def _drawn(sheet: Sheet, room: int, *, styled: bool) -> list[str] | None:
    """Its lines; None where it does not fit, or not every letter takes one column."""
    cells = [cell for row in (sheet.headings, *sheet.rows) for cell in row]
    if not all(map(_narrow, (*cells, sheet.title))):
        return None
    widths = [max(map(len, column)) for column in zip(sheet.headings, *sheet.rows, strict=True)]
    whole = sum(widths) + 3 * len(widths) + 1
    if whole > room or len(sheet.title) > whole:
        return None
    return list(_lines(sheet, widths, whole, styled=styled))


def _lines(sheet: Sheet, widths: list[int], whole: int, *, styled: bool) -> Iterator[str]:
    italic, end = (_ITALIC, _AS_BEFORE) if styled else ("", "")
    if sheet.title:
        yield f"{italic}{sheet.title:<{whole}}{end}"
    yield _rule("┏", "━", "┳", "┓", widths)
    headings = _padded(sheet, sheet.headings, widths)
    if styled:  # the spaces at both sides are bold by themselves
        space = f"{_BOLD} {_AS_BEFORE}"
        headings = [f"{space}{_BOLD}{text}{_AS_BEFORE}{space}" for text in headings]
        yield f"┃{'┃'.join(headings)}┃"
    else:
        yield f"┃ {' ┃ '.join(headings)} ┃"
    yield _rule("┡", "━", "╇", "┩", widths)
    for row in sheet.rows:
        yield f"│ {' │ '.join(_padded(sheet, row, widths))} │"
    yield _rule("└", "─", "┴", "┘", widths)


def _upright(sheet: Sheet) -> Iterator[str]:
    """Its rows one below the other, for a terminal: as long as they are, lines are broken by it."""
    if sheet.title:
        yield f"{_ITALIC}{sheet.title}{_AS_BEFORE}"
    wide = max(map(len, sheet.headings))
    for first, *others in sheet.rows:
        yield f"  {_BOLD}{first}{_AS_BEFORE}"
        for heading, cell in zip(sheet.headings[1:], others, strict=True):
            if cell:
                yield f"    {heading:<{wide}}  {cell}"


def _padded(sheet: Sheet, cells: tuple[str, ...], widths: list[int]) -> list[str]:
    return [
        f"{cell.rstrip():>{width}}" if number < sheet.numbers else f"{cell:<{width}}"
        for number, (cell, width) in enumerate(zip(cells, widths, strict=True))
    ]


def _rule(left: str, line: str, between: str, right: str, widths: list[int]) -> str:
    return left + between.join(line * (width + 2) for width in widths) + right


def _as_rich(sheet: Sheet) -> Table:
    from rich.markup import escape
    from rich.table import Table
    from rich.text import Text

    table = Table(header_style="bold", title=escape(sheet.title) or None, title_justify="left")
    for number, heading in enumerate(sheet.headings):
        if number < sheet.numbers:
            table.add_column(heading, justify="right", no_wrap=True)
        else:
            table.add_column(heading, overflow="fold" if sheet.fold else "ellipsis")
    for row in sheet.rows:
        table.add_row(*map(Text, row))
    return table


def _by_rich(what: Table | str, *, wrapped: bool) -> None:
    from rich.console import Console
    from rich.text import Text

    console = Console(highlight=False, emoji=False, width=None if sys.stdout.isatty() else WIDE)
    console.print(Text(what) if isinstance(what, str) else what, soft_wrap=not wrapped)
