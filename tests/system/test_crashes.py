"""The promise through crashes, in short: the engine and the broker are killed under load.

`python -m bench.soak` (`make soak`) does the same for hours. The seed fixes the moments of the kills; it
stands in the failure's text, so that a history can be played again.
"""

from __future__ import annotations

import dataclasses
from pathlib import Path

import pytest

from bench.soak import Plan, Result, soak

BROKEN = ("lost", "doubled_unmarked", "reordered", "refused", "wrong_answers", "unbalanced")


async def play(plan: Plan, folder: Path) -> Result:
    """Carry the plan out; fail with the plan and the figures where the promise did not hold."""
    result = await soak(plan, folder)
    broken = {name: getattr(result, name) for name in BROKEN if getattr(result, name)}
    assert not broken, f"{plan} broke the promise: {dataclasses.asdict(result)}"
    return result


@pytest.mark.slow
async def test_twenty_kills_lose_nothing_and_what_comes_twice_is_marked(tmp_path: Path) -> None:
    result = await play(Plan("mllp", kills=20, seed=20260105, calm=(0.05, 0.3)), tmp_path)

    assert result.kills == 20
    assert result.received >= result.acked > 1000
    assert result.longest_recovery_s < 10


@pytest.mark.slow
@pytest.mark.broker
async def test_kills_of_engine_and_broker_lose_nothing_on_the_way_to_mailboxes(tmp_path: Path) -> None:
    plan = Plan("mailboxes", kills=8, broker_kills=3, seed=20260106, calm=(0.1, 0.5))
    result = await play(plan, tmp_path)

    assert (result.kills, result.broker_kills) == (8, 3)
    assert result.received >= result.acked > 300
