"""Dates and times as stretches: what they stand for and how they compare."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from routes.language.readings import (
    Moment,
    compare_moments,
    instant_of,
    moment_of,
    read_literal_moment,
    read_moment,
)
from routes.language.syntax import CompareSign

MINUTE = 60_000_000
DAY = 1440 * MINUTE


def stretch(text: str) -> Moment:
    found = read_moment(text)
    assert found is not None
    return found


@pytest.mark.parametrize(
    ("text", "length"),
    [
        ("2026", 365 * DAY),
        ("2024", 366 * DAY),
        ("202402", 29 * DAY),
        ("2026-02", 28 * DAY),
        ("20260105", DAY),
        ("2026010509", 60 * MINUTE),
        ("202601050930", MINUTE),
        ("2026-01-05T09:30", MINUTE),
        ("2026-01-05 09:30", MINUTE),
        ("20260105093015", 1_000_000),
        ("2026-01-05T09:30:15", 1_000_000),
        ("20260105093015.5", 100_000),
        ("2026-01-05T09:30:15.1234Z", 100),
    ],
)
def test_a_text_stands_for_as_long_as_it_is_precise(text: str, length: int) -> None:
    assert stretch(text).end - stretch(text).start == length


@pytest.mark.parametrize(
    "text",
    [
        "",
        '""',
        "x",
        "20261301",
        "20260230",
        "2026-13-01",
        "2026-1-5",
        "202601052500",
        "9999",
        ">2026",
        "2026-",
    ],
)
def test_what_is_no_date_is_none(text: str) -> None:
    assert read_moment(text) is None


@pytest.mark.parametrize("hl7", ["20260105", "202601050930", "202601050930+0100", "20260105093015.12-0330"])
def test_both_spellings_mean_the_same(hl7: str) -> None:
    iso = f"{hl7[:4]}-{hl7[4:6]}-{hl7[6:8]}"
    if len(hl7) > 8:
        iso += f"T{hl7[8:10]}:{hl7[10:12]}" + (f":{hl7[12:]}" if hl7[12:13].isdigit() else hl7[12:])

    assert read_moment(iso) == read_moment(hl7)


@pytest.mark.parametrize("text", ["2026", "202601", "7", "abc", "2026/01/05", "99999999"])
def test_few_digits_and_other_spellings_are_no_date_in_a_route(text: str) -> None:
    assert read_literal_moment(text) is None


def test_digits_are_a_text_where_only_iso_dates_count() -> None:
    assert read_literal_moment("20260105", iso_only=True) is None
    assert read_literal_moment("2026-01-05", iso_only=True) == read_literal_moment("20260105")


@pytest.mark.parametrize(
    ("one", "sign", "other", "answer"),
    [
        ("2008", "=", "2008-06-01", False),
        ("2008", "<", "2008-06-01", False),
        ("2008", ">", "2008-06-01", False),
        ("2007", "<", "2008-06-01", True),
        ("202601051030", "<=", "20260105", True),
        ("202601051030", ">=", "20260105", True),
        ("202601051030", "<", "20260105", False),
        ("202601051030+0000", "=", "202601051130+0100", True),
        ("202601051030+0000", "<", "202601051030", False),
        ("202601051030+0000", "=", "202601051030", False),
    ],
)
def test_stretches_compare(one: str, sign: CompareSign, other: str, answer: bool) -> None:
    assert compare_moments(sign, stretch(one), stretch(other)) is answer


def test_an_hour_that_comes_twice_is_neither_before_nor_after_what_lies_between() -> None:
    twice, between = stretch("202610250130"), stretch("20261025010000+0000")

    assert not compare_moments("<", twice, between, "Europe/London")
    assert not compare_moments(">", twice, between, "Europe/London")
    assert compare_moments("<", twice, stretch("20261025020000+0000"), "Europe/London")


def test_an_hour_that_never_comes_is_not_compared_with_one_that_does() -> None:
    never, other = stretch("202603290130"), stretch("20260101000000+0000")

    assert not compare_moments(">", never, other, "Europe/London")
    assert compare_moments(">", never, stretch("20260101000000"), "Europe/London")


def test_a_zone_that_is_none_makes_no_clock() -> None:
    assert not compare_moments(">", stretch("20260105"), moment_of(0), "Europe/Londn")


def test_opening_hours_need_a_time_and_a_zone() -> None:
    assert instant_of(stretch("20260705"), "Europe/London") is None
    assert instant_of(stretch("202607051030"), "") is None
    assert instant_of(stretch("202607051030"), "Europe/London") == stretch("202607050930").start


@given(st.text(max_size=30))
def test_any_text_is_a_moment_or_none(text: str) -> None:
    found = read_moment(text)
    assert found is None or found.start < found.end


digits = st.datetimes().map(lambda when: when.strftime("%Y%m%d%H%M%S").zfill(14))
prefixes = st.tuples(digits, st.sampled_from([4, 6, 8, 10, 12, 14])).map(lambda pair: pair[0][: pair[1]])


@given(prefixes, prefixes)
def test_of_two_stretches_at_most_one_of_before_same_after_holds(one: str, other: str) -> None:
    first, second = read_moment(one), read_moment(other)
    if first is None or second is None:
        return  # the last year of the calendar has no end
    assert sum(compare_moments(sign, first, second) for sign in ("<", "=", ">")) <= 1
    assert compare_moments("<", first, second) == compare_moments(">", second, first)
