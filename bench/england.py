"""One queue for each practice of England: how long, how fast, how much memory, and what a start costs.

    python -m bench.england
    python -m bench.england --practices 500 --modes tickets

The real engine and a RabbitMQ of its own. Each practice first gets one message, which makes its queue; then
come messages as they do: much for few, little for most (Zipf). Then the engine starts anew with all queues
there. In the mode `mailboxes` the queues are the practices' own; with `tickets` our workers deliver what is
in them to one MLLP receiver. Promises and arrivals are counted message by message.
"""

from __future__ import annotations

import argparse
import json
import shutil
import sys
import tempfile
import time
from collections.abc import Iterator, Sequence
from contextlib import ExitStack
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Literal

from bench.engine import EngineFailed, EngineProcess, free_port, wait_until
from bench.evidence import drain_mailboxes, journal_rows
from bench.faults.result import percentile
from bench.faults.site import write_fault_site
from bench.ledger import Arrivals
from bench.messages import addresses
from bench.rig import Program, RigError, highest_mb, run_load
from bench.site import CHANNEL
from tests.broker import BrokerNode

__all__ = ["Figures", "lines", "main", "measure"]

Mode = Literal["mailboxes", "tickets"]
SIZES = (500, 2000, 6300)
ROOM_MB = 0.2  # memory that a quorum queue may cost the broker, beside its own 500 MB
_BROKER_MB = 500


@dataclass(slots=True)
class Figures:
    """One size in one mode. Seconds, messages per second, milliseconds, megabytes.

    made: from the first message to the last of the first round delivered, each of which made a queue. ready,
    checked: of the start with all queues there. undone: why it was not measured, or not to its end.
    """

    mode: Mode
    practices: int
    seed: int
    queues: int = 0
    made: float = 0.0
    messages: int = 0
    acked_per_second: float = 0.0
    acked_p99: float = 0.0
    delivered_per_second: float = 0.0
    delivered_p50: float = 0.0
    delivered_p99: float = 0.0
    engine_mb: float = 0.0
    broker_empty_mb: float = 0.0
    broker_mb: float = 0.0
    ready: float = 0.0
    checked: float = 0.0
    first_ack: float = 0.0
    first_delivery: float = 0.0
    restarted_mb: float = 0.0
    lost: int = 0
    doubled: int = 0
    overtaken: int = 0
    undone: str = ""
    notes: list[str] = field(default_factory=list)

    @property
    def good(self) -> bool:
        """Nothing was lost, doubled or overtaken."""
        return not (self.lost or self.doubled or self.overtaken)


def free_mb() -> float:
    """Memory that the machine can still give, in megabytes."""
    told = Path("/proc/meminfo").read_text(encoding="ascii").splitlines()
    line = next(line for line in told if line.startswith("MemAvailable:"))
    return int(line.split()[1]) * 1024 / 1e6


def measure(mode: Mode, practices: int, messages: int, seed: int, folder: Path) -> Figures:
    """One size in one mode, on a broker of its own."""
    figures = Figures(mode, practices, seed)
    needed = _BROKER_MB + practices * ROOM_MB
    if (there := free_mb()) < needed * 1.5:
        figures.undone = (
            f"not enough memory: about {needed:.0f} MB for the broker, and {there:.0f} MB are free"
        )
        return figures
    folder.mkdir(parents=True)
    try:
        with ExitStack() as stack:
            _measure(figures, messages, folder, stack)
    except (EngineFailed, RigError, TimeoutError) as why:
        figures.undone = str(why).split("\n")[0]
    return figures


def _measure(figures: Figures, messages: int, folder: Path, stack: ExitStack) -> None:
    broker = BrokerNode(folder / "broker")
    stack.callback(broker.stop)
    broker.start()
    figures.broker_empty_mb = _resident_mb(broker.pid)
    arrived, promised, port = folder / "arrived", folder / "promised", free_port()
    sink = None
    if figures.mode == "tickets":
        sink = stack.enter_context(Program("sink", "--addressed", "--ledger", str(arrived), folder=folder))
    codes = addresses(figures.practices)
    site = write_fault_site(
        folder / "site", figures.mode, port=port, broker=broker.url,
        practices=dict.fromkeys(codes, sink.port if sink is not None else 1),
    )  # fmt: skip
    engine = stack.enter_context(EngineProcess(site, folder / "data", "--log-level", "info"))
    first = _round(figures, engine, port, promised, figures.practices, "0")
    figures.made = first.seconds
    figures.broker_mb = _resident_mb(broker.pid)
    figures.queues = _queues(broker)
    traffic = _round(figures, engine, port, promised, messages, "1")
    figures.messages = messages
    figures.acked_per_second, figures.acked_p99 = traffic.acked_per_second, traffic.acked_p99
    figures.delivered_per_second = messages / traffic.seconds
    figures.engine_mb = highest_mb(engine.pid)
    figures.broker_mb = max(figures.broker_mb, _resident_mb(broker.pid))
    engine.stop()
    with journal_rows(engine.data) as journal:
        delays = [
            (closed - received) / 1000
            for received, closed in journal.execute(
                "SELECT m.received, d.closed FROM delivery d JOIN message m ON m.id=d.message"
                " WHERE d.closed IS NOT NULL AND m.control_id LIKE ?",
                (f"E{figures.seed}1-%",),
            )
        ]
    figures.delivered_p50, figures.delivered_p99 = percentile(delays, 0.5), percentile(delays, 0.99)
    _start_anew(figures, engine, port, promised)
    engine.stop()
    if sink is not None:
        sink.finish()  # which writes the end of its ledger
    _compare(figures, broker, promised, arrived)


@dataclass(frozen=True, slots=True)
class _Round:
    seconds: float
    acked_per_second: float
    acked_p99: float


def _round(
    figures: Figures, engine: EngineProcess, port: int, promised: Path, count: int, name: str,
) -> _Round:  # fmt: skip
    """Send so many, to each practice in turn (round 0) or as messages come, and wait until all are there."""
    skew = () if name == "0" else ("--skew", "1.0")
    before = _delivered(engine)
    began = time.monotonic()
    load = run_load(
        port, "--connections", "4", "--messages", str(count), "--addresses", str(figures.practices),
        "--prefix", f"E{figures.seed}{name}", "--ledger", str(promised), *skew,
    )  # fmt: skip
    wait_until(lambda: _delivered(engine) >= before + count, f"{count} deliveries", patience=120 + count / 20)
    return _Round(time.monotonic() - began, float(load["per_second"]), float(load["p99_ms"]))


def _start_anew(figures: Figures, engine: EngineProcess, port: int, promised: Path) -> None:
    size = engine.log.stat().st_size
    began = time.monotonic()
    engine.start()
    figures.ready = time.monotonic() - began
    run_load(
        port,
        "--messages",
        "1",
        "--addresses",
        "1",
        "--prefix",
        f"E{figures.seed}2",
        "--ledger",
        str(promised),
    )
    figures.first_ack = time.monotonic() - began
    before = _delivered(engine)
    wait_until(
        lambda: _delivered(engine) >= min(before + 1, figures.practices + figures.messages + 1), "a delivery"
    )
    figures.first_delivery = time.monotonic() - began

    def checked() -> bool:
        with engine.log.open("rb") as log:
            log.seek(size)
            return b"broker.queues_checked" in log.read()

    wait_until(checked, "all queues looked at", patience=600)
    figures.checked = time.monotonic() - began
    figures.restarted_mb = engine.resident_mb()


def _compare(figures: Figures, broker: BrokerNode, promised: Path, arrived: Path) -> None:
    arrivals = Arrivals()
    if figures.mode == "mailboxes":
        drain_mailboxes(broker.url, addresses(figures.practices), arrivals, set())
    else:
        for line in arrived.read_text(encoding="ascii").splitlines():
            control, stream, address, number = line.split("\t")
            arrivals.add(control, stream, address, int(number), 0.0)
    acked = set(promised.read_text(encoding="ascii").split())
    figures.lost = len(acked - arrivals.seen)
    figures.doubled, figures.overtaken = arrivals.doubled, arrivals.reordered


def _delivered(engine: EngineProcess) -> int:
    counts = engine.ask()["channels"].get(CHANNEL, {})
    return int(counts.get("delivered", 0)) + int(counts.get("acknowledged", 0))


def _queues(broker: BrokerNode) -> int:
    return sum(name.startswith("gatepost.gp") for name in broker.control("list_queues", "name").split())


def _resident_mb(pid: int) -> float:
    lines = Path(f"/proc/{pid}/status").read_text(encoding="ascii").splitlines()
    return round(int(next(line.split()[1] for line in lines if line.startswith("VmRSS:"))) * 1024 / 1e6, 1)


_HEADS = (
    "mode", "practices", "queues", "made in s", "acked/s", "p99 ms", "delivered/s", "p50 ms", "p99 ms",
    "engine MB", "broker MB", "(empty)", "ready s", "first ack s", "first delivery s", "checked s",
    "engine MB", "lost", "doubled", "overtaken",
)  # fmt: skip


def lines(found: Sequence[Figures]) -> Iterator[str]:
    """A Markdown table, and what was not measured."""
    yield "| " + " | ".join(_HEADS) + " |"
    yield "|" + "---|" * len(_HEADS)
    for f in found:
        if not f.undone:
            cells = (
                f.mode, f.practices, f.queues, f"{f.made:.0f}", f"{f.acked_per_second:.0f}",
                f"{f.acked_p99:.1f}", f"{f.delivered_per_second:.0f}", f"{f.delivered_p50:.0f}",
                f"{f.delivered_p99:.0f}", f"{f.engine_mb:.0f}", f"{f.broker_mb:.0f}",
                f"{f.broker_empty_mb:.0f}", f"{f.ready:.1f}", f"{f.first_ack:.1f}", f"{f.first_delivery:.1f}",
                f"{f.checked:.1f}", f"{f.restarted_mb:.0f}", f.lost, f.doubled, f.overtaken,
            )  # fmt: skip
            yield "| " + " | ".join(str(cell) for cell in cells) + " |"
    for f in found:
        if f.undone:
            yield f"- {f.mode}, {f.practices} practices: not measured: {f.undone}"


def main(arguments: Sequence[str] | None = None) -> int:
    """Measure each size in each mode; 1 where a message was lost, doubled or overtaken."""
    parser = argparse.ArgumentParser(
        prog="python -m bench.england",
        description=__doc__,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    sizes = ",".join(map(str, SIZES))
    parser.add_argument("--practices", default=sizes, metavar=sizes, help="how many, one run for each")
    parser.add_argument("--modes", default="mailboxes,tickets", metavar="mailboxes,tickets")
    parser.add_argument("--messages", type=int, default=10_000, help="of the sparse traffic")
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--json", type=Path, metavar="FILE", help="write the figures here, too")
    parser.add_argument("--keep", type=Path, metavar="FOLDER", help="keep journals, ledgers and logs here")
    given = parser.parse_args(arguments)
    modes: list[Mode] = [mode for mode in ("mailboxes", "tickets") if mode in given.modes.split(",")]
    folder = given.keep or Path(tempfile.mkdtemp(prefix="gatepost-england-"))
    found = []
    for size in map(int, given.practices.split(",")):
        for mode in modes:
            figures = measure(mode, size, given.messages, given.seed, folder.resolve() / f"{mode}{size}")
            found.append(figures)
            print(f"{mode}, {size} practices: {figures.undone or 'done'}", file=sys.stderr, flush=True)
            if figures.undone:
                break  # more would not fit either
    print("\n".join(lines(found)))
    if given.json:
        given.json.write_text(json.dumps([asdict(f) for f in found], indent=2) + "\n", encoding="utf-8")
    if given.keep is None:
        shutil.rmtree(folder, ignore_errors=True)
    return 0 if all(figures.good for figures in found) else 1


if __name__ == "__main__":
    sys.exit(main())
