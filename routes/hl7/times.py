"""Dates and times as HL7 writes them (DT, TM, TS, DTM), with the precision and the offset they came with.

A value that says only the day stays a day; a time without an offset stays without one until the caller
says which zone it was written in. Nothing is guessed. Knows nothing of messages, and never asks the clock.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta, tzinfo
from typing import Literal

__all__ = [
    "Pattern", "PatternError", "When", "WhenTrouble", "from_microseconds", "in_zone", "is_datetime",
    "read_date", "read_datetime", "read_pattern", "read_time",
]  # fmt: skip

Precision = Literal[1, 2, 3, 4, 5, 6, 7]
"""How far a value goes: 1 year, 2 month, 3 day, 4 hour, 5 minute, 6 second, 7 fraction of a second."""

WhenTrouble = Literal["repeated", "missing"]
"""A local time that the clocks passed twice, or never (the night of a change)."""

_HL7 = re.compile(
    r"([0-9]{4})(?:([0-9]{2})(?:([0-9]{2})(?:([0-9]{2})(?:([0-9]{2})(?:([0-9]{2})(?:\.([0-9]{1,4}))?)?)?)?)?)?"
    r"([+-][0-9]{4})?"
)
_SURELY = re.compile(
    r"(?!0000)[0-9]{4}(?:0[1-9]|1[0-2])(?:0[1-9]|1[0-9]|2[0-8])"
    r"(?:(?:[01][0-9]|2[0-3])(?:[0-5][0-9](?:[0-5][0-9](?:\.[0-9]{1,4})?)?)?(?:[+-](?:0[0-9]|1[0-3])[0-5][0-9])?)?"
)
_TIME = re.compile(r"([0-9]{2})(?:([0-9]{2})(?:([0-9]{2})(?:\.[0-9]{1,4})?)?)?([+-][0-9]{4})?")
_DAY = 3


@dataclass(frozen=True, slots=True)
class When:
    """A date or a time of a date. Parts beyond `precision` hold their lowest value and mean nothing.

    fraction: the digits behind the point, as written. offset: minutes east of UTC, or None.
    """

    year: int
    month: int = 1
    day: int = 1
    hour: int = 0
    minute: int = 0
    second: int = 0
    fraction: str = ""
    precision: int = _DAY
    offset: int | None = None

    def __str__(self) -> str:
        """As HL7 writes it, with the same precision and offset."""
        parts = (
            f"{self.year:04}", f"{self.month:02}", f"{self.day:02}", f"{self.hour:02}", f"{self.minute:02}",
            f"{self.second:02}", f".{self.fraction}",
        )  # fmt: skip
        return "".join(parts[: self.precision]) + _offset_text(self.offset)

    def compare(self, other: When) -> int | None:
        """-1, 0 or 1 for earlier, the same, later, as far as both are precise; None where that is unknown.

        Two offsets: the moments are compared. No offset, or a value that is only a date: what is written
        is compared. One offset only: unknown, unless they lie further apart than any offset could move.
        """
        depth = min(self.precision, other.precision)
        if depth <= _DAY or self.offset == other.offset:
            return _order(self.parts(depth), other.parts(depth))
        if self.offset is not None and other.offset is not None:
            coarse, fine = (self, other) if self.precision <= other.precision else (other, self)
            moved = fine.at_offset(coarse.offset or 0).parts(depth)
            order = _order(coarse.parts(depth), moved)
            return order if coarse is self else -order
        apart = self.wall() - other.wall()
        if abs(apart) <= timedelta(hours=26):
            return None
        return 1 if apart > timedelta(0) else -1

    def wall(self) -> datetime:
        """The clock time as written, without an offset; missing parts at their lowest."""
        micro = int((self.fraction + "000000")[:6]) if self.fraction else 0
        second = min(self.second, 59)
        return datetime(self.year, self.month, self.day, self.hour, self.minute, second, micro)  # noqa: DTZ001 - on purpose

    def at_offset(self, minutes: int) -> When:
        """The same moment as a clock with this offset shows it. Dates, and times without one, stay."""
        if self.offset is None or self.precision <= _DAY or self.offset == minutes:
            return self
        try:
            moved = self.wall() + timedelta(minutes=minutes - self.offset)
        except OverflowError:
            return self
        return replace(
            self, year=moved.year, month=moved.month, day=moved.day, hour=moved.hour, minute=moved.minute,
            offset=minutes,
        )  # fmt: skip

    def parts(self, depth: int) -> tuple[int | str, ...]:
        """The first `depth` parts, year first, for comparing."""
        fraction = (self.fraction + "0000")[:4]
        everything = (self.year, self.month, self.day, self.hour, self.minute, self.second, fraction)
        return everything[:depth]


def _order(left: tuple[int | str, ...], right: tuple[int | str, ...]) -> int:
    return (left > right) - (left < right)


def _offset_text(offset: int | None) -> str:
    if offset is None:
        return ""
    return f"{'-' if offset < 0 else '+'}{abs(offset) // 60:02}{abs(offset) % 60:02}"


def _read_offset(text: str | None) -> int | None:
    """Minutes east of UTC; raises ValueError for what no zone has."""
    if not text:
        return None
    hours, minutes = int(text[1:3]), int(text[3:5])
    if hours > 14 or minutes > 59:
        raise ValueError
    return (hours * 60 + minutes) * (-1 if text[0] == "-" else 1)


def read_datetime(text: str) -> When | None:
    """YYYY[MM[DD[hh[mm[ss[.ffff]]]]]][+zzzz], any of these precisions; None where it is no such value."""
    match = _HL7.fullmatch(text)
    if not match:
        return None
    *digits, offset = match.groups()
    return _build([part for part in digits if part is not None], offset)


def is_datetime(text: str) -> bool:
    """Whether `read_datetime` would read it. Quicker: most dates are seen to be right without a calendar."""
    return _SURELY.fullmatch(text) is not None or read_datetime(text) is not None


def read_date(text: str) -> When | None:
    """YYYY[MM[DD]]; None for anything else, a time included."""
    when = read_datetime(text)
    return when if when is not None and when.precision <= _DAY and when.offset is None else None


def read_time(text: str) -> tuple[int, int, int] | None:
    """hh[mm[ss[.ffff]]][+zzzz] as hour, minute, second; None where it is no time."""
    match = _TIME.fullmatch(text)
    if not match:
        return None
    hour, minute, second = (int(part or 0) for part in match.groups()[:3])
    try:
        _read_offset(match[4])
    except ValueError:
        return None
    return (hour, minute, second) if hour < 24 and minute < 60 and second < 60 else None


def _build(parts: list[str], offset: str | None) -> When | None:
    numbers = [int(part) for part in parts[:6]]
    year, month, day, hour, minute, second = (*numbers, *(0, 1, 1, 0, 0, 0)[len(numbers) :])
    try:
        datetime(year, month, day, hour, minute, min(second, 59) if second < 61 else second)  # noqa: DTZ001 - a check only
        minutes = _read_offset(offset)
    except ValueError:
        return None
    fraction = parts[6] if len(parts) > 6 else ""
    return When(year, month, day, hour, minute, second, fraction, len(parts), minutes)


def from_microseconds(moment: int) -> When:
    """A moment, in microseconds since 1970-01-01T00:00Z, as a time in UTC with its offset."""
    at = datetime.fromtimestamp(moment // 1_000_000, UTC)
    fraction = f"{moment % 1_000_000 // 100:04}"
    return When(at.year, at.month, at.day, at.hour, at.minute, at.second, fraction, 7, 0)


def in_zone(when: When, zone: tzinfo) -> When | WhenTrouble:
    """The same clock time with the offset that it has in this zone.

    A date stays a date; a time that has an offset keeps it. "repeated" where the clocks showed this time
    twice, "missing" where they skipped it: the caller decides, nothing is guessed.
    """
    if when.precision <= _DAY or when.offset is not None:
        return when
    early, late = (when.wall().replace(tzinfo=zone, fold=fold).utcoffset() for fold in (0, 1))
    if early is None or late is None:
        return when
    if early != late:
        # In the hour that comes twice the first reading has the larger offset (summer time).
        return "repeated" if early > late else "missing"
    return replace(when, offset=int(early.total_seconds()) // 60)


# -- patterns ----------------------------------------------------------------------------------------------


class PatternError(Exception):
    """A date pattern that is not understood; the text says what may stand in one."""


_MONTHS = ("JAN", "FEB", "MAR", "APR", "MAY", "JUN", "JUL", "AUG", "SEP", "OCT", "NOV", "DEC")
_TOKENS: dict[str, tuple[int, str]] = {
    "YYYY": (1, "[0-9]{4}"), "MMM": (2, "[A-Za-z]{3}"), "MM": (2, "[0-9]{2}"), "DD": (3, "[0-9]{2}"),
    "hh": (4, "[0-9]{2}"), "mm": (5, "[0-9]{2}"), "ss": (6, "[0-9]{2}"), "+zzzz": (0, "[+-][0-9]{4}"),
}  # fmt: skip
_SPLIT = re.compile("(" + "|".join(re.escape(token) for token in _TOKENS) + ")")
_WORDS = {"date", "datetime"}


@dataclass(frozen=True, slots=True)
class Pattern:
    """A way to write dates or times. read: None where a text is not written so. write: None where the
    value is less precise than the pattern asks for, for nothing is made up."""

    text: str
    precision: int
    read: Callable[[str], When | None]
    write: Callable[[When], str | None]


def read_pattern(text: str) -> Pattern:
    """Understand `date`, `datetime`, or a pattern such as DD/MM/YYYY, DDMMYYYY hhmm, DD-MMM-YYYY.

    `date` and `datetime` are HL7's own, with whatever precision a value has. Raises PatternError.
    """
    if text == "date":
        return Pattern(text, _DAY, read_date, lambda when: str(_cut(when, _DAY)))
    if text == "datetime":
        return Pattern(text, 7, read_datetime, str)
    pieces = _SPLIT.split(text)
    tokens = pieces[1::2]
    _check_pattern(text, tokens, "".join(pieces[0::2]))
    levels = sorted(_TOKENS[token][0] for token in tokens if token != "+zzzz")  # noqa: S105 - no password
    expression = re.compile(
        "".join(f"({_TOKENS[piece][1]})" if odd % 2 else re.escape(piece) for odd, piece in enumerate(pieces))
    )
    return Pattern(text, levels[-1], _reader(expression, tokens), _writer(pieces, levels[-1], tokens))


def _check_pattern(text: str, tokens: list[str], between: str) -> None:
    if not text or not tokens:
        raise PatternError("a date is written with YYYY, MM, DD, hh, mm, ss and +zzzz, such as DD/MM/YYYY")
    if "YY" in between:
        raise PatternError("a year needs four digits, YYYY: which century two digits mean would be a guess")
    letter = next((character for character in between if character.isalnum() and character != "T"), "")
    if letter:
        raise PatternError(
            f"`{letter}` means nothing in a date pattern: YYYY, MM, MMM, DD, hh, mm, ss, +zzzz do"
            " (capital MM for months, small mm for minutes)"
        )
    levels = [_TOKENS[token][0] for token in tokens]
    if len(set(levels)) != len(levels):
        raise PatternError("the same part stands twice in the date pattern")
    known = {level for level in levels if level}
    if known != set(range(1, max(known, default=0) + 1)):
        raise PatternError("a date pattern has no gap: a day needs its month and year")


def _reader(expression: re.Pattern[str], tokens: list[str]) -> Callable[[str], When | None]:
    def read(text: str) -> When | None:
        match = expression.fullmatch(text)
        if not match:
            return None
        offset, parts = None, {}
        for token, found in zip(tokens, match.groups(), strict=True):
            if token == "+zzzz":  # noqa: S105 - no password
                offset = found
            elif token == "MMM":  # noqa: S105 - no password
                if found.upper() not in _MONTHS:
                    return None
                parts[2] = f"{_MONTHS.index(found.upper()) + 1:02}"
            else:
                parts[_TOKENS[token][0]] = found
        return _build([parts[level] for level in sorted(parts)], offset)

    return read


def _writer(pieces: list[str], precision: int, tokens: list[str]) -> Callable[[When], str | None]:
    needs_offset = "+zzzz" in tokens

    def write(when: When) -> str | None:
        if when.precision < precision or (needs_offset and when.offset is None):
            return None
        values = {
            "YYYY": f"{when.year:04}", "MM": f"{when.month:02}", "MMM": _MONTHS[when.month - 1],
            "DD": f"{when.day:02}", "hh": f"{when.hour:02}", "mm": f"{when.minute:02}",
            "ss": f"{when.second:02}", "+zzzz": _offset_text(when.offset),
        }  # fmt: skip
        return "".join(values[piece] if odd % 2 else piece for odd, piece in enumerate(pieces))

    return write


def _cut(when: When, precision: int) -> When:
    return replace(when, precision=precision, offset=None) if when.precision > precision else when
