"""How the text of a field is read as a number or as a stretch of time, and how two of these compare.

Pure text and arithmetic; knows nothing of messages or expressions. A value that cannot be read is None,
and everything asked of None is no: `>200` is not a number, and nobody guesses what it might be.

Time. A date or time as HL7 writes it stands for a stretch: `2008` for a year, `20080105` for a day,
`200801051030` for a minute. It is compared as such: X < Y where X ends before Y begins, X <= Y where X
ends no later than Y, X = Y where X lies within Y. So `PID-7 = '2008-01-05'` is yes for a birth at half past
ten that day, and a bare `2008` is neither before nor after nor on that day: nobody knows. Two times without
an offset are compared by the clock on the wall. One with and one without are compared where the feed's
zone is known; where it is not, only a date written in a route is compared, with the sender's own clock. A
wall-clock time that occurs twice, when summer time ends, stands for both hours.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from functools import lru_cache
from operator import eq, ge, gt, le, lt, ne
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

from routes.language.syntax import CompareSign

__all__ = [
    "SIGNS",
    "Moment",
    "compare_moments",
    "instant_of",
    "moment_of",
    "read_literal_moment",
    "read_moment",
    "read_number",
]

SIGNS: Mapping[str, Callable[[object, object], bool]] = {
    "=": eq, "!=": ne, "<": lt, "<=": le, ">": gt, ">=": ge,
}  # fmt: skip

_NUMBER = re.compile(r"[+-]?(?:[0-9]+(?:\.[0-9]*)?|\.[0-9]+)")
_LONGEST_NUMBER = 100  # digits; far past any quantity, far below what makes arithmetic slow
_HL7 = re.compile(
    r"([0-9]{4})(?:([01][0-9])(?:([0-3][0-9])(?:([0-2][0-9])(?:([0-5][0-9])"
    r"(?:([0-5][0-9])(?:\.([0-9]{1,6}))?)?)?)?)?)?([+-][0-9]{4})?"
)
_ISO = re.compile(
    r"([0-9]{4})-([01][0-9])(?:-([0-3][0-9])(?:[T ]([0-2][0-9]):([0-5][0-9])"
    r"(?::([0-5][0-9])(?:\.([0-9]{1,6}))?)?(Z|[+-][0-9]{2}:?[0-9]{2})?)?)?"
)
_DAY = 86_400_000_000
_EPOCH = datetime(1970, 1, 1, tzinfo=UTC).replace(tzinfo=None)


def read_number(text: str) -> int | Decimal | None:
    """The number that a text is, spaces around it left aside (HL7 v2 data type NM); None for any other."""
    if text.isdigit() and text.isascii() and len(text) <= _LONGEST_NUMBER:
        return int(text)
    stripped = text.strip(" ")
    if len(stripped) > _LONGEST_NUMBER or not _NUMBER.fullmatch(stripped):
        return None
    return Decimal(stripped)


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
    """A date or time as HL7 v2 writes it (TS, DT, DTM: `YYYYMMDDhhmmss.f+zzzz`, cut anywhere) or ISO 8601."""
    found = _HL7.fullmatch(text) or _ISO.fullmatch(text)
    return None if found is None else _moment(found.groups())


def read_literal_moment(text: str, *, iso_only: bool = False) -> Moment | None:
    """A date that an analyst wrote in quotes: `2026-01-05`, `2026-01-05T09:30`, or HL7's `20260105`.

    Fewer than eight digits are no date here: `'2026'` may as well be a code. iso_only: HL7's way is not
    taken either, for places where a text of digits is compared as a text.
    """
    found = _ISO.fullmatch(text)
    if found is None and not iso_only and len(text) >= 8:
        found = _HL7.fullmatch(text)
        if found is not None and found[3] is None:
            return None
    if found is None:
        return None
    moment = _moment(found.groups())
    return None if moment is None else replace(moment, literal=True)


def compare_moments(sign: CompareSign, one: Moment, other: Moment, zone: str = "") -> bool | None:
    """Whether two stretches of time compare so; None where that cannot be known. `!=` is the caller's."""
    bounds = _on_one_clock(one, other, zone)
    if bounds is None:
        return None
    start, end, other_start, other_end = bounds
    if one.literal and not other.literal and sign == "=":
        return other_start >= start and other_end <= end
    if sign == "=":
        return start >= other_start and end <= other_end
    if sign == "<":
        return end <= other_start
    if sign == "<=":
        return end <= other_end
    if sign == ">":
        return start >= other_end
    return start >= other_start


def instant_of(moment: Moment, zone: str) -> int | None:
    """The moment in UTC microseconds, for opening hours; None where it is too coarse or its zone unknown."""
    if not moment.fine:
        return None
    stretch = _in_utc(moment, zone)
    return None if stretch is None else stretch[0]


def _moment(parts: tuple[str | None, ...]) -> Moment | None:
    year, month, day, hour, minute, second, fraction, offset = parts
    try:
        start = datetime(  # noqa: DTZ001 - wall-clock time on purpose; the offset is kept beside it
            int(year or 0), int(month or 1), int(day or 1), int(hour or 0), int(minute or 0), int(second or 0)
        )
        wall = (start - _EPOCH) // timedelta(microseconds=1)
        if fraction is not None:
            wall += int(fraction.ljust(6, "0"))
            length = 10 ** (6 - len(fraction))
        elif second is not None:
            length = 1_000_000
        elif minute is not None:
            length = 60_000_000
        elif hour is not None:
            length = 3_600_000_000
        elif day is not None:
            length = _DAY
        elif month is not None:
            length = ((start.replace(day=28) + timedelta(days=4)).replace(day=1) - start).days * _DAY
        else:
            length = (start.replace(year=start.year + 1) - start).days * _DAY
    except (ValueError, OverflowError):
        return None
    return Moment(wall, wall + length, _offset(offset), fine=minute is not None)


def _offset(text: str | None) -> int | None:
    if text is None:
        return None
    if text == "Z":
        return 0
    digits = text[1:].replace(":", "")
    minutes = int(digits[:2]) * 60 + int(digits[2:])
    return (-minutes if text[0] == "-" else minutes) * 60_000_000


def _on_one_clock(one: Moment, other: Moment, zone: str) -> tuple[int, int, int, int] | None:
    """Both stretches on the same clock, or None where there is no such clock."""
    if one.offset is None and other.offset is None:
        return one.start, one.end, other.start, other.end
    first, second = _in_utc(one, zone), _in_utc(other, zone)
    if first is not None and second is not None:
        return *first, *second
    if (one.literal or other.literal) and one.on_wall and other.on_wall:
        # The analyst wrote the date without an offset: the date as the sender's own clock showed it.
        return one.start, one.end, other.start, other.end
    return None


def _in_utc(moment: Moment, zone: str) -> tuple[int, int] | None:
    if moment.offset is not None:
        return moment.start - moment.offset, moment.end - moment.offset
    if not zone:
        return None
    starts, ends = _offsets_at(moment.start, zone), _offsets_at(moment.end - 1, zone)
    if starts is None or ends is None:
        return None
    return moment.start - max(starts), moment.end - min(ends)


def _offsets_at(wall: int, zone: str) -> tuple[int, ...] | None:
    """The offset of a wall-clock time, both where the clock shows it twice, None where it never does."""
    place = _zone(zone)
    if place is None:
        return None
    found = []
    try:
        naive = _EPOCH + timedelta(microseconds=wall)
        for fold in (0, 1):
            local = naive.replace(tzinfo=place, fold=fold)
            if local.astimezone(UTC).astimezone(place).replace(tzinfo=None) == naive:
                found.append((local.utcoffset() or timedelta()) // timedelta(microseconds=1))
    except (OverflowError, ValueError):
        return None
    return tuple(found) or None


@lru_cache(maxsize=64)
def _zone(name: str) -> ZoneInfo | None:
    try:
        return ZoneInfo(name)
    except (ZoneInfoNotFoundError, ValueError, OSError):
        return None
