"""R2: the engine is killed at each named step between two durable ones, again and again, under load.

Each step has a scene in which it is reached: ordinary traffic, a broker, deadlines that pass, a person who
repairs, a site that changes, a long log, an orderly stop, a start. A step that is not reached breaks its row.
"""

from __future__ import annotations

import asyncio
import contextlib
import signal
import time
from collections.abc import Callable, Coroutine

from bench.engine import EngineFailed
from bench.faults.person import Person
from bench.faults.poster import Poster
from bench.faults.practices import refuse, take, taken_unsaid
from bench.faults.result import Row
from bench.faults.site import Target
from bench.faults.stage import Options, Stage
from bench.wire import application_answer, frame
from engine.crash_points import POINTS, Point

__all__ = ["killed_at", "killed_at_each_step"]

NOT_REACHED = 30.0  # seconds after which a step counts as never reached
OFTEN = 40  # the highest time at which a step of ordinary traffic is struck
SELDOM = 3  # of what happens a few times in a second
LARGE = 100_000  # bytes of a message, where the log is to become long soon

Scene = Callable[[Stage, Row], Coroutine[None, None, None]]


async def killed_at_each_step(options: Options) -> list[Row]:
    """Every step that has a name."""
    return [await killed_at(options, point) for point in POINTS]


async def killed_at(options: Options, point: Point) -> Row:
    """The engine dies at this step, again and again, at random times of reaching it."""
    row = Row("R2", f"killed at {point}", options.seed)
    match point.partition(".")[0]:
        case "publish":
            await _strike(options, row, point, target="mailboxes")
        case "ticket":
            await _strike(options, row, point, target="tickets")
        case "deadline":
            await _strike(options, row, point, within="1s", beside=_proofs_stay_away)
        case "repair":
            await _strike(options, row, point, other=True, person=True)
        case "mail":
            await _strike(options, row, point, target="tickets", post=True)
        case "reply":
            await _strike(options, row, point, replies=True, beside=_applications_answer)
        case "config":
            await _strike(options, row, point, beside=_the_site_changes)
        case "checkpoint":
            await _strike(options, row, point, size=LARGE, times=1)
        case "stop":
            await _strike(options, row, point, times=1, beside=_it_is_stopped)
        case "start":
            await _strike_starts(options, row, point)
        case _:
            await _strike(options, row, point, times=OFTEN)
    return row


async def _strike(
    options: Options,
    row: Row,
    point: Point,
    *,
    target: Target = "mllp",
    within: str = "",
    other: bool = False,
    replies: bool = False,
    post: bool = False,
    size: int = 1024,
    times: int | None = None,
    beside: Scene | None = None,
    person: bool = False,
) -> None:
    """times: the highest time of reaching it at which it strikes. beside: what goes on while it plays.
    person: somebody repairs while it plays; post: a practice puts messages into a queue."""
    highest = times or (SELDOM if beside or person or post else OFTEN)
    async with Stage(
        options, row, target=target, within=within, other=other, replies=replies, post=post, size=size
    ) as stage:
        repairer = Person(stage, row) if person else None
        poster = Poster(stage) if post else None
        if repairer is not None:
            beside = _somebody_repairs(repairer)
        elif poster is not None:
            beside = _post_comes(poster)
        await stage.more(10)
        await asyncio.to_thread(stage.engine.kill)
        for _ in range(options.count(20, 3)):
            setting = f"{point}:{stage.chance.randint(1, highest)}"
            await _one_life(stage, row, setting, beside)
        del stage.engine.environment["GATEPOST_CRASH_AT"]
        blow = time.monotonic()
        await stage.start()
        await stage.recovered(blow)
        await stage.more(20)
        if repairer is not None:
            await repairer.release_all()
        for practice in stage.practices.values():
            practice.manner = take
            await practice.open()
        if replies:
            await _answer_the_rest(stage, row)
        if poster is not None:
            await poster.until_taken(row)
        await stage.finish()
        if repairer is not None:
            repairer.check()


async def _one_life(stage: Stage, row: Row, setting: str, beside: Scene | None) -> None:
    """A start, and a death at the step."""
    stage.engine.environment["GATEPOST_CRASH_AT"] = setting
    began = time.monotonic()
    if await stage.start_again():
        stage.started(began)
        goes_on = asyncio.create_task(beside(stage, row)) if beside else None
        try:
            await stage.until(lambda: not stage.engine.running, f"{setting} is reached", NOT_REACHED)
        except TimeoutError as never:
            row.failures.append(str(never))
            await asyncio.to_thread(stage.engine.kill)
            return
        finally:
            if goes_on is not None:
                goes_on.cancel()
                with contextlib.suppress(asyncio.CancelledError):
                    await goes_on
    code = stage.engine.process.wait()
    row.expect(code == -signal.SIGKILL, f"the engine ended by itself, with status {code}")
    row.n += 1


async def _strike_starts(options: Options, row: Row, point: Point) -> None:
    """It dies under load, and at the start after it dies once more."""
    async with Stage(options, row) as stage:
        for _ in range(options.count(20, 3)):
            await stage.more(5)
            # A delivery is on its way, so that the start finds a claim that it must put back.
            stage.engine.environment.pop("GATEPOST_CRASH_AT", None)
            slow = stage.practices[stage.codes[0]]
            slow.manner = taken_unsaid
            known = len(slow.taken)
            await stage.until(lambda: len(slow.taken) > known, "a message on its way", 30)  # noqa: B023
            await asyncio.to_thread(stage.engine.kill)
            slow.manner = take
            stage.engine.environment["GATEPOST_CRASH_AT"] = f"{point}:1"
            if await stage.start_again():
                row.failures.append(f"{point} was not reached")
                await asyncio.to_thread(stage.engine.kill)
            else:
                row.n += 1
            del stage.engine.environment["GATEPOST_CRASH_AT"]
            blow = time.monotonic()
            await stage.start()
            await stage.recovered(blow)
        await stage.finish()


# -- what goes on beside ----------------------------------------------------------------------------------


async def _proofs_stay_away(stage: Stage, _row: Row) -> None:
    """One practice takes and says nothing, one is away: both have deadlines that pass."""
    stage.practices[stage.codes[0]].manner = taken_unsaid
    stage.practices[stage.codes[1]].close()


def _somebody_repairs(person: Person) -> Scene:
    """Copies are refused and parked; somebody lets them go, sends them elsewhere, and gives some up."""

    async def play(stage: Stage, _row: Row) -> None:
        stage.practices[stage.codes[0]].manner = refuse(b"AR")
        await person.work()

    return play


async def _applications_answer(stage: Stage, _row: Row) -> None:
    """Each practice's application answers what it took, once. Nobody answers an answer: what dies with the
    engine is asked for again at the end."""
    answered: set[str] = set()
    with contextlib.suppress(OSError):  # it died, which is what is waited for
        _, writer = await asyncio.open_connection("127.0.0.1", stage.replies)
        while True:
            taken = {c: p.address for p in stage.practices.values() for c in p.taken if c not in answered}
            for control, address in taken.items():
                writer.write(frame(application_answer(stage.number(), control, address)))
            answered.update(taken)
            await writer.drain()
            await asyncio.sleep(0.01)


def _post_comes(poster: Poster) -> Scene:
    """A practice puts messages into a queue, and keeps what the broker confirmed as promised."""

    async def play(_stage: Stage, _row: Row) -> None:
        await poster.work()

    return play


async def _answer_the_rest(stage: Stage, row: Row) -> None:
    """At the end every copy that was taken is acknowledged by its practice's application: none of what the
    journal has of them is lost, and none is missing where it is asked for again."""
    stage.senders.stopping = True
    before = len(stage.acknowledged())
    row.expect(before > 0, "no answer of an application was recorded")
    _, writer = await asyncio.open_connection("127.0.0.1", stage.replies)

    async def rest() -> set[tuple[str, str]]:
        done = await asyncio.to_thread(stage.acknowledged)
        return {(c, p.address) for p in stage.practices.values() for c in p.taken if c not in done}

    until = time.monotonic() + 60
    while left := await rest():
        for control, address in left:
            writer.write(frame(application_answer(stage.number(), control, address)))
        await writer.drain()
        await asyncio.sleep(1)
        if time.monotonic() > until:
            row.failures.append(f"{len(left)} answers of applications were not recorded")
            break
    writer.close()


async def _the_site_changes(stage: Stage, _row: Row) -> None:
    """Somebody edits a route and has it reloaded, each time to another text."""
    route = stage.engine.site / "routes" / "results.yaml"
    while True:
        stage.edition += 1
        text = route.read_text(encoding="utf-8")
        kept = [line for line in text.splitlines() if not line.startswith("# edition")]
        route.write_text("\n".join([*kept, f"# edition {stage.edition}", ""]), encoding="utf-8")
        with contextlib.suppress(OSError, ValueError):  # it died, which is what is waited for
            await asyncio.to_thread(stage.engine.ask, "reload")
        await asyncio.sleep(0.02)


async def _it_is_stopped(stage: Stage, _row: Row) -> None:
    """SIGTERM, under load."""
    await asyncio.sleep(stage.chance.uniform(0.05, 0.3))
    with contextlib.suppress(EngineFailed):
        stage.engine.signal(signal.SIGTERM)
