"""Reads what was decided in a stretch of time, message by message with its bytes: for replay.

Only the decision itself counts: its parts, what it held, and the copies that it made. What came later is no
part of it: a copy made when a deadline passed, one that a person sent again, what was released from a tray.
Reads page by page, each in one short transaction, so that memory stays small and the engine is not held up,
however long the stretch is.
"""

from __future__ import annotations

import json
import sqlite3
from collections import defaultdict
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from engine.journal.records import LATER, HeldPart, RoutePart

__all__ = ["Past", "PastCopy", "PastTraffic", "Stretch"]

PAGE = 128
"""Messages of one page, at most."""

PAGE_BYTES = 4 * 1024 * 1024
"""Bytes of inbound bodies after which a page ends, so that letters with documents come in small pages."""

_END = 1 << 62
_SORT = (
    "CASE WHEN m.state='answer' THEN m.state WHEN m.decided IS NOT NULL THEN 'decided'"
    " WHEN m.state='decided' THEN 'held' ELSE m.state END"
)
# What was found as it came in is not of the decision.
_FINDINGS = f"SELECT message, words FROM (SELECT * FROM finding WHERE number BETWEEN 0 AND {LATER - 1})"  # noqa: S608
# Nor is what a release brought later.
_PARTS = f"SELECT message, route, outcome, detail FROM (SELECT * FROM part WHERE number<{LATER})"  # noqa: S608


@dataclass(frozen=True, slots=True)
class Stretch:
    """Which traffic: received from `since` to before `until` (0: without end), by feed `feed` ("": any).

    feeds, routes: where `feeds` is given, only what came in by one of these, or entered one of the routes.
    newest: only so many of the last ones; 0: all.
    """

    since: int = 0
    until: int = 0
    feed: str = ""
    feeds: tuple[str, ...] | None = None
    routes: tuple[str, ...] = ()
    newest: int = 0


@dataclass(frozen=True, slots=True)
class PastCopy:
    """One copy that a decision made, with the bytes that go out: the very object that came in, where the
    decision changed nothing."""

    route: str
    channel: str
    address: str
    piece: str
    body: bytes


@dataclass(frozen=True, slots=True)
class Past:
    """One decided message. released: a person has since let go on what it had held, or a part of it.

    rejected: the words for the sender, or None. known: what the decision was told of earlier versions.
    """

    id: int
    feed: str
    received: int
    type: str
    control_id: str
    body: bytes
    envelope: bytes
    config: str
    rejected: str | None
    released: bool
    parts: tuple[RoutePart, ...]
    held: tuple[HeldPart, ...]
    copies: tuple[PastCopy, ...]
    warnings: tuple[str, ...]
    known: str = ""


class PastTraffic:
    """The decided messages of one stretch, in the order in which they were received."""

    def __init__(
        self, connection: sqlite3.Connection, stretch: Stretch, *, pieces: bool, known: bool = True
    ) -> None:
        """pieces, known: whether this journal's format records them."""
        self._connection = connection
        self._piece = "piece" if pieces else "''"
        self._known = "m.known" if known else "NULL"
        self._where, self._values = _condition(stretch)
        self._after = (stretch.since, 0)
        if stretch.newest:
            self._after = self._newest(stretch.newest)

    def counts(self) -> Mapping[str, int]:
        """How many messages the stretch has: `decided`, and those on which no route decided, by state."""
        rows = self._connection.execute(
            f"SELECT {_SORT}, count(*)"  # noqa: S608
            f" FROM message m INDEXED BY message_received WHERE {self._where} GROUP BY 1",
            (*self._after, *self._values),
        )
        return dict(rows.fetchall())

    def messages(self) -> Iterator[Past]:
        """Every decided message."""
        after = self._after
        while page := self._page(after):
            last = page[-1]
            after = (last.received, last.id)
            yield from page

    def _newest(self, count: int) -> tuple[int, int]:
        """Behind which the newest so many begin."""
        row = self._connection.execute(
            f"SELECT m.received, m.id FROM message m INDEXED BY message_received WHERE {self._where}"  # noqa: S608
            " AND m.decided IS NOT NULL AND m.state<>'answer'"
            " ORDER BY m.received DESC, m.id DESC LIMIT 1 OFFSET ?",
            (*self._after, *self._values, count - 1),
        ).fetchone()
        return self._after if row is None else (row[0], row[1] - 1)

    def _page(self, after: tuple[int, int]) -> list[Past]:
        self._connection.execute("BEGIN")
        try:
            rows = self._rows(after)
            return self._whole(rows)
        finally:
            self._connection.execute("COMMIT")

    def _rows(self, after: tuple[int, int]) -> list[tuple[Any, ...]]:
        found: list[tuple[Any, ...]] = []
        size = 0
        rows = self._connection.execute(
            "SELECT m.id, m.feed, m.received, m.type, m.control_id, b.bytes, m.envelope, c.hash, m.rejected,"  # noqa: S608
            f" m.words, m.decided, {self._known} FROM message m INDEXED BY message_received"
            " CROSS JOIN body b ON b.id=m.body CROSS JOIN config c ON c.id=m.config"
            f" WHERE {self._where} AND m.decided IS NOT NULL AND m.state<>'answer'"
            " ORDER BY m.received, m.id LIMIT ?",
            (*after, *self._values, PAGE),
        )
        for row in rows:
            found.append(row)
            size += len(row[5])
            if size >= PAGE_BYTES:
                break
        rows.close()
        return found

    def _whole(self, rows: Sequence[tuple[Any, ...]]) -> list[Past]:
        ids = json.dumps([row[0] for row in rows])
        bodies = {row[0]: row[5] for row in rows}
        decided = {row[0]: row[10] for row in rows}
        parts = self._of_messages(_PARTS, "number", ids)
        words = self._of_messages(_FINDINGS, "number", ids)
        trays = self._of_messages(
            f"SELECT message, route, tray, reason, place, entry, {self._piece}, at, state FROM held",  # noqa: S608
            "id",
            ids,
        )
        copies = self._of_messages(
            f"SELECT d.message, route, channel, address, {self._piece}, created, parent, b.bytes"  # noqa: S608
            " FROM delivery d LEFT JOIN body b ON b.id=d.body",
            "d.id",
            ids,
            column="d.message",
        )
        return [
            _past(
                row,
                tuple([RoutePart(*part) for part in parts[row[0]]]),
                trays[row[0]],
                [_own(copy, bodies[row[0]]) for copy in copies[row[0]] if _made_then(copy, decided[row[0]])],
                tuple([said for (said,) in words[row[0]]]),
                later=any(not copy[5] and copy[4] != decided[row[0]] for copy in copies[row[0]]),
            )
            for row in rows
        ]

    def _of_messages(
        self, question: str, order: str, ids: str, *, column: str = "message"
    ) -> defaultdict[int, list[Any]]:
        """Rows by their message, in order."""
        found: defaultdict[int, list[Any]] = defaultdict(list)
        asked = f"{question} WHERE {column} IN (SELECT value FROM json_each(?)) ORDER BY {order}"  # noqa: S608
        for message, *row in self._connection.execute(asked, (ids,)):
            found[message].append(row)
        return found


def _condition(stretch: Stretch) -> tuple[str, list[Any]]:
    """What holds for every message of the stretch, behind (received, id); our own words, values bound."""
    words = ["(m.received, m.id) > (?, ?)", "m.received < ?"]
    values: list[Any] = [stretch.until or _END]
    if stretch.feed:
        words.append("+m.feed=?")
        values.append(stretch.feed)
    if stretch.feeds is not None:
        entered = "SELECT 1 FROM part p WHERE p.message=m.id AND p.route IN (SELECT value FROM json_each(?))"
        words.append(f"(m.feed IN (SELECT value FROM json_each(?)) OR EXISTS ({entered}))")  # noqa: S608
        values += [json.dumps(stretch.feeds), json.dumps(stretch.routes)]
    return " AND ".join(words), values


def _made_then(copy: Sequence[Any], decided: int) -> bool:
    """Whether the decision itself made this copy: then it has its time."""
    return bool(copy[4] == decided)


def _own(copy: Sequence[Any], inbound: bytes) -> PastCopy:
    route, channel, address, piece, _, _, body = copy
    return PastCopy(route, channel, address, piece, inbound if body is None else body)


def _past(
    row: Sequence[Any],
    parts: tuple[RoutePart, ...],
    trays: Sequence[Sequence[Any]],
    copies: Sequence[PastCopy],
    words: tuple[str, ...],
    *,
    later: bool,
) -> Past:
    id_, feed, received, type_, control_id, body, envelope, config, rejected, told, decided, known = row
    held = tuple([_held(*part[:6]) for part in trays if part[6] == decided])
    before_routing = any(not part.route for part in held)
    waited = {part.route for part in held}
    # A release may have ended a part that was held, or, in older journals, have added others.
    parts = tuple(
        part
        for part in parts
        if not before_routing and not (part.outcome == "not_wanted" and part.route in waited)
    )
    said = told or next((part.detail for part in parts if part.outcome == "rejected"), "")
    return Past(
        id_, feed, received, type_, control_id, body, envelope or b"", config,
        said if rejected else None,
        later or any(part[7] != "held" for part in trays),
        parts, held, tuple(copies), words, known or "",
    )  # fmt: skip


def _held(route: str, tray: str, reason: str, place: str, entry: int, piece: str) -> HeldPart:
    return HeldPart(route, tray, reason, place, bool(entry), piece)
