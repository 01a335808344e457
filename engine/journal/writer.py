"""The journal's one writer: a thread that makes commits, shared by intake, decisions and state changes.

Knows when to commit, whom to tell, and what to do when the disk says no. Does not know what the rows
mean. The order in each commit: arrivals first, all that wait; then background work for about 1 ms, or
longer while nothing arrives. Nobody is told anything before the commit's fsync has returned; then one
call into the event loop tells them all, in order.

Trouble: a full disk rolls the commit back; its arrivals are refused, background work is kept, and the
disk is tried again with growing pauses. An I/O error ends the writer for good: an fsync is never
repeated. Any other error is one bad item's: all are tried singly, so that only that one is refused.
"""

from __future__ import annotations

import asyncio
import contextlib
import os
import sqlite3
import threading
from collections import deque
from collections.abc import Callable, Sequence
from pathlib import Path
from time import monotonic, perf_counter

from engine.crash_points import ARMED, reach
from engine.journal.arrivals import store
from engine.journal.checkpoint import Checkpoints
from engine.journal.contract import JournalBroken, JournalFull, Trouble
from engine.journal.entries import Counters, Entries
from engine.journal.jobs import Commit, Job
from engine.journal.records import Arrival, Stored
from engine.journal.troubles import trouble

__all__ = ["OnTrouble", "Writer"]

OnTrouble = Callable[[str, str], None]
Done = Callable[[Stored | Trouble], None]
Told = tuple[Callable[..., None], object]

_ARRIVALS = 512  # at most, in one commit
_BYTES = 16 * 1024 * 1024
_GATHER = 0.002  # seconds after a commit in which background work alone waits for company
_SLICE = 0.001  # seconds of background work in a commit while arrivals wait
_FIRST_PAUSE, _LONGEST_PAUSE = 0.1, 2.0  # seconds between two tries of a full disk
_ENOUGH = 1024 * 1024  # bytes free, below which a full disk is not tried again


class Writer:
    """Owns the writing connection. `append`, `submit` and `close` belong to the event loop's thread."""

    def __init__(
        self,
        folder: Path,
        connection: sqlite3.Connection,
        checkpoint_connection: sqlite3.Connection,
        loop: asyncio.AbstractEventLoop,
        on_trouble: OnTrouble | None,
    ) -> None:
        self._folder = folder
        self._connection = connection
        self._loop = loop
        self._on_trouble = on_trouble
        self._checkpoints = Checkpoints(checkpoint_connection, self._broken_elsewhere)
        self._entries = Entries(Counters(connection))
        self._arrivals: deque[tuple[Arrival, Done]] = deque()
        self._jobs: deque[Job] = deque()
        # Released: there may be something to do. A lock, because SimpleQueue.get with a short timeout can
        # wait for ever (CPython computes a negative rest of it after a wake-up that finds nothing).
        self._wake = threading.Lock()
        self._wake.acquire()
        self._sleeping = False  # woken by whatever comes
        self._gathering = False  # woken by an arrival only
        self._closing = False
        self._ended: JournalBroken | None = None
        self._full: JournalFull | None = None
        self._pause = _FIRST_PAUSE
        self._next_try = 0.0
        self.tallies: dict[tuple[str, str, str], int] = {
            (scope, name, state): count
            for scope, name, state, count in connection.execute("SELECT scope, name, state, count FROM tally")
        }
        self.commits = 0
        self._last_commit = 0.0
        self._thread = threading.Thread(target=self._run, name="journal-writer", daemon=True)

    # On the event loop's thread.

    def start(self) -> None:
        self._checkpoints.start()
        self._thread.start()

    def append(self, arrival: Arrival, done: Done) -> None:
        """Queue an arrival for the next commit. Costs about a microsecond."""
        self._arrivals.append((arrival, done))
        if self._sleeping or self._gathering or self._ended:
            self._rouse()

    def submit(self, job: Job) -> None:
        """Queue background work."""
        self._jobs.append(job)
        if self._sleeping or self._ended:
            self._rouse()

    async def close(self) -> None:
        """Write what is queued, copy the log into the database file, and end the threads."""
        self._closing = True
        self._signal()
        await asyncio.to_thread(self._thread.join)
        await asyncio.to_thread(self._checkpoints.close)
        if self._ended is None:
            self._ended = JournalBroken("the journal is closed")
            if ARMED:
                reach("stop.written")
            with contextlib.suppress(sqlite3.Error):  # the log is as durable as the file; it is read at start
                self._connection.execute("PRAGMA wal_checkpoint(TRUNCATE)")
        self._connection.close()
        self._refuse_rest()

    def _rouse(self) -> None:
        self._sleeping = self._gathering = False
        if self._ended:
            self._loop.call_soon(self._refuse_rest)
        else:
            self._signal()

    def _signal(self) -> None:
        """Wake the writer, or have its next sleep end at once."""
        with contextlib.suppress(RuntimeError):  # it is released already: signalled, and not yet seen
            self._wake.release()

    def _refuse_rest(self) -> None:
        """Nobody writes any more: tell everyone who waits, or comes later."""
        ended = self._ended or JournalBroken("the journal is closed")
        told: list[Told] = []
        with contextlib.suppress(IndexError):
            while True:
                told.append((self._arrivals.popleft()[1], ended))
        with contextlib.suppress(IndexError):
            while True:
                told.append((self._jobs.popleft().settle, ended))
        self._deliver(told)

    def _deliver(self, told: Sequence[Told]) -> None:
        """Call back, in order. One that fails must not keep the others from hearing."""
        for callback, result in told:
            try:
                callback(result)
            except Exception as error:  # noqa: BLE001 - handed to the loop's own handler, which reports it
                self._loop.call_exception_handler(
                    {"message": "a journal callback failed", "exception": error}
                )

    # On the writer's thread.

    def _run(self) -> None:
        try:
            self._make_commits()
        except Exception as error:  # noqa: BLE001 - a writer that died in silence would leave everyone waiting
            self._break(JournalBroken(f"the journal's writer failed ({type(error).__name__})"))

    def _make_commits(self) -> None:
        while self._ended is None:
            if self._full:
                self._wait_for_space()
                continue
            arrivals = self._take()
            if arrivals:
                self._commit(arrivals)
            elif self._jobs:
                if self._may_commit_alone():
                    self._commit(arrivals)
            elif self._closing:
                return
            else:
                self._rest()

    def _rest(self) -> None:
        """Sleep until there is something to do. A needless wake-up is harmless; a missed one is not, so
        the queues are looked at again after saying that we sleep. While the disk is full, only arrivals
        and the time of the next try count."""
        self._sleeping = True
        seconds = max(0.0, self._next_try - monotonic()) if self._full else -1
        if not (self._arrivals or self._closing or self._ended or (self._jobs and not self._full)):
            self._wake.acquire(timeout=seconds)
        self._sleeping = False

    def _may_commit_alone(self) -> bool:
        """Background work by itself waits a moment after the last commit: more work, or an arrival whose
        commit it shares, is mostly on its way, and each commit costs an fsync and two turns of threads."""
        early = self._last_commit + _GATHER - monotonic()
        if early <= 0 or self._closing or self._ended:
            return True
        self._gathering = True
        if not (self._arrivals or self._closing or self._ended):
            self._wake.acquire(timeout=early)
        self._gathering = False
        return False

    def _take(self) -> list[tuple[Arrival, Done]]:
        """All that wait to be stored, within bounds."""
        taken: list[tuple[Arrival, Done]] = []
        size = 0
        while self._arrivals and len(taken) < _ARRIVALS and size < _BYTES:
            taken.append(self._arrivals.popleft())
            size += len(taken[-1][0].body)
        return taken

    def _commit(self, arrivals: Sequence[tuple[Arrival, Done]]) -> None:
        """One commit, and what follows from its failure."""
        jobs: list[Job] = []
        error = self._attempt(arrivals, jobs)
        if error is None:
            self._pause = _FIRST_PAUSE
            self._look_after_the_log()
            return
        found = trouble(error)
        if found is None:
            self._one_by_one(arrivals, jobs)
            return
        self._jobs.extendleft(reversed(jobs))
        self._suffer(found, [(done, found) for _, done in arrivals])

    def _attempt(
        self,
        arrivals: Sequence[tuple[Arrival, Done]],
        jobs: list[Job],
        only: Sequence[Job] | None = None,
    ) -> Exception | None:
        """Try a commit with these arrivals, and with the jobs `only`, to their end, or else with as much
        background work as fits. What was begun is noted in `jobs`. Gives the error that undid it."""
        connection, entries = self._connection, self._entries
        try:
            connection.execute("BEGIN IMMEDIATE")
            stored = store(connection, entries, [arrival for arrival, _ in arrivals]) if arrivals else []
            commit = Commit(connection, entries)
            finished = self._background(commit, jobs) if only is None else self._wholly(commit, only, jobs)
            commit.changer.finish()
            pages = entries.pages()
            deltas = entries.write(connection)
            if ARMED:
                _written(arrivals, jobs)
            connection.execute("COMMIT")
            if ARMED:
                _committed(arrivals, jobs)
        except Exception as error:  # noqa: BLE001 - classified by the caller; none is passed over
            return self._roll_back(jobs) or error
        self.commits += 1
        self._last_commit = monotonic()
        for key, by in deltas.items():
            self.tallies[key] = self.tallies.get(key, 0) + by
        for job in jobs:
            job.keep()
        if jobs and (not finished or jobs[-1] is not finished[-1]):
            self._jobs.appendleft(jobs[-1])
        told: list[Told] = [(done, result) for (_, done), result in zip(arrivals, stored, strict=True)]
        told.extend((job.settle, None) for job in finished)
        self._tell(told)
        self._checkpoints.wrote(pages)
        return None

    @staticmethod
    def _wholly(commit: Commit, only: Sequence[Job], jobs: list[Job]) -> list[Job]:
        """Do these jobs and no others."""
        for job in only:
            jobs.append(job)
            while not job.step(commit):
                continue
        return jobs

    def _background(self, commit: Commit, jobs: list[Job]) -> list[Job]:
        """Do background work for a slice of time, or to its end while nothing arrives; those finished."""
        finished: list[Job] = []
        until = perf_counter() + _SLICE
        while self._jobs:
            job = self._jobs.popleft()
            jobs.append(job)
            while not job.step(commit):
                if self._arrivals and perf_counter() > until:
                    return finished
            finished.append(job)
            if self._arrivals and perf_counter() > until:
                return finished
        return finished

    def _roll_back(self, jobs: Sequence[Job]) -> JournalBroken | None:
        """Undo a commit, in memory too. Gives an error where even that is not possible."""
        for job in jobs:
            job.forget()
        with contextlib.suppress(sqlite3.Error):  # some errors have rolled back already, or end us anyway
            if self._connection.in_transaction:
                self._connection.execute("ROLLBACK")
        try:
            self._entries = Entries(Counters(self._connection))
        except sqlite3.Error as error:
            return JournalBroken(f"the journal cannot be read ({error.sqlite_errorname})")
        return None

    def _one_by_one(self, arrivals: Sequence[tuple[Arrival, Done]], jobs: Sequence[Job]) -> None:
        """Something in a commit could not be written, and not for want of a disk: find out which, and
        let the others through. What was not tried yet when the disk fails too waits or is refused."""
        for place, (arrival, done) in enumerate(arrivals):
            error = self._attempt([(arrival, done)], [], only=())
            if error is None:
                continue
            if found := trouble(error):
                self._jobs.extendleft(reversed(jobs))
                self._suffer(found, [(other, found) for _, other in arrivals[place:]])
                return
            words = f"a message could not be stored ({type(error).__name__})"
            self._report("unstorable", words)
            self._tell([(done, JournalFull(words))])
        for place, job in enumerate(jobs):
            error = self._attempt([], [], only=[job])
            if error is None:
                continue
            if found := trouble(error):
                self._jobs.extendleft(reversed(jobs[place:]))
                self._suffer(found, [])
                return
            self._tell([(job.settle, error)])

    def _suffer(self, found: Trouble, told: Sequence[Told]) -> None:
        """Refuse this commit's arrivals, and go on as the trouble demands."""
        if isinstance(found, JournalBroken):
            self._break(found, told)
            return
        if self._full is None:
            self._report("full", str(found))
        self._full = found
        self._next_try = monotonic() + self._pause
        self._tell(told)

    def _break(self, broken: JournalBroken, told: Sequence[Told] = ()) -> None:
        """End the writer for good."""
        if self._ended is None:
            self._ended = broken
            self._report("broken", str(broken))
        self._tell(told)
        with contextlib.suppress(RuntimeError):
            self._loop.call_soon_threadsafe(self._refuse_rest)

    def _broken_elsewhere(self, broken: JournalBroken) -> None:
        """On the checkpoint thread: the disk has failed there."""
        self._break(broken)
        self._signal()

    def _wait_for_space(self) -> None:
        """Refuse what arrives, keep background work, and try the disk when its time has come."""
        self._tell([(done, self._full) for _, done in self._take()])
        if self._closing:
            self._ended = JournalBroken("the journal was closed while its disk was full")
            return
        if monotonic() < self._next_try:
            self._rest()
            return
        # Should the disk fill again soon after, the next pause is longer; a good commit resets it.
        self._pause = min(self._pause * 2, _LONGEST_PAUSE)
        self._next_try = monotonic() + self._pause
        error = self._probe()
        if error is None:
            self._full = None
            self._report("recovered", "the journal's disk can be written again")
        elif isinstance(found := trouble(error), JournalBroken):
            self._break(found)

    def _probe(self) -> Exception | None:
        """See whether there is space again, and prove it with a small commit. No checkpoint is made
        here: it would take the space that messages are waiting for."""
        free = os.statvfs(self._folder)
        if free.f_bavail * free.f_frsize < _ENOUGH:
            return JournalFull("the disk that holds the journal is full")
        self._entries.count("journal", "probes", "made")
        return self._attempt([], [], only=())

    def _look_after_the_log(self) -> None:
        if not self._checkpoints.restart_due(quiet=not self._arrivals):
            return
        try:
            self._checkpoints.restart(self._connection)
        except sqlite3.Error as error:
            if found := trouble(error):
                self._suffer(found, [])

    def _tell(self, told: Sequence[Told]) -> None:
        """One call into the event loop for the whole commit."""
        if told:
            with contextlib.suppress(RuntimeError):  # the loop is closed: nobody is left to be told
                self._loop.call_soon_threadsafe(self._deliver, told)

    def _report(self, kind: str, words: str) -> None:
        if self._on_trouble is not None:
            with contextlib.suppress(RuntimeError):
                self._loop.call_soon_threadsafe(self._on_trouble, kind, words)


def _written(arrivals: Sequence[object], jobs: Sequence[Job]) -> None:
    """A commit is written, and its fsync is still to come."""
    if arrivals:
        reach("arrival.written")
    for job in jobs:
        reach(job.written)


def _committed(arrivals: Sequence[object], jobs: Sequence[Job]) -> None:
    """Its fsync has returned, and nobody was told."""
    if arrivals:
        reach("arrival.committed")
    for job in jobs:
        reach(job.committed)
