"""The queues on RabbitMQ: their names and arguments, and how they are declared when first needed.

Declaring has a connection of its own, because a refused declaration closes its channel, and a channel
error may take a connection's publishes with it. Several queues are declared at once; each new one is left
alone for two seconds, because a broker killed just after creating a quorum queue can lose it.

A queue that the broker will not let us have is in trouble: one line in the log when that begins and one
when it ends, and `unusable` has it meanwhile. Knows nothing of lanes and deliveries.
"""

from __future__ import annotations

import asyncio
import time
from collections.abc import Collection, Iterable, Mapping
from contextlib import suppress
from dataclasses import dataclass
from typing import Any, Literal

from aiormq.abc import AbstractChannel, AbstractConnection
from aiormq.exceptions import (
    ChannelAccessRefused,
    ChannelLockedResource,
    ChannelNotFoundEntity,
    ChannelPreconditionFailed,
)

from engine.observe.log import get_log
from engine.queues.nodes import TROUBLE, Nodes, is_trouble
from engine.queues.refusals import difference
from engine.queues.remembered import Remembered

__all__ = [
    "DEAD",
    "MAILBOX",
    "TICKETS",
    "BrokerAwayError",
    "Declared",
    "Found",
    "QueueUnusableError",
    "Topology",
    "queue_name",
]

DEAD = "gatepost.dead"
"""Where the broker puts what was handed out too often. Ours park long before; it should stay empty."""

MAILBOX: Mapping[str, Any] = {
    "x-queue-type": "quorum",
    "x-delivery-limit": 1000,  # a backstop; without one a returned ticket loses its place
    "x-dead-letter-exchange": "",
    "x-dead-letter-routing-key": DEAD,
    "x-dead-letter-strategy": "at-least-once",
    "x-overflow": "reject-publish",  # at-least-once needs it; the default would drop the oldest
}
"""A practice's mailbox. Its own system may consume it or fetch from it, as it likes."""
TICKETS: Mapping[str, Any] = {**MAILBOX, "x-single-active-consumer": True}
"""A queue that only we consume. One consumer at a time keeps the order; fetching is not possible then."""
_DEAD_ARGUMENTS: Mapping[str, Any] = {"x-queue-type": "quorum"}

log = get_log()

_SETTLE = 2.0  # seconds
_AT_ONCE = 4  # declarations under way together
_TIMEOUT = 20.0  # seconds for one answer of the broker
_TOLD = 20  # queues in trouble at once that have a line of their own in the log


def queue_name(channel: str, address: str) -> str:
    """`gatepost.<channel>.<address>`, or `gatepost.<channel>` for a channel without addresses."""
    return f"gatepost.{channel}.{address}" if address else f"gatepost.{channel}"


Found = Literal["good", "absent", "unusable"]


class BrokerAwayError(Exception):
    """The broker could not be asked."""


class QueueUnusableError(Exception):
    """The broker will not let us have this queue; the text says why and what to do."""


@dataclass(frozen=True, slots=True)
class _Refused:
    """A queue that we may not have: why, and the arguments that were asked for."""

    why: str
    arguments: Mapping[str, Any]


@dataclass(frozen=True, slots=True)
class Declared:
    """A queue that stands: how many messages are ready in it, and when (time.monotonic) it may be used."""

    messages: int
    usable: float


class Topology:
    """Declares queues, each once, on a connection of its own that is opened when needed. remembered: those
    that were made before."""

    def __init__(
        self, nodes: Nodes, remembered: Remembered | None = None, *, settle: float = _SETTLE
    ) -> None:
        self._nodes = nodes
        self.remembered = Remembered() if remembered is None else remembered
        self._settle = settle
        self._declared: dict[str, Declared] = {}
        self._refused: dict[str, _Refused] = {}
        self._told: set[str] = set()  # of these, those with a line in the log
        self._connection: AbstractConnection | None = None
        self._opening = asyncio.Lock()
        self._places = asyncio.Semaphore(_AT_ONCE)
        self._channels: list[AbstractChannel] = []
        self._closing: set[asyncio.Task[None]] = set()

    @property
    def unusable(self) -> Mapping[str, str]:
        """The queues that the broker will not let us have, and why."""
        return {queue: refused.why for queue, refused in self._refused.items()}

    async def ensure(self, queue: str, arguments: Mapping[str, Any]) -> Declared:
        """The queue exists with these arguments. Raises QueueUnusableError or BrokerAwayError."""
        known = self._declared.get(queue)
        if known is not None:
            return known
        async with self._places:
            if queue not in self._declared:
                await self._ensure_dead()
                await self._declare(queue, arguments)
            return self._declared[queue]

    async def check(self, queue: str, arguments: Mapping[str, Any]) -> Found:
        """Whether the queue has these arguments, or is not there, or cannot be had: then it stands in
        `unusable` from then on. Creates nothing. Raises BrokerAwayError."""
        async with self._places:
            try:
                there = await self._asked(queue, arguments, make=False)
            except QueueUnusableError as why:
                self._refuse(queue, str(why), arguments)
                return "unusable"
        self._allow(queue)
        return "absent" if there is None else "good"

    async def check_again(self, most: int) -> Collection[str]:
        """Ask again about so many of the unusable queues, those first that were asked longest ago; the queues
        that can be had now. Raises BrokerAwayError."""
        mended = []
        for queue in [queue for queue in self._refused if queue != DEAD][:most]:
            refused = self._refused.pop(queue)
            self._refused[queue] = refused  # behind the others
            if await self.check(queue, refused.arguments) != "unusable":
                mended.append(queue)
        return mended

    def known(self, queue: str) -> Declared | None:
        """What is known of a queue without asking."""
        return self._declared.get(queue)

    def forget_all(self, of: Collection[str]) -> None:
        """As `forget`, for every queue of these channels."""
        for queue in _of_channels(self._declared, of):
            del self._declared[queue]
        for queue in _of_channels(self._refused, of):
            self._allow(queue)

    def forget(self, queue: str) -> None:
        """The queue has gone: declare it again when it is needed."""
        self._declared.pop(queue, None)

    async def dead(self) -> int:
        """How many messages the broker has given up. Raises BrokerAwayError or QueueUnusableError."""
        async with self._places:
            if DEAD in self._refused:
                self._declared.pop(DEAD, None)  # has somebody mended it?
            await self._ensure_dead()
            depth = await self._asked(DEAD, None, make=False)
        if depth is None:
            self.forget(DEAD)  # deleted meanwhile
            return 0
        return depth.messages

    def drop(self) -> None:
        """Give the connection up: the node does not answer. Whoever waits on it is told that it is away."""
        task = asyncio.get_running_loop().create_task(self.close(), name="declaring given up")
        self._closing.add(task)
        task.add_done_callback(self._closing.discard)

    async def depth(self, queue: str) -> int | None:
        """How many messages wait in a queue; None where there is no such queue. Raises BrokerAwayError or
        QueueUnusableError."""
        async with self._places:
            found = await self._asked(queue, None, make=False)
        return None if found is None else found.messages

    async def close(self) -> None:
        """Close the connection."""
        connection, self._connection = self._connection, None
        self._channels.clear()
        if connection is not None and not connection.is_closed:
            with suppress(*TROUBLE, asyncio.CancelledError):  # it may be going already
                async with asyncio.timeout(5):
                    await connection.close()

    # -- queues in trouble -----------------------------------------------------------------------

    def _refuse(self, queue: str, why: str, arguments: Mapping[str, Any]) -> None:
        fresh = queue not in self._refused
        self._refused[queue] = _Refused(why, arguments)
        self._declared.pop(queue, None)
        if not fresh:
            return
        if len(self._refused) <= _TOLD:
            self._told.add(queue)
            log.error("broker.queue_unusable", queue=queue, why=why)
        elif len(self._refused) == _TOLD + 1:
            log.error("broker.queue_unusable", why="more queues than these; gatepost status counts them")

    def _allow(self, queue: str) -> None:
        self._refused.pop(queue, None)
        if queue in self._told:
            self._told.discard(queue)
            log.info("broker.queue_usable", queue=queue)

    # -- asking ----------------------------------------------------------------------------------

    async def _ensure_dead(self) -> None:
        """Our queues do without it: while it cannot be had the broker keeps what it would put there."""
        if DEAD not in self._declared:
            with suppress(QueueUnusableError):
                await self._declare(DEAD, _DEAD_ARGUMENTS)
            self._declared.setdefault(DEAD, Declared(0, 0.0))

    async def _declare(self, queue: str, arguments: Mapping[str, Any]) -> None:
        try:
            declared = await self._asked(queue, arguments, make=True)
        except QueueUnusableError as why:
            self._refuse(queue, str(why), arguments)
            raise
        self._allow(queue)
        self._declared[queue] = declared or Declared(0, 0.0)
        self.remembered.add(queue)

    async def _asked(self, queue: str, arguments: Mapping[str, Any] | None, *, make: bool) -> Declared | None:
        """What the broker says of a queue, in our own words where it refuses; None: there is none.
        arguments None: whatever it has. make: create it where it does not exist."""
        if len(queue.encode()) > 255:
            raise QueueUnusableError(
                f"the queue name {queue[:60]}... is longer than 255 bytes; shorten the address"
            )
        try:
            return await self._ask(queue, arguments, make=make)
        except ChannelPreconditionFailed as refusal:
            what = difference(str(refusal.args), arguments or {})
            raise QueueUnusableError(
                f"the queue {queue} exists on the broker with other arguments: {what}; its messages wait. "
                f"Empty it and delete it (rabbitmqctl delete_queue {queue}); Gatepost makes it anew by itself"
            ) from None
        except ChannelLockedResource:
            raise QueueUnusableError(
                f"the queue {queue} belongs to another program's connection alone (exclusive); "
                "end that program"
            ) from None
        except ChannelAccessRefused:
            raise QueueUnusableError(
                f"the broker refuses the queue {queue} to our user, who needs permission to configure, write"
                r" and read ^(gatepost\..*|amq\.default)$"
            ) from None
        except Exception as error:
            if not is_trouble(error):
                raise
            raise BrokerAwayError(type(error).__name__) from error
        except asyncio.CancelledError:
            task = asyncio.current_task()
            if task is not None and task.cancelling():
                raise
            raise BrokerAwayError("connection lost") from None  # the client reports a loss as a cancellation

    async def _ask(self, queue: str, arguments: Mapping[str, Any] | None, *, make: bool) -> Declared | None:
        channel = await self._channel()
        answer = None
        if not make or queue in self.remembered:
            try:
                answer = await channel.queue_declare(queue, passive=True, timeout=_TIMEOUT)
            except ChannelNotFoundEntity:
                if not make:
                    return None
                channel = await self._channel()
        new = answer is None  # perhaps: of a queue that we do not remember nobody can tell
        if answer is None or arguments is not None:
            answer = await channel.queue_declare(
                queue, durable=True, arguments=dict(arguments or {}), timeout=_TIMEOUT
            )
        self._channels.append(channel)
        return Declared(answer.message_count or 0, time.monotonic() + self._settle if new else 0.0)

    async def _channel(self) -> AbstractChannel:
        while self._channels:
            channel = self._channels.pop()
            if not channel.is_closed:
                return channel
        async with self._opening:
            if self._connection is None or self._connection.is_closed:
                self._connection, _ = await self._nodes.connect("gatepost declaring")
        return await self._connection.channel(publisher_confirms=False, timeout=_TIMEOUT)


def _of_channels(queues: Iterable[str], channels: Collection[str]) -> list[str]:
    whole = {queue_name(channel, "") for channel in channels}
    mine = tuple(f"{queue}." for queue in whole)
    return [queue for queue in queues if queue in whole or queue.startswith(mine)]
