"""Reloading: a changed site is loaded, checked and tested, and only then put into force, in one turn of the
event loop. What is refused changes nothing.

One reload at a time; whoever asks while one is under way gets the outcome of the next, which sees what was
changed meanwhile. Loading and testing happen in a thread. Must not know how listeners, queues and workers do
their part, nor how they were started.
"""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime
from functools import partial
from typing import Any, ParamSpec, TypeVar

from channels.mllp import Budget
from engine.crash_points import ARMED, reach
from engine.delivery import DeliveryWorker
from engine.journal.sqlite import SqliteJournal
from engine.listening import Listeners
from engine.observe.failures import failure_place
from engine.observe.log import get_log
from engine.queues.embedded import EmbeddedQueue
from engine.queues.rabbitmq import RabbitQueue
from engine.router import Router
from engine.site.difference import Difference, difference
from engine.site.files import read_samples
from engine.site.model import Site
from engine.site.watching import Settling, Snapshot, State, snapshot, snapshot_of
from engine.unfinished import unfinished
from routes.language.problems import Problem, Problems
from routes.review.running import run_tests

__all__ = ["Load", "Outcome", "Parts", "Reloading", "Test", "failing_tests"]

Load = Callable[[], tuple[Site | None, Sequence[Problem]]]
"""Reads the site folder afresh: the site, or none where a problem is an error."""
Test = Callable[[Site], Sequence[str]]
"""Runs the tests of a site's routes: a sentence for each that failed."""

KEEP = 10.0  # seconds that the journal has to write the new configuration down
REST = 5.0  # seconds that a feed to be removed has to come to rest
LOADS = 5  # attempts to load a folder that changes while it is read
PAUSE = 0.5  # seconds between them
LOOK = 1.0  # seconds between looks at the files
LOOK_CLOSELY = 0.25  # while they are being changed
SETTLE = 1.0  # seconds for which a changed folder must stand still
TOLD = 50  # problems and changes that are written to the log

Given = ParamSpec("Given")
Result = TypeVar("Result")

log = get_log()


@dataclass(frozen=True, slots=True)
class Parts:
    """What a reload changes, of the running engine."""

    journal: SqliteJournal
    router: Router
    listeners: Listeners
    worker: DeliveryWorker
    queue: EmbeddedQueue | RabbitQueue
    budget: Budget


@dataclass(frozen=True, slots=True)
class Outcome:
    """What became of a reload. `config` is the hash in force now, `before` the one before it.

    problems: of the files, warnings included. failed: tests of routes. refused: why else the site was not
    taken. changes: what differs from before, one line each.
    """

    ok: bool
    before: str
    config: str
    problems: tuple[Problem, ...] = ()
    failed: tuple[str, ...] = ()
    refused: tuple[str, ...] = ()
    changes: tuple[str, ...] = ()
    at: datetime = field(default_factory=lambda: datetime.now(UTC))

    @property
    def troubles(self) -> tuple[str, ...]:
        """Everything for which it was refused, one line each."""
        if self.ok:
            return ()
        errors = [str(p).split("\n", 1)[0] for p in self.problems if p.severity == "error"]
        return (*errors, *self.failed, *self.refused)

    def as_json(self) -> dict[str, Any]:
        """For the control socket."""
        return {
            "ok": self.ok,
            "before": self.before[:12],
            "config": self.config[:12],
            "problems": [str(problem) for problem in self.problems],
            "failed_tests": list(self.failed),
            "refused": list(self.refused),
            "changes": list(self.changes),
            "at": self.at.isoformat(timespec="seconds"),
        }


def failing_tests(site: Site) -> list[str]:
    """The tests of its routes that fail: a sentence for each, with its place and name and no content."""
    samples = read_samples(site.folder, Problems())  # what is wrong with them was told when it was loaded
    return [str(failed) for failed in run_tests(site.plan, samples)]


class Reloading:
    """Puts changed sites into force. `site` is the one in force: read it for each piece of work."""

    def __init__(
        self,
        site: Site,
        load: Load,
        test: Test,
        *,
        seen: Snapshot | None = None,
        watch: bool | None = None,
    ) -> None:
        """seen: the site's own files as they were before `site` was loaded. watch: whether changes of files
        are noticed; None leaves it to the site."""
        self.site = site
        self._load = load
        self._test = test
        self._seen: dict[str, State] = {
            **(snapshot(site.folder) if seen is None else seen),
            **snapshot_of(site.beside),
        }
        self._wanted = watch
        self._parts: Parts | None = None
        self._one = asyncio.Lock()
        self._next: asyncio.Task[Outcome] | None = None
        self._tasks: set[asyncio.Task[Outcome]] = set()
        self._watching: asyncio.Task[None] | None = None
        self._stopping = False
        # One thread for all loads: what the allocator of one thread gives back, the next load takes again.
        self._thread = ThreadPoolExecutor(1, "reload")
        self._refused: Outcome | None = None
        self._since = datetime.now(UTC)

    def start(self, parts: Parts) -> asyncio.Task[None]:
        """The engine runs: reload when asked to, or when files change. The watch's task, which lasts."""
        self._parts = parts
        self._watching = asyncio.create_task(self._watch(), name="watch over files")
        return self._watching

    @property
    def watching(self) -> bool:
        """Whether changes of files are noticed."""
        return self.site.watch if self._wanted is None else self._wanted

    def status(self) -> Mapping[str, Any]:
        """What `gatepost status` shows of the configuration."""
        refused = self._refused
        return {
            "hash": self.site.hash[:12],
            "since": self._since.isoformat(timespec="seconds"),
            "watch": self.watching,
            "refused": refused
            and {
                "at": refused.at.isoformat(timespec="seconds"),
                "problems": len(refused.troubles),
                "first": refused.troubles[0],
            },
        }

    async def reload(self, by: str) -> Outcome:
        """Read the folder and put what it holds into force, or refuse it. `by` says what asked for it."""
        if self._stopping or self._parts is None:
            return self._refuse([f"the engine is {'stopping' if self._stopping else 'starting'}"])
        if self._next is None:
            self._next = asyncio.create_task(self._in_turn(self._parts, by), name="reload")
            self._tasks.add(self._next)
            self._next.add_done_callback(self._tasks.discard)
        asked = self._next
        try:
            return await asyncio.shield(asked)
        except asyncio.CancelledError:
            me = asyncio.current_task()
            if not asked.cancelled() or (me is not None and me.cancelling()):
                raise
            return self._refuse(["the engine is stopping"])

    async def stop(self) -> None:
        """Begin no further reload, and give up the one under way. One that is being swapped is done."""
        self._stopping = True
        tasks = [*self._tasks, *([self._watching] if self._watching else [])]
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)
        self._thread.shutdown(wait=False, cancel_futures=True)

    # -- one reload ---------------------------------------------------------------------------------

    async def _in_turn(self, parts: Parts, by: str) -> Outcome:
        async with self._one:
            self._next = None
            try:
                outcome = await self._reload(parts)
            except Exception as failure:  # noqa: BLE001 - whatever a site folder holds, the engine serves on
                log.error("engine.trouble", failure=type(failure).__name__, why=failure_place(failure))
                outcome = self._refuse([f"the site could not be taken ({type(failure).__name__})"])
            self._tell(outcome, by)
            return outcome

    async def _reload(self, parts: Parts) -> Outcome:
        loaded = await self._read()
        if loaded is None:
            return self._refuse(["the files were changed again and again while they were read; try again"])
        site, problems = loaded
        if site is None:
            return self._refuse([], problems)
        change = await self._aside(difference, self.site, site)
        if change.restart:
            return self._refuse(change.restart, problems)
        if change.nothing:
            return Outcome(True, self.site.hash, self.site.hash, tuple(problems))
        failed = await self._aside(self._test, site)
        if failed:
            return replace(self._refuse([], problems), failed=tuple(failed))
        return await self._put_into_force(parts, site, change, problems)

    async def _read(self) -> tuple[Site | None, Sequence[Problem]] | None:
        """Load the folder as it was at one moment; None where it would not stand still."""
        for _ in range(LOADS):
            before = await self._snapshot()
            loaded = await self._aside(self._load)
            if await self._snapshot() == before:
                self._seen = dict(before)
                return loaded
            await asyncio.sleep(PAUSE)
        return None

    async def _put_into_force(
        self, parts: Parts, site: Site, change: Difference, problems: Sequence[Problem]
    ) -> Outcome:
        before = self.site.hash
        try:
            # On disk before the first decision that names it.
            async with asyncio.timeout(KEEP):
                await parts.journal.keep_config(site.hash, site.sources)
            if ARMED:
                reach("config.kept")
        except TimeoutError:
            why = f"the journal could not keep the new configuration within {KEEP:g} s; is its disk full?"
            return self._refuse([why], problems)
        parts.listeners.hold_back(change.gone_feeds, held=True)
        try:
            left = await _come_to_rest(parts, change) if change.takes_away else ()
            if left:
                return self._refuse(left, problems)
            senders = await parts.worker.prepare(site.channels)
            try:
                ports = await parts.listeners.prepare(site.feeds, change.feeds)
            except OSError as why:
                return self._refuse([f"{why}. The feeds stay as they were"], problems)
            known = await self._aside(self._known_beside, site)
            # From here on nothing waits: whatever the loop does next, it does by the new site.
            self.site, self._seen = site, known
            self._since = datetime.now(UTC)
            parts.listeners.swap(site.feeds, change.feeds, ports)
            parts.worker.renew(site.channels, senders)
            parts.worker.at_once(parts.queue.renew(site.channels, change.channels))
            if isinstance(parts.queue, RabbitQueue):
                parts.queue.use(site.brokers, site.limits.broker_message)
            parts.budget.resize(site.limits.intake_memory)
        finally:
            parts.router.go_on()
            parts.listeners.hold_back(change.gone_feeds, held=False)
        if ARMED:
            reach("config.swapped")
        return Outcome(True, before, site.hash, tuple(problems), changes=change.changes)

    async def _aside(
        self, work: Callable[Given, Result], *given: Given.args, **named: Given.kwargs
    ) -> Result:
        """Do this in the thread beside the event loop."""
        return await asyncio.get_running_loop().run_in_executor(self._thread, partial(work, *given, **named))

    # -- what is told -------------------------------------------------------------------------------

    def _refuse(self, why: Sequence[str], problems: Sequence[Problem] = ()) -> Outcome:
        return Outcome(False, self.site.hash, self.site.hash, tuple(problems), refused=tuple(why))

    def _tell(self, outcome: Outcome, by: str) -> None:
        """Write it down: what is in force since when, or why something is not."""
        config = outcome.config[:12]
        if not outcome.ok:
            self._refused = outcome
            for trouble in outcome.troubles[:TOLD]:
                log.error("config.refused", problem=trouble)
            log.error("config.refused", problems=len(outcome.troubles), by=by, serving=config)
            return
        self._refused = None
        if outcome.changes:
            changes = list(outcome.changes[:TOLD])
            log.info("config.loaded", config=config, before=outcome.before[:12], by=by, changes=changes)
        else:
            log.info("config.unchanged", config=config, by=by)

    # -- the watch over files -----------------------------------------------------------------------

    async def _snapshot(self) -> Snapshot:
        return await self._aside(snapshot, self.site.folder, self.site.beside)

    def _known_beside(self, site: Site) -> dict[str, State]:
        """What was seen of the folder, and the files beside it that the new site depends on."""
        before = {str(path) for path in self.site.beside}
        folder = {path: state for path, state in self._seen.items() if path not in before}
        return {**folder, **snapshot_of(site.beside)}

    async def _watch(self) -> None:
        """Reload when the files have changed and stand still."""
        settling = Settling(SETTLE)
        while True:
            await asyncio.sleep(LOOK_CLOSELY if settling.moving else LOOK)
            if self.watching and settling.look(time.monotonic(), self._seen, await self._snapshot()):
                await self.reload("a changed file")


async def _come_to_rest(parts: Parts, change: Difference) -> tuple[str, ...]:
    """Wait until nothing is under way that needs what is to be taken away; or say what still does."""
    until = time.monotonic() + REST
    while any(_undecided(parts, feed) for feed in change.gone_feeds):
        await asyncio.sleep(0.01)  # the journal's counters tell nobody that they have changed
        if time.monotonic() > until:
            break
    await parts.router.rest()
    held = {feed: await parts.journal.held(feed) for feed in change.gone_feeds}
    unanswered = {feed: parts.listeners.unanswered(feed) for feed in change.gone_feeds}
    awaiting = await parts.journal.awaiting(change.gone_channels)
    return unfinished(change, parts.journal.tallies(), unanswered, held, awaiting)


def _undecided(parts: Parts, feed: str) -> int:
    waiting = parts.journal.tallies().get(("feed", feed, "waiting"), 0)
    return waiting + parts.listeners.unanswered(feed)
