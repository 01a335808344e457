"""Changing deliveries: what may follow what, claims, lanes, and claims left by a crash."""

from __future__ import annotations

import asyncio
import itertools
import sqlite3
from pathlib import Path
from typing import get_args

import pytest

from engine.journal.changes import FOLLOWS
from engine.journal.entries import UPDATES
from engine.journal.reading import JournalReader
from engine.journal.records import OPEN_STATES, Changed, DeliveryState
from engine.journal.schema import open_reading
from engine.journal.sqlite import SqliteJournal
from tests.engine.journal.journal_rig import (
    START,
    arrival,
    changed,
    copy,
    counters_agree,
    deliver,
    open_journal,
    store,
)

STATES: tuple[DeliveryState, ...] = get_args(DeliveryState)


async def test_a_life_is_recorded_step_by_step(journal: SqliteJournal, tmp_path: Path) -> None:
    await store(journal, arrival(1))
    (row,) = await deliver(journal, 1, copy())
    for state, attempts in (("queued", 0), ("sending", 1), ("delivered", 1), ("acknowledged", 1)):
        await journal.change([changed(row, state, attempts)])  # type: ignore[arg-type]  # a literal each
    with JournalReader(tmp_path) as reader:
        story = reader.show(1)
    assert story is not None
    kinds = [event.kind for event in story.events]
    assert kinds == ["accepted", "decided", "made", "queued", "sending", "delivered", "acknowledged"]
    assert (story.deliveries[0].state, story.deliveries[0].attempts) == ("acknowledged", 1)
    assert await journal.lanes() == []


@pytest.mark.parametrize("before", STATES)
async def test_only_what_may_follow_does(
    journal: SqliteJournal, tmp_path: Path, before: DeliveryState
) -> None:
    await store(journal, arrival(1))
    rows = await deliver(journal, 1, *(copy(address=state) for state in STATES))
    await journal.change([changed(row, before) for row in rows])
    taken = await journal.claim([changed(row, state) for row, state in zip(rows, STATES, strict=True)])
    assert taken == {row.id for row, state in zip(rows, STATES, strict=True) if state in FOLLOWS[before]}
    after = await journal.deliveries([row.id for row in rows])
    expected = [state if state in FOLLOWS[before] else before for state in STATES]
    assert [row.state for row in after] == expected
    open_lanes = {lane.address for lane in await journal.lanes()}
    assert open_lanes == {row.address for row in after if row.state in OPEN_STATES}
    assert counters_agree(tmp_path)


async def test_a_claim_of_a_withdrawn_delivery_is_not_taken(journal: SqliteJournal) -> None:
    await store(journal, arrival(1))
    one, other = await deliver(journal, 1, copy(), copy(address="B"))
    withdrawing = journal.claim([changed(one, "withdrawn")])
    claiming = journal.claim([changed(one, "sending"), changed(other, "sending")])
    assert list(await asyncio.gather(withdrawing, claiming)) == [frozenset({one.id}), frozenset({other.id})]


async def test_changes_of_one_delivery_in_one_commit_apply_in_order(
    journal: SqliteJournal, tmp_path: Path
) -> None:
    await store(journal, arrival(1))
    (row,) = await deliver(journal, 1, copy())
    await journal.change([changed(row, "sending", 1), changed(row, "waiting", 1, next_try=START + 9)])
    (after,) = await journal.deliveries([row.id])
    assert (after.state, after.attempts, after.next_try) == ("waiting", 1, START + 9)
    with JournalReader(tmp_path) as reader:
        story = reader.show(1)
    assert story is not None
    assert [event.kind for event in story.events][-2:] == ["sending", "waiting"]


async def test_doubt_stays_and_attempts_do_not_go_back(journal: SqliteJournal) -> None:
    await store(journal, arrival(1))
    (row,) = await deliver(journal, 1, copy())
    await journal.change([Changed(row.id, "waiting", START, 3, 0, "no answer", True)])
    await journal.change([Changed(row.id, "queued", START, 0)])
    (after,) = await journal.deliveries([row.id])
    assert (after.in_doubt, after.attempts) == (True, 3)


async def test_a_parked_delivery_released_by_a_person_starts_afresh(journal: SqliteJournal) -> None:
    await store(journal, arrival(1))
    (row,) = await deliver(journal, 1, copy())
    await journal.change([changed(row, "parked", 9)])
    assert await journal.lanes() == []
    await journal.change([changed(row, "waiting", 0)])
    (lane,) = await journal.lanes()
    (after,) = await journal.deliveries([row.id])
    assert (lane.open, lane.first, after.attempts) == (1, row.id, 0)


async def test_unknown_deliveries_are_passed_over(journal: SqliteJournal) -> None:
    assert await journal.claim([changed(99, "sending")]) == frozenset()
    assert await journal.claim([]) == frozenset()
    await journal.change([])
    assert await journal.record([]) == []


async def test_lanes_and_their_deliveries_come_in_order(journal: SqliteJournal) -> None:
    await store(journal, *(arrival(number) for number in range(1, 21)))
    for number in range(1, 21):
        await deliver(journal, number, copy(address="AB"[number % 2]), copy("archive", ""))
    lanes = {(lane.channel, lane.address): (lane.open, lane.first) for lane in await journal.lanes()}
    assert lanes == {("gp_mllp", "A"): (10, 3), ("gp_mllp", "B"): (10, 1), ("archive", ""): (20, 2)}
    rows = await journal.open_deliveries("gp_mllp", "A", 3, 4, 10**6)
    assert [row.id for row in rows] == [7, 11, 15, 19]
    assert len(await journal.open_deliveries("gp_mllp", "A", 0, 100, 1)) == 1
    assert len(await journal.open_deliveries("gp_mllp", "A", 0, 100, 2 * len(rows[0].body) - 1)) == 2


async def test_a_claim_without_an_outcome_is_put_back_and_flagged(tmp_path: Path) -> None:
    journal = open_journal(tmp_path)
    await store(journal, arrival(1))
    claimed, queued, waiting, done = await deliver(journal, 1, *(copy(address=name) for name in "ABCD"))
    await journal.change(
        [changed(claimed, "sending"), changed(queued, "queued", 0), changed(done, "delivered")]
    )
    await journal.close()  # the state on disk is that of a crash: nothing is tidied when closing
    journal = open_journal(tmp_path)
    assert journal.recovered == 1
    rows = await journal.deliveries([claimed.id, queued.id, waiting.id, done.id])
    assert [(row.state, row.in_doubt, row.attempts) for row in rows] == [
        ("waiting", True, 1), ("queued", False, 0), ("waiting", False, 0), ("delivered", False, 1),
    ]  # fmt: skip
    await journal.close()
    with JournalReader(tmp_path) as reader:
        story = reader.show(1)
    assert story is not None
    assert [(event.kind, event.delivery) for event in story.events][-1] == ("recovered", claimed.id)
    assert counters_agree(tmp_path)


async def test_updates_find_their_rows_by_id_and_scan_no_table(
    journal: SqliteJournal, tmp_path: Path
) -> None:
    connection = open_reading(tmp_path)
    for table, size in itertools.product(("message", "delivery"), (1, 64)):
        update = UPDATES[table]
        plan = connection.execute(
            "EXPLAIN QUERY PLAN " + update.wording(size), [1] * (update.width * size)
        ).fetchall()
        steps = [row[3] for row in plan]
        assert any(f"SEARCH {table} USING INTEGER PRIMARY KEY" in step for step in steps), steps
        assert not any(f"SCAN {table}" in step for step in steps), steps
    connection.close()


async def test_an_update_of_nothing_open_leaves_the_database_readable(tmp_path: Path) -> None:
    journal = open_journal(tmp_path)
    await journal.close()
    connection = sqlite3.connect(tmp_path / "journal.db")
    assert connection.execute("PRAGMA integrity_check").fetchone() == ("ok",)
    connection.close()
