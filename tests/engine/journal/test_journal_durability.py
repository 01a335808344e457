"""The promise, with real system calls: fsync before the answer, kill -9, EIO and ENOSPC."""

from __future__ import annotations

import re
import shutil
import signal
import sqlite3
import subprocess
import sys
from collections.abc import Sequence
from pathlib import Path

import pytest

from engine.journal.reading import JournalReader
from engine.journal.schema import DATABASE
from tests.engine.journal.journal_rig import arrival, counters_agree, open_journal, store

APPENDER = Path(__file__).with_name("journal_appender.py")


@pytest.fixture
def strace() -> str:
    """The tracer; without it these promises cannot be proved, so its absence is a failure."""
    found = shutil.which("strace")
    assert found, "install strace (apt-get install strace): the journal's promises are proved with it"
    return found


def appender(folder: Path, count: int, at_once: int = 1, before: Sequence[str] = ()) -> list[str]:
    """The command that starts the appender, behind a tracer perhaps."""
    return [*before, sys.executable, str(APPENDER), str(folder), str(count), str(at_once)]


def promised(lines: Sequence[str]) -> dict[int, int]:
    """Id -> control id of every message that was said to be stored."""
    found = [
        line.split() for line in lines if line.startswith("stored ") and line.endswith(("new", "duplicate"))
    ]
    return {int(id_): int(control) for _, id_, control, _ in found}


def assert_kept(folder: Path, lines: Sequence[str]) -> None:
    """Everything promised is in the journal, which is whole and balanced."""
    connection = sqlite3.connect(folder / DATABASE)
    assert connection.execute("PRAGMA integrity_check").fetchone() == ("ok",)
    kept = dict(connection.execute("SELECT id, CAST(control_id AS INTEGER) FROM message"))
    connection.close()
    assert promised(lines).items() <= kept.items()
    assert counters_agree(folder)


def test_no_message_is_answered_before_an_fsync_that_follows_its_bytes(tmp_path: Path, strace: str) -> None:
    trace = tmp_path / "trace"
    options = [strace, "-f", "-y", "-o", str(trace), "-e", "trace=fdatasync,fsync,pwrite64,write"]
    done = subprocess.run(
        appender(tmp_path / "data", 40, 1, options), capture_output=True, text=True, timeout=60, check=True
    )
    assert len(promised(done.stdout.splitlines())) == 40
    dirty, synced, answers = True, 0, 0
    syncing: set[str] = set()
    for line in trace.read_text().splitlines():
        thread, call = line.split(maxsplit=1)
        if "journal.db-wal>" in call and call.startswith("pwrite64("):
            dirty = True
        elif "journal.db-wal>" in call and call.startswith(("fdatasync(", "fsync(")):
            syncing.add(thread)
        if thread in syncing and re.search(r"= 0$", call):
            syncing.discard(thread)
            dirty, synced = False, synced + 1
        if call.startswith("write(1") and '"stored ' in call:
            answers += 1
            assert not dirty, f"answered before its fsync: {call}"
            assert synced >= answers, "an answer without an fsync of its own"
    assert answers == 40


def test_messages_that_come_together_share_an_fsync(tmp_path: Path, strace: str) -> None:
    trace = tmp_path / "trace"
    options = [strace, "-f", "-y", "-o", str(trace), "-e", "trace=fdatasync,fsync"]
    subprocess.run(appender(tmp_path / "data", 640, 64, options), capture_output=True, timeout=60, check=True)
    synced = sum("journal.db-wal>" in line for line in trace.read_text().splitlines())
    assert 10 <= synced <= 100  # ten groups, a commit or a few for each group and its decisions


def killed_after(folder: Path, lines: int, at_once: int) -> list[str]:
    """Run the appender, kill it with SIGKILL when it has said so many lines; all that it said."""
    with subprocess.Popen(appender(folder, 10**6, at_once), stdout=subprocess.PIPE, text=True) as process:
        assert process.stdout is not None
        said = [next(process.stdout) for _ in range(lines)]
        process.send_signal(signal.SIGKILL)
        said += process.stdout.readlines()
    # A last line without its end would be no promise; a line is written with one call, so there is none.
    return [line.rstrip("\n") for line in said]


@pytest.mark.parametrize("lines", [2, 20, 150, 400])
def test_kill_9_loses_nothing_that_was_promised(tmp_path: Path, lines: int) -> None:
    said = killed_after(tmp_path, lines, 1)
    said += killed_after(tmp_path, 2 * lines, 16)  # first the same messages again, then new ones
    assert len(promised(said)) > lines
    assert_kept(tmp_path, said)


async def test_after_kill_9_the_journal_opens_and_goes_on(tmp_path: Path) -> None:
    said = killed_after(tmp_path, 100, 8)
    journal = open_journal(tmp_path)
    waiting = await journal.waiting(0, 10**6, 10**9)
    assert len(waiting) + journal.tallies()["feed", "northfield_lims", "decided"] >= len(promised(said))
    await store(journal, arrival(10**7))
    await journal.close()
    assert_kept(tmp_path, said)


def test_a_failing_fsync_ends_the_journal_and_nothing_more_is_promised(tmp_path: Path, strace: str) -> None:
    inject = [
        strace,
        "-f",
        "-o",
        "/dev/null",
        "-e",
        "trace=fdatasync",
        "-e",
        "inject=fdatasync:error=EIO:when=30+",
    ]
    done = subprocess.run(
        appender(tmp_path / "data", 1000, 1, inject), capture_output=True, text=True, timeout=60, check=False
    )
    lines = done.stdout.splitlines()
    assert done.returncode == 3
    assert "trouble broken" in lines
    failed = next(place for place, line in enumerate(lines) if line.startswith(("trouble", "broken")))
    assert not any(line.startswith("stored") for line in lines[failed:])
    assert promised(lines)
    assert_kept(tmp_path / "data", lines)


def test_a_full_disk_refuses_then_recovers_with_everything_in_place(tmp_path: Path, strace: str) -> None:
    # Three writes of each thread fail, so a commit and the next tries; then there is space again.
    inject = [strace, "-f", "-o", "/dev/null", "-e", "trace=pwrite64", "-e",
              "inject=pwrite64:error=ENOSPC:when=150..152"]  # fmt: skip
    done = subprocess.run(
        appender(tmp_path / "data", 120, 1, inject), capture_output=True, text=True, timeout=100, check=True
    )
    lines = done.stdout.splitlines()
    assert "trouble full" in lines
    assert "trouble recovered" in lines
    assert "trouble broken" not in lines
    assert sorted(promised(lines).values()) == list(range(1, 121))
    assert_kept(tmp_path / "data", lines)
    with JournalReader(tmp_path / "data") as reader:
        assert reader.balance().feeds["northfield_lims"].parts == {"decided": 120}
