"""Both kinds of queue on the real journal: messages stored, decided, delivered, counted, and restarted."""

from __future__ import annotations

import asyncio
import hashlib
from collections.abc import AsyncIterator, Sequence
from pathlib import Path
from uuid import uuid4

import pytest

from engine.delivery.worker import DeliveryWorker
from engine.journal.records import Arrival, Changed, Decided, DeliveryRow, NewDelivery, Stored, Verdict
from engine.journal.sqlite import SqliteJournal
from engine.queues.contract import Queue, Tickets
from engine.queues.embedded import EmbeddedQueue
from engine.queues.rabbitmq import RabbitQueue
from engine.queues.schedule import now_us
from engine.site.model import ChannelSettings
from tests.broker import BrokerNode
from tests.engine.waiting import until

KINDS = ["embedded", pytest.param("rabbitmq", marks=pytest.mark.broker)]
ADDRESSES = ["Y00001", "Y00002", "Y00003"]


class Journalled:
    """A journal in a folder, a folder channel, and a queue of one kind between them."""

    def __init__(self, folder: Path, url: str) -> None:
        self.folder = folder
        self.url = url
        self.channel = f"test{uuid4().hex[:10]}"
        self.channels = {self.channel: ChannelSettings(self.channel, "folder", path=folder / "out")}
        self.count = 0
        self.open()

    def open(self) -> None:
        """Start as a new process would."""
        self.journal = SqliteJournal.open(self.folder / "data", loop=asyncio.get_running_loop())
        self.worker = DeliveryWorker(self.journal, self.channels)
        self.queue: Queue
        if self.url:
            self.queue = RabbitQueue(self.journal, self.url, self.channels, settle=0.0)
        else:
            self.queue = EmbeddedQueue(self.journal)

    async def close(self) -> None:
        await self.queue.stop()
        await self.worker.close()
        await self.journal.close()

    async def take_in(self, count: int) -> list[DeliveryRow]:
        """Store so many messages and decide each to the next address in turn."""
        loop = asyncio.get_running_loop()
        stored: list[asyncio.Future[Stored]] = []
        for _ in range(count):
            self.count += 1
            body = b"MSH|^~\\&|A|B|C|D|20260101||ORU^R01|M%d|P|2.4\r" % self.count
            future: asyncio.Future[Stored] = loop.create_future()
            stored.append(future)
            arrival = Arrival(
                "feed", now_us(), body, hashlib.sha256(body).digest(), sender=b"%d" % self.count,
                control_id=f"M{self.count}", type="ORU^R01", verdict=Verdict("ok"),
            )  # fmt: skip
            self.journal.append(arrival, future.set_result)  # type: ignore[arg-type]
        decided = [
            Decided(
                message.id, "config", now_us(),
                deliveries=(NewDelivery("route", self.channel, ADDRESSES[message.id % 3], None, b"M"),),
            )
            for message in await asyncio.gather(*stored)
        ]  # fmt: skip
        return [row for rows in await self.journal.record(decided) for row in rows]

    def tally(self, state: str) -> int:
        return self.journal.tallies().get(("channel", self.channel, state), 0)

    def written(self) -> dict[str, list[str]]:
        """The names of the files in each address's folder, in order."""
        return {a: sorted(path.name for path in (self.folder / "out" / a).iterdir()) for a in ADDRESSES}


@pytest.fixture(params=KINDS)
async def on_disk(request: pytest.FixtureRequest, tmp_path: Path) -> AsyncIterator[Journalled]:
    url = ""
    if request.param == "rabbitmq":
        node: BrokerNode = request.getfixturevalue("broker")
        url = node.url
    journalled = Journalled(tmp_path, url)
    yield journalled
    await journalled.close()


async def test_every_copy_arrives_once_and_the_counts_balance(on_disk: Journalled) -> None:
    await on_disk.queue.start(on_disk.worker.work)
    for _ in range(10):
        on_disk.queue.offer(await on_disk.take_in(30))
    await until(lambda: on_disk.tally("delivered") == 300, "delivery")
    assert sum(len(names) for names in on_disk.written().values()) == 300
    assert on_disk.tally("made") == 300
    assert [on_disk.tally(state) for state in ("waiting", "queued", "sending", "parked")] == [0, 0, 0, 0]


async def test_rows_that_were_never_offered_are_found_at_the_start(on_disk: Journalled) -> None:
    await on_disk.take_in(500)
    await on_disk.queue.start(on_disk.worker.work)
    await until(lambda: on_disk.tally("delivered") == 500, "delivery")


async def test_claims_of_a_process_that_died_are_sent_again_and_flagged(on_disk: Journalled) -> None:
    begun = asyncio.Event()
    real = on_disk.worker.work

    async def dying(tickets: Tickets) -> int:
        if tickets.address == ADDRESSES[0] and not begun.is_set():
            await on_disk.journal.claim(_sending(tickets.rows[:1]))
            begun.set()
        if tickets.address == ADDRESSES[0]:
            await asyncio.Event().wait()
        return await real(tickets)

    await on_disk.queue.start(dying)
    rows = await on_disk.take_in(30)
    on_disk.queue.offer(rows)
    await until(lambda: begun.is_set() and on_disk.tally("delivered") == 20)
    with pytest.raises(TimeoutError):
        await asyncio.wait_for(on_disk.queue.stop(), 0.05)
    await on_disk.worker.close()
    await on_disk.journal.close()
    on_disk.open()
    await on_disk.queue.start(on_disk.worker.work)
    await until(lambda: on_disk.tally("delivered") == 30, "delivery after the restart")
    first = [row.id for row in rows if row.address == ADDRESSES[0]]
    found = await on_disk.journal.deliveries(first)
    assert [row.in_doubt for row in found] == [True] + [False] * 9


def _sending(rows: Sequence[DeliveryRow]) -> list[Changed]:
    return [Changed(row.id, "sending", now_us(), row.attempts) for row in rows]
