"""Days are those of the zone, also where the clocks change, and lines add up to what they are made of."""

from __future__ import annotations

from datetime import date
from itertools import pairwise
from zoneinfo import ZoneInfo

import pytest

from engine.reconciliation import CopyLine, Line, Report, bounds_of, days_between

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
