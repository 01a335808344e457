"""Watches over RabbitMQ, for people: alarms, publishes without an answer, dead letters, queues of others.

Each trouble is an episode: a line in the log when it begins and one when it ends, and `troubles` names it
meanwhile, with what to do. Knows nothing of messages; publishing is paused and resumed through callbacks.
"""

from __future__ import annotations

import asyncio
from collections import deque
from collections.abc import Callable, Collection, Iterable, Mapping
from typing import Any

from engine.observe.log import get_log
from engine.queues.broker import Link, Publisher
from engine.queues.refusals import Refusal
from engine.queues.topology import DEAD, BrokerAwayError, QueueUnusableError, Topology

__all__ = ["BrokerWatch"]

log = get_log()

_LOOK = 1.0  # seconds between looks
_DEAD_LOOKS = 5  # looks between looks at the dead-letter queue and at queues in trouble
_PROBE_LOOKS = 2
_AGAIN = 20  # queues in trouble asked about again at a time
_SHOWN = 10  # queues in trouble that are named
NO_CONFIRM = (
    "the broker does not confirm messages to this queue; they wait and are published again. If this "
    "goes on, the queue has lost its leader: if it is a new one, delete it on the broker, and it is made anew"
)
FREE = "free memory or disk space on the broker; messages wait in the journal, and follow by themselves"
LOOK_INTO = (
    f"the broker gave up delivering them; look into {DEAD}, and resend from the journal what a practice lacks"
)


class BrokerWatch:
    """The watch. `mended` is told of queues that can be had again; `pause` and `resume` publishing."""

    def __init__(
        self,
        link: Link,
        publisher: Publisher,
        topology: Topology,
        *,
        pause: Callable[[], None],
        resume: Callable[[], None],
        mended: Callable[[Collection[str]], None],
    ) -> None:
        self._link = link
        self._publisher = publisher
        self._topology = topology
        self._pause = pause
        self._resume = resume
        self._mended = mended
        self._task: asyncio.Task[None] | None = None
        self._away: Refusal | None = None
        self._connected = False
        self._blocked = ""
        self._dead = 0
        self._to_check: deque[tuple[str, Mapping[str, Any]]] = deque()
        self._checking: asyncio.Task[None] | None = None

    @property
    def condition(self) -> str:
        """What `gatepost status` shows of the broker, in a few words."""
        if not self._connected:
            return "unreachable"
        if self._blocked:
            return f"blocked by an alarm on the broker ({self._blocked})"
        return f"connected, {self._dead} in {DEAD}" if self._dead else "connected"

    @property
    def troubles(self) -> tuple[str, ...]:
        """What a person should look at, each with a remedy."""
        unusable = self._topology.unusable
        return (
            *([f"RabbitMQ is not reachable: {self._away}"] if self._away is not None else []),
            *([f"RabbitMQ takes nothing ({self._blocked}): {FREE}"] if self._blocked else []),
            *([f"{self._dead} dead letters: {LOOK_INTO}"] if self._dead else []),
            *list(unusable.values())[:_SHOWN],
            *([f"{len(unusable) - _SHOWN} more such queues"] if len(unusable) > _SHOWN else []),
        )

    def start(self) -> None:
        """Begin to watch."""
        self._task = asyncio.get_running_loop().create_task(self._watch(), name="broker watch")
        self._task.add_done_callback(self._ended)

    async def stop(self) -> None:
        """Watch no more."""
        tasks = [task for task in (self._task, self._checking) if task is not None]
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)

    def check(self, queues: Iterable[tuple[str, Mapping[str, Any]]]) -> None:
        """Ask the broker, in the background, whether these queues can be had, with these arguments."""
        known = {queue for queue, _ in self._to_check}
        self._to_check += [asked for asked in queues if asked[0] not in known]

    def changed(self, why: Refusal | None) -> None:
        """A connection stands (None), or why there is none."""
        self._connected = why is None
        self._away = why
        if why is None:
            log.info("broker.connected")
        else:
            log.error("broker.disconnected", why=why.why, remedy=why.remedy)

    def _ended(self, task: asyncio.Task[None]) -> None:
        """The watch should last as long as the queue: if it fails, say so and watch on."""
        if task.cancelled() or task.exception() is None:
            return
        failure = type(task.exception()).__name__
        log.error("broker.trouble", why=f"the watch over the broker failed ({failure})")
        task.get_loop().call_later(_LOOK, self.start)

    async def _watch(self) -> None:
        looks = 0
        while True:
            self._see_blocked()
            if not self._blocked and (queue := self._publisher.stalled()):
                log.error("broker.trouble", queue=queue, why=NO_CONFIRM)
                self._link.lose()
            if self._connected and not self._blocked:
                if looks % _PROBE_LOOKS == 0:
                    self._publisher.probe()
                if looks % _DEAD_LOOKS == 0:
                    await self._see_dead()
                    await self._see_mended()
                self._go_on_checking()
            looks += 1
            await asyncio.sleep(_LOOK)

    def _see_blocked(self) -> None:
        """A new connection is not blocked before it publishes: only an answer shows that an alarm is over."""
        blocked = self._link.blocked
        if blocked and not self._blocked:
            self._blocked = blocked
            self._pause()
            log.error("broker.blocked", why=blocked, remedy=FREE)
        elif self._blocked and not blocked and self._connected:
            if self._publisher.answered:
                self._blocked = ""
                log.info("broker.unblocked")
                self._resume()
            else:
                self._publisher.probe()

    async def _see_dead(self) -> None:
        try:
            dead = await self._topology.dead()
        except (BrokerAwayError, QueueUnusableError):
            return  # the link, or the topology, tells
        before, self._dead = self._dead, dead
        if dead and not before:
            log.error("broker.dead_letters", count=dead, queue=DEAD, remedy=LOOK_INTO)
        elif before and not dead:
            log.info("broker.dead_letters_gone", queue=DEAD)

    async def _see_mended(self) -> None:
        try:
            mended = await self._topology.check_again(_AGAIN)
        except BrokerAwayError:
            return
        if mended:
            self._mended(mended)

    def _go_on_checking(self) -> None:
        if self._to_check and (self._checking is None or self._checking.done()):
            self._checking = asyncio.create_task(self._check(), name="broker check")

    async def _check(self) -> None:
        """One at a time, so that declaring what is needed now is not held up."""
        while self._to_check:
            queue, arguments = self._to_check[0]
            if self._topology.known(queue) is None:
                try:
                    await self._topology.check(queue, arguments)
                except BrokerAwayError:
                    return  # goes on when it is back
            if self._to_check and self._to_check[0][0] == queue:
                self._to_check.popleft()
