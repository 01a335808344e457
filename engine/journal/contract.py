"""What a journal must do: the interface behind which SQLite stands today and PostgreSQL may tomorrow.

Rules: one owner process (lock file). `append` calls its callback on the event loop's thread, in the
order of the calls, and only after the bytes are on disk (fsync done). All writes share commits: intake
first, background slices after. Reads are short and run off the event loop's thread.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Mapping, Sequence
from typing import TYPE_CHECKING, Protocol

if TYPE_CHECKING:  # commands that only read do without
    from engine.journal.earlier import EarlierCopy
    from engine.journal.records import Arrival, Changed, Decided, DeliveryRow, Lane, Stored, Waiting
    from engine.journal.told import AnswerTold

__all__ = ["Journal", "JournalBroken", "JournalFull", "Trouble"]


class JournalFull(Exception):
    """ENOSPC: this write was rolled back, nothing was acknowledged; later writes may succeed unaided."""


class JournalBroken(Exception):
    """EIO or corruption: nothing more may be written by this process; it must stop and be restarted."""


Trouble = JournalFull | JournalBroken


class Journal(Protocol):
    """The durable record of everything that was accepted, and what became of it."""

    def append(self, arrival: Arrival, done: Callable[[Stored | Trouble], None]) -> None:
        """Store an arrival with the next group commit. Returns at once; `done` gets the result."""

    async def waiting(self, after: int, limit: int, max_bytes: int) -> Sequence[Waiting]:
        """Messages waiting for a decision with id > after, in id order; at most `limit`, and about
        `max_bytes` of bodies (always at least one where there is one)."""

    async def record(self, decisions: Sequence[Decided]) -> Sequence[Sequence[DeliveryRow]]:
        """Record decisions (background priority). For each, the new delivery rows, with their bodies.
        A message already decided is left alone and gives an empty row list."""

    async def answer(self, decisions: Sequence[Decided]) -> Sequence[AnswerTold]:
        """Record messages that are replies to what was sent, each in one commit with what it changes for the
        copy that it speaks of. What each came to; a message already decided is left out."""

    async def lanes(self) -> Sequence[Lane]:
        """All lanes that have open deliveries, for start-up."""

    async def keep_config(self, hash_: str, sources: Mapping[str, str]) -> None:
        """Keep the texts of a configuration by its hash, each text once, however many configurations share
        it. Called when a configuration comes into force: at the start, and at every reload that swaps."""

    async def open_deliveries(
        self, channel: str, address: str, after: int, limit: int, max_bytes: int
    ) -> Sequence[DeliveryRow]:
        """Open deliveries of one lane with id > after, in id order, bodies loaded; at most `limit` and
        about `max_bytes` of bodies (always at least one where there is one)."""

    async def deliveries(self, ids: Sequence[int]) -> Sequence[DeliveryRow]:
        """These deliveries in the given order, whatever their state, bodies loaded; unknown ids are left
        out."""

    async def earlier_copies(self, digests: Collection[str], before: int) -> Mapping[str, list[EarlierCopy]]:
        """Who was sent messages older than `before` that were recorded with one of these digests."""

    async def change(self, changes: Sequence[Changed]) -> None:
        """Record state changes (background priority), each with its event, in one commit. A change of a
        delivery that has already ended (delivered, withdrawn, ...) is ignored, except delivered ->
        acknowledged or refused_by_recipient."""

    async def claim(self, changes: Sequence[Changed]) -> frozenset[int]:
        """As `change`; gives the ids of the deliveries that took their change. One that was withdrawn
        meanwhile is not among them and must not be sent."""
