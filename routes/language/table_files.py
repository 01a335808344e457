"""Reads the `tables/` of a site: CSV texts and their sidecars, each table by the name of its file."""

from __future__ import annotations

from collections.abc import Mapping

from routes.language.nearest import did_you_mean
from routes.language.problems import Problems, Spot
from routes.language.source import Block, Node, Scalar, read_yaml
from routes.tables.reading import read_table
from routes.tables.table import Table

__all__ = ["TableFiles", "read_tables"]


class TableFiles(dict[str, Table]):
    """Tables by name. `failed` names those that could not be made, so that nobody misses them twice."""

    failed: frozenset[str] = frozenset()


def read_tables(sources: Mapping[str, str], problems: Problems) -> TableFiles:
    """All tables among the sources; those with problems are left out."""
    found = TableFiles()
    failed: set[str] = set()
    names = {_stem(file): file for file in sources if _is_table(file, ".csv")}
    for name, file in sorted(names.items()):
        sidecar_file = f"tables/{name}.yaml"
        sidecar: Mapping[str, object] | None = None
        spots: dict[str, Spot] = {}
        if sidecar_file in sources:
            node = read_yaml(sidecar_file, sources[sidecar_file], problems)
            if node is None:
                failed.add(name)
                continue
            if not isinstance(node, Block):
                problems.add(node.spot, "A table's sidecar holds keys with values.", "wrong-kind")
                failed.add(name)
                continue
            sidecar = {key.value: _plain(value) for key, value in node.entries}
            spots = {key.value: key.spot for key, _ in node.entries}
        table = read_table(name, sources[file], sidecar, problems, file, spots=spots)
        if table is None:
            failed.add(name)
        else:
            found[name] = table
    for file in sources:
        if _is_table(file, ".yaml") and _stem(file) not in names:
            stem = _stem(file)
            message = f'There is no table "{stem}" that this could be the sidecar of'
            problems.add(Spot(file), message + did_you_mean(stem, names), "unknown-table")
    found.failed = frozenset(failed)
    return found


def _is_table(file: str, suffix: str) -> bool:
    return file.startswith("tables/") and file.endswith(suffix)


def _stem(file: str) -> str:
    """`tables/lab_codes.csv` → `lab_codes`. (pathlib stays out of routes: it reaches for files.)"""
    return file.rsplit("/", 1)[-1].rsplit(".", 1)[0]


def _plain(node: Node) -> object:
    """A node as plain values, for the sidecar's own reader."""
    if isinstance(node, Scalar):
        return node.value
    if isinstance(node, Block):
        return {key.value: _plain(value) for key, value in node.entries}
    return [_plain(item) for item in node.items]
