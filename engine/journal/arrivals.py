"""Stores arrivals: recognises duplicates and conflicts, and says what became of each.

Knows the duplicate rules and nothing of threads, sockets or commits. The rules:

- the same feed, MSH-3, MSH-4 and MSH-10 within the window, and the same SHA-256: a duplicate. It gets
  the original's verdict, or None while that is pending. Its bytes are not stored again.
- an original that was rejected is no original: the sender may have been told to try again. Refused
  evidence is none either.
- the same key with other bytes: a conflict. It is accepted as new, and flagged.

Twins inside one commit fall under the same rules. What is not found here is never delivered twice by
accident; what is found wrongly would be lost, so the real key and the SHA-256 are compared, never the
fingerprint alone.
"""

from __future__ import annotations

import json
import sqlite3
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, cast

from engine.journal.entries import Entries
from engine.journal.fingerprints import CONTENT, fingerprint
from engine.journal.records import Arrival, BatchCount, HeldPart, MessageState, Stored, StoredKind, Verdict

__all__ = ["FOUND_ON_ARRIVAL", "readable", "store"]

FOUND_ON_ARRIVAL = -1
"""The number of a finding that no decision made, before all of theirs."""

# A sender that gives every message the same control id has them all in one range. A conflict is only
# flagged, so it is looked for among so many; duplicates are looked for without a limit.
_CONFLICT_CANDIDATES = 256

_COLUMNS = "id, feed, sender, sha256, received, state, original, verdict, words, rejected, body"


@dataclass(frozen=True, slots=True)
class _Earlier:
    """A message that an arrival may repeat."""

    id: int
    feed: str
    sender: bytes
    sha256: bytes
    received: int
    state: str
    original: int
    verdict: str | None
    words: str | None
    rejected: int
    body: int

    def counts_for(self, arrival: Arrival) -> bool:
        """True where it may be the original of `arrival`."""
        return not self.rejected and arrival.received - self.received <= arrival.window

    def told(self) -> Verdict | None:
        """What its sender was told, or None while that is pending."""
        if self.verdict is None:
            return None
        return Verdict(cast(Any, self.verdict), self.words or "")


def readable(text: str) -> str:
    """Text that SQLite can store: a sender's odd bytes may have become lone surrogates."""
    return text if text.isascii() else text.encode("utf-8", "replace").decode()


def store(connection: sqlite3.Connection, entries: Entries, arrivals: Sequence[Arrival]) -> list[Stored]:
    """Collect the rows of these arrivals in `entries`; what became of each, in order."""
    return _Store(connection, entries).all(arrivals)


class _Store:
    """The arrivals of one commit, which may be twins of one another."""

    def __init__(self, connection: sqlite3.Connection, entries: Entries) -> None:
        self._connection = connection
        self._entries = entries
        self._twins: dict[tuple[str, bytes, bytes], _Earlier] = {}
        self._namesakes: dict[tuple[str, bytes], _Earlier] = {}

    def all(self, arrivals: Sequence[Arrival]) -> list[Stored]:
        prints = [self._fingerprint(arrival) for arrival in arrivals]
        known = self._known(prints)
        return [
            self._store(arrival, number, number is not None and number & ~CONTENT in known)
            for arrival, number in zip(arrivals, prints, strict=True)
        ]

    @staticmethod
    def _fingerprint(arrival: Arrival) -> int | None:
        if not arrival.sender and not arrival.control_id:
            return None
        return fingerprint(arrival.feed, arrival.sender, readable(arrival.control_id), arrival.sha256)

    def _known(self, prints: Sequence[int | None]) -> set[int]:
        """Which of these keys the journal may hold already: one question for all, mostly answered by none."""
        asked = [number & ~CONTENT for number in prints if number is not None]
        found = self._connection.execute(
            "SELECT json_group_array(value) FROM json_each(?) AS asked WHERE EXISTS ("
            "SELECT 1 FROM message WHERE fingerprint BETWEEN asked.value AND asked.value + ?)",
            (json.dumps(asked), CONTENT),
        ).fetchone()
        return set(json.loads(found[0]))

    def _store(self, arrival: Arrival, number: int | None, known: bool) -> Stored:
        if arrival.refused:
            return self._add(arrival, number, "refused", "refused")
        if number is None or not arrival.sender or arrival.window <= 0:
            return self._accept(arrival, number, None)
        if original := self._original(arrival, number, known):
            return self._repeat(arrival, number, original)
        return self._accept(arrival, number, self._namesake(arrival, number, known))

    def _original(self, arrival: Arrival, number: int, known: bool) -> _Earlier | None:
        """The message that this one is a duplicate of."""
        twin = self._twins.get((arrival.feed, arrival.sender, arrival.sha256))
        if twin is None and known:
            twin = self._newest_equal(arrival, number)
        if twin is not None and twin.state == "duplicate":
            twin = self._by_id(twin.original)
        return twin if twin is not None and twin.counts_for(arrival) else None

    def _newest_equal(self, arrival: Arrival, number: int) -> _Earlier | None:
        """The newest message with the same key and content. It alone decides: had an earlier one still
        been an original when the newest came, the newest would be its duplicate."""
        rows = self._connection.execute(
            f"SELECT {_COLUMNS} FROM message WHERE fingerprint=? AND state<>'refused' ORDER BY id DESC",  # noqa: S608
            (number,),
        )
        for row in rows:
            earlier = _Earlier(*row)
            if (earlier.feed, earlier.sender, earlier.sha256) == (
                arrival.feed,
                arrival.sender,
                arrival.sha256,
            ):
                rows.close()
                return earlier
        return None

    def _by_id(self, id_: int) -> _Earlier | None:
        row = self._connection.execute(f"SELECT {_COLUMNS} FROM message WHERE id=?", (id_,)).fetchone()  # noqa: S608
        return _Earlier(*row) if row else None

    def _namesake(self, arrival: Arrival, number: int, known: bool) -> _Earlier | None:
        """A message with the same key and other content, which makes this one a conflict."""
        found = self._namesakes.get((arrival.feed, arrival.sender))
        if found is None and known:
            rows = self._connection.execute(
                f"SELECT {_COLUMNS} FROM message WHERE fingerprint BETWEEN ? AND ?"  # noqa: S608
                " AND state NOT IN ('refused', 'duplicate') LIMIT ?",
                (number & ~CONTENT, number | CONTENT, _CONFLICT_CANDIDATES),
            ).fetchall()
            candidates = [_Earlier(*row) for row in rows]
            same = [c for c in candidates if (c.feed, c.sender) == (arrival.feed, arrival.sender)]
            same = [c for c in same if c.sha256 != arrival.sha256 and c.counts_for(arrival)]
            found = max(same, key=lambda c: c.id, default=None)
        if found is None or found.sha256 == arrival.sha256 or not found.counts_for(arrival):
            return None
        return found

    def _accept(self, arrival: Arrival, number: int | None, namesake: _Earlier | None) -> Stored:
        state: MessageState = "held" if arrival.hold else "waiting"
        if namesake is None:
            return self._add(arrival, number, "new", state)
        self._entries.count("feed", arrival.feed, "conflict")
        return self._add(arrival, number, "conflict", state, namesake.id)

    def _repeat(self, arrival: Arrival, number: int, original: _Earlier) -> Stored:
        stored = self._add(arrival, number, "duplicate", "duplicate", original.id, original.body)
        return Stored(stored.id, "duplicate", original.id, original.told())

    def _add(
        self,
        arrival: Arrival,
        number: int | None,
        kind: StoredKind,
        state: MessageState,
        original: int = 0,
        body: int = 0,
    ) -> Stored:
        """One row, its event and its counters."""
        entries, verdict = self._entries, arrival.verdict if state in ("waiting", "held") else None
        entries.counters.message += 1
        id_ = entries.counters.message
        body = body or entries.body(arrival.body)
        outcome, words = (verdict.outcome, verdict.words) if verdict else (None, None)
        entries.rows["message"].append((
            id_, arrival.feed, arrival.received, readable(arrival.type), readable(arrival.version),
            arrival.peer, readable(arrival.control_id), arrival.sender, number, arrival.sha256,
            len(arrival.body), body, arrival.envelope or None, kind, original, arrival.refused or None,
            state, outcome, words, arrival.claims,
        ))  # fmt: skip
        if arrival.batch is not None:
            self._in_batch(id_, arrival.batch)
        entries.event(id_, 0, kind if kind != "new" else "accepted", arrival.received)
        entries.count("feed", arrival.feed, state)
        if state != "refused":
            entries.count("feed", arrival.feed, "accepted")
        if state in ("waiting", "held") and arrival.sender:
            fresh = _Earlier(
                id_, arrival.feed, arrival.sender, arrival.sha256, arrival.received, state, original, outcome,
                words, 0, body,
            )  # fmt: skip
            self._twins[arrival.feed, arrival.sender, arrival.sha256] = fresh
            self._namesakes[arrival.feed, arrival.sender] = fresh
        if state == "held":
            entries.hold(id_, HeldPart("", arrival.hold, "held as it came in"), arrival.received)
            entries.event(id_, 0, "held", arrival.received, None, arrival.hold)
        return Stored(id_, kind, original)

    def _in_batch(self, id_: int, batch: BatchCount) -> None:
        """What its batch says: once for the batch, and with each message where something does not fit."""
        if batch.first:
            self._entries.rows["batch"].append((id_, batch.said, batch.came, batch.problems))
        if batch.problems:
            self._entries.rows["finding"].append((id_, FOUND_ON_ARRIVAL, batch.words))
