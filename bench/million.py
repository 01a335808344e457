"""A million messages in the journal: how long somebody waits who looks for one of them, or asks for a report.

    python -m bench.million

On the preloaded past (see `bench.preload`): thirty days, 200 practices. Each command is a process of its own,
timed from its start to its end, Python's start included; `query` is what the journal's answer takes of that.
First with the engine stopped; then while it takes 100 messages a second, with the acknowledgements' p99
beside it: what looking costs the hospitals. Knows the engine and the commands from outside, but for `query`.
"""

from __future__ import annotations

import argparse
import asyncio
import contextlib
import resource
import shutil
import statistics
import sys
import tempfile
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from bench.messages import addresses
from bench.neighbours import Side, percentile
from bench.preload import ROOM, About, preloaded
from bench.restart import copied, out_of_cache
from bench.rig import highest_mb
from engine.journal.reading import JournalReader
from engine.journal.schema import DATABASE

__all__ = ["main"]

TRIES = 11
RATE = 100.0  # messages a second, while the engine runs
SHOW_MS = 100.0


@dataclass(frozen=True, slots=True)
class Look:
    """Something that a person asks for. query: the same of a reader, where it is worth telling apart."""

    name: str
    arguments: tuple[str, ...]
    query: Callable[[JournalReader], Any] | None = None
    tries: int = TRIES


@dataclass(frozen=True, slots=True)
class Took:
    """Seconds of each try, those of CPU among them, and the highest memory of one in MB."""

    seconds: Sequence[float]
    cpu: Sequence[float]
    memory_mb: float


def looks(folder: Path, about: About) -> list[Look]:
    """What is asked, of this journal: about a message in its middle."""
    middle = about.messages // 2 + 1
    with JournalReader(folder) as reader:
        story = reader.show(middle)
        assert story is not None
        nhs = dict(story.keys)["nhs_number"]
        (control, practice) = story.message.control_id, addresses(about.practices)[16]
    day = time.strftime("%Y-%m-%d", time.gmtime(about.last / 1e6 - 5 * 86400))
    month = time.strftime("%Y-%m-%d", time.gmtime(about.first / 1e6 - 86400))
    return [
        Look("show", ("show", str(middle)), lambda reader: reader.show(middle)),
        Look("messages, control id", ("messages", "--control-id", control),
             lambda reader: reader.find(control_id=control)),
        Look("messages, NHS number", ("messages", "--nhs", nhs), lambda reader: reader.find(nhs_number=nhs)),
        Look("messages, practice", ("messages", "--practice", practice),
             lambda reader: reader.find(address=practice)),
        Look("messages, ORU", ("messages", "--type", "ORU"), lambda reader: reader.find(type="ORU")),
        Look("messages, parked", ("messages", "--state", "parked"),
             lambda reader: reader.find(state="parked")),
        Look("held", ("held",), lambda reader: reader.trays()),
        Look("parked", ("parked",), lambda reader: reader.parked_groups()),
        Look("status", ("status",)),
        Look("report, a day", ("report", "--day", day, "--json"), tries=3),
        Look("report, thirty days", ("report", "--since", month, "--json"), tries=1),
    ]  # fmt: skip


async def ask(look: Look, site: Path, data: Path) -> Took:
    """Call the command so often."""
    command = [sys.executable, "-m", "engine.cli", look.arguments[0]]
    # ID comes before SITE; other commands have options alone.
    own = [a for a in look.arguments[1:2] if look.arguments[0] == "show"]
    command += [*own, str(site), *look.arguments[1 + len(own) :], "--data", str(data)]
    seconds, cpu, highest = list[float](), list[float](), 0.0
    for _ in range(look.tries):
        began, used = time.perf_counter(), _cpu_of_children()
        process = await asyncio.create_subprocess_exec(*command, stdout=asyncio.subprocess.DEVNULL,
                                                       stderr=asyncio.subprocess.DEVNULL)  # fmt: skip
        highest = max(highest, await _highest(process))
        seconds.append(time.perf_counter() - began)
        cpu.append(_cpu_of_children() - used)
    return Took(seconds, cpu, highest)


def _cpu_of_children() -> float:
    """Seconds of CPU of all child processes that have ended."""
    usage = resource.getrusage(resource.RUSAGE_CHILDREN)
    return usage.ru_utime + usage.ru_stime


async def _highest(process: asyncio.subprocess.Process) -> float:
    """Wait for its end; its highest memory as seen in passing."""
    ended = asyncio.ensure_future(process.wait())
    highest = 0.0
    while not (await asyncio.wait([ended], timeout=0.03))[0]:
        with contextlib.suppress(OSError, StopIteration):  # it has ended
            highest = max(highest, highest_mb(process.pid))
    await ended
    return highest


def query_ms(look: Look, data: Path) -> float:
    """What the journal's answer takes, opened afresh each time; the median."""
    if look.query is None:
        return 0.0
    seconds = []
    for _ in range(5):
        began = time.perf_counter()
        with JournalReader(data) as reader:
            look.query(reader)
        seconds.append(time.perf_counter() - began)
    return statistics.median(seconds) * 1000


def cold_ms(look: Look, site: Path, data: Path) -> float:
    """One call with the journal out of the system's cache; the program's own files stay in it."""
    out_of_cache(data / DATABASE)
    once = Look(look.name, look.arguments, tries=1)
    return asyncio.run(ask(once, site, data)).seconds[0] * 1000


async def under_load(side: Side, questions: Sequence[Look], codes: Sequence[str], site: Path) -> None:
    """Ask while the engine takes messages, one question after the other, and print a line for each."""
    await side.open()
    try:
        await _play(side, codes, 5.0)
        _line("nothing is asked", "", await _play(side, codes, 20.0))
        for look in questions:
            asking = asyncio.ensure_future(ask(look, site, side.engine.data))
            answers = await _play(side, codes, 5.0)
            while not asking.done():
                answers += await _play(side, codes, 2.0)
            _line(look.name, _told(await asking), answers)
    finally:
        await side.close()


async def _play(side: Side, codes: Sequence[str], seconds: float) -> list[float]:
    many = [codes[number % len(codes)] for number in range(int(RATE * seconds))]
    return (await side.play(many, RATE, count=True))[1]


def _line(name: str, told: str, answers: Sequence[float]) -> None:
    half, most = percentile(answers, 0.5), percentile(answers, 0.99)
    print(f"{name:22} | {told:34} | {half:7.1f} {most:9.1f}", flush=True)


def _told(took: Took) -> str:
    """The median, the slowest, CPU, and the memory."""
    seconds = sorted(took.seconds)
    middle, slowest = statistics.median(seconds) * 1000, seconds[-1] * 1000
    cpu = statistics.median(took.cpu) * 1000
    return f"{middle:8,.0f} {slowest:8,.0f} {cpu:7,.0f} {took.memory_mb:7.0f} MB"


def main() -> int:
    """Run from the command line. Exit status 1 where `show` takes longer than 100 ms, the engine stopped."""
    parser = argparse.ArgumentParser(prog="python -m bench.million", description=__doc__.split("\n")[0])
    parser.add_argument("--messages", type=int, default=1_000_000)
    parser.add_argument("--practices", type=int, default=200)
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--room", type=Path, default=ROOM, help="where preloaded journals are kept")
    given = parser.parse_args()
    data, about = preloaded(
        "past", messages=given.messages, practices=given.practices, seed=given.seed, room=given.room
    )
    questions = looks(data, about)
    site = data / "site"
    print(f"{about.messages:,} messages, {about.practices} practices, seed {about.seed}; milliseconds")
    print(f"{'the engine is stopped':22} |   median  slowest     CPU  memory | query alone | not cached")
    shown = 0.0
    for look in questions:
        took = asyncio.run(ask(look, site, data))
        query = f"{query_ms(look, data):11.1f}" if look.query else " " * 11
        cold = f"{cold_ms(look, site, data):10,.0f}" if look.name in ("show", "messages, NHS number") else ""
        print(f"{look.name:22} | {_told(took)} | {query} | {cold}", flush=True)
        shown = shown or statistics.median(took.seconds) * 1000
    print(f"{'at 100 messages/s':22} |   median  slowest     CPU  memory | acknowledged: median, p99")
    folder = Path(tempfile.mkdtemp(prefix="million-"))
    try:
        copied(data, folder / "data")
        codes = addresses(given.practices)
        side = Side("million", folder, "embedded", "compressed", "none", codes, 0)
        asyncio.run(under_load(side, questions, codes, site))
    finally:
        shutil.rmtree(folder)
    return 1 if shown > SHOW_MS else 0


if __name__ == "__main__":
    sys.exit(main())
