"""Carries out deadlines inside one commit: the copy that goes out instead, and what becomes of the first.

Knows the tables, and asks `judge` what a deadline means at this moment; knows no clock, channel or route.
Everything that one deadline asks for is in one transaction, so that a crash leaves all of it or nothing.
"""

from __future__ import annotations

import json
import sqlite3
from collections.abc import Callable, Collection, Sequence
from dataclasses import dataclass
from typing import Any, Literal

from engine.journal.changes import Changer
from engine.journal.entries import Entries
from engine.journal.records import Awaited, Changed, DeliveryState, HeldPart
from routes.flow.deadlines import DeadlineAction, Fate, HoldInstead, SendInstead, what_of_the_first

__all__ = ["Due", "Look", "Overdue", "awaiting", "carry_out", "next_deadline"]

_DUE = (
    "SELECT w.delivery, w.proof, w.due, w.channel, w.address, d.message, d.route, d.channel, d.address,"
    " d.piece, d.created, d.body, d.control_id FROM deadline w INDEXED BY deadline_open"
    " CROSS JOIN delivery d ON d.id=w.delivery WHERE w.ending IS NULL AND w.due<=? ORDER BY w.due LIMIT ?"
)
_COPIES = (
    "SELECT id, message, channel, address, piece, parent, kind FROM delivery"
    " WHERE message IN (SELECT value FROM json_each(?)) ORDER BY id"
)
_PROOFS = (
    "SELECT delivery, kind, at FROM event WHERE message IN (SELECT value FROM json_each(?))"
    " AND kind IN ('delivered', 'acknowledged') ORDER BY message, id"
)
_GONE: tuple[DeliveryState, ...] = ("withdrawn", "discarded", "refused_by_recipient")


@dataclass(frozen=True, slots=True)
class Due:
    """A copy whose deadline is due, and how far it is. delivered, acknowledged: when its first proofs came,
    also of copies that a person sent again in its place; None: not yet."""

    delivery: int
    message: int
    channel: str
    address: str
    created: int
    state: DeliveryState
    awaited: Awaited
    delivered: int | None = None
    acknowledged: int | None = None


@dataclass(frozen=True, slots=True)
class Look:
    """One look at the deadlines that are due at `now`, at most `limit` of them.

    judge: what each asks for; nothing where its proof has come or nobody waits for it any more. config: the
    hash of the configuration by which new copies are made. mailboxes: the channels that are the broker's
    mailboxes.
    """

    now: int
    config: str
    judge: Callable[[Due], Sequence[DeadlineAction]]
    limit: int = 64
    mailboxes: Collection[str] = ()


@dataclass(frozen=True, slots=True)
class Overdue:
    """What was done about one deadline. ending: as the table has it. copy: the new delivery, or 0. tray:
    where it is held, or "". first: what became of the first copy, where another went out instead."""

    due: Due
    ending: Literal["kept", "missed", "ended"]
    copy: int = 0
    tray: str = ""
    first: Fate | Literal[""] = ""


def next_deadline(connection: sqlite3.Connection) -> int:
    """When the next open deadline is due, or 0."""
    row = connection.execute(
        "SELECT min(due) FROM deadline INDEXED BY deadline_open WHERE ending IS NULL"
    ).fetchone()
    return int(row[0] or 0)


def awaiting(connection: sqlite3.Connection, channels: Collection[str]) -> dict[str, int]:
    """By channel, how many open deadlines would fall back to it; of all channels where none are named."""
    rows = connection.execute(
        "SELECT channel, count(*) FROM deadline INDEXED BY deadline_open WHERE ending IS NULL"
        " AND (? OR channel IN (SELECT value FROM json_each(?))) GROUP BY channel",
        (not channels, json.dumps(sorted(channels))),
    )
    return dict(rows.fetchall())


def carry_out(
    connection: sqlite3.Connection, entries: Entries, changer: Changer, look: Look
) -> list[Overdue]:
    """Do what the deadlines that are due ask for, in the order in which they are due."""
    rows = connection.execute(_DUE, (look.now, look.limit)).fetchall()
    return _Looking(connection, entries, changer, look, rows).all() if rows else []


class _Looking:
    """One look, within one commit."""

    def __init__(
        self,
        connection: sqlite3.Connection,
        entries: Entries,
        changer: Changer,
        look: Look,
        rows: Sequence[tuple[Any, ...]],
    ) -> None:
        self._entries = entries
        self._changer = changer
        self._look = look
        self._rows = rows
        messages = json.dumps(sorted({row[5] for row in rows}))
        self._copies = connection.execute(_COPIES, (messages,)).fetchall()
        changer.load([copy[0] for copy in self._copies])
        self._proofs = self._find_proofs(connection, messages)
        self._made: dict[int, int] = {}  # copies that this look makes, and their places among the new rows
        # (message, channel, address, piece) of copies that are on their way or there: one is enough.
        self._taken = {
            (copy[1], copy[2], copy[3], copy[4]): copy[0]
            for copy in self._copies
            if changer.state(copy[0])[0] not in _GONE
        }

    def all(self) -> list[Overdue]:
        """Every row, in order."""
        return [self._one(row) for row in self._rows]

    def _find_proofs(self, connection: sqlite3.Connection, messages: str) -> dict[tuple[int, str], int]:
        """When each copy was first delivered and acknowledged. What a person sent again in the place of a
        copy counts as that copy; a fallback does not."""
        stands_for = {copy[0]: copy[5] for copy in self._copies if copy[5] and copy[6] != "fallback"}
        found: dict[tuple[int, str], int] = {}
        pending = [(row[2], row[3], row[4]) for row in self._entries.rows["event"]]
        for delivery, kind, at in [*connection.execute(_PROOFS, (messages,)), *pending]:
            copy = delivery
            while copy:
                found.setdefault((copy, kind), at)
                copy = stands_for.get(copy, 0)  # a parent is always older
        return found

    def _one(self, row: tuple[Any, ...]) -> Overdue:
        due = self._due(row)
        for action in self._look.judge(due):
            if isinstance(action, SendInstead):
                return self._send(due, row, action)
            if isinstance(action, HoldInstead):
                return self._hold(due, row, action)
            return Overdue(due, "kept")  # not due after all: it stays open, and is looked at again
        proven = due.acknowledged is not None or (
            due.awaited.proof == "delivered" and due.delivered is not None
        )
        ending: Literal["kept", "ended"] = "kept" if proven else "ended"
        self._entries.ended.append((due.delivery, ending))
        return Overdue(due, ending)

    def _due(self, row: tuple[Any, ...]) -> Due:
        delivery, proof, due, channel, address, message, _route, own_channel, own_address = row[:9]
        return Due(
            delivery,
            message,
            own_channel,
            own_address,
            row[10],
            self._changer.state(delivery)[0],
            Awaited(proof, due, channel, address),
            self._proofs.get((delivery, "delivered")),
            self._proofs.get((delivery, "acknowledged")),
        )

    def _send(self, due: Due, row: tuple[Any, ...], action: SendInstead) -> Overdue:
        now = self._look.now
        state, in_doubt = self._changer.state(due.delivery)
        first = what_of_the_first(state, in_doubt=in_doubt, mailbox=due.channel in self._look.mailboxes)
        place = (due.message, action.channel, action.address, row[9])
        there = self._taken.get(place, 0)
        doubtful = first in ("stop", "mark")
        copy = there or self._make(due, row, action, in_doubt=doubtful)
        self._taken[place] = copy
        words = f"copy {copy} {'is there already' if there else 'made instead'}, channel {action.channel}"
        self._missed(due, words)
        if first in ("withdraw", "stop"):
            reason = f"not {due.awaited.proof} in time: copy {copy} goes out instead"
            reason += "; the recipient may have this one too" if doubtful else ""
            self._changer.change([Changed(due.delivery, "withdrawn", now, 0, 0, reason, doubtful)])
        elif first == "mark":
            self._changer.mark_in_doubt(due.delivery, now, f"copy {copy} goes out too")
        if there and doubtful:
            self._mark_too(there, due)
        return Overdue(due, "missed", 0 if there else copy, first=first)

    def _make(self, due: Due, row: tuple[Any, ...], action: SendInstead, *, in_doubt: bool) -> int:
        """The row of the copy that goes out instead; gives its id."""
        entries, now = self._entries, self._look.now
        entries.counters.delivery += 1
        id_ = entries.counters.delivery
        config = entries.config(self._look.config)
        self._made[id_] = len(entries.rows["delivery"])
        entries.rows["delivery"].append((
            id_, due.message, row[6], action.channel, action.address, "waiting", 0, 0, now, row[11], row[12],
            0, due.delivery, config, int(in_doubt), "", row[9], "fallback", "",
        ))  # fmt: skip
        entries.event(due.message, id_, "made", now, config, f"instead of copy {due.delivery}")
        entries.count("channel", action.channel, "made")
        entries.count("channel", action.channel, "waiting")
        return id_

    def _mark_too(self, copy: int, due: Due) -> None:
        """The copy that goes to that place anyway may be the recipient's second one."""
        made = self._made.get(copy)
        if made is not None:
            rows = self._entries.rows["delivery"]
            rows[made] = (*rows[made][:14], 1, *rows[made][15:])
        elif not self._changer.state(copy)[1]:
            self._changer.mark_in_doubt(copy, self._look.now, f"copy {due.delivery} may be there too")

    def _hold(self, due: Due, row: tuple[Any, ...], action: HoldInstead) -> Overdue:
        held = action.held
        self._missed(due, f"held in {held.tray}")
        part = HeldPart(row[6], held.tray, held.reason, held.where, entry=True, piece=row[9])
        self._entries.hold(due.message, part, self._look.now)
        self._entries.event(due.message, 0, "held", self._look.now, None, held.tray)
        return Overdue(due, "missed", tray=held.tray)

    def _missed(self, due: Due, words: str) -> None:
        self._entries.ended.append((due.delivery, "missed"))
        detail = f"not {due.awaited.proof} in time: {words}"
        self._entries.event(due.message, due.delivery, "deadline_missed", self._look.now, None, detail)
