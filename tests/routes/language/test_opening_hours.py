"""Opening hours: reading them, and what is inside."""

from __future__ import annotations

from datetime import datetime

import pytest

from routes.language.hours import HoursError, read_hours

WORKING = {"zone": "Europe/London", "monday_to_friday": "08:00-18:30", "saturday": "09:00-12:00, 13:00-15:00"}


def moment(iso: str) -> int:
    return int(datetime.fromisoformat(iso).timestamp() * 1_000_000)


@pytest.mark.parametrize(
    ("iso", "is_open"),
    [
        ("2026-01-05T08:00+00:00", True),
        ("2026-01-05T07:59:59.999999+00:00", False),
        ("2026-01-05T18:29:59+00:00", True),
        ("2026-01-05T18:30+00:00", False),
        ("2026-07-06T07:30+00:00", True),  # summer: half past eight in London
        ("2026-07-06T17:45+00:00", False),
        ("2026-01-10T12:30+00:00", False),
        ("2026-01-10T13:30+00:00", True),
        ("2026-01-11T12:00+00:00", False),
        ("2026-12-25T12:00+00:00", False),
        ("2026-12-24T12:00+00:00", True),
    ],
)
def test_hours_are_those_of_the_clock_on_the_wall(iso: str, is_open: bool) -> None:
    assert read_hours(WORKING, closed=["2026-12-25"]).open_at(moment(iso)) is is_open


def test_a_night_shift_runs_into_the_next_day() -> None:
    hours = read_hours({"zone": "UTC", "friday": "20:00-08:00"})

    assert hours.open_at(moment("2026-01-09T23:00+00:00"))
    assert hours.open_at(moment("2026-01-10T07:59+00:00"))
    assert not hours.open_at(moment("2026-01-10T08:00+00:00"))
    assert not hours.open_at(moment("2026-01-09T07:00+00:00"))


def test_a_span_of_days_may_pass_the_end_of_the_week() -> None:
    hours = read_hours({"zone": "UTC", "saturday_to_monday": "00:00-24:00", "tuesday": "closed"})

    assert [bool(day) for day in hours.week] == [True, False, False, False, False, True, True]


def test_every_day_is_every_day() -> None:
    assert all(read_hours({"zone": "UTC", "every_day": "09:00-10:00"}).week)


@pytest.mark.parametrize(
    ("entries", "key"),
    [
        ({"monday": "09:00-10:00"}, "zone"),
        ({"zone": "Europe/Londn"}, "zone"),
        ({"zone": "../etc"}, "zone"),
        ({"zone": "UTC", "mondy": "09:00-10:00"}, "mondy"),
        ({"zone": "UTC", "monday_to_": "09:00-10:00"}, "monday_to_"),
        ({"zone": "UTC", "monday": "9-10"}, "monday"),
        ({"zone": "UTC", "monday": "09:00-25:00"}, "monday"),
        ({"zone": "UTC", "monday": "09:00-09:00"}, "monday"),
        ({"zone": "UTC", "monday": ""}, "monday"),
        ({"zone": "UTC", "monday_to_friday": "09:00-10:00", "tuesday": "09:00-11:00"}, "tuesday"),
    ],
)
def test_mistakes_name_their_key(entries: dict[str, str], key: str) -> None:
    with pytest.raises(HoursError) as caught:
        read_hours(entries)
    assert caught.value.key == key


def test_closed_days_are_iso_days() -> None:
    with pytest.raises(HoursError, match="2026-12-25"):
        read_hours(WORKING, closed=["25/12/2026"])
