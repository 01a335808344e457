"""The endpoints of a channel whose addresses stand in a directory table, one for each practice.

Faults of the table itself are the plan's matter and are not repeated here. Must not know channels.
"""

from __future__ import annotations

from collections.abc import Mapping

from engine.site.model import Address
from engine.site.values import Column
from routes.language.kinds import HostPort
from routes.language.nearest import did_you_mean, nearest
from routes.language.problems import Problems, Spot
from routes.language.source import Scalar
from routes.tables.reading import read_table

__all__ = ["read_endpoints"]


def read_endpoints(target: Column, csv_text: str, problems: Problems) -> Mapping[str, Address]:
    """Address by key. A row without an endpoint has none: that practice cannot be sent to this way."""
    file = f"tables/{target.table}.csv"
    table = read_table(target.table, csv_text, None, Problems(), file)
    if table is None:
        return {}
    place = table.column(target.column)
    if place is None:
        offset = target.at.value.rfind(".") + 1
        problems.add(
            target.at.at(offset, len(target.column)),
            f'"{target.column}" is not a column of {file}{did_you_mean(target.column, table.columns)}',
            "unknown-column",
            fix=nearest(target.column, table.columns),
        )
        return {}
    endpoints: dict[str, Address] = {}
    for row in table.rows():
        if row[place]:
            address = _endpoint(row[place], row[0], file, csv_text, problems)
            if address is not None:
                endpoints[row[0]] = address
    return endpoints


def _endpoint(text: str, key: str, file: str, csv_text: str, problems: Problems) -> Address | None:
    aside = Problems()
    address = HostPort().read(Scalar(text, Spot(file)), aside)
    if address is not None and address[1] > 0:
        return address
    # Tables are large and faults are few: the line is looked for only now.
    lines = csv_text.split("\n")
    number = next(
        (n for n, line in enumerate(lines) if line.startswith((key, f'"{key}"')) and text in line), 0
    )
    spot = Spot(file, number + 1, lines[number].find(text) + 1, len(text))
    problems.read(file, csv_text)
    problems.add(spot, "An endpoint is host:port, such as 10.1.2.3:6661; or leave it empty.", "bad-endpoint")
    return None
