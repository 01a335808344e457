"""What the words of a test of a route mean: its paths, its tables' rows, and the routes that it speaks of.

For whoever checks tests and whoever runs them, so that both mean the same. Reports nothing.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import fields, is_dataclass

from routes.hl7.path import CompiledPath, PathError, Purpose, compile_path, parse_path
from routes.language.assembly import passes_to
from routes.language.files import Files
from routes.language.source import Scalar
from routes.language.steps import RouteFile
from routes.language.trials import TableRow, TableRows, Trial
from routes.tables.table import Table

__all__ = ["cells_of", "parts_of", "path_of", "routes_behind", "tables_instead", "tables_of"]


def path_of(text: str, names: Iterable[tuple[Scalar, Scalar]], purpose: Purpose = "read") -> CompiledPath:
    """A path, or one of the route's names that stands for one. Raises PathError."""
    known = {key.value: value.value for key, value in names}
    for _ in range(len(known) + 1):
        if text not in known:
            break
        text = known[text]
    path = parse_path(text)
    if path.relative:
        raise PathError('a test has no current element, so "it" means nothing here', 0, 2, "no-it")
    return compile_path(path, purpose)


def routes_behind(route: RouteFile, routes: Mapping[str, RouteFile]) -> list[RouteFile]:
    """The route itself, and every route that it may pass a message to, and so on."""
    found = {route.name.value: route}
    ahead = passes_to(route)
    while ahead:
        name = ahead.pop()
        if name in routes and name not in found:
            found[name] = routes[name]
            ahead += passes_to(routes[name])
    return list(found.values())


def tables_instead(dialect: str, files: Files) -> dict[str, str]:
    """The tables that a dialect puts in the place of those that routes name."""
    found = files.dialects.get(dialect)
    return {} if found is None else {name.value: instead.value for name, instead in found.tables}


def tables_of(
    given: Sequence[TableRows], tables: Mapping[str, Table], instead: Mapping[str, str]
) -> dict[str, Table]:
    """The tables in which a test has rows of its own, by name. KeyError for an unknown table, ValueError for
    a row that has not as many cells as the table, TableError for what `Table.with_rows` refuses."""
    changed: dict[str, Table] = {}
    for each in given:
        name = instead.get(each.table.value, each.table.value)
        table = changed.get(name, tables[name])
        changed[name] = table.with_rows([cells_of(row, table) for row in each.rows])
    return changed


def cells_of(row: TableRow, table: Table) -> dict[str, str]:
    """A row's cells by column."""
    columns = table.columns if row.columns is None else [column.value for column in row.columns]
    return dict(zip(columns, row.cells, strict=True))


def parts_of(parts: Iterable[object]) -> Iterator[object]:
    """Every piece of these parts of files, however deep; tests are left aside."""
    for part in parts:
        if isinstance(part, tuple):
            yield from parts_of(part)
        elif is_dataclass(part) and not isinstance(part, (Scalar, Trial)):
            yield part
            yield from parts_of([getattr(part, field.name) for field in fields(part)])
