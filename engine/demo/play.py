"""The play itself: sets the stage, starts practices, engine and hospitals, shows them, and draws the balance.

Knows the order of things and no more of each than it must. Whatever happens, it stops what it started.
"""

from __future__ import annotations

import asyncio
import signal
import time
from collections.abc import Mapping
from contextlib import AsyncExitStack
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from rich.console import Console

from engine.demo.balance import draw_up, open_in
from engine.demo.company import Company
from engine.demo.engine_process import EngineFailedError, EngineProcess
from engine.demo.hospitals import FEEDS, hospital
from engine.demo.senders import Hospitals
from engine.demo.show import Moment, Show, show_balance
from engine.demo.stage import doctors_of, set_stage
from engine.journal.reading import JournalReader
from engine.site.loading import load_site
from engine.site.model import Site

__all__ = ["Wishes", "play"]

LOOK = 0.25  # seconds between looks at the engine
DRAIN = 90.0  # seconds given to deliveries after the hospitals have stopped
LAST_ANSWERS = 30.0
AWAY = 0.4  # share of the demo for which one practice is away,
LONGEST_AWAY = 15.0  # and at most so many seconds


@dataclass(frozen=True, slots=True)
class Wishes:
    """What was asked for. `seconds` 0: until Ctrl-C. `folder` is empty or not there yet."""

    site: Path
    environment: str
    folder: Path
    broker: str
    seconds: float
    rate: float
    seed: str


async def play(wishes: Wishes, console: Console) -> bool:
    """Run the demo; true where it balances.

    Raises EngineFailedError, OSError (a port, a disk), OccupiedError or AMQPError where it cannot be played.
    """
    stage, data = wishes.folder / "site", wishes.folder / "data"
    for old, new in set_stage(wishes.site, wishes.environment, stage).items():
        console.print(f"Port {old} is taken on this machine; this demo uses {new} in its place.")
    site = _loaded(stage, wishes, data)
    away_for = min(AWAY * wishes.seconds, LONGEST_AWAY) if wishes.seconds else LONGEST_AWAY
    company = Company(site, wishes.broker, wishes.seed, away_for)
    engine = EngineProcess(stage, wishes.environment, data, wishes.broker, wishes.folder / "engine.log")
    hospitals = _hospitals(site, stage, wishes)
    console.print(
        f"Starting the engine on a copy of {wishes.site} in {wishes.folder} …", markup=False, highlight=False
    )
    async with AsyncExitStack() as stops:
        stops.push_async_callback(company.stop)
        await company.start()
        stops.push_async_callback(engine.stop)
        await engine.start()
        stops.push_async_callback(hospitals.stop, 0.0)
        with Show(console) as show:
            await _Performance(wishes.seconds, engine, hospitals, company, show).run()
    with JournalReader(data) as reader:
        balance = draw_up(
            hospitals.sent, _taken(reader), reader.tallies(), reader.recount(), company.far_ends()
        )
    show_balance(console, balance)
    return balance.good


class _Performance:
    """From the first message to the last delivery. SIGINT and SIGTERM end it early: the first time the
    hospitals stop, the second time what is still on its way is not waited for."""

    def __init__(
        self, seconds: float, engine: EngineProcess, hospitals: Hospitals, company: Company, show: Show
    ) -> None:
        self._seconds = seconds
        self._engine = engine
        self._hospitals = hospitals
        self._company = company
        self._show = show
        self._began = time.monotonic()
        self._stops = 0
        self._enough = asyncio.Event()

    async def run(self) -> None:
        """Send, then wait until everything has arrived or the time for it is over."""
        loop = asyncio.get_running_loop()
        for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
            loop.add_signal_handler(number, self._stop)
        self._company.begin()
        self._hospitals.start()
        until = self._began + self._seconds if self._seconds else float("inf")
        while time.monotonic() < until and not self._enough.is_set():
            await self._look("hospitals send")
            await self._pause()
        self._enough.clear()
        await self._hospitals.stop(LAST_ANSWERS)
        await self._company.all_back()
        until = time.monotonic() + DRAIN
        while self._stops < 2 and time.monotonic() < until:
            if self._all_arrived(await self._look("last deliveries")):
                return
            await self._pause()

    def _stop(self) -> None:
        self._stops += 1
        self._enough.set()

    async def _pause(self) -> None:
        try:
            async with asyncio.timeout(LOOK):
                await self._enough.wait()
        except TimeoutError:
            return

    async def _look(self, act: str) -> Mapping[str, Any]:
        """Ask the engine how it is, and show it."""
        self._hospitals.check()
        status = await self._engine.status()
        sent = sum(one.answered for one in self._hospitals.sent.values())
        seconds = time.monotonic() - self._began
        self._show.say(Moment(seconds, act, status, sent, self._company.received, self._company.notes))
        return status

    def _all_arrived(self, status: Mapping[str, Any]) -> bool:
        """Every message is decided, and every copy has reached an end that both sides know of."""
        if not status:
            return False
        channels = status["channels"]
        undecided = sum(int(counts.get("waiting", 0)) for counts in status["feeds"].values())
        for end in self._company.far_ends():
            delivered = sum(int(channels.get(name, {}).get("delivered", 0)) for name in end.channels)
            if end.count < delivered:
                return False
        return not undecided and not open_in(channels)


def _hospitals(site: Site, stage: Path, wishes: Wishes) -> Hospitals:
    addresses = {name: site.feeds[name].listen for name in FEEDS if name in site.feeds}
    if not addresses:
        raise EngineFailedError("the site has none of the example's feeds, so no hospital can send to it")
    start, doctors = datetime.now(UTC), doctors_of(stage)
    streams = {name: hospital(name, wishes.seed, doctors, start) for name in addresses}
    return Hospitals(streams, addresses, wishes.rate)


def _taken(reader: JournalReader) -> dict[str, dict[str, str]]:
    """The verdict of each message in the journal by feed and control id, duplicates left out."""
    taken: dict[str, dict[str, str]] = {}
    last = 0
    while messages := reader.recent(last, 1000):
        last = messages[-1].id
        for message in messages:
            if message.kind != "duplicate":
                taken.setdefault(message.feed, {})[message.control_id] = message.verdict
    return taken


def _loaded(stage: Path, wishes: Wishes, data: Path) -> Site:
    overrides: dict[str, object] = {"data": str(data)}
    if wishes.broker:
        overrides["broker"] = wishes.broker
    site, problems = load_site(stage, wishes.environment, overrides=overrides, to_run=True)
    if site is None:
        raise EngineFailedError("the site has problems:\n" + "\n".join(str(problem) for problem in problems))
    return site
