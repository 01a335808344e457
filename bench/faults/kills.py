"""R1, R21: the engine is killed at random, ended, and changed, all under load."""

from __future__ import annotations

import asyncio
import contextlib
import time

from bench.engine import EngineFailed
from bench.faults.result import Row, bound
from bench.faults.stage import Options, Stage

__all__ = ["ended_and_reloaded", "killed_at_random"]


async def killed_at_random(options: Options) -> list[Row]:
    """R1: SIGKILL at random moments."""
    row = Row("R1", "engine killed at random", options.seed)
    async with Stage(options, row) as stage:
        for _ in range(options.count(100, 5)):
            await asyncio.sleep(stage.chance.uniform(0.05, 0.5))
            await asyncio.to_thread(stage.engine.kill)
            blow = time.monotonic()
            row.n += 1
            await stage.start()
            await stage.recovered(blow)
        await stage.more(20)
        await stage.finish()
    row.notes.append(bound(row.n))
    return [row]


async def ended_and_reloaded(options: Options) -> list[Row]:
    """R21: SIGTERM, and SIGHUP with a changed site, under load."""
    ended = Row("R21", "SIGTERM under load", options.seed)
    async with Stage(options, ended) as stage:
        for _ in range(options.count(20, 2)):
            await asyncio.sleep(stage.chance.uniform(0.05, 0.5))
            blow = time.monotonic()
            try:
                status = await asyncio.to_thread(stage.engine.stop, patience=30)
            except EngineFailed:
                status = -1
            ended.expect(status == 0, f"the engine's exit status was {status}")
            ended.n += 1
            await stage.start()
            await stage.recovered(blow)
        evidence = await stage.finish()
        doubt = len(evidence.in_doubt)
        ended.notes.append(f"{doubt} deliveries in doubt after orderly stops")
    reloaded = Row("R21", "reload under load", options.seed)
    async with Stage(options, reloaded) as stage:
        route = stage.engine.site / "routes" / "results.yaml"
        text = route.read_text(encoding="utf-8")
        for number in range(options.count(20, 3)):
            await asyncio.sleep(stage.chance.uniform(0.05, 0.3))
            changed = text.replace("MSH-5: GP", f"MSH-5: GP{number}")
            reloaded.expect(changed != text, "the site cannot be changed as it should be")
            route.write_text(changed, encoding="utf-8")
            blow = time.monotonic()
            told = await asyncio.to_thread(stage.engine.ask, "reload")
            reloaded.expect("config" in str(told), f"the reload was answered {told}")
            reloaded.n += 1
            await stage.recovered(blow)
        with contextlib.suppress(TimeoutError):
            await stage.more(20)
        await stage.finish()
        reloaded.expect(not stage.said("config.refused"), "a good site was refused")
    return [ended, reloaded]
