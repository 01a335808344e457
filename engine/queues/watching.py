"""Watches over RabbitMQ, for people: alarms, publishes without an answer, dead letters, queues of others.

Each trouble is an episode: a line in the log when it begins and one when it ends, and `troubles` names it
meanwhile, with what to do. Knows nothing of messages; publishing is paused and resumed through callbacks.
"""

from __future__ import annotations

import asyncio
from collections import deque
from collections.abc import Callable, Collection, Iterable, Mapping, Sequence
from typing import Any

from engine.observe.log import get_log
from engine.queues.broker import Link, Publisher
from engine.queues.nodes import Nodes
from engine.queues.refusals import Refusal
from engine.queues.topology import DEAD, BrokerAwayError, QueueUnusableError, Topology

__all__ = ["BrokerWatch"]

log = get_log()

_LOOK = 1.0  # seconds between looks
_DEAD_LOOKS = 5  # looks between looks at the dead-letter queue and at queues in trouble
_PROBE_LOOKS = 2
_AGAIN = 20  # queues in trouble asked about again at a time
_ABSENT = (
    20  # after so many remembered queues, and none that is there, it is another broker: no more is asked
)
_SHOWN = 10  # queues in trouble that are named
NO_CONFIRM = (
    "messages wait in the journal, and are published again. In a cluster most of the nodes that hold the "
    "queue are away: bring them back (rabbitmqctl cluster_status). Where all are there, a new queue may have "
    "lost its leader in a crash: delete it on the broker, and it is made anew"
)
NODE = "see that it runs and is reachable; with most nodes away, the broker takes nothing"
FREE = "free memory or disk space on the broker; messages wait in the journal, and follow by themselves"
GONE = (
    "what stood in them has gone with them. They are made anew when they are needed. If nobody deleted them, "
    "see that the address leads to the right broker and virtual host"
)
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
        nodes: Nodes,
        *,
        pause: Callable[[], None],
        resume: Callable[[], None],
        mended: Callable[[Collection[str]], None],
    ) -> None:
        self._link = link
        self._publisher = publisher
        self._topology = topology
        self._nodes = nodes
        self._pause = pause
        self._resume = resume
        self._mended = mended
        self._task: asyncio.Task[None] | None = None
        self._away: Refusal | None = None
        self._connected = False
        self._blocked = ""
        self._dead = 0
        self._unconfirmed: list[str] = []
        self._unreached: Mapping[str, Refusal] = {}
        self._looking: asyncio.Task[None] | None = None
        self._to_check: deque[tuple[str, Mapping[str, Any]]] = deque()
        self._checking: asyncio.Task[None] | None = None
        self._checked = 0
        self._absent: list[str] = []

    @property
    def condition(self) -> str:
        """What `gatepost status` shows of the broker, in a few words."""
        if not self._connected:
            return "unreachable"
        if self._blocked:
            return f"blocked by an alarm on the broker ({self._blocked})"
        where = f" to {self._link.node}" if self._nodes.several else ""
        return f"connected{where}, {self._dead} in {DEAD}" if self._dead else f"connected{where}"

    @property
    def troubles(self) -> tuple[str, ...]:
        """What a person should look at, each with a remedy."""
        unusable = self._topology.unusable
        return (
            *([f"RabbitMQ is not reachable: {self._away}"] if self._away is not None else []),
            *([f"RabbitMQ takes nothing ({self._blocked}): {FREE}"] if self._blocked else []),
            *(
                [f"RabbitMQ does not confirm messages to {_few(self._unconfirmed)}: {NO_CONFIRM}"]
                if self._unconfirmed
                else []
            ),
            *(f"the node {node} is away ({why.why}): {NODE}" for node, why in self._unreached.items()),
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
        tasks = [task for task in (self._task, self._checking, self._looking) if task is not None]
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
            log.info("broker.connected", **({"node": self._link.node} if self._nodes.several else {}))
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
            self._see_nodes()
            if not self._blocked and self._publisher.stalled():
                self._link.lose()
            self._see_confirms()
            if self._connected and not self._blocked:
                if looks % _PROBE_LOOKS == 0:
                    self._publisher.probe()
                if looks % _DEAD_LOOKS == 0 and (self._looking is None or self._looking.done()):
                    # Beside the watch: a queue without its leader lets a question wait for long.
                    self._looking = asyncio.create_task(self._look(), name="broker look")
                self._go_on_checking()
            looks += 1
            await asyncio.sleep(_LOOK)

    async def _look(self) -> None:
        await self._see_dead()
        await self._see_mended()
        for node in self._unreached:
            await self._nodes.look_for(node)

    def _see_nodes(self) -> None:
        """A node of several that does not answer is looked for until it does. One that falls while another is
        in use is noticed when it is needed."""
        before, self._unreached = self._unreached, self._nodes.unreached if self._connected else {}
        for node, why in self._unreached.items():
            if node not in before:
                log.error("broker.node_away", node=node, why=why.why, remedy=why.remedy)
        for node in before:
            if self._connected and node not in self._unreached:
                log.info("broker.node_back", node=node)

    def _see_confirms(self) -> None:
        before, self._unconfirmed = self._unconfirmed, self._publisher.unconfirmed
        if self._unconfirmed and not before:
            log.error("broker.no_confirms", queues=_few(self._unconfirmed), remedy=NO_CONFIRM)
        elif before and not self._unconfirmed:
            log.info("broker.confirms")

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
                    found = await self._topology.check(queue, arguments)
                except BrokerAwayError:
                    return  # goes on when it is back
                self._checked += 1
                if found == "absent":
                    self._absent.append(queue)
            if self._to_check and self._to_check[0][0] == queue:
                self._to_check.popleft()
            if len(self._absent) >= _ABSENT and len(self._absent) == self._checked:
                self._absent += [name for name, _ in self._to_check]
                self._to_check.clear()
        self._tell_checked()

    def _tell_checked(self) -> None:
        """What stood in vanished queues has gone with them, by somebody's hand: that is said, once."""
        checked, absent = self._checked, self._absent
        self._checked, self._absent = 0, []
        log.info("broker.queues_checked", queues=checked, unusable=len(self._topology.unusable))
        if absent:
            self._topology.remembered.forget(absent)
            log.warning("broker.queues_gone", queues=_few(absent), remedy=GONE)


def _few(queues: Sequence[str]) -> str:
    """One queue by its name, and how many others."""
    return queues[0] + (f" and {len(queues) - 1} others" if len(queues) > 1 else "")
