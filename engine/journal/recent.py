"""What came in and went out since the last look: for those who watch the flow, by a reading connection.

Reads by id, so that each look costs what has come since. The first look goes back a bounded way. Knows
nothing of what is usual.
"""

from __future__ import annotations

import sqlite3
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path

from engine.journal.schema import open_reading

__all__ = ["Recent", "Seen"]

BACK = 200_000
"""Rows that the first look goes back: what a busy site brings in some hours."""
_MINUTE = 60_000_000


@dataclass(frozen=True, slots=True)
class Seen:
    """newest: when each feed's newest accepted message came. made: (channel, address, minute since 1970,
    copies)."""

    newest: Mapping[str, int] = field(default_factory=dict)
    made: Sequence[tuple[str, str, int, int]] = ()


class Recent:
    """Reads a journal in steps. Not to be used by two threads at a time."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self._connection: sqlite3.Connection | None = None
        self._message = self._delivery = -1

    def read(self) -> Seen:
        """What has come since the last call. Raises sqlite3.Error."""
        if self._connection is None:
            self._connection = open_reading(self._folder)
        ask = self._connection.execute
        ask("BEGIN")
        try:
            messages, deliveries = ask(
                "SELECT (SELECT coalesce(max(id), 0) FROM message),"
                " (SELECT coalesce(max(id), 0) FROM delivery)"
            ).fetchone()
            if self._message < 0:
                self._message, self._delivery = messages - BACK, deliveries - BACK
            newest = ask(
                "SELECT feed, max(received) FROM message WHERE id>? AND +state<>'refused' GROUP BY feed",
                (self._message,),
            ).fetchall()
            made = ask(
                f"SELECT channel, address, created / {_MINUTE}, count(*) FROM delivery WHERE id>?"  # noqa: S608
                " GROUP BY 1, 2, 3",
                (self._delivery,),
            ).fetchall()
        finally:
            ask("COMMIT")
        self._message, self._delivery = messages, deliveries
        return Seen(dict(newest), made)

    def close(self) -> None:
        """Let the journal go."""
        if self._connection is not None:
            self._connection.close()
            self._connection = None
