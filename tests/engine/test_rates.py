"""What was to be expected is counted in wall-clock hours, also where the clocks change."""

from __future__ import annotations

from datetime import datetime
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given
from hypothesis import strategies as st

from engine.rates import MINUTE, Counts, Quiet, expected_between, rate_at
from engine.site.model import Expected, Flood

LONDON = ZoneInfo("Europe/London")
OFFICE = Expected((((480, 1080, 40.0), (1080, 1440, 6.0)),) * 5 + ((), ()))
ALWAYS = Expected((((0, 1440, 12.0),),) * 7)
NIGHT = Expected((((60, 120, 30.0),),) * 7)  # 01:00 to 02:00


def at(text: str) -> int:
    return int(datetime.fromisoformat(text).replace(tzinfo=LONDON).timestamp() * 1_000_000)


@pytest.mark.parametrize(
    ("text", "rate"),
    [
        ("2026-07-06T07:59", 0), ("2026-07-06T08:00", 40), ("2026-07-06T17:59", 40), ("2026-07-06T18:00", 6),
        ("2026-07-06T23:59", 6), ("2026-07-07T00:00", 0), ("2026-07-11T10:00", 0), ("2026-01-05T08:00", 40),
    ],
)  # fmt: skip
def test_the_rate_is_that_of_the_wall_clock(text: str, rate: float) -> None:
    assert rate_at(OFFICE, LONDON, at(text)) == rate


@pytest.mark.parametrize(
    ("since", "until", "expected", "number"),
    [
        ("2026-07-06T08:00", "2026-07-06T09:00", OFFICE, 40),
        ("2026-07-06T07:00", "2026-07-06T08:15", OFFICE, 10),
        ("2026-07-06T17:30", "2026-07-06T19:00", OFFICE, 26),
        ("2026-07-10T17:00", "2026-07-13T08:30", OFFICE, 40 + 36 + 20),  # over a weekend
        ("2026-03-29T00:00", "2026-03-30T00:00", ALWAYS, 23 * 12),
        ("2026-10-25T00:00", "2026-10-26T00:00", ALWAYS, 25 * 12),
        ("2026-03-29T00:00", "2026-03-29T06:00", NIGHT, 0),  # an hour that is not
        ("2026-10-25T00:00", "2026-10-25T06:00", NIGHT, 60),  # an hour that is twice
        ("2026-07-06T09:00", "2026-07-06T08:00", OFFICE, 0),
    ],
)
def test_what_usually_comes_in_a_time(since: str, until: str, expected: Expected, number: float) -> None:
    assert expected_between(expected, LONDON, at(since), at(until)) == pytest.approx(number)


def test_of_a_long_time_only_the_last_week_counts() -> None:
    number = expected_between(ALWAYS, LONDON, at("2025-01-01T00:00"), at("2026-07-06T00:00"))

    assert number == pytest.approx(7 * 24 * 12)


@given(st.lists(st.integers(0, 2 * 24 * 60 * MINUTE), min_size=1, max_size=6))
def test_a_time_in_parts_expects_as_much_as_the_whole(places: list[int]) -> None:
    start = at("2026-10-24T06:00")
    stops = [start, *sorted(start + place for place in places)]

    parts = sum(expected_between(OFFICE, LONDON, a, b) for a, b in zip(stops, stops[1:], strict=False))  # noqa: RUF007

    assert parts == pytest.approx(expected_between(OFFICE, LONDON, start, stops[-1]), abs=1e-6)


def test_silence_begins_when_ten_are_missing() -> None:
    start = at("2026-07-06T09:10")
    quiet = Quiet(start, start, True)

    enough = []
    for newest, minute in ((0, 14), (0, 15), (start + 15 * MINUTE + 1, 16)):
        quiet.look(OFFICE, LONDON, newest, start + minute * MINUTE)
        enough.append(quiet.enough)

    assert enough == [False, True, False]
    assert quiet.missing == pytest.approx(40 / 60, abs=0.01)


def test_a_night_in_which_nothing_is_expected_is_no_silence() -> None:
    start = at("2026-07-06T23:59")
    quiet = Quiet(start, start, True)

    quiet.look(OFFICE, LONDON, 0, at("2026-07-07T08:14"))

    assert not quiet.enough
    assert quiet.missing == pytest.approx(14 * 40 / 60 + 0.1)


def test_counts_forget_what_is_older_than_the_limit() -> None:
    counts = Counts()
    now = at("2026-07-06T10:00")
    for ago in range(120):
        counts.add(now // MINUTE - ago, 2)

    assert counts.within(Flood(500, 60), now) == 120
    assert counts.within(Flood(500, 60), now + 30 * MINUTE) == 60
    assert counts.within(Flood(500, 60), now + 60 * MINUTE) == 0
    assert counts.minutes == {}
