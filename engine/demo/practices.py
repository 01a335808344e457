"""Simulated GP systems: MLLP receivers at the directory's endpoints, or consumers of mailboxes.

One practice is slow, and one is away for a while, so that the demo shows that nobody else waits for them.
Counts what arrived, each message once however often it came; knows nothing of the engine.
"""

from __future__ import annotations

import asyncio
import threading
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import pika
from pika.exceptions import AMQPError, ChannelClosedByBroker

from engine.demo.wire import LIMIT, acknowledgement, control_id, frame, read_body

__all__ = ["Mailboxes", "OccupiedError", "Received", "Surgeries", "total"]

Endpoint = tuple[str, int]


class OccupiedError(Exception):
    """A mailbox on this broker holds messages already: they may be somebody's, so the demo keeps off."""


@dataclass(slots=True)
class Received:
    """What one practice has got: `seen` tells messages apart; `repeats` came again."""

    seen: set[str] = field(default_factory=set)
    repeats: int = 0

    def add(self, mark: str) -> None:
        """Count an arrival."""
        if mark in self.seen:
            self.repeats += 1
        self.seen.add(mark)


class Surgeries:
    """MLLP receivers, one for each endpoint. `slow` maps practices to the seconds they take to answer."""

    def __init__(self, endpoints: Mapping[str, Endpoint], slow: Mapping[str, float]) -> None:
        self.received = {practice: Received() for practice in endpoints}
        self._endpoints = endpoints
        self._slow = slow
        self._servers: dict[str, asyncio.Server] = {}
        self._writers: dict[str, set[asyncio.StreamWriter]] = {practice: set() for practice in endpoints}

    async def start(self, away: Iterable[str] = ()) -> None:
        """Open all but those that are away. Raises OSError where a port cannot be had."""
        for practice in self._endpoints.keys() - set(away):
            await self.open(practice)

    async def open(self, practice: str) -> None:
        """This practice's system begins to answer."""

        async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
            await self._serve(practice, reader, writer)

        host, port = self._endpoints[practice]
        self._servers[practice] = await asyncio.start_server(serve, host, port, limit=LIMIT)

    async def stop(self) -> None:
        """Close everything."""
        for practice, server in self._servers.items():
            server.close()
            for writer in tuple(self._writers[practice]):
                writer.close()
        self._servers.clear()

    async def _serve(self, practice: str, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self._writers[practice].add(writer)
        try:
            while (body := await read_body(reader)) is not None:
                await asyncio.sleep(self._slow.get(practice, 0.0))
                self.received[practice].add(control_id(body))
                writer.write(frame(acknowledgement(body)))
                await writer.drain()
        except (OSError, ValueError):
            return  # the engine sends again what got no answer
        finally:
            self._writers[practice].discard(writer)
            writer.close()


class Mailboxes:
    """Consumers of practices' mailboxes with pika, in a thread of their own.

    Practices tell copies apart by the header `gatepost-delivery-id`, as the documentation asks of them.
    """

    PREFETCH = 20

    def __init__(self, url: str, queues: Mapping[str, str]) -> None:
        """`queues` maps each practice to the name of its mailbox."""
        self.received = {practice: Received() for practice in queues}
        self.trouble = ""
        self._owners = {queue: practice for practice, queue in queues.items()}
        self._parameters = pika.URLParameters(url)
        self._ending = threading.Event()
        self._thread = threading.Thread(target=self._consume, name="mailboxes", daemon=True)

    def check_empty(self) -> None:
        """Raises OccupiedError where a mailbox holds messages, and AMQPError where no broker answers."""
        connection = pika.BlockingConnection(self._parameters)
        for queue in self._owners:
            count = _waiting_in(connection, queue)
            if count:
                raise OccupiedError(f"the mailbox {queue} on this broker holds {count} message(s) already")
        connection.close()

    def start(self) -> None:
        """Begin to consume; mailboxes that do not exist yet are looked for again and again."""
        self._thread.start()

    def stop(self) -> None:
        """Acknowledge what was taken and leave."""
        self._ending.set()
        if self._thread.is_alive():
            self._thread.join(timeout=10)

    def _consume(self) -> None:
        while not self._ending.is_set():
            try:
                self._work(pika.BlockingConnection(self._parameters))
            except AMQPError as why:
                # What was taken and not acknowledged comes again, and is known by its delivery id.
                self.trouble = f"practices lost the broker ({type(why).__name__}) and try again"
                self._ending.wait(0.5)

    def _work(self, connection: Any) -> None:
        missing = set(self._owners)
        channel = connection.channel()
        channel.basic_qos(prefetch_count=self.PREFETCH)
        self.trouble = ""
        while not self._ending.is_set():
            for queue in sorted(missing):
                if _waiting_in(connection, queue) is not None:
                    channel.basic_consume(queue, self._take)
                    missing.discard(queue)
            connection.process_data_events(0.3)
        connection.close()

    def _take(self, channel: Any, method: Any, properties: Any, _body: bytes) -> None:
        delivery = (properties.headers or {}).get("gatepost-delivery-id", "")
        self.received[self._owners[method.routing_key]].add(str(delivery))
        channel.basic_ack(method.delivery_tag)


def _waiting_in(connection: Any, queue: str) -> int | None:
    """How many messages wait in a queue; None where it does not exist."""
    probe = connection.channel()
    try:
        count: int = probe.queue_declare(queue, passive=True).method.message_count
    except ChannelClosedByBroker:
        return None
    probe.close()
    return count


def total(received: Sequence[Received]) -> tuple[int, int]:
    """Distinct messages and repeats of several practices."""
    return sum(len(one.seen) for one in received), sum(one.repeats for one in received)
