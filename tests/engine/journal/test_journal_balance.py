"""Conservation: whatever happens, the counters equal the rows, and both equal a ledger kept outside."""

from __future__ import annotations

import sqlite3
from collections import Counter
from pathlib import Path
from random import Random
from typing import get_args

import pytest

from engine.journal.changes import FOLLOWS
from engine.journal.reading import JournalReader
from engine.journal.records import (
    Arrival,
    Changed,
    Decided,
    DeliveryState,
    HeldPart,
    NewDelivery,
    RoutePart,
    Verdict,
)
from engine.journal.sqlite import SqliteJournal
from tests.engine.journal.journal_rig import (
    START,
    arrival,
    copy,
    counters_agree,
    decided,
    open_journal,
    store,
)

STATES: tuple[DeliveryState, ...] = get_args(DeliveryState)
ROUTES = ("gp_results", "letters")
FEEDS = ("northfield_lims", "st_annes_tie")


class Ledger:
    """Random work on a journal, and our own account of what must have come of it."""

    def __init__(self, journal: SqliteJournal, random: Random) -> None:
        self.journal = journal
        self.random = random
        self.accepted: Counter[str] = Counter()
        self.duplicates = 0
        self.made: Counter[str] = Counter()
        self.states: dict[int, DeliveryState] = {}
        self.channels: dict[int, str] = {}
        self.routes: Counter[tuple[str, str]] = Counter()

    async def arrive(self) -> None:
        stored = await store(self.journal, *(self.invent() for _ in range(self.random.randrange(1, 40))))
        self.duplicates += sum(one.kind == "duplicate" for one in stored)

    def invent(self) -> Arrival:
        feed = self.random.choice(FEEDS)
        refused = "no readable MSH" if self.random.random() < 0.05 else ""
        if not refused:
            self.accepted[feed] += 1
        return arrival(
            self.random.randrange(60),
            self.random.choice(("", "", "other")),
            feed=feed,
            refused=refused,
            hold="batch_count" if self.random.random() < 0.1 else "",
            verdict=self.random.choice((Verdict("ok"), None)),
        )

    async def decide(self) -> None:
        waiting = await self.journal.waiting(0, self.random.randrange(1, 50), 10**6)
        decisions = [self.decision(one.id) for one in waiting]
        for rows in await self.journal.record(decisions + decisions[:3]):
            for row in rows:
                self.made[row.channel] += 1
                self.states[row.id], self.channels[row.id] = "waiting", row.channel

    def decision(self, id_: int) -> Decided:
        fate = self.random.random()
        if fate < 0.1:
            return Decided(id_, "c1", START, held=(HeldPart("", "doubtful_date", "not a date"),))
        if fate < 0.2:
            self.routes[ROUTES[0], "rejected"] += 1
            part = RoutePart(ROUTES[0], "rejected", "no NHS number")
            return Decided(id_, "c1", START, parts=(part,), verdict=Verdict("error", "no"), rejected=True)
        parts: list[RoutePart] = []
        copies: list[NewDelivery] = []
        for route in ROUTES:
            outcome = self.random.choice(("sent", "not_wanted", "nothing_more"))
            parts.append(RoutePart(route, outcome, "rule" if outcome == "not_wanted" else ""))  # type: ignore[arg-type]
            self.routes[route, outcome] += 1
            if outcome == "sent":
                copies += [
                    copy("gp_mllp", self.random.choice("ABC")) for _ in range(self.random.randrange(1, 4))
                ]
        return Decided(id_, self.random.choice(("c1", "c2")), START, tuple(parts), tuple(copies))

    async def change(self) -> None:
        if not self.states:
            return
        ids = self.random.choices(list(self.states), k=self.random.randrange(1, 70))
        changes = [Changed(id_, self.random.choice(STATES), START, 1) for id_ in ids]
        await self.journal.change(changes)
        for change in changes:
            if change.state in FOLLOWS[self.states[change.delivery]]:
                self.states[change.delivery] = change.state

    def check(self, folder: Path) -> None:
        """The journal's balance says what this ledger says."""
        assert counters_agree(folder)
        with JournalReader(folder) as reader:
            balance = reader.balance()
            assert dict(self.journal.tallies()).items() >= dict(reader.tallies()).items()
        assert {feed: line.total for feed, line in balance.feeds.items()} == dict(self.accepted)
        assert sum(line.parts.get("duplicate", 0) for line in balance.feeds.values()) == self.duplicates
        routes = {
            (name, outcome): count
            for name, line in balance.routes.items()
            for outcome, count in line.parts.items()
        }
        assert routes == dict(self.routes)
        assert {name: line.total for name, line in balance.channels.items()} == dict(self.made)
        states = Counter((self.channels[id_], state) for id_, state in self.states.items())
        counted = {(n, state): c for n, line in balance.channels.items() for state, c in line.parts.items()}
        assert counted == dict(states)


@pytest.mark.parametrize("seed", range(6))
async def test_after_random_work_every_sum_is_right(tmp_path: Path, seed: int) -> None:
    random = Random(seed)
    ledger = Ledger(open_journal(tmp_path), random)
    for turn in range(60):
        await random.choice((ledger.arrive, ledger.arrive, ledger.decide, ledger.change, ledger.change))()
        if turn % 20 == 19:
            ledger.check(tmp_path)
    await ledger.journal.close()
    ledger.check(tmp_path)


async def test_a_row_lost_behind_the_journals_back_shows_in_the_balance(tmp_path: Path) -> None:
    journal = open_journal(tmp_path)
    await store(journal, arrival(1), arrival(2))
    await journal.record([decided(1, copy())])
    await journal.close()
    connection = sqlite3.connect(tmp_path / "journal.db")
    connection.execute("DELETE FROM delivery")
    connection.commit()
    connection.close()
    with JournalReader(tmp_path) as reader:
        balance = reader.balance()
    assert not balance.balanced
    assert balance.feeds["northfield_lims"].balanced
    assert (balance.channels["gp_mllp"].total, balance.channels["gp_mllp"].sum) == (1, 0)
