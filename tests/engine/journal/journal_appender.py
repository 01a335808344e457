"""A program for tests to trace and to kill: appends messages to a journal and says what became of each.

    python journal_appender.py FOLDER COUNT [AT_ONCE]

Prints a line for each, only when it has been called back: `stored ID CONTROL_ID KIND`, `full CONTROL_ID`
or `broken CONTROL_ID`, and `trouble KIND`. A message that met a full disk is sent again until it is
stored. Each stored message is decided, with a copy. Ends with status 3 when the journal is broken.
"""

from __future__ import annotations

import asyncio
import os
import sys
from pathlib import Path

from engine.journal.contract import JournalBroken, JournalFull
from engine.journal.records import Stored
from engine.journal.sqlite import SqliteJournal
from tests.engine.journal.journal_rig import append_all, arrival, copy, decided


def say(line: str) -> None:
    """One system call for one line, so that a trace shows it and a kill cannot cut it."""
    os.write(1, f"{line}\n".encode())


async def work(folder: Path, count: int, at_once: int) -> None:
    """Append until `count` messages are stored."""
    loop = asyncio.get_running_loop()
    journal = SqliteJournal.open(folder, loop=loop, on_trouble=lambda kind, _: say(f"trouble {kind}"))
    say("open")
    for first in range(1, count + 1, at_once):
        left = list(range(first, first + at_once))
        while left:
            results = await append_all(journal, *(arrival(number, at=1) for number in left))
            again: list[int] = []
            for number, result in zip(left, results, strict=True):
                if isinstance(result, Stored):
                    say(f"stored {result.id} {number} {result.kind}")
                elif isinstance(result, JournalFull):
                    again.append(number)
                    say(f"full {number}")
                else:
                    say(f"broken {number}")
                    raise result
            stored = [result.id for result in results if isinstance(result, Stored)]
            await journal.record([decided(id_, copy()) for id_ in stored])
            left = again
            if again:
                await asyncio.sleep(0.02)
    await journal.close()
    say("closed")


if __name__ == "__main__":
    try:
        asyncio.run(work(Path(sys.argv[1]), int(sys.argv[2]), int(sys.argv[3]) if len(sys.argv) > 3 else 1))
    except JournalBroken:
        sys.exit(3)
