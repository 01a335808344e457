"""Comparisons that could never be what was meant: a number in quotes, a date without, texts put in order.

Each would load without complaint and then silently be no for every message. Knows the two sides of a
comparison and their kinds; nothing of names or messages.
"""

from __future__ import annotations

import re

from routes.hl7.formats import read_number
from routes.language.readings import read_literal_moment
from routes.language.syntax import CompareSign, Expression, Number, Text, quoted
from routes.language.vocabulary import Kind

__all__ = ["refuse_misfit"]

_DATE_LIKE = re.compile(r"(?:19|20)[0-9]{6}(?:[0-9]{4}(?:[0-9]{2})?)?")
_A_DATE = "A date or time is written '2026-01-05' or '2026-01-05T09:30'."


def refuse_misfit(side: Expression, kind: Kind, facing: Kind, sign: CompareSign, zone: str) -> None:
    """Look at one side of a comparison, given the kind of what faces it. ExpressionError: they do not fit."""
    if isinstance(side, Text):
        _look_at_text(side, facing, sign not in ("=", "!="), zone)
    elif isinstance(side, Number):
        _look_at_number(side, facing, sign not in ("=", "!="))
    elif kind is Kind.NUMBER and facing is Kind.TIME:
        raise side.error("A number and a time cannot be compared.", "wrong-kind")


def _look_at_text(side: Text, facing: Kind, ordering: bool, zone: str) -> None:
    moment, number = read_literal_moment(side.value), read_number(side.value)
    bare = side.value.strip()
    if facing is Kind.NUMBER:
        if number is None:
            raise side.error("This is compared with a number, and is none.", "wrong-kind")
        raise side.error("A number is compared without quotes.", "quoted-number", bare)
    if facing is Kind.TIME:
        if moment is None:
            raise side.error(_A_DATE, "bad-date")
        if moment.offset is None and not zone:
            message = (
                "Say where: add the offset, as in '2026-01-05T09:30+00:00', or give the feed its timezone."
            )
            raise side.error(message, "no-zone")
    if ordering and moment is None:
        words = "Numbers, dates and times have an order; a date is written '2026-01-05'"
        if number is None:
            raise side.error(f"{words}.", "no-order")
        raise side.error(f"{words}, a number without quotes.", "quoted-number", bare)


def _look_at_number(side: Number, facing: Kind, ordering: bool) -> None:
    day = _as_date(side)
    if facing is Kind.TIME:
        raise side.error(_A_DATE, "bad-date", day)
    if ordering and facing is Kind.TEXT and day:
        raise side.error(f"This looks like a date, which goes in quotes: {day}.", "unquoted-date", day)


def _as_date(number: Number) -> str:
    """How digits that look like a date are written as one; "" where they do not."""
    digits = str(number)
    if not _DATE_LIKE.fullmatch(digits) or read_literal_moment(digits) is None:
        return ""
    day, clock = f"{digits[:4]}-{digits[4:6]}-{digits[6:8]}", digits[8:]
    parts = [clock[i : i + 2] for i in range(0, len(clock), 2)]
    return quoted(f"{day}T{':'.join(parts)}" if clock else day)
