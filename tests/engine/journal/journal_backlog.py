"""A program for tests: takes in many messages, routes and claims some, and says how much memory it used.

    python journal_backlog.py FOLDER COUNT

Prints the peak of resident memory in KiB before and after.
"""

from __future__ import annotations

import asyncio
import resource
import sys
from pathlib import Path

from tests.engine.journal.journal_rig import arrival, copy, decided, open_journal, store


def peak() -> int:
    """Peak resident memory of this process, KiB."""
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss


async def work(folder: Path, count: int) -> None:
    """Store `count` messages; decide every tenth; look at both ends of the backlog."""
    journal = open_journal(folder)
    before = peak()
    for first in range(1, count + 1, 500):
        await store(journal, *(arrival(number) for number in range(first, first + 500)))
    after = 0
    for _ in range(count // 640):
        waiting = await journal.waiting(after, 64, 1 << 20)
        after = waiting[-1].id
        await journal.record([decided(one.id, copy(address=f"Y{one.id % 500}")) for one in waiting])
    assert sum(lane.open for lane in await journal.lanes()) == after
    assert len(await journal.waiting(count - 10, 64, 1 << 20)) == 10
    sys.stdout.write(f"{before} {peak()}\n")
    await journal.close()


if __name__ == "__main__":
    asyncio.run(work(Path(sys.argv[1]), int(sys.argv[2])))
