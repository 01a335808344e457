"""R20: the machine's clock jumps under load, a leap day comes, clocks go forward and back.

The monotonic clock goes on, as it does on a real machine.
"""

from __future__ import annotations

import asyncio
import os
import time
from datetime import UTC, datetime
from pathlib import Path

from bench.evidence import journal_rows
from bench.faults.result import Row
from bench.faults.stage import Options, Stage

__all__ = ["clock_jumps"]

LIBRARIES = ("/usr/lib/x86_64-linux-gnu/faketime/libfaketime.so.1",
             "/usr/lib/aarch64-linux-gnu/faketime/libfaketime.so.1")  # fmt: skip
WITHIN = 15.0  # seconds in which a practice that is back gets its messages, whatever the clock did
ZONE = "Europe/London"
BEFORE = 2.0  # seconds before such a moment, to which the clock is set
DEADLINE = 2  # seconds
LATE = 10.0  # seconds after which a deadline of a busy machine is late

MOMENTS = {
    "the leap day begins": datetime(2028, 2, 29, tzinfo=UTC),
    "the leap day ends": datetime(2028, 3, 1, tzinfo=UTC),
    "clocks go forward": datetime(2027, 3, 28, 1, tzinfo=UTC),
    "clocks go back": datetime(2027, 10, 31, 1, tzinfo=UTC),
}


async def clock_jumps(options: Options) -> list[Row]:
    """By a day and by an hour, both ways; and over midnight of a leap day and both changes of the clocks."""
    jumps = ("+86400", "-3600") if options.short else ("+86400", "-3600", "+3600", "-86400", "+70000000")
    moments = list(MOMENTS.items())[:: 3 if options.short else 1]
    rows = [await _jump(options, by) for by in jumps]
    return [*rows, *[await _pass(options, words, moment) for words, moment in moments]]


async def _with_clock(stage: Stage) -> Path | None:
    """Start the engine anew under a clock of its own: the file that moves it. None where it cannot be had."""
    library = next(filter(os.path.exists, LIBRARIES), "")
    if not library:
        return None
    await asyncio.to_thread(stage.engine.stop)
    clock = stage.folder / "clock"
    clock.write_text("+0", encoding="ascii")
    stage.engine.environment |= {
        "LD_PRELOAD": library, "FAKETIME_TIMESTAMP_FILE": str(clock), "FAKETIME_NO_CACHE": "1",
        "FAKETIME_DONT_FAKE_MONOTONIC": "1", "DONT_FAKE_MONOTONIC": "1", "TZ": ZONE,
    }  # fmt: skip
    await stage.start()
    return clock


async def _jump(options: Options, by: str) -> Row:
    """One practice is away, so that rests are running while the clock jumps there and back."""
    row = Row("R20", f"the clock jumps by {by} s", options.seed)
    async with Stage(options, row, reply="1s", timezone=ZONE) as stage:
        clock = await _with_clock(stage)
        if clock is None:
            row.skipped = "libfaketime is not installed (apt-get install libfaketime)"
            return row
        away = stage.practices[stage.codes[0]]
        for _ in range(options.few(3, 1)):
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
                row.figure = f"a practice that was back got its messages after {waited:.1f} s"
                row.notes.append(row.figure)
            except TimeoutError as never:
                row.failures.append(str(never))
            clock.write_text("+0", encoding="ascii")
            await stage.more(20)
        await stage.finish()
        row.expect(not row.parked, f"{row.parked} were given up because of the clock")
    return row


async def _pass(options: Options, words: str, moment: datetime) -> Row:
    """The moment passes under load, with deadlines that run across it: each is due after its own time, and
    not an hour or a day sooner or later."""
    row = Row("R20", words, options.seed)
    async with Stage(options, row, timezone=ZONE, within=f"{DEADLINE}s", pause=0.02) as stage:
        clock = await _with_clock(stage)
        if clock is None:
            row.skipped = "libfaketime is not installed (apt-get install libfaketime)"
            return row
        away = stage.practices[stage.codes[0]]
        away.close()
        first = 0.0
        for _ in range(options.few(3, 1)):
            # What waits by the old clock has ended: the jump itself would make its deadlines due at once.
            await asyncio.sleep(DEADLINE + 1)
            at = moment.timestamp() - BEFORE
            clock.write_text(f"{at - time.time():+.0f}", encoding="ascii")
            first = first or at
            blow = time.monotonic()
            row.n += 1
            await stage.recovered(blow)
            await asyncio.sleep(BEFORE + DEADLINE + 2)
        await away.open()
        await stage.finish()
        waits = await asyncio.to_thread(_waits, stage, first)
        row.expect(bool(waits), "no deadline came while the moment passed")
        if waits:
            row.figure = (
                f"{len(waits)} deadlines of {DEADLINE} s came after {min(waits):.1f} to {max(waits):.1f} s"
            )
            row.expect(min(waits) >= DEADLINE, row.figure)
            row.expect(max(waits) < DEADLINE + LATE, row.figure)
            row.notes.append(row.figure)
    return row


def _waits(stage: Stage, since: float) -> list[float]:
    """How long after its copy each fallback was made, of copies that were made since then."""
    question = (
        "SELECT (f.created - d.created) / 1e6 FROM delivery f JOIN delivery d ON d.id=f.parent"
        " WHERE f.kind='fallback' AND d.created >= ?"
    )
    with journal_rows(stage.folder / "data") as journal:
        return [wait for (wait,) in journal.execute(question, (int((since - 1) * 1e6),))]
