"""The queue on RabbitMQ: joins the relay, which publishes, and the consumers, which have tickets worked.

Implements engine.queues.contract.Queue. While the broker is away feeds are acknowledged all the same and
rows wait in the journal; everything follows when it is back, each queue's unconfirmed message first.
"""

from __future__ import annotations

import asyncio
from collections.abc import Collection, Mapping, Sequence
from typing import TYPE_CHECKING

from aiormq.abc import AbstractConnection

from channels.catalogue import KINDS
from engine.delivery.outcomes import ClaimJournal, Recorder
from engine.journal.records import DeliveryRow
from engine.observe.log import get_log
from engine.queues.broker import Link, Publisher
from engine.queues.consumers import Consumers
from engine.queues.contract import Work
from engine.queues.outbox import LaneKey
from engine.queues.relay import Relay
from engine.queues.topology import DEAD, BrokerAwayError, QueueUnusableError, Topology

if TYPE_CHECKING:
    from engine.site.model import ChannelSettings

__all__ = ["RabbitQueue"]

log = get_log()

_WATCH = 1.0  # seconds between looks at blocking and stalled publishes
NO_CONFIRM = (
    "the broker does not confirm messages to this queue; they wait and are published again. If this "
    "goes on, the queue has lost its leader: if it is a new one, delete it on the broker, and it is made anew"
)
_DEAD_WATCH = 60  # looks between looks at the dead-letter queue


class RabbitQueue:
    """Implements engine.queues.contract.Queue on RabbitMQ 3.10 or newer.

    url: amqp:// or amqps://, secrets filled in. max_message: bytes, the broker's own limit (16 MiB on
    4.x, 128 MiB on 3.10). memory: bytes of offered rows kept. hold: seconds of back-off beyond which a
    ticket is given back to the broker.
    """

    def __init__(
        self,
        journal: ClaimJournal,
        url: str,
        channels: Mapping[str, ChannelSettings],
        *,
        max_message: int = 16 * 1024 * 1024,
        memory: int = 16 * 1024 * 1024,
        hold: float = 60.0,
        settle: float = 2.0,
    ) -> None:
        self._journal = journal
        self._recorder = Recorder(journal)
        self._publisher = Publisher()
        self._topology = Topology(url, settle=settle)
        self._relay = Relay(
            journal,
            self._recorder,
            self._publisher,
            self._topology,
            _mailboxes(channels),
            self._declared,
            self._vanished,
            max_message=max_message,
            memory=memory,
        )
        self._consumers = Consumers(
            journal, self._relay.publish_again, self._relay.overtaken, hold=round(hold * 1e6)
        )
        self._out = Link(url, "gatepost publishing", self._publishing, self._not_publishing, self._changed)
        self._in = Link(url, "gatepost consuming", self._consumers.attach, self._consumers.detach)
        self._tending: asyncio.Task[None] | None = None
        self._blocked = False
        self._connected = False
        self._dead = 0

    @property
    def condition(self) -> str:
        """What `gatepost status` shows of the broker."""
        if not self._connected:
            return "unreachable"
        if self._blocked:
            return "blocked by an alarm on the broker"
        return f"connected, {self._dead} in {DEAD}" if self._dead else "connected"

    async def start(self, work: Work) -> None:
        """Begin, with what the journal holds open. Does not wait for the broker."""
        self._consumers.begin(work)
        self._relay.begin(await self._journal.lanes())
        self._out.start()
        self._in.start()
        self._tending = asyncio.create_task(self._tend(), name="broker watch")
        self._tending.add_done_callback(self._tending_ended)

    def offer(self, rows: Sequence[DeliveryRow]) -> None:
        """Just committed rows: published when the broker takes them."""
        self._relay.offer(rows)

    def renew(self, channels: Mapping[str, ChannelSettings], changed: Collection[str]) -> Sequence[LaneKey]:
        """Publish and consume for these channels from now on."""
        self._relay.renew(_mailboxes(channels), changed)
        return self._consumers.renew(changed, {name for name in changed if name not in channels})

    def use(self, url: str, max_message: int) -> None:
        """The broker's address with other credentials, for whenever a connection is made anew, and the
        largest message that it takes."""
        self._out.url = self._in.url = self._topology.url = url
        self._relay.max_message = max_message

    async def stop(self) -> None:
        """Publish and hand out nothing more, wait for what is under way, close the connections."""
        try:
            await asyncio.gather(self._relay.stop(), self._consumers.stop())
        finally:
            if self._tending is not None:
                self._tending.cancel()
            await asyncio.gather(self._out.stop(), self._in.stop(), self._topology.close())
            await self._recorder.flush()

    # -- what happens to the connections ---------------------------------------------------------

    async def _publishing(self, connection: AbstractConnection) -> None:
        await self._publisher.attach(connection)
        self._relay.resume()

    def _not_publishing(self) -> None:
        self._relay.pause()
        self._publisher.detach()
        self._blocked = False

    def _changed(self, connected: bool, why: str) -> None:
        self._connected = connected
        if connected:
            log.info("broker.connected")
        else:
            log.error("broker.disconnected", why=why, remedy="is the broker running, and the address right?")

    def _declared(self, key: LaneKey) -> None:
        self._consumers.want(key)

    def _vanished(self, key: LaneKey) -> None:
        self._consumers.vanished(key)
        # The broker's channel may still hold what it knew of the deleted queue, and then takes the new one of
        # that name for it: tickets are not handed out. A fresh connection knows nothing.
        self._in.lose()

    def _tending_ended(self, task: asyncio.Task[None]) -> None:
        """The watch should last as long as the queue: if it fails, say so and watch on."""
        if task.cancelled() or task.exception() is None:
            return
        log.error(
            "broker.trouble", why=f"the watch over the broker failed ({type(task.exception()).__name__})"
        )
        self._tending = asyncio.get_running_loop().create_task(self._tend(), name="broker watch")
        self._tending.add_done_callback(self._tending_ended)

    # -- what a person should know ---------------------------------------------------------------

    async def _tend(self) -> None:
        """Watch for alarms on the broker, publishes that get no answer, and dead letters."""
        looks = 0
        while True:
            await asyncio.sleep(_WATCH)
            if self._out.blocked != self._blocked:
                self._see_blocked(self._out.blocked)
            if not self._blocked and (queue := self._publisher.stalled()):
                log.error("broker.trouble", queue=queue, why=NO_CONFIRM)
                self._out.lose()
            if self._connected and looks % _DEAD_WATCH == 0:
                await self._see_dead()
            looks += 1

    def _see_blocked(self, blocked: bool) -> None:
        self._blocked = blocked
        if blocked:
            self._relay.pause()
            log.error("broker.blocked", remedy="free memory or disk space on the broker; messages wait")
        else:
            log.info("broker.unblocked")
            if self._publisher.attached:
                self._relay.resume()

    async def _see_dead(self) -> None:
        try:
            dead = await self._topology.dead()
        except (BrokerAwayError, QueueUnusableError):
            return  # told elsewhere, when a queue is needed
        if dead and not self._dead:
            log.error("broker.trouble", why=f"{dead} messages were given up by the broker; see {DEAD}")
        self._dead = dead


def _mailboxes(channels: Mapping[str, ChannelSettings]) -> frozenset[str]:
    """The channels whose queues are the destination."""
    return frozenset(
        name
        for name, settings in channels.items()
        if settings.kind in KINDS and KINDS[settings.kind].sender is None
    )
