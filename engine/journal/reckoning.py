"""Counts what became of the messages of a stretch of time: the figures that a reconciliation is made of.

SQL over a read-only connection; no row of a message's content is read. Knows what the rows mean for a
message, and nothing of days, zones, or how the figures are shown.

As long as somebody reads, the journal's log cannot begin anew and grows: so a long reckoning is made of
several moments. Each message belongs to the time in which it was received, so that figures of neighbouring
times add up to the last message, whatever happens between the moments in which they are read.

Every accepted message has exactly one fate, the first of these that is true of it: duplicate, undecided,
reply (to something that was sent), stopped (a copy is parked or was refused), held (something of it waits in
a tray), outstanding (a copy is on its way), ended (a copy was withdrawn, or a person gave it up),
acknowledged or delivered (all its copies), rejected, not wanted. What fits none of them is `unaccounted`: the
record says that something was sent or held, and there is no such copy, or nothing in a tray. A copy that has
come to nothing and has a copy in its place (a fallback, a resend) is counted by the latter alone.
"""

from __future__ import annotations

import json
import sqlite3
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Literal

from engine.journal.schema import format_of

__all__ = ["FATES", "Arrived", "Copies", "Fate", "Fated", "Leftover", "Reckoning"]

Fate = Literal[
    "delivered", "acknowledged", "outstanding", "held", "stopped", "ended", "not_wanted", "rejected",
    "duplicate", "reply", "undecided", "unaccounted",
]  # fmt: skip
FATES: tuple[Fate, ...] = (
    "delivered", "acknowledged", "outstanding", "held", "stopped", "ended", "not_wanted", "rejected",
    "duplicate", "reply", "undecided", "unaccounted",
)  # fmt: skip
HALF_HOUR = 1_800_000_000
EXAMPLES = 5
"""Batches that do not fit of which the first message is named, of each feed."""
_BATCHES = 10  # the journal's format that knows of batches
HEAD = 2048  # bytes that hold an MSH segment, whatever stands in it
SLICE = 1000  # messages whose heads are read in one moment

# The copies of a message as bits: 1 on its way, 2 parked or refused, 4 acknowledged, 8 ended, 16 delivered.
_BIT = (
    "CASE d.state WHEN 'delivered' THEN 16 WHEN 'acknowledged' THEN 4 WHEN 'parked' THEN 2"
    " WHEN 'refused_by_recipient' THEN 2 WHEN 'withdrawn' THEN 8 WHEN 'discarded' THEN 8 ELSE 1 END"
)
_REPLACED = (
    "d.state IN ('parked', 'refused_by_recipient', 'withdrawn', 'discarded')"
    " AND EXISTS (SELECT 1 FROM delivery n WHERE n.message=d.message AND n.parent=d.id)"
)
_COPIES = " + ".join(f"{bit} * max({_BIT} = {bit})" for bit in (1, 2, 4, 8, 16))
_TRAYS = "2 * max(h.state NOT IN ('held', 'released')) + max(h.state='held')"
_FATE = """CASE
  WHEN state='duplicate' THEN
    CASE WHEN EXISTS (SELECT 1 FROM message o WHERE o.id=f.original) THEN 'duplicate' ELSE 'unaccounted' END
  WHEN state='waiting' THEN 'undecided'
  WHEN state='answer' THEN 'reply'
  WHEN copies & 2 THEN 'stopped'
  WHEN trays & 1 THEN 'held'
  WHEN copies & 1 THEN 'outstanding'
  WHEN copies & 8 OR trays & 2 THEN 'ended'
  WHEN copies & 16 THEN 'delivered'
  WHEN copies & 4 THEN 'acknowledged'
  WHEN rejected THEN 'rejected'
  WHEN state='held' THEN 'unaccounted'
  WHEN EXISTS (SELECT 1 FROM part p WHERE p.message=f.id
    AND (p.outcome='sent' OR p.outcome='held' AND f.trays IS NULL)) THEN 'unaccounted'
  ELSE 'not_wanted' END"""
_IN_TIME = "m.id BETWEEN :low AND :high AND +m.received>=:since AND +m.received<:until"
_WITH_FATES = f"""WITH f AS (
  SELECT m.id, m.feed, m.type, m.received, m.state, m.rejected, m.original,
    (SELECT {_COPIES} FROM delivery d WHERE d.message=m.id AND NOT ({_REPLACED})) AS copies,
    (SELECT {_TRAYS} FROM held h WHERE h.message=m.id) AS trays
  FROM message m WHERE {_IN_TIME} AND m.state<>'refused' {{only}}
  LIMIT -1 OFFSET 0
)"""  # noqa: S608 - our own words; what is asked for is bound
# The limit that limits nothing keeps SQLite from asking for copies and trays anew in each line of the fate.
_OPEN_BEFORE = {
    "undecided": "SELECT count(*), min(received) FROM message WHERE state<>'decided' AND state='waiting'"
    " AND received<:before",
    "outstanding": "SELECT count(DISTINCT d.message), min(m.received)"
    " FROM delivery d INDEXED BY delivery_open CROSS JOIN message m ON m.id=d.message"
    " WHERE d.closed IS NULL AND m.received<:before",
    "held": "SELECT count(DISTINCT h.message), min(m.received) FROM held h CROSS JOIN message m"
    " ON m.id=h.message WHERE h.state='held' AND m.received<:before",
    "stopped": "SELECT count(DISTINCT d.message), min(m.received) FROM delivery d INDEXED BY delivery_stuck"
    " CROSS JOIN message m ON m.id=d.message WHERE d.state IN ('parked', 'refused_by_recipient')"
    # The condition of the partial index, word for word.
    " AND d.state IN ('parked', 'refused_by_recipient', 'withdrawn', 'discarded')"
    " AND NOT EXISTS (SELECT 1 FROM delivery n WHERE n.message=d.message AND n.parent=d.id)"
    " AND m.received<:before",
}


@dataclass(frozen=True, slots=True)
class Fated:
    """How many messages of one feed and type had one fate, and when the oldest of them came in."""

    feed: str
    type: str
    fate: Fate
    count: int
    oldest: int


@dataclass(frozen=True, slots=True)
class Copies:
    """How many copies to one address are in one state; `oldest`: when the oldest one's message came in."""

    feed: str
    type: str
    channel: str
    address: str
    state: str
    count: int
    oldest: int


@dataclass(frozen=True, slots=True)
class Leftover:
    """Messages from before the time of a report that are not settled yet; one may be in two of these."""

    fate: Fate
    count: int
    oldest: int


@dataclass(frozen=True, slots=True)
class Arrived:
    """How many messages a feed brought within one half hour that begins at `at`."""

    feed: str
    at: int
    count: int


@dataclass(frozen=True, slots=True)
class Batches:
    """The batches of one feed, each counted once however often it was sent.

    said, came: messages by the trailers of those that say, and in these. differing: those whose counts or
    trailers do not fit; examples: the first message of the first of them.
    """

    feed: str
    batches: int
    telling: int
    said: int
    came: int
    differing: int
    examples: Sequence[int] = ()


class Reckoning:
    """Figures from the journal behind a read-only connection, optionally of one feed or practice only."""

    def __init__(self, connection: sqlite3.Connection, *, feed: str = "", practice: str = "") -> None:
        self._connection = connection
        self._feed = feed
        self._practice = practice

    @contextmanager
    def moment(self) -> Iterator[Reckoning]:
        """All that is read in this context is of one moment."""
        self._connection.execute("BEGIN")
        try:
            yield self
        finally:
            self._connection.execute("COMMIT")

    def fates(self, since: int, until: int) -> Sequence[Fated]:
        """What became of each message received from `since` to before `until`."""
        question = f"SELECT feed, type, {_FATE}, count(*), min(received) FROM f GROUP BY 1, 2, 3"  # noqa: S608
        rows = self._connection.execute(self._with_fates() + question, self._values(since, until))
        return [Fated(*row) for row in rows]

    def unaccounted(self, since: int, until: int, limit: int) -> Sequence[int]:
        """The ids of messages that have no fate, oldest first, at most so many."""
        question = f"SELECT id FROM f WHERE {_FATE}='unaccounted' ORDER BY id LIMIT :limit"  # noqa: S608
        values = {**self._values(since, until), "limit": limit}
        return [id_ for (id_,) in self._connection.execute(self._with_fates() + question, values)]

    def missing(self, since: int, until: int) -> Sequence[tuple[int, int]]:
        """Ids that the journal gave out and has no row for, from and to, among those of this time.

        Ids have no gaps, so that each is a message that has been lost from the record. Before the oldest row
        and behind the newest nothing is known to be missing.
        """
        # From the last one before to the first one after, so that none is missed at the ends.
        bounds = self._connection.execute(
            "SELECT min(id), max(id) FROM ("
            " SELECT min(id) AS id FROM message WHERE received>=:since AND received<:until"
            " UNION ALL SELECT max(id) FROM message WHERE received>=:since AND received<:until"
            " UNION ALL SELECT * FROM"
            " (SELECT id FROM message WHERE received<:since ORDER BY received DESC LIMIT 1)"
            " UNION ALL SELECT * FROM"
            " (SELECT id FROM message WHERE received>=:until ORDER BY received LIMIT 1))",
            {"since": since, "until": until},
        ).fetchone()
        if bounds[0] is None:
            return ()
        (rows,) = self._connection.execute(
            "SELECT count(*) FROM message WHERE id BETWEEN ? AND ?", bounds
        ).fetchone()
        if rows == bounds[1] - bounds[0] + 1:
            return ()
        return self._connection.execute(
            "SELECT before+1, id-1 FROM (SELECT id, lag(id) OVER (ORDER BY id) AS before FROM message"
            " WHERE id BETWEEN ? AND ?) WHERE id > before+1",
            bounds,
        ).fetchall()

    def refused(self, since: int, until: int) -> dict[str, int]:
        """How often each feed brought what could not be accepted; kept as evidence, not accepted."""
        rows = self._connection.execute(
            f"SELECT m.feed, count(*) FROM message m WHERE {_IN_TIME} AND m.state='refused'"  # noqa: S608
            f" {self._only('m.id')} GROUP BY 1",
            self._values(since, until),
        )
        return dict(rows.fetchall())

    def copies(self, since: int, until: int) -> Sequence[Copies]:
        """Where the copies of the messages of this time are."""
        practice = "AND d.address=:practice" if self._practice else ""
        feed = "AND m.feed=:feed" if self._feed else ""
        rows = self._connection.execute(
            "SELECT m.feed, m.type, d.channel, d.address, d.state, count(*), min(m.received)"  # noqa: S608
            " FROM message m CROSS JOIN delivery d ON d.message=m.id"
            f" WHERE {_IN_TIME} {feed} {practice} GROUP BY 1, 2, 3, 4, 5",
            self._values(since, until),
        )
        return [Copies(*row) for row in rows]

    def open_before(self, before: int) -> Sequence[Leftover]:
        """What came in earlier and is not settled yet."""
        found = []
        for fate in FATES:
            if fate in _OPEN_BEFORE:
                row = self._connection.execute(_OPEN_BEFORE[fate], {"before": before}).fetchone()
                found.append(Leftover(fate, row[0], row[1] or 0))
        return [one for one in found if one.count]

    def arrived(self, since: int, until: int) -> Sequence[Arrived]:
        """How many messages each feed brought in each half hour in which it brought some."""
        feed = "AND m.feed=:feed" if self._feed else ""
        rows = self._connection.execute(
            f"SELECT m.feed, m.received / {HALF_HOUR} * {HALF_HOUR}, count(*) FROM message m"  # noqa: S608
            f" WHERE {_IN_TIME} AND m.state<>'refused' {feed} GROUP BY 1, 2 ORDER BY 1, 2",
            self._values(since, until),
        )
        return [Arrived(*row) for row in rows]

    def heads(self, since: int, until: int) -> Iterator[tuple[str, bytes]]:
        """The feed and the first bytes of each message of this time that is no duplicate, in the order of
        arrival: for what stands in MSH. Reads every message, so that it takes long for many: by and by, and
        those alone that are there when it begins."""
        feed = "AND m.feed=:feed" if self._feed else ""
        question = (
            f"SELECT m.id, m.feed, CAST(substr(b.bytes, 1, {HEAD}) AS BLOB) FROM message m"  # noqa: S608
            f" CROSS JOIN body b ON b.id=m.body WHERE {_IN_TIME}"
            f" AND m.state NOT IN ('refused', 'duplicate') {feed} ORDER BY m.id LIMIT {SLICE}"
        )
        values = self._values(since, until)
        while rows := self._connection.execute(question, values).fetchall():
            for _, name, head in rows:
                yield name, head
            values["low"] = rows[-1][0] + 1

    def batches(self, since: int, until: int) -> Sequence[Batches]:
        """What the trailers of batches say, by feed. A journal from before format 10 does not know."""
        if self._practice or format_of(self._connection) < _BATCHES:
            return ()
        feed = "AND m.feed=:feed" if self._feed else ""
        rows = self._connection.execute(
            "SELECT m.feed, count(*), count(b.said), coalesce(sum(b.said), 0),"  # noqa: S608
            " coalesce(sum(CASE WHEN b.said IS NOT NULL THEN b.came END), 0), sum(b.problems <> ''),"
            " json_group_array(b.message) FILTER (WHERE b.problems <> '') FROM batch b"
            f" CROSS JOIN message m ON m.id=b.message WHERE {_IN_TIME} AND m.state<>'duplicate' {feed}"
            " AND b.message BETWEEN :low AND :high GROUP BY 1 ORDER BY 1",
            self._values(since, until),
        )
        return [
            Batches(name, batches, telling, said, came, differing, tuple(json.loads(ids)[:EXAMPLES]))
            for name, batches, telling, said, came, differing, ids in rows
        ]

    def first(self) -> int:
        """When the oldest message came in, or 0."""
        return int(self._connection.execute("SELECT coalesce(min(received), 0) FROM message").fetchone()[0])

    def _with_fates(self) -> str:
        return _WITH_FATES.format(only=self._only("m.id")) + " "

    def _only(self, id_: str) -> str:
        words = "AND m.feed=:feed" if self._feed else ""
        if self._practice:
            words += f" AND {id_} IN (SELECT message FROM delivery WHERE address=:practice AND address <> '')"  # noqa: S608
        return words

    def _values(self, since: int, until: int) -> dict[str, int | str | None]:
        """The bounds, also as ids: rows in order of their ids lie beside each other on the disk."""
        low, high = self._connection.execute(
            "SELECT min(id), max(id) FROM message WHERE received>=? AND received<?", (since, until)
        ).fetchone()
        values: dict[str, int | str | None] = {"low": low, "high": high, "since": since, "until": until}
        if self._feed:
            values["feed"] = self._feed
        if self._practice:
            values["practice"] = self._practice
        return values
