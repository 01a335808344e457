"""Reads a code table from CSV text and the sidecar that says how to use it.

Pure: text in, a table and problems out. Whoever loads the site reads the files. A table with a problem is
not made, since a look-up in half a table would send messages astray.
"""

from __future__ import annotations

import csv
import io
import re
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date

from routes.language.nearest import did_you_mean
from routes.language.problems import Problems, Spot
from routes.tables.table import Row, Table, TableError, build_table

__all__ = ["SIDECAR_KEYS", "read_table"]

ON_MISS = ("hold", "keep", "default")
SIDECAR_KEYS = {
    "on_miss": "hold (the step's else decides), keep (the code as it came) or default",
    "default": "the row for every code that is not in the table, as column: text",
    "case": "exact or ignore",
    "follow": "the column that names a row's successor, such as successor: look-ups read that row",
    "suggest": "such a column where nothing is followed: what a closed row stops is proposed to go there",
    "valid_from": "the column with the first day of a row's validity",
    "valid_to": "the column with the last day of a row's validity",
    "description": "what the table is",
    "owner": "who keeps it",
}
_NAME = re.compile(r"[A-Za-z_][A-Za-z0-9_]*")
_SEGMENT = re.compile(r"[A-Z][A-Z0-9]{2}|[A-Z]{3}[0-9]{1,2}")


@dataclass(slots=True)
class _Sheet:
    """The CSV while it is read: header, rows, and the line on which each row begins."""

    header: Row
    rows: list[Row]
    lines: list[int]  # of each row in `rows`: where it begins


def read_table(
    name: str,
    csv_text: str,
    sidecar: Mapping[str, object] | None,
    problems: Problems,
    file: str,
    *,
    spots: Mapping[str, Spot] | None = None,
) -> Table | None:
    """The table, or None where problems with severity error were noted.

    sidecar: the plain values of `NAME.yaml`, or None. spots: where its keys stand; without them a problem
    in the sidecar is placed at the top of the file of that name beside the CSV.
    """
    problems.read(file, csv_text)
    reader = _Reader(name, problems, file, dict(spots or {}))
    sheet = reader.sheet(csv_text)
    model = None if sheet is None else reader.model(sheet.header, sidecar or {})
    if sheet is None or model is None:
        return None
    reader.look_for_twins(sheet, model)
    reader.look_at_days(sheet, model)
    if reader.failed:
        return None
    try:
        return build_table(model, sheet.rows)
    except TableError as error:
        places = [line for line, row in zip(sheet.lines, sheet.rows, strict=True) if row[0] == error.key]
        reader.note(places[-1] if places else 1, error.message, error.rule, length=len(error.key))
        return None


class _Reader:
    """One reading: notes problems and remembers whether any was an error."""

    def __init__(self, name: str, problems: Problems, file: str, spots: dict[str, Spot]) -> None:
        self.name = name
        self.problems = problems
        self.file = file
        self.spots = spots
        self.failed = False

    def note(self, line: int, message: str, rule: str, *, column: int = 1, length: int = 1) -> None:
        self.failed = True
        self.problems.add(Spot(self.file, line, column, length), message, rule)

    def note_sidecar(self, key: str, message: str, rule: str) -> None:
        self.failed = True
        beside = Spot(self.file.removesuffix(".csv") + ".yaml")
        self.problems.add(self.spots.get(key, beside), message, rule)

    # --- the CSV ---------------------------------------------------------------------------------

    def sheet(self, text: str) -> _Sheet | None:
        """Header and rows, or None where not even the header can be read."""
        if not _NAME.fullmatch(self.name):
            self.note(
                1,
                "A table's file name must be letters, digits and _, so that expressions can name it.",
                "bad-name",
            )
        elif _SEGMENT.fullmatch(self.name):
            self.note(
                1, f'"{self.name}" would be read as a segment; name the file in lower case.', "bad-name"
            )
        text = text.removeprefix("\ufeff")  # spreadsheets write a byte order mark; it is not part of a name
        if "\0" in text:
            self.note(1, "This is not a text file; save the table as CSV in UTF-8.", "not-text")
            return None
        reader = csv.reader(io.StringIO(text, newline=""), strict=True)
        sheet: _Sheet | None = None
        line = 1
        try:
            for cells in reader:
                if sheet is None:
                    sheet = self._header(cells, line)
                    if sheet is None:
                        return None
                elif any(cell.strip() for cell in cells):
                    self._row(sheet, cells, line)
                line = reader.line_num + 1
        except csv.Error:
            self.note(
                line,
                'A quoted cell does not end properly; a " inside a cell is written "", and the cell is '
                "followed by a comma or the end of the line.",
                "bad-csv",
            )
        if sheet is None and not self.failed:
            self.note(
                1, "The table is empty; its first line names the columns, the key first.", "empty-table"
            )
        return sheet

    def _header(self, cells: list[str], line: int) -> _Sheet | None:
        names = tuple(cell.strip() for cell in cells)
        if len(names) == 1 and (";" in names[0] or "\t" in names[0]):
            found = "semicolons" if ";" in names[0] else "tabs"
            self.note(
                line, f"The columns are separated by {found}; save the table with commas.", "not-commas"
            )
            return None
        if not any(names):
            self.note(line, "The first line names the columns, the key first.", "empty-table")
            return None
        odd = next((name for name in names if ";" in name or "\t" in name), None)
        if odd is not None:
            found = "semicolon" if ";" in odd else "tab"
            self.note(
                line,
                f"There is a {found} in the name of a column; columns are separated by commas.",
                "not-commas",
            )
            return None
        for place, name in enumerate(names):
            if not name:
                self.note(line, f"Column {place + 1} has no name.", "empty-column")
            elif name in names[:place]:
                self.note(line, f'Two columns are called "{name}".', "duplicate-column")
        return _Sheet(names, [], [])

    def _row(self, sheet: _Sheet, cells: list[str], line: int) -> None:
        row = tuple(cell.strip() for cell in cells)
        width = len(sheet.header)
        if len(row) != width:
            more = "more" if len(row) > width else "fewer"
            self.note(
                line,
                f"This row has {more} cells than the header ({len(row)}, not {width}); a cell with a comma "
                'inside is written in double quotes, "like, this".',
                "ragged-row",
            )
        elif not row[0]:
            self.note(line, f'This row has no key (the column "{sheet.header[0]}").', "empty-key")
        else:
            self._note_stray_spaces(cells[0], line)
            sheet.rows.append(row)
            sheet.lines.append(line)

    def _note_stray_spaces(self, key: str, line: int) -> None:
        if key != key.strip():
            self.problems.add(
                Spot(self.file, line, 1, max(1, len(key))),
                "The key has spaces around it; they are left off.",
                "stray-spaces",
                warning=True,
            )

    def look_for_twins(self, sheet: _Sheet, model: Table) -> None:
        """Note each key that stands twice; with validity, rows of one key are told apart by their days."""
        first: dict[str, int] = {}
        if model.valid_from or model.valid_to:
            return
        for row, line in zip(sheet.rows, sheet.lines, strict=True):
            earlier = first.setdefault(model.folded(row[0]), line)
            if earlier != line:
                self.note(
                    line,
                    f"This key stands in line {earlier} already; keep one of the two rows.",
                    "duplicate-key",
                    length=len(row[0]),
                )

    def look_at_days(self, sheet: _Sheet, model: Table) -> None:
        """Note days of validity that are no days, and periods that end before they begin."""
        places = [model.column(name) for name in (model.valid_from, model.valid_to) if name]
        for row, line in zip(sheet.rows, sheet.lines, strict=True) if places else ():
            days = [row[place] for place in places if place is not None]
            if not all(_is_day(day) for day in days):
                self.note(line, "Days of validity are written as 2026-04-01, or left empty.", "bad-date")
            elif len(days) == 2 and days[1] and days[0] > days[1]:
                self.note(line, "This row's validity ends before it begins.", "bad-date")

    # --- the sidecar -----------------------------------------------------------------------------

    def model(self, columns: Row, sidecar: Mapping[str, object]) -> Table | None:
        """A table without rows that has the sidecar's policy."""
        for key in sidecar:
            if key not in SIDECAR_KEYS:
                hint = did_you_mean(key, SIDECAR_KEYS)
                self.note_sidecar(key, f'"{key}" is not a key of a table\'s sidecar{hint}', "unknown-key")
        on_miss = self._choice(sidecar, "on_miss", ON_MISS)
        case = self._choice(sidecar, "case", ("exact", "ignore"))
        follow = self._column(sidecar, "follow", columns)
        suggest = self._column(sidecar, "suggest", columns)
        if follow and suggest:
            self.note_sidecar(
                "suggest",
                'A table either follows successors or suggests them: take "suggest" away.',
                "unused",
            )
        valid_from = self._column(sidecar, "valid_from", columns)
        valid_to = self._column(sidecar, "valid_to", columns)
        default = self._default(sidecar, columns, on_miss)
        return Table(
            name=self.name,
            columns=columns,
            on_miss="keep" if on_miss == "keep" else "default" if on_miss == "default" else "hold",
            default_row=default,
            ignore_case=case == "ignore",
            follow=follow,
            suggest=suggest,
            valid_from=valid_from,
            valid_to=valid_to,
            description=self._words(sidecar, "description"),
            owner=self._words(sidecar, "owner"),
        )

    def _words(self, sidecar: Mapping[str, object], key: str) -> str:
        value = sidecar.get(key, "")
        if isinstance(value, str):
            return value.strip()
        self.note_sidecar(key, f'"{key}" takes a text.', "wrong-kind")
        return ""

    def _choice(self, sidecar: Mapping[str, object], key: str, choices: tuple[str, ...]) -> str:
        value = self._words(sidecar, key) or choices[0]
        if value not in choices:
            self.note_sidecar(key, f'"{key}" is one of {", ".join(choices)}.', "wrong-choice")
        return value

    def _column(self, sidecar: Mapping[str, object], key: str, columns: Row) -> str:
        name = self._words(sidecar, key)
        if name and name not in columns:
            hint = did_you_mean(name, columns, allowed_words="it has")
            self.note_sidecar(key, f'The table has no column "{name}"{hint}', "no-such-column")
        elif name == columns[0]:
            self.note_sidecar(key, f'"{key}" cannot be the key itself.', "wrong-column")
        return name

    def _default(self, sidecar: Mapping[str, object], columns: Row, on_miss: str) -> Row | None:
        given = sidecar.get("default")
        if any(key not in SIDECAR_KEYS for key in sidecar) or on_miss not in ON_MISS:
            return None  # it has been told; what it means for the default is anybody's guess
        if on_miss != "default":
            if given is not None:
                self.note_sidecar(
                    "default", 'A "default" row is used only with "on_miss: default".', "unused"
                )
            return None
        if not isinstance(given, Mapping) or not given:
            self.note_sidecar(
                "default" if given is not None else "on_miss",
                '"on_miss: default" needs a row, as default: {column: text}.',
                "missing-key",
            )
            return None
        for column in given:
            if column not in columns:
                hint = did_you_mean(str(column), columns, allowed_words="it has")
                self.note_sidecar("default", f'The table has no column "{column}"{hint}', "no-such-column")
        return tuple(str(given.get(column, "")) for column in columns)


def _is_day(text: str) -> bool:
    """True for an ISO day with hyphens, and for an open end."""
    try:
        return not text or date.fromisoformat(text).isoformat() == text
    except ValueError:
        return False
