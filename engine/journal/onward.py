"""Re-addresses, once and by rule, a copy that its recipient sent back: the rule was settled when it was made.

Works inside the commit of the reply, whether it came by a feed or on the connection of the copy itself.
Knows the tables; must not know routes, or why the rule says what it says. A copy
that is made here has no such rule itself, so that nothing goes round.
"""

from __future__ import annotations

import sqlite3
from collections.abc import Sequence

from engine.journal.changes import Changer
from engine.journal.entries import Entries
from engine.journal.records import Changed
from engine.journal.told import AnswerTold
from routes.flow.matching import Candidate

__all__ = ["pass_on", "pass_on_refused"]

_RULE = (
    "SELECT o.reasons, o.channel, o.address, o.late, d.route, d.body, d.control_id, d.config, d.created"
    " FROM onward o CROSS JOIN delivery d ON d.id=o.delivery WHERE o.delivery=?"
)
_REFUSED = (
    "SELECT d.message, d.channel, d.address, d.created, d.piece FROM onward o"
    " CROSS JOIN delivery d ON d.id=o.delivery WHERE o.delivery=?"
)
_COPIES = "SELECT id FROM delivery WHERE message=? AND channel=? AND address=? AND piece=?"
_AWAITED = "SELECT proof, due, channel FROM deadline WHERE delivery=? AND ending IS NULL"
_GONE = ("withdrawn", "discarded", "refused_by_recipient")


def pass_on(
    connection: sqlite3.Connection, entries: Entries, changer: Changer, copy: Candidate, reason: str, at: int
) -> tuple[int, int]:
    """Make the copy that goes out in place of one that came back for this reason: its id, and by when a proof
    of it is awaited; 0 where its rule does not speak of the reason, or has no address."""
    rule = connection.execute(_RULE, (copy.id,)).fetchone()
    if rule is None or reason not in rule[0].split() or rule[2] is None:
        return 0, 0
    channel, address, late, route, body, control_id, config, created = rule[1:]
    if _there(connection, entries, changer, copy, channel, address):
        words = f"it came back, and a copy for {channel} {address}".rstrip() + " is there already"
        entries.event(copy.message, copy.id, "answer", at, None, words)
        return 0, 0
    entries.counters.delivery += 1
    id_ = entries.counters.delivery
    entries.rows["delivery"].append((
        id_, copy.message, route, channel, address, "waiting", 0, 0, at, body, control_id,
        0, copy.id, config, 0, "", copy.piece, "re-addressed", "",
    ))  # fmt: skip
    entries.event(copy.message, id_, "made", at, config, f"copy {copy.id} came back: {reason}")
    entries.count("channel", channel, "made")
    entries.count("channel", channel, "waiting")
    return id_, _await(connection, entries, copy, id_, late, at - created)


def pass_on_refused(
    connection: sqlite3.Connection, entries: Entries, changer: Changer, changes: Sequence[Changed]
) -> list[AnswerTold]:
    """As `pass_on` for copies that their recipients refused, with a reason, on the connection by which they
    went out; those in whose place a copy was made."""
    passed: list[AnswerTold] = []
    for change in changes:
        reason = change.said.reason if change.said is not None else ""
        row = connection.execute(_REFUSED, (change.delivery,)).fetchone()
        if not reason or row is None:
            continue
        message, channel, address, created, piece = row
        copy = Candidate(change.delivery, message, channel, address, change.state, created, piece)
        made, due = pass_on(connection, entries, changer, copy, reason, change.at)
        if made:
            passed.append(
                AnswerTold(0, "returned", copy.id, message, channel, address, reason, made=made, due=due)
            )
    return passed


def _there(
    connection: sqlite3.Connection,
    entries: Entries,
    changer: Changer,
    copy: Candidate,
    channel: str,
    address: str,
) -> bool:
    """Whether the message has a copy for that place already, on its way or there."""
    others = [
        row[0] for row in connection.execute(_COPIES, (copy.message, channel, address, copy.piece)).fetchall()
    ]
    changer.load(others)
    place = (copy.message, channel, address, copy.piece)
    made_now = any((row[1], row[3], row[4], row[16]) == place for row in entries.rows["delivery"])
    return made_now or any(changer.state(other)[0] not in _GONE for other in others)


def _await(
    connection: sqlite3.Connection, entries: Entries, copy: Candidate, made: int, late: str | None, after: int
) -> int:
    """Nobody waits for the first copy's proof any more, but for the new one's, as long as for the first."""
    awaited = connection.execute(_AWAITED, (copy.id,)).fetchone()
    if awaited is None:
        return 0
    proof, due, channel = awaited
    entries.ended.append((copy.id, "ended"))
    entries.rows["deadline"].append((made, proof, due + after, channel, late))
    return int(due + after)
