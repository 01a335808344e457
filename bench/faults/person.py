"""Somebody who repairs while the engine is being killed, and keeps a ledger of what was answered.

What the engine said is done must stand in its audit and in its copies, once, whatever happened next.
"""

from __future__ import annotations

import asyncio
import sqlite3
from contextlib import closing
from typing import Literal, get_args

from bench.evidence import journal_rows
from bench.faults.practices import take
from bench.faults.result import Row
from bench.faults.site import OTHER
from bench.faults.stage import Stage

__all__ = ["Person"]

What = Literal["release", "redirect", "discard", "resend"]
ACTIONS: tuple[What, ...] = get_args(What)

_COUNTS = {
    "resend": "SELECT count(*) FROM delivery WHERE kind='resend'",
    "redirect": "SELECT count(*) FROM delivery WHERE kind='redirect'",
    "discard": "SELECT count(*) FROM event WHERE kind='discarded' AND detail LIKE 'discarded by%'",
    "release": "SELECT count(*) FROM event WHERE kind='waiting' AND detail LIKE 'released by%'",
}
"""What each action has left behind in the copies: as often as it stands in the audit."""


class Person:
    """One for a stage; works on through all lives of the engine."""

    def __init__(self, stage: Stage, row: Row) -> None:
        self._stage = stage
        self._row = row
        self._done: list[tuple[What, int]] = []  # what was answered with "done"

    async def work(self) -> None:
        """Repair until cancelled, or until the engine is gone."""
        chance = self._stage.chance
        try:
            while True:
                await asyncio.sleep(0.02)
                what = chance.choices(ACTIONS, (6, 3, 1, 2))[0]
                state = "delivered" if what == "resend" else "parked"
                copies = await asyncio.to_thread(self._copies, state, chance.randint(1, 20))
                if copies:
                    await self._ask(what, copies)
        except (OSError, ValueError, sqlite3.Error):
            return  # it has died, in the middle of an answer perhaps

    async def release_all(self) -> None:
        """At the end: nothing that was parked stays so."""
        self._stage.practices[self._stage.codes[0]].manner = take
        while copies := await asyncio.to_thread(self._copies, "parked", 200):
            await self._ask("release", copies)

    async def _ask(self, what: What, copies: list[int]) -> None:
        more = {"channel": OTHER} if what == "redirect" else {}
        told = await asyncio.to_thread(
            self._stage.engine.ask, "repair", what=what, copies=copies, who="rig", why="a fault is played",
            old=True, **more,
        )  # fmt: skip
        if "error" in told:
            self._row.failures.append(f"{what} was answered: {told['error']}")
            return
        self._done += [(what, item["copy"]) for item in told["items"] if item.get("done")]

    def _copies(self, state: str, count: int) -> list[int]:
        question = "SELECT id FROM delivery WHERE state=? AND channel<>? ORDER BY id DESC LIMIT ?"
        path = self._stage.folder / "data" / "journal.db"
        with closing(sqlite3.connect(f"{path.as_uri()}?mode=ro", uri=True)) as journal:
            return [id_ for (id_,) in journal.execute(question, (state, OTHER, count))]

    def check(self) -> None:
        """Hold what was answered against the journal of the stopped engine."""
        row = self._row
        with journal_rows(self._stage.folder / "data") as journal:
            audit = dict(journal.execute("SELECT what, count(*) FROM audit GROUP BY what"))
            for what, question in _COUNTS.items():
                (found,) = journal.execute(question).fetchone()
                told, lines = sum(1 for one, _ in self._done if one == what), audit.get(what, 0)
                row.expect(found == lines, f"{what}: {lines} in the audit, {found} in copies")
                row.expect(told <= lines, f"{what}: {told} answered as done, {lines} in the audit")
        row.notes.append(f"{len(self._done)} repairs were answered, {sum(audit.values())} stand in the audit")
