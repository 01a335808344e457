"""A plugin package made on the spot: what a hospital's own developer would install beside Gatepost."""

from __future__ import annotations

import sys
from collections.abc import Callable
from pathlib import Path

import pytest

STEPS = '''
import os, sys, time

def tidy(message, settings):
    """Writes the family name in capitals.

    More words that nobody shows.
    """
    print("a plugin may print what it likes", message)
    pid = message.segment("PID")
    pid[5][0][0][0] = str(pid[5][0][0]).upper() + settings.get("ending", "")
    return message

def slow(message, settings):
    time.sleep(60)

def crash(message, settings):
    os._exit(1)

def greedy(message, settings):
    return "x" * (4 << 30)

def wrong(message, settings):
    return "no message"

def nosy(message, settings):
    message.segment("PID")[3] = os.environ.get("RABBIT_PASSWORD", "nothing")
    return message

def overreach(message, settings):
    message.segment("PV1")[2] = "X"
    return message

def adds(message, settings):
    message.append(message.create_segment([message.create_field(["NTE"]), message.create_field(["1"])]))
    return message
'''

ENTRY_POINTS = """[gatepost.steps]
trust_steps.tidy = trust_steps:tidy
trust_steps.slow = trust_steps:slow
trust_steps.crash = trust_steps:crash
trust_steps.greedy = trust_steps:greedy
trust_steps.wrong = trust_steps:wrong
trust_steps.nosy = trust_steps:nosy
trust_steps.overreach = trust_steps:overreach
trust_steps.adds = trust_steps:adds
trust_steps.missing = trust_steps:missing
"""


@pytest.fixture
def install(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Callable[..., Path]:
    """Installs the plugin package as pip would leave it, for this test and the processes that it starts."""

    def put(version: str = "1.2.3", steps: str = STEPS) -> Path:
        site = tmp_path / "packages"
        info = site / "trust_steps.dist-info"
        info.mkdir(parents=True, exist_ok=True)
        (site / "trust_steps.py").write_text(steps, encoding="utf-8")
        (info / "METADATA").write_text(f"Metadata-Version: 2.1\nName: trust-steps\nVersion: {version}\n")
        (info / "entry_points.txt").write_text(ENTRY_POINTS)
        (info / "RECORD").write_text(
            "trust_steps.py,,\ntrust_steps.dist-info/METADATA,,\ntrust_steps.dist-info/entry_points.txt,,\n"
            "trust_steps.dist-info/RECORD,,\n"
        )
        if str(site) not in sys.path:
            monkeypatch.syspath_prepend(site)
            monkeypatch.setenv("PYTHONPATH", str(site))
        return site

    return put
