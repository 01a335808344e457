"""The tables of feeds and channels that `gatepost status` and the demo show."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

from rich.table import Table

__all__ = ["channel_table", "feed_table"]

FEED_COLUMNS = (
    "accepted",
    "waiting",
    "decided",
    "held",
    "duplicate",
    "answer",
    "conflict",
    "refused",
    "connections",
)
CHANNEL_COLUMNS = (
    "made", "waiting", "queued", "sending", "delivered", "acknowledged", "parked", "refused_by_recipient",
)  # fmt: skip
HEADINGS = {
    "refused_by_recipient": "refused",
    "duplicate": "duplicates",
    "answer": "replies",
    "conflict": "conflicts",
    "made": "copies",
}


def feed_table(feeds: Mapping[str, Mapping[str, Any]]) -> Table:
    """One line for each feed: what was taken in, and what became of it."""
    return _table("Feed", feeds, FEED_COLUMNS)


def channel_table(channels: Mapping[str, Mapping[str, Any]]) -> Table:
    """One line for each channel: the copies made, and where they are now."""

    def trouble(counts: Mapping[str, Any]) -> str:
        lanes = counts.get("lanes_retrying", 0)
        return f"{lanes} address{'es' if lanes != 1 else ''} retrying" if lanes else ""

    return _table("Channel", channels, CHANNEL_COLUMNS, last=("trouble", trouble))


def _table(
    title: str,
    rows: Mapping[str, Mapping[str, Any]],
    columns: tuple[str, ...],
    last: tuple[str, Callable[[Mapping[str, Any]], str]] | None = None,
) -> Table:
    table = Table(header_style="bold")
    table.add_column(title, no_wrap=True)
    for column in columns:
        table.add_column(HEADINGS.get(column, column), justify="right")
    if last is not None:
        table.add_column(last[0])
    for name, counts in rows.items():
        cells = [str(counts.get(column, 0)) for column in columns]
        table.add_row(name, *cells, *([last[1](counts)] if last else []))
    return table
