"""What RabbitMQ's troubles look like to a person: each begins once, ends once, and says what to do."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from uuid import uuid4

import pika
import pytest
import structlog
import trustme

from engine.journal.records import Changed
from engine.queues.contract import Tickets
from engine.queues.rabbitmq import RabbitQueue
from engine.queues.remembered import Remembered
from engine.queues.schedule import now_us
from engine.queues.topology import DEAD, MAILBOX, queue_name
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
    journal: FakeJournal, url: str | list[str], channel: str, remembered: tuple[str, ...] = ()
) -> AsyncIterator[RabbitQueue]:
    async def nobody(tickets: Tickets) -> int:
        raise AssertionError("mailboxes are not consumed")

    site = {channel: ChannelSettings(channel, "amqp", "directory")}
    known = Remembered()
    for address in remembered:
        known.add(queue_name(channel, address))
    queue = RabbitQueue(journal, url, site, remembered=known, settle=0.0)
    await queue.start(nobody)
    try:
        yield queue
    finally:
        await queue.stop()


def delete(broker: BrokerNode, queue: str) -> None:
    connection = broker.connect()
    connection.channel().queue_delete(queue)
    connection.close()


async def test_a_queue_with_other_arguments_is_found_at_the_start_named_and_used_once_it_is_mended(
    broker: BrokerNode, journal: FakeJournal, channel: str
) -> None:
    odd = queue_name(channel, "odd")
    connection = broker.connect()
    connection.channel().queue_declare(odd, durable=False)
    connection.channel().queue_declare(queue_name(channel, "good"), durable=True, arguments=dict(MAILBOX))
    connection.close()
    with structlog.testing.capture_logs() as lines:
        async with mailboxes(journal, broker.url, channel, ("new", "odd", "good")) as queue:
            await until(lambda: len(queue.troubles) == 1)
            (trouble,) = queue.troubles
            assert odd in trouble
            assert "durable should be true and is false" in trouble
            assert f"rabbitmqctl delete_queue {odd}" in trouble
            queue.offer([*journal.add(channel, "odd"), *journal.add(channel, "good", 3)])
            await until(lambda: journal.states("delivered") == [2, 3, 4])
            assert broker.depth(queue_name(channel, "new")) == -1, "looking made a queue"
            delete(broker, odd)
            await until(lambda: journal.states("delivered") == [1, 2, 3, 4], "the mended lane", 15)
            assert queue.troubles == ()
    told = [line["event"] for line in lines if line.get("queue") == odd]
    assert told == ["broker.queue_unusable", "broker.queue_usable"]


async def test_a_queue_with_other_arguments_that_was_never_used_is_named_when_it_is_first_needed(
    broker: BrokerNode, journal: FakeJournal, channel: str
) -> None:
    odd = queue_name(channel, "odd")
    connection = broker.connect()
    connection.channel().queue_declare(odd, durable=False)
    connection.close()
    async with mailboxes(journal, broker.url, channel) as queue:
        queue.offer([*journal.add(channel, "odd"), *journal.add(channel, "good")])
        await until(lambda: journal.states("delivered") == [2])
        (trouble,) = queue.troubles
        assert odd in trouble
        delete(broker, odd)
        await until(lambda: journal.states("delivered") == [1, 2], "the mended lane", 15)


def freeze(broker: BrokerNode, queue: str, *, thaw: bool = False) -> None:
    """As if the queue had no leader: nothing that is asked of it is answered."""
    broker.control("eval", f"sys:{'resume' if thaw else 'suspend'}(whereis('%2F_{queue}')).")


async def test_a_mailbox_that_does_not_answer_holds_up_no_other(
    broker: BrokerNode, journal: FakeJournal, channel: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    stalled = 1.0
    monkeypatch.setattr("engine.queues.broker._STALLED", stalled)
    bad = queue_name(channel, "A")
    async with mailboxes(journal, broker.url, channel) as queue:
        queue.offer([*journal.add(channel, "A"), *journal.add(channel, "B")])
        await until(lambda: journal.states("delivered") == [1, 2])
    await asyncio.to_thread(freeze, broker, bad)
    # A channel that has never published to it waits for its leader, with all that comes behind.
    with structlog.testing.capture_logs() as lines:
        async with mailboxes(journal, broker.url, channel, ("A", "B")) as queue:
            others = [row for number in range(20) for row in journal.add(channel, f"N{number}")]
            waiting = journal.add(channel, "A", 3)
            queue.offer([*others[:10], *waiting, *others[10:]])
            await until(lambda: any(bad in trouble for trouble in queue.troubles))
            await until(lambda: len(journal.states("delivered")) == 22, "those that waited with it")
            end = asyncio.get_running_loop().time() + 4 * stalled
            done = 22
            while asyncio.get_running_loop().time() < end:
                queue.offer(journal.add(channel, "B"))
                done += 1
                await until(lambda: len(journal.states("delivered")) == done, "another mailbox")  # noqa: B023
            assert len([line for line in lines if line["event"] == "broker.connected"]) <= 2
            await asyncio.to_thread(freeze, broker, bad, thaw=True)
            await until(lambda: len(journal.states("delivered")) == done + 3, "what waited for it", 30)
            await until(lambda: queue.troubles == ())
    numbers = [properties.headers["gatepost-delivery-id"] for properties, _ in broker.empty(bad)]
    assert list(dict.fromkeys(numbers)) == [1, *(row.id for row in waiting)]


async def test_a_queue_of_tickets_that_does_not_answer_holds_up_no_other(
    broker: BrokerNode, journal: FakeJournal, channel: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("engine.queues.consumers._TIMEOUT", 2.0)
    site = {channel: ChannelSettings(channel, "folder", "directory")}
    addresses = ["bad", *(f"N{n}" for n in range(5))]
    sent: list[int] = []

    async def deliver(tickets: Tickets) -> int:
        for row in tickets.rows:
            sent.append(row.id)
            await journal.change([Changed(row.id, "delivered", now_us(), row.attempts + 1)])
        return 0

    first = RabbitQueue(journal, broker.url, site, settle=0.0)
    await first.start(deliver)
    first.offer([row for address in addresses for row in journal.add(channel, address)])
    await until(lambda: len(sent) == 6)
    await first.stop()
    await asyncio.to_thread(freeze, broker, queue_name(channel, "bad"))
    with structlog.testing.capture_logs() as lines:
        queue = RabbitQueue(journal, broker.url, site, settle=0.0)
        journal.add(channel, "bad")  # of which the next start knows only from the journal
        await queue.start(deliver)
        try:
            queue.offer([row for address in addresses[1:] for row in journal.add(channel, address, 2)])
            await until(lambda: len(sent) == 16, "the others", 60)
            await until(lambda: any(queue_name(channel, "bad") in trouble for trouble in queue.troubles))
            await asyncio.to_thread(freeze, broker, queue_name(channel, "bad"), thaw=True)
            await until(lambda: 7 in sent, "what waited for it", 60)
            await until(lambda: queue.troubles == (), "the end of the trouble", 30)
        finally:
            await queue.stop()
    told = [line["event"] for line in lines if line.get("queue") == queue_name(channel, "bad")]
    assert told == ["broker.queue_unusable", "broker.queue_usable"]


async def test_new_queues_leave_no_complaint_in_the_brokers_log(
    broker: BrokerNode, journal: FakeJournal, channel: str
) -> None:
    async with mailboxes(journal, broker.url, channel) as queue:
        for number in range(8):
            queue.offer(journal.add(channel, f"P{number}"))
        await until(lambda: len(journal.states("delivered")) == 8)
    assert f"gatepost.{channel}." not in complaints(broker)


async def test_queues_that_have_gone_are_told_of_and_an_empty_broker_is_not_asked_for_all_of_them(
    broker: BrokerNode, journal: FakeJournal, channel: str
) -> None:
    with structlog.testing.capture_logs() as lines:
        async with mailboxes(journal, broker.url, channel, tuple(f"P{n}" for n in range(300))) as queue:
            await until(lambda: any(line["event"] == "broker.queues_gone" for line in lines))
            queue.offer(journal.add(channel, "P1"))
            await until(lambda: journal.states("delivered") == [1])
    (line,) = [line for line in lines if line["event"] == "broker.queues_gone"]
    assert line["queues"] == f"gatepost.{channel}.P0 and 299 others"
    BrokerNode.wait_until(lambda: f"gatepost.{channel}." in complaints(broker), "the log is behind", 5)
    assert 1 <= complaints(broker).count(f"no queue 'gatepost.{channel}.") <= 20


def complaints(broker: BrokerNode) -> str:
    """The lines of the broker's log about queues that are not there."""
    return "\n".join(line for line in broker.log.splitlines() if "no queue" in line)


async def test_dead_letters_are_an_alarm_until_their_queue_is_empty(
    broker: BrokerNode, journal: FakeJournal, channel: str
) -> None:
    if broker.depth(DEAD) > 0:
        broker.empty(DEAD)
    with structlog.testing.capture_logs() as lines:
        async with mailboxes(journal, broker.url, channel) as queue:
            await until(lambda: broker.depth(DEAD) == 0)
            connection = broker.connect()
            connection.channel().basic_publish("", DEAD, b"x", pika.BasicProperties(delivery_mode=2))
            connection.close()
            await until(lambda: queue.condition == f"connected, 1 in {DEAD}", "the alarm", 12)
            assert any("1 dead letters" in trouble for trouble in queue.troubles)
            broker.empty(DEAD)
            await until(lambda: queue.condition == "connected", "the end of the alarm", 12)
    told = [line["event"] for line in lines if "dead_letters" in line["event"]]
    assert told == ["broker.dead_letters", "broker.dead_letters_gone"]


async def test_a_message_that_a_practice_gives_back_too_often_goes_to_the_dead_letters_and_is_alarmed(
    broker: BrokerNode, journal: FakeJournal, channel: str
) -> None:
    if broker.depth(DEAD) > 0:
        broker.empty(DEAD)
    queue_of_a = queue_name(channel, "A")
    async with mailboxes(journal, broker.url, channel) as queue:
        queue.offer(journal.add(channel, "A", 2))
        await until(lambda: journal.states("delivered") == [1, 2])
        taken = await asyncio.get_running_loop().run_in_executor(None, give_back_for_ever, broker, queue_of_a)
        assert taken == MAILBOX["x-delivery-limit"] + 1
        await until(lambda: queue.condition == f"connected, 1 in {DEAD}", "the alarm", 12)
        [(properties, body)] = broker.empty(DEAD)
        assert (properties.headers["gatepost-delivery-id"], body) == (1, journal.rows[1].body)
        assert broker.depth(queue_of_a) == 1, "the next one waits for the practice"
        await until(lambda: queue.condition == "connected", "the end of the alarm", 12)


def give_back_for_ever(broker: BrokerNode, queue: str) -> int:
    """A practice's system that cannot take its first message: how often it was handed out."""
    connection = broker.connect()
    channel = connection.channel()
    channel.basic_qos(prefetch_count=1)
    taken = 0
    for method, properties, _ in channel.consume(queue, inactivity_timeout=10):
        if method is None or properties.headers["gatepost-delivery-id"] != 1:
            break
        taken += 1
        channel.basic_nack(method.delivery_tag, requeue=True)
    connection.close()
    return taken


@pytest.mark.parametrize(
    ("alarm", "end", "words"),
    [
        (
            ("set_vm_memory_high_watermark", "0.00001"),
            ("set_vm_memory_high_watermark", "absolute", "2GiB"),
            "low on memory",
        ),
        (("set_disk_free_limit", "1000000GB"), ("set_disk_free_limit", "200MB"), "low on disk"),
    ],
)
async def test_an_alarm_on_the_broker_is_shown_without_traffic_and_what_waited_follows(
    broker: BrokerNode,
    journal: FakeJournal,
    channel: str,
    alarm: tuple[str, ...],
    end: tuple[str, ...],
    words: str,
) -> None:
    loop = asyncio.get_running_loop()
    with structlog.testing.capture_logs() as lines:
        async with mailboxes(journal, broker.url, channel) as queue:
            await until(lambda: queue.condition == "connected")
            await loop.run_in_executor(None, broker.control, *alarm)
            try:
                await until(lambda: words in queue.condition, "the alarm", 15)
                queue.offer(journal.add(channel, "A"))
            finally:
                await loop.run_in_executor(None, broker.control, *end)
            await until(lambda: journal.states("delivered") == [1])
            assert queue.troubles == ()
    told = [line["event"] for line in lines if "blocked" in line["event"]]
    assert told == ["broker.blocked", "broker.unblocked"]


async def test_messages_travel_over_tls_when_the_authority_is_right(
    broker: BrokerNode, journal: FakeJournal, channel: str
) -> None:
    async with mailboxes(journal, broker.tls_url, channel) as queue:
        queue.offer(journal.add(channel, "A"))
        await until(lambda: journal.states("delivered") == [1])


@pytest.mark.parametrize(
    ("old", "new", "words"),
    [
        ("guest:guest@", "guest:s3cret-word@", "refuses this user or password"),
        ("/%2F", "/elsewhere", "virtual host"),
        ("CA", "OTHER", "not signed by an authority that is trusted here"),
        ("CA", "MISSING", "cannot be read as such"),
        ("localhost", "127.0.0.1", "for another name"),
        ("TLS-PORT", "PLAIN-PORT", "does not speak TLS"),
        ("TLS-PORT", "1", "nothing listens"),
    ],
)
async def test_a_connection_that_fails_says_why_and_what_to_do_and_no_secret(
    broker: BrokerNode, journal: FakeJournal, channel: str, tmp_path: Path, old: str, new: str, words: str
) -> None:
    other = tmp_path / "other.pem"
    trustme.CA().cert_pem.write_to_path(other)
    names = {
        "CA": str(broker.authority),
        "OTHER": str(other),
        "MISSING": str(tmp_path / "none.pem"),
        "TLS-PORT": broker.tls_url.split(":")[3].split("/")[0],
        "PLAIN-PORT": str(broker.port),
    }
    url = broker.tls_url.replace(names.get(old, old), names.get(new, new), 1)
    with structlog.testing.capture_logs() as lines:
        async with mailboxes(journal, url, channel) as queue:
            await until(lambda: bool(queue.troubles))
            (trouble,) = queue.troubles
    assert queue.condition == "unreachable"
    assert words in trouble
    (line,) = [line for line in lines if line["event"] == "broker.disconnected"]
    assert line["remedy"]
    assert "s3cret-word" not in f"{lines}{trouble}"
