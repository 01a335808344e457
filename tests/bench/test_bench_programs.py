"""The bench's programs, each in a process of its own: every message is counted on both sides."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

import pytest

from bench.ledger import compare
from bench.rig import Program, RigError, run_load


def test_load_client_and_sink_agree_message_by_message(tmp_path: Path) -> None:
    promised, arrived = tmp_path / "promised", tmp_path / "arrived"
    with Program("sink", "--ledger", str(arrived), folder=tmp_path) as sink:
        first = run_load(sink.port, "--connections", "4", "--messages", "402", "--prefix", "A",
                         "--ledger", str(promised))  # fmt: skip
        second = run_load(sink.port, "--pipeline", "8", "--messages", "101", "--prefix", "B",
                          "--ledger", str(promised))  # fmt: skip
        seen = sink.until_received(503, 10)
        last = sink.finish()
    balance = compare([promised], [arrived])

    assert (first["acked"], second["acked"]) == (402, 101)
    assert seen["received"] == last["received"] == 503
    assert (last["doubled"], last["reordered"], last["wrong"]) == (0, 0, 0)
    assert (balance.acked, balance.received, balance.good) == (503, 503, True)
    assert 0 < first["p50_ms"] <= first["p99_ms"] <= first["max_ms"]


def test_a_sink_tells_messages_that_no_route_has_changed(tmp_path: Path) -> None:
    with Program("sink", "--addressed", folder=tmp_path) as sink:
        run_load(sink.port, "--messages", "3")
        figures = sink.finish()

    assert figures["wrong"] == 3


def test_the_bare_listener_has_on_disk_what_it_acknowledged(tmp_path: Path) -> None:
    for store in ("file", "sqlite"):
        path = tmp_path / store
        with Program("bare", "--store", store, "--path", str(path), folder=tmp_path) as bare:
            figures = run_load(bare.port, "--connections", "4", "--messages", "60")
        content = b"".join(left.read_bytes() for left in tmp_path.glob(f"{store}*"))

        assert figures["acked"] == 60
        assert content.count(b"ORU^R01") >= 60


def test_the_replay_bench_finds_what_it_changed(tmp_path: Path) -> None:
    command = [sys.executable, "-m", "bench.replay", "--messages", "200", "--letters", "1"]
    done = subprocess.run(command, capture_output=True, text=True, timeout=60, check=True)

    assert "  20 other content to gp\n" in done.stdout
    assert "  2 sent → held\n" in done.stdout
    assert "replayed 200 in" in done.stdout


def test_letters_go_through_the_do_nothing_server(tmp_path: Path) -> None:
    with Program("donothing", folder=tmp_path) as server:
        figures = run_load(server.port, "--kind", "letter", "--messages", "2")

    assert figures["acked"] == 2


def test_a_server_that_is_not_there_leaves_messages_unanswered_and_a_failure() -> None:
    done = subprocess.run(
        [sys.executable, "-m", "bench.load", "--port", "9", "--messages", "1", "--patience", "0.2"],
        capture_output=True, text=True, timeout=20, check=False,
    )  # fmt: skip

    assert done.returncode == 1
    assert json.loads(done.stdout)["acked"] == 0


def test_a_program_that_cannot_start_says_why(tmp_path: Path) -> None:
    with Program("sink", folder=tmp_path) as sink, pytest.raises(RigError, match="address already in use"):
        Program("sink", "--port", str(sink.port), folder=tmp_path).__enter__()


@pytest.mark.parametrize(
    "name", ["load", "sink", "mailboxes", "donothing", "bare", "site", "replay", "decide", "__main__"]
)
def test_every_program_explains_itself(name: str) -> None:
    command = [sys.executable, "-m", f"bench.{name}", "--help"]
    done = subprocess.run(command, capture_output=True, text=True, timeout=20, check=True)

    assert "usage: python -m bench" in done.stdout
