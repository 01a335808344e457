"""How feeds.yaml says what usually comes, and channels.yaml what is too much: the kinds of these values.

Each reads one node and says what is wrong with it. Must not know who watches.
"""

from __future__ import annotations

import re
from dataclasses import dataclass

from engine.site.model import Expected, Flood
from routes.language.hours import DAYS, HoursError, days_of, period_of
from routes.language.kinds import Decimal, Marked
from routes.language.problems import Problems
from routes.language.source import Block, Node

__all__ = ["Expect", "FloodLimit"]

_FLOOD = re.compile(r"(\d{1,9})\s+in\s+(\d{1,4})\s*([mh])\Z")
_DAY = 24 * 60
_RATE = Decimal(0.01, 10_000_000)

Periods = list[tuple[int, int, float]]


@dataclass(frozen=True, slots=True)
class Expect:
    """Messages an hour, by day and by time of day."""

    words: str = (
        "days, and for each the messages an hour by time of day, such as"
        ' {monday_to_friday: {"08:00-18:00": 40}}'
    )

    def read(self, node: Node, problems: Problems) -> Expected | None:
        if not isinstance(node, Block) or not node.entries:
            problems.add(node.spot, f"This must be {self.words}.", "wrong-kind")
            return None
        week: dict[int, Periods] = {}
        good = True
        for key, value in node.entries:
            try:
                days = days_of(key.value)
            except HoursError as why:
                problems.add(key.spot, why.message, why.rule)
                good = False
                continue
            twice = next((day for day in days if day in week), None)
            if twice is not None:
                problems.add(key.spot, f"{DAYS[twice].capitalize()} is given twice.", "bad-hours")
                good = False
                continue
            periods = self._periods(value, problems)
            good = good and periods is not None
            for day in days:
                week[day] = periods or []
        return Expected(tuple(tuple(week.get(day, ())) for day in range(7))) if good else None

    def _periods(self, node: Node, problems: Problems) -> Periods | None:
        if not isinstance(node, Block) or not node.entries:
            words = 'times with messages an hour, such as {"08:00-18:00": 40, "18:00-22:00": 5}'
            problems.add(node.spot, f"This must be {words}.", "wrong-kind")
            return None
        found: Periods = []
        good = True
        for key, value in node.entries:
            period = period_of(key.value)
            rate = _RATE.read(value, problems)
            wrong = ""
            if period is None or period[0] >= period[1]:
                wrong = (
                    "Write times as 08:00-18:00; what passes midnight is written as two, as 22:00-24:00 and"
                    " 00:00-06:00."
                )
            elif any(period[0] < last and first < period[1] for first, last, _ in found):
                wrong = "These times overlap with others of the day."
            if wrong:
                problems.add(key.spot, wrong, "bad-hours")
            if wrong or rate is None or period is None:
                good = False
                continue
            found.append((*period, rate))
        return sorted(found) if good else None

    def schema(self) -> dict[str, object]:
        day = f"({'|'.join(DAYS)})"
        time = r"([01]\d|2[0-3]):[0-5]\d\s*-\s*(([01]\d|2[0-3]):[0-5]\d|24:00)"
        return {
            "type": "object",
            "minProperties": 1,
            "additionalProperties": False,
            "patternProperties": {
                f"^(every_day|{day}(_to_{day})?)$": {
                    "type": "object",
                    "minProperties": 1,
                    "additionalProperties": False,
                    "patternProperties": {rf"^\s*{time}\s*$": _RATE.schema()},
                }
            },
        }


@dataclass(frozen=True, slots=True)
class FloodLimit:
    """So many copies to one address within a time, that somebody must look."""

    words: str = "a number of copies and a time from 1m to 24h, such as 500 in 1h"

    def read(self, node: Node, problems: Problems) -> Flood | None:
        found = Marked(self.words).read(node, problems)
        if found is None:
            return None
        matched = _FLOOD.match(found.value)
        minutes = int(matched[2]) * (60 if matched[3] == "h" else 1) if matched else 0
        if matched is None or not int(matched[1]) or not 1 <= minutes <= _DAY:
            problems.add(found.spot, f"This must be {self.words}.", "wrong-kind")
            return None
        return Flood(int(matched[1]), minutes)

    def schema(self) -> dict[str, object]:
        return {"type": "string", "pattern": r"^\d{1,9}\s+in\s+\d{1,4}\s*[mh]$", "examples": ["500 in 1h"]}
