"""Writes claims and outcomes of deliveries into the journal, and never gives an outcome up.

While the disk is full an outcome waits here and is tried again: a delivery that was made must not be made
twice because the record of it failed. Knows nothing of channels or retries.
"""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from typing import Protocol

from engine.journal.contract import Journal, JournalFull
from engine.journal.records import Changed

__all__ = ["ClaimJournal", "Recorder"]

_WHILE_FULL = 0.5  # seconds between tries while the journal is full


class ClaimJournal(Journal, Protocol):
    """A journal that says of which deliveries a change took place: one that was withdrawn meanwhile is
    not among them and must not be sent."""

    async def claim(self, changes: Sequence[Changed]) -> frozenset[int]:
        """As `change`; the ids of the deliveries that took the change."""


class Recorder:
    """The one way by which delivery work changes the journal."""

    def __init__(self, journal: ClaimJournal) -> None:
        self._journal = journal
        self._left: list[Changed] = []
        self._running: set[asyncio.Task[frozenset[int]]] = set()

    def begin(self, changes: Sequence[Changed]) -> asyncio.Task[frozenset[int]]:
        """Start recording the changes in one commit; the task gives the ids that took their change. It
        goes on when the work that waits for it is cancelled.

        It waits while the journal is full. Its result raises JournalBroken where it can never be written.
        """
        task = asyncio.create_task(self._record(changes))
        self._running.add(task)
        task.add_done_callback(self._running.discard)
        return task

    async def record(self, changes: Sequence[Changed]) -> frozenset[int]:
        """As `begin`, and wait for it."""
        if not changes:
            return frozenset()
        return await asyncio.shield(self.begin(changes))

    def keep(self, changes: Sequence[Changed]) -> None:
        """What is known and could not be recorded yet, because the work was cancelled."""
        self._left.extend(changes)

    async def flush(self) -> None:
        """Wait for recordings under way, then record what cancelled work left behind. Recording an
        outcome twice is harmless."""
        if self._running:
            await asyncio.wait(self._running)
        left, self._left = self._left, []
        if left:
            await self._record(left)

    async def _record(self, changes: Sequence[Changed]) -> frozenset[int]:
        while True:
            try:
                return await self._journal.claim(changes)
            except JournalFull:
                await asyncio.sleep(_WHILE_FULL)
