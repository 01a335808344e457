"""Recounts the conservation sums of DESIGN.md (I2) from the journal's rows, in one read transaction.

The left sides come from counters that were kept as things came in, the right sides from the rows as
they are now: two ways of counting, so that the balance can be wrong where the journal is. Reads every
row: seconds for millions. The counters alone are free, and the tests compare the two.
"""

from __future__ import annotations

import sqlite3
from collections import defaultdict
from collections.abc import Iterable, Mapping
from dataclasses import dataclass

from engine.journal.entries import Tallies

__all__ = ["Balance", "Equation", "balance", "recount", "tallies"]

# State as it is counted, from the rows. Refused evidence was not accepted, and is counted apart.
_FEEDS = "SELECT feed, state, count(*) FROM message GROUP BY feed, state"
_ROUTES = "SELECT route, outcome, count(*) FROM part GROUP BY route, outcome"
_CHANNELS = "SELECT channel, state, count(*) FROM delivery GROUP BY channel, state"
_OTHERS = (
    "SELECT 'feed', feed, 'accepted', count(*) FROM message WHERE state<>'refused' GROUP BY feed",
    "SELECT 'feed', feed, 'conflict', count(*) FROM message WHERE kind='conflict' GROUP BY feed",
    "SELECT 'feed', feed, 'rejected', count(*) FROM message WHERE rejected=1 GROUP BY feed",
    "SELECT 'route', route, 'entered', count(*) FROM part GROUP BY route",
    "SELECT 'rule', route, detail, count(*) FROM part WHERE outcome='not_wanted' GROUP BY route, detail",
    "SELECT 'channel', channel, 'made', count(*) FROM delivery GROUP BY channel",
    "SELECT 'tray', tray, state, count(*) FROM held GROUP BY tray, state",
    "SELECT 'journal', 'events', 'appended', count(*) FROM event HAVING count(*) > 0",
)


@dataclass(frozen=True, slots=True)
class Equation:
    """One line of the conservation law: `total` was counted when things came in; `parts` are counted
    from the rows as they are now, by what became of them."""

    total: int
    parts: Mapping[str, int]

    @property
    def sum(self) -> int:
        """The right side."""
        return sum(self.parts.values())

    @property
    def balanced(self) -> bool:
        """Both sides agree."""
        return self.total == self.sum


@dataclass(frozen=True, slots=True)
class Balance:
    """The sums of conservation (DESIGN.md, I2), all of one moment.

    Feed: accepted = decided + waiting + held + duplicate + answer. Route: entered = sent + held + rejected +
    not_wanted + passed + nothing_more. Channel: made = the deliveries in each state. `refused` is evidence,
    which was never accepted.
    """

    feeds: Mapping[str, Equation]
    routes: Mapping[str, Equation]
    channels: Mapping[str, Equation]
    refused: Mapping[str, int]

    @property
    def balanced(self) -> bool:
        """Every line agrees."""
        return not self.unbalanced

    @property
    def unbalanced(self) -> list[str]:
        """The lines that do not agree, in words; empty where all is well."""
        scopes = (("feed", self.feeds), ("route", self.routes), ("channel", self.channels))
        return [
            f"{scope} {name}: {line.total} came in, {line.sum} are accounted for"
            for scope, lines in scopes
            for name, line in lines.items()
            if not line.balanced
        ]


def tallies(connection: sqlite3.Connection) -> Tallies:
    """The counters as they were kept: (scope, name, state) -> count; those at zero are left out."""
    rows = connection.execute("SELECT scope, name, state, count FROM tally WHERE count<>0")
    return {(scope, name, state): count for scope, name, state, count in rows}


def recount(connection: sqlite3.Connection) -> Tallies:
    """What the counters should be, counted from the rows."""
    found: dict[tuple[str, str, str], int] = {}
    for scope, question in (("feed", _FEEDS), ("route", _ROUTES), ("channel", _CHANNELS)):
        for name, state, count in connection.execute(question):
            found[scope, name, state] = count
    for question in _OTHERS:
        for scope, name, state, count in connection.execute(question):
            found[scope, name, state] = count
    return found


def balance(connection: sqlite3.Connection) -> Balance:
    """Both sides of every equation. The caller holds one read transaction around this."""
    kept = tallies(connection)
    feeds = _parts(connection.execute(_FEEDS))
    refused = {name: parts.pop("refused") for name, parts in feeds.items() if "refused" in parts}
    return Balance(
        _equations(kept, "feed", "accepted", feeds),
        _equations(kept, "route", "entered", _parts(connection.execute(_ROUTES))),
        _equations(kept, "channel", "made", _parts(connection.execute(_CHANNELS))),
        refused,
    )


def _parts(rows: Iterable[tuple[str, str, int]]) -> dict[str, dict[str, int]]:
    parts: defaultdict[str, dict[str, int]] = defaultdict(dict)
    for name, state, count in rows:
        parts[name][state] = count
    return dict(parts)


def _equations(
    kept: Tallies, scope: str, total: str, parts: dict[str, dict[str, int]]
) -> dict[str, Equation]:
    counted = {name for where, name, state in kept if where == scope and state == total}
    return {
        name: Equation(kept.get((scope, name, total), 0), parts.get(name, {}))
        for name in sorted(counted | parts.keys())
    }
