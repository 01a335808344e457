"""The arithmetic of what usually comes: how many messages were to be expected in a time, and was it too much.

Pure: moments are given in microseconds since 1970, UTC. Hours are wall-clock hours of a zone, so that a day
on which the clocks change has 23 or 25 of them. Must not know feeds, the journal or who is told.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from zoneinfo import ZoneInfo

from engine.site.model import Expected, Flood

__all__ = ["ENOUGH", "MINUTE", "Counts", "Quiet", "expected_between", "rate_at"]

MINUTE = 60_000_000
ENOUGH = 10.0
"""Messages that did not come, before a silence is one: by chance that happens once in 20,000 times."""
LOOK_BACK = 7 * 24 * 60 * MINUTE
_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)


def rate_at(expected: Expected, zone: ZoneInfo, moment: int) -> float:
    """Messages an hour that usually come at this moment."""
    local = (_EPOCH + timedelta(microseconds=moment)).astimezone(zone)
    minute = local.hour * 60 + local.minute
    periods = expected.week[local.weekday()]
    return next((rate for first, last, rate in periods if first <= minute < last), 0.0)


def expected_between(expected: Expected, zone: ZoneInfo, since: int, until: int) -> float:
    """How many messages usually come between two moments; of a long time, its last seven days."""
    at = max(since, until - LOOK_BACK)
    total = 0.0
    while at < until:
        following = min((at // MINUTE + 1) * MINUTE, until)
        total += rate_at(expected, zone, at) * (following - at) / (60 * MINUTE)
        at = following
    return total


@dataclass(slots=True)
class Quiet:
    """How long one feed has been quiet. last: its newest message, or when looking began. missing: how many
    have not come since. silent: an alarm stands."""

    last: int
    looked: int
    heard: bool
    missing: float = 0.0
    silent: bool = False

    def look(self, expected: Expected, zone: ZoneInfo, newest: int, now: int) -> None:
        """Take in the time until `now`. newest: when its newest message came, 0: none since the last look."""
        if newest and (newest > self.last or not self.heard):
            self.last, self.heard, self.missing = max(newest, self.last), True, 0.0
            since = self.last
        else:
            since = self.looked
        self.missing += expected_between(expected, zone, since, now)
        self.looked = max(now, self.looked)

    @property
    def enough(self) -> bool:
        """Whether so many are missing that it is not chance."""
        return self.missing > ENOUGH - 1e-6  # a sum of minutes, each rounded


@dataclass(slots=True)
class Counts:
    """Copies to one address, by the minute in which they were made. since: when an alarm began, or 0."""

    minutes: dict[int, int] = field(default_factory=dict)
    since: int = 0

    def add(self, minute: int, count: int) -> None:
        """So many were made in this minute (minutes since 1970)."""
        self.minutes[minute] = self.minutes.get(minute, 0) + count

    def within(self, limit: Flood, now: int) -> int:
        """How many were made within the limit's time; forgets what is older."""
        oldest = now // MINUTE - limit.minutes
        for minute in [one for one in self.minutes if one <= oldest]:
            del self.minutes[minute]
        return sum(self.minutes.values())
