"""What the bench runs: the references and the engine in turn, and the messages counted one by one.

Gives frozen results; printing them and judging them is not done here.
"""

from __future__ import annotations

import statistics
import time
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any, Literal

from bench.engine import EngineProcess, free_port, wait_until
from bench.ledger import Balance, compare
from bench.rig import Program, highest_mb, run_load
from bench.site import write_site

__all__ = ["Backlog", "Cell", "Effort", "Outcome", "Queue", "Say", "backlog", "burst"]

Queue = Literal["embedded", "rabbitmq"]
Say = Callable[[str], None]
CONNECTIONS = (1, 4, 16)


@dataclass(frozen=True, slots=True)
class Effort:
    """How much is run: messages per run at 1, 4 and 16 connections, runs per cell, letters."""

    messages: tuple[int, int, int] = (2000, 5000, 8000)
    runs: int = 3
    letters: int = 5
    patience: float = 120.0


@dataclass(frozen=True, slots=True)
class Cell:
    """Medians of one cell of the matrix. Rates per second, times in milliseconds.

    `bare` and `nothing` are what the reference servers did in the same minute.
    """

    queue: Queue
    connections: int
    acked: float
    p50: float
    p99: float
    delivered: float
    cpu_ms: float
    bare: dict[str, float]
    nothing: dict[str, float]


@dataclass(frozen=True, slots=True)
class Outcome:
    """One queue kind: its cells, its letters (milliseconds from sent to delivered), memory and balance."""

    queue: Queue
    cells: tuple[Cell, ...]
    letters: tuple[float, ...]
    memory_mb: float
    highest_mb: float
    balance: Balance
    wrong: int

    def as_json(self) -> dict[str, Any]:
        """For the result file."""
        return asdict(self)


@dataclass(frozen=True, slots=True)
class Backlog:
    """A backlog of so many messages: rates per second, memory in MB, seconds until a restart was ready.

    Of what was drained in the time that was given, `doubled` came twice and `reordered` out of order.
    """

    messages: int
    acked: float
    memory_mb: float
    restart_seconds: float
    memory_after_restart_mb: float
    drained: float
    memory_while_draining_mb: float
    doubled: int
    reordered: int

    def as_json(self) -> dict[str, Any]:
        """For the result file."""
        return asdict(self)


class _Promises:
    """Runs the load client with a ledger and control ids of its own each time."""

    def __init__(self, folder: Path, port: int) -> None:
        self.ledger = folder / "promised.txt"
        self.total = 0
        self._port = port
        self._run = 0

    def send(self, *arguments: str) -> dict[str, Any]:
        self._run += 1
        figures = run_load(
            self._port, "--prefix", f"R{self._run:03d}", "--ledger", str(self.ledger), *arguments
        )
        self.total += int(figures["acked"])
        return figures


def burst(folder: Path, queue: Queue, broker: str, effort: Effort, say: Say) -> Outcome:
    """The matrix of one queue kind. `broker` is its address, for rabbitmq."""
    folder.mkdir(parents=True)
    arrived, port = folder / "arrived.txt", free_port()
    with ExitStack() as stack:
        if queue == "rabbitmq":
            sink = stack.enter_context(
                Program("mailboxes", "--url", broker, "--ledger", str(arrived), folder=folder)
            )
            site = write_site(folder / "site", "mailboxes", port=port, broker=broker)
        else:
            sink = stack.enter_context(
                Program("sink", "--addressed", "--ledger", str(arrived), folder=folder)
            )
            site = write_site(folder / "site", "mllp", port=port, receiver=sink.port)
        engine = stack.enter_context(EngineProcess(site, folder / "data"))
        promises = _Promises(folder, port)
        say(f"{queue}: warming up")
        promises.send("--messages", "400", "--connections", "4")
        sink.until_received(promises.total, effort.patience)
        cells = []
        for connections, messages in zip(CONNECTIONS, effort.messages, strict=True):
            with _references(folder) as (nothing, bare):
                cells.append(
                    _cell(queue, connections, messages, engine, sink, promises, nothing, bare, effort, say)
                )
        say(f"{queue}: letters")
        letters = tuple(_letter(sink, promises, effort) for _ in range(effort.letters))
        memory, highest = round(engine.resident_mb(), 1), highest_mb(engine.pid)
        engine.stop()
        last = sink.finish()
    return Outcome(
        queue, tuple(cells), letters, memory, highest, compare([promises.ledger], [arrived]), last["wrong"]
    )


@contextmanager
def _references(folder: Path) -> Iterator[tuple[Program, Program]]:
    path = folder / "bare.db"
    with (
        Program("donothing", folder=folder) as nothing,
        Program("bare", "--path", str(path), folder=folder) as bare,
    ):
        yield nothing, bare
    for left in folder.glob("bare.db*"):
        left.unlink()


def _cell(
    queue: Queue, connections: int, messages: int, engine: EngineProcess, sink: Program, promises: _Promises,
    nothing: Program, bare: Program, effort: Effort, say: Say,
) -> Cell:  # fmt: skip
    """Reference, reference, engine, and so on in turn, so that all saw the same machine."""
    load = ("--connections", str(connections), "--messages", str(messages))
    of_nothing, of_bare, of_engine = [], [], []
    for run in range(effort.runs):
        say(f"{queue}: {connections} connection(s), run {run + 1} of {effort.runs}")
        of_nothing.append(run_load(nothing.port, *load))
        of_bare.append(run_load(bare.port, *load))
        cpu = engine.cpu_seconds()
        figures = promises.send(*load)
        arrived = sink.until_received(promises.total, effort.patience)
        figures["cpu_ms"] = (engine.cpu_seconds() - cpu) / max(figures["acked"], 1) * 1000
        figures["delivered"] = figures["acked"] / max(arrived["last"] - figures["first_ack"], 1e-3)
        of_engine.append(figures)
    return Cell(
        queue,
        connections,
        acked=_median(of_engine, "per_second"),
        p50=_median(of_engine, "p50_ms"),
        p99=_median(of_engine, "p99_ms"),
        delivered=_median(of_engine, "delivered"),
        cpu_ms=_median(of_engine, "cpu_ms"),
        bare={name: _median(of_bare, name) for name in ("per_second", "p50_ms", "p99_ms")},
        nothing={name: _median(of_nothing, name) for name in ("per_second", "p50_ms", "p99_ms")},
    )


def _letter(sink: Program, promises: _Promises, effort: Effort) -> float:
    """Milliseconds from the first byte sent to the arrival at the practice."""
    figures = promises.send("--kind", "letter", "--messages", "1", "--addresses", "1")
    arrived = sink.until_received(promises.total, effort.patience)
    after_answer = float(arrived["last"]) - float(figures["first_ack"])
    return round(after_answer * 1000 + float(figures["max_ms"]), 1)


def backlog(folder: Path, messages: int, say: Say) -> Backlog:
    """Fill the outbox while the only receiver is away; restart; let it come back; drain for a while."""
    folder.mkdir(parents=True)
    port, receiver = free_port(), free_port()
    site = write_site(folder / "site", "mllp", port=port, receiver=receiver)
    with EngineProcess(site, folder / "data") as engine:
        say(f"backlog: taking in {messages} messages for a receiver that is away")
        promises = _Promises(folder, port)
        figures = promises.send("--messages", str(messages), "--connections", "16")
        wait_until(lambda: _all_decided(engine), "all messages are decided", patience=3600)
        memory = highest_mb(engine.pid)
        engine.stop()
    say("backlog: restarting")
    begun = time.monotonic()
    with EngineProcess(site, folder / "data") as engine:
        restart = time.monotonic() - begun
        after = round(engine.resident_mb(), 1)
        with Program("sink", "--port", str(receiver), folder=folder) as sink:
            say("backlog: draining for half a minute")
            sink.until_received(1, 60)
            first = sink.figures()
            last = sink.until_received(messages, 30)
            draining = highest_mb(engine.pid)
            engine.stop()
    rate = (last["received"] - first["received"]) / max(last["last"] - first["last"], 1e-3)
    return Backlog(
        messages, figures["per_second"], memory, round(restart, 1), after, round(rate, 1), draining,
        last["doubled"], last["reordered"],
    )  # fmt: skip


def _all_decided(engine: EngineProcess) -> bool:
    """The router has caught up with intake."""
    feeds = engine.ask()["feeds"]
    return not sum(int(counts.get("waiting", 0)) for counts in feeds.values())


def _median(runs: list[dict[str, Any]], name: str) -> float:
    values = [float(run[name]) for run in runs]
    return round(statistics.median(values), 2)
