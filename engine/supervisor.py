"""The supervisor: starts the parts in the right order, watches them, and stops them without loss.

Start: journal (lock), queue and workers, router, control socket, and the listeners last, so that nothing
is accepted before it can be carried on. Stop: listeners first. While something is broken, the log and
`gatepost status` say so; what cannot be mended by waiting ends the process with status 70, on which
systemd and compose start it afresh.
"""

from __future__ import annotations

import asyncio
import resource
import shutil
import time
from collections.abc import Awaitable, Callable, Mapping, Sequence
from pathlib import Path
from typing import Any

from channels.mllp import Budget
from engine.control import Control
from engine.deadlines import Deadlines
from engine.delivery import DeliveryWorker
from engine.delivery.lane import longest_first
from engine.intake import FeedIntake, Verdicts
from engine.journal.contract import JournalBroken, JournalFull
from engine.journal.records import DeliveryRow
from engine.journal.sqlite import SqliteJournal
from engine.journal.told import AnswerTold
from engine.listening import Listeners
from engine.observe.failures import failure_place
from engine.observe.log import get_log
from engine.overdue_returns import OverdueReturns
from engine.queues.embedded import EmbeddedQueue
from engine.queues.queue_feed import QueueFeed
from engine.queues.rabbitmq import RabbitQueue
from engine.queues.remembered import FILE, Remembered
from engine.reloading import Load, Parts, Reloading, Test, failing_tests
from engine.repair import Repair, tell_head
from engine.replying import tell
from engine.router import Router
from engine.silence import Silence
from engine.site.model import Feed, Site
from engine.site.watching import Snapshot
from engine.unfinished import left_behind

__all__ = ["EXIT_BROKEN", "Engine"]

EXIT_BROKEN = 70
"""Exit status after a failure that a fresh start may mend (sysexits.h: EX_SOFTWARE)."""

DRAIN = 10.0  # seconds that a stop gives to answers and deliveries in hand
LEAST = 1.0  # seconds that each part has to stop, even where those before it took all the time
WATCH = 1.0  # seconds between looks at the disk and the backlog

log = get_log()


class Engine:
    """One site at work."""

    def __init__(
        self,
        site: Site,
        *,
        reload: Load,
        test: Test = failing_tests,
        seen: Snapshot | None = None,
        watch: bool | None = None,
        drain: float = DRAIN,
        accept_damage: bool = False,
    ) -> None:
        """reload reads the site folder afresh when the engine is told to; test runs the tests of a changed
        site. seen, watch: see `Reloading`. drain: seconds that a stop gives to what is in hand.
        accept_damage: start with what is whole of a journal whose log is damaged."""
        self._accept_damage = accept_damage
        self.reloading = Reloading(site, reload, test, seen=seen, watch=watch)
        self._drain = drain
        self.silence = Silence(site.data, lambda: self.site)
        self._verdicts = Verdicts()
        self._budget = Budget(site.limits.intake_memory)
        self.listeners = Listeners(self._intake, self._budget, self._at_queue, drain=drain)
        self._closed_for: set[str] = set()
        self._ended = asyncio.Event()
        self._exit = 0
        self._started = time.monotonic()
        self._watch: asyncio.Task[None] | None = None
        self._backlog = 0
        self._passing: set[asyncio.Task[None]] = set()  # copies made in place of refused ones
        self._stops: list[Callable[[], Awaitable[None]]] = []  # of the parts that were started

    @property
    def site(self) -> Site:
        """The configuration in force."""
        return self.reloading.site

    # -- life ---------------------------------------------------------------------------------------

    async def start(self) -> None:
        """Start everything. Raises OSError with a clear text where a feed's port cannot be had."""
        site = self.site
        log.info(
            "engine.starting",
            site=site.name, config=site.hash[:12], queue=site.broker_shown, environment=site.environment,
            loop=type(asyncio.get_running_loop()).__module__.split(".")[0],
        )  # fmt: skip
        self.journal = SqliteJournal.open(
            site.data,
            loop=asyncio.get_running_loop(),
            on_trouble=self._journal_trouble,
            accept_damage=self._accept_damage,
        )
        self._stops.append(self.journal.close)
        self._keep_config()
        self.worker = DeliveryWorker(self.journal, site.channels)
        self._stops.append(self.worker.close)
        self.queue: EmbeddedQueue | RabbitQueue
        if site.brokers:
            self.queue = RabbitQueue(
                self.journal,
                site.brokers,
                site.channels,
                remembered=Remembered(site.data / FILE),
                max_message=site.limits.broker_message,
            )
        else:
            self.queue = EmbeddedQueue(self.journal)
        self.deadlines = Deadlines(self.journal, lambda: self.site, self._deliver)
        self.router = Router(
            self.journal,
            lambda: self.site,
            self._verdicts,
            self._deliver,
            senders_wait=lambda: self._budget.held > 0,
            expect=self.deadlines.expect,
        )
        self.journal.on_passed_on = self._passed_on
        self._stops.append(self.queue.stop)
        await self.queue.start(self.worker.work)
        self.router.start()
        self._stops.append(self.router.stop)
        self.router.task.add_done_callback(self._part_ended)
        self.deadlines.start().add_done_callback(self._part_ended)
        self._stops.append(self.deadlines.stop)
        await tell_head(self.journal)
        repair = Repair(self.journal, lambda: self.site, self._deliver, expect=self.deadlines.expect)
        self.control = Control(
            site.data, {"status": self._status, "reload": self._reload, "repair": repair.ask}
        )
        await self.control.start()
        self._stops.insert(1, self.control.stop)  # the last but one: a stopping engine still tells how it is
        await self._tell_left_behind()
        self._backlog = self._undecided()
        await self.listeners.open(site.feeds.values())
        parts = Parts(self.journal, self.router, self.listeners, self.worker, self.queue, self._budget)
        self.reloading.start(parts).add_done_callback(self._part_ended)
        self.returns = OverdueReturns(self.journal, lambda: self.site)
        self._stops.append(self.returns.stop)
        self.returns.start().add_done_callback(self._part_ended)
        self._stops.append(self.silence.stop)
        self.silence.start().add_done_callback(self._part_ended)
        self._watch = asyncio.create_task(self._watch_limits(), name="watch")
        self._watch.add_done_callback(self._part_ended)
        log.info("engine.ready", feeds=len(self.listeners.listeners))

    async def run(self) -> int:
        """Wait until asked to stop or until a part fails; stop in order; the process's exit status."""
        await self._ended.wait()
        await self.stop()
        return self._exit

    def end(self, status: int = 0) -> None:
        """Ask `run` to stop the engine."""
        self._exit = max(self._exit, status)
        self._ended.set()

    async def stop(self) -> None:
        """Stop taking, finish what was taken, write it down, close. A part that cannot finish in time, or
        cannot write any more, is left: the next start finds in the journal what it had in hand."""
        log.info("engine.stopping")
        await self.reloading.stop()
        await self.listeners.stop()
        if self._watch is not None:
            self._watch.cancel()
        until = asyncio.get_running_loop().time() + self._drain
        while self._stops:
            stop = self._stops.pop()
            try:
                async with asyncio.timeout_at(max(until, asyncio.get_running_loop().time() + LEAST)):
                    await stop()
            except (TimeoutError, JournalBroken, JournalFull) as why:
                log.warning("engine.unfinished", why=type(why).__name__)
        log.info("engine.stopped", status=self._exit)

    # -- parts --------------------------------------------------------------------------------------

    def _intake(self, feed: Feed) -> FeedIntake:
        return FeedIntake(feed, self.journal, self._verdicts, self.router.offer)

    def _at_queue(self, feed: Feed, intake: FeedIntake) -> QueueFeed:
        if not isinstance(self.queue, RabbitQueue):
            raise TypeError("the check lets no feed have a queue without a broker")
        return QueueFeed(feed, intake, self._budget, self.queue.mailroom)

    def _deliver(self, rows: Sequence[DeliveryRow]) -> None:
        self.queue.offer(rows)

    def _passed_on(self, told: Sequence[AnswerTold]) -> None:
        """Copies that were refused on their own connection go on to where their rule says."""
        for one in told:
            tell(one)
        task = asyncio.create_task(self.router.pass_on(told), name="re-addressed copies")
        self._passing.add(task)
        task.add_done_callback(self._passed)

    def _passed(self, task: asyncio.Task[None]) -> None:
        self._passing.discard(task)
        if not task.cancelled() and task.exception() is not None:
            self._part_ended(task)

    def _part_ended(self, task: asyncio.Task[None]) -> None:
        """A loop that should run for ever has ended: if it failed, so has the engine."""
        if task.cancelled() or self._ended.is_set():
            return
        failure = task.exception()
        known = isinstance(failure, (OSError, JournalBroken, JournalFull))  # their words hold no content
        why = str(failure) if known else failure_place(failure)
        log.error("engine.failed", part=task.get_name(), failure=type(failure).__name__, why=why)
        self.end(EXIT_BROKEN)

    # -- trouble and limits ---------------------------------------------------------------------------

    def _journal_trouble(self, kind: str, why: str) -> None:
        """The journal says that it is full, has recovered, or is broken."""
        if kind == "full":
            log.error("journal.full", why=why, remedy="free space on the disk of the data folder")
            self._close_for("journal full")
        elif kind == "recovered":
            log.warning("journal.recovered")
            self._open_for("journal full")
        elif kind == "broken":
            log.critical("journal.broken", why=why, remedy="look at the disk; the engine starts afresh")
            self.end(EXIT_BROKEN)
        elif kind == "damaged":
            log.critical("journal.damage_accepted", why=why)
        else:
            log.error("journal.unstorable", why=why)

    def _close_for(self, reason: str) -> None:
        if not self._closed_for:
            self.listeners.pause()
        if reason not in self._closed_for:
            self._closed_for.add(reason)
            log.warning("feed.paused", why=reason)

    def _open_for(self, reason: str) -> None:
        if reason not in self._closed_for:
            return
        self._closed_for.discard(reason)
        log.warning("feed.resumed", why=reason)
        if not self._closed_for:
            self.listeners.resume()

    async def _watch_limits(self) -> None:
        """Slow intake down, by not reading sockets, past the backlog or below the disk limit."""
        while True:
            await asyncio.sleep(WATCH)
            limits = self.site.limits
            free = shutil.disk_usage(self.site.data).free
            if free < limits.disk_free:
                self._close_for("little disk space")
            elif free > limits.disk_free * 1.1:
                self._open_for("little disk space")
            self._backlog = self._undecided()
            if self._backlog > limits.backlog:
                self._close_for("backlog")
            elif self._backlog < limits.backlog * 0.9:
                self._open_for("backlog")

    async def _tell_left_behind(self) -> None:
        """A reload refuses to take away what open work depends on; a start can only say so."""
        awaiting = await self.journal.awaiting()
        for channel, work in left_behind(self.site.channels, self.journal.tallies(), awaiting):
            log.error("config.channel_missing", channel=channel, why=work, remedy="put it back, retired: yes")

    def _undecided(self) -> int:
        """Messages that wait for their decision."""
        return sum(
            count
            for (scope, _name, state), count in self.journal.tallies().items()
            if scope == "feed" and state == "waiting"
        )

    def _keep_config(self) -> None:
        """Have the journal keep the texts of the configuration that is in force from the start. In the
        background: it waits while the disk is full, and the engine does not."""
        keeping = self.journal.keep_config(self.site.hash, self.site.sources)
        self._keeping = asyncio.create_task(keeping, name="keep configuration")
        self._keeping.add_done_callback(_kept)

    # -- what is asked at the control socket ----------------------------------------------------------

    async def _reload(self, _question: Mapping[str, Any]) -> Mapping[str, Any]:
        return (await self.reloading.reload("gatepost reload")).as_json()

    async def _status(self, _question: Mapping[str, Any]) -> Mapping[str, Any]:
        feeds: dict[str, dict[str, Any]] = {name: {} for name in self.site.feeds}
        routes: dict[str, dict[str, int]] = {}
        channels: dict[str, dict[str, Any]] = {name: {} for name in self.site.channels}
        rooms: Mapping[str, dict[str, dict[str, Any]]] = {
            "feed": feeds, "route": routes, "channel": channels,
        }  # fmt: skip
        for (scope, name, state), count in self.journal.tallies().items():
            if scope in rooms:
                rooms[scope].setdefault(name, {})[state] = count
        troubles = self.queue.troubles
        for name, seen in self.listeners.seen().items():
            feeds[name] |= seen
        for (channel, _address), episode in self.worker.troubled.items():
            entry = channels.setdefault(channel, {})
            entry["lanes_retrying"] = entry.get("lanes_retrying", 0) + 1
            entry["trouble_since"] = min(entry.get("trouble_since", episode.since), episode.since)
        return {
            "site": self.site.name,
            "config": self.site.hash[:12],
            "configuration": self.reloading.status(),
            "healthy": not self._closed_for,
            "paused": sorted(self._closed_for),
            "trays": {
                name: count
                for (scope, name, state), count in sorted(self.journal.tallies().items())
                if scope == "tray" and state == "held" and count
            },
            "alarms": [*self.silence.alarms(), *self.returns.alarms()],
            "feeds": feeds,
            "routes": routes,
            "channels": channels,
            "troubles": longest_first(self.worker.troubled),
            "backlog": self._backlog,
            "broker": self.queue.condition,
            "broker_troubles": [*troubles, *self.listeners.troubles(troubles)],
            "memory_mb": _resident_mb(),
            "uptime_s": round(time.monotonic() - self._started, 1),
        }


def _kept(task: asyncio.Task[None]) -> None:
    """A journal that is broken or closed speaks for itself; anything else about keeping is our bug."""
    failure = None if task.cancelled() else task.exception()
    if failure is not None and not isinstance(failure, JournalBroken):
        log.error("engine.trouble", failure=type(failure).__name__, why=failure_place(failure))


def _resident_mb() -> float:
    """Resident memory now, from the kernel; the peak where the kernel does not tell."""
    try:
        pages = int(Path("/proc/self/statm").read_text(encoding="ascii").split()[1])
        return round(pages * resource.getpagesize() / 1e6, 1)
    except OSError:
        return round(resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1e3, 1)
