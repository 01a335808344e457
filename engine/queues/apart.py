"""Which AMQP channel each queue is published on: nearly always the one that all share.

RabbitMQ keeps, for each channel that publishes to it, whether a queue was full. Some versions (3.10 among
them) never clear that mark when the queue's limit is lifted: on this channel the queue stays full for ever,
empty as it may be. So a queue that refused is tried again on a channel that it has not refused yet. Queues
that refused at about the same time share one; the others stay where they are.

Knows nothing of messages; each queue is published to by one task at a time.
"""

from __future__ import annotations

import asyncio
from collections import Counter
from contextlib import suppress

from aiormq.abc import AbstractConnection
from aiormq.channel import Channel
from aiormq.exceptions import AMQPError, ChannelInvalidStateError

__all__ = ["Apart", "open_channel"]

_OPENING = 10.0  # seconds
_MOST = 100  # channels beside the shared one; a broker allows 2,047 for a connection


async def open_channel(connection: AbstractConnection) -> Channel:
    """A channel that confirms. Raises what the client raises when the connection has failed."""
    async with asyncio.timeout(_OPENING):
        channel = await connection.channel(publisher_confirms=True)
    if not isinstance(channel, Channel):  # its publish can leave draining to the confirm
        raise TypeError("the AMQP client gave an unknown kind of channel")
    return channel


class Apart:
    """The channels of one connection. `shared` is the one for all queues that never refused anything."""

    def __init__(self, connection: AbstractConnection, shared: Channel) -> None:
        self._connection = connection
        self._channels: dict[int, Channel] = {0: shared}  # by number, in the order of opening
        self._youngest = 0
        self._at: dict[str, int] = {}  # for a queue that has refused: the number of its channel
        self._users = Counter[int]()  # how many queues a channel has, beside the shared one
        self._refused: set[str] = set()  # queues that refused on their present channel
        self._opening = asyncio.Lock()
        self._closing: set[asyncio.Task[None]] = set()

    @property
    def count(self) -> int:
        """How many channels are open."""
        return len(self._channels)

    def refused(self, queue: str) -> None:
        """The queue has refused a message on its present channel."""
        self._refused.add(queue)

    async def channel(self, queue: str) -> Channel:
        """Where to publish to this queue now. Raises what the client raises."""
        number = self._at.get(queue, 0)
        if queue in self._refused or (number and self._channels[number].is_closed):
            await self._move(queue)
        return self._channels[self._at.get(queue, 0)]

    async def _move(self, queue: str) -> None:
        """Give the queue a channel that is younger than the one on which it refused."""
        before = self._at.get(queue, 0)
        async with self._opening:
            if before == self._youngest:
                if len(self._channels) > _MOST:
                    return  # as many were full, one after the other: it stays until the next connection
                self._channels[before + 1] = await open_channel(self._connection)
                self._youngest = before + 1
        self._refused.discard(queue)
        self._at[queue] = self._youngest
        self._users[before] -= 1
        self._users[self._youngest] += 1
        if 0 < before < self._youngest and not self._users[before]:
            del self._users[before]
            task = asyncio.create_task(_close(self._channels.pop(before)), name="channel closing")
            self._closing.add(task)
            task.add_done_callback(self._closing.discard)


async def _close(channel: Channel) -> None:
    with suppress(AMQPError, ChannelInvalidStateError, OSError, RuntimeError, TimeoutError):
        async with asyncio.timeout(_OPENING):
            await channel.close()
