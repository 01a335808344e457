"""R16, R17, R18: practices that are away, slow or confused, and messages that are poison."""

from __future__ import annotations

import asyncio
import time

from bench.faults.practices import Manner, Reaction, refuse, silent, slow, stale, take, taken_unsaid
from bench.faults.result import Row, percentile
from bench.faults.stage import Options, Stage
from bench.messages import result_maker
from bench.senders import read_answer
from bench.wire import frame

__all__ = ["late_answers", "one_practice_in_trouble", "poison"]

WORSE = 1.10  # of others' 99th percentile, beyond which a row says so
PAUSE = 0.02  # seconds between two messages of a sender: what is measured is delay, not a saturated machine


def _garbage(_body: bytes) -> Reaction:
    return Reaction(False, frame(b"<html>502 Bad Gateway</html>"))


async def one_practice_in_trouble(options: Options) -> list[Row]:
    """R16: one practice makes trouble, and the others must not notice."""
    cases: tuple[tuple[str, Manner | None], ...] = (
        ("down", None), ("slow (1 s an answer)", slow(1.0)), ("answers AE", refuse(b"AE")),
        ("answers AR", refuse(b"AR")), ("answers garbage", _garbage), ("says nothing", silent),
        ("takes it, and says nothing", taken_unsaid),
    )  # fmt: skip
    return [await _trouble(options, words, manner) for words, manner in cases]


async def _trouble(options: Options, words: str, manner: Manner | None) -> Row:
    row = Row("R16", f"one practice {words}", options.seed)
    calm = options.few(20, 2)
    async with Stage(options, row, reply="1s", pause=PAUSE) as stage:
        await stage.more(50)
        began = time.monotonic()
        await asyncio.sleep(calm)
        struck = time.monotonic()
        ill = stage.practices[stage.codes[0]]
        if manner is None:
            ill.close()
        else:
            ill.manner = manner
        row.n = 1
        await asyncio.sleep(calm)
        mended = time.monotonic()
        stage.senders.stopping = True
        if manner is None:
            await ill.open()
        ill.manner = take
        evidence = await stage.finish(patience=240)
        before, during = _delays(stage, began, struck), _delays(stage, struck, mended)
        worse = during / before if before else 1.0
        row.figure = (
            f"others' 99th percentile {before * 1000:.0f} ms before, {during * 1000:.0f} ms meanwhile"
            f" (x {worse:.2f})"
        )
        row.notes.append(row.figure + (", more than a tenth worse" if worse > WORSE else ""))
        if words == "answers AR":
            theirs = {p.control for p in stage.senders.promises if p.practice == ill.address}
            row.expect(evidence.parked <= theirs, "others' messages were parked")
            row.expect(bool(evidence.parked), "AR parked nothing")
        else:
            row.expect(not evidence.parked, f"{len(evidence.parked)} were parked")
    return row


def _slow_at_first() -> Manner:
    """Takes each message when it comes first, and answers when nobody waits any more; says so at once when it
    comes again."""
    seen: set[bytes] = set()

    def react(body: bytes) -> Reaction:
        again = body in seen
        seen.add(body)
        return take(body) if again else slow(1.5)(body)

    return react


def _delays(stage: Stage, since: float, until: float) -> float:
    """Seconds from acknowledgement to arrival at healthy practices, 99th percentile."""
    delays = [
        stage.practices[promise.practice].taken[promise.control] - promise.at
        for promise in stage.senders.promises
        if since <= promise.at < until
        and promise.practice != stage.codes[0]
        and promise.control in stage.practices[promise.practice].taken
    ]
    return max(0.0, percentile(delays, 0.99))


async def late_answers(options: Options) -> list[Row]:
    """R17: a practice answers with the acknowledgement of an earlier message, or far too late."""
    wrong = Row("R17", "the answer to an earlier message", options.seed)
    async with Stage(options, wrong, reply="1s") as stage:
        ill = stage.practices[stage.codes[0]]
        await stage.until(lambda: ill.last is not None, "a first message")
        for _ in range(options.count(20, 2)):
            answered = 0

            def confused(body: bytes) -> Reaction:
                nonlocal answered
                answered += 1
                return stale(lambda: ill.last)(body)

            ill.manner = confused
            await stage.until(lambda: answered > 0, "a message for the confused practice")  # noqa: B023
            wrong.n += answered
            ill.manner = take
            known = len(ill.taken)
            await stage.until(lambda: len(ill.taken) > known + 3, "messages after it", 60)  # noqa: B023
        await stage.finish()
    late = Row("R17", "the answer comes after the time-out", options.seed)
    async with Stage(options, late, reply="1s") as stage:
        ill = stage.practices[stage.codes[0]]
        ill.manner = _slow_at_first()
        before, times = len(ill.taken), options.few(10, 2)
        await stage.until(lambda: len(ill.taken) >= before + times, "messages at the slow practice", 120)
        late.n = len(ill.taken) - before
        ill.manner = take
        await stage.finish(patience=240)
    return [wrong, late]


async def poison(options: Options) -> list[Row]:
    """R18: messages that are nonsense. Each is answered or its connection closed, and the next good one
    flows."""
    row = Row("R18", "poison messages", options.seed)
    async with Stage(options, row, streams=1) as stage:
        make = result_maker()
        negative = positive = closed = 0
        for n in range(options.plenty(5000, 250)):
            body = _spoil(stage, make(f"BAD{n:06d}", "BAD", stage.codes[0], n + 1))
            reader, writer = await asyncio.open_connection("127.0.0.1", stage.port)
            writer.write(frame(body))
            try:
                async with asyncio.timeout(10):
                    code, _ = await read_answer(reader)
                positive += code == "AA"
                negative += code != "AA"
            except (EOFError, ConnectionError, ValueError, StopIteration, IndexError, RuntimeError):
                closed += 1
            except TimeoutError:
                row.failures.append(f"poison {n} was neither answered nor its connection closed")
            writer.close()
            row.n += 1
        blow = time.monotonic()
        await stage.recovered(blow)
        await stage.finish()
        row.expect(not stage.said('"message.failed"'), "a decision failed by a bug of ours (message.failed)")
    row.notes.append(f"poison: {positive} accepted, {negative} refused, {closed} closed without an answer")
    return [row]


def _spoil(stage: Stage, body: bytes) -> bytes:
    """A few random wounds. The sequence segment is cut off first: what comes of it is not counted."""
    chance = stage.chance
    spoilt = bytearray(body[: body.rfind(b"\rZSQ|") + 1])
    for _ in range(chance.randint(1, 8)):
        at = chance.randrange(len(spoilt))
        match chance.randrange(5):
            case 0:
                spoilt[at] = chance.choice(b"\x00\x07\x1b\x7f\x80\xff\\^~&|\r\n")
            case 1:
                del spoilt[at : at + chance.randint(1, 60)]
            case 2:
                spoilt[at:at] = bytes(chance.choices(b"|^~\\&\r\n\t\xc3\xa9\x00", k=chance.randint(1, 40)))
            case 3:
                spoilt[at:at] = spoilt[: chance.randint(1, 200)]
            case _:
                del spoilt[max(at, 9) :]
        if not spoilt:
            spoilt = bytearray(b"MSH|")
    return bytes(spoilt.replace(b"\x1c\r", b"\x1c ").replace(b"\x0b", b" "))
