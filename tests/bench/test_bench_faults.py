"""The fault rig's own parts: its table, its proxy, its ledgers, and that it knows a bad row."""

from __future__ import annotations

import asyncio
import random
from pathlib import Path

import pytest

from bench.engine import free_port
from bench.faults.__main__ import main
from bench.faults.proxy import Manner, Proxy
from bench.faults.result import Row, bound, percentile
from bench.faults.tables import table
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
