"""The fault rig's own parts: its table, its proxy, its ledgers, and that it knows a bad row."""

from __future__ import annotations

import asyncio
import os
import random
import shlex
import subprocess
import sys
from collections.abc import Sequence
from dataclasses import asdict
from pathlib import Path
from typing import Any

import pytest

from bench.engine import free_port, wait_until
from bench.faults.__main__ import main
from bench.faults.left_over import MARK, marked
from bench.faults.proxy import Manner, Proxy
from bench.faults.result import Row, bound, percentile
from bench.faults.tables import BEGIN, END, documented, put_into, table
from bench.senders import Ledger


@pytest.mark.parametrize("count", ["lost", "doubled", "reordered", "false_acks"])
def test_a_single_one_breaks_a_row_and_is_said(count: str) -> None:
    assert Row("R0", "a fault", 7, n=1).good
    row = Row("R0", "a fault", 7, n=1)
    setattr(row, count, 1)
    assert not row.good
    assert "**BROKEN**" in table([row])
    assert "seed 7" in table([row])


def test_what_is_flagged_parked_or_held_breaks_nothing() -> None:
    row = Row("R0", "a fault", 7, n=1, flagged=3, parked=2, held=1)
    assert row.good
    row.expect(False, "it did not recover")
    assert row.broken == ["it did not recover"]


def test_a_skipped_fault_is_never_shown_as_held() -> None:
    shown = table([Row("R0", "a fault", 7, skipped="no strace")])
    assert "skipped" in shown
    assert "held |" not in shown.splitlines()[2]
    assert "no strace" in shown


def test_the_bound_follows_the_rule_of_three() -> None:
    assert bound(300).startswith("0 in 300: fewer than 1 %")
    assert bound(0) == "nothing was tried"
    assert percentile([], 0.99) == 0.0
    assert percentile([1.0, 2.0, 3.0, 4.0], 0.5) == 3.0


def test_a_ledger_of_another_run_is_never_written_on(tmp_path: Path) -> None:
    with Ledger.open(tmp_path / "ledger") as ledger:
        ledger.write("A1")
        ledger.note("A2")
    assert (tmp_path / "ledger").read_text(encoding="ascii") == "A1\nA2\n"
    with pytest.raises(FileExistsError), Ledger.open(tmp_path / "ledger"):
        pass


def test_an_unknown_fault_is_refused_with_those_that_there_are(capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit) as ended:
        main(["--only", "R99"])
    assert ended.value.code == 2
    assert "R1, R2" in capsys.readouterr().err


async def _through(manner: Manner, sent: bytes) -> tuple[bytes, bytes, int]:
    """What arrived behind the proxy, what came back (an echo), and how often the proxy struck."""
    got = bytearray()

    async def echo(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        try:
            while data := await reader.read(1000):
                got.extend(data)
                writer.write(data)
                await writer.drain()
        except ConnectionError:
            pass
        finally:
            writer.close()

    server = await asyncio.start_server(echo, "127.0.0.1", 0)
    proxy = Proxy(free_port(), server.sockets[0].getsockname()[1], random.Random(1))
    proxy.manner = manner
    await proxy.open()
    reader, writer = await asyncio.open_connection("127.0.0.1", proxy.port)
    writer.write(sent)
    back = b""
    try:
        async with asyncio.timeout(0.3 if manner == "swallow" else 5):
            back = await reader.readexactly(len(sent))
    except (asyncio.IncompleteReadError, ConnectionError, TimeoutError):
        back = b""
    writer.close()
    proxy.close()
    server.close()
    return bytes(got), back, proxy.struck


@pytest.mark.parametrize("manner", ["pass", "slice"])
async def test_a_proxy_that_passes_or_slices_changes_nothing(manner: Manner) -> None:
    sent = bytes(range(256)) * 4
    got, back, _ = await _through(manner, sent)
    assert got == sent
    assert back == sent


@pytest.mark.parametrize("manner", ["cut", "reset", "eat", "swallow"])
async def test_a_proxy_that_misbehaves_gives_nothing_back(manner: Manner) -> None:
    sent = b"x" * 500
    got, back, struck = await _through(manner, sent)
    assert back == b""
    assert struck == (0 if manner == "swallow" else 1)
    if manner in ("cut", "swallow"):
        assert len(got) < len(sent)
    if manner == "eat":
        assert got == sent


# -- figures that are recorded, and what a run leaves behind ------------------------------------------------


def record(*rows: Row, seed: int = 7, proofs: Sequence[object] = ()) -> dict[str, Any]:
    machine = {
        "began": "2026-11-25T22:00:00+00:00",
        "system": "Linux",
        "cores": 2,
        "python": "3.11",
        "load": 0.5,
    }
    return {"seed": seed, "machine": machine, "rows": [asdict(row) for row in rows], "proofs": proofs}


def test_runs_with_several_seeds_make_one_line_of_each_fault_and_a_broken_one_is_told() -> None:
    first = Row("R0", "a fault", 7, n=2, acked=1500, recovery=0.5)
    second = Row("R0", "a fault", 8, n=1, acked=500, lost=1, recovery=1.25, figure="88 MB")
    skipped = Row("R9", "disk full", 7, skipped="root is needed")
    shown = documented([record(first, skipped), record(second, seed=8)])
    assert "seeds 7, 8" in shown
    assert "| R0 a fault | 3 | 2,000 | 1 | 0 | 0 | 0 | 0 | 0 | 0 | 1.2 s | **yes**" in shown
    assert "88 MB" in shown
    assert "| not played | root is needed |" in shown


def test_planted_bugs_are_shown_with_what_found_them() -> None:
    proof = {"bug": "drops", "file": "x.py", "fault": "R8", "found": False, "why": []}
    assert "| drops | `x.py` | R8 | **NO** |" in documented([record(proofs=[proof])])


def test_figures_go_between_their_marks_and_nowhere_else() -> None:
    page = f"before\n\n{BEGIN}\n\nold\n\n{END}\n\nafter\n"
    assert put_into(page, "new") == f"before\n\n{BEGIN}\n\nnew\n\n{END}\n\nafter\n"
    with pytest.raises(ValueError, match="the page has no"):
        put_into("no marks", "new")


def test_a_run_ends_what_it_started_and_nothing_else() -> None:
    sleeper = [sys.executable, "-c", "import time; time.sleep(60)"]
    other = subprocess.Popen(sleeper)
    try:
        with marked():
            mine = subprocess.Popen(["/bin/sh", "-c", f"{shlex.join(sleeper)} & wait"])
            wait_until(lambda: len(_children(mine.pid)) == 1, "the child runs")
            (child,) = _children(mine.pid)
        mine.wait(5)
        wait_until(lambda: not Path(f"/proc/{child}").exists(), "the child is gone")
        assert other.poll() is None
    finally:
        other.kill()
        other.wait()
    assert MARK not in os.environ


def _children(pid: int) -> list[int]:
    return [int(word) for word in Path(f"/proc/{pid}/task/{pid}/children").read_text("ascii").split()]
