"""One queue for each practice: what the bench prints, and what it does where the machine is too small."""

from __future__ import annotations

from collections import Counter
from pathlib import Path

import pytest

from bench import england
from bench.england import Figures, lines, measure
from bench.load import Figures as LoadFigures
from bench.load import Job, _Connection
from bench.messages import result_maker
from bench.wire import sequence


def test_a_size_that_does_not_fit_into_memory_is_said_to_be_not_measured(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(england, "free_mb", lambda: 1000.0)
    found = measure("mailboxes", 6300, 10, 1, tmp_path / "run")

    assert not (tmp_path / "run").exists()
    *table, told = lines([Figures("mailboxes", 500, 1, queues=500), found])
    assert table[-1].startswith("| mailboxes | 500 | 500 |")
    assert "6300 practices: not measured: not enough memory: about 1760 MB for the broker" in told


def test_what_was_lost_breaks_a_run() -> None:
    assert Figures("tickets", 1, 1).good
    assert not Figures("tickets", 1, 1, lost=1).good


def sent(skew: float, count: int = 2000) -> Counter[str]:
    """Which practices one of two connections sends to."""
    job = Job("127.0.0.1", 1, 2, count, result_maker(), practices=20, prefix="T", skew=skew)
    connection = _Connection(job, LoadFigures(), 0, count)
    return Counter(sequence(connection._next().data.strip(b"\x0b\x1c\r"))[1] for _ in range(count))


def test_skewed_traffic_goes_mostly_to_the_first_practices_and_numbers_each_by_itself() -> None:
    even, skewed = sent(0.0), sent(1.0)

    assert set(even.values()) == {200}
    assert skewed.keys() <= even.keys()
    ordered = [skewed[practice] for practice in sorted(even)]
    assert ordered[0] > 2 * ordered[1] > 2 * ordered[-1]
    assert sent(1.0) == skewed, "the same prefix gives the same traffic"
