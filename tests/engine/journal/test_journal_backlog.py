"""A large backlog lives on disk: memory stays what it was, and a start with it is quick."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path
from time import monotonic

import pytest

from tests.engine.journal.journal_rig import counters_agree, open_journal

BACKLOG = Path(__file__).with_name("journal_backlog.py")
COUNT = 100_000


def take_in(folder: Path, count: int) -> tuple[int, int]:
    """Fill a journal in a process of its own; its peak memory in KiB before and after."""
    done = subprocess.run(
        [sys.executable, str(BACKLOG), str(folder), str(count)],
        capture_output=True,
        text=True,
        timeout=100,
        check=True,
    )
    before, after = map(int, done.stdout.split())
    return before, after


@pytest.mark.slow
async def test_memory_stays_bounded_with_a_hundred_thousand_messages_waiting(tmp_path: Path) -> None:
    before, after = take_in(tmp_path, COUNT)
    assert after - before < 48 * 1024, f"{(after - before) // 1024} MiB more"
    start = monotonic()
    journal = open_journal(tmp_path)
    took = monotonic() - start
    await journal.close()
    assert took < 2
    assert counters_agree(tmp_path)
