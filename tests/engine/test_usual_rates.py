"""What is proposed is what usually came, and feeds.yaml takes it as it is."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import date, datetime, timedelta
from pathlib import Path
from zoneinfo import ZoneInfo

from engine.journal.reckoning import Arrived
from engine.reconciliation import days_between
from engine.site.feeds import read_feeds
from engine.site.model import Expected
from engine.usual_rates import suggest_rates
from routes.language.problems import Problems
from routes.language.source import read_yaml

LONDON = ZoneInfo("Europe/London")
DAYS = days_between(date(2026, 3, 9), date(2026, 4, 5))  # four weeks, the clocks change in the third


def came(day: date, hour: int, count: int, feed: str = "lab") -> Iterator[Arrived]:
    """So many in each half of an hour of the wall clock."""
    moment = datetime(day.year, day.month, day.day, hour, tzinfo=LONDON)
    for minutes in (0, 30):
        at = int((moment + timedelta(minutes=minutes)).timestamp() * 1e6)
        yield Arrived(feed, at, count // 2)


def expected(text: str) -> Expected:
    """As feeds.yaml reads it where it is pasted."""
    lines = [line for line in text.splitlines() if line.startswith("  ")]
    whole = "feeds:\n  lab:\n    kind: mllp\n    listen: 127.0.0.1:2575\n" + "".join(
        f"  {line}\n" for line in lines
    )
    problems = Problems()
    node = read_yaml("feeds.yaml", whole, problems)
    assert node is not None
    feeds, _ = read_feeds(node, Path(), problems)
    assert not problems.in_order(), [str(problem) for problem in problems.in_order()]
    assert feeds["lab"].expect is not None
    return feeds["lab"].expect


def test_weekdays_that_are_alike_are_one_and_so_are_hours() -> None:
    arrived = [
        one for day in DAYS if day.weekday() < 5 for hour in range(8, 18) for one in came(day, hour, 40)
    ]
    arrived += [
        one for day in DAYS if day.weekday() == 5 for hour in range(9, 12) for one in came(day, hour, 10)
    ]

    text = suggest_rates(arrived, DAYS, LONDON)

    assert text == (
        "# Medians of 2026-03-09 to 2026-04-05 (Europe/London); put each below its feed in feeds.yaml.\n"
        "lab:\n"
        "  expect:\n"
        '    monday_to_friday: {"08:00-18:00": 40}\n'
        '    saturday: {"09:00-12:00": 10}\n'
    )
    assert expected(text).week == (((480, 1080, 40.0),),) * 5 + (((540, 720, 10.0),), ())


def test_one_holiday_and_one_flood_do_not_count() -> None:
    holiday, flood = date(2026, 3, 16), date(2026, 3, 24)
    arrived = [
        one for day in DAYS if day.weekday() < 5 and day != holiday
        for one in came(day, 10, 4000 if day == flood else 40)
    ]  # fmt: skip

    assert '    monday_to_friday: {"10:00-11:00": 40}\n' in suggest_rates(arrived, DAYS, LONDON)


def test_days_that_differ_are_told_apart_and_the_least_of_like_hours_is_said() -> None:
    arrived = [one for day in DAYS if day.weekday() == 0 for one in came(day, 9, 60)]
    arrived += [one for day in DAYS if day.weekday() == 0 for one in came(day, 10, 50)]
    arrived += [one for day in DAYS if day.weekday() == 4 for one in came(day, 9, 20)]

    text = suggest_rates(arrived, DAYS, LONDON)

    assert '    monday: {"09:00-11:00": 50}\n    friday: {"09:00-10:00": 20}\n' in text
    assert "tuesday" not in text


def test_a_feed_counts_from_its_first_message_on() -> None:
    arrived = [one for day in DAYS[-7:] for one in came(day, 12, 30, "new")]

    assert '    monday_to_friday: {"12:00-13:00": 30}' in suggest_rates(arrived, DAYS, LONDON)


def test_nothing_proposes_nothing_and_little_says_so() -> None:
    assert suggest_rates([], DAYS, LONDON) == ""
    assert "too little comes" in suggest_rates(came(DAYS[0], 9, 40), DAYS, LONDON)
