"""Reads `hours:` and `patterns:` of the site file, which expressions name."""

from __future__ import annotations

from collections.abc import Mapping
from typing import cast

import re2

from routes.language.hours import Hours, HoursError, read_hours
from routes.language.nearest import did_you_mean, nearest
from routes.language.problems import Problems, Spot
from routes.language.shapes import describe
from routes.language.source import Block, Node, Scalar
from routes.language.table_files import TableFiles
from routes.language.vocabulary import Pattern

__all__ = ["read_hours_of", "read_patterns"]

MAX_PATTERN = 2_000  # characters


def read_hours_of(nodes: Mapping[str, Node], tables: TableFiles, problems: Problems) -> dict[str, Hours]:
    """Opening hours by name; `closed` names a table whose keys are ISO days."""
    found: dict[str, Hours] = {}
    for name, node in nodes.items():
        if not isinstance(node, Block):
            problems.add(
                node.spot,
                f"Hours are keys with values (zone, monday_to_friday, closed …), not {describe(node)}.",
                "wrong-kind",
            )
            continue
        entries: dict[str, str] = {}
        spots: dict[str, Spot] = {}
        closed: tuple[str, ...] = ()
        good = True
        for key, value in node.entries:
            spots[key.value] = key.spot
            if not isinstance(value, Scalar):
                problems.add(value.spot, f"This must be a text, not {describe(value)}.", "wrong-kind")
                good = False
            elif key.value == "closed":
                table = tables.get(value.value)
                if value.value in tables.failed:
                    continue  # told where the table stands; the hours are known all the same
                if table is None:
                    message = f'There is no table "{value.value}"' + did_you_mean(value.value, tables)
                    problems.add(value.spot, message, "unknown-table", fix=nearest(value.value, tables))
                    good = False
                else:
                    closed = tuple(table.keys())
            else:
                entries[key.value] = value.value
        if not good:
            continue
        try:
            found[name] = read_hours(entries, closed)
        except HoursError as error:
            words = f"{error.message[:1].upper()}{error.message[1:].removesuffix('.')}."
            problems.add(spots.get(error.key, node.spot), words, error.rule)
    return found


def read_patterns(nodes: Mapping[str, Node], problems: Problems) -> dict[str, Pattern]:
    """Patterns by name, compiled with RE2: none can stall the engine."""
    found: dict[str, Pattern] = {}
    options = re2.Options()
    options.log_errors = False
    for name, node in nodes.items():
        if not isinstance(node, Scalar):
            problems.add(node.spot, f"A pattern is a text, not {describe(node)}.", "wrong-kind")
        elif len(node.value) > MAX_PATTERN:
            problems.add(node.spot, f"A pattern has at most {MAX_PATTERN:,} characters.", "bad-pattern")
        else:
            try:
                found[name] = cast("Pattern", re2.compile(node.value, options))
            except re2.error:
                problems.add(
                    node.spot,
                    "RE2 cannot read this pattern. It has no look-ahead, look-behind or back references.",
                    "bad-pattern",
                )
    return found
