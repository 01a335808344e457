"""Reconciliation: for each day, feed, type and practice, what came in and what became of it.

From the journal's figures to a report that balances to the last message, or names those that do not. Must
not know how a report is shown, nor ask a clock: what "now" is, it is told.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, date, datetime, time, timedelta
from zoneinfo import ZoneInfo

from engine.journal.reckoning import Batches, Copies, Fate, Fated, Leftover, Reckoning
from engine.sent_counts import Difference, Sequenced

__all__ = ["OPEN", "PERSON", "CopyLine", "Line", "Report", "bounds_of", "days_between", "reconcile"]

OPEN: tuple[Fate, ...] = ("outstanding", "undecided")
"""On its way, or about to be decided: nobody needs to do anything yet."""
PERSON: tuple[Fate, ...] = ("held", "stopped", "unaccounted")
"""Waits for a person."""
NAMED = 100
"""Messages that do not balance are named up to so many; all are counted."""
OPEN_STATES = ("waiting", "queued", "sending")


@dataclass(frozen=True, slots=True)
class Line:
    """The messages of one day, feed and type (or of several added up: then some of these are ""), by fate.

    oldest_open, oldest_waiting: when the oldest of those that are on their way, or that wait for a person,
    came in; microseconds, 0 where there is none.
    """

    day: str
    feed: str
    type: str
    counts: Mapping[Fate, int] = field(default_factory=dict)
    oldest_open: int = 0
    oldest_waiting: int = 0

    @property
    def accepted(self) -> int:
        """All of them: each has exactly one fate."""
        return sum(self.counts.values())

    def count(self, *fates: Fate) -> int:
        """How many have one of these fates."""
        return sum(self.counts.get(fate, 0) for fate in fates)


@dataclass(frozen=True, slots=True)
class CopyLine:
    """The copies to one address, by state; where lines are added up, day, feed and type are ""."""

    day: str
    feed: str
    type: str
    channel: str
    address: str
    states: Mapping[str, int] = field(default_factory=dict)
    oldest_open: int = 0

    @property
    def made(self) -> int:
        """All of them: each is in exactly one state."""
        return sum(self.states.values())

    def count(self, *states: str) -> int:
        """How many are in one of these states."""
        return sum(self.states.get(state, 0) for state in states)

    @property
    def attention(self) -> int:
        """How many have not arrived, also of those that were withdrawn or given up."""
        return self.made - self.count("delivered", "acknowledged")


@dataclass(frozen=True, slots=True)
class Report:
    """One reconciliation. Days are ISO dates in `zone`; the rest as the names say.

    refused: by day and feed, what could not be accepted. unaccounted, missing: what does not balance: ids of
    messages whose record contradicts itself, and ids (from, to) that have no record. leftovers: what is open
    from before the first day; empty where one feed or practice was asked for. batches: what the trailers of
    batches say; empty where one practice was asked for.
    """

    site: str
    zone: str
    days: Sequence[str]
    made: int
    feed: str
    practice: str
    lines: Sequence[Line]
    copies: Sequence[CopyLine]
    refused: Mapping[tuple[str, str], int] = field(default_factory=dict)
    unaccounted: Sequence[int] = ()
    missing: Sequence[tuple[int, int]] = ()
    leftovers: Sequence[Leftover] = ()
    differences: Sequence[Difference] | None = None
    sequences: Sequence[Sequenced] | None = None
    batches: Sequence[Batches] = ()

    @property
    def balances(self) -> bool:
        """Whether every message that was accepted is accounted for."""
        return not self.unaccounted and not self.missing

    @property
    def total(self) -> Line:
        """All messages."""
        return _sum("", "", "", self.lines)

    def by_day(self) -> Sequence[Line]:
        """One line for each day, also for those without a message."""
        of_day: dict[str, list[Line]] = {day: [] for day in self.days}
        for line in self.lines:
            of_day[line.day].append(line)
        return [_sum(day, "", "", lines) for day, lines in of_day.items()]

    def by_feed_and_type(self) -> Sequence[Line]:
        """One line for each feed and type, all days together."""
        found: defaultdict[tuple[str, str], list[Line]] = defaultdict(list)
        for line in self.lines:
            found[line.feed, line.type].append(line)
        return [_sum("", *key, lines) for key, lines in sorted(found.items())]

    def by_practice(self) -> Sequence[CopyLine]:
        """One line for each channel and address; those with something not delivered come first."""
        found: defaultdict[tuple[str, str], list[CopyLine]] = defaultdict(list)
        for line in self.copies:
            found[line.channel, line.address].append(line)
        lines = [_sum_of_copies(*key, some) for key, some in sorted(found.items())]
        return sorted(lines, key=lambda line: -line.attention)


def days_between(first: date, last: date) -> Sequence[date]:
    """Each day from the first to the last, both included."""
    return [first + timedelta(days=number) for number in range((last - first).days + 1)]


def bounds_of(day: date, zone: ZoneInfo) -> tuple[int, int]:
    """When a day begins in a zone, and when the next one does, in microseconds: 23 or 25 hours where the
    clocks change."""
    return _midnight(day, zone), _midnight(day + timedelta(days=1), zone)


def _midnight(day: date, zone: ZoneInfo) -> int:
    return round(datetime.combine(day, time(), zone).astimezone(UTC).timestamp() * 1e6)


def reconcile(
    reckoning: Reckoning,
    days: Sequence[date],
    zone: ZoneInfo,
    *,
    site: str,
    made: int,
    feed: str = "",
    practice: str = "",
    counted: Callable[[], None] = lambda: None,
) -> Report:
    """The report of these days, which follow each other. counted: told of each day that is done.

    All figures of a day are of one moment; days are read one after the other.
    """
    lines: list[Line] = []
    copies: list[CopyLine] = []
    refused: dict[tuple[str, str], int] = {}
    unaccounted: list[int] = []
    for day in days:
        bounds, name = bounds_of(day, zone), day.isoformat()
        with reckoning.moment():
            of_day = _lines(name, reckoning.fates(*bounds))
            copies += _copy_lines(name, reckoning.copies(*bounds))
            refused |= {(name, feed_): count for feed_, count in reckoning.refused(*bounds).items()}
            if any(line.count("unaccounted") for line in of_day):
                unaccounted += reckoning.unaccounted(*bounds, NAMED - len(unaccounted))
        lines += of_day
        counted()
    since, until = bounds_of(days[0], zone)[0], bounds_of(days[-1], zone)[1]
    with reckoning.moment():
        missing = reckoning.missing(since, until)
    return Report(
        site,
        zone.key,
        [day.isoformat() for day in days],
        made,
        feed,
        practice,
        lines,
        copies,
        refused,
        unaccounted,
        missing,
        () if feed or practice else reckoning.open_before(since),
    )


def _lines(day: str, fated: Iterable[Fated]) -> Sequence[Line]:
    found: defaultdict[tuple[str, str], list[Fated]] = defaultdict(list)
    for one in fated:
        found[one.feed, one.type].append(one)
    return [
        Line(
            day,
            *key,
            {one.fate: one.count for one in some},
            _oldest(one.oldest for one in some if one.fate in OPEN),
            _oldest(one.oldest for one in some if one.fate in PERSON),
        )
        for key, some in sorted(found.items())
    ]


def _copy_lines(day: str, copies: Iterable[Copies]) -> Sequence[CopyLine]:
    found: defaultdict[tuple[str, str, str, str], list[Copies]] = defaultdict(list)
    for one in copies:
        found[one.feed, one.type, one.channel, one.address].append(one)
    return [
        CopyLine(
            day,
            *key,
            {one.state: one.count for one in some},
            _oldest(one.oldest for one in some if one.state in OPEN_STATES),
        )
        for key, some in sorted(found.items())
    ]


def _sum(day: str, feed: str, type_: str, lines: Sequence[Line]) -> Line:
    counts: defaultdict[Fate, int] = defaultdict(int)
    for line in lines:
        for fate, count in line.counts.items():
            counts[fate] += count
    return Line(
        day,
        feed,
        type_,
        dict(counts),
        _oldest(line.oldest_open for line in lines),
        _oldest(line.oldest_waiting for line in lines),
    )


def _sum_of_copies(channel: str, address: str, lines: Sequence[CopyLine]) -> CopyLine:
    states: defaultdict[str, int] = defaultdict(int)
    for line in lines:
        for state, count in line.states.items():
            states[state] += count
    return CopyLine("", "", "", channel, address, dict(states), _oldest(line.oldest_open for line in lines))


def _oldest(times: Iterable[int]) -> int:
    return min((moment for moment in times if moment), default=0)
