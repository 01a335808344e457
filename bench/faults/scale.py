"""R19: a start with a large backlog: how soon it acknowledges, what memory it takes, and in what order the
backlog goes out."""

from __future__ import annotations

import asyncio
import time

from bench.faults.result import Row, percentile
from bench.faults.stage import Options, Stage
from bench.ledger import compare
from bench.rig import run_load

__all__ = ["large_backlog"]

MOST_MB = 300  # resident, whatever the backlog


async def large_backlog(options: Options) -> list[Row]:
    """Messages come while every practice is away; the engine is killed and started again; they return."""
    count = options.plenty(100_000, 3_000)
    row = Row("R19", f"start with {count} waiting", options.seed, n=1)
    async with Stage(options, row, fill=False) as stage:
        for practice in stage.practices.values():
            practice.close()
        promised = stage.folder / "preloaded"
        await asyncio.to_thread(
            run_load, stage.port, "--messages", str(count), "--connections", "8", "--addresses",
            str(len(stage.codes)), "--ledger", str(promised),
        )  # fmt: skip
        await asyncio.to_thread(stage.engine.kill)
        blow = time.monotonic()
        await stage.start()
        ready = time.monotonic() - blow
        stage.send(200)
        await stage.recovered(blow)
        idle = stage.engine.resident_mb()
        for practice in stage.practices.values():
            await practice.open()
        began = time.monotonic()
        highest = idle
        while len(stage.arrivals.seen) < count and time.monotonic() < began + max(60, count / 100):
            highest = max(highest, stage.engine.resident_mb())
            await asyncio.sleep(0.2)
        seconds = time.monotonic() - began
        answers = [promise.after for promise in stage.senders.promises]
        await stage.finish(patience=60)
        balance = compare([promised], [stage.folder / "arrived"])
    row.acked += balance.acked
    row.lost += balance.lost
    row.expect(highest < MOST_MB, f"{highest:.0f} MB of memory")
    row.figure = (
        f"ready after {ready:.1f} s, memory {idle:.0f} MB and {highest:.0f} MB at most, drained at"
        f" {count / seconds:.0f}/s; answers meanwhile {percentile(answers, 0.99) * 1000:.0f} ms (99 %)"
    )
    row.notes.append(row.figure)
    return [row]
