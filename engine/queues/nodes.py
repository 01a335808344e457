"""Opening a connection to RabbitMQ: to one broker, or to whichever node of a cluster answers.

The nodes are tried in the order of the site file, beginning with the one that answered last. Knows nothing
of what a connection is for.
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Awaitable, Callable, Mapping, Sequence
from contextlib import suppress
from typing import Any
from urllib.parse import urlsplit

import aiormq
from aiormq.abc import AbstractConnection, DeliveredMessage
from aiormq.channel import Channel
from aiormq.exceptions import AMQPError, ChannelInvalidStateError
from pamqp.commands import Basic
from yarl import URL

from engine.queues.refusals import SILENT, NotReachedError, Refusal, together, why_not_connected

__all__ = ["TROUBLE", "Connection", "Nodes", "is_trouble", "open_connection"]

_HEARTBEAT = 10  # seconds; a half-open connection is noticed after three of them
_CONNECT = 15.0  # seconds
_CONNECT_TO_ONE_OF_MANY = 5.0
_FRAMES = 10  # read ahead of what a channel has let in, 128 KiB each

TROUBLE = (AMQPError, ChannelInvalidStateError, OSError, RuntimeError, TimeoutError, EOFError)
"""What the client raises when a connection or a channel has failed; see also `is_trouble`."""


def is_trouble(failure: Exception) -> bool:
    """Whether the client says by this that a connection or a channel has failed. Calls that are under way
    when a channel ends without a reason of its own are ended with a bare Exception."""
    return isinstance(failure, TROUBLE) or type(failure) is Exception


class MeteredChannel(Channel):
    """A channel that reads a delivery, and then nothing more until `gate` has let it in: the client alone
    would take in whatever the broker sends, however large. gate: is told its size in bytes."""

    gate: Callable[[int], Awaitable[None]]

    async def _read_content(self, frame: Any, header: Any) -> DeliveredMessage:
        message = await super()._read_content(frame, header)
        if isinstance(frame, Basic.Deliver):
            await self.gate(len(message.body))
        return message


class Connection(aiormq.Connection):
    """A connection that remembers why the broker blocks it: the client only logs that."""

    blocked_by = ""

    # Of the same name as the client's own class, so that this is its private method.
    async def __handle_connection_blocked(self, frame: Any) -> None:
        self.blocked_by = str(frame.reason or "")
        await super().__handle_connection_blocked(frame)

    async def metered_channel(self, gate: Callable[[int], Awaitable[None]]) -> MeteredChannel:
        """A channel to consume on. Its number is chosen and taken in one turn of the event loop, as the
        client does it."""
        number = max(self.channels, default=0) + 1
        channel = MeteredChannel(self, number, publisher_confirms=False, frame_buffer=_FRAMES)
        channel.gate = gate
        self.channels[number] = channel
        await channel.open(timeout=_CONNECT)
        return channel


async def open_connection(url: str, name: str, seconds: float = _CONNECT) -> AbstractConnection:
    """A connection with a short heartbeat. Raises one of aiormq's errors, OSError or TimeoutError."""
    # The client's own log shows frames, which hold message bodies: nothing of it may reach ours.
    logging.getLogger("aiormq").setLevel(logging.CRITICAL + 1)
    address = URL(url).update_query({"heartbeat": str(_HEARTBEAT), "name": name})
    connection = Connection(address)
    async with asyncio.timeout(seconds):
        await connection.connect()
    return connection


class Nodes:
    """The broker's addresses, shared by all connections to it: what one finds out, the others know.

    away: by host and port, the nodes that could not be reached when they were last tried, and why.
    """

    def __init__(self, urls: str | Sequence[str]) -> None:
        self.urls: tuple[str, ...] = ()
        self.away: dict[str, Refusal] = {}
        self.use(urls)

    def use(self, urls: str | Sequence[str]) -> None:
        """These addresses from now on, for whenever a connection is made anew."""
        self.urls = (urls,) if isinstance(urls, str) else tuple(urls)
        self._first = 0
        self.away.clear()

    @property
    def several(self) -> bool:
        """Whether another node can be tried where one fails."""
        return len(self.urls) > 1

    @property
    def unreached(self) -> Mapping[str, Refusal]:
        """Where another node answers: those that did not."""
        return dict(self.away) if self.several and len(self.away) < len(self.urls) else {}

    def failed(self, node: str) -> None:
        """The connection to this node (host and port) was lost: begin with the next one."""
        if self.several and _place(self.urls[self._first]) == node:
            self._first = (self._first + 1) % len(self.urls)

    async def connect(self, name: str) -> tuple[AbstractConnection, str]:
        """A connection to the first node that answers, and which node that is (host and port). Raises
        NotReachedError where none does."""
        urls = self.urls
        first = self._first
        whys: dict[str, Refusal] = {}
        for number in range(len(urls)):
            url = urls[(first + number) % len(urls)]
            connection = await self._try(url, name, whys)
            if connection is not None:
                if urls is self.urls:
                    self._first = (first + number) % len(urls)
                return connection, _place(url)
        raise NotReachedError(together(whys))

    async def look_for(self, node: str) -> bool:
        """Whether a node that was away is there again. Raises nothing."""
        for url in self.urls:
            if _place(url) == node:
                connection = await self._try(url, "gatepost looking", {})
                if connection is None:
                    return False
                with suppress(*TROUBLE, asyncio.CancelledError):
                    async with asyncio.timeout(_CONNECT_TO_ONE_OF_MANY):
                        await connection.close()
        self.away.pop(node, None)
        return True

    async def _try(self, url: str, name: str, whys: dict[str, Refusal]) -> AbstractConnection | None:
        node = _place(url)
        try:
            connection = await open_connection(
                url, name, _CONNECT_TO_ONE_OF_MANY if self.several else _CONNECT
            )
        except Exception as error:
            if not is_trouble(error):
                raise
            why = why_not_connected(error)
        except asyncio.CancelledError:
            task = asyncio.current_task()
            if task is not None and task.cancelling():
                raise
            why = SILENT  # the client reports a loss as a cancellation
        else:
            self.away.pop(node, None)
            return connection
        self.away[node] = whys[node] = why
        return None


def _place(url: str) -> str:
    return urlsplit(url).netloc.rpartition("@")[2]
