"""The outbox: whatever fits in memory or not, each lane's rows come out once and in order."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from engine.journal.records import Changed
from engine.queues.outbox import LaneKey, Outbox
from tests.engine.fake_journal import FakeJournal

LANE: LaneKey = ("gp", "A")


async def take_all(journal: FakeJournal, outbox: Outbox, key: LaneKey, limit: int = 3) -> list[int]:
    """Take a lane's rows as a worker would, each delivered before the next are taken."""
    taken: list[int] = []
    while rows := await outbox.take(key, limit, 1 << 20):
        taken += [row.id for row in rows]
        await journal.change([Changed(row.id, "delivered", 1, 1) for row in rows])
        outbox.done(key, rows[-1].id)
    return taken


async def test_rows_that_fit_are_handed_out_without_reading_the_journal() -> None:
    journal = FakeJournal()
    outbox = Outbox(journal)
    for row in journal.add(*LANE, 5):
        outbox.offer(row)
    assert await take_all(journal, outbox, LANE) == [1, 2, 3, 4, 5]
    assert journal.reads == 0


async def test_what_did_not_fit_is_read_from_the_journal_in_order() -> None:
    journal = FakeJournal()
    outbox = Outbox(journal, per_lane=4)
    for row in journal.add(*LANE, 10):
        outbox.offer(row)
    assert await take_all(journal, outbox, LANE) == list(range(1, 11))
    assert journal.reads > 0


async def test_a_row_offered_while_the_journal_is_being_read_is_not_lost() -> None:
    journal = FakeJournal()
    outbox = Outbox(journal)
    outbox.spill(LANE)
    (first,) = journal.add(*LANE)
    assert [row.id for row in await outbox.take(LANE, 3, 1000)] == [first.id]
    await journal.change([Changed(first.id, "delivered", 1, 1)])
    read = journal.open_deliveries

    async def read_and_be_overtaken(*values: object) -> object:
        found = await read(*values)  # type: ignore[arg-type]
        if len(journal.rows) < 2:
            outbox.offer(journal.add(*LANE)[0])
        return found

    journal.open_deliveries = read_and_be_overtaken  # type: ignore[method-assign, assignment]
    assert [row.id for row in await outbox.take(LANE, 3, 1000)] == [2]


async def test_a_row_withdrawn_while_it_waited_in_memory_for_long_is_not_handed_out() -> None:
    journal, now = FakeJournal(), [0.0]
    outbox = Outbox(journal, monotonic=lambda: now[0])
    for row in journal.add(*LANE, 2):
        outbox.offer(row)
    journal.set(1, state="withdrawn")
    now[0] = 3.0
    assert [row.id for row in await outbox.take(LANE, 9, 1000)] == [2]


async def test_a_relay_that_reads_onwards_still_sees_a_row_that_a_person_released() -> None:
    journal = FakeJournal()
    outbox = Outbox(journal, forward=True)
    old, *rows = journal.add(*LANE, 4)
    journal.set(old.id, state="parked")
    for row in rows:
        outbox.offer(row)
    taken = await outbox.take(LANE, 2, 1000)
    journal.set(old.id, state="waiting")
    outbox.offer(journal.rows[old.id])
    outbox.done(LANE, taken[-1].id)
    assert [row.id for row in await outbox.take(LANE, 9, 1000)] == [1, 2, 3, 4]


async def test_memory_is_bounded_across_lanes() -> None:
    journal = FakeJournal()
    outbox = Outbox(journal, memory=10_000)
    for number in range(100):
        for row in journal.add("gp", str(number), 1, b"x" * 1000):
            outbox.offer(row)
    assert outbox.held <= 10_000
    for number in range(100):
        assert len(await take_all(journal, outbox, ("gp", str(number)))) == 1
    assert outbox.held == 0


@given(
    steps=st.lists(st.sampled_from(["offer", "take", "spill"]), max_size=60),
    per_lane=st.integers(1, 6),
    limit=st.integers(1, 5),
    forward=st.booleans(),
)
async def test_any_mixture_gives_every_row_once_and_in_order(
    steps: list[str], per_lane: int, limit: int, forward: bool
) -> None:
    journal = FakeJournal()
    outbox = Outbox(journal, per_lane=per_lane, forward=forward)
    taken: list[int] = []
    for step in steps:
        if step == "offer":
            outbox.offer(journal.add(*LANE)[0])
        elif step == "spill":
            outbox.spill(LANE)
        elif rows := await outbox.take(LANE, limit, 1000):
            taken += [row.id for row in rows]
            await journal.change([Changed(row.id, "delivered", 1, 1) for row in rows])
            outbox.done(LANE, rows[-1].id)
    taken += await take_all(journal, outbox, LANE, limit)
    assert taken == sorted(journal.rows)
