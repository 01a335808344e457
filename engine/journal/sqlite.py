"""The journal in SQLite: opens it, owns it, and offers the contract's calls to the event loop.

Knows the threads (one writer, one checkpoint, one reader) and nothing of what the rows mean. Measured
on the 2-core machine of DESIGN.md: see `bench/` and the tests for figures.
"""

from __future__ import annotations

import asyncio
import contextlib
import sqlite3
import sys
from collections.abc import Callable, Collection, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from time import time_ns
from typing import TypeVar

from engine.crash_points import ARMED, reach
from engine.journal import earlier, outbox
from engine.journal.changes import put_claims_back
from engine.journal.configs import digest_of, known_texts, pack, read_digests
from engine.journal.contract import JournalBroken, JournalFull, Trouble
from engine.journal.damage import Damage, JournalDamaged, find_damage, set_aside
from engine.journal.deadlines import Look, Overdue, awaiting, next_deadline
from engine.journal.earlier import EarlierCopy
from engine.journal.entries import Counters, Entries
from engine.journal.jobs import AnswerJob, ChangeJob, KeepJob, OverdueJob, RecordJob, RepairJob
from engine.journal.ownership import JournalOwned, Ownership
from engine.journal.records import (
    Arrival,
    Changed,
    Decided,
    DeliveryRow,
    Lane,
    Stored,
    Waiting,
)
from engine.journal.repairs import Applied, Repair
from engine.journal.schema import open_reading, open_writing
from engine.journal.told import AnswerTold
from engine.journal.troubles import trouble
from engine.journal.writer import OnTrouble, Writer

__all__ = ["JournalBroken", "JournalDamaged", "JournalFull", "JournalOwned", "SqliteJournal"]

T = TypeVar("T")

# Seconds for which a thread may keep Python's interpreter lock while another wants it. A commit takes the
# lock back some 15 times. With an event loop that never rests and one message in flight, the 99th
# percentile from `append` to its callback is 151 ms at Python's default of 5 ms, and 13 ms at this.
SWITCH_INTERVAL = 0.0001


class SqliteJournal:
    """The durable record (see `engine.journal.contract.Journal`). All calls belong to one event loop."""

    def __init__(
        self, ownership: Ownership, writer: Writer, reader: sqlite3.Connection, recovered: int
    ) -> None:
        self.recovered = recovered  # deliveries found claimed at start-up and put back, in doubt
        self.on_passed_on: Callable[[Sequence[AnswerTold]], None] | None = None
        """Told of copies that were refused on their own connection, and of those made in their place."""
        self._ownership = ownership
        self._writer = writer
        self._reader = reader
        self._reading = ThreadPoolExecutor(1, "journal-reader")
        self._loop = asyncio.get_running_loop
        self._closed = False

    @classmethod
    def open(
        cls,
        folder: Path,
        *,
        loop: asyncio.AbstractEventLoop,
        on_trouble: OnTrouble | None = None,
        accept_damage: bool = False,
    ) -> SqliteJournal:
        """Take the journal in `folder`, which is created where it is not there, and start its threads.

        `on_trouble(kind, words)` is called on the loop: `full` and `recovered` (one each for an episode),
        `unstorable` (one message could not be written), `broken` (the process must stop and be started
        again), and `damaged` where accept_damage had it go on with what is whole. Raises JournalDamaged where
        its log has lost something that was committed, JournalOwned where another process has it,
        JournalBroken where it cannot be read or written (SchemaTooNew for a later version's), JournalFull
        where the disk has no room for it.
        """
        folder.mkdir(parents=True, exist_ok=True, mode=0o700)
        ownership = Ownership.take(folder)
        with contextlib.ExitStack() as undo:
            undo.callback(ownership.release)
            try:
                damage = find_damage(folder)
                if damage is not None:
                    _go_on(damage, on_trouble, accept=accept_damage)
                connection = open_writing(folder)
                undo.callback(connection.close)
                recovered = _recover(connection)
                checkpoint = open_writing(folder)
                undo.callback(checkpoint.close)
                reader = open_reading(folder)
                undo.callback(reader.close)
                writer = Writer(folder, connection, checkpoint, loop, on_trouble)
            except sqlite3.Error as error:
                name = getattr(error, "sqlite_errorname", "unknown")
                found = trouble(error) or JournalBroken(f"the journal in {folder} cannot be opened ({name})")
                raise found from error
            undo.pop_all()
        sys.setswitchinterval(min(sys.getswitchinterval(), SWITCH_INTERVAL))
        writer.start()
        return cls(ownership, writer, reader, recovered)

    async def close(self) -> None:
        """Write what is queued, end the threads and give the journal back. Later calls are refused."""
        self._closed = True
        await self._writer.close()
        self._reading.shutdown(wait=True)
        self._reader.close()
        self._ownership.release()

    def append(self, arrival: Arrival, done: Callable[[Stored | Trouble], None]) -> None:
        """Store an arrival with the next group commit; `done` hears of it after the fsync."""
        self._writer.append(arrival, done)

    async def record(self, decisions: Sequence[Decided]) -> Sequence[Sequence[DeliveryRow]]:
        """Record decisions. For each, the new delivery rows with their bodies; none where it was decided
        before. Raises JournalBroken; waits while the disk is full."""
        if not decisions:
            return []
        job = RecordJob(decisions, self._loop())
        self._writer.submit(job)
        return await job.future

    async def answer(self, decisions: Sequence[Decided]) -> Sequence[AnswerTold]:
        """Record messages that are replies, each in one commit with what it changes; what each came to.
        Raises JournalBroken; waits while the disk is full."""
        if not decisions:
            return ()
        job = AnswerJob(decisions, self._loop())
        self._writer.submit(job)
        return await job.future

    async def keep_config(self, hash_: str, sources: Mapping[str, str]) -> None:
        """Keep the texts of a configuration, so that its decisions can be explained and compared later.
        What is kept already costs nothing. Raises JournalBroken; waits while the disk is full."""
        if await self._read(read_digests, hash_):
            return
        loop = self._loop()
        digests = {path: await loop.run_in_executor(None, digest_of, text) for path, text in sources.items()}
        known = await self._read(known_texts)
        job = KeepJob(await loop.run_in_executor(None, pack, hash_, digests, sources, known), loop)
        self._writer.submit(job)
        await job.future

    async def change(self, changes: Sequence[Changed]) -> None:
        """Record state changes; those that may not follow the present state are ignored."""
        await self.claim(changes)

    async def claim(self, changes: Sequence[Changed]) -> frozenset[int]:
        """As `change`, and says of which deliveries the change took place: a delivery that was withdrawn
        meanwhile is not among them and must not be sent."""
        if not changes:
            return frozenset()
        job = ChangeJob(changes, self._loop())
        self._writer.submit(job)
        taken = await job.future
        if job.passed_on and self.on_passed_on is not None:
            self.on_passed_on(job.passed_on)
        return taken

    async def next_deadline(self) -> int:
        """When the next proof that is still awaited is due, or 0 where none is."""
        return await self._read(next_deadline)

    async def carry_out_deadlines(self, look: Look) -> Sequence[Overdue]:
        """Look at the deadlines that are due, each in one commit with all that it asks for: see Look. Empty
        where none was due. Raises JournalBroken; waits while the disk is full."""
        job = OverdueJob(look, self._loop())
        self._writer.submit(job)
        return await job.future

    async def repair(self, actions: Sequence[Repair]) -> Sequence[Applied]:
        """Record what a person did, each action with its audit line in one commit; what became of each."""
        if not actions:
            return ()
        job = RepairJob(actions, self._loop())
        self._writer.submit(job)
        return await job.future

    async def look(self, question: Callable[..., T], *values: object) -> T:
        """Put one of the questions of `engine.journal.stuck` or `configs`, off the loop's thread."""
        return await self._read(question, *values)

    async def waiting(self, after: int, limit: int, max_bytes: int) -> Sequence[Waiting]:
        """Messages waiting for a decision with id > after, in id order."""
        return await self._read(outbox.waiting, after, limit, max_bytes)

    async def lanes(self) -> Sequence[Lane]:
        """All lanes that have open deliveries."""
        return await self._read(outbox.lanes)

    async def open_deliveries(
        self, channel: str, address: str, after: int, limit: int, max_bytes: int
    ) -> Sequence[DeliveryRow]:
        """Open deliveries of one lane with id > after, in id order."""
        return await self._read(outbox.open_deliveries, channel, address, after, limit, max_bytes)

    async def deliveries(self, ids: Sequence[int]) -> Sequence[DeliveryRow]:
        """These deliveries, whatever their state, in the given order."""
        return await self._read(outbox.deliveries, ids)

    async def earlier_copies(self, digests: Collection[str], before: int) -> Mapping[str, list[EarlierCopy]]:
        """The copies of messages older than `before` that were recorded with one of these digests."""
        return await self._read(earlier.earlier_copies, digests, before)

    async def held(self, feed: str) -> int:
        """How many parts of this feed's messages lie in trays."""
        return await self._read(outbox.held, feed)

    async def awaiting(self, channels: Sequence[str] = ()) -> dict[str, int]:
        """By channel (all of them, where none are named), how many open deadlines would fall back to it."""
        return await self._read(awaiting, channels)

    def tallies(self) -> Mapping[tuple[str, str, str], int]:
        """The counters as the last commit left them, by (scope, name, state); reads no disk."""
        return dict(self._writer.tallies)

    @property
    def commits(self) -> int:
        """Commits made since it was opened."""
        return self._writer.commits

    async def _read(self, question: Callable[..., T], *values: object) -> T:
        if self._closed:
            raise JournalBroken("the journal is closed")
        try:
            return await self._loop().run_in_executor(self._reading, question, self._reader, *values)
        except sqlite3.Error as error:
            name = getattr(error, "sqlite_errorname", "unknown")
            raise trouble(error) or JournalBroken(f"the journal cannot be read ({name})") from error


def _go_on(damage: Damage, on_trouble: OnTrouble | None, *, accept: bool) -> None:
    """Set the damaged log aside, where a person has accepted that; else refuse."""
    if not accept:
        raise JournalDamaged(damage)
    kept = set_aside(damage)
    if on_trouble is not None:
        on_trouble("damaged", f"{damage.what}, at byte {damage.place}; {damage.lost}; kept as {kept.name}")


def _recover(connection: sqlite3.Connection) -> int:
    """Make good what a crash left. Gives the number of deliveries put back.

    The log is copied into the database file and begun anew before anything is accepted: after a failed
    fsync its last pages may be in memory only, and commits behind them would be lost with them.
    """
    connection.execute("PRAGMA wal_checkpoint(TRUNCATE)")
    if ARMED:
        reach("start.copied")
    entries = Entries(Counters(connection))
    connection.execute("BEGIN IMMEDIATE")
    recovered = put_claims_back(connection, entries, time_ns() // 1000)
    if recovered:
        entries.write(connection)
        if ARMED:
            reach("start.written")
    connection.execute("COMMIT")
    if ARMED and recovered:
        reach("start.committed")
    return recovered
