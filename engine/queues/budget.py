"""Bounds the bodies that queues have in hand, however many lanes are at work.

Reading waits while the bound is passed, one reader at a time, so that it is overrun by one read at most.
"""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Sequence

from engine.journal.records import DeliveryRow

__all__ = ["InHand"]


class InHand:
    """Counts the bytes of bodies between reading and release."""

    def __init__(self, limit: int = 64 * 1024 * 1024) -> None:
        self.used = 0
        self._limit = limit
        self._reading = asyncio.Lock()
        self._released = asyncio.Event()

    async def read(self, source: Callable[[], Awaitable[Sequence[DeliveryRow]]]) -> Sequence[DeliveryRow]:
        """Rows from the source, once there is room. Their caller releases them."""
        async with self._reading:
            while self.used >= self._limit:
                self._released.clear()
                await self._released.wait()
            rows = await source()
            self.used += _size(rows)
            return rows

    def release(self, rows: Sequence[DeliveryRow]) -> None:
        """These bodies are done with."""
        self.used -= _size(rows)
        self._released.set()


def _size(rows: Sequence[DeliveryRow]) -> int:
    return sum(len(row.body) for row in rows)
