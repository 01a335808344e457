"""What a reload changes of the queue on RabbitMQ: channels that came, went or were mended; credentials."""

from __future__ import annotations

from uuid import uuid4

import pika
import pytest

from engine.journal.records import Changed
from engine.queues.contract import Tickets
from engine.queues.rabbitmq import RabbitQueue
from engine.queues.schedule import now_us
from engine.queues.topology import queue_name
from engine.site.model import ChannelSettings
from tests.broker import BrokerNode
from tests.engine.fake_journal import FakeJournal
from tests.engine.waiting import until

pytestmark = pytest.mark.broker


@pytest.fixture
def channel() -> str:
    return f"test{uuid4().hex[:10]}"


class Deliverer:
    """Work that delivers everything at once, or that rests for so many microseconds."""

    def __init__(self, journal: FakeJournal) -> None:
        self.journal = journal
        self.sent: list[int] = []
        self.rest = 0
        self.asked = 0

    async def work(self, tickets: Tickets) -> int:
        self.asked += 1
        if self.rest:
            return now_us() + self.rest
        self.sent += [row.id for row in tickets.rows]
        await self.journal.change([Changed(row.id, "delivered", now_us(), 1) for row in tickets.rows])
        return 0


def consumers(broker: BrokerNode, queue: str) -> int:
    connection = broker.connect()
    try:
        return int(connection.channel().queue_declare(queue, passive=True).method.consumer_count)
    finally:
        connection.close()


async def test_a_lane_that_gave_its_ticket_back_for_an_hour_is_tried_at_once_when_its_channel_changes(
    broker: BrokerNode, channel: str
) -> None:
    journal = FakeJournal()
    deliverer = Deliverer(journal)
    deliverer.rest = 3_600_000_000
    site = {channel: ChannelSettings(channel, "mllp")}
    queue = RabbitQueue(journal, broker.url, site, settle=0.0, hold=0.5)
    await queue.start(deliverer.work)
    queue.offer(journal.add(channel, "A", 3))
    await until(lambda: deliverer.asked > 0 and consumers(broker, queue_name(channel, "A")) == 0)
    deliverer.rest = 0

    assert queue.renew(site, ["another"]) == []
    assert queue.renew(site, [channel]) == [(channel, "A")]
    await until(lambda: deliverer.sent == [1, 2, 3])
    await queue.stop()


async def test_the_queue_of_a_channel_that_went_is_not_consumed_until_the_channel_is_back(
    broker: BrokerNode, channel: str
) -> None:
    journal = FakeJournal()
    deliverer = Deliverer(journal)
    site = {channel: ChannelSettings(channel, "mllp")}
    queue = RabbitQueue(journal, broker.url, site, settle=0.0)
    await queue.start(deliverer.work)
    queue.offer(journal.add(channel, "A"))
    await until(lambda: deliverer.sent == [1])

    queue.renew({}, [channel])
    await until(lambda: consumers(broker, queue_name(channel, "A")) == 0)
    queue.renew(site, [channel])
    queue.offer(journal.add(channel, "A"))
    await until(lambda: deliverer.sent == [1, 2])
    await queue.stop()


async def test_a_mailbox_that_came_by_a_reload_is_filled_and_not_consumed(
    broker: BrokerNode, channel: str
) -> None:
    journal = FakeJournal()
    deliverer = Deliverer(journal)
    queue = RabbitQueue(journal, broker.url, {}, settle=0.0)
    await queue.start(deliverer.work)
    queue.renew({channel: ChannelSettings(channel, "amqp")}, [channel])
    queue.offer(journal.add(channel, "A", 2))

    await until(lambda: journal.states("delivered") == [1, 2])
    assert broker.depth(queue_name(channel, "A")) == 2
    assert deliverer.sent == []
    await queue.stop()


async def test_another_password_is_used_for_the_next_connection(broker: BrokerNode, channel: str) -> None:
    journal = FakeJournal()
    wrong = broker.url.replace("guest:guest@", "guest:outdated@")
    queue = RabbitQueue(journal, wrong, {channel: ChannelSettings(channel, "amqp")}, settle=0.0)
    await queue.start(Deliverer(journal).work)
    queue.offer(journal.add(channel, "A"))
    assert queue.condition == "unreachable"
    with pytest.raises(pika.exceptions.AMQPError):
        pika.BlockingConnection(pika.URLParameters(wrong))

    queue.use(broker.url, 1000)
    await until(lambda: journal.states("delivered") == [1])
    queue.offer(journal.add(channel, "A", body=b"x" * 2000))
    await until(lambda: journal.states("parked") == [2])
    await queue.stop()
