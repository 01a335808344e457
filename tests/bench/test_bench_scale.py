"""What is measured with a million messages is measured the same with a few: these runs are short."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

from bench.preload import preloaded
from engine.journal.reading import JournalReader


def test_a_preloaded_past_balances_and_holds_what_hospitals_have(tmp_path: Path) -> None:
    folder, about = preloaded("past", messages=3000, practices=7, room=tmp_path)
    with JournalReader(folder) as reader:
        balance = reader.balance()
        tallies = reader.tallies()
        states = {state for scope, _, state in tallies if scope == "channel"}

    assert balance.balanced
    assert balance.feeds["lab"].total == about.messages == 3000
    assert states >= {"delivered", "acknowledged", "parked", "refused_by_recipient"}
    assert tallies["tray", "test_messages", "held"] > 0
    assert tallies["feed", "lab", "duplicate"] > 0


def test_a_preloaded_journal_is_made_once(tmp_path: Path) -> None:
    folder, about = preloaded("backlog", target="mllp", messages=600, practices=3, room=tmp_path)
    again, same = preloaded("backlog", target="mllp", messages=600, practices=3, room=tmp_path)
    with JournalReader(folder) as reader:
        waiting = reader.tallies()["channel", "gp", "waiting"]

    assert (again, same) == (folder, about)
    assert waiting == 600


def test_neighbours_of_a_dead_practice_are_measured_on_two_engines() -> None:
    command = [
        sys.executable, "-m", "bench.neighbours", "--troubles", "refused:10", "--seconds", "2", "--turn", "1",
        "--rate", "40", "--backlog", "30", "--practices", "12",
    ]  # fmt: skip
    done = subprocess.run(command, capture_output=True, text=True, timeout=60, check=False)

    assert done.returncode in (0, 1), done.stderr  # the ratio of a run of seconds says nothing
    assert "refused    10 |" in done.stdout
