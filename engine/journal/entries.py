"""Collects what one commit shall write, and writes it: the rows of each table, and the counters.

Knows the tables' columns. Does not know what a message or a decision is, when commits happen, or who
waits for them. Rows are collected first and written together, since SQLite takes 64 rows in one
statement for little more than the price of one.
"""

from __future__ import annotations

import json
import sqlite3
from collections import defaultdict
from collections.abc import Mapping
from typing import Any

from engine.journal.records import HeldPart
from engine.journal.statements import Insert, Update

__all__ = ["Counters", "Entries", "Tallies"]

Row = tuple[Any, ...]
Tallies = Mapping[tuple[str, str, str], int]  # (scope, name, state) -> count

INSERTS = {
    "body": Insert("body", ("id", "sha256", "bytes")),
    "config": Insert("config", ("id", "hash")),
    "source": Insert("source", ("sha256", "size", "bytes"), "ON CONFLICT DO NOTHING"),
    "config_source": Insert("config_source", ("config", "path", "sha256"), "ON CONFLICT DO NOTHING"),
    "message": Insert(
        "message",
        ("id", "feed", "received", "type", "version", "peer", "control_id", "sender", "fingerprint", "sha256",
         "size", "body", "envelope", "kind", "original", "refused", "state", "verdict", "words",
         "claims"),
    ),
    "part": Insert("part", ("message", "number", "route", "outcome", "detail")),
    "held": Insert(
        "held",
        ("id", "message", "route", "tray", "reason", "place", "entry", "at", "piece", "part", "config"),
    ),
    "finding": Insert("finding", ("message", "number", "words")),
    "batch": Insert("batch", ("message", "said", "came", "problems")),
    "key": Insert("key", ("kind", "value", "message"), "ON CONFLICT DO NOTHING"),
    "delivery": Insert(
        "delivery",
        ("id", "message", "route", "channel", "address", "state", "attempts", "next_try", "created", "body",
         "control_id", "merged", "parent", "config", "in_doubt", "reason", "piece",
         "kind", "also"),
    ),
    "deadline": Insert("deadline", ("delivery", "proof", "due", "channel", "address")),
    "said": Insert("said", ("delivery", "at", "code", "reason", "words", "message", "counts")),
    "onward": Insert("onward", ("delivery", "reasons", "channel", "address", "late")),
    "event": Insert("event", ("message", "id", "delivery", "kind", "at", "config", "detail")),
}  # fmt: skip
UPDATES = {
    "message": Update(
        "message", ("state", "verdict", "words", "rejected", "config", "decided", "keys", "known")
    ),
    "delivery": Update("delivery", ("state", "attempts", "next_try", "closed", "in_doubt", "reason")),
    "deadline": Update("deadline", ("ending",), by="delivery"),
}
COUNT = (
    "INSERT INTO tally (scope, name, state, count)"
    " SELECT value->>0, value->>1, value->>2, value->>3 FROM json_each(?) WHERE true"
    " ON CONFLICT (scope, name, state) DO UPDATE SET count=count+excluded.count"
)


class Counters:
    """The last ids given out, and the numbers of configurations: what lasts from one commit to the next.

    After a roll-back `again` sets them to what they were, so that ids have no gaps.
    """

    __slots__ = ("body", "configs", "delivery", "event", "held", "message")

    def __init__(self, connection: sqlite3.Connection) -> None:
        self.configs: dict[str, int] = {}
        self.again(connection)

    def again(self, connection: sqlite3.Connection) -> None:
        """Read them from the journal as it is on disk."""
        self.message = _last(connection, "message")
        self.body = _last(connection, "body")
        self.delivery = _last(connection, "delivery")
        self.held = _last(connection, "held")
        # Events are kept by message, so their number comes from the counter of events.
        row = connection.execute("SELECT count FROM tally WHERE scope='journal' AND name='events'").fetchone()
        self.event = int(row[0]) if row else 0
        self.configs = dict(connection.execute("SELECT hash, id FROM config"))


def _last(connection: sqlite3.Connection, table: str) -> int:
    row = connection.execute(f"SELECT max(id) FROM {table}").fetchone()  # noqa: S608 - our own names
    return int(row[0] or 0)


class Entries:
    """The rows of one commit. `write` puts them into the open transaction and leaves this empty."""

    def __init__(self, counters: Counters) -> None:
        self.counters = counters
        self.rows: dict[str, list[Row]] = {table: [] for table in INSERTS}
        self.deltas: defaultdict[tuple[str, str, str], int] = defaultdict(int)
        self.decided: list[Row] = []  # updates of messages
        self.changed: list[Row] = []  # updates of deliveries
        self.ended: list[Row] = []  # updates of deadlines

    def body(self, content: bytes, digest: bytes | None = None) -> int:
        """Store bytes; gives the id to refer to them by. digest: their SHA-256, unless a message has it."""
        self.counters.body += 1
        self.rows["body"].append((self.counters.body, digest, content))
        return self.counters.body

    def event(
        self, message: int, delivery: int, kind: str, at: int, config: int | None = None, detail: str = ""
    ) -> None:
        """Append an event."""
        self.counters.event += 1
        self.rows["event"].append((message, self.counters.event, delivery, kind, at, config, detail))

    def hold(self, message: int, held: HeldPart, at: int, config: int | None = None) -> None:
        """Put something into a tray. config: what held it, where it is not what decided the message."""
        self.counters.held += 1
        self.rows["held"].append((
            self.counters.held, message, held.route, held.tray, held.reason, held.where, int(held.entry), at,
            held.piece, held.part, config,
        ))  # fmt: skip
        self.count("tray", held.tray, "held")

    def config(self, hash_: str) -> int:
        """The small number that stands for a configuration's hash."""
        number = self.counters.configs.get(hash_)
        if number is None:
            number = self.counters.configs[hash_] = len(self.counters.configs) + 1
            self.rows["config"].append((number, hash_))
        return number

    def count(self, scope: str, name: str, state: str, by: int = 1) -> None:
        """Add to a counter."""
        self.deltas[scope, name, state] += by

    def pages(self) -> int:
        """About how many pages of the log these rows will take: rows of one table share some."""
        rows = sum(map(len, self.rows.values())) + len(self.decided) + len(self.changed) + len(self.ended)
        large = sum(len(row[-1]) for table in ("body", "source") for row in self.rows[table])
        return 8 + rows // 2 + large // 4096

    def write(self, connection: sqlite3.Connection) -> Tallies:
        """Write everything; gives the changes of the counters."""
        if events := len(self.rows["event"]):
            self.count("journal", "events", "appended", events)
        for table, rows in self.rows.items():
            if rows:
                INSERTS[table].run(connection, rows)
                rows.clear()
        if self.decided:
            UPDATES["message"].run(connection, self.decided)
            self.decided.clear()
        if self.changed:
            UPDATES["delivery"].run(connection, self.changed)
            self.changed.clear()
        if self.ended:
            UPDATES["deadline"].run(connection, self.ended)
            self.ended.clear()
        deltas = {key: by for key, by in self.deltas.items() if by}
        connection.execute(COUNT, (json.dumps([(*key, by) for key, by in deltas.items()]),))
        self.deltas.clear()
        return deltas
