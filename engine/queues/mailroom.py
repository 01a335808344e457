"""The connections that the feeds at queues share: one to take messages, one to answer them on.

They are made when the first such feed comes, and ended when the last has gone: a site without any has none.
Apart from those that deliveries go by, so that an answer to a practice's odd queue holds up nothing else.
Knows nothing of messages.
"""

from __future__ import annotations

import asyncio
from typing import Protocol

from aiormq.abc import AbstractConnection

from engine.queues.broker import Link, Publisher
from engine.queues.nodes import Connection, Nodes
from engine.queues.refusals import Refusal
from engine.queues.topology import Topology

__all__ = ["Guest", "Mailroom"]

_ANSWERING = 10.0  # seconds for one attempt to publish an answer
_ATTEMPTS = 3
_PAUSE = 1.0  # seconds between them
_OUTCOMES = {
    "stored": "",
    "returned": "there is no queue of the name that the message gives",
    "nacked": "the queue that the message names takes no more",
}
_NOT_TAKEN = "the broker did not take the answer"


class Guest(Protocol):
    """What a feed at a queue is to the connections that it uses."""

    def interrupt(self, *, lost: bool = False) -> None:
        """Take no more messages by this connection. lost: it does not serve any more."""

    def says(self, trouble: str) -> None:
        """Tell why no messages come, or "": they do."""


class Mailroom:
    """The feeds at queues of one broker. `topology` declares their queues."""

    def __init__(self, nodes: Nodes, topology: Topology) -> None:
        self.topology = topology
        self._publisher = Publisher()
        self._in = Link(nodes, "gatepost feeds", self._up, self._down, self._changed)
        self._out = Link(nodes, "gatepost answering", self._publisher.attach, self._publisher.detach)
        self._feeds: list[Guest] = []
        self._connection: Connection | None = None
        self._stands = asyncio.Event()
        self._afresh = False  # we gave a connection up that the broker had no part in

    def enter(self, feed: Guest) -> None:
        """A feed begins."""
        if not self._feeds:
            self._in.start()
            self._out.start()
        self._feeds.append(feed)

    async def leave(self, feed: Guest) -> None:
        """A feed has ended."""
        if feed in self._feeds:
            self._feeds.remove(feed)
            if not self._feeds:
                await asyncio.gather(self._in.stop(), self._out.stop())

    async def connection(self) -> Connection:
        """The connection to take messages on, when there is one."""
        while self._connection is None or self._connection.is_closed:
            self._stands.clear()
            await self._stands.wait()
        return self._connection

    def lost(self, connection: AbstractConnection) -> None:
        """It does not serve any more."""
        if connection is self._connection:
            self._connection = None
            self._in.lose()

    def vanished(self, queue: str) -> None:
        """This queue was deleted. It is made anew, and taken from on a fresh connection: the broker's end of
        this one may take the new queue for the old one, and give out nothing."""
        self.topology.forget(queue)
        self._afresh = True
        self._down()
        self._in.lose()

    async def answer(self, queue: str, data: bytes, correlation: str | None) -> str:
        """Publish an answer. "" when the broker has it, else why it is lost."""
        why = _NOT_TAKEN
        for attempt in range(_ATTEMPTS):
            if attempt:
                await asyncio.sleep(_PAUSE)
            try:
                async with asyncio.timeout(_ANSWERING):
                    outcome = await self._publisher.publish(queue, data, {}, correlation_id=correlation)
            except TimeoutError:
                continue
            why = _OUTCOMES.get(outcome, _NOT_TAKEN)
            if why != _NOT_TAKEN:
                break
        return why

    async def _up(self, connection: AbstractConnection) -> None:
        if not isinstance(connection, Connection):  # its channels can be metered
            raise TypeError("the link gave an unknown kind of connection")
        self._connection = connection
        self._stands.set()

    def _down(self) -> None:
        self._connection = None
        for feed in self._feeds:
            feed.interrupt(lost=True)

    def _changed(self, why: Refusal | None) -> None:
        if self._afresh:
            self._afresh = False  # we let it go ourselves, and the feed has said why
        elif why is not None:
            for feed in self._feeds:
                feed.says(f"RabbitMQ is not reachable: {why}")
