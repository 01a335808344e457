"""What is the embedded queue's alone: rests kept over a restart, memory given back, and many lanes."""

from __future__ import annotations

import asyncio

from engine.journal.records import Changed
from engine.queues.contract import Tickets
from engine.queues.embedded import EmbeddedQueue
from engine.queues.schedule import now_us
from tests.engine.fake_journal import FakeJournal
from tests.engine.waiting import until


class Work:
    """Delivers at once, and keeps when each delivery was handed out."""

    def __init__(self, journal: FakeJournal) -> None:
        self.journal = journal
        self.at: dict[int, int] = {}

    async def __call__(self, tickets: Tickets) -> int:
        for row in tickets.rows:
            self.at[row.id] = now_us()
        await self.journal.change([Changed(row.id, "delivered", now_us(), 1) for row in tickets.rows])
        return 0


async def test_a_back_off_goes_on_over_a_restart() -> None:
    journal = FakeJournal()
    journal.add("gp", "A", 2)
    due = now_us() + 150_000
    journal.set(1, next_try=due)
    journal.add("gp", "B")
    work = Work(journal)
    queue = EmbeddedQueue(journal)
    await queue.start(work)
    await until(lambda: 3 in work.at)
    assert 1 not in work.at
    await until(lambda: 2 in work.at)
    assert work.at[1] >= due
    await queue.stop()


async def test_thousands_of_lanes_are_served_and_leave_nothing_behind() -> None:
    journal = FakeJournal()
    work = Work(journal)
    queue = EmbeddedQueue(journal)
    await queue.start(work)
    before = len(asyncio.all_tasks())
    for number in range(3000):
        queue.offer(journal.add("gp", f"Y{number:05d}"))
    await until(lambda: len(work.at) == 3000)
    await until(lambda: len(asyncio.all_tasks()) == before)
    await queue.stop()


async def test_large_letters_to_many_lanes_are_never_all_in_memory_at_once() -> None:
    journal = FakeJournal()
    letter = b"x" * 1_000_000
    for number in range(100):
        journal.add("letters", f"Y{number:05d}", 1, letter)
    in_hand = widest = 0

    async def work(tickets: Tickets) -> int:
        nonlocal in_hand, widest
        in_hand += sum(len(row.body) for row in tickets.rows)
        widest = max(widest, in_hand)
        await asyncio.sleep(0.01)
        in_hand -= sum(len(row.body) for row in tickets.rows)
        await journal.change([Changed(row.id, "delivered", now_us(), 1) for row in tickets.rows])
        return 0

    queue = EmbeddedQueue(journal, in_hand=10_000_000)
    await queue.start(work)
    await until(lambda: len(journal.states("delivered")) == 100)
    assert widest <= 11_000_000
    await queue.stop()
