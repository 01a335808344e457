"""Changes the states of deliveries, by the one table of what may follow what, with an event for each.

Knows nothing of channels, retries or deadlines: the delivery workers decide, this keeps the record true.
"""

from __future__ import annotations

import json
import sqlite3
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import cast

from engine.journal.arrivals import readable
from engine.journal.entries import Entries
from engine.journal.records import OPEN_STATES, Changed, DeliveryState, Said

__all__ = ["FOLLOWS", "Changer", "put_claims_back"]

_ALL: frozenset[DeliveryState] = frozenset((
    "waiting", "queued", "sending", "delivered", "acknowledged", "parked",
    "refused_by_recipient", "withdrawn", "discarded",
))  # fmt: skip
_NONE: frozenset[DeliveryState] = frozenset()
_PROOFS: frozenset[DeliveryState] = frozenset(("delivered", "acknowledged", "refused_by_recipient"))

FOLLOWS: Mapping[DeliveryState, frozenset[DeliveryState]] = {
    "waiting": _ALL,
    "queued": _ALL,
    "sending": _ALL,
    # A practice's application acknowledgement may come days after the delivery.
    "delivered": frozenset(("acknowledged", "refused_by_recipient")),
    # Parked is not the end: a person sends it again or gives it up, or the recipient says that it has it.
    "parked": frozenset(("waiting", "withdrawn", "discarded", "acknowledged", "refused_by_recipient")),
    "acknowledged": _NONE,
    # A return waits for a person, who may give it up.
    "refused_by_recipient": frozenset(("discarded",)),
    "withdrawn": _NONE,
    "discarded": _NONE,
}


@dataclass(slots=True)
class _Row:
    """One delivery as this commit leaves it."""

    message: int
    channel: str
    state: DeliveryState
    attempts: int
    next_try: int
    closed: int | None
    in_doubt: int
    reason: str


class Changer:
    """Applies the changes of one commit. Several batches may share it: each sees what earlier ones did."""

    def __init__(self, connection: sqlite3.Connection, entries: Entries) -> None:
        self._connection = connection
        self._entries = entries
        self._rows: dict[int, _Row] = {}
        self._changed: set[int] = set()

    def change(self, changes: Sequence[Changed]) -> frozenset[int]:
        """Apply what may follow, in order, and ignore the rest; the ids of which the change took place."""
        self.load([change.delivery for change in changes])
        taken = [change.delivery for change in changes if self._one(change)]
        return frozenset(taken)

    def finish(self) -> None:
        """Hand over the rows' final states; an update for each delivery, however often it changed."""
        for id_ in self._changed:
            row = self._rows[id_]
            self._entries.changed.append((
                id_, row.state, row.attempts, row.next_try, row.closed, int(row.in_doubt), row.reason
            ))  # fmt: skip

    def state(self, delivery: int) -> tuple[DeliveryState, bool]:
        """The state as this commit leaves it, and whether a copy may have arrived; of a loaded delivery."""
        row = self._rows[delivery]
        return row.state, bool(row.in_doubt)

    def mark_in_doubt(self, delivery: int, at: int, reason: str) -> None:
        """Say that the recipient may have more than this copy; the state stays. For a loaded delivery."""
        row = self._rows[delivery]
        row.in_doubt = 1
        self._changed.add(delivery)
        self._entries.event(row.message, delivery, "in_doubt", at, None, reason)

    def say(self, delivery: int, at: int, said: Said) -> None:
        """Note what a recipient said of a loaded delivery without any change of what stands."""
        row = self._rows[delivery]
        self._note(delivery, at, said, counts=False)
        detail = f"{said.code}, when it was {row.state.replace('_', ' ')}: nothing changes"
        self._entries.event(row.message, delivery, "answered_late", at, None, detail)

    def _note(self, delivery: int, at: int, said: Said, *, counts: bool) -> None:
        self._entries.rows["said"].append((
            delivery, at, said.code, said.reason, readable(said.words), said.message, int(counts)
        ))  # fmt: skip

    def load(self, ids: Sequence[int]) -> None:
        """Read these deliveries' rows, where this commit has not done so yet."""
        wanted = [id_ for id_ in ids if id_ not in self._rows]
        if not wanted:
            return
        found = self._connection.execute(
            "SELECT json_group_array(json_array("
            "id, message, channel, state, attempts, next_try, closed, in_doubt, reason))"
            " FROM delivery WHERE id IN (SELECT value FROM json_each(?))",
            (json.dumps(wanted),),
        ).fetchone()
        for id_, *values in json.loads(found[0]):
            self._rows[id_] = _Row(*values)

    def _one(self, change: Changed) -> bool:
        row = self._rows.get(change.delivery)
        if row is None or not _may_follow(row, change.state):
            return False
        count = self._entries.count
        count("channel", row.channel, row.state, -1)
        count("channel", row.channel, change.state)
        # A person's release starts afresh; otherwise a late report of an earlier step takes nothing back.
        released = row.state == "parked" and change.state == "waiting"
        row.attempts = change.attempts if released else max(change.attempts, row.attempts)
        row.in_doubt |= change.in_doubt  # once a copy may have arrived twice, that stays true
        row.state, row.next_try, row.reason = change.state, change.next_try, change.reason
        row.closed = None if change.state in OPEN_STATES else change.at
        self._changed.add(change.delivery)
        self._entries.event(row.message, change.delivery, change.state, change.at, None, change.reason)
        if change.said is not None:
            self._note(change.delivery, change.at, change.said, counts=True)
        return True


def _may_follow(row: _Row, state: DeliveryState) -> bool:
    # What was taken back while nobody knew whether it had arrived may yet prove to have done so.
    arrived = row.state == "withdrawn" and row.in_doubt and state in _PROOFS
    return arrived or state in FOLLOWS[row.state]


def put_claims_back(connection: sqlite3.Connection, entries: Entries, at: int) -> int:
    """At start-up: deliveries claimed by a process that died may or may not have been sent. They wait
    again, flagged as in doubt. Gives their number.

    The counters say whether there are any, so that a start after an orderly stop reads nothing.
    """
    claimed = connection.execute(
        "SELECT sum(count) FROM tally WHERE scope='channel' AND state='sending'"
    ).fetchone()[0]
    if not claimed:
        return 0
    # What is claimed stands at the heads of the lanes, and what is open may be little of a large journal.
    rows = connection.execute(
        "SELECT id, message, channel, attempts FROM delivery INDEXED BY delivery_open"
        " WHERE closed IS NULL AND state='sending' LIMIT ?",
        (claimed,),
    ).fetchall()
    reason = "claimed when the engine died; a copy may have arrived"
    for id_, message, channel, attempts in sorted(rows):
        entries.changed.append((id_, "waiting", attempts, 0, None, 1, reason))
        entries.event(message, id_, "recovered", at, None, reason)
        entries.count("channel", cast(str, channel), "sending", -1)
        entries.count("channel", channel, "waiting")
    return len(rows)
