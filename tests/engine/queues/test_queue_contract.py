"""The same cases against both kinds of queue: order, independence, restarts, nothing lost, nothing undead."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager, suppress
from uuid import uuid4

import pytest

from engine.journal.records import Changed
from engine.queues.contract import Queue, Tickets
from engine.queues.embedded import EmbeddedQueue
from engine.queues.rabbitmq import RabbitQueue
from engine.queues.schedule import now_us
from engine.site.model import ChannelSettings
from tests.broker import BrokerNode
from tests.engine.fake_journal import FakeJournal
from tests.engine.waiting import until

KINDS = ["embedded", pytest.param("rabbitmq", marks=pytest.mark.broker)]


class Site:
    """A journal, a queue on it, and work that keeps a ledger of what it was given."""

    def __init__(self, make: Callable[[FakeJournal, str], Queue]) -> None:
        self.channel = f"test{uuid4().hex[:10]}"
        self.journal = FakeJournal()
        self.make = make
        self.sent: list[int] = []
        self.dead: set[str] = set()
        self.stuck: set[int] = set()
        self.release = asyncio.Event()
        self.tried: list[str] = []
        self.rest = 200_000
        self.widest = 0

    @asynccontextmanager
    async def running(self) -> AsyncIterator[Queue]:
        """The queue at work."""
        queue = self.make(self.journal, self.channel)
        await queue.start(self.work)
        try:
            yield queue
        finally:
            await queue.stop()

    async def work(self, tickets: Tickets) -> int:
        """Deliver everything except to dead addresses; deliveries that are stuck wait for `release`."""
        assert tickets.rows
        assert {(row.channel, row.address) for row in tickets.rows} == {(tickets.channel, tickets.address)}
        self.widest = max(self.widest, len(tickets.rows))
        self.tried.append(tickets.address)
        for row in tickets.rows:
            if tickets.address in self.dead:
                due = now_us() + self.rest
                await self.journal.change([Changed(row.id, row.state, now_us(), row.attempts + 1, due)])
                return due
            if row.id in self.stuck:
                await self.release.wait()
            taken = await self.journal.claim([Changed(row.id, "sending", now_us(), row.attempts)])
            if taken:
                self.sent.append(row.id)
                await self.journal.change([Changed(row.id, "delivered", now_us(), row.attempts + 1)])
        return 0

    def lane(self, address: str) -> list[int]:
        """What was sent to an address, in order."""
        return [id_ for id_ in self.sent if self.journal.rows[id_].address == address]

    def all_delivered(self) -> bool:
        return not self.journal.states("waiting", "queued", "sending")


@pytest.fixture(params=KINDS)
def site(request: pytest.FixtureRequest) -> Site:
    if request.param == "embedded":
        return Site(lambda journal, _channel: EmbeddedQueue(journal))
    node: BrokerNode = request.getfixturevalue("broker")

    def make(journal: FakeJournal, channel: str) -> Queue:
        return RabbitQueue(journal, node.url, {channel: ChannelSettings(channel, "mllp")}, settle=0.0)

    return Site(make)


async def test_each_lane_is_carried_out_in_order(site: Site) -> None:
    async with site.running() as queue:
        for _ in range(30):
            rows = [site.journal.add(site.channel, address)[0] for address in ("A", "B", "C")]
            queue.offer(rows)
            await asyncio.sleep(0)
        await until(site.all_delivered, "delivery")
    for address in ("A", "B", "C"):
        assert site.lane(address) == sorted(site.lane(address))
    assert sorted(site.sent) == sorted(site.journal.rows)


async def test_a_channel_without_addresses_is_one_lane_in_order(site: Site) -> None:
    async with site.running() as queue:
        queue.offer(site.journal.add(site.channel, "", 200))
        await until(site.all_delivered, "delivery")
    assert site.sent == sorted(site.journal.rows)


async def test_a_backlog_larger_than_memory_arrives_whole_and_in_order(site: Site) -> None:
    async with site.running() as queue:
        queue.offer(site.journal.add(site.channel, "A", 400))
        await until(site.all_delivered, "delivery", 20)
    assert site.sent == sorted(site.journal.rows)


async def test_one_dead_lane_delays_nobody_else(site: Site) -> None:
    site.dead = {"dead"}
    async with site.running() as queue:
        queue.offer(site.journal.add(site.channel, "dead", 5))
        await until(lambda: "dead" in site.tried, "the first try")
        queue.offer(site.journal.add(site.channel, "well", 50))
        await until(lambda: len(site.sent) == 50, "delivery to the others")
        assert site.lane("well") == sorted(site.lane("well"))
        site.dead = set()
        await until(site.all_delivered, "recovery")
    assert site.lane("dead") == sorted(site.lane("dead"))


async def test_what_was_open_before_the_start_is_carried_out_first(site: Site) -> None:
    before = [row.id for row in site.journal.add(site.channel, "A", 20)]
    async with site.running() as queue:
        queue.offer(site.journal.add(site.channel, "A", 20))
        await until(site.all_delivered, "delivery")
    assert site.sent[:20] == before
    assert site.sent == sorted(site.journal.rows)


async def test_after_a_restart_with_work_in_progress_it_goes_on_in_order(site: Site) -> None:
    site.stuck = {7}
    queue = site.make(site.journal, site.channel)
    await queue.start(site.work)
    queue.offer(site.journal.add(site.channel, "A", 20))
    await until(lambda: site.sent == [1, 2, 3, 4, 5, 6], "the first six")
    stopping = asyncio.create_task(queue.stop())
    with suppress(TimeoutError):
        await asyncio.wait_for(stopping, 0.1)  # as the supervisor does when work does not end
    assert site.sent == [1, 2, 3, 4, 5, 6]
    site.stuck = set()
    async with site.running():
        await until(site.all_delivered, "delivery after the restart")
    assert site.sent == list(range(1, 21))


async def test_a_delivery_that_has_ended_is_not_sent(site: Site) -> None:
    site.stuck = {1}
    async with site.running() as queue:
        queue.offer(site.journal.add(site.channel, "A", 10))
        await until(lambda: site.tried == ["A"], "the first ticket")
        site.journal.set(5, state="withdrawn")
        site.journal.set(6, state="discarded")
        site.release.set()
        await until(site.all_delivered, "delivery")
    assert site.sent == [1, 2, 3, 4, 7, 8, 9, 10]


async def test_a_lane_that_rests_is_not_tried_before_it_is_due(site: Site) -> None:
    site.dead = {"A"}
    site.rest = 10_000_000
    async with site.running() as queue:
        queue.offer(site.journal.add(site.channel, "A", 3))
        await until(lambda: site.tried == ["A"], "the first try")
        queue.offer(site.journal.add(site.channel, "A", 3))
        queue.offer(site.journal.add(site.channel, "B", 3))
        await until(lambda: len(site.lane("B")) == 3, "delivery to the other")
        assert site.tried.count("A") == 1


async def test_work_that_fails_unexpectedly_stops_no_other_lane(site: Site) -> None:
    real = site.work

    async def failing(tickets: Tickets) -> int:
        if tickets.address == "odd":
            raise RuntimeError("a bug")
        return await real(tickets)

    queue = site.make(site.journal, site.channel)
    await queue.start(failing)
    queue.offer(site.journal.add(site.channel, "odd", 2))
    queue.offer(site.journal.add(site.channel, "well", 10))
    await until(lambda: len(site.sent) == 10, "delivery to the others")
    assert len(site.journal.states("waiting", "queued")) == 2
    await queue.stop()
