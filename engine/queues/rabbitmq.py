"""The queue on RabbitMQ: joins the relay, which publishes, and the consumers, which have tickets worked.

Implements engine.queues.contract.Queue. While the broker is away feeds are acknowledged all the same and
rows wait in the journal; everything follows when it is back, each queue's unconfirmed message first.
"""

from __future__ import annotations

import asyncio
from collections.abc import Collection, Iterator, Mapping, Sequence
from typing import TYPE_CHECKING, Any

from aiormq.abc import AbstractConnection

from channels.catalogue import KINDS
from engine.delivery.outcomes import ClaimJournal, Recorder
from engine.journal.records import DeliveryRow
from engine.queues.alone import Alone
from engine.queues.broker import Link, Publisher
from engine.queues.consumers import MUTE, Consumers
from engine.queues.contract import Work
from engine.queues.mailroom import Mailroom
from engine.queues.nodes import Nodes
from engine.queues.outbox import LaneKey
from engine.queues.refusals import Refusal
from engine.queues.relay import Relay
from engine.queues.remembered import Remembered
from engine.queues.topology import MAILBOX, TICKETS, Topology
from engine.queues.watching import BrokerWatch

if TYPE_CHECKING:
    from engine.site.model import ChannelSettings

__all__ = ["RabbitQueue"]


class RabbitQueue:
    """Implements engine.queues.contract.Queue on RabbitMQ 3.10 or newer.

    urls: amqp:// or amqps://, secrets filled in; of a cluster one for each node. remembered: the queues that
    were made before; at the start it is looked whether they are still as ours must be. max_message: bytes,
    the broker's own limit (16 MiB on 4.x, 128 MiB on 3.10). memory: bytes of offered rows kept. hold: seconds
    of back-off beyond which a ticket is given back to the broker.
    """

    def __init__(
        self,
        journal: ClaimJournal,
        urls: str | Sequence[str],
        channels: Mapping[str, ChannelSettings],
        *,
        remembered: Remembered | None = None,
        max_message: int = 16 * 1024 * 1024,
        memory: int = 16 * 1024 * 1024,
        hold: float = 60.0,
        settle: float = 2.0,
    ) -> None:
        self._journal = journal
        self._channels = channels
        self._recorder = Recorder(journal)
        self._nodes = Nodes(urls)
        self._alone = Alone(self._nodes)
        self._publisher = Publisher(self._alone)
        self._topology = Topology(self._nodes, remembered, settle=settle)
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
            journal,
            self._relay.publish_again,
            self._relay.overtaken,
            lambda: self._in.lose(),  # noqa: PLW0108 - it is made below
            self._alone,
            hold=round(hold * 1e6),
        )
        self.mailroom = Mailroom(self._nodes, self._topology)
        """Where feeds take their messages from queues of this broker."""
        self._out = Link(
            self._nodes, "gatepost publishing", self._publishing, self._not_publishing, self._changed
        )
        self._in = Link(self._nodes, "gatepost consuming", self._consumers.attach, self._consumers.detach)
        self._watch = BrokerWatch(
            self._out,
            self._publisher,
            self._topology,
            self._nodes,
            pause=self._relay.pause,
            resume=self._resume,
            mended=self._relay.hurry,
        )

    @property
    def condition(self) -> str:
        """What `gatepost status` shows of the broker, in a few words."""
        return self._watch.condition

    @property
    def troubles(self) -> tuple[str, ...]:
        """What a person should look at on the broker, each with a remedy."""
        mute = self._consumers.mute
        more = f" and {len(mute) - 1} others" if len(mute) > 1 else ""
        return (*self._watch.troubles, *([f"{mute[0]}{more}: {MUTE}"] if mute else []))

    async def start(self, work: Work) -> None:
        """Begin, with what the journal holds open. Does not wait for the broker."""
        self._consumers.begin(work)
        self._relay.begin(await self._journal.lanes())
        self._out.start()
        self._in.start()
        self._watch.check(self._queues(self._channels))
        self._watch.start()

    def offer(self, rows: Sequence[DeliveryRow]) -> None:
        """Just committed rows: published when the broker takes them."""
        self._relay.offer(rows)

    def renew(self, channels: Mapping[str, ChannelSettings], changed: Collection[str]) -> Sequence[LaneKey]:
        """Publish and consume for these channels from now on."""
        self._channels = channels
        self._relay.renew(_mailboxes(channels), changed)
        self._watch.check(self._queues({name: channels[name] for name in changed if name in channels}))
        return self._consumers.renew(changed, {name for name in changed if name not in channels})

    def use(self, urls: str | Sequence[str], max_message: int) -> None:
        """The broker's addresses, perhaps with other credentials or nodes, for whenever a connection is made
        anew, and the largest message that it takes."""
        self._nodes.use(urls)
        self._relay.max_message = max_message

    async def stop(self) -> None:
        """Publish and hand out nothing more, wait for what is under way, close the connections."""
        self._alone.end()
        try:
            await asyncio.gather(self._relay.stop(), self._consumers.stop())
        finally:
            await self._watch.stop()
            await asyncio.gather(self._out.stop(), self._in.stop(), self._topology.close())
            await self._recorder.flush()

    # -- what happens to the connections ---------------------------------------------------------

    async def _publishing(self, connection: AbstractConnection) -> None:
        await self._publisher.attach(connection)
        self._relay.resume()

    def _not_publishing(self) -> None:
        self._relay.pause()
        self._publisher.detach()
        self._topology.drop()

    def _resume(self) -> None:
        if self._publisher.attached:
            self._relay.resume()

    def _changed(self, why: Refusal | None) -> None:
        self._watch.changed(why)

    def _declared(self, key: LaneKey) -> None:
        self._consumers.want(key)

    def _vanished(self, key: LaneKey) -> None:
        self._consumers.vanished(key)
        # The broker's channel may still hold what it knew of the deleted queue, and then takes the new one of
        # that name for it: tickets are not handed out. A fresh connection knows nothing.
        self._in.lose()

    def _queues(self, channels: Mapping[str, ChannelSettings]) -> Iterator[tuple[str, Mapping[str, Any]]]:
        """The queues that were made for these channels, with the arguments that they must have."""
        mailboxes = _mailboxes(channels)
        for queue in self._topology.remembered:
            name = queue.split(".")[1] if queue.count(".") else ""
            if name in channels:
                yield queue, MAILBOX if name in mailboxes else TICKETS


def _mailboxes(channels: Mapping[str, ChannelSettings]) -> frozenset[str]:
    """The channels whose queues are the destination."""
    return frozenset(
        name
        for name, settings in channels.items()
        if settings.kind in KINDS and KINDS[settings.kind].sender is None
    )
