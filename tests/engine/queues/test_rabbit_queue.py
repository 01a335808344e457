"""What only RabbitMQ can do to us: mailboxes, deleted queues, other people's arguments, limits, and death."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import replace
from typing import get_args
from uuid import uuid4

import pika
import pytest

from engine.journal.records import Changed, CopyKind
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


@pytest.fixture
def journal() -> FakeJournal:
    return FakeJournal()


@asynccontextmanager
async def mailboxes(
    journal: FakeJournal, url: str, channel: str, max_message: int = 1_000_000, settle: float = 0.0
) -> AsyncIterator[RabbitQueue]:
    """A queue at work whose one channel is the practices' mailboxes."""

    async def nobody(tickets: Tickets) -> int:
        raise AssertionError("mailboxes are not consumed")

    site = {channel: ChannelSettings(channel, "amqp")}
    queue = RabbitQueue(journal, url, site, max_message=max_message, settle=settle)
    await queue.start(nobody)
    try:
        yield queue
    finally:
        await queue.stop()


class Deliverer:
    """Work that delivers everything at once, or says when to try again."""

    def __init__(self, journal: FakeJournal) -> None:
        self.journal = journal
        self.sent: list[int] = []
        self.rest = 0

    async def work(self, tickets: Tickets) -> int:
        if self.rest:
            return now_us() + self.rest
        for row in tickets.rows:
            if await self.journal.claim([Changed(row.id, "sending", now_us(), row.attempts)]):
                self.sent.append(row.id)
                await self.journal.change([Changed(row.id, "delivered", now_us(), row.attempts + 1)])
        return 0


async def test_a_mailbox_holds_the_bytes_as_they_are_with_headers_that_say_what_they_are(
    broker: BrokerNode, journal: FakeJournal, channel: str
) -> None:
    body = b"MSH|^~\\&|\xff\x00|\r"
    async with mailboxes(journal, broker.url, channel) as queue:
        (row,) = journal.add(channel, "Y06601", 1, body)
        queue.offer([row])
        await until(lambda: journal.states("delivered") == [1])
    ((properties, found),) = broker.empty(queue_name(channel, "Y06601"))
    assert found == body
    assert properties.delivery_mode == 2
    assert properties.content_type == "application/hl7-v2"
    ours = {name: value for name, value in properties.headers.items() if name.startswith("gatepost-")}
    assert ours == {
        "gatepost-delivery-id": 1,
        "gatepost-message-id": 1,
        "gatepost-practice": "Y06601",
        "gatepost-feed": "feed",
        "gatepost-type": "ORU^R01",
        "gatepost-control-id": "C1",
        "gatepost-config": "config",
        "gatepost-attempt": 1,
        "gatepost-possible-duplicate": False,
    }


async def test_what_comes_late_says_so_in_a_header_of_its_kind(
    broker: BrokerNode, journal: FakeJournal, channel: str
) -> None:
    kinds: dict[CopyKind, str] = {
        "": "", "released": "gatepost-released", "resend": "gatepost-resent", "redirect": "gatepost-resent",
        "re-addressed": "gatepost-readdressed", "fallback": "gatepost-fallback",
    }  # fmt: skip
    assert set(kinds) == set(get_args(CopyKind)), "a new kind needs a word here"
    async with mailboxes(journal, broker.url, channel) as queue:
        rows = [*journal.add(channel, "A", len(kinds)), *journal.add(channel, "A")]
        rows = [replace(row, kind=kind) for row, kind in zip(rows, kinds, strict=False)] + [
            replace(rows[-1], again=now_us())  # parked, and released by a person
        ]
        for row in rows:
            journal.rows[row.id] = row
        queue.offer(rows)
        await until(lambda: len(journal.states("delivered")) == len(rows))
    usual = {
        "gatepost-delivery-id", "gatepost-message-id", "gatepost-practice", "gatepost-feed", "gatepost-type",
        "gatepost-control-id", "gatepost-config", "gatepost-attempt", "gatepost-possible-duplicate",
    }  # fmt: skip
    found = broker.empty(queue_name(channel, "A"))
    marks = [
        sorted(name for name in properties.headers if name.startswith("gatepost-") and name not in usual)
        for properties, _ in found
    ]
    assert marks == [[mark] if mark else [] for mark in (*kinds.values(), "gatepost-released")]
    assert all(
        properties.headers[mark] is True
        for (properties, _), (mark,) in zip(found[1:], marks[1:], strict=True)
    )


async def test_no_two_publishes_share_a_message_id(
    broker: BrokerNode, journal: FakeJournal, channel: str
) -> None:
    async with mailboxes(journal, broker.url, channel) as queue:
        queue.offer(journal.add(channel, "A", 40))
        await until(lambda: len(journal.states("delivered")) == 40)
    found = broker.empty(queue_name(channel, "A"))
    assert len({properties.message_id for properties, _ in found}) == 40
    assert [properties.headers["gatepost-delivery-id"] for properties, _ in found] == list(range(1, 41))


async def test_a_message_over_the_limit_is_parked_before_it_is_published_and_the_next_flows(
    broker: BrokerNode, journal: FakeJournal, channel: str
) -> None:
    async with mailboxes(journal, broker.url, channel, max_message=1000) as queue:
        queue.offer([*journal.add(channel, "A", 1, b"x" * 1001), *journal.add(channel, "A", 1, b"y" * 1000)])
        await until(lambda: journal.states("delivered") == [2])
        assert journal.states("parked") == [1]


async def test_a_queue_with_other_arguments_is_reported_and_stops_only_its_own_lane(
    broker: BrokerNode, journal: FakeJournal, channel: str
) -> None:
    connection = broker.connect()
    connection.channel().queue_declare(queue_name(channel, "odd"), durable=True)
    connection.close()
    async with mailboxes(journal, broker.url, channel) as queue:
        queue.offer([*journal.add(channel, "odd"), *journal.add(channel, "well", 10)])
        await until(lambda: len(journal.states("delivered")) == 10)
        assert journal.states("waiting") == [1]


async def test_a_mailbox_deleted_under_us_is_made_anew_and_nothing_more_is_lost(
    broker: BrokerNode, journal: FakeJournal, channel: str
) -> None:
    async with mailboxes(journal, broker.url, channel) as queue:
        queue.offer(journal.add(channel, "A"))
        await until(lambda: journal.states("delivered") == [1])
        connection = broker.connect()
        connection.channel().queue_delete(queue_name(channel, "A"))
        connection.close()
        queue.offer(journal.add(channel, "A", 2))
        await until(lambda: journal.states("delivered") == [1, 2, 3])
    ids = [p.headers["gatepost-delivery-id"] for p, _ in broker.empty(queue_name(channel, "A"))]
    assert ids == [2, 3]


async def test_a_full_queue_keeps_its_messages_waiting_until_there_is_room(
    broker: BrokerNode, journal: FakeJournal, channel: str
) -> None:
    name = queue_name(channel, "A")
    async with mailboxes(journal, broker.url, channel) as queue:
        queue.offer(journal.add(channel, "A"))
        await until(lambda: journal.states("delivered") == [1])
        broker.control("set_policy", channel, f"^{name}$", '{"max-length":1}', "--apply-to", "queues")
        queue.offer(journal.add(channel, "A", 4))
        await until(lambda: len(journal.states("delivered")) >= 1 and len(journal.states("waiting")) > 0)
        held = set(journal.states("waiting"))
        broker.control("clear_policy", channel)
        await until(lambda: not journal.states("waiting"), "delivery once there is room", 20)
        assert held <= set(journal.states("delivered"))


async def test_a_full_mailbox_whose_limit_is_lifted_takes_everything_while_others_flow(
    broker: BrokerNode, journal: FakeJournal, channel: str
) -> None:
    # RabbitMQ remembers for each of our channels that a queue was full, and never looks again once there is
    # no limit any more: whatever is taken out, on that channel the queue stays full.
    name = queue_name(channel, "A")
    async with mailboxes(journal, broker.url, channel) as queue:
        queue.offer(journal.add(channel, "A"))
        await until(lambda: journal.states("delivered") == [1])
        broker.control("set_policy", channel, f"^{name}$", '{"max-length":3}', "--apply-to", "queues")
        queue.offer(journal.add(channel, "A", 40))
        await until(lambda: len(journal.states("waiting")) < 40)
        await until(lambda: bool(queue._relay._refusals), "a refusal")
        broker.control("clear_policy", channel)
        taken = broker.empty(name)
        queue.offer(journal.add(channel, "B", 5))
        await until(lambda: not journal.states("waiting"), "delivery once there is room", 10)
        assert queue._publisher.channels <= 2
    found = taken + broker.empty(name)
    assert [properties.headers["gatepost-delivery-id"] for properties, _ in found] == list(range(1, 42))
    assert not any(properties.headers["gatepost-possible-duplicate"] for properties, _ in found)


async def test_what_may_have_been_published_before_a_crash_says_so(
    broker: BrokerNode, journal: FakeJournal, channel: str
) -> None:
    journal.add(channel, "A", 3)
    async with mailboxes(journal, broker.url, channel) as queue:
        await until(lambda: len(journal.states("delivered")) == 3)
        (fresh,) = journal.add(channel, "A")
        journal.set(fresh.id, created=now_us())
        queue.offer([journal.rows[fresh.id]])
        await until(lambda: len(journal.states("delivered")) == 4)
    flags = [p.headers["gatepost-possible-duplicate"] for p, _ in broker.empty(queue_name(channel, "A"))]
    assert flags == [True, True, True, False]
    assert [journal.rows[n].in_doubt for n in (1, 2, 3, 4)] == [True, True, True, False]


async def test_tickets_that_vanished_with_their_queue_are_published_again_at_the_start(
    broker: BrokerNode, journal: FakeJournal, channel: str
) -> None:
    for row in journal.add(channel, "A", 5):
        journal.set(row.id, state="queued")
    deliverer = Deliverer(journal)
    queue = RabbitQueue(journal, broker.url, {channel: ChannelSettings(channel, "mllp")}, settle=0.0)
    await queue.start(deliverer.work)
    await until(lambda: deliverer.sent == [1, 2, 3, 4, 5])
    await queue.stop()


async def test_a_queue_deleted_while_its_tickets_wait_loses_nothing(
    broker: BrokerNode, journal: FakeJournal, channel: str
) -> None:
    deliverer = Deliverer(journal)
    deliverer.rest = 300_000
    queue = RabbitQueue(journal, broker.url, {channel: ChannelSettings(channel, "mllp")}, settle=0.0)
    await queue.start(deliverer.work)
    queue.offer(journal.add(channel, "A", 6))
    # The first ticket may be in hand before its row is marked; then it is not marked any more.
    await until(lambda: len(journal.states("queued")) >= 5)
    deliverer.rest = 0
    connection = broker.connect()
    connection.channel().queue_delete(queue_name(channel, "A"))
    connection.close()
    await until(lambda: len(journal.states("delivered")) == 6)
    assert deliverer.sent == [1, 2, 3, 4, 5, 6]
    await queue.stop()


async def test_a_long_rest_gives_the_ticket_back_and_takes_it_up_again_when_due(
    broker: BrokerNode, journal: FakeJournal, channel: str
) -> None:
    deliverer = Deliverer(journal)
    deliverer.rest = 1_500_000
    site = {channel: ChannelSettings(channel, "mllp")}
    queue = RabbitQueue(journal, broker.url, site, settle=0.0, hold=0.5)
    await queue.start(deliverer.work)
    queue.offer(journal.add(channel, "A", 3))
    name = queue_name(channel, "A")
    ready = []

    def given_back() -> bool:
        ready.append(broker.depth(name))
        return ready[-1] == 3

    await until(given_back, "the ticket's return")
    deliverer.rest = 0
    await until(lambda: deliverer.sent == [1, 2, 3])
    await queue.stop()
    assert broker.depth(name) == 0


async def test_a_stranger_s_message_in_our_queue_is_taken_away_and_harms_nobody(
    broker: BrokerNode, journal: FakeJournal, channel: str
) -> None:
    deliverer = Deliverer(journal)
    queue = RabbitQueue(journal, broker.url, {channel: ChannelSettings(channel, "mllp")}, settle=0.0)
    await queue.start(deliverer.work)
    queue.offer(journal.add(channel, "A"))
    await until(lambda: deliverer.sent == [1])
    connection = broker.connect()
    connection.channel().basic_publish("", queue_name(channel, "A"), b"who knows")
    connection.channel().basic_publish(
        "", queue_name(channel, "A"), b"again", pika.BasicProperties(headers={"gatepost-delivery-id": 999})
    )
    connection.close()
    queue.offer(journal.add(channel, "A"))
    await until(lambda: deliverer.sent == [1, 2])
    await queue.stop()
    assert broker.depth(queue_name(channel, "A")) == 0


async def test_it_starts_while_the_broker_is_away(journal: FakeJournal, channel: str) -> None:
    async with mailboxes(journal, "amqp://guest:guest@127.0.0.1:9/", channel) as queue:
        queue.offer(journal.add(channel, "A", 1000))
        await asyncio.sleep(0)
        assert queue.condition == "unreachable"
    assert len(journal.states("waiting")) == 1000


async def test_a_ticket_whose_delivery_has_ended_is_taken_away_and_nobody_is_asked_to_send_it(
    broker: BrokerNode, journal: FakeJournal, channel: str
) -> None:
    given: list[int] = []
    resting = True

    async def work(tickets: Tickets) -> int:
        if resting:
            return now_us() + 50_000
        given.extend(row.id for row in tickets.rows)
        await journal.change([Changed(row.id, "delivered", now_us(), 1) for row in tickets.rows])
        return 0

    queue = RabbitQueue(journal, broker.url, {channel: ChannelSettings(channel, "mllp")}, settle=0.0)
    await queue.start(work)
    queue.offer(journal.add(channel, "A", 4))
    await until(lambda: len(journal.states("queued")) >= 3)
    journal.set(2, state="withdrawn")
    journal.set(3, state="discarded")
    resting = False
    await until(lambda: journal.states("delivered") == [1, 4])
    assert given == [1, 4]
    await queue.stop()
    assert broker.depth(queue_name(channel, "A")) == 0


async def test_an_alarm_on_the_broker_is_seen_and_everything_follows_when_it_is_over(
    broker: BrokerNode, journal: FakeJournal, channel: str
) -> None:
    loop = asyncio.get_running_loop()

    async def watermark(value: str) -> None:
        arguments = ("set_vm_memory_high_watermark", "absolute", value)
        await loop.run_in_executor(None, broker.control, *arguments)

    async with mailboxes(journal, broker.url, channel) as queue:
        queue.offer(journal.add(channel, "A"))
        await until(lambda: journal.states("delivered") == [1])
        await watermark("1MB")
        try:
            queue.offer(journal.add(channel, "A", 5))
            await until(lambda: queue.condition.startswith("blocked"), "the alarm")
            queue.offer(journal.add(channel, "B", 5))
        finally:
            await watermark("2GB")
        await until(lambda: len(journal.states("delivered")) == 11, "delivery after the alarm")
        assert queue.condition == "connected"
    ids = [p.headers["gatepost-delivery-id"] for p, _ in broker.empty(queue_name(channel, "A"))]
    assert ids == [1, 2, 3, 4, 5, 6]


@pytest.mark.slow
async def test_a_broker_killed_under_load_loses_nothing_and_flags_what_may_come_twice(
    broker: BrokerNode, journal: FakeJournal, channel: str
) -> None:
    addresses = [f"P{number}" for number in range(10)]
    loop = asyncio.get_running_loop()
    async with mailboxes(journal, broker.url, channel, settle=2.0) as queue:
        for address in addresses:
            queue.offer(journal.add(channel, address))
        await until(lambda: len(journal.states("delivered")) == 10)

        async def load() -> None:
            for _ in range(100):
                for address in addresses:
                    (row,) = journal.add(channel, address)
                    journal.set(row.id, created=now_us())
                    queue.offer([journal.rows[row.id]])
                await asyncio.sleep(0.01)

        loading = asyncio.create_task(load())
        await until(lambda: len(journal.states("delivered")) > 300)
        await loop.run_in_executor(None, broker.kill)
        await until(lambda: queue.condition == "unreachable")
        await loading  # offers go on while the broker is away
        await loop.run_in_executor(None, broker.restart)
        await until(lambda: len(journal.states("delivered")) == 1010, "delivery after the restart", 40)
    copies = 0
    for address in addresses:
        found = [p.headers for p, _ in broker.empty(queue_name(channel, address))]
        expected = [row.id for row in journal.rows.values() if row.address == address]
        first: dict[int, None] = {}
        for headers in found:
            if headers["gatepost-delivery-id"] in first:
                copies += 1
                assert headers["gatepost-possible-duplicate"], "a second copy was not flagged"
            first[headers["gatepost-delivery-id"]] = None
        assert list(first) == expected, f"lost or out of order at {address}"
    assert copies <= len(addresses), "more than the one unconfirmed message of a queue came twice"
