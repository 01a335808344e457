"""The demo as a person runs it: it ends by itself, with status 0 and a balance to the last message."""

from __future__ import annotations

import re
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

from tests.broker import broker_node

DEMO = [sys.executable, "-m", "engine.cli", "demo", "--rate", "20", "--seed", "1"]


def run(*arguments: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run([*DEMO, *arguments], capture_output=True, text=True, timeout=110, check=False)


def said_in_the_end(output: str) -> None:
    assert "It balances: nothing lost." in output
    found = re.search(r"(\d+) messages answered to the hospitals, (\d+) in the journal", output)
    assert found is not None
    assert int(found[2]) >= int(found[1]) > 0
    assert "✗" not in output


@pytest.mark.slow
def test_the_demo_balances_to_the_last_message(tmp_path: Path) -> None:
    done = run("--for", "5s", "--data", str(tmp_path / "demo"))

    assert done.returncode == 0, done.stdout + done.stderr
    said_in_the_end(done.stdout)


@pytest.mark.slow
def test_an_interrupted_demo_delivers_what_it_took_and_balances(tmp_path: Path) -> None:
    running = subprocess.Popen([*DEMO, "--data", str(tmp_path / "demo")], stdout=subprocess.PIPE, text=True)
    assert running.stdout is not None
    lines: list[str] = []
    deadline = time.monotonic() + 60
    while time.monotonic() < deadline and not re.search(r"[1-9]\d* delivered", "".join(lines[-1:])):
        lines.append(running.stdout.readline())
    running.send_signal(signal.SIGINT)
    rest, _ = running.communicate(timeout=60)

    assert running.returncode == 0, "".join(lines) + rest
    said_in_the_end(rest)


@pytest.mark.slow
@pytest.mark.broker
def test_the_demo_fills_practices_mailboxes_on_a_real_broker(tmp_path: Path) -> None:
    done = run("--for", "5s", "--broker", broker_node().url, "--data", str(tmp_path / "demo"))

    assert done.returncode == 0, done.stdout + done.stderr
    said_in_the_end(done.stdout)
    assert "taken from practices' mailboxes" in done.stdout


def test_a_folder_that_is_not_empty_is_refused(tmp_path: Path) -> None:
    (tmp_path / "something").write_text("of somebody's")

    done = run("--data", str(tmp_path))

    assert done.returncode == 2
    assert "not empty" in done.stderr


@pytest.mark.parametrize("duration", ["soon", "0s", "-5s", "5 days"])
def test_a_duration_that_is_none_is_refused(duration: str) -> None:
    done = run(f"--for={duration}")

    assert done.returncode == 2
    assert "is not a duration" in done.stderr
