"""Proposes what a feed usually sends, from its own weeks: `expect` for feeds.yaml, as YAML to paste.

For each weekday and hour the median of the weeks, so that one holiday or one flood does not count. Pure; must
not know where the figures come from.
"""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Iterable, Sequence
from datetime import UTC, date, datetime
from statistics import median
from zoneinfo import ZoneInfo

from engine.journal.reckoning import Arrived
from routes.language.hours import DAYS

__all__ = ["suggest_rates"]

ALIKE = 1.5
"""Hours that follow each other, and weekdays, are one where none is more than so many times another."""
LEAST = 1.0

Day = tuple[float, ...]  # a rate for each hour


def suggest_rates(arrived: Iterable[Arrived], days: Sequence[date], zone: ZoneInfo) -> str:
    """The YAML, or "" where nothing came. days: those that were counted, whole; a day without a message is a
    day with none, from each feed's first message on."""
    counts: defaultdict[str, Counter[tuple[date, int]]] = defaultdict(Counter)
    for one in arrived:
        local = datetime.fromtimestamp(one.at / 1e6, UTC).astimezone(zone)
        counts[one.feed][local.date(), local.hour] += one.count
    if not counts:
        return ""
    lines = [f"# Medians of {days[0]} to {days[-1]} ({zone.key}); put each below its feed in feeds.yaml."]
    for feed, count in sorted(counts.items()):
        lines += [f"{feed}:", *(f"  {line}" for line in _expect(count, days))]
    return "\n".join(lines) + "\n"


def _expect(count: Counter[tuple[date, int]], days: Sequence[date]) -> list[str]:
    first = min(day for day, _ in count)
    counted = [day for day in days if day >= first]
    week = [_usual(count, [day for day in counted if day.weekday() == weekday]) for weekday in range(7)]
    said = []
    if all(_like(one, other) for one in week[:5] for other in week[:5]):
        said.append(("monday_to_friday", _usual(count, [day for day in counted if day.weekday() < 5])))
        said += [(DAYS[day], week[day]) for day in (5, 6)]
    else:
        said += [(DAYS[day], week[day]) for day in range(7)]
    lines = [f"  {name}: {{{_periods(rates)}}}" for name, rates in said if any(rates)]
    return ["expect:", *lines] if lines else ["# too little comes to say what is usual"]


def _usual(count: Counter[tuple[date, int]], days: Sequence[date]) -> Day:
    """The median of each hour; an hour with less than one message is left out."""
    if not days:
        return (0.0,) * 24
    rates = [float(median(count[day, hour] for day in days)) for hour in range(24)]
    return tuple(rate if rate >= LEAST else 0.0 for rate in rates)


def _like(one: Day, other: Day) -> bool:
    """Whether two days are alike, but for small hours."""
    return all(abs(a - b) <= 5 or max(a, b) <= ALIKE * min(a, b) for a, b in zip(one, other, strict=True))


def _periods(rates: Day) -> str:
    """The day as `"08:00-18:00": 40`, hours that are alike in one. The least of them is said: who expects
    less is not alarmed for nothing."""
    said = []
    start = 0
    for hour in range(1, 25):
        run = rates[start:hour]
        if hour < 24 and _one(*run, rates[hour]):
            continue
        if run[0]:
            said.append(f'"{start:02d}:00-{hour:02d}:00": {min(run):g}')
        start = hour
    return ", ".join(said)


def _one(*rates: float) -> bool:
    return max(rates) <= ALIKE * min(rates)
