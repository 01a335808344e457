"""Uses a queue that does not answer on a connection of its own, so that it holds up no other.

RabbitMQ works off a channel's requests in order. A queue without a leader (the broker was killed just after
it was made, or most of its nodes are away) lets a publish or a consume wait, and with it everything behind it
on that channel; after a minute the broker ends the connection. So a queue that did not answer in time is
tried here, until it does. Knows nothing of deliveries.
"""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from contextlib import suppress
from typing import Literal, TypeVar

from aiormq.abc import AbstractConnection, DeliveredMessage
from aiormq.channel import Channel
from aiormq.exceptions import ChannelNotFoundEntity, DeliveryError, PublishError
from pamqp.commands import Basic

from engine.queues.apart import open_channel
from engine.queues.nodes import TROUBLE, Nodes, is_trouble

__all__ = ["Alone", "Outcome"]

Outcome = Literal[
    "stored",  # the broker confirmed: it is on disk on a majority
    "returned",  # no queue of that name: it was stored nowhere
    "nacked",  # the broker refused it (the queue is full)
    "unknown",  # the connection was lost before an answer: it may be stored
    "unsent",  # nothing went out
]

T = TypeVar("T")

_PATIENCE = 20.0  # seconds for an answer
_PLACES = 8  # queues tried at once
_CLOSE = 5.0  # seconds for the end of a connection


class Alone:
    """Tries queues, each on a connection of its own that ends with the attempt."""

    def __init__(self, nodes: Nodes, *, patience: float = _PATIENCE) -> None:
        self._nodes = nodes
        self._patience = patience
        self._places = asyncio.Semaphore(_PLACES)
        self._over = asyncio.Event()

    def end(self) -> None:
        """Wait for no answer any more."""
        self._over.set()

    async def publish(self, queue: str, body: bytes, properties: Basic.Properties) -> Outcome:
        """Publish one message to the queue, persistent and mandatory. Raises nothing."""
        sent = False

        async def attempt(channel: Channel) -> Outcome:
            nonlocal sent
            sent = True
            try:
                await channel.basic_publish(
                    body, routing_key=queue, properties=properties, mandatory=True, wait=False
                )
            except PublishError:
                return "returned"
            except DeliveryError:
                return "nacked"
            return "stored"

        outcome = await self._tried(attempt)
        return outcome or ("unknown" if sent else "unsent")

    async def consumed(self, queue: str) -> bool | None:
        """Whether the broker lets us consume the queue; None where there is no such queue. What it hands out
        meanwhile goes back to its place. Raises nothing."""

        async def ignored(_message: DeliveredMessage) -> None:
            return None

        async def attempt(channel: Channel) -> Literal["yes", "gone"]:
            await channel.basic_qos(prefetch_count=1)
            try:
                await channel.basic_consume(queue, ignored)
            except ChannelNotFoundEntity:
                return "gone"
            return "yes"

        answer = await self._tried(attempt)
        return None if answer == "gone" else answer == "yes"

    async def _tried(self, attempt: Callable[[Channel], Awaitable[T]]) -> T | None:
        """What came of an attempt; None where there was no answer."""
        async with self._places:
            work = asyncio.create_task(self._on_a_connection(attempt), name="a queue tried alone")
            over = asyncio.create_task(self._over.wait(), name="the end of trying")
            try:
                await asyncio.wait({work, over}, timeout=self._patience, return_when=asyncio.FIRST_COMPLETED)
            finally:
                # Calls on a connection that was lost may hang or end as a cancellation: they end here.
                for task in (work, over):
                    task.cancel()
                await asyncio.gather(work, over, return_exceptions=True)
        if work.cancelled():
            return None
        failure = work.exception()
        if failure is None:
            return work.result()
        if isinstance(failure, Exception) and is_trouble(failure):
            return None
        raise failure

    async def _on_a_connection(self, attempt: Callable[[Channel], Awaitable[T]]) -> T:
        connection, _ = await self._nodes.connect("gatepost trying a queue")
        try:
            return await attempt(await open_channel(connection))
        finally:
            await _close(connection)


async def _close(connection: AbstractConnection) -> None:
    with suppress(*TROUBLE, asyncio.CancelledError):
        async with asyncio.timeout(_CLOSE):
            await connection.close()
