"""Reads the journal for commands and the console: finds messages, tells their story, adds up the balance.

Opens the database read-only, while the engine runs or while it is stopped; never writes, never takes the
lock, never waits for the engine. Use one reader from one thread at a time.
"""

from __future__ import annotations

import json
from collections import defaultdict
from collections.abc import Collection, Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path
from types import TracebackType
from typing import TYPE_CHECKING, Any

from engine.journal.answers import (
    DeadlineShown,
    DeliveryShown,
    EventShown,
    HeldShown,
    MessageShown,
    MessageStory,
    SaidShown,
)
from engine.journal.parts import RoutePart
from engine.journal.schema import JournalMissing, format_of, open_reading

if TYPE_CHECKING:  # what only some commands read is imported when it is asked for
    from engine.journal import returns, stuck
    from engine.journal.balance import Balance
    from engine.journal.chain import Verified
    from engine.journal.earlier import EarlierCopy
    from engine.journal.entries import Tallies
    from engine.journal.past import PastTraffic, Stretch
    from engine.journal.reckoning import Reckoning

__all__ = ["JournalMissing", "JournalReader"]

_MESSAGE = (
    "m.id, m.feed, m.received, m.type, m.version, m.control_id, m.peer, m.size, m.sha256, m.kind, m.state,"
    " m.original, coalesce(m.refused, ''), coalesce(m.verdict, ''), coalesce(m.words, ''), m.rejected,"
    " coalesce((SELECT hash FROM config c WHERE c.id=m.config), ''), coalesce(m.decided, 0)"
)
_DELIVERIES = (
    "SELECT d.id, d.message, d.route, d.channel, d.address, d.state, d.attempts, d.next_try, d.created,"
    " coalesce(d.closed, 0), d.merged, d.parent, d.in_doubt, d.reason, length(b.bytes), d.piece,"
    " d.kind, d.also"
    " FROM delivery d CROSS JOIN message m ON m.id=d.message"
    " CROSS JOIN body b ON b.id=coalesce(d.body, m.body)"
)
_HELD = "SELECT id, route, tray, reason, place, entry, at, state, piece FROM held WHERE message=? ORDER BY id"
# The formats from which on pieces, the texts of configurations, and kinds of copies are recorded.
_PIECES, _CONFIGS, _KINDS, _REPAIRS, _SAID, _CHAIN = 2, 2, 3, 4, 6, 9
_SAYINGS = (
    "SELECT s.delivery, s.at, s.code, s.reason, s.words, s.message, coalesce(m.feed, ''), s.counts"
    " FROM said s LEFT JOIN message m ON m.id=s.message"
    " WHERE s.delivery IN (SELECT value FROM json_each(?)) ORDER BY s.id"
)
_DEADLINES = (
    "SELECT delivery, proof, due, channel, address, coalesce(ending, '') FROM deadline"
    " WHERE delivery IN (SELECT value FROM json_each(?)) ORDER BY delivery"
)

_TYPES = (
    "WITH RECURSIVE t(type) AS (SELECT (SELECT min(type) FROM message WHERE type>=:first)"
    " UNION ALL SELECT (SELECT min(type) FROM message WHERE type>t.type) FROM t WHERE t.type<:high)"
    " SELECT type FROM t WHERE type=:first OR (type>=:low AND type<:high)"
)
# The first 24 bits of a fingerprint are of the control id, which repeats of a message share.
_REPEATS = (
    "SELECT id FROM message WHERE fingerprint BETWEEN"
    " (SELECT fingerprint >> 40 << 40 FROM message WHERE id=?)"
    " AND (SELECT (fingerprint >> 40 << 40) + (1 << 40) - 1 FROM message WHERE id=?)"
    " AND control_id=? AND original=? ORDER BY id DESC LIMIT 100"
)


class JournalReader:
    """Read-only access to the journal in a data folder. Raises JournalMissing where there is none."""

    def __init__(self, folder: Path) -> None:
        self._connection = open_reading(folder)
        self._format = format_of(self._connection)
        deliveries = self._since(_KINDS, _DELIVERIES, "d.kind, d.also", "'', ''")
        self._deliveries = self._since(_PIECES, deliveries, "d.piece", "''")
        self._held = self._since(_PIECES, _HELD, "state, piece", "state, ''")

    def __enter__(self) -> JournalReader:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    def close(self) -> None:
        """Let the database go. Nothing can be read afterwards."""
        self._connection.close()

    def find(
        self,
        *,
        id: int | str = 0,  # noqa: A002 - the field's own word, and always given by name
        control_id: str = "",
        nhs_number: str = "",
        type: str = "",  # noqa: A002
        feed: str = "",
        address: str = "",
        channel: str = "",
        state: str = "",
        since: int = 0,
        until: int = 0,
        before: int = 0,
        limit: int = 50,
    ) -> tuple[MessageShown, ...]:
        """Messages to which all that is given applies, newest first.

        id: a number, or as a person types it ("#123"). type: `ORU^R01` or `ORU`. address: a practice's.
        state: a message's or a delivery's, also `held`, `conflict`, `rejected`. since, until: when it was
        received. before: only ids below, to read on. Raises ValueError for an unknown state.
        """
        from engine.journal.search import Search

        search = Search()
        if id:
            search.add("m.id=?", _number(id))
        if control_id:
            search.control_id(control_id)
        if nhs_number:
            search.key("nhs_number", nhs_number.replace(" ", ""))
        search.address(address, channel)
        if state:
            search.state(state)
        with self._moment():
            # One index holds all types: newest first is cheap for one of them, and not for all that begin so.
            apart = type and "^" not in type and not search.conditions
            searches = []
            for kind in self._types(type) if apart else (type,):
                one = search.copy()
                one.kind_of_message(kind, feed, whole=bool(apart))
                one.time(since, until)
                if before:
                    one.add("m.id<?", before)
                searches.append(one)
            found = [message for one in searches for message in self._messages(*one.sql(_MESSAGE, limit))]
        return tuple(sorted(found, key=lambda message: -message.id)[:limit])

    def recent(self, after_id: int = 0, limit: int = 50) -> tuple[MessageShown, ...]:
        """The messages behind `after_id`, oldest first: for a list that follows what comes in."""
        question = f"SELECT {_MESSAGE} FROM message m WHERE m.id>? ORDER BY m.id LIMIT ?"  # noqa: S608
        with self._moment():
            return self._messages(question, (after_id, limit))

    def last_id(self) -> int:
        """The newest message's id, or 0."""
        return int(self._one("SELECT coalesce(max(id), 0) FROM message")[0])

    def show(self, message_id: int | str) -> MessageStory | None:
        """Everything about one message, or None where there is no such message."""
        id_ = _number(message_id)
        ask = self._connection.execute
        with self._moment():
            found = self._messages(f"SELECT {_MESSAGE} FROM message m WHERE m.id=?", (id_,))  # noqa: S608
            if not found:
                return None
            body, envelope, keys = self._one(
                "SELECT b.bytes, m.envelope, m.keys FROM message m"
                " CROSS JOIN body b ON b.id=m.body WHERE m.id=?",
                id_,
            )
            events = ask(
                "SELECT e.id, e.delivery, e.kind, e.at, e.detail, coalesce(c.hash, '') FROM event e"
                " LEFT JOIN config c ON c.id=e.config WHERE e.message=? ORDER BY e.id",
                (id_,),
            ).fetchall()
            parts = ask("SELECT route, outcome, detail FROM part WHERE message=? ORDER BY number", (id_,))
            held = ask(self._held, (id_,))
            findings = ask("SELECT words FROM finding WHERE message=? ORDER BY number", (id_,))
            return MessageStory(
                found[0],
                body,
                envelope or b"",
                tuple(EventShown(*row) for row in events),
                found[0].copies,
                tuple(RoutePart(*row) for row in parts),
                tuple(_held(row) for row in held),
                tuple(words for (words,) in findings),
                tuple((kind, value) for kind, value in json.loads(keys or "[]")),
                tuple(self._repeats(found[0])),
                self._deadlines([copy.id for copy in found[0].copies]),
                self._said([copy.id for copy in found[0].copies]),
                self._answers(events),
            )

    def body(self, message_id: int) -> bytes | None:
        """The bytes as they came in (a duplicate's are its original's), or None: no such message."""
        row = self._connection.execute(
            "SELECT b.bytes FROM message m CROSS JOIN body b ON b.id=m.body WHERE m.id=?", (message_id,)
        ).fetchone()
        return row[0] if row else None

    def delivery(self, delivery_id: int) -> DeliveryShown | None:
        """One delivery, or None."""
        with self._moment():
            rows = self._connection.execute(f"{self._deliveries} WHERE d.id=?", (delivery_id,)).fetchall()
        return _delivery(rows[0]) if rows else None

    def delivery_body(self, delivery_id: int) -> bytes | None:
        """The bytes that go out, or went out, or None: no such delivery."""
        row = self._connection.execute(
            "SELECT b.bytes FROM delivery d CROSS JOIN message m ON m.id=d.message"
            " CROSS JOIN body b ON b.id=coalesce(d.body, m.body) WHERE d.id=?",
            (delivery_id,),
        ).fetchone()
        return row[0] if row else None

    def balance(self) -> Balance:
        """The sums of conservation, recounted from the rows. Takes seconds for millions of messages."""
        from engine.journal.balance import balance

        with self._moment():
            return balance(self._connection)

    def earlier_copies(self, digests: Collection[str], before: int) -> Mapping[str, list[EarlierCopy]]:
        """The copies of messages older than `before` that were recorded with one of these digests."""
        from engine.journal.earlier import earlier_copies

        return earlier_copies(self._connection, digests, before)

    def known_of(self, message_id: int) -> str:
        """What this message's decision was told of earlier versions, as `earlier.read_known` reads it."""
        if self._format < _KINDS:
            return ""
        row = self._one("SELECT coalesce(known, '') FROM message WHERE id=?", message_id)
        return str(row[0]) if row else ""

    def tallies(self) -> Tallies:
        """The counters, kept with every commit: the same sums at no cost, by (scope, name, state).

        Scopes: `feed` (accepted, waiting, decided, held, duplicate, refused; conflict and rejected are
        counted beside), `route` (entered and the outcomes), `rule` (not wanted, by route and rule),
        `channel` (made and the states), `tray` (held), `journal`.
        """
        from engine.journal.balance import tallies

        return tallies(self._connection)

    def recount(self) -> Tallies:
        """What `tallies` should be, counted from the rows: the two differ only where something is wrong."""
        from engine.journal.balance import recount

        with self._moment():
            return recount(self._connection)

    def config_digests(self, hash_: str) -> Mapping[str, bytes]:
        """What each text of a configuration is known by (`configs.digest_of`), by path; empty where it was
        not kept: an unknown hash, or one from before the journal kept them."""
        from engine.journal.configs import read_digests

        return read_digests(self._connection, hash_) if self._format >= _CONFIGS else {}

    def config_sources(self, hash_: str, only: Collection[str] | None = None) -> Mapping[str, str]:
        """The texts of a configuration by path within the site, or those of the paths `only`; empty where it
        was not kept."""
        from engine.journal.configs import read_sources

        return read_sources(self._connection, hash_, only) if self._format >= _CONFIGS else {}

    def trays(self) -> list[stuck.TrayShown]:
        """The trays in which something waits."""
        from engine.journal import stuck

        return stuck.trays(self._connection)

    def held_parts(self, *, tray: str = "", messages: Sequence[int] = ()) -> list[stuck.HeldFound]:
        """What waits in a tray, or of these messages; oldest first, without content."""
        from engine.journal import stuck

        known = self._format >= _REPAIRS
        return stuck.held_parts(self._connection, tray=tray, messages=messages, parts=known)

    def parked(
        self, *, channel: str = "", address: str = "", messages: Sequence[int] = ()
    ) -> list[stuck.CopyFound]:
        """Parked copies, oldest first."""
        from engine.journal import stuck

        known = self._format >= _KINDS
        return stuck.parked(
            self._connection, channel=channel, address=address, messages=messages, kinds=known
        )

    def parked_groups(self) -> list[stuck.ParkedGroup]:
        """What is parked, or was refused by its recipient, by channel, address and reason."""
        from engine.journal import stuck

        return stuck.parked_groups(self._connection)

    def returned(
        self, *, channel: str = "", address: str = "", message: int = 0
    ) -> list[returns.ReturnedFound]:
        """What its recipients sent back, and nobody has dealt with; oldest first."""
        from engine.journal import returns

        if self._format < _SAID:
            return []
        return returns.returned(self._connection, channel=channel, address=address, message=message)

    def bodies_of_patient(self, message: int) -> Sequence[tuple[int, str, bytes]]:
        """This message, and later ones of its patient, newest first: id, feed, and bytes."""
        from engine.journal import returns

        return returns.bodies_of_patient(self._connection, message)

    def audit(
        self, *, message: int = 0, since: int = 0, until: int = 0, limit: int = 1000
    ) -> list[stuck.AuditShown]:
        """The newest lines of the audit, the oldest of them first."""
        if self._format < _REPAIRS:
            return []
        if message and not self._one("SELECT 1 FROM audit WHERE message=? LIMIT 1", message):
            return []  # as with most messages
        from engine.journal import stuck

        return stuck.audit(self._connection, message=message, since=since, until=until, limit=limit)

    def verify_audit(self, head: str = "") -> Verified:
        """Whether the audit is as it was written: see engine.journal.chain."""
        from engine.journal.chain import Verified, verify

        if self._format < _REPAIRS:
            return Verified(0, 0, "")
        return verify(self._connection, head, chained=self._format >= _CHAIN)

    def past(self, stretch: Stretch) -> PastTraffic:
        """What was decided in a stretch of time, to be gone through message by message."""
        from engine.journal.past import PastTraffic

        return PastTraffic(
            self._connection, stretch, pieces=self._format >= _PIECES, known=self._format >= _KINDS
        )

    def reckoning(self, *, feed: str = "", practice: str = "") -> Reckoning:
        """The figures of a reconciliation; of one feed or practice, where it is given."""
        from engine.journal.reckoning import Reckoning

        return Reckoning(self._connection, feed=feed, practice=practice)

    def _since(self, format_: int, question: str, column: str, instead: str) -> str:
        """A question as it is put to this journal: with `instead`, where it is too old to have the column."""
        return question if self._format >= format_ else question.replace(column, instead)

    @contextmanager
    def _moment(self) -> Iterator[None]:
        """One short read transaction: all that is read in it is of the same moment."""
        self._connection.execute("BEGIN")
        try:
            yield
        finally:
            self._connection.execute("COMMIT")

    def _messages(self, question: str, values: Sequence[Any]) -> tuple[MessageShown, ...]:
        rows = self._connection.execute(question, values).fetchall()
        copies = self._copies([row[0] for row in rows])
        return tuple(_message(row, copies.get(row[0], ())) for row in rows)

    def _copies(self, ids: Sequence[int]) -> dict[int, tuple[DeliveryShown, ...]]:
        rows = self._connection.execute(
            f"{self._deliveries} WHERE d.message IN (SELECT value FROM json_each(?)) ORDER BY d.id",  # noqa: S608
            (json.dumps(ids),),
        )
        found: defaultdict[int, list[DeliveryShown]] = defaultdict(list)
        for row in rows:
            found[row[1]].append(_delivery(row))
        return {id_: tuple(copies) for id_, copies in found.items()}

    def _types(self, first: str) -> list[str]:
        """The types with this first component that there are: a step in the index for each."""
        values = {"first": first, "low": f"{first}^", "high": f"{first}_"}  # "_" comes directly behind "^"
        return [kind for (kind,) in self._connection.execute(_TYPES, values)]

    def _deadlines(self, deliveries: Sequence[int]) -> tuple[DeadlineShown, ...]:
        if not deliveries or self._format < _KINDS:
            return ()
        rows = self._connection.execute(_DEADLINES, (json.dumps(deliveries),))
        return tuple(DeadlineShown(*row) for row in rows)

    def _said(self, deliveries: Sequence[int]) -> tuple[SaidShown, ...]:
        if not deliveries or self._format < _SAID:
            return ()
        rows = self._connection.execute(_SAYINGS, (json.dumps(deliveries),))
        return tuple(SaidShown(*row) for row in rows)

    def _answers(self, events: Sequence[Sequence[Any]]) -> tuple[int, int]:
        """The copy that a reply speaks of, and its message, by the reply's own events."""
        copy = next((row[1] for row in events if row[2] == "answer"), 0)
        found = self._one("SELECT message FROM delivery WHERE id=?", copy) if copy else None
        return (copy, found[0]) if found else (0, 0)

    def _repeats(self, message: MessageShown) -> Iterator[int]:
        """Duplicates and conflicts of this message: they share its control id."""
        rows = self._connection.execute(_REPEATS, (message.id, message.id, message.control_id, message.id))
        for (id_,) in rows:
            yield id_

    def _one(self, question: str, *values: Any) -> Any:
        return self._connection.execute(question, values).fetchone()


def _number(id_: int | str) -> int:
    """A message's id as a person types it. What is no number is no message's id."""
    text = str(id_).strip().lstrip("#").replace(",", "")
    return int(text) if text.isascii() and text.isdigit() and len(text) < 19 else 0


def _message(row: Sequence[Any], copies: tuple[DeliveryShown, ...]) -> MessageShown:
    values: tuple[Any, ...] = (*row[:15], bool(row[15]), *row[16:], copies)
    return MessageShown(*values)


def _held(row: Sequence[Any]) -> HeldShown:
    values: tuple[Any, ...] = (*row[:5], bool(row[5]), *row[6:])
    return HeldShown(*values)


def _delivery(row: Sequence[Any]) -> DeliveryShown:
    values: tuple[Any, ...] = (*row[:12], bool(row[12]), *row[13:])
    return DeliveryShown(*values)
