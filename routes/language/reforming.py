"""Makes the conversion behind `reformat`: from one way of writing dates and times to another.

Precision is kept and no zone is ever guessed: an offset is added only where the route says whose clock it
is, and a clock time that came twice or never is not converted.
"""

from __future__ import annotations

from dataclasses import replace
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

from routes.flow.coding import Convert
from routes.hl7.formats import Pattern, PatternError, When, in_zone, read_pattern
from routes.language.problems import Problems
from routes.language.source import Scalar

__all__ = ["make_convert"]

_OTHERS = ("number", "nhs_number", "name")


def make_convert(
    source: Scalar, target: Scalar, zone: Scalar | None, feed_zone: str, problems: Problems
) -> Convert | None:
    """The conversion, or None after a problem. `feed_zone` is the feed's `timezone:`, or ""."""
    read_as, write_as = _pattern(source, problems), _pattern(target, problems)
    where, good = _zone(zone, feed_zone, problems)
    if read_as is None or write_as is None or not good:
        return None
    if write_as.text not in ("date", "datetime") and write_as.precision > read_as.precision:
        problems.add(
            target.spot,
            f'"{target.value}" asks for more than "{source.value}" says; nothing is made up.',
            "bad-format",
        )
        return None
    read, write, to_datetime = read_as.read, write_as.write, write_as.text == "datetime"

    def convert(text: str) -> str | None:
        found: When | None = read(text)
        if found is None:
            return None
        if where is not None and found.offset is None:
            placed = in_zone(found, where)
            if not isinstance(placed, When):
                return None  # repeated or missing: which of the two is the author's decision, by `else`
            found = placed
        return write(found if to_datetime else _whole_day(found, write_as))

    return convert


def _whole_day(when: When, pattern: Pattern) -> When:
    """A time that is written as a date loses its hours, not its day."""
    if pattern.precision <= 3 and when.precision > 3:
        return replace(when, precision=3, offset=None)
    return when


def _pattern(text: Scalar, problems: Problems) -> Pattern | None:
    if text.value in _OTHERS:
        problems.add(
            text.spot,
            f'Reformatting to or from "{text.value}" is not available in this version; dates are.',
            "not-yet",
        )
        return None
    try:
        return read_pattern(text.value)
    except PatternError as error:
        words = str(error)
        problems.add(text.spot, f"{words[:1].upper()}{words[1:]}.", "bad-format")
        return None


def _zone(zone: Scalar | None, feed_zone: str, problems: Problems) -> tuple[ZoneInfo | None, bool]:
    if zone is None:
        return None, True
    name = feed_zone if zone.value == "feed" else zone.value
    if not name:
        problems.add(
            zone.spot,
            "A feed that takes this has no time zone; give it one in feeds.yaml: timezone: Europe/London.",
            "no-zone",
        )
        return None, False
    try:
        return ZoneInfo(name), True
    except (ZoneInfoNotFoundError, ValueError, OSError):
        problems.add(
            zone.spot,
            f'"{name}" is not a time zone; write feed, or one such as Europe/London.',
            "unknown-zone",
        )
        return None, False
