"""Reads what waits for a person, what a repair needs to know of it, and the audit of what people did.

Plain functions over a reading connection, each a short statement or two; used by the commands, which read,
and by the owner of the journal, which repairs. Knows nothing of either.
"""

from __future__ import annotations

import json
import sqlite3
from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from engine.journal.intact import is_spoilt

if TYPE_CHECKING:
    from engine.journal.records import CopyKind, DeliveryState

__all__ = [
    "AuditShown", "CopyFound", "HeldFound", "ParkedGroup", "TrayShown", "audit", "copies", "held_of",
    "held_parts", "parked", "parked_groups", "released_of", "sent_before", "sent_on", "trays",
]  # fmt: skip


@dataclass(frozen=True, slots=True)
class TrayShown:
    """One tray: how much waits there, and since when the oldest does."""

    tray: str
    count: int
    oldest: int


@dataclass(frozen=True, slots=True)
class HeldFound:
    """Something that was held, with its message. visit: how many parts of the same route come before its own.
    body and envelope are message content."""

    id: int
    message: int
    route: str
    tray: str
    reason: str
    where: str
    entry: bool
    piece: str
    part: int
    at: int
    state: str
    feed: str
    type: str
    control_id: str
    received: int
    config: str
    visit: int = 0
    body: bytes = b""
    envelope: bytes = b""
    known: str = ""
    spoilt: bool = False  # the stored bytes are not what was received


@dataclass(frozen=True, slots=True)
class CopyFound:
    """One copy, with its message."""

    id: int
    message: int
    route: str
    channel: str
    address: str
    state: DeliveryState
    attempts: int
    created: int
    closed: int
    reason: str
    piece: str
    kind: CopyKind
    feed: str
    type: str
    control_id: str
    received: int
    own_id: bytes  # MSH-10 of its bytes
    in_doubt: bool


@dataclass(frozen=True, slots=True)
class ParkedGroup:
    """Copies of one channel and address that are set aside in one state, for one reason."""

    channel: str
    address: str
    state: DeliveryState
    reason: str
    count: int
    oldest: int


@dataclass(frozen=True, slots=True)
class AuditShown:
    """One line of the audit. held and delivery: ids, or 0."""

    id: int
    at: int
    who: str
    what: str
    why: str
    message: int
    held: int
    delivery: int
    config: str
    detail: str


_HELD = (
    "h.id, h.message, h.route, h.tray, h.reason, h.place, h.entry, h.piece, {part}, h.at, h.state, m.feed,"
    " m.type, m.control_id, m.received, coalesce((SELECT hash FROM config c WHERE c.id={config}), '')"
)
_COPY = (
    "SELECT d.id, d.message, d.route, d.channel, d.address, d.state, d.attempts, d.created,"
    " coalesce(d.closed, 0), d.reason, d.piece, {kind}, m.feed, m.type, m.control_id, m.received,"
    " d.control_id, d.in_doubt FROM delivery d CROSS JOIN message m ON m.id=d.message"
)

# The condition of the partial index of what is stuck, word for word: without it all deliveries are read.
_STUCK = "d.state IN ('parked', 'refused_by_recipient', 'withdrawn', 'discarded')"


def _columns(*, parts: bool) -> str:
    """Columns of what is held; parts: as a journal of this format has them."""
    if parts:
        return _HELD.format(part="h.part", config="coalesce(h.config, m.config)")
    return _HELD.format(part="-1", config="m.config")


def trays(connection: sqlite3.Connection) -> list[TrayShown]:
    """Every tray in which something waits, by name. Reads the partial index of what waits."""
    rows = connection.execute(
        "SELECT tray, count(*), min(at) FROM held INDEXED BY held_tray WHERE state = 'held'"
        " GROUP BY tray ORDER BY tray"
    )
    return [TrayShown(*row) for row in rows]


def held_parts(
    connection: sqlite3.Connection,
    *,
    tray: str = "",
    messages: Sequence[int] = (),
    limit: int = 100_000,
    parts: bool = True,
) -> list[HeldFound]:
    """What waits in a tray, or of these messages, or both; oldest first, without content. parts: whether
    this journal's format records them."""
    columns = _columns(parts=parts)
    where, values = "h.state = 'held'", list[Any]()
    if messages:
        where += " AND h.message IN (SELECT value FROM json_each(?))"
        values.append(json.dumps(messages))
    if tray:
        where += " AND h.tray=?"
        values.append(tray)
    rows = connection.execute(
        f"SELECT {columns} FROM held h CROSS JOIN message m ON m.id=h.message WHERE {where}"  # noqa: S608 - our own words
        " ORDER BY h.id LIMIT ?",
        (*values, limit),
    )
    return [_held(row) for row in rows]


def held_of(connection: sqlite3.Connection, ids: Sequence[int]) -> list[HeldFound]:
    """These parts, whatever became of them, with the content of their messages."""
    rows = connection.execute(
        f"SELECT {_columns(parts=True)}, (SELECT count(*) FROM part p WHERE p.message=h.message"  # noqa: S608
        " AND p.route=h.route AND p.number<h.part), b.bytes, m.envelope, coalesce(m.known, ''), m.sha256"
        " FROM held h CROSS JOIN message m ON m.id=h.message CROSS JOIN body b ON b.id=m.body"
        " WHERE h.id IN (SELECT value FROM json_each(?)) ORDER BY h.id",
        (json.dumps(ids),),
    )
    return [_held(row) for row in rows]


def released_of(connection: sqlite3.Connection, message: int) -> list[HeldFound]:
    """What people have released of one message, without content."""
    rows = connection.execute(
        f"SELECT {_columns(parts=True)} FROM held h CROSS JOIN message m ON m.id=h.message"  # noqa: S608
        " WHERE h.message=? AND h.state='released' ORDER BY h.id",
        (message,),
    )
    return [_held(row) for row in rows]


def sent_before(connection: sqlite3.Connection, message: int) -> list[tuple[int, str, str, str, str, bytes]]:
    """The copies of one message: id, channel, address, piece, state, and the bytes that go out."""
    return connection.execute(
        "SELECT d.id, d.channel, d.address, d.piece, d.state, b.bytes FROM delivery d"
        " CROSS JOIN message m ON m.id=d.message CROSS JOIN body b ON b.id=coalesce(d.body, m.body)"
        " WHERE d.message=? ORDER BY d.id",
        (message,),
    ).fetchall()


def sent_on(connection: sqlite3.Connection, ids: Sequence[int]) -> dict[int, int]:
    """Which of these copies came back and have been sent to somebody else since: the newest copy of each."""
    rows = connection.execute(
        "SELECT d.id, max(n.id) FROM delivery d"
        " CROSS JOIN delivery n ON n.message=d.message AND n.parent=d.id"
        " WHERE d.id IN (SELECT value FROM json_each(?)) AND n.kind='re-addressed' GROUP BY d.id",
        (json.dumps(ids),),
    )
    return dict(rows.fetchall())


def copies(connection: sqlite3.Connection, ids: Sequence[int]) -> list[CopyFound]:
    """These copies, whatever their state."""
    rows = connection.execute(
        f"{_COPY.format(kind='d.kind')} WHERE d.id IN (SELECT value FROM json_each(?)) ORDER BY d.id",  # noqa: S608 - our own words
        (json.dumps(ids),),
    )
    return [_copy(row) for row in rows]


def parked(
    connection: sqlite3.Connection,
    *,
    channel: str = "",
    address: str = "",
    messages: Sequence[int] = (),
    limit: int = 100_000,
    kinds: bool = True,
) -> list[CopyFound]:
    """Parked copies, oldest first. kinds: whether this journal's format records them."""
    where, values = "+d.state = 'parked'" if messages else f"d.state = 'parked' AND {_STUCK}", list[Any]()
    for column, wanted in (("channel", channel), ("address", address)):
        if wanted:
            where += f" AND +d.{column}=?"
            values.append(wanted)
    if messages:
        where += " AND d.message IN (SELECT value FROM json_each(?))"
        values.append(json.dumps(messages))
    question = _COPY.format(kind="d.kind" if kinds else "''")
    rows = connection.execute(
        f"{question} WHERE {where} ORDER BY d.id LIMIT ?",
        (*values, limit),
    )
    return [_copy(row) for row in rows]


def parked_groups(connection: sqlite3.Connection) -> list[ParkedGroup]:
    """What is parked, or was refused by its recipient, by channel, address and reason."""
    rows = connection.execute(
        "SELECT channel, address, state, reason, count(*), min(created)"  # noqa: S608 - our own words
        " FROM delivery d INDEXED BY delivery_stuck"
        f" WHERE state IN ('parked', 'refused_by_recipient') AND {_STUCK}"
        " GROUP BY channel, address, state, reason ORDER BY channel, address, state, count(*) DESC, reason"
    )
    return [ParkedGroup(*row) for row in rows]


def audit(
    connection: sqlite3.Connection, *, message: int = 0, since: int = 0, until: int = 0, limit: int = 1000
) -> list[AuditShown]:
    """The newest lines of the audit, oldest of them first: of one message, or of a stretch of time."""
    where, values = "at>=?", [since]
    if until:
        where += " AND at<?"
        values.append(until)
    if message:
        where += " AND message=?"
        values.append(message)
    rows = connection.execute(
        "SELECT id, at, who, what, why, message, held, delivery, config, detail FROM audit"  # noqa: S608
        f" WHERE {where} ORDER BY id DESC LIMIT ?",
        (*values, limit),
    )
    return [AuditShown(*row) for row in rows][::-1]


def _held(row: Sequence[Any]) -> HeldFound:
    values = list(row)
    values[6] = bool(values[6])
    if len(values) > 18:
        values[18] = values[18] or b""
        values[20] = is_spoilt(values[17], values[20])
    return HeldFound(*values)


def _copy(row: Sequence[Any]) -> CopyFound:
    values: tuple[Any, ...] = (*row[:-1], bool(row[-1]))
    return CopyFound(*values)
