"""Crash points: nothing happens unless they are asked for, and a wrong word is not passed over."""

from __future__ import annotations

import os
import re
import signal
import subprocess
import sys
from pathlib import Path

import pytest

from engine import crash_points
from engine.crash_points import POINTS, read_setting

ROOT = Path(__file__).parents[2]


def test_nothing_is_armed_without_the_variable() -> None:
    assert read_setting({}) is None
    assert read_setting({"GATEPOST_CRASH_AT": ""}) is None
    assert not crash_points.ARMED


@pytest.mark.parametrize("text", ["nowhere:1", "frame.read", "frame.read:0", "frame.read:-1", "frame.read:x"])
def test_what_cannot_be_read_is_refused_with_the_names_that_there_are(text: str) -> None:
    with pytest.raises(ValueError, match=r"name:count.*delivery\.sent"):
        read_setting({"GATEPOST_CRASH_AT": text})


def test_the_process_dies_at_its_point_at_the_given_time_and_at_no_other() -> None:
    program = (
        "from engine.crash_points import reach\n"
        "for turn in range(5):\n"
        "    print(turn, flush=True)\n"
        "    reach('frame.read')\n"
        "    reach('delivery.sent')\n"
    )
    done = subprocess.run(
        [sys.executable, "-c", program], cwd=ROOT, capture_output=True, text=True, check=False,
        env={**os.environ, "GATEPOST_CRASH_AT": "delivery.sent:3"},
    )  # fmt: skip

    assert done.returncode == -signal.SIGKILL
    assert done.stdout.split() == ["0", "1", "2"]


def test_every_point_is_reached_at_one_place_of_the_engine() -> None:
    text = "".join(path.read_text(encoding="utf-8") for path in sorted((ROOT / "engine").rglob("*.py")))
    places = re.findall(r'(?:reach(?:\(|, )|: Point = )"([a-z.]+)"', text)

    assert sorted(places) == sorted(POINTS)
