"""One kept connection to RabbitMQ, and publishing on it with an outcome for each message.

The only file, with topology and consumers, that speaks aiormq. It works round what is known of it: a
Return is matched by `message_id` alone (so each publish has a fresh one), the caller's properties are
written to (so they are made afresh), and calls on a lost connection may hang or end as a cancellation (so
they are ended here and reported as unknown). Knows nothing of deliveries.
"""

from __future__ import annotations

import asyncio
import random
import time
import uuid
from collections.abc import Awaitable, Callable, Mapping
from contextlib import suppress

from aiormq.abc import AbstractChannel, AbstractConnection
from aiormq.channel import Channel
from aiormq.exceptions import DeliveryError, PublishError
from pamqp.commands import Basic

from engine.crash_points import ARMED, reach
from engine.queues.alone import Alone, Outcome
from engine.queues.apart import Apart, open_channel
from engine.queues.nodes import TROUBLE, Nodes, is_trouble
from engine.queues.refusals import LOST, SILENT, UNCONFIRMED, Refusal, why_not_connected

__all__ = ["TROUBLE", "Link", "Outcome", "Publisher"]

_PREPARE = 15.0  # seconds for what lives on a connection
_FIRST_WAIT, _LONGEST_WAIT = 0.2, 5.0  # seconds between attempts to connect
_STALLED = 30.0  # seconds without a confirm, though not blocked, after which a connection is given up
_WATCH = 1.0  # seconds between looks at it
_NO_SIGN = 8  # looks without an answer, after which another node is tried
_SILENT_FOR = 300.0  # seconds for which a queue without confirms is remembered
_ON_ITS_WAY = 0.0005  # seconds after which a frame has left us and no confirm has come; for the fault rig
_NOWHERE = "gatepost..nowhere"  # no channel or address makes this name


class Link:
    """Keeps one connection: connects, says so, notices its end, says so, and connects again.

    `up` prepares what lives on the connection; `down` is told when it has gone. `changed` is told None when
    a connection stands, and why there is none: once for each reason, until one stands again. node: the host
    and port of the present connection, or of the last. blocked: what the broker lacks while it takes nothing
    ("low on memory"), else "".
    """

    def __init__(
        self,
        nodes: Nodes,
        name: str,
        up: Callable[[AbstractConnection], Awaitable[None]],
        down: Callable[[], None],
        changed: Callable[[Refusal | None], None] = lambda _why: None,
    ) -> None:
        self._nodes = nodes
        self._name = name
        self._up = up
        self._down = down
        self._changed = changed
        self._task: asyncio.Task[None] | None = None
        self._connection: AbstractConnection | None = None
        self._lost = asyncio.Event()
        self.blocked = ""
        self.node = ""

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
        """Give the present connection up: what was published on it is not confirmed."""
        if self._connection is not None:
            self._lost.set()

    async def _keep(self) -> None:
        wait = _FIRST_WAIT
        told: set[Refusal | None] = set()
        while True:
            lived = False
            try:
                self._connection, self.node = await self._nodes.connect(self._name)
                async with asyncio.timeout(_PREPARE):
                    await self._up(self._connection)
                if told != {None}:
                    told = {None}
                    self._changed(None)
                wait, lived = _FIRST_WAIT, True
                why = await self._watch(self._connection)
            except Exception as error:
                if not is_trouble(error):
                    raise
                why = why_not_connected(error)
            except asyncio.CancelledError as error:
                task = asyncio.current_task()
                if task is not None and task.cancelling():
                    await self._close(gently=True)
                    self._down()
                    raise
                why = why_not_connected(error)  # the client reports a loss as a cancellation
            stood = self._connection is not None
            await self._close(gently=False)
            self._down()
            if (task := asyncio.current_task()) is not None and task.cancelling():
                raise asyncio.CancelledError  # asked to end while the connection was being given up
            told.discard(None)
            if why not in told:
                told.add(why)
                self._changed(why)
            if stood:
                self._nodes.failed(self.node)
            if lived and self._nodes.several:
                continue  # another node may well be there
            await asyncio.sleep(wait * random.uniform(0.5, 1.5))  # noqa: S311 - jitter, not secrecy
            wait = min(wait * 2, _LONGEST_WAIT)

    async def _watch(self, connection: AbstractConnection) -> Refusal:
        """Return when the connection has ended, and why; keep `blocked` true while the broker blocks it."""
        closing = connection.closing
        self._lost.clear()
        pulse = await _Pulse.of(connection) if self._nodes.several else None
        try:
            while True:
                lost = asyncio.ensure_future(self._lost.wait())
                await asyncio.wait((closing, lost), timeout=_WATCH, return_when=asyncio.FIRST_COMPLETED)
                lost.cancel()
                if closing.done():
                    return LOST
                if self._lost.is_set():
                    return UNCONFIRMED
                self.blocked = await _blocked_by(connection)
                if pulse is not None and pulse.stopped(counts=not self.blocked):
                    return SILENT
        finally:
            if pulse is not None:
                pulse.end()

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


class _Pulse:
    """Asks a node for a sign of life at each look. Heartbeats tell of a frozen one only after half a
    minute; where another node can be had, that is long."""

    def __init__(self, channel: AbstractChannel) -> None:
        self._channel = channel
        self._asking: asyncio.Task[None] | None = None
        self._waited = 0  # looks since the last answer

    @classmethod
    async def of(cls, connection: AbstractConnection) -> _Pulse:
        """Raises one of TROUBLE."""
        async with asyncio.timeout(_PREPARE):
            return cls(await connection.channel(publisher_confirms=False))

    def stopped(self, *, counts: bool) -> bool:
        """Whether there was no answer for too long, at one look each second. counts: false while the broker
        lets nothing through."""
        if self._asking is None or self._asking.done():
            self._asking = asyncio.create_task(self._ask(), name="broker pulse")
        self._waited = self._waited + 1 if counts else 0
        return self._waited > _NO_SIGN

    def end(self) -> None:
        """Ask no more."""
        if self._asking is not None:
            self._asking.cancel()

    async def _ask(self) -> None:
        with suppress(*TROUBLE, asyncio.CancelledError):  # the connection's end, which is noticed elsewhere
            await self._channel.basic_qos(prefetch_count=1)
            self._waited = 0


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

    def __init__(self, alone: Alone | None = None) -> None:
        """alone: where queues are published to that did not answer."""
        self._channel: Channel | None = None
        self._apart: Apart | None = None
        self._alone = alone
        self._mute: set[str] = set()  # queues that are published to there
        self._under_way: dict[asyncio.Task[object], tuple[float, str]] = {}  # since when, to which queue
        self._ended: set[asyncio.Task[object]] = set()
        self._probe: asyncio.Task[None] | None = None
        self._silent: dict[str, float] = {}  # queues without a confirm, and when that was last seen
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

    def stalled(self) -> bool:
        """Whether a confirm has been waited for longer than a healthy broker takes."""
        now = time.monotonic()
        queues = [queue for since, queue in self._under_way.values() if now - since > _STALLED]
        self._silent.update(dict.fromkeys(queues, now))
        if self._alone is not None:
            self._mute.update(queues)  # most of them wait for nothing but one of the others: alone, they go
        return bool(queues)

    @property
    def unconfirmed(self) -> list[str]:
        """The queues whose last message was given up for want of a confirm."""
        limit = time.monotonic() - _SILENT_FOR
        for queue in [queue for queue, since in self._silent.items() if since < limit]:
            del self._silent[queue]  # nothing was published there any more
        return list(self._silent)

    async def publish(
        self,
        queue: str,
        body: bytes,
        headers: Mapping[str, str | int | bool],
        *,
        correlation_id: str | None = None,
    ) -> Outcome:
        """Publish one message and wait for what became of it. Raises nothing.

        A delivery's number stands before the `message_id`, so that who answers by it names the delivery.
        """
        shared, apart = self._channel, self._apart
        task = asyncio.current_task()
        if shared is None or apart is None or shared.is_closed or task is None:
            return "unsent"
        delivery = headers.get("gatepost-delivery-id")
        properties = Basic.Properties(
            delivery_mode=2,
            content_type="application/hl7-v2",
            message_id="-".join([*([str(delivery)] if delivery else []), uuid.uuid4().hex]),
            correlation_id=correlation_id,
            headers=dict(headers),
        )
        if queue in self._mute and self._alone is not None:
            return await self._published_alone(self._alone, queue, body, properties)
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
            self._silent.pop(queue, None)
        except PublishError:
            self.answered = True
            return "returned"
        except DeliveryError:
            self.answered = True
            apart.refused(queue)
            return "nacked"
        except Exception as failure:
            if not is_trouble(failure):
                raise
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

    async def _published_alone(
        self, alone: Alone, queue: str, body: bytes, properties: Basic.Properties
    ) -> Outcome:
        outcome = await alone.publish(queue, body, properties)
        if outcome in ("stored", "returned", "nacked"):
            self._mute.discard(queue)
            self._silent.pop(queue, None)
        elif outcome == "unknown":
            self._silent[queue] = time.monotonic()
        return outcome
