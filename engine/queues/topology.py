"""The queues on RabbitMQ: their names and arguments, and how they are declared when first needed.

Declaring has a connection of its own, because a refused declaration closes its channel, and a channel
error may take a connection's publishes with it. Several queues are declared at once; each new one is left
alone for two seconds, because a broker killed just after creating a quorum queue can lose it.
"""

from __future__ import annotations

import asyncio
import time
from collections.abc import Collection, Mapping
from contextlib import suppress
from dataclasses import dataclass
from typing import Any

from aiormq.abc import AbstractChannel, AbstractConnection
from aiormq.exceptions import (
    ChannelAccessRefused,
    ChannelLockedResource,
    ChannelNotFoundEntity,
    ChannelPreconditionFailed,
)

from engine.queues.broker import TROUBLE, open_connection

__all__ = [
    "DEAD",
    "MAILBOX",
    "TICKETS",
    "BrokerAwayError",
    "Declared",
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

_SETTLE = 2.0  # seconds
_AT_ONCE = 4  # declarations under way together
_TIMEOUT = 30.0  # seconds for one answer of the broker


def queue_name(channel: str, address: str) -> str:
    """`gatepost.<channel>.<address>`, or `gatepost.<channel>` for a channel without addresses."""
    return f"gatepost.{channel}.{address}" if address else f"gatepost.{channel}"


class BrokerAwayError(Exception):
    """The broker could not be asked."""


class QueueUnusableError(Exception):
    """The broker will not let us have this queue; the text says why and what to do."""


@dataclass(frozen=True, slots=True)
class Declared:
    """A queue that stands: how many messages are ready in it, and when (time.monotonic) it may be used."""

    messages: int
    usable: float


class Topology:
    """Declares queues, each once, on a connection of its own that is opened when needed."""

    def __init__(self, url: str, *, settle: float = _SETTLE) -> None:
        self.url = url  # asked for each connection
        self._settle = settle
        self._declared: dict[str, Declared] = {}
        self._connection: AbstractConnection | None = None
        self._opening = asyncio.Lock()
        self._places = asyncio.Semaphore(_AT_ONCE)
        self._channels: list[AbstractChannel] = []

    async def ensure(self, queue: str, arguments: Mapping[str, Any]) -> Declared:
        """The queue exists with these arguments. Raises QueueUnusableError or BrokerAwayError."""
        known = self._declared.get(queue)
        if known is not None:
            return known
        if len(queue.encode()) > 255:
            raise QueueUnusableError(
                f"the queue name {queue[:60]}... is longer than 255 bytes; shorten the address"
            )
        async with self._places:
            if queue not in self._declared:
                await self._ensure_dead()
                self._declared[queue] = await self._declare(queue, arguments)
            return self._declared[queue]

    def known(self, queue: str) -> Declared | None:
        """What is known of a queue without asking."""
        return self._declared.get(queue)

    def forget_all(self, of: Collection[str]) -> None:
        """As `forget`, for every queue of these channels."""
        mine = tuple(f"{queue_name(channel, '')}." for channel in of)
        whole = {queue_name(channel, "") for channel in of}
        for queue in [queue for queue in self._declared if queue in whole or queue.startswith(mine)]:
            del self._declared[queue]

    def forget(self, queue: str) -> None:
        """The queue has gone: declare it again when it is needed."""
        self._declared.pop(queue, None)

    async def dead(self) -> int:
        """How many messages the broker has given up. Raises BrokerAwayError or QueueUnusableError."""
        async with self._places:
            return (await self._declare(DEAD, _DEAD_ARGUMENTS)).messages

    async def close(self) -> None:
        """Close the connection."""
        connection, self._connection = self._connection, None
        self._channels.clear()
        if connection is not None and not connection.is_closed:
            with suppress(*TROUBLE, asyncio.CancelledError):  # it may be going already
                async with asyncio.timeout(5):
                    await connection.close()

    async def _ensure_dead(self) -> None:
        if DEAD not in self._declared:
            self._declared[DEAD] = await self._declare(DEAD, _DEAD_ARGUMENTS)

    async def _declare(self, queue: str, arguments: Mapping[str, Any]) -> Declared:
        try:
            return await self._try(queue, arguments)
        except ChannelPreconditionFailed:
            text = f"the queue {queue} exists on the broker with other arguments; empty and delete it, then"
            raise QueueUnusableError(
                f"{text} it is made anew, or remove the policy that changes it"
            ) from None
        except (ChannelAccessRefused, ChannelLockedResource):
            raise QueueUnusableError(
                f"the broker refuses the queue {queue} to our user, who needs permission to configure, write"
                r" and read ^(gatepost\..*|amq\.default)$"
            ) from None
        except TROUBLE as error:
            raise BrokerAwayError(type(error).__name__) from error
        except asyncio.CancelledError:
            task = asyncio.current_task()
            if task is not None and task.cancelling():
                raise
            raise BrokerAwayError("connection lost") from None  # the client reports a loss as a cancellation

    async def _try(self, queue: str, arguments: Mapping[str, Any]) -> Declared:
        usable = 0.0
        channel = await self._channel()
        try:
            await channel.queue_declare(queue, passive=True, timeout=_TIMEOUT)
        except ChannelNotFoundEntity:
            channel = await self._channel()
            usable = time.monotonic() + self._settle
        answer = await channel.queue_declare(queue, durable=True, arguments=dict(arguments), timeout=_TIMEOUT)
        self._channels.append(channel)
        return Declared(answer.message_count or 0, usable)

    async def _channel(self) -> AbstractChannel:
        while self._channels:
            channel = self._channels.pop()
            if not channel.is_closed:
                return channel
        async with self._opening:
            if self._connection is None or self._connection.is_closed:
                self._connection = await open_connection(self.url, "gatepost declaring")
        return await self._connection.channel(publisher_confirms=False, timeout=_TIMEOUT)
