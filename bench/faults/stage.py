"""The stage of one fault: the real engine, hospitals that send, practices that receive, a broker where one is
needed, ledgers of both sides, and the check at the end.

Knows nothing of faults; scenarios strike while it plays.
"""

from __future__ import annotations

import asyncio
import random
import signal
import subprocess
import sys
import time
from collections.abc import Iterator, Sequence
from contextlib import AsyncExitStack
from dataclasses import dataclass, field
from datetime import date, timedelta
from pathlib import Path

from bench.engine import EngineFailed, EngineProcess, free_port
from bench.evidence import Evidence, drain_mailboxes, journal_rows, read_evidence, until_drained
from bench.faults.practices import Practice
from bench.faults.progress import Progress
from bench.faults.proxy import Proxy
from bench.faults.result import Row
from bench.faults.site import Target, write_fault_site
from bench.ledger import Arrivals
from bench.messages import addresses, result_maker
from bench.senders import Ledger, Senders
from bench.site import CHANNEL
from tests.broker import BrokerNode
from tests.broker_cluster import BrokerCluster

__all__ = ["Options", "Stage"]

PRACTICES = 8
_SPAN = timedelta(390)  # a report is of at most 400 days
SETTLED = 3.0  # seconds; a quorum queue whose broker is killed within half a second of its creation is dead


@dataclass(frozen=True, slots=True)
class Options:
    """How a run is to be: its seed, the folder for everything it writes, how often each fault strikes (None:
    as often as the scenario thinks right), and a source tree in place of this one's."""

    folder: Path
    seed: int = 1
    short: bool = False
    times: int | None = None
    source: Path | None = None
    progress: Progress = field(default_factory=lambda: Progress(quiet=True))

    def count(self, whole: int, short: int) -> int:
        """How often: as was asked for, or by the form of the run."""
        return self.times or (short if self.short else whole)

    def plenty(self, whole: int, short: int) -> int:
        """How often, of what costs next to nothing: never less often than the scenario thinks right."""
        return max(self.times or 0, short if self.short else whole)

    def few(self, whole: int, short: int) -> int:
        """How often, of what takes long: never more often than the scenario thinks right."""
        return min(self.count(whole, short), short if self.short else whole)


class Stage:
    """Use it as `async with`. proxied: senders speak through `proxy`. broker_proxied: the engine speaks to
    its broker through `broker_proxy`. cluster: the broker has three nodes."""

    def __init__(
        self,
        options: Options,
        row: Row,
        *,
        target: Target = "mllp",
        streams: int = 4,
        practices: int = PRACTICES,
        proxied: bool = False,
        broker_proxied: bool = False,
        cluster: bool = False,
        data: Path | None = None,
        before: Sequence[str] = (),
        patience: float = 5.0,
        reply: str = "2s",
        give_up: str = "7d",
        disk_free: str = "",
        fill: bool = True,
        size: int = 1024,
        pause: float = 0.0,
        timezone: str = "",
        replies: bool = False,
        post: bool = False,
        other: bool = False,
        within: str = "",
    ) -> None:
        """patience: of senders, in seconds. data: where the journal lies. before: as of EngineProcess.
        fill: have senders send from the start. size: of a message, in bytes. pause: of each
        sender between two messages, in seconds. timezone: the site's. replies: with a feed for what
        practices' applications answer. post: with a feed that takes messages out of a queue. other: with
        a channel beside; within: a deadline, after which a copy goes there."""
        self.options = options
        self.row = row
        self.chance = random.Random(f"{options.seed} {row.fault} {row.what}")
        self.folder = _new_folder(options.folder, row)
        self.target = target
        self.arrivals = Arrivals()
        self.marked: set[str] = set()
        self.forgiven: set[str] = set()  # control ids that somebody else has destroyed
        self.port = free_port()
        self.codes = addresses(practices)
        self.proxy = Proxy(free_port(), self.port, self.chance) if proxied else None
        self._broker_proxied = broker_proxied
        self.broker_proxy: Proxy | None = None
        self.broker: BrokerNode | None = None
        self.cluster: BrokerCluster | None = None
        self._clustered = cluster
        self._data = data or self.folder / "data"
        self._before = tuple(before)
        self._reply, self._give_up, self._disk_free = reply, give_up, disk_free
        self._patience = patience
        self._streams = streams
        self._fill = fill
        self._size, self._pause, self._timezone = size, pause, timezone
        self.replies = free_port() if replies else 0
        self._with_post = post
        self._with_other, self._within = other or bool(within), within
        self.elsewhere = Arrivals()  # what came through the channel beside
        self.other: Practice | None = None
        self._numbers = 0
        self.edition = 0  # of a site that changes
        self._stack = AsyncExitStack()
        self._sending: list[asyncio.Task[None]] = []
        self.practices: dict[str, Practice] = {}

    async def __aenter__(self) -> Stage:
        self.options.progress.begin(self.row)
        self._began = time.monotonic()
        try:
            await self._set()
        except BaseException:
            await self._stack.aclose()
            raise
        return self

    async def _set(self) -> None:
        promised = self._stack.enter_context(Ledger.open(self.folder / "promised"))
        arrived = self._stack.enter_context(Ledger.open(self.folder / "arrived"))
        url = await self._open_broker() if self.target != "mllp" else "embedded"
        for code in self.codes:
            self.practices[code] = Practice(code, free_port(), self.arrivals, arrived)
            if self.target != "mailboxes":
                await self.practices[code].open()
                self._stack.callback(self.practices[code].close)
        if self._with_other:
            self.other = Practice("", free_port(), self.elsewhere, arrived)
            await self.other.open()
            self._stack.callback(self.other.close)
        site = write_fault_site(
            self.folder / "site", self.target, port=self.port, broker=url, reply=self._reply,
            practices={code: practice.port for code, practice in self.practices.items()},
            give_up=self._give_up, disk_free=self._disk_free,
            other=self.other.port if self.other else 0, within=self._within,
            timezone=self._timezone, replies=self.replies, post=self._with_post,
        )  # fmt: skip
        self.engine = EngineProcess(
            site, self._data, "--log-level", "warning", before=self._before, source=self.options.source
        )
        self.engine.log = self.folder / "engine.log"
        self._stack.callback(lambda: self.engine.kill() if self.engine.running else None)
        if self.proxy is not None:
            await self.proxy.open()
            self._stack.callback(self.proxy.close)
        port = self.proxy.port if self.proxy else self.port
        self.senders = Senders(
            port, result_maker(self._size), self.codes, self._patience, promised, self._pause
        )
        await self.start()
        if self._fill:
            self.send()
        if self.broker is not None:
            await asyncio.sleep(SETTLED)

    async def _open_broker(self) -> str:
        (self.folder / "broker").mkdir()
        if self._clustered:
            self.cluster = BrokerCluster(self.folder / "broker")
            self._stack.push_async_callback(asyncio.to_thread, self.cluster.stop)
            await asyncio.to_thread(self.cluster.start)
            self.broker = self.cluster.nodes[0]
            return f"[{', '.join(self.cluster.urls)}]"
        self.broker = BrokerNode(self.folder / "broker")
        await asyncio.to_thread(self.broker.start)
        self._stack.push_async_callback(asyncio.to_thread, self.broker.stop)
        if not self._broker_proxied:
            return self.broker.url
        self.broker_proxy = Proxy(free_port(), self.broker.port, self.chance)
        await self.broker_proxy.open()
        self._stack.callback(self.broker_proxy.close)
        return self.broker.url.replace(f":{self.broker.port}/", f":{self.broker_proxy.port}/")

    async def __aexit__(self, *_failure: object) -> None:
        self.row.seconds += time.monotonic() - self._began
        self.senders.stopping = True
        for task in self._sending:
            task.cancel()
        await asyncio.gather(*self._sending, return_exceptions=True)
        await self._stack.aclose()

    # -- playing --------------------------------------------------------------------------------------

    def send(self, most: int = 1 << 62) -> None:
        """Have every stream send from now on."""
        self.senders.stopping = False
        first = len(self._sending)
        for n in range(first, first + self._streams):
            chance = random.Random(self.options.seed * 1000 + n)
            self._sending.append(asyncio.create_task(self.senders.run(f"S{n}X", chance, most)))

    async def start(self) -> None:
        """Start the engine. Raises EngineFailed where it does not become ready."""
        await asyncio.to_thread(self.engine.start)

    async def start_again(self) -> bool:
        """As `start`; False where it died while it was starting, as crash points may have it."""
        try:
            await self.start()
        except EngineFailed:
            if self.engine.process.returncode != -signal.SIGKILL:
                raise
            return False
        return True

    @property
    def seen(self) -> set[str]:
        """The control ids that arrived, wherever."""
        return self.arrivals.seen | self.elsewhere.seen

    def number(self) -> str:
        """A control id of the rig's own, never given twice."""
        self._numbers += 1
        return f"RIG{self._numbers:07d}"

    def acknowledged(self) -> set[str]:
        """The control ids of copies that their practices' applications have acknowledged."""
        question = (
            "SELECT m.control_id FROM delivery d JOIN message m ON m.id=d.message"
            " WHERE d.state='acknowledged'"
        )
        with journal_rows(self._data) as journal:
            return {control for (control,) in journal.execute(question)}

    def started(self, began: float) -> None:
        """A start has succeeded that began then: note how long it took, where that is the longest."""
        self.row.recovery = max(self.row.recovery, time.monotonic() - began)

    async def more(self, count: int, patience: float = 30.0) -> None:
        """Wait until so many more are acknowledged. Raises TimeoutError."""
        wanted = len(self.senders.acked) + count
        await self.until(lambda: len(self.senders.acked) >= wanted, f"{count} more acknowledged", patience)

    async def until(self, condition, what: str, patience: float = 30.0) -> float:  # type: ignore[no-untyped-def]
        """Wait for a condition; after how many seconds it came. Raises TimeoutError saying what did not."""
        began = time.monotonic()
        while not condition():
            if time.monotonic() > began + patience:
                raise TimeoutError(f"{what}: not within {patience:.0f} s")
            await asyncio.sleep(0.005)
        return time.monotonic() - began

    async def recovered(self, blow: float) -> None:
        """Wait for an acknowledgement of what was sent after a blow (time.monotonic), and note how long it
        took."""
        seen = len(self.senders.promises)
        await self.until(lambda: len(self.senders.promises) > seen, "an acknowledgement after the blow", 60)
        self.row.recovery = max(self.row.recovery, self.senders.promises[seen].at - blow)

    async def healthy(self) -> bool:
        """What the engine says of itself."""
        told = await asyncio.to_thread(self.engine.ask)
        return bool(told["healthy"])

    async def broker_condition(self) -> str:
        """What the engine says of its broker."""
        told = await asyncio.to_thread(self.engine.ask)
        return str(told["broker"])

    async def broker_troubles(self) -> list[str]:
        """What the engine says that a person should look at on its broker."""
        told = await asyncio.to_thread(self.engine.ask)
        return [str(trouble) for trouble in told["broker_troubles"]]

    async def until_trouble(self, patience: float) -> float:
        """Wait until the engine says that the broker takes nothing; for how long. Raises TimeoutError."""
        began = time.monotonic()
        while not any(trouble.startswith("RabbitMQ") for trouble in await self.broker_troubles()):
            if time.monotonic() > began + patience:
                raise TimeoutError(f"status tells of no trouble within {patience:.0f} s")
            await asyncio.sleep(0.2)
        return time.monotonic() - began

    async def delivered(self) -> int:
        """How many deliveries the engine says have been made."""
        told = await asyncio.to_thread(self.engine.ask)
        counts = told["channels"].get(CHANNEL, {})
        return int(counts.get("delivered", 0)) + int(counts.get("acknowledged", 0))

    def said(self, words: str) -> bool:
        """Whether the engine's log has these words."""
        return words in self.engine.log.read_text(encoding="utf-8")

    # -- the end --------------------------------------------------------------------------------------

    async def finish(self, patience: float = 120.0) -> Evidence:
        """Let senders end, let everything be delivered, stop the engine, and check the promise."""
        self.senders.stopping = True
        await asyncio.gather(*self._sending)
        self._sending.clear()
        try:
            await until_drained(self.engine, patience)
        except TimeoutError as late:
            self.row.failures.append(str(late))
        status = await asyncio.to_thread(self.engine.stop)
        self.row.expect(status == 0, f"the engine's exit status was {status}")
        return await self.check()

    async def check(self) -> Evidence:
        """Compare the ledgers with each other and with the journal of the stopped engine."""
        if self.broker is not None and self.target == "mailboxes":
            await asyncio.to_thread(
                drain_mailboxes, self.broker.url, self.codes, self.arrivals, self.marked
            )  # fmt: skip
        evidence = read_evidence(self._data)
        row, acked = self.row, set(self.senders.acked)
        visible = evidence.held | evidence.parked | evidence.discarded
        marked = self.marked | evidence.in_doubt | evidence.by_hand
        twice = self.arrivals.twice | self.elsewhere.twice | (self.arrivals.seen & self.elsewhere.seen)
        row.acked = len(acked)
        row.lost = len(acked - self.seen - visible - self.forgiven)
        row.doubled = len(twice - marked)
        row.flagged = len(twice & marked)
        row.parked, row.held = len(evidence.parked), len(evidence.held)
        row.reordered = len(self.arrivals.late - evidence.by_hand)
        row.false_acks = len(acked - evidence.known)
        await asyncio.to_thread(self._reckon)
        row.expect(not evidence.unbalanced, f"the sums do not hold: {'; '.join(evidence.unbalanced)}")
        row.expect(not self.arrivals.wrong, f"{self.arrivals.wrong} came to the wrong practice")
        row.expect(not self.senders.refused, f"{self.senders.refused} good messages were refused")
        row.expect(not self.senders.wrong, f"{self.senders.wrong} answers were for another message")
        row.expect(not self.said("Traceback"), "the log has a traceback")
        if self.target != "mailboxes":
            unheard = len((evidence.delivered & acked) - self.seen - self.forgiven)
            row.expect(not unheard, f"{unheard} stand as delivered that no practice took")
        return evidence

    def _reckon(self) -> None:
        """Have the engine's own command say whether its journal balances."""
        for first, last in _spans(self._data):
            done = subprocess.run(
                [
                    sys.executable, "-m", "engine.cli", "report", str(self.engine.site), "--data",
                    str(self._data), "--since", str(first), "--until", str(last), "--json",
                ],
                cwd=self.options.source, capture_output=True, text=True, check=False,
            )  # fmt: skip
            words = done.stderr.strip() if done.returncode > 1 else "it does not balance"
            self.row.expect(done.returncode == 0, f"gatepost report, {first} to {last}: {words}")


def _spans(data: Path) -> Iterator[tuple[date, date]]:
    """The days of a journal, in pieces that one report may cover."""
    with journal_rows(data) as journal:
        times = journal.execute("SELECT DISTINCT date(received/1000000, 'unixepoch') FROM message ORDER BY 1")
        days = [date.fromisoformat(day) for (day,) in times]
    while days:
        span = [day for day in days if day < days[0] + _SPAN]
        yield span[0] - timedelta(1), span[-1] + timedelta(1)
        days = days[len(span) :]


def _new_folder(folder: Path, row: Row) -> Path:
    """A folder for one row, with a short name: the path of a control socket may have 107 bytes."""
    folder.mkdir(parents=True, exist_ok=True)
    number = 1 + sum(1 for _ in folder.glob(f"{row.fault}-*"))
    made = folder / f"{row.fault}-{number}"
    made.mkdir()
    (made / "what").write_text(f"{row.what}, seed {row.seed}\n", encoding="utf-8")
    return made
