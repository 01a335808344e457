"""R20: the machine's clock jumps under load. The monotonic clock goes on, as it does on a real machine."""

from __future__ import annotations

import asyncio
import os
import time

from bench.faults.result import Row
from bench.faults.stage import Options, Stage

__all__ = ["clock_jumps"]

LIBRARIES = ("/usr/lib/x86_64-linux-gnu/faketime/libfaketime.so.1",
             "/usr/lib/aarch64-linux-gnu/faketime/libfaketime.so.1")  # fmt: skip
WITHIN = 15.0  # seconds in which a practice that is back gets its messages, whatever the clock did


async def clock_jumps(options: Options) -> list[Row]:
    """A day forward, an hour back, to a leap day, with one practice away, so that rests are running."""
    jumps = ("+86400", "-3600") if options.short else ("+86400", "-3600", "+3600", "-86400", "+70000000")
    return [await _jump(options, by) for by in jumps]


async def _jump(options: Options, by: str) -> Row:
    row = Row("R20", f"the clock jumps by {by} s", options.seed)
    library = next(filter(os.path.exists, LIBRARIES), "")
    if not library:
        row.skipped = "libfaketime is not installed (apt-get install faketime)"
        return row
    async with Stage(options, row, reply="1s") as stage:
        await asyncio.to_thread(stage.engine.stop)
        clock = stage.folder / "clock"
        clock.write_text("+0", encoding="ascii")
        stage.engine.environment |= {
            "LD_PRELOAD": library, "FAKETIME_TIMESTAMP_FILE": str(clock), "FAKETIME_NO_CACHE": "1",
            "FAKETIME_DONT_FAKE_MONOTONIC": "1", "DONT_FAKE_MONOTONIC": "1",
        }  # fmt: skip
        await stage.start()
        away = stage.practices[stage.codes[0]]
        for _ in range(options.count(3, 1)):
            away.close()
            await stage.more(40)
            await asyncio.sleep(1.5)
            clock.write_text(by, encoding="ascii")
            blow = time.monotonic()
            row.n += 1
            await stage.recovered(blow)
            known = len(away.taken)
            await away.open()
            try:
                waited = await stage.until(lambda: len(away.taken) > known, "the practice's messages", 60)  # noqa: B023
                row.expect(waited < WITHIN, f"a practice that was back waited for {waited:.0f} s")
                row.notes.append(f"a practice that was back got its messages after {waited:.1f} s")
            except TimeoutError as never:
                row.failures.append(str(never))
            clock.write_text("+0", encoding="ascii")
            await stage.more(20)
        await stage.finish()
        row.expect(not row.parked, f"{row.parked} were given up because of the clock")
    return row
