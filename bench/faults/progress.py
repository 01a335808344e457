"""What is being played at this moment, for whoever waits: on a terminal one line that changes, else a line
for each row that is over."""

from __future__ import annotations

import asyncio
import sys
import time

from bench.faults.result import Row

__all__ = ["Progress"]

_EVERY = 0.5  # seconds


class Progress:
    """Told of each row when its play begins. quiet: nothing is shown. over: the rows that are, until somebody
    has taken them."""

    def __init__(self, *, quiet: bool = False) -> None:
        self._quiet = quiet
        self._live = sys.stderr.isatty() and not quiet
        self._row: Row | None = None
        self.over: list[Row] = []
        self._began = 0.0

    def begin(self, row: Row) -> None:
        """This row is played from now on; the one before is over."""
        self.end()
        self._row, self._began = row, time.monotonic()

    def end(self) -> None:
        """Whatever was being played is over."""
        row, self._row = self._row, None
        if row is not None:
            self.over.append(row)
        if row is not None and not self._quiet:
            verdict = "held" if row.good else "BROKEN: " + "; ".join(row.broken)
            self._say(f"{self._line(row)}, {verdict}", end="\n")

    async def show(self) -> None:
        """Keep the line on a terminal true, until cancelled."""
        while self._live:
            if self._row is not None:
                self._say(self._line(self._row))
            await asyncio.sleep(_EVERY)

    def _line(self, row: Row) -> str:
        return f"{row.fault} {row.what}: {row.n} times, {time.monotonic() - self._began:.0f} s"

    def _say(self, words: str, end: str = "") -> None:
        clear = "\r\x1b[K" if self._live else ""
        print(f"{clear}{words}", end=end, file=sys.stderr, flush=True)
