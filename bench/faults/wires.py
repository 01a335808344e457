"""R6, R13, R14, R15: trouble on the wire, and senders that repeat themselves."""

from __future__ import annotations

import asyncio
import time

from bench.faults.proxy import Manner
from bench.faults.result import Row
from bench.faults.stage import Options, Stage
from bench.messages import result_maker
from bench.senders import read_answer
from bench.wire import frame

__all__ = ["answers_eaten", "broker_cut_off", "frames_cut", "same_id_again"]


async def frames_cut(options: Options) -> list[Row]:
    """R13: senders are cut in the middle of a frame, or reset just after it."""
    cases: tuple[tuple[Manner, str], ...] = (
        ("cut", "frames cut anywhere"), ("reset", "RST after a frame"), ("slice", "frames in small pieces"),
    )  # fmt: skip
    return [await _wire("R13", words, manner, options, options.plenty(300, 25)) for manner, words in cases]


async def answers_eaten(options: Options) -> list[Row]:
    """R14: the acknowledgement never arrives, and the sender sends again."""
    return [await _wire("R14", "answers eaten", "eat", options, options.plenty(300, 25))]


async def _wire(fault: str, words: str, manner: Manner, options: Options, times: int) -> Row:
    row = Row(fault, words, options.seed)
    async with Stage(options, row, proxied=True) as stage:
        assert stage.proxy is not None
        await stage.more(10)
        stage.proxy.rate = 0.5
        stage.proxy.manner = manner
        await stage.until(lambda: stage.proxy.struck >= times, f"{times} blows", 120)
        stage.proxy.manner = "pass"
        row.n = stage.proxy.struck
        blow = time.monotonic()
        await stage.recovered(blow)
        evidence = await stage.finish()
    if manner == "eat":
        row.expect(evidence.duplicates > 0, "nothing was sent again: the fault did not strike")
    if manner == "slice":
        row.expect(stage.senders.resent == 0, f"{stage.senders.resent} sent again, though nothing was cut")
    row.notes.append(
        f"{stage.senders.resent} sent again, {evidence.duplicates} of them recognised as duplicates; "
        f"{row.doubled + row.flagged} delivered twice"
    )
    return row


async def same_id_again(options: Options) -> list[Row]:
    """R15: the same MSH-10 with other content. Both must arrive, and the second be flagged."""
    row = Row("R15", "same control id, other content", options.seed)
    async with Stage(options, row, fill=False) as stage:
        make = result_maker()
        reader, writer = await asyncio.open_connection("127.0.0.1", stage.port)
        sent: set[tuple[str, int]] = set()
        for n in range(options.plenty(300, 20)):
            practice = stage.codes[n % len(stage.codes)]
            control = f"SAME{n:06d}"
            for number in (2 * n + 1, 2 * n + 2):
                writer.write(frame(make(control, "SAME", practice, number)))
                code, _ = await read_answer(reader)
                row.expect(code == "AA", f"answered {code}")
                sent.add((control, number))
            row.n += 1
        writer.close()
        evidence = await stage.finish()
        got = set().union(*(practice.bodies for practice in stage.practices.values()))
        row.acked = len(sent)
        row.lost = len(sent - got)
        row.doubled = 0
        row.flagged = len(evidence.conflicts)
        row.expect(row.flagged == row.n, f"{row.n - row.flagged} were not flagged")
        row.expect(stage.arrivals.received == len(sent), f"{stage.arrivals.received} arrivals of {len(sent)}")
    return [row]


async def broker_cut_off(options: Options) -> list[Row]:
    """R6, in part: nothing passes between engine and broker, and nobody is told."""
    row = Row("R6", "engine and broker cut off from each other", options.seed)
    async with Stage(options, row, target="tickets", broker_proxied=True) as stage:
        assert stage.broker_proxy is not None
        for seconds in (3.0,) if options.short else (10.0, 30.0, 45.0):
            stage.broker_proxy.manner = "swallow"
            blow = time.monotonic()
            row.n += 1
            await stage.recovered(blow)
            await asyncio.sleep(seconds)
            stage.broker_proxy.manner = "pass"
            stage.broker_proxy.reset_all()
            await stage.more(20)
        await stage.finish(patience=180)
    return [row]
