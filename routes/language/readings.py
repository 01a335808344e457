"""How texts stand for stretches of time, and how two of these compare.

Pure text and arithmetic; knows nothing of messages or expressions. What cannot be read is None, and
everything asked of None is no.

A date or time as HL7 writes it stands for a stretch: `2008` for a year, `20080105` for a day,
`200801051030` for a minute. X < Y where X ends before Y begins, X <= Y where X ends no later than Y,
X = Y where X lies within Y. So `PID-7 = '2008-01-05'` is yes for a birth at half past ten that day, and a
bare `2008` is neither before nor after nor on that day: nobody knows.

Two times without an offset are compared by the clock on the wall. One with and one without are compared
where the feed's zone is known; where it is not, a date written in a route is compared with the sender's own
clock, and two that lie further apart than any zone could move them have an order. A wall-clock time that
occurs twice, when summer time ends, stands for both hours; one that never occurs is not compared with a time
that has an offset.
"""

from __future__ import annotations

import re
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta
from functools import lru_cache
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

from routes.hl7.formats import When, read_datetime
from routes.language.syntax import CompareSign

__all__ = [
    "Moment", "compare_moments", "instant_of", "moment_of", "read_literal_moment", "read_moment",
    "write_moment",
]  # fmt: skip

_ISO = re.compile(
    r"([0-9]{4})-([0-9]{2})(?:-([0-9]{2})(?:[T ]([0-9]{2}):([0-9]{2})(?::([0-9]{2})(\.[0-9]{1,4})?)?"
    r"(?:(Z)|([+-][0-9]{2}):?([0-9]{2}))?)?)?"
)
_EPOCH = datetime(1970, 1, 1, tzinfo=UTC).replace(tzinfo=None)
_MICROSECOND = timedelta(microseconds=1)
_DAY = 86_400_000_000
_LENGTHS = {3: _DAY, 4: 3_600_000_000, 5: 60_000_000, 6: 1_000_000}  # by precision, from days to seconds
_MINUTE_PRECISION = 5
_WEST, _EAST = 12 * 3_600_000_000, 14 * 3_600_000_000  # how far a clock on a wall is behind or ahead of UTC


@dataclass(frozen=True, slots=True)
class Moment:
    """A stretch of time: wall-clock microseconds from `start` (included) to `end` (not included).

    offset: how far the wall clock is ahead of UTC, in microseconds, or None where the text does not say.
    literal: written in a route, not read from a message. on_wall: some clock on a wall showed it; not so
    for the time a message was accepted. fine: hours and minutes are given.
    """

    start: int
    end: int
    offset: int | None = None
    literal: bool = False
    on_wall: bool = True
    fine: bool = True


def moment_of(received: int) -> Moment:
    """The moment a message was accepted, from microseconds since 1970-01-01T00:00Z."""
    return Moment(received, received + 1, 0, on_wall=False)


def read_moment(text: str) -> Moment | None:
    """A date or time as HL7 v2 writes it (TS, DT, DTM), of any precision, or as ISO 8601 does."""
    when = read_datetime(_hl7_digits(text) if "-" in text[4:5] else text)
    return None if when is None else _stretch(when)


def read_literal_moment(text: str, *, iso_only: bool = False) -> Moment | None:
    """A date that an analyst wrote in quotes: `2026-01-05`, `2026-01-05T09:30`, or HL7's `20260105`.

    Fewer than eight digits are no date here: `'2026'` may as well be a code. iso_only: HL7's way is not
    taken either, for places where a text of digits is compared as a text.
    """
    iso = _ISO.fullmatch(text) is not None
    if not iso and (iso_only or not text[:8].isdigit() or len(text) < 8):
        return None
    found = read_moment(text)
    return None if found is None else replace(found, literal=True)


def compare_moments(sign: CompareSign, one: Moment, other: Moment, zone: str = "") -> bool:
    """Whether two stretches of time compare so; no where that cannot be known. `!=` is the caller's."""
    bounds = _on_one_clock(one, other, zone)
    if bounds is None:
        return False
    start, end, other_start, other_end = bounds
    if sign == "=":
        if one.literal and not other.literal:
            return other_start >= start and other_end <= end
        return start >= other_start and end <= other_end
    if sign == "<":
        return end <= other_start
    if sign == "<=":
        return end <= other_end
    return start >= other_end if sign == ">" else start >= other_start


def write_moment(received: int, zone: str) -> str:
    """The moment a message was accepted, as HL7 writes it: to the second, by the feed's clock (UTC where that
    is not known), with its offset."""
    moment = datetime.fromtimestamp(received // 1_000_000, UTC)
    return moment.astimezone((_zone(zone) if zone else None) or UTC).strftime("%Y%m%d%H%M%S%z")


def instant_of(moment: Moment, zone: str) -> int | None:
    """The moment in UTC microseconds, for opening hours; None where it is too coarse or its zone unknown."""
    stretch = _in_utc(moment, zone) if moment.fine else None
    return None if stretch is None else stretch[0]


def _hl7_digits(iso: str) -> str:
    """An ISO 8601 text as HL7 would write it; any other text gives one that cannot be read."""
    found = _ISO.fullmatch(iso)
    if found is None:
        return ""
    *parts, utc, hours, minutes = found.groups("")
    return "".join(parts) + ("+0000" if utc else hours + minutes)


def _stretch(when: When) -> Moment | None:
    try:
        first = when.wall()
        start = (first - _EPOCH) // _MICROSECOND
        if when.precision in _LENGTHS:
            end = start + _LENGTHS[when.precision]
        elif when.precision > max(_LENGTHS):
            end = start + 10 ** (6 - len(when.fraction))
        elif when.precision == 1:
            end = (first.replace(year=first.year + 1) - _EPOCH) // _MICROSECOND
        else:
            following = (first.replace(day=28) + timedelta(days=4)).replace(day=1)
            end = (following - _EPOCH) // _MICROSECOND
    except (ValueError, OverflowError):  # the last year of the calendar has no next one
        return None
    offset = None if when.offset is None else when.offset * 60_000_000
    return Moment(start, end, offset, fine=when.precision >= _MINUTE_PRECISION)


def _on_one_clock(one: Moment, other: Moment, zone: str) -> tuple[int, int, int, int] | None:
    """Both stretches on the same clock, or None where there is no such clock."""
    if one.offset is None and other.offset is None:
        return one.start, one.end, other.start, other.end
    first, second = _in_utc(one, zone), _in_utc(other, zone)
    if first is not None and second is not None:
        return *first, *second
    if not zone and (one.literal or other.literal) and one.on_wall and other.on_wall:
        # The analyst wrote the date without an offset: the date as the sender's own clock showed it.
        return one.start, one.end, other.start, other.end
    return None if zone else _apart(one, other)


def _apart(one: Moment, other: Moment) -> tuple[int, int, int, int] | None:
    """Both in UTC as widely as they may lie, where one is surely over before the other begins."""
    start, end = _anywhere(one)
    other_start, other_end = _anywhere(other)
    apart = end <= other_start or other_end <= start
    return (start, end, other_start, other_end) if apart else None


def _anywhere(moment: Moment) -> tuple[int, int]:
    if moment.offset is not None:
        return moment.start - moment.offset, moment.end - moment.offset
    return moment.start - _EAST, moment.end + _WEST


def _in_utc(moment: Moment, zone: str) -> tuple[int, int] | None:
    if moment.offset is not None:
        return moment.start - moment.offset, moment.end - moment.offset
    if not zone:
        return None
    starts, ends = _offsets_at(moment.start, zone), _offsets_at(moment.end - 1, zone)
    return (moment.start - max(starts), moment.end - min(ends)) if starts and ends else None


@lru_cache(maxsize=256)
def _offsets_at(wall: int, zone: str) -> tuple[int, ...]:
    """The offset of a wall-clock time, both where the clock shows it twice, none where it never does."""
    place = _zone(zone)
    if place is None:
        return ()
    found = []
    try:
        naive = _EPOCH + timedelta(microseconds=wall)
        for fold in (0, 1):
            local = naive.replace(tzinfo=place, fold=fold)
            if local.astimezone(UTC).astimezone(place).replace(tzinfo=None) == naive:
                found.append((local.utcoffset() or timedelta()) // _MICROSECOND)
    except (OverflowError, ValueError):
        return ()
    return tuple(found)


@lru_cache(maxsize=64)
def _zone(name: str) -> ZoneInfo | None:
    try:
        return ZoneInfo(name)
    except (ZoneInfoNotFoundError, ValueError, OSError):
        return None
