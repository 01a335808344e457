"""Days are those of the zone, also where the clocks change, and lines add up to what they are made of."""

from __future__ import annotations

import sqlite3
from contextlib import closing
from datetime import date
from itertools import pairwise
from pathlib import Path
from zoneinfo import ZoneInfo

import pytest

from engine.journal.reading import JournalReader
from engine.journal.reckoning import SLICE
from engine.journal.schema import DATABASE
from engine.journal.sqlite import SqliteJournal
from engine.reconciliation import CopyLine, Line, Report, bounds_of, days_between, reconcile
from tests.engine.journal.journal_rig import arrival, copy, deliver, open_journal, store

LONDON = ZoneInfo("Europe/London")
HOUR = 3_600_000_000


@pytest.mark.parametrize(
    ("day", "hours"), [(date(2026, 3, 28), 24), (date(2026, 3, 29), 23), (date(2026, 10, 25), 25)]
)
def test_a_day_has_as_many_hours_as_the_clocks_give_it(day: date, hours: int) -> None:
    first, last = bounds_of(day, LONDON)

    assert last - first == hours * HOUR


def test_days_follow_each_other_without_a_gap() -> None:
    days = days_between(date(2026, 3, 25), date(2026, 4, 2))
    bounds = [bounds_of(day, LONDON) for day in days]

    assert len(days) == 9
    assert all(one[1] == other[0] for one, other in pairwise(bounds))


def report() -> Report:
    return Report(
        "site", "Europe/London", ["2026-03-01", "2026-03-02", "2026-03-03"], 0, "", "",
        [
            Line("2026-03-01", "lab", "ORU^R01", {"delivered": 3, "held": 1}, 0, 50),
            Line("2026-03-03", "lab", "ORU^R01", {"delivered": 2, "outstanding": 4}, 40, 0),
            Line("2026-03-03", "pas", "ADT^A01", {"duplicate": 1}),
        ],
        [
            CopyLine("2026-03-01", "lab", "ORU^R01", "gp", "A", {"delivered": 9}),
            CopyLine("2026-03-03", "lab", "ORU^R01", "gp", "B", {"delivered": 1, "parked": 2}),
            CopyLine("2026-03-03", "pas", "ADT^A01", "gp", "B", {"waiting": 1}, 40),
        ],
    )  # fmt: skip


def test_lines_add_up_by_day_and_by_feed() -> None:
    found = report()

    assert [(line.day, line.accepted) for line in found.by_day()] == [
        ("2026-03-01", 4), ("2026-03-02", 0), ("2026-03-03", 7),
    ]  # fmt: skip
    assert [(line.feed, line.accepted) for line in found.by_feed_and_type()] == [("lab", 10), ("pas", 1)]
    assert (found.total.accepted, found.total.oldest_open, found.total.oldest_waiting) == (11, 40, 50)
    assert found.total.count("delivered", "held") == 6


def test_the_practice_that_has_not_everything_comes_first() -> None:
    first, second = report().by_practice()

    assert (first.address, first.made, first.attention, first.oldest_open) == ("B", 4, 3, 40)
    assert (second.address, second.made, second.attention) == ("A", 9, 0)


DAYS = days_between(date(2026, 3, 1), date(2026, 3, 3))


async def fill(journal: SqliteJournal, each: int) -> list[int]:
    """So many messages on each of the days, with a copy each; the copies' ids."""
    ids = []
    for number, day in enumerate(DAYS):
        for one in range(each):
            came = arrival(1 + number * each + one, at=bounds_of(day, LONDON)[0] + HOUR + one)
            (stored,) = await store(journal, came)
            (row,) = await deliver(journal, stored.id, copy())
            ids.append(row.id)
    return ids


async def test_a_report_of_several_days_lets_the_log_begin_anew_between_them(tmp_path: Path) -> None:
    journal = open_journal(tmp_path)
    await fill(journal, 2)
    held_up = []

    def look() -> None:
        with closing(sqlite3.connect(tmp_path / DATABASE, timeout=0)) as other:
            held_up.append(other.execute("PRAGMA wal_checkpoint(RESTART)").fetchone()[0])

    with JournalReader(tmp_path) as reader:
        reconcile(reader.reckoning(), DAYS, LONDON, site="a", made=0, counted=look)
    await journal.close()

    assert held_up == [0, 0, 0]


async def test_what_happens_while_a_report_is_made_leaves_it_balanced(tmp_path: Path) -> None:
    """Copies arrive between the moments in which the days are read, also those of days still to come."""
    journal = open_journal(tmp_path)
    ids = await fill(journal, 4)
    with JournalReader(tmp_path) as reader, closing(sqlite3.connect(tmp_path / DATABASE)) as other:

        def one_arrives() -> None:
            other.execute("UPDATE delivery SET state='delivered', closed=1 WHERE id=?", (ids.pop(),))
            other.commit()

        reports = [
            reconcile(reader.reckoning(), DAYS, LONDON, site="a", made=0, counted=one_arrives)
            for _ in range(4)
        ]
    await journal.close()

    for found in reports:
        assert found.balances
        assert [line.accepted for line in found.by_day()] == [4, 4, 4]
        for line in found.by_day():
            made = sum(one.made for one in found.copies if one.day == line.day)
            arrived = sum(one.count("delivered") for one in found.copies if one.day == line.day)
            assert (made, arrived) == (line.accepted, line.count("delivered"))
    assert reports[0].total.count("delivered") < reports[-1].total.count("delivered")


async def test_the_heads_of_messages_come_once_each_though_they_are_read_by_and_by(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("engine.journal.reckoning.SLICE", 3)
    assert SLICE > 3
    journal = open_journal(tmp_path)
    await fill(journal, 4)
    since, until = bounds_of(DAYS[0], LONDON)[0], bounds_of(DAYS[-1], LONDON)[1]
    with JournalReader(tmp_path) as reader:
        heads = reader.reckoning().heads(since, until)
        found = [next(heads)]
        await store(journal, arrival(99, at=until - 1))  # too late for this reckoning
        found += heads
        whole = [head for _, head in reader.reckoning().heads(since, until)]
    await journal.close()

    assert len(found) == 12
    assert [head for _, head in found] == whole[:12]
    assert len(set(whole)) == len(whole) == 13
