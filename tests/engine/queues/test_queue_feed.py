"""A feed at its queue on a real RabbitMQ: what is stored is acknowledged, and nothing else is."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from dataclasses import dataclass, field
from functools import partial
from uuid import uuid4

import pika
import pytest

from channels.mllp import Budget, Note, Slot
from engine.queues import queue_feed as module
from engine.queues.envelope import Sent
from engine.queues.mailroom import Mailroom
from engine.queues.nodes import Connection, Nodes
from engine.queues.queue_feed import QueueFeed
from engine.queues.stretch import Stretch
from engine.queues.topology import MAILBOX, Topology
from engine.site.model import Feed
from tests.broker import BrokerNode
from tests.engine.waiting import until

pytestmark = pytest.mark.broker


@dataclass
class Intake:
    """Takes messages, and settles them as it is told: at once, or when the test says so."""

    at_once: bool = True
    answer: bytes | None = None
    refusals: int = 0
    taken: list[bytes] = field(default_factory=list)
    sent: list[Sent] = field(default_factory=list)
    slots: list[Slot] = field(default_factory=list)

    def take(self, frame: bytes, slot: Slot, sent: Sent) -> None:
        if self.refusals:
            self.refusals -= 1
            slot.hang_up()
            return
        self.taken.append(frame)
        self.sent.append(sent)
        self.slots.append(slot)
        if self.at_once:
            slot.answer(self.answer)

    def note(self, what: Note) -> None:
        raise AssertionError(what)


@dataclass
class Rig:
    """A feed, the queue it takes from, and a practice that fills it."""

    broker: BrokerNode
    mailroom: Mailroom
    queue: str
    intake: Intake = field(default_factory=Intake)
    budget: Budget = field(default_factory=lambda: Budget(1 << 20))
    feeds: list[QueueFeed] = field(default_factory=list)

    async def open(self, *, max_message: int = 1 << 20) -> QueueFeed:
        feed = Feed("practices", ("", 0), "amqp", queue=self.queue, max_frame=max_message)
        found = QueueFeed(feed, self.intake, self.budget, self.mailroom)
        self.feeds.append(found)
        await found.start()
        await until(lambda: found.consuming, "the feed consumes")
        return found

    def send(self, *bodies: bytes, **properties: object) -> None:
        connection = self.broker.connect()
        channel = connection.channel()
        channel.confirm_delivery()
        for body in bodies:
            channel.basic_publish("", self.queue, body, pika.BasicProperties(**properties), mandatory=True)
        connection.close()

    def more_than(self, count: int) -> bool:
        return len(self.intake.taken) > count

    def delete(self) -> None:
        connection = self.broker.connect()
        connection.channel().queue_delete(self.queue)
        connection.close()

    async def until_empty(self) -> None:
        """Until nothing is in the queue, nor in anybody's hand."""
        await until(lambda: self.feeds[-1].unanswered == 0, "everything is settled")
        await self.feeds[-1].stop(5.0)
        assert await asyncio.to_thread(self.broker.depth, self.queue) == 0


@pytest.fixture(scope="session")
def node(broker: BrokerNode) -> BrokerNode:
    return broker


@pytest.fixture
async def rig(node: BrokerNode, monkeypatch: pytest.MonkeyPatch) -> AsyncIterator[Rig]:
    monkeypatch.setattr(module, "_FIRST_REST", 0.05)
    monkeypatch.setattr(module, "_AGAIN", 0.2)
    nodes = Nodes(node.url)
    topology = Topology(nodes, settle=0.0)
    found = Rig(node, Mailroom(nodes, topology), f"in.{uuid4().hex[:12]}")
    yield found
    for feed in found.feeds:
        await feed.stop(1.0)
    await topology.close()


async def test_messages_are_taken_in_order_and_acknowledged_once_they_are_stored(rig: Rig) -> None:
    rig.intake.at_once = False
    feed = await rig.open()
    bodies = [b"M%d" % number for number in range(300)]
    await asyncio.to_thread(rig.send, *bodies)
    await until(lambda: len(rig.intake.taken) == 128, "as many as may be in hand")
    assert await asyncio.to_thread(rig.broker.depth, rig.queue) == 300 - 128

    rig.intake.at_once = True
    for slot in rig.intake.slots[:]:
        slot.answer(None)
    await until(lambda: len(rig.intake.taken) == 300, "all are taken")
    await rig.until_empty()

    assert rig.intake.taken == bodies
    assert feed.redelivered == 0
    assert rig.budget.held == 0


async def test_what_was_in_hand_when_the_engine_died_comes_again_and_in_its_place(rig: Rig) -> None:
    rig.intake.at_once = False
    feed = await rig.open()
    await asyncio.to_thread(rig.send, b"1", b"2", b"3")
    await until(lambda: len(rig.intake.taken) == 3, "all are in hand")
    rig.intake.slots[1].answer(None)
    await asyncio.sleep(0)
    await feed.stop(1.0)  # the broker sees the same when the process has gone

    rig.intake = Intake()
    again = await rig.open()
    await until(lambda: len(rig.intake.taken) == 2, "the two that were not stored")
    await rig.until_empty()

    assert rig.intake.taken == [b"1", b"3"]
    assert again.redelivered == 2
    assert rig.budget.held == 0


async def test_what_cannot_be_stored_is_given_back_and_taken_again_after_a_rest(rig: Rig) -> None:
    rig.intake.refusals = 3
    await rig.open()
    await asyncio.to_thread(rig.send, b"1", b"2")
    await until(lambda: len(rig.intake.taken) == 2, "both are taken in the end")
    await rig.until_empty()

    assert rig.intake.taken == [b"1", b"2"]
    assert rig.budget.held == 0


async def test_a_paused_feed_leaves_messages_in_the_queue_until_it_is_resumed(rig: Rig) -> None:
    feed = await rig.open()
    feed.pause()
    await until(lambda: not feed.consuming, "it stops")
    await asyncio.to_thread(rig.send, b"1")
    assert await asyncio.to_thread(rig.broker.depth, rig.queue) == 1
    assert rig.intake.taken == []

    feed.resume()
    await until(lambda: rig.intake.taken == [b"1"], "it goes on")
    await rig.until_empty()


async def test_bytes_in_hand_stay_within_the_budget_and_one_more(rig: Rig) -> None:
    rig.budget = Budget(100_000)
    rig.intake.at_once = False
    await rig.open()
    await asyncio.to_thread(rig.send, *([b"x" * 40_000] * 20))
    await until(lambda: len(rig.intake.taken) == 3, "what fits, and one over it")
    seen = []
    while len(rig.intake.taken) < 20:
        seen.append(rig.budget.held)
        before = len(rig.intake.taken)
        rig.intake.slots.pop(0).answer(None)
        await until(partial(rig.more_than, before), "the next one comes in")
    for slot in rig.intake.slots:
        slot.answer(None)
    await rig.until_empty()

    assert max(seen) <= 120_000
    assert rig.budget.held == 0


async def test_an_answer_goes_where_the_message_asks_for_it_with_its_correlation(rig: Rig) -> None:
    rig.intake.answer = b"MSH|ack"
    await rig.open()
    connection = rig.broker.connect()
    channel = connection.channel()
    mine = channel.queue_declare("", exclusive=True).method.queue
    await asyncio.to_thread(rig.send, b"1", reply_to=mine, message_id="order-7")

    got = []

    def answered() -> bool:
        connection.process_data_events(0)
        method, properties, body = channel.basic_get(mine, auto_ack=True)
        if method is not None:
            got.append((properties.correlation_id, body))
        return bool(got)

    await until(answered, "the answer comes")
    await rig.until_empty()
    connection.close()
    assert got == [("order-7", b"MSH|ack")]


@pytest.mark.parametrize(
    "reply_to", ["gatepost.gp_message.Y90001", "amq.fanout", "no such queue", "nobody.is.there"]
)
async def test_an_answer_never_goes_to_a_queue_of_the_site_and_a_lost_one_holds_nothing_up(
    rig: Rig, reply_to: str
) -> None:
    rig.intake.answer = b"MSH|ack"
    feed = await rig.open()
    connection = rig.broker.connect()
    connection.channel().queue_declare("gatepost.gp_message.Y90001", arguments=dict(MAILBOX), durable=True)
    connection.close()
    await asyncio.to_thread(rig.send, b"1", reply_to=reply_to)
    await until(lambda: rig.intake.taken == [b"1"], "it is taken")
    await rig.until_empty()

    assert feed.counters.answers == 0
    assert await asyncio.to_thread(rig.broker.depth, "gatepost.gp_message.Y90001") == 0


async def test_a_message_over_the_limit_is_handed_on_as_such_and_what_it_claims_to_answer(rig: Rig) -> None:
    await rig.open(max_message=10)
    await asyncio.to_thread(rig.send, b"x" * 11, b"\x0bframed\x1c\r", headers={"gatepost-delivery-id": 12})
    await until(lambda: len(rig.intake.taken) == 2, "both are taken")
    await rig.until_empty()

    assert rig.intake.taken == [b"x" * 11, b"framed"]
    assert rig.intake.sent == [Sent(12, too_large=True), Sent(12)]


async def test_a_deleted_queue_is_made_anew_and_taken_from(rig: Rig) -> None:
    feed = await rig.open()
    await asyncio.to_thread(rig.delete)

    await until(lambda: bool(feed.trouble), "it is told of")
    await until(lambda: feed.consuming and not feed.trouble, "it is there again")
    await asyncio.to_thread(rig.send, b"1")
    await until(lambda: rig.intake.taken == [b"1"], "and is taken from")


@pytest.mark.parametrize("failure", [Exception(), ValueError("a bug")], ids=["the client's", "our own"])
async def test_a_feed_goes_on_after_a_failure_that_nobody_foresaw(
    rig: Rig, monkeypatch: pytest.MonkeyPatch, failure: Exception
) -> None:
    consume, failures = QueueFeed._consume, [failure]

    async def fail_once(feed: QueueFeed, stretch: Stretch, connection: Connection) -> None:
        if failures:
            raise failures.pop()
        await consume(feed, stretch, connection)

    monkeypatch.setattr(QueueFeed, "_consume", fail_once)
    await rig.open()
    await asyncio.to_thread(rig.send, b"1")

    await until(lambda: rig.intake.taken == [b"1"], "the message is taken")


async def test_a_queue_with_other_arguments_is_told_of_and_used_once_it_is_mended(rig: Rig) -> None:
    connection = rig.broker.connect()
    connection.channel().queue_declare(rig.queue, durable=True)
    feed = QueueFeed(
        Feed("practices", ("", 0), "amqp", queue=rig.queue), rig.intake, rig.budget, rig.mailroom
    )
    rig.feeds.append(feed)
    await feed.start()
    await until(lambda: "other arguments" in feed.trouble, "the trouble has a name")
    assert not feed.consuming

    connection.channel().queue_delete(rig.queue)
    connection.close()
    await until(lambda: feed.consuming and not feed.trouble, "it is used")
