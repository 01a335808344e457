"""Records what recipients' applications say: finds the copy that a reply speaks of, and what follows for it.

Knows the tables and the rules of what may follow what; which copy is meant is said by the pure
`routes.flow.matching`, on the copies that carry the reply's control id. Everything that one reply changes is
in the commit of its own outcome. Must not know feeds, sites or sockets. The recipient's words are stored,
and stand in no reason and no event.
"""

from __future__ import annotations

import json
import sqlite3
from dataclasses import replace
from hashlib import blake2b
from typing import Any

from engine.journal.answered import Answered
from engine.journal.arrivals import readable
from engine.journal.changes import Changer
from engine.journal.entries import Entries
from engine.journal.fingerprints import control_id_range
from engine.journal.onward import pass_on
from engine.journal.records import Changed, DeliveryState, Said
from engine.journal.told import AnswerOutcome, AnswerTold
from routes.flow.answer_codes import REASON_WORDS
from routes.flow.matching import Candidate, Matched, Unmatched, which

__all__ = ["SENT_AS", "UNMATCHED", "Matcher"]

SENT_AS = "sent_as"
"""The kind of search key by which a message is found whose copy goes out under another control id."""
UNMATCHED = "unmatched"
"""The tray of replies that speak of nobody knows what."""

_MOST = 1000  # copies with one control id; a sender that has more of them tells nothing apart by it
_COPY = "d.id, d.message, d.channel, d.address, d.created, d.piece, d.attempts, d.in_doubt"
_BY_ID = f"SELECT {_COPY} FROM delivery d WHERE d.id=? AND d.control_id=?"  # noqa: S608 - our own words
_BY_CONTROL_ID = (
    f"SELECT {_COPY} FROM (SELECT id FROM message WHERE fingerprint BETWEEN ? AND ? AND control_id=?"  # noqa: S608
    " UNION SELECT message FROM key WHERE kind=? AND value=?) m"
    " CROSS JOIN delivery d ON d.message=m.id WHERE d.control_id=?"
    " AND d.channel IN (SELECT value FROM json_each(?)) LIMIT ?"
)
_BYTES = (
    "SELECT d.id, b.bytes FROM delivery d CROSS JOIN message m ON m.id=d.message"
    " CROSS JOIN body b ON b.id=coalesce(d.body, m.body) WHERE d.id IN (SELECT value FROM json_each(?))"
)
_STATES: dict[str, DeliveryState] = {
    "has_it": "acknowledged", "committed": "delivered", "returned": "refused_by_recipient",
}  # fmt: skip


class Matcher:
    """Records the replies of one commit."""

    def __init__(self, connection: sqlite3.Connection, entries: Entries, changer: Changer) -> None:
        self._connection = connection
        self._entries = entries
        self._changer = changer

    def match(self, message: int, answered: Answered, claims: int | None, at: int) -> AnswerTold:
        """What a reply, which came as `message`, changes; recorded, but for its own outcome. claims: the copy
        that its transport says it answers."""
        found = self._find(answered, claims)
        if isinstance(found, Unmatched):
            return AnswerTold(message, "unmatched", reason=found.reason)
        copy = found
        reason = f"came back: {REASON_WORDS[answered.reason]}" if answered.reason else ""
        state = _STATES[answered.meaning]
        said = Said(answered.code, answered.reason, answered.words, message)
        counts = bool(self._changer.change([Changed(copy.id, state, at, 0, 0, reason, said=said)]))
        if not counts:
            self._changer.say(copy.id, at, said)
        outcome: AnswerOutcome = answered.meaning if counts else "late"
        told = f"{answered.code} from copy {copy.id} of message {copy.message}"
        if not counts:
            told += (
                f", which was {self._changer.state(copy.id)[0].replace('_', ' ')} already: nothing changes"
            )
        self._entries.event(message, copy.id, "answer", at, None, told)
        made, due = (0, 0)
        if outcome == "returned":
            made, due = pass_on(self._connection, self._entries, self._changer, copy, answered.reason, at)
        return AnswerTold(
            message, outcome, copy.id, copy.message, copy.channel, copy.address, answered.reason,
            made=made, due=due,
        )  # fmt: skip

    def _find(self, answered: Answered, claims: int | None) -> Candidate | Unmatched:
        if answered.spoken is None:
            return Unmatched(answered.problem)
        spoken = answered.spoken if claims is None else replace(answered.spoken, claims=claims)
        rows = self._rows(spoken.control_id, tuple(spoken.speaking), spoken.claims)
        if len(rows) > _MOST:
            return Unmatched(f"more than {_MOST} copies were sent with its control id")
        candidates = self._candidates(rows)
        match = which(spoken, candidates)
        if isinstance(match, Matched):
            return next(one for one in candidates if one.id == match.id)
        return match

    def _rows(
        self, control_id: bytes, channels: tuple[str, ...], claims: int | None
    ) -> list[tuple[Any, ...]]:
        if claims is not None:
            return self._connection.execute(_BY_ID, (claims, control_id)).fetchall()
        text = readable(control_id.decode("latin-1"))
        return self._connection.execute(
            _BY_CONTROL_ID,
            (*control_id_range(text), text, SENT_AS, text, control_id, json.dumps(channels), _MOST + 1),
        ).fetchall()

    def _candidates(self, rows: list[tuple[Any, ...]]) -> list[Candidate]:
        ids = [row[0] for row in rows]
        self._changer.load(ids)
        # Only where several copies carry the same control id does it matter whether they are the same.
        contents: dict[int, bytes] = {}
        if len(rows) > 1:
            for id_, content in self._connection.execute(_BYTES, (json.dumps(ids),)):
                contents[id_] = blake2b(content, digest_size=16).digest()
        return [self._candidate(row, contents.get(row[0], b"")) for row in rows]

    def _candidate(self, row: tuple[Any, ...], content: bytes) -> Candidate:
        id_, message, channel, address, created, piece, attempts, in_doubt = row
        state = self._changer.state(id_)[0]
        unsent = state in ("waiting", "queued") and not attempts and not in_doubt
        return Candidate(id_, message, channel, address, state, created, piece, content, unsent)
