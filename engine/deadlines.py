"""Watches for proofs that do not come, across restarts: at its deadline, a copy's fallback goes out.

Sleeps until the next deadline is due, or one that is nearer is recorded. Deadlines stand in the journal by
the wall clock (UTC, so that summer time changes nothing); the clock is read again every five seconds at
least, so that a jump of it is noticed. What a deadline means is said by the pure `at_deadline`. Knows no
bytes and no route.
"""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable, Collection, Sequence
from typing import Protocol

from engine.crash_points import ARMED, reach
from engine.journal.deadlines import Due, Look, Overdue
from engine.journal.records import DeliveryRow
from engine.observe.log import get_log
from engine.site.model import Site
from routes.flow.deadlines import DeadlineAction, HoldInstead, SendInstead, Standing, at_deadline
from routes.flow.decision import Deadline, Held

__all__ = ["DeadlineJournal", "Deadlines", "judge"]

LONGEST = 5.0  # seconds without a look at the clock
_NEVER = 1 << 62

log = get_log()


class DeadlineJournal(Protocol):
    """What this part asks of the journal."""

    async def next_deadline(self) -> int:
        """When the next open deadline is due, or 0."""

    async def carry_out_deadlines(self, look: Look) -> Sequence[Overdue]:
        """Do what those that are due ask for."""

    async def deliveries(self, ids: Sequence[int]) -> Sequence[DeliveryRow]:
        """These deliveries, with their bodies."""


class Deadlines:
    """One for the engine. `deliver` takes the outbox rows of copies that were made instead."""

    def __init__(
        self,
        journal: DeadlineJournal,
        site: Callable[[], Site],
        deliver: Callable[[Sequence[DeliveryRow]], None],
        *,
        now: Callable[[], int] = lambda: time.time_ns() // 1000,
        longest: float = LONGEST,
    ) -> None:
        self._journal = journal
        self._site = site
        self._deliver = deliver
        self._now = now
        self._longest = longest
        self._next = _NEVER
        self._news = asyncio.Event()
        self._task: asyncio.Task[None] | None = None

    def start(self) -> asyncio.Task[None]:
        """Begin, with what was due while the engine stood still. The task ends by `stop` or a failure."""
        self._task = asyncio.create_task(self._run(), name="deadlines")
        return self._task

    def expect(self, due: int) -> None:
        """A deadline at `due` was recorded."""
        if due < self._next:
            self._news.set()

    async def stop(self) -> None:
        """End. What is being recorded is recorded; what is due later is in the journal."""
        if self._task is not None:
            self._task.cancel()
            await asyncio.gather(self._task, return_exceptions=True)

    async def _run(self) -> None:
        while True:
            self._news.clear()
            self._next = _NEVER  # while the journal is read, any news counts
            due = await self._journal.next_deadline()
            if due and due <= self._now():
                await self._look()
                continue
            self._next = due or _NEVER
            wait = self._longest
            if due:
                wait = min(wait, (due - self._now()) / 1e6 + 0.001)
            try:
                async with asyncio.timeout(max(wait, 0.0)):
                    await self._news.wait()
            except TimeoutError:
                continue

    async def _look(self) -> None:
        site, now = self._site(), self._now()
        mailboxes = {name for name, channel in site.channels.items() if channel.kind == "amqp"}
        look = Look(now, site.hash, lambda due: judge(due, now, site.channels), mailboxes=mailboxes)
        if ARMED:
            reach("deadline.due")
        found = await self._journal.carry_out_deadlines(look)
        if ARMED and any(one.ending == "missed" for one in found):
            reach("deadline.recorded")
        for one in found:
            if one.ending == "missed":
                _tell(one)
        made = [one.copy for one in found if one.copy]
        if made:
            self._deliver(await self._journal.deliveries(made))


def judge(due: Due, now: int, channels: Collection[str]) -> Sequence[DeadlineAction]:
    """What a deadline asks for at this moment, with the channels that there are by now."""
    awaited = due.awaited
    standing = Standing(
        due.created,
        _by_now(due.delivered, now),
        _by_now(due.acknowledged, now),
        withdrawn=due.state in ("withdrawn", "discarded"),
    )
    deadline = Deadline(awaited.proof, awaited.due - due.created, awaited.channel, awaited.address)
    return [_with(action, channels) for action in at_deadline(standing, deadline, now)]


def _by_now(proof: int | None, now: int) -> int | None:
    """A proof that is recorded is there, even where the clock was put back since."""
    return None if proof is None else min(proof, now)


def _with(action: DeadlineAction, channels: Collection[str]) -> DeadlineAction:
    if isinstance(action, SendInstead) and action.channel not in channels:
        reason = f"the channel {action.channel}, which was to get it instead, is not in the site any more"
        return HoldInstead(Held("unknown_address", reason, entry=True))
    return action


def _tell(one: Overdue) -> None:
    due = one.due
    log.warning(
        "delivery.overdue",
        channel=due.channel, address=due.address, delivery=due.delivery, message=due.message,
        proof=due.awaited.proof, instead=due.awaited.channel, copy=one.copy, held=one.tray,
    )  # fmt: skip
    if one.first in ("stop", "mark"):
        log.warning(
            "delivery.in_doubt", channel=due.channel, address=due.address, delivery=due.delivery,
            message=due.message, why="its proof did not come in time, and another copy goes out",
        )  # fmt: skip
