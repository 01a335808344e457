"""What the router, the delivery workers and a reload read: waiting messages, open deliveries, lanes.

Plain functions over a reading connection. Each is one short statement; rows are taken one by one, so
that a limit in bytes holds memory down however large the bodies are.
"""

from __future__ import annotations

import json
import sqlite3
from collections.abc import Iterator, Sequence
from typing import Any

from engine.journal.intact import is_spoilt
from engine.journal.records import DeliveryRow, Lane, Waiting

__all__ = ["deliveries", "held", "lanes", "open_deliveries", "waiting"]

_ROW = (
    "d.id, d.message, m.feed, d.channel, d.address, d.state, d.attempts, d.next_try, d.created, m.type,"
    " d.control_id, c.hash, b.bytes, d.in_doubt, d.kind, d.again,"
    " CASE WHEN d.body IS NULL THEN m.sha256 ELSE b.sha256 END"
)
_WITH = (
    " CROSS JOIN message m ON m.id=d.message CROSS JOIN body b ON b.id=coalesce(d.body, m.body)"
    " CROSS JOIN config c ON c.id=d.config"
)


def waiting(connection: sqlite3.Connection, after: int, limit: int, max_bytes: int) -> list[Waiting]:
    """Messages that wait for a decision, in order of acceptance."""
    # "state <> 'decided'" is the condition of the partial index, word for word.
    rows = connection.execute(
        "SELECT m.id, m.feed, m.received, b.bytes, m.envelope, m.sha256"
        " FROM message m INDEXED BY message_state CROSS JOIN body b ON b.id=m.body"
        " WHERE m.state <> 'decided' AND m.state='waiting' AND m.id>? ORDER BY m.id LIMIT ?",
        (after, limit),
    )
    found: list[Waiting] = []
    size = 0
    for id_, feed, received, body, envelope, digest in rows:
        found.append(Waiting(id_, feed, received, body, envelope or b"", is_spoilt(body, digest)))
        size += len(body)
        if size >= max_bytes:
            break
    rows.close()
    return found


def held(connection: sqlite3.Connection, feed: str) -> int:
    """How many parts of this feed's messages lie in trays, held before routing or by a route."""
    # "state = 'held'" is the condition of the partial index: only what lies in trays is looked at.
    row = connection.execute(
        "SELECT count(*) FROM held h INDEXED BY held_tray CROSS JOIN message m ON m.id=h.message"
        " WHERE h.state = 'held' AND m.feed=?",
        (feed,),
    ).fetchone()
    return int(row[0])


def open_deliveries(
    connection: sqlite3.Connection, channel: str, address: str, after: int, limit: int, max_bytes: int
) -> list[DeliveryRow]:
    """Open deliveries of one lane, oldest first, with their bodies."""
    rows = connection.execute(
        f"SELECT {_ROW} FROM delivery d INDEXED BY delivery_open{_WITH}"  # noqa: S608 - our own words
        " WHERE d.closed IS NULL AND d.channel=? AND d.address=? AND d.id>? ORDER BY d.id LIMIT ?",
        (channel, address, after, limit),
    )
    found: list[DeliveryRow] = []
    size = 0
    for row in _delivery_rows(rows):
        found.append(row)
        size += len(row.body)
        if size >= max_bytes:
            break
    rows.close()
    return found


def deliveries(connection: sqlite3.Connection, ids: Sequence[int]) -> list[DeliveryRow]:
    """These deliveries in the given order, with their bodies; unknown ids are left out."""
    rows = connection.execute(
        f"SELECT {_ROW} FROM delivery d{_WITH} WHERE d.id IN (SELECT value FROM json_each(?))",  # noqa: S608
        (json.dumps(ids),),
    )
    found = {row.id: row for row in _delivery_rows(rows)}
    return [found[id_] for id_ in ids if id_ in found]


def lanes(connection: sqlite3.Connection) -> list[Lane]:
    """Every lane that has open deliveries. Reads the partial index, and one row for each lane."""
    rows = connection.execute(
        "SELECT g.channel, g.address, g.open, g.first, d.next_try FROM ("
        " SELECT channel, address, count(*) AS open, min(id) AS first"
        " FROM delivery INDEXED BY delivery_open WHERE closed IS NULL GROUP BY channel, address"
        ") g CROSS JOIN delivery d ON d.id=g.first"
    )
    return [Lane(*row) for row in rows]


def _delivery_rows(rows: Iterator[Any]) -> Iterator[DeliveryRow]:
    for row in rows:
        values: tuple[Any, ...] = (*row[:13], bool(row[13]), *row[14:-1], is_spoilt(row[12], row[-1]))
        yield DeliveryRow(*values)
