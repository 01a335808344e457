"""Background work for the journal's writer: batches of decisions, of state changes, deadlines, and
configurations to be kept, each with its future.

Knows how to do a batch in steps inside a commit, and how to forget the steps of one that was rolled
back. Knows nothing of threads.
"""

from __future__ import annotations

import asyncio
import sqlite3
from collections.abc import Sequence
from dataclasses import replace
from typing import Generic, Protocol, TypeVar

from engine.crash_points import Point
from engine.journal.changes import Changer
from engine.journal.configs import Kept
from engine.journal.deadlines import Look, Overdue, carry_out
from engine.journal.decisions import Recorder
from engine.journal.entries import Entries
from engine.journal.onward import pass_on_refused
from engine.journal.records import Changed, Decided, DeliveryRow
from engine.journal.repairs import Applied, Repair, Repairer
from engine.journal.replies import Matcher
from engine.journal.told import AnswerTold

__all__ = ["AnswerJob", "ChangeJob", "Commit", "Job", "KeepJob", "OverdueJob", "RecordJob", "RepairJob"]

T = TypeVar("T")

_SLICE = 16  # decisions, about one millisecond


class Commit:
    """What the jobs of one commit share."""

    def __init__(self, connection: sqlite3.Connection, entries: Entries) -> None:
        self.connection = connection
        self.entries = entries
        self.changer = Changer(connection, entries)
        self.recorder = Recorder(connection, entries, Matcher(connection, entries, self.changer))
        self.repairer = Repairer(connection, entries, self.recorder, self.changer)


class Job(Protocol):
    """A piece of background work. It is done in steps; a commit may fall between two of them.

    written, committed: the crash points before and after the end of a commit that holds a step of it.
    """

    @property
    def written(self) -> Point: ...
    @property
    def committed(self) -> Point: ...

    def step(self, commit: Commit) -> bool:
        """Do the next step inside the open transaction. True where it was the last."""

    def keep(self) -> None:
        """The steps so far are on disk."""

    def forget(self) -> None:
        """The steps since the last `keep` were rolled back."""

    def settle(self, error: Exception | None) -> None:
        """On the event loop's thread: tell the caller."""


class _Future(Generic[T]):
    """The caller's side of a job."""

    def __init__(self, loop: asyncio.AbstractEventLoop) -> None:
        self.future: asyncio.Future[T] = loop.create_future()

    def finish(self, result: T, error: Exception | None) -> None:
        if self.future.done():  # its caller was cancelled; what is recorded stays recorded
            return
        if error is None:
            self.future.set_result(result)
        else:
            self.future.set_exception(error)


class RecordJob(_Future[Sequence[Sequence[DeliveryRow]]]):
    """Records a batch of decisions. Each is recorded wholly or not at all; a long batch may spread over
    several commits while messages wait to be stored."""

    written: Point = "decision.written"
    committed: Point = "decision.committed"

    def __init__(self, decisions: Sequence[Decided], loop: asyncio.AbstractEventLoop) -> None:
        super().__init__(loop)
        self._decisions = decisions
        self._rows: list[Sequence[DeliveryRow]] = []
        self._kept = 0

    def step(self, commit: Commit) -> bool:
        done = len(self._rows)
        self._rows.extend(commit.recorder.record(self._decisions[done : done + _SLICE]))
        return len(self._rows) >= len(self._decisions)

    def keep(self) -> None:
        self._kept = len(self._rows)

    def forget(self) -> None:
        del self._rows[self._kept :]

    def settle(self, error: Exception | None) -> None:
        self.finish(self._rows, error)


class AnswerJob(_Future[Sequence[AnswerTold]]):
    """Records messages that are replies, each wholly or not at all; its result says what each came to. One
    that was recorded before is left out."""

    written: Point = "reply.written"
    committed: Point = "reply.committed"

    def __init__(self, decisions: Sequence[Decided], loop: asyncio.AbstractEventLoop) -> None:
        super().__init__(loop)
        self._decisions = decisions
        self._told: list[AnswerTold] = []
        self._done = self._safe = self._kept = 0

    def step(self, commit: Commit) -> bool:
        following = self._decisions[self._done : self._done + _SLICE]
        for decided, rows in zip(following, commit.recorder.record(following), strict=True):
            told = commit.recorder.told.get(decided.message)
            if told is not None:
                self._told.append(replace(told, rows=(*rows, *told.rows)))
        self._done += len(following)
        return self._done >= len(self._decisions)

    def keep(self) -> None:
        self._safe, self._kept = self._done, len(self._told)

    def forget(self) -> None:
        self._done = self._safe
        del self._told[self._kept :]

    def settle(self, error: Exception | None) -> None:
        self.finish(self._told, error)


class ChangeJob(_Future[frozenset[int]]):
    """Records a batch of state changes in one step; its result names those that took place. What a recipient
    refuses with a reason on the connection of its copy is re-addressed in the same commit, where its rule
    says so.

    passed_on: these copies, and what was made in place of each.
    """

    written: Point = "outcome.written"
    committed: Point = "outcome.committed"

    def __init__(self, changes: Sequence[Changed], loop: asyncio.AbstractEventLoop) -> None:
        super().__init__(loop)
        self._changes = changes
        self._taken: frozenset[int] = frozenset()
        self.passed_on: Sequence[AnswerTold] = ()

    def step(self, commit: Commit) -> bool:
        self._taken = commit.changer.change(self._changes)
        back = [
            one for one in self._changes
            if one.state == "refused_by_recipient" and one.said is not None and one.delivery in self._taken
        ]  # fmt: skip
        if back:
            self.passed_on = pass_on_refused(commit.connection, commit.entries, commit.changer, back)
        return True

    def keep(self) -> None:
        """One step is all there is."""

    def forget(self) -> None:
        self._taken, self.passed_on = frozenset(), ()

    def settle(self, error: Exception | None) -> None:
        self.finish(self._taken, error)


class OverdueJob(_Future[Sequence[Overdue]]):
    """Carries out deadlines that are due, in one step: all of what each asks for, or nothing."""

    written: Point = "deadline.written"
    committed: Point = "deadline.committed"

    def __init__(self, look: Look, loop: asyncio.AbstractEventLoop) -> None:
        super().__init__(loop)
        self._look = look
        self._found: Sequence[Overdue] = ()

    def step(self, commit: Commit) -> bool:
        self._found = carry_out(commit.connection, commit.entries, commit.changer, self._look)
        return True

    def keep(self) -> None:
        """One step is all there is."""

    def forget(self) -> None:
        self._found = ()

    def settle(self, error: Exception | None) -> None:
        self.finish(self._found, error)


class RepairJob(_Future[Sequence[Applied]]):
    """Records what a person did, action by action; each of them wholly or not at all."""

    written: Point = "repair.written"
    committed: Point = "repair.committed"

    def __init__(self, actions: Sequence[Repair], loop: asyncio.AbstractEventLoop) -> None:
        super().__init__(loop)
        self._actions = actions
        self._applied: list[Applied] = []
        self._kept = 0

    def step(self, commit: Commit) -> bool:
        if len(self._applied) < len(self._actions):
            self._applied.append(commit.repairer.apply(self._actions[len(self._applied)]))
        return len(self._applied) >= len(self._actions)

    def keep(self) -> None:
        self._kept = len(self._applied)

    def forget(self) -> None:
        del self._applied[self._kept :]

    def settle(self, error: Exception | None) -> None:
        self.finish(self._applied, error)


class KeepJob(_Future[None]):
    """Keeps a configuration: a text in each step, so that messages wait for one large table at most. Which
    texts make it up is said in the last step, so it is kept wholly or not at all."""

    written: Point = "config.written"
    committed: Point = "config.committed"

    def __init__(self, kept: Kept, loop: asyncio.AbstractEventLoop) -> None:
        super().__init__(loop)
        self._texts = kept.new
        self._config = kept
        self._done = 0
        self._safe = 0

    def step(self, commit: Commit) -> bool:
        rows = commit.entries.rows
        if self._done < len(self._texts):
            text = self._texts[self._done]
            rows["source"].append((text.sha256, text.size, text.packed))
            self._done += 1
            return False
        number = commit.entries.config(self._config.hash)
        rows["config_source"] += [(number, path, sha256) for path, sha256 in self._config.files]
        return True

    def keep(self) -> None:
        self._safe = self._done

    def forget(self) -> None:
        self._done = self._safe

    def settle(self, error: Exception | None) -> None:
        self.finish(None, error)
