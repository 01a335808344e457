"""The fault rig, in short: a few blows of each kind that needs no broker, and proof that the rig finds bugs.

`python -m bench.faults` plays all of it, at length. The seed stands in each failure's text.
"""

from __future__ import annotations

from pathlib import Path

import pytest

from bench.faults import disks, practice_trouble, steps, wires
from bench.faults.catalogue import Play
from bench.faults.prove import BUGS, Bug, plant
from bench.faults.result import Row
from bench.faults.stage import Options
from engine.crash_points import Point

SEED = 20261125

pytestmark = pytest.mark.slow


def options(folder: Path, times: int, source: Path | None = None) -> Options:
    return Options(folder, SEED, short=True, times=times, source=source)


def held(rows: list[Row]) -> None:
    """Every row is good, and every fault struck."""
    assert rows
    for row in rows:
        assert not row.skipped, row.skipped
        assert row.good, f"{row.fault} {row.what}, seed {row.seed}: {'; '.join(row.broken)}"
        assert row.n > 0
        assert row.acked > 0


STEPS = (
    "arrival.written",
    "answer.due",
    "delivery.sent",
    "deadline.written",
    "repair.committed",
    "start.written",
)


@pytest.mark.parametrize("point", STEPS)
async def test_killed_between_two_durable_steps_nothing_is_lost_or_falsely_acknowledged(
    tmp_path: Path, point: Point
) -> None:
    held([await steps.killed_at(options(tmp_path, 1), point)])


@pytest.mark.parametrize(
    ("play", "times"),
    [
        (wires.frames_cut, 15),
        (wires.answers_eaten, 15),
        (wires.same_id_again, 15),
        (disks.disk_fails, 1),
        (practice_trouble.late_answers, 1),
        (practice_trouble.poison, 200),
    ],
    ids=lambda value: getattr(value, "__name__", None),
)
async def test_the_promise_holds_through_the_fault(tmp_path: Path, play: Play, times: int) -> None:
    held(await play(options(tmp_path, times)))


@pytest.mark.parametrize("bug", [BUGS[0], BUGS[4]], ids=lambda bug: bug.name)
async def test_the_rig_finds_a_planted_bug(tmp_path: Path, bug: Bug) -> None:
    source = plant(bug, tmp_path / "source")
    rows = await bug.play(options(tmp_path / "run", 2, source))
    assert not all(row.good for row in rows), f"nothing was found where the engine {bug.name}"


@pytest.mark.parametrize("bug", BUGS, ids=lambda bug: bug.name)
def test_every_bug_can_still_be_planted(tmp_path: Path, bug: Bug) -> None:
    planted = plant(bug, tmp_path) / bug.file
    assert bug.instead in planted.read_text(encoding="utf-8")
