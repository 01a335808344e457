"""One kept connection to RabbitMQ, and publishing on it with an outcome for each message.

The only file, with topology and consumers, that speaks aiormq. It works round what is known of it: a
Return is matched by `message_id` alone (so each publish has a fresh one), the caller's properties are
written to (so they are made afresh), and calls on a lost connection may hang or end as a cancellation (so
they are ended here and reported as unknown). Knows nothing of deliveries.
"""

from __future__ import annotations

import asyncio
import logging
import random
import time
import uuid
from collections.abc import Awaitable, Callable, Mapping
from contextlib import suppress
from typing import Any, Literal

import aiormq
from aiormq.abc import AbstractConnection
from aiormq.channel import Channel
from aiormq.exceptions import AMQPError, ChannelInvalidStateError, DeliveryError, PublishError
from pamqp.commands import Basic
from yarl import URL

from engine.crash_points import ARMED, reach
from engine.queues.apart import Apart, open_channel
from engine.queues.refusals import LOST, SILENT, Refusal, why_not_connected

__all__ = ["TROUBLE", "Link", "Outcome", "Publisher", "open_connection"]

Outcome = Literal[
    "stored",  # the broker confirmed: it is on disk on a majority
    "returned",  # no queue of that name: it was stored nowhere
    "nacked",  # the broker refused it (the queue is full)
    "unknown",  # the connection was lost before an answer: it may be stored
    "unsent",  # nothing went out
]

_HEARTBEAT = 10  # seconds; a half-open connection is noticed after three of them
_CONNECT = 15.0  # seconds
_FIRST_WAIT, _LONGEST_WAIT = 0.2, 5.0  # seconds between attempts to connect
_STALLED = 30.0  # seconds without a confirm, though not blocked, after which a connection is given up
_WATCH = 1.0  # seconds between looks at it
_ON_ITS_WAY = 0.0005  # seconds after which a frame has left us and no confirm has come; for the fault rig
_NOWHERE = "gatepost..nowhere"  # no channel or address makes this name

TROUBLE = (AMQPError, ChannelInvalidStateError, OSError, RuntimeError, TimeoutError, EOFError)
"""What the client raises when a connection or a channel has failed."""


class Connection(aiormq.Connection):
    """A connection that remembers why the broker blocks it: the client only logs that."""

    blocked_by = ""

    # Of the same name as the client's own class, so that this is its private method.
    async def __handle_connection_blocked(self, frame: Any) -> None:
        self.blocked_by = str(frame.reason or "")
        await super().__handle_connection_blocked(frame)


async def open_connection(url: str, name: str) -> AbstractConnection:
    """A connection with a short heartbeat. Raises one of aiormq's errors, OSError or TimeoutError."""
    # The client's own log shows frames, which hold message bodies: nothing of it may reach ours.
    logging.getLogger("aiormq").setLevel(logging.CRITICAL + 1)
    address = URL(url).update_query({"heartbeat": str(_HEARTBEAT), "name": name})
    connection = Connection(address)
    async with asyncio.timeout(_CONNECT):
        await connection.connect()
    return connection


class Link:
    """Keeps one connection: connects, says so, notices its end, says so, and connects again.

    `up` prepares what lives on the connection; `down` is told when it has gone. `changed` is told None when
    a connection stands, and why there is none: once for each reason, until one stands again. blocked: what
    the broker lacks while it takes nothing ("low on memory"), else "".
    """

    def __init__(
        self,
        url: str,
        name: str,
        up: Callable[[AbstractConnection], Awaitable[None]],
        down: Callable[[], None],
        changed: Callable[[Refusal | None], None] = lambda _why: None,
    ) -> None:
        self.url = url  # asked for each connection
        self._name = name
        self._up = up
        self._down = down
        self._changed = changed
        self._task: asyncio.Task[None] | None = None
        self._connection: AbstractConnection | None = None
        self._lost = asyncio.Event()
        self.blocked = ""

    def start(self) -> None:
        """Begin to connect, and keep at it."""
        self._task = asyncio.create_task(self._keep(), name=self._name)

    async def stop(self) -> None:
        """Close the connection and connect no more."""
        if self._task is not None:
            self._task.cancel()
            await asyncio.gather(self._task, return_exceptions=True)
            self._task = None

    def lose(self) -> None:
        """Give the present connection up: it does not answer any more."""
        if self._connection is not None:
            self._lost.set()

    async def _keep(self) -> None:
        wait = _FIRST_WAIT
        told: set[Refusal | None] = set()
        while True:
            try:
                self._connection = await open_connection(self.url, self._name)
                async with asyncio.timeout(_CONNECT):
                    await self._up(self._connection)
                if told != {None}:
                    told = {None}
                    self._changed(None)
                wait = _FIRST_WAIT
                why = await self._watch(self._connection)
            except TROUBLE as error:
                why = why_not_connected(error)
            except asyncio.CancelledError as error:
                task = asyncio.current_task()
                if task is not None and task.cancelling():
                    await self._close(gently=True)
                    self._down()
                    raise
                why = why_not_connected(error)  # the client reports a loss as a cancellation
            await self._close(gently=False)
            self._down()
            told.discard(None)
            if why not in told:
                told.add(why)
                self._changed(why)
            await asyncio.sleep(wait * random.uniform(0.5, 1.5))  # noqa: S311 - jitter, not secrecy
            wait = min(wait * 2, _LONGEST_WAIT)

    async def _watch(self, connection: AbstractConnection) -> Refusal:
        """Return when the connection has ended, and why; keep `blocked` true while the broker blocks it."""
        closing = connection.closing
        self._lost.clear()
        while True:
            lost = asyncio.ensure_future(self._lost.wait())
            await asyncio.wait((closing, lost), timeout=_WATCH, return_when=asyncio.FIRST_COMPLETED)
            lost.cancel()
            if closing.done():
                return LOST
            if self._lost.is_set():
                return SILENT
            self.blocked = await _blocked_by(connection)

    async def _close(self, *, gently: bool) -> None:
        connection, self._connection = self._connection, None
        self.blocked = ""
        if connection is None or connection.is_closed:
            return
        try:
            async with asyncio.timeout(5.0 if gently else 1.0):
                await connection.close()
        except (*TROUBLE, asyncio.CancelledError):
            return  # it had gone


async def _blocked_by(connection: AbstractConnection) -> str:
    """What the broker lacks while it blocks publishers (memory or disk alarm); "" while it does not."""
    try:
        async with asyncio.timeout(0.01):
            await connection.ready()
    except TimeoutError:
        return getattr(connection, "blocked_by", "") or "an alarm"
    return ""


class Publisher:
    """Publishes persistent, mandatory, confirmed messages through the default exchange.

    Any number may be under way at once; whoever publishes to one queue waits for each outcome before the
    next, which keeps the queue's order.
    """

    def __init__(self) -> None:
        self._channel: Channel | None = None
        self._apart: Apart | None = None
        self._under_way: dict[asyncio.Task[object], tuple[float, str]] = {}  # since when, to which queue
        self._ended: set[asyncio.Task[object]] = set()
        self._probe: asyncio.Task[None] | None = None
        self.answered = False
        """Whether the broker has answered a publish on the present connection."""

    @property
    def attached(self) -> bool:
        """Whether there is a channel to publish on."""
        return self._channel is not None

    @property
    def channels(self) -> int:
        """How many AMQP channels are published on; more than one where queues were full."""
        return 0 if self._apart is None else self._apart.count

    async def attach(self, connection: AbstractConnection) -> None:
        """Use this connection from now on."""
        self._channel = await open_channel(connection)
        self._apart = Apart(connection, self._channel)
        self.answered = False

    def detach(self) -> None:
        """The connection has gone: everything under way is unknown."""
        self._channel = self._apart = None
        for task in list(self._under_way):
            self._ended.add(task)
            task.cancel()  # caught in `publish`, which alone waits while a task stands in `_under_way`
        if self._probe is not None:
            self._probe.cancel()
            self._probe = None

    def probe(self) -> None:
        """Where nothing is published, publish an empty message to nowhere: a broker with an alarm says so
        only to those who publish."""
        if self._channel is not None and not self._under_way and (self._probe is None or self._probe.done()):
            self._probe = asyncio.create_task(self._ask(self._channel), name="broker probe")

    async def _ask(self, channel: Channel) -> None:
        with suppress(*TROUBLE, asyncio.CancelledError):  # the link notices, and says so
            await channel.basic_publish(b"", routing_key=_NOWHERE, mandatory=False, wait=False)
            self.answered = True

    def stalled(self) -> str:
        """The queue whose confirm has been waited for longer than a healthy broker takes; "" for none."""
        since, queue = min(self._under_way.values(), default=(0.0, ""))
        return queue if queue and time.monotonic() - since > _STALLED else ""

    async def publish(self, queue: str, body: bytes, headers: Mapping[str, str | int | bool]) -> Outcome:
        """Publish one message and wait for what became of it. Raises nothing."""
        shared, apart = self._channel, self._apart
        task = asyncio.current_task()
        if shared is None or apart is None or shared.is_closed or task is None:
            return "unsent"
        properties = Basic.Properties(
            delivery_mode=2,
            content_type="application/hl7-v2",
            message_id=uuid.uuid4().hex,
            headers=dict(headers),
        )
        self._under_way[task] = (time.monotonic(), queue)
        failed: Outcome = "unsent"
        try:
            channel = await apart.channel(queue)
            if ARMED:
                asyncio.get_running_loop().call_later(_ON_ITS_WAY, reach, "publish.unconfirmed")
            failed = "unknown"
            await channel.basic_publish(
                body, routing_key=queue, properties=properties, mandatory=True, wait=False
            )
            self.answered = True
        except PublishError:
            self.answered = True
            return "returned"
        except DeliveryError:
            self.answered = True
            apart.refused(queue)
            return "nacked"
        except TROUBLE:
            return failed
        except asyncio.CancelledError:
            if task in self._ended:
                task.uncancel()
            elif task.cancelling():
                raise
            return failed
        finally:
            del self._under_way[task]
            self._ended.discard(task)
        return "stored"
