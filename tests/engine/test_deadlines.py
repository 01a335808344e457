"""The part that watches for proofs: when it wakes, what it hands to the queue, and what it says."""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import Sequence
from types import SimpleNamespace
from typing import cast

import pytest

from engine.deadlines import Deadlines, judge
from engine.journal.deadlines import Due, Look, Overdue
from engine.journal.records import Awaited, DeliveryRow
from engine.site.model import Site
from routes.flow.deadlines import HoldInstead, SendInstead
from tests.engine.waiting import until

SECOND = 1_000_000
SITE = cast(Site, SimpleNamespace(hash="c0ffee", channels={"print_room": SimpleNamespace(kind="folder")}))


class Clock:
    """A clock that stands still until it is moved."""

    def __init__(self) -> None:
        self.now = 1_767_600_000_000_000

    def __call__(self) -> int:
        return self.now


class Book:
    """Deadlines by due time; carries out those that are due, as the journal does."""

    def __init__(self) -> None:
        self.open: list[Due] = []
        self.looks: list[int] = []
        self.broken = False
        self.reads = 0
        self.reading = asyncio.Event()
        self.reading.set()

    def add(self, due: int, address: str | None = "A") -> None:
        wait = Awaited("acknowledged", due, "print_room", address)
        self.open.append(Due(len(self.open) + 1, 7, "gp", "A", due - SECOND, "delivered", wait))

    async def next_deadline(self) -> int:
        self.reads += 1
        found = min((one.awaited.due for one in self.open), default=0)
        await self.reading.wait()
        return found

    async def carry_out_deadlines(self, look: Look) -> Sequence[Overdue]:
        if self.broken:
            raise RuntimeError("broken")
        self.looks.append(look.now)
        due = [one for one in self.open if one.awaited.due <= look.now]
        self.open = [one for one in self.open if one.awaited.due > look.now]
        found = []
        for one in due:
            (action,) = look.judge(one)
            if isinstance(action, SendInstead):
                found.append(Overdue(one, "missed", 100 + one.delivery, first="mark"))
            elif isinstance(action, HoldInstead):
                found.append(Overdue(one, "missed", tray=action.held.tray))
        return found

    async def deliveries(self, ids: Sequence[int]) -> Sequence[DeliveryRow]:
        return [cast(DeliveryRow, SimpleNamespace(id=id_)) for id_ in ids]


class Watching:
    """The part at work on a book, with what it delivered."""

    def __init__(self, longest: float = 60.0) -> None:
        self.clock, self.book = Clock(), Book()
        self.made: list[int] = []
        self.part = Deadlines(
            self.book,
            lambda: SITE,
            lambda rows: self.made.extend(row.id for row in rows),
            now=self.clock,
            longest=longest,
        )

    async def __aenter__(self) -> Watching:
        self.task = self.part.start()
        return self

    async def __aexit__(self, *_failure: object) -> None:
        await self.part.stop()


async def test_what_was_due_while_the_engine_stood_still_is_done_at_the_start() -> None:
    watching = Watching()
    watching.book.add(watching.clock.now - 3600 * SECOND)
    async with watching:
        await until(lambda: watching.made == [101])


async def test_it_sleeps_until_one_is_due_and_wakes_for_one_that_is_nearer() -> None:
    watching = Watching()
    async with watching:
        await until(lambda: watching.book.reads == 1)
        far, near = watching.clock.now + 3600 * SECOND, watching.clock.now + 20_000
        watching.book.add(far)
        watching.part.expect(far)
        await until(lambda: watching.book.reads == 2)
        watching.part.expect(far + 1)
        await asyncio.sleep(0)
        assert watching.book.reads == 2, "one that is later wakes nobody"
        watching.book.add(near)
        watching.part.expect(near)
        await until(lambda: watching.book.reads == 3)
        watching.clock.now = near
        await until(lambda: watching.made == [102])
        assert watching.book.looks == [near]


async def test_one_that_is_recorded_while_the_journal_is_read_is_not_missed() -> None:
    watching = Watching()
    watching.book.reading.clear()
    async with watching:
        await until(lambda: watching.book.reads == 1)
        watching.book.add(watching.clock.now)  # after the read, before its answer
        watching.part.expect(watching.clock.now)
        watching.book.reading.set()
        await until(lambda: watching.made == [101])


async def test_a_jump_of_the_clock_is_noticed_at_the_next_look_at_it() -> None:
    watching = Watching(longest=0.02)
    watching.book.add(watching.clock.now + 86_400 * SECOND)
    async with watching:
        await until(lambda: watching.book.reads > 1)
        assert watching.made == []
        watching.clock.now += 86_400 * SECOND
        await until(lambda: watching.made == [101])
        watching.book.add(watching.clock.now + SECOND)
        watching.clock.now -= 86_400 * SECOND
        watching.part.expect(0)
        await until(lambda: watching.book.reads > 6)
        assert watching.made == [101], "not before its time"


async def test_a_failure_of_the_journal_ends_the_part_where_the_supervisor_sees_it() -> None:
    watching = Watching()
    watching.book.broken = True
    watching.book.add(watching.clock.now)
    async with watching:
        with contextlib.suppress(RuntimeError):
            await watching.task
        assert isinstance(watching.task.exception(), RuntimeError)


@pytest.mark.parametrize(
    ("channel", "address", "words"),
    [("gone", "A", "the channel gone"), ("print_room", None, "not in its directory")],
)
def test_a_fallback_that_cannot_be_made_is_held_with_its_reason(
    channel: str, address: str | None, words: str
) -> None:
    due = Due(1, 1, "gp", "A", 0, "delivered", Awaited("acknowledged", 10, channel, address))
    (action,) = judge(due, 10, SITE.channels)
    assert isinstance(action, HoldInstead)
    assert words in action.held.reason
