"""Tells of returns that nobody deals with: an alarm while the oldest of them is older than the site allows.

Looks each minute, and reads the journal only while its counters say that something was refused. One line of
the log when an episode starts, one when it ends. Must not know what came back, or why.
"""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable, Mapping, Sequence
from datetime import UTC, datetime

from engine.ages import age_in_words
from engine.journal.contract import JournalBroken
from engine.journal.returns import oldest_return
from engine.journal.sqlite import SqliteJournal
from engine.observe.log import get_log
from engine.site.model import Site

__all__ = ["OverdueReturns"]

EVERY = 60.0  # seconds between looks

log = get_log()


class OverdueReturns:
    """One for the engine. site: the configuration in force."""

    def __init__(
        self,
        journal: SqliteJournal,
        site: Callable[[], Site],
        *,
        now: Callable[[], int] = lambda: time.time_ns() // 1000,
    ) -> None:
        self._journal = journal
        self._site = site
        self._now = now
        self._standing: tuple[int, int] | None = None  # copies, and when the oldest came back

    def start(self) -> asyncio.Task[None]:
        """Begin to look. The task ends by `stop` or a failure."""
        self._task = asyncio.create_task(self._run(), name="returns")
        return self._task

    async def stop(self) -> None:
        """Look no more."""
        self._task.cancel()
        await asyncio.gather(self._task, return_exceptions=True)

    async def look(self) -> None:
        """Look once, and tell of what has begun and what has ended."""
        limit = self._site().returns_overdue
        count, oldest = (0, 0)
        if limit and self._refused():
            count, oldest = await self._journal.look(oldest_return)
        overdue = bool(oldest) and self._now() - oldest > limit * 1e6
        if overdue and self._standing is None:
            log.warning("returns.overdue", copies=count, since=_iso(oldest))
        elif self._standing is not None and not overdue:
            log.info("returns.clear", copies=count)
        self._standing = (count, oldest) if overdue else None

    def alarms(self) -> Sequence[Mapping[str, object]]:
        """The alarm that stands, for `gatepost status`."""
        if self._standing is None:
            return ()
        count, oldest = self._standing
        words = "1 copy" if count == 1 else f"{count:,} copies"
        age = age_in_words(self._now() - oldest)
        return (
            {
                "what": "returns.overdue",
                "since": _iso(oldest),
                "words": f"{words} came back and nobody has dealt with it; the oldest is {age} old: "
                "see gatepost returned",
            },
        )

    def _refused(self) -> bool:
        return any(
            count
            for (scope, _name, state), count in self._journal.tallies().items()
            if scope == "channel" and state == "refused_by_recipient"
        )

    async def _run(self) -> None:
        while True:
            try:
                await self.look()
            except JournalBroken:
                return  # it speaks for itself, and ends the engine
            await asyncio.sleep(EVERY)


def _iso(moment: int) -> str:
    return datetime.fromtimestamp(moment / 1e6, UTC).isoformat(timespec="seconds")
