"""The demo as a person runs it: it ends by itself, with status 0 and a balance to the last message."""

from __future__ import annotations

import re
import shutil
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

from bench.engine import free_port
from engine.demo.stage import example_site
from tests.broker import broker_node

DEMO = [sys.executable, "-m", "engine.cli", "demo", "--rate", "20", "--seed", "1"]


@pytest.fixture
def site(tmp_path: Path) -> Path:
    """The example site on ports that nobody uses: somebody may be running it on its own."""
    copy = tmp_path / "site"
    shutil.copytree(example_site(), copy)
    ports: dict[str, int] = {}
    for file in (*copy.glob("*.yaml"), *copy.glob("environments/*.yaml"), *copy.glob("tables/*.csv")):
        text = re.sub(
            r"(127\.0\.0\.1:)(\d+)",
            lambda found: found[1] + str(ports.setdefault(found[2], free_port())),
            file.read_text(encoding="utf-8"),
        )
        file.write_text(text, encoding="utf-8")
    return copy


def run(*arguments: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run([*DEMO, *arguments], capture_output=True, text=True, timeout=110, check=False)


def said_in_the_end(output: str) -> None:
    assert "It balances: nothing lost." in output
    found = re.search(r"(\d+) messages answered to the hospitals, (\d+) in the journal", output)
    assert found is not None
    assert int(found[2]) >= int(found[1]) > 0
    assert "✗" not in output


@pytest.mark.slow
def test_the_demo_balances_to_the_last_message(tmp_path: Path, site: Path) -> None:
    done = run("--for", "5s", "--site", str(site), "--data", str(tmp_path / "demo"))

    assert done.returncode == 0, done.stdout + done.stderr
    said_in_the_end(done.stdout)


@pytest.mark.slow
def test_an_interrupted_demo_delivers_what_it_took_and_balances(tmp_path: Path, site: Path) -> None:
    running = subprocess.Popen(
        [*DEMO, "--site", str(site), "--data", str(tmp_path / "demo")], stdout=subprocess.PIPE, text=True
    )
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
def test_the_demo_fills_practices_mailboxes_on_a_real_broker(tmp_path: Path, site: Path) -> None:
    url = broker_node().url
    done = run("--for", "5s", "--site", str(site), "--broker", url, "--data", str(tmp_path / "demo"))

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
