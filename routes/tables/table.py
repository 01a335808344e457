"""A code table: rows found by their key, and the policy for a key that is not there.

Immutable once made. Knows nothing of files, CSV or messages: `reading` makes tables from text. A row is a
tuple of texts in the order of `columns`, so that an expression can settle the column when the site is
loaded and a look-up costs two dictionary reads at most.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field, replace
from hashlib import sha256
from itertools import pairwise
from types import MappingProxyType
from typing import Literal

__all__ = ["Dated", "OnMiss", "Row", "Table", "TableError", "build_table"]

Row = tuple[str, ...]
OnMiss = Literal["hold", "keep", "default"]


class TableError(Exception):
    """Rows that cannot make a table: `message` says why, `key` at which key, `rule` the kind of mistake."""

    def __init__(self, message: str, key: str, rule: str) -> None:
        super().__init__(message)
        self.message = message
        self.key = key
        self.rule = rule


@dataclass(frozen=True, slots=True)
class Dated:
    """A row with its time of validity: ISO days, both included, "" for an open end."""

    first: str
    last: str
    row: Row

    def holds_on(self, day: str) -> bool:
        """True where the row is valid on this ISO day; where no day is asked for, any row is."""
        return not day or (self.first <= day and (not self.last or day <= self.last))


@dataclass(frozen=True, slots=True)
class Table:
    """One code table; `build_table` makes them.

    columns: as in the header; the first is the key.
    plain: rows by key (folded where `ignore_case`), for a table without validity.
    dated: rows by key, oldest first, for a table with validity; then `plain` is empty.
    follow, suggest: the column that names a row's successor; look-ups follow it, or it is only proposed.
    ends: where there is such a column, the key at the end of its chain, where it is another one.
    on_miss: what `translate` does with a code that is not here; `default_row` is there for `default`.
    hash: of everything that decides what a look-up gives; recorded with decisions.
    """

    name: str
    columns: tuple[str, ...]
    plain: Mapping[str, Row] = field(default_factory=dict)
    dated: Mapping[str, tuple[Dated, ...]] = field(default_factory=dict)
    ends: Mapping[str, str] = field(default_factory=dict)
    on_miss: OnMiss = "hold"
    default_row: Row | None = None
    ignore_case: bool = False
    follow: str = ""
    suggest: str = ""
    valid_from: str = ""
    valid_to: str = ""
    description: str = ""
    owner: str = ""
    hash: str = ""

    def has(self, key: str, day: str = "") -> bool:
        """True where the key has a row (valid on the ISO day `day`, where the table has validity).

        Successors are not followed: the code of a closed practice is still a key.
        """
        return self._at(key.casefold() if self.ignore_case else key, day) is not None

    def row(self, key: str, day: str = "") -> Row | None:
        """The row of a key, at the end of its chain where the table follows successors; None on a miss."""
        folded = key.casefold() if self.ignore_case else key
        if not self.ends or not self.follow:
            return self._at(folded, day)
        return self._last(folded, day)

    def successor(self, key: str, day: str = "") -> str:
        """The key at the end of a closed row's chain, whether look-ups follow it or not; "" where the row
        names no successor, or is not there."""
        folded = self.folded(key)
        if not self.ends:
            return ""
        last = self._last(folded, day)
        return last[0] if last is not None and self.folded(last[0]) != folded else ""

    def closed(self, key: str, day: str = "") -> bool:
        """True where the row of a key names a successor: nothing is sent there any more."""
        row = self._at(self.folded(key), day) if self.ends else None
        return row is not None and bool(row[self.columns.index(self.follow or self.suggest)])

    def closed_words(self, key: str, day: str = "") -> str:
        """What a person is told of a closed key; its successor is a proposal."""
        successor = self.successor(key, day)
        row = self._at(self.folded(key), day)
        told = f"{row[0] if row else key} has closed"
        return told + (f"; {self.name} names {successor} as its successor" if successor else "")

    def _last(self, folded: str, day: str) -> Row | None:
        if not self.dated:
            return self.plain.get(self.ends.get(folded, folded))
        return self._followed(folded, day)

    def lookup(self, key: str, day: str = "") -> Row | None:
        """Like `row`, but a miss gives the default row where the table has one."""
        found = self.row(key, day)
        return self.default_row if found is None else found

    def column(self, name: str) -> int | None:
        """The place of a column in a row, or None where there is no such column."""
        return self.columns.index(name) if name in self.columns else None

    def value(self, key: str, column: str, day: str = "") -> str:
        """One cell, with the default row on a miss; "" where there is neither. KeyError: no such column."""
        place = self.column(column)
        if place is None:
            raise KeyError(column)
        row = self.lookup(key, day)
        return "" if row is None else row[place]

    def rows(self) -> Iterator[Row]:
        """Every row, in the order of the file; rows of one key stand together."""
        yield from self.plain.values()
        for of_key in self.dated.values():
            yield from (each.row for each in of_key)

    def keys(self) -> Iterator[str]:
        """Every key once, as the file writes it first."""
        yield from (row[0] for row in self.plain.values())
        yield from (of_key[0].row[0] for of_key in self.dated.values())

    def with_rows(self, rows: Iterable[Mapping[str, str]]) -> Table:
        """A table in which these rows replace those of the same key, or are added; for tests of routes.

        Columns that a row leaves out are empty; a given row is valid on every day unless it says when.
        TableError: an unknown column, no key, a chain without end.
        """
        given = [self._row_from(row) for row in rows]
        replaced = {self.folded(row[0]) for row in given}
        kept = [row for row in self.rows() if self.folded(row[0]) not in replaced]
        return build_table(self, [*kept, *given])

    def _row_from(self, given: Mapping[str, str]) -> Row:
        for column in given:
            if column not in self.columns:
                raise TableError(f'The table {self.name} has no column "{column}".', "", "no-such-column")
        if not given.get(self.columns[0]):
            raise TableError(f'A row needs its key, the column "{self.columns[0]}".', "", "empty-key")
        return tuple(given.get(column, "") for column in self.columns)

    def folded(self, key: str) -> str:
        """The key as it is looked up: as it stands, or in one case where the table ignores case."""
        return key.casefold() if self.ignore_case else key

    def _at(self, folded: str, day: str) -> Row | None:
        if not self.dated:
            return self.plain.get(folded)
        for each in self.dated.get(folded, ()):
            if each.holds_on(day):
                return each.row
        return None

    def _followed(self, folded: str, day: str) -> Row | None:
        """Follow successors as they stand on one day, to the last row valid then. Chains have an end."""
        place = self.columns.index(self.follow or self.suggest)
        found = self._at(folded, day)
        while found is not None and found[place]:
            following = self._at(self.folded(found[place]), day)
            if following is None:
                break
            found = following
        return found


def build_table(model: Table, rows: Iterable[Row]) -> Table:
    """A table with the model's columns and policy and these rows, found by key, chains settled.

    TableError: the same key twice (or at the same time), a chain without end or to a missing key.
    """
    plain: dict[str, Row] = {}
    dated: dict[str, tuple[Dated, ...]] = {}
    if model.valid_from or model.valid_to:
        dated = _by_period(model, rows)
    else:
        for row in rows:
            if plain.setdefault(model.folded(row[0]), row) is not row:
                raise TableError(
                    "This key stands in the table twice; keep one of the rows.", row[0], "duplicate-key"
                )
    filled = replace(model, plain=MappingProxyType(plain), dated=MappingProxyType(dated))
    settled = replace(filled, ends=MappingProxyType(_ends_of_chains(filled)))
    return replace(settled, hash=_hash(settled))


def _by_period(model: Table, rows: Iterable[Row]) -> dict[str, tuple[Dated, ...]]:
    """Rows by key, oldest first; two rows of one key must not be valid on the same day."""
    first, last = model.column(model.valid_from), model.column(model.valid_to)
    found: dict[str, list[Dated]] = {}
    for row in rows:
        period = Dated("" if first is None else row[first], "" if last is None else row[last], row)
        found.setdefault(model.folded(row[0]), []).append(period)
    for of_key in found.values():
        of_key.sort(key=lambda each: each.first)
        for earlier, later in pairwise(of_key):
            if not earlier.last or later.first <= earlier.last:
                raise TableError(
                    "Two rows of this key are valid on the same day; end the first before the second begins.",
                    later.row[0],
                    "duplicate-key",
                )
    return {key: tuple(of_key) for key, of_key in found.items()}


def _ends_of_chains(table: Table) -> dict[str, str]:
    """For every key with a successor, the last key of its chain (periods left aside)."""
    column = table.follow or table.suggest
    if not column:
        return {}
    place = table.columns.index(column)
    successors = {table.folded(row[0]): table.folded(row[place]) for row in table.rows() if row[place]}
    known = table.plain.keys() | table.dated.keys()
    ends: dict[str, str] = {}
    for key, following in successors.items():
        if following not in known:
            raise TableError(
                f'The "{column}" of this key is not a key of the table; add its row or correct it.',
                key,
                "missing-successor",
            )
        chain = {key}
        end = following
        while end in successors and end not in ends:
            if end in chain:
                raise TableError(
                    f'The "{column}" of this key leads back to itself; the last of a chain has none.',
                    key,
                    "successor-cycle",
                )
            chain.add(end)
            end = successors[end]
        ends.update(dict.fromkeys(chain, ends.get(end, end)))
    return ends


def _hash(table: Table) -> str:
    """SHA-256 over what decides look-ups: columns, rows, policy. Words for people do not count."""
    policy = (
        table.on_miss,
        table.default_row,
        table.ignore_case,
        table.follow,
        table.valid_from,
        table.valid_to,
        *((table.suggest,) if table.suggest else ()),
    )
    digest = sha256(repr((table.columns, policy)).encode())
    for row in table.rows():
        digest.update(repr(row).encode())
    return digest.hexdigest()
