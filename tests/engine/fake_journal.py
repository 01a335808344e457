"""An in-memory journal for tests of queues and delivery: the contract's deliveries, and a ledger of changes.

Commits take a turn of the event loop, as the real journal's do, so that races show.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import replace

from engine.journal.contract import JournalBroken, JournalFull, Trouble
from engine.journal.earlier import EarlierCopy
from engine.journal.records import (
    OPEN_STATES,
    Arrival,
    Changed,
    Decided,
    DeliveryRow,
    DeliveryState,
    Lane,
    Stored,
    Waiting,
)
from engine.journal.told import AnswerTold

__all__ = ["FakeJournal"]

ENDED = ("acknowledged", "refused_by_recipient", "withdrawn", "discarded")


class FakeJournal:
    """Holds delivery rows; `changes` is every change that took place, `reads` counts lane reads."""

    def __init__(self) -> None:
        self.rows: dict[int, DeliveryRow] = {}
        self.changes: list[Changed] = []
        self.reads = 0
        self.trouble: JournalFull | JournalBroken | None = None
        self._next = 0

    def add(self, channel: str, address: str, count: int = 1, body: bytes = b"") -> list[DeliveryRow]:
        """New waiting deliveries, as `record` would make them."""
        made = []
        for _ in range(count):
            self._next += 1
            id_ = self._next
            control = b"C%d" % id_
            sample = b"MSH|^~\\&|A|B|C|D|20260101||ORU^R01|%b|P|2.4\r" % control
            row = DeliveryRow(
                id_, id_, "feed", channel, address, "waiting", 0, 0, 1_700_000_000_000_000,
                "ORU^R01", control, "config", body or sample,
            )  # fmt: skip
            self.rows[id_] = row
            made.append(row)
        return made

    def set(self, delivery: int, **values: object) -> None:
        """Change a row behind the engine's back, as an operator's command would."""
        self.rows[delivery] = replace(self.rows[delivery], **values)  # type: ignore[arg-type]

    def states(self, *states: DeliveryState) -> list[int]:
        """The ids of deliveries in these states."""
        return sorted(row.id for row in self.rows.values() if row.state in states)

    async def claim(self, changes: Sequence[Changed]) -> frozenset[int]:
        await asyncio.sleep(0)
        if self.trouble is not None:
            raise self.trouble
        taken = set()
        for change in changes:
            row = self.rows.get(change.delivery)
            if row is None or not _may_follow(row.state, change.state):
                continue
            taken.add(row.id)
            self.changes.append(change)
            self.rows[row.id] = replace(
                row,
                state=change.state,
                attempts=max(change.attempts, row.attempts),
                next_try=change.next_try,
                in_doubt=row.in_doubt or change.in_doubt,
            )
        return frozenset(taken)

    async def change(self, changes: Sequence[Changed]) -> None:
        await self.claim(changes)

    async def lanes(self) -> Sequence[Lane]:
        await asyncio.sleep(0)
        found: dict[tuple[str, str], Lane] = {}
        for row in self.rows.values():
            if row.state in OPEN_STATES:
                lane = found.get((row.channel, row.address))
                if lane is None:
                    lane = Lane(row.channel, row.address, 0, row.id, row.next_try)
                found[row.channel, row.address] = replace(lane, open=lane.open + 1)
        return list(found.values())

    async def open_deliveries(
        self, channel: str, address: str, after: int, limit: int, max_bytes: int
    ) -> Sequence[DeliveryRow]:
        self.reads += 1
        await asyncio.sleep(0)
        found: list[DeliveryRow] = []
        size = 0
        for row in sorted(self.rows.values(), key=lambda row: row.id):
            if (row.channel, row.address) != (channel, address) or row.state not in OPEN_STATES:
                continue
            if row.id <= after or len(found) >= limit or size >= max_bytes:
                continue
            size += len(row.body)
            found.append(row)
        return found

    async def deliveries(self, ids: Sequence[int]) -> Sequence[DeliveryRow]:
        await asyncio.sleep(0)
        return [self.rows[id_] for id_ in ids if id_ in self.rows]

    def append(self, arrival: Arrival, done: Callable[[Stored | Trouble], None]) -> None:
        raise AssertionError("delivery stores no arrivals")

    async def waiting(self, after: int, limit: int, max_bytes: int) -> Sequence[Waiting]:
        raise AssertionError("delivery reads no undecided messages")

    async def earlier_copies(self, digests: Collection[str], before: int) -> Mapping[str, list[EarlierCopy]]:
        raise AssertionError("delivery asks for no earlier versions")

    async def keep_config(self, hash_: str, sources: Mapping[str, str]) -> None:
        raise AssertionError("delivery keeps no configurations")

    async def answer(self, decisions: Sequence[Decided]) -> Sequence[AnswerTold]:
        raise AssertionError("delivery records no replies")

    async def record(self, decisions: Sequence[Decided]) -> Sequence[Sequence[DeliveryRow]]:
        raise AssertionError("delivery records no decisions")


def _may_follow(state: DeliveryState, following: DeliveryState) -> bool:
    if state in OPEN_STATES:
        return True
    if state == "delivered":
        return following in ("acknowledged", "refused_by_recipient")
    return state == "parked" and following not in ("queued", "sending", "delivered", "parked")
