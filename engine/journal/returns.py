"""Reads what came back from its recipients and nobody has dealt with, and what else is known of its patient.

Plain functions over a reading connection. Words and bodies are message content, for those entitled to it.
"""

from __future__ import annotations

import json
import sqlite3
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

__all__ = ["ReturnedFound", "bodies_of_patient", "oldest_return", "returned"]

_MOST_MESSAGES = 20  # of one patient, the newest: the last word counts

# Dealt with: it was sent on (a copy came of it), or a person gave it up, which is another state. What its
# deadline sent out goes to the same recipient by another way: somebody must still see that it came back.
_OPEN = (
    "d.state='refused_by_recipient'"
    " AND d.state IN ('parked', 'refused_by_recipient', 'withdrawn', 'discarded')"  # as the index has it
    " AND NOT EXISTS (SELECT 1 FROM delivery n WHERE n.message=d.message AND n.parent=d.id"
    " AND n.kind<>'fallback')"
)
_RETURNED = (
    "SELECT d.id, d.message, d.route, d.channel, d.address, d.reason, coalesce(d.closed, 0), d.kind, m.feed,"  # noqa: S608
    " m.type, m.control_id, m.received, coalesce(s.code, ''), coalesce(s.reason, ''), coalesce(s.words, '')"
    " FROM delivery d CROSS JOIN message m ON m.id=d.message LEFT JOIN said s ON s.id="
    "(SELECT max(id) FROM said WHERE delivery=d.id AND counts=1) WHERE " + _OPEN
)


@dataclass(frozen=True, slots=True)
class ReturnedFound:
    """A copy that came back. reason: in our words; code, why, words: what the recipient said, "" where it was
    refused by the channel's own rules. closed: when it came back."""

    id: int
    message: int
    route: str
    channel: str
    address: str
    reason: str
    closed: int
    kind: str
    feed: str
    type: str
    control_id: str
    received: int
    code: str
    why: str
    words: str


def returned(
    connection: sqlite3.Connection,
    *,
    channel: str = "",
    address: str = "",
    message: int = 0,
    limit: int = 100_000,
) -> list[ReturnedFound]:
    """What came back and waits for a person, oldest first."""
    where, values = "", list[Any]()
    for column, wanted in (("+d.channel", channel), ("+d.address", address), ("d.message", message)):
        if wanted:
            where += f" AND {column}=?"
            values.append(wanted)
    # One message has few copies: they lead, and not all that ever came back.
    question = _RETURNED.replace("d.state", "+d.state") if message else _RETURNED
    rows = connection.execute(f"{question}{where} ORDER BY d.closed, d.id LIMIT ?", (*values, limit))
    return [ReturnedFound(*row) for row in rows]


def oldest_return(connection: sqlite3.Connection) -> tuple[int, int]:
    """How many copies wait among the returns, and when the oldest came back (0: there is none)."""
    row = connection.execute(f"SELECT count(*), min(d.closed) FROM delivery d WHERE {_OPEN}").fetchone()  # noqa: S608
    return row[0], row[1] or 0


def bodies_of_patient(connection: sqlite3.Connection, message: int) -> Sequence[tuple[int, str, bytes]]:
    """This message, and later ones of the same patient by NHS number, newest first: id, feed, and bytes."""
    row = connection.execute("SELECT coalesce(keys, '[]') FROM message WHERE id=?", (message,)).fetchone()
    numbers = [value for kind, value in json.loads(row[0]) if kind == "nhs_number"] if row else []
    return connection.execute(
        "SELECT m.id, m.feed, b.bytes FROM (SELECT message AS id FROM key WHERE kind='nhs_number'"
        " AND value IN (SELECT value FROM json_each(?)) AND message>?"
        " UNION SELECT ? ORDER BY 1 DESC LIMIT ?) k"
        " CROSS JOIN message m ON m.id=k.id CROSS JOIN body b ON b.id=m.body ORDER BY m.id DESC",
        (json.dumps(numbers), message, message, _MOST_MESSAGES),
    ).fetchall()
