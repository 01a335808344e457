"""A million messages wait, and the engine starts: how soon it answers, in what memory, how fast it drains.

    python -m bench.restart                       # to one MLLP receiver, embedded queue
    python -m bench.restart --target mailboxes    # through RabbitMQ, 200 practices' mailboxes

Three starts on the preloaded journal (see `bench.preload`): after an orderly stop; after a SIGKILL under full
load, with a long write-ahead log; and after another with the journal out of the system's cache. `answered` is
the time from the start of the process to its first acknowledgement. Then the receiver comes back, and every
arrival is checked for its order. Exit status 1 where something came twice or out of order.
"""

from __future__ import annotations

import argparse
import os
import shutil
import socket
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from pathlib import Path

from bench.engine import EngineProcess, free_port
from bench.messages import result_maker
from bench.preload import ROOM, preloaded
from bench.rig import Program, highest_mb, run_load
from bench.site import Target, write_site
from bench.wire import frame
from engine.journal.schema import DATABASE

__all__ = ["main"]

GOALS = {"answered": 5.0, "memory": 200.0, "mllp": 800.0, "mailboxes": 1000.0}


@dataclass(frozen=True, slots=True)
class Started:
    """Seconds from the start of the process until it was ready, and until its first acknowledgement."""

    ready: float
    answered: float
    memory_mb: float
    log_mb: float


def start(engine: EngineProcess, port: int, control: str) -> Started:
    """Start it while a hospital tries to be heard."""
    log = engine.data / f"{DATABASE}-wal"
    log_mb = log.stat().st_size / 1e6 if log.exists() else 0.0
    began = time.monotonic()
    answered: list[float] = []
    sender = threading.Thread(target=lambda: answered.append(_first_answer(port, control) - began))
    sender.start()
    engine.start()
    ready = time.monotonic() - began
    sender.join()
    return Started(ready, answered[0], engine.resident_mb(), log_mb)


def _first_answer(port: int, control: str) -> float:
    """Try to connect until somebody listens, send one message, wait for its acknowledgement; when it came."""
    body = result_maker()(control, "first", "Y90001", 1)
    until = time.monotonic() + 120
    while True:
        try:
            with socket.create_connection(("127.0.0.1", port), timeout=60) as connection:
                connection.sendall(frame(body))
                if b"MSA|AA|" in connection.recv(4096):
                    return time.monotonic()
        except ConnectionError:
            if time.monotonic() > until:
                raise
        time.sleep(0.005)


def out_of_cache(path: Path) -> None:
    """Have the system forget what it keeps of this file in memory."""
    descriptor = os.open(path, os.O_RDONLY)
    try:
        os.fsync(descriptor)
        os.posix_fadvise(descriptor, 0, 0, os.POSIX_FADV_DONTNEED)
    finally:
        os.close(descriptor)


def copied(source: Path, to: Path) -> Path:
    """A data folder of our own with this journal."""
    to.mkdir(parents=True)
    subprocess.run(["cp", "--reflink=auto", str(source / DATABASE), str(to / DATABASE)], check=True)
    return to


@contextmanager
def _broker(target: Target) -> Iterator[str]:
    if target == "mllp":
        yield "embedded"
        return
    from tests.broker import broker_node

    yield broker_node().url


def _site(folder: Path, target: Target, port: int, receiver: int, practices: int, broker: str) -> Path:
    """A site whose broker may be away. What is preloaded may be weeks old, and is not to be given up."""
    found = write_site(
        folder / "site", target, port=port, receiver=receiver, practices=practices,
        broker=broker if target == "mailboxes" else "embedded",
    )  # fmt: skip
    rules = (found / "channels.yaml").read_text(encoding="utf-8").replace("give_up: 1h", "give_up: 3650d")
    (found / "channels.yaml").write_text(rules, encoding="utf-8")
    return found


def _run(given: argparse.Namespace, folder: Path, broker: str) -> int:
    source, about = preloaded(
        "backlog", target=given.target, messages=given.messages, room=given.room, seed=given.seed
    )
    port, receiver = free_port(), free_port()
    data = copied(source, folder / "data")
    site = _site(folder, given.target, port, receiver, about.practices, f"amqp://127.0.0.1:{free_port()}/")
    print(f"{about.messages:,} waiting, {given.target}, {about.practices} practices, seed {about.seed}")
    print(f"{'start':34} | ready s | answered s | memory MB | log before MB")
    engine = EngineProcess(site, data)
    highest = 0.0

    def report(name: str, one: Started) -> None:
        nonlocal highest
        highest = max(highest, highest_mb(engine.pid))
        print(
            f"{name:34} | {one.ready:7.2f} | {one.answered:10.2f} | {one.memory_mb:9.0f} | {one.log_mb:8.0f}"
            f"{_mark(one.answered <= GOALS['answered'], '5 s')}",
            flush=True,
        )

    report("after an orderly stop", start(engine, port, "first-1"))
    run_load(port, "--connections", "16", "--seconds", str(given.burst), "--prefix", "K", "--patience", "1")
    highest = max(highest, highest_mb(engine.pid))
    engine.kill()
    report("after SIGKILL under full load", start(engine, port, "first-2"))
    engine.kill()
    for name in (DATABASE, f"{DATABASE}-wal"):
        out_of_cache(data / name)
    report("after SIGKILL, file not in memory", start(engine, port, "first-3"))
    engine.stop()
    with ExitStack() as stack:
        if given.target == "mailboxes":
            _site(folder, given.target, port, receiver, about.practices, broker)
            arguments = ["--url", broker, "--addresses", str(about.practices)]
            sink = stack.enter_context(Program("mailboxes", *arguments, folder=folder))
            engine.start()
        else:
            engine.start()
            sink = stack.enter_context(Program("sink", "--port", str(receiver), folder=folder))
        sink.until_received(1, 120)
        first, began = sink.figures(), time.monotonic()
        last = first
        while last["distinct"] < about.messages and time.monotonic() - began < given.drain:
            time.sleep(1)
            last = sink.figures()
        highest = max(highest, highest_mb(engine.pid))
        engine.stop()
    drained = (last["received"] - first["received"]) / max(last["last"] - first["last"], 1e-3)
    goal = GOALS[given.target]
    print(
        f"drained {last['received']:,} at {drained:,.0f}/s{_mark(drained >= goal, f'{goal:.0f}/s')};"
        f" {last['doubled']} doubled, {last['reordered']} out of order"
    )
    print(f"memory all along: at most {highest:.0f} MB{_mark(highest <= GOALS['memory'], '200 MB')}")
    return 1 if last["reordered"] or last["doubled"] else 0


def _mark(reached: bool, goal: str) -> str:
    return "" if reached else f" (goal: {goal})"


def main() -> int:
    """Run from the command line."""
    parser = argparse.ArgumentParser(prog="python -m bench.restart", description=__doc__.split("\n")[0])
    parser.add_argument("--target", choices=("mllp", "mailboxes"), default="mllp")
    parser.add_argument("--messages", type=int, default=1_000_000)
    parser.add_argument("--burst", type=float, default=20.0, help="seconds of full load before the SIGKILL")
    parser.add_argument("--drain", type=float, default=600.0, help="seconds to drain, at most")
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--room", type=Path, default=ROOM, help="where preloaded journals are kept")
    given = parser.parse_args()
    folder = Path(tempfile.mkdtemp(prefix="restart-"))
    with _broker(given.target) as broker:
        status = _run(given, folder, broker)
    shutil.rmtree(folder)
    return status


if __name__ == "__main__":
    sys.exit(main())
