"""Opening hours that the site names: is a moment inside them?

Knows nothing of expressions or of the site file's form beyond its keys and texts. Hours belong to one zone
and are wall-clock times there; a moment is converted to that zone, so summer time needs no thought.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from datetime import UTC, date, datetime, timedelta
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

__all__ = ["DAYS", "Hours", "HoursError", "days_of", "hours_schema", "period_of", "read_hours"]

DAYS = ("monday", "tuesday", "wednesday", "thursday", "friday", "saturday", "sunday")
_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_PERIOD = re.compile(r"([01]\d|2[0-3]):([0-5]\d)\s*-\s*(?:([01]\d|2[0-3]):([0-5]\d)|(24):(00))")
_MIDNIGHT = 24 * 60

Periods = tuple[tuple[int, int], ...]  # minutes since midnight: from (included) to (not included)


class HoursError(Exception):
    """A mistake in hours: `key` is the key of the entry at fault, `message` says what to write instead."""

    def __init__(self, message: str, key: str, rule: str = "bad-hours") -> None:
        super().__init__(message)
        self.message = message
        self.key = key
        self.rule = rule


@dataclass(frozen=True, slots=True)
class Hours:
    """Weekly hours in one zone. week: seven days from Monday. closed: ISO days on which nothing is open.

    A period that passes midnight belongs, behind midnight, to the next day: it is open then unless that
    day is closed.
    """

    zone: ZoneInfo
    week: tuple[Periods, ...]
    closed: frozenset[str] = field(default_factory=frozenset)

    def open_at(self, moment: int) -> bool:
        """True where the moment (microseconds since 1970-01-01T00:00Z) lies within the hours."""
        # fromtimestamp would read the machine's idea of the range; adding to the epoch does not.
        local = (_EPOCH + timedelta(microseconds=moment)).astimezone(self.zone)
        if self.closed and local.date().isoformat() in self.closed:
            return False
        minute = local.hour * 60 + local.minute
        return any(first <= minute < last for first, last in self.week[local.weekday()])


def read_hours(entries: Mapping[str, str], closed: Iterable[str] = ()) -> Hours:
    """Hours from the texts of the site file: `zone`, and days as `monday_to_friday: 08:00-18:30`.

    A day or a span of days takes one period, several with commas between, or `closed`; `24:00` is the end
    of a day. Days not named are closed. `closed` here is the list of ISO days, the keys of the table that
    the site file names. HoursError: the zone is missing or unknown, a day twice, a text that is no period.
    """
    if "zone" not in entries:
        raise HoursError("Hours need a zone, such as Europe/London.", "zone", "missing-key")
    week: dict[int, list[tuple[int, int]]] = {}
    given: set[int] = set()
    for key, text in entries.items():
        for day in days_of(key) if key != "zone" else ():
            if day in given:
                raise HoursError(f"{DAYS[day].capitalize()} is given twice.", key)
            given.add(day)
            _add_periods(week, day, key, text)
    return Hours(
        _zone(entries["zone"]),
        tuple(tuple(sorted(week.get(day, ()))) for day in range(7)),
        frozenset(_iso_day(day) for day in closed),
    )


def hours_schema() -> dict[str, object]:
    """How opening hours are written, as JSON Schema."""
    day = f"({'|'.join(DAYS)})"
    period = r"([01]\d|2[0-3]):[0-5]\d\s*-\s*(([01]\d|2[0-3]):[0-5]\d|24:00)"
    return {
        "type": "object",
        "title": "opening hours",
        "properties": {
            "zone": {
                "type": "string",
                "description": "The time zone of these hours.",
                "examples": ["Europe/London"],
            },
            "closed": {
                "type": "string",
                "x-names": "table",
                "description": "A table whose keys are days on which nothing is open, as 2026-12-25.",
            },
        },
        "patternProperties": {
            f"^(every_day|{day}(_to_{day})?)$": {
                "type": "string",
                "pattern": rf"^\s*(closed|{period}(\s*,\s*{period})*)\s*$",
                "description": "Hours as 08:00-18:30, several with commas between, or closed.",
                "examples": ["08:00-18:30", "08:00-12:30, 13:30-18:30", "closed"],
            }
        },
        "required": ["zone"],
        "additionalProperties": False,
    }


def _zone(name: str) -> ZoneInfo:
    try:
        return ZoneInfo(name)
    except (ZoneInfoNotFoundError, ValueError, OSError) as error:
        raise HoursError(
            f'"{name}" is not a time zone; write one such as Europe/London.', "zone", "unknown-zone"
        ) from error


def days_of(key: str) -> list[int]:
    """The days that a key names, 0 for Monday: `monday`, `monday_to_friday`, `every_day`.

    Raises HoursError.
    """
    if key == "every_day":
        return list(range(7))
    first, to, last = key.partition("_to_")
    last = last if to else first
    if first not in DAYS or last not in DAYS:
        raise HoursError(
            f'"{key}" is no day; write monday, monday_to_friday or every_day.', key, "unknown-key"
        )
    start, end = DAYS.index(first), DAYS.index(last)
    return [day % 7 for day in range(start, (end if end >= start else end + 7) + 1)]


def period_of(text: str) -> tuple[int, int] | None:
    """`08:00-18:30` as minutes since midnight, from and to; None where it is no period."""
    fits = _PERIOD.fullmatch(text.strip())
    if fits is None:
        return None
    return int(fits[1]) * 60 + int(fits[2]), _MIDNIGHT if fits[5] else int(fits[3]) * 60 + int(fits[4])


def _add_periods(week: dict[int, list[tuple[int, int]]], day: int, key: str, text: str) -> None:
    if text.strip() == "closed":
        return
    for part in text.split(","):
        period = period_of(part)
        if period is None:
            raise HoursError("Write hours as 08:00-18:30, several with commas between, or closed.", key)
        start, end = period
        if start == end:
            raise HoursError("These hours end when they begin; for a whole day write 00:00-24:00.", key)
        if start < end:
            week.setdefault(day, []).append((start, end))
            continue
        week.setdefault(day, []).append((start, _MIDNIGHT))
        if end:
            week.setdefault((day + 1) % 7, []).append((0, end))


def _iso_day(text: str) -> str:
    try:
        return date.fromisoformat(text).isoformat()
    except ValueError as error:
        raise HoursError("Closed days are written as 2026-12-25.", "closed", "bad-date") from error
