"""R1, R2, R21: the engine is killed at random, killed at each step, ended, and changed, all under load."""

from __future__ import annotations

import asyncio
import contextlib
import signal
import time

from bench.engine import EngineFailed
from bench.faults.result import Row, bound
from bench.faults.site import Target
from bench.faults.stage import Options, Stage
from engine.crash_points import POINTS, Point

__all__ = ["ended_and_reloaded", "killed_at_each_step", "killed_at_random"]

EARLY = 40  # the highest time at which a point is struck
NOT_REACHED = 30.0  # seconds after which a point counts as never reached


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


async def killed_at_each_step(options: Options) -> list[Row]:
    """R2: SIGKILL between any two durable steps."""
    return [await killed_at(options, point) for point in POINTS]


def _target(point: Point) -> Target:
    step = point.partition(".")[0]
    return "mailboxes" if step == "publish" else "tickets" if step == "ticket" else "mllp"


async def killed_at(options: Options, point: Point) -> Row:
    """The engine dies at this point, again and again, at random times of reaching it."""
    row = Row("R2", f"killed at {point}", options.seed)
    async with Stage(options, row, target=_target(point)) as stage:
        await stage.more(10)
        await asyncio.to_thread(stage.engine.kill)
        for _ in range(options.count(20, 3)):
            setting = f"{point}:{stage.chance.randint(1, EARLY)}"
            stage.engine.environment["GATEPOST_CRASH_AT"] = setting
            began = time.monotonic()
            if await stage.start_again():
                if not row.n:
                    row.recovery = time.monotonic() - began
                try:
                    await stage.until(lambda: not stage.engine.running, f"{setting} is reached", NOT_REACHED)
                except TimeoutError as never:
                    row.failures.append(str(never))
                    await asyncio.to_thread(stage.engine.kill)
                    continue
            code = stage.engine.process.wait()
            row.expect(code == -signal.SIGKILL, f"the engine ended by itself, with status {code}")
            row.n += 1
        del stage.engine.environment["GATEPOST_CRASH_AT"]
        blow = time.monotonic()
        await stage.start()
        await stage.recovered(blow)
        await stage.more(20)
        await stage.finish()
    return row


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
