"""Records decisions: the message's new state, its parts, held parts, findings, search keys and outbox rows.

Knows what a decision means for the tables, and nothing of how it was reached or who delivers. A message
that is decided already is left alone, so that a decision may be recorded again after a crash.
"""

from __future__ import annotations

import json
import sqlite3
from collections.abc import Sequence
from dataclasses import dataclass
from hashlib import sha256

from engine.journal.answered import Answered
from engine.journal.arrivals import readable
from engine.journal.earlier import SAME
from engine.journal.entries import Entries
from engine.journal.merging import mark_merged
from engine.journal.records import (
    Decided,
    DeliveryRow,
    HeldPart,
    MessageState,
    NewDelivery,
)
from engine.journal.replies import SENT_AS, UNMATCHED, Matcher
from engine.journal.told import AnswerTold

__all__ = ["Recorder", "Undecided"]


@dataclass(frozen=True, slots=True)
class Undecided:
    """What a decision needs to know of its message."""

    feed: str
    type: str
    body: int
    verdict: str | None
    words: str | None
    control_id: str = ""
    claims: int | None = None  # of a reply: the copy that its transport says it answers


class Recorder:
    """Records the decisions of one commit. Several batches may share it; none is recorded twice.

    told: what the replies among them came to, by their messages' ids.
    """

    def __init__(self, connection: sqlite3.Connection, entries: Entries, matcher: Matcher) -> None:
        self._connection = connection
        self._entries = entries
        self._matcher = matcher
        self.told: dict[int, AnswerTold] = {}
        self._done: set[int] = set()
        self._feeds: dict[int, str] = {}  # of the messages of this commit

    def record(self, decisions: Sequence[Decided]) -> list[Sequence[DeliveryRow]]:
        """Collect the rows of these decisions; the new delivery rows of each, with their bodies."""
        wanted = [decided.message for decided in decisions if decided.message not in self._done]
        undecided = self._undecided(wanted)
        rows: list[Sequence[DeliveryRow]] = []
        for decided in decisions:
            message = undecided.pop(decided.message, None)
            rows.append(() if message is None else self._one(decided, message))
        return rows

    def match(self, message: int, answer: Answered, at: int) -> AnswerTold:
        """Record what a reply changes that was held until now; nothing where it speaks of nobody still."""
        row = self._connection.execute("SELECT claims FROM message WHERE id=?", (message,)).fetchone()
        return self._matcher.match(message, answer, row[0], at)

    def _undecided(self, ids: Sequence[int]) -> dict[int, Undecided]:
        """Those of these messages that wait for a decision, in one step of one statement."""
        found = self._connection.execute(
            "SELECT json_group_array(json_array(id, feed, type, body, verdict, words, control_id, claims))"
            " FROM message"
            " WHERE id IN (SELECT value FROM json_each(?)) AND +state='waiting'",
            (json.dumps(ids),),
        ).fetchone()
        return {row[0]: Undecided(*row[1:]) for row in json.loads(found[0])}

    def _one(self, decided: Decided, message: Undecided) -> Sequence[DeliveryRow]:
        self._done.add(decided.message)
        entries = self._entries
        config = entries.config(decided.config)
        before_routing = not decided.rejected and any(not held.route for held in decided.held)
        state: MessageState = "held" if before_routing else "decided"
        if decided.answer is not None:
            state = self._answer(decided, decided.answer, message.claims, state)
        # What the sender has been told stays what it was told: `verdict` is only filled in where open.
        outcome, words = message.verdict, message.words
        if outcome is None:
            outcome, words = decided.verdict.outcome, decided.verdict.words
        rejected = int(decided.rejected)
        entries.decided.append(
            (
                decided.message,
                state,
                outcome,
                words,
                rejected,
                config,
                decided.at,
                self._keys(decided),
                decided.known or None,
            )
        )
        kind = "rejected" if decided.rejected else state
        if state != "answer":  # the reply's own event says it, with the copy
            entries.event(decided.message, 0, kind, decided.at, config)
        entries.count("feed", message.feed, "waiting", -1)
        entries.count("feed", message.feed, state)
        if decided.rejected:
            entries.count("feed", message.feed, "rejected")
        self._parts(decided)
        self._feeds[decided.message] = message.feed
        if decided.merges and not before_routing:
            by = (decided.message, message.feed, decided.at)
            mark_merged(self._connection, entries, by, decided.merges, self._feeds)
        return self.deliveries(decided, message, config) if decided.deliveries else ()

    def _answer(
        self, decided: Decided, answer: Answered, claims: int | None, state: MessageState
    ) -> MessageState:
        """Record what a reply changes; the state of the message that it came as."""
        told = self._matcher.match(decided.message, answer, claims, decided.at)
        self.told[decided.message] = told
        if told.outcome != "unmatched":
            return state if answer.routed else "answer"
        if not answer.routed:
            self._entries.hold(decided.message, HeldPart("", UNMATCHED, told.reason), decided.at)
            return "held"
        words = f"It is also a reply, and is taken for none: {told.reason}"
        self._entries.rows["finding"].append((decided.message, len(decided.warnings), words))
        return state

    def _parts(self, decided: Decided) -> None:
        entries, message = self._entries, decided.message
        for number, part in enumerate(decided.parts):
            entries.rows["part"].append((message, number, part.route, part.outcome, part.detail))
            entries.count("route", part.route, "entered")
            entries.count("route", part.route, part.outcome)
            if part.outcome == "not_wanted":
                entries.count("rule", part.route, part.detail)
        for held in decided.held:
            entries.hold(message, held, decided.at)
            if held.route:
                entries.event(message, 0, "held", decided.at, None, held.tray)
        for number, words in enumerate(decided.warnings):
            entries.rows["finding"].append((message, number, words))

    def _keys(self, decided: Decided) -> str | None:
        """Index the search keys; gives them as JSON for the message's row."""
        keys = [(kind, readable(value)) for kind, values in decided.keys.items() for value in values]
        for kind, value in keys:
            self._entries.rows["key"].append((kind, value, decided.message))
        for digest in decided.same:  # to be found by, not to be shown
            self._entries.rows["key"].append((SAME, digest, decided.message))
        return json.dumps(keys) if keys else None

    def deliveries(self, decided: Decided, message: Undecided, config: int) -> Sequence[DeliveryRow]:
        """Collect the copies of a decision."""
        inbound = decided.inbound or self._bytes(message.body)
        # Equal bytes are stored once for one decision. There is no index over all bodies: it would cost
        # every message a page of the log, and equal bodies of different messages are rare.
        stored: dict[bytes, int | None] = {inbound: None}
        rows = []
        for new in decided.deliveries:
            content = inbound if new.body is None or new.body is inbound else new.body
            if content not in stored:
                stored[content] = self._entries.body(content, sha256(content).digest())
            rows.append(self._delivery(decided, message, config, new, content, stored[content]))
        return rows

    def _delivery(
        self,
        decided: Decided,
        message: Undecided,
        config: int,
        new: NewDelivery,
        content: bytes,
        body: int | None,
    ) -> DeliveryRow:
        entries = self._entries
        entries.counters.delivery += 1
        id_ = entries.counters.delivery
        entries.rows["delivery"].append((
            id_, decided.message, new.route, new.channel, new.address, "waiting", 0, 0, decided.at, body,
            new.control_id, new.merged, new.parent, config, 0, "", new.piece, new.kind, " ".join(new.also),
        ))  # fmt: skip
        if new.awaited is not None:
            wait = new.awaited
            entries.rows["deadline"].append((id_, wait.proof, wait.due, wait.channel, wait.address))
        if new.onward is not None:
            on = new.onward
            entries.rows["onward"].append((id_, " ".join(on.reasons), on.channel, on.address, on.late))
        entries.event(decided.message, id_, "made", decided.at, config)
        entries.count("channel", new.channel, "made")
        entries.count("channel", new.channel, "waiting")
        sent_as = readable(new.control_id.decode("latin-1"))
        if sent_as and sent_as != message.control_id:
            entries.rows["key"].append((SENT_AS, sent_as, decided.message))
        return DeliveryRow(
            id_, decided.message, message.feed, new.channel, new.address, "waiting", 0, 0, decided.at,
            message.type, new.control_id, decided.config, content, kind=new.kind,
        )  # fmt: skip

    def _bytes(self, body: int) -> bytes:
        row = self._connection.execute("SELECT bytes FROM body WHERE id=?", (body,)).fetchone()
        return bytes(row[0])
