"""The soak: kills the engine, and the broker, at random moments under load, and checks the promise.

Senders keep their own ledger of what was acknowledged, and send again whatever was not. Receivers keep
theirs of what arrived. At the end, every acknowledged message must have arrived (I1), the journal's sums
must balance (I2), first arrivals must be in order for each sender and practice (I3), and whatever arrived
twice must be marked as such in the journal or on the AMQP message (I4). One seed gives one history of
kills.

    python -m bench.soak --kills 200 --seed 7
    python -m bench.soak --kills 40 --broker-kills 10 --target mailboxes
    python -m bench.soak --kills 40 --broker-kills 10 --tickets
"""

from __future__ import annotations

import argparse
import asyncio
import dataclasses
import json
import random
import sqlite3
import sys
import tempfile
import time
from collections import Counter
from collections.abc import Iterator, Sequence
from contextlib import AsyncExitStack, contextmanager
from dataclasses import dataclass, field
from pathlib import Path

import pika

from bench.engine import EngineProcess, free_port
from bench.ledger import Arrivals
from bench.messages import Maker, addresses, result_maker
from bench.site import CHANNEL, Target, write_site
from bench.wire import Frames, Reply, answer, frame, header, sequence, serve
from engine.journal.reading import JournalReader
from tests.broker import BrokerNode

__all__ = ["Plan", "Result", "main", "soak"]

PRACTICES = 12
SETTLED = 3.0  # seconds; a quorum queue whose broker is killed within half a second of its creation is dead
ANSWER_PATIENCE = 15.0  # seconds; a sender that hears nothing closes, connects and sends again


@dataclass(frozen=True, slots=True)
class Plan:
    """What to do: where messages go, how many streams send, how often what is killed."""

    target: Target = "mllp"
    kills: int = 20
    broker_kills: int = 0
    streams: int = 4
    seed: int = 1
    calm: tuple[float, float] = (0.15, 0.9)  # seconds of work between two kills
    tickets: bool = False  # mllp only: deliveries go through queues on the broker to our own workers


@dataclass(slots=True)
class Result:
    """What happened. All but the first four and `flagged` must be nought in a good run."""

    acked: int = 0
    received: int = 0
    kills: int = 0
    broker_kills: int = 0
    flagged: int = 0  # control ids that arrived more than once and are marked
    lost: int = 0
    doubled_unmarked: int = 0
    reordered: int = 0
    refused: int = 0  # negative acknowledgements
    wrong_answers: int = 0
    unbalanced: list[str] = field(default_factory=list)
    longest_recovery_s: float = 0.0

    @property
    def good(self) -> bool:
        """True where the promise held."""
        return not (
            self.lost or self.doubled_unmarked or self.reordered or self.refused or self.wrong_answers
            or self.unbalanced
        )  # fmt: skip


@dataclass(slots=True)
class _Senders:
    """The sending systems: each stream one message after the other, each until it is acknowledged."""

    port: int
    make: Maker
    practices: Sequence[str]
    acked: list[str] = field(default_factory=list)
    refused: int = 0
    wrong: int = 0
    stopping: bool = False

    async def run(self, stream: str, chance: random.Random) -> None:
        """Send until told to stop; the message in hand is still brought to its acknowledgement."""
        numbers: Counter[str] = Counter()
        connection: tuple[asyncio.StreamReader, asyncio.StreamWriter] | None = None
        count = 0
        while not self.stopping:
            count += 1
            practice = chance.choice(self.practices)
            numbers[practice] += 1
            control = f"{stream}{count:07d}"
            body = self.make(control, stream, practice, numbers[practice])
            connection = await self._deliver(control, body, connection)
        if connection is not None:
            connection[1].close()

    async def _deliver(
        self, control: str, body: bytes, connection: tuple[asyncio.StreamReader, asyncio.StreamWriter] | None
    ) -> tuple[asyncio.StreamReader, asyncio.StreamWriter]:
        while True:
            try:
                if connection is None:
                    connection = await asyncio.open_connection("127.0.0.1", self.port)
                reader, writer = connection
                writer.write(frame(body))
                async with asyncio.timeout(ANSWER_PATIENCE):
                    code, whose = await _read_answer(reader)
            except (OSError, EOFError, TimeoutError):
                if connection is not None:
                    connection[1].close()
                    connection = None
                await asyncio.sleep(0.02)
                continue
            if whose != control:
                self.wrong += 1
            elif code == "AA":
                self.acked.append(control)
                return connection
            else:
                self.refused += 1
                return connection


async def _read_answer(reader: asyncio.StreamReader) -> tuple[str, str]:
    frames = Frames()
    while True:
        data = await reader.read(65536)
        if not data:
            raise EOFError
        bodies = frames.feed(data)
        if bodies:
            msa = next(s for s in bodies[0].split(b"\r") if s.startswith(b"MSA")).split(b"|")
            return msa[1].decode(), msa[2].decode()


async def soak(plan: Plan, folder: Path, *, say: bool = False) -> Result:
    """Carry out the plan in `folder`, which is kept, and check the promise."""
    result = Result()
    port, receiver = free_port(), free_port()
    arrivals, marked = Arrivals(), set[str]()
    async with AsyncExitStack() as stack:
        broker = _node(folder / "broker") if plan.tickets or plan.target == "mailboxes" else None
        if broker is not None:
            await asyncio.to_thread(broker.start)
            stack.push_async_callback(asyncio.to_thread, broker.stop)
        if plan.target != "mailboxes":
            server, _ = await serve(_sink(arrivals), receiver)
            stack.callback(server.close)
        site = write_site(
            folder / "site", plan.target, port=port, receiver=receiver, practices=PRACTICES,
            broker=broker.url if broker else "embedded",
        )  # fmt: skip
        engine = EngineProcess(site, folder / "data", "--log-level", "warning")
        await asyncio.to_thread(engine.start)
        stack.callback(lambda: engine.kill() if engine.running else None)
        senders = _Senders(port, result_maker(), addresses(PRACTICES))
        chance = random.Random(plan.seed)
        streams = [
            asyncio.create_task(senders.run(f"S{n}X", random.Random(plan.seed * 1000 + n)))
            for n in range(plan.streams)
        ]
        await _kill(plan, engine, broker, chance, result, say=say)
        senders.stopping = True
        await asyncio.gather(*streams)
        await _until_drained(engine)
        if broker is not None and plan.target == "mailboxes":
            await asyncio.to_thread(_drain_mailboxes, broker.url, arrivals, marked)
        await asyncio.to_thread(engine.stop)
    _check(result, senders, arrivals, marked | _in_doubt(folder / "data"), folder / "data")
    return result


def _node(folder: Path) -> BrokerNode:
    folder.mkdir(parents=True)
    return BrokerNode(folder)


def _sink(arrivals: Arrivals):  # type: ignore[no-untyped-def]  # a bench.wire.Received
    def receive(body: bytes, reply: Reply) -> None:
        stream, practice, number = sequence(body)
        arrivals.add(header(body)[9].decode(), stream, practice, number, time.time())
        reply(answer(body))

    return receive


async def _kill(
    plan: Plan,
    engine: EngineProcess,
    broker: BrokerNode | None,
    chance: random.Random,
    result: Result,
    *,
    say: bool,
) -> None:
    deeds = ["engine"] * plan.kills + ["broker"] * (plan.broker_kills if broker else 0)
    chance.shuffle(deeds)
    if broker is not None:
        await asyncio.sleep(SETTLED)
    for count, deed in enumerate(deeds, 1):
        await asyncio.sleep(chance.uniform(*plan.calm))
        began = time.monotonic()
        if deed == "broker" and broker is not None:
            await asyncio.to_thread(broker.kill)
            await asyncio.sleep(chance.uniform(0.0, 1.0))
            await asyncio.to_thread(broker.start)
            result.broker_kills += 1
        else:
            await asyncio.to_thread(engine.kill)
            await asyncio.to_thread(engine.start)
            result.kills += 1
            result.longest_recovery_s = max(result.longest_recovery_s, time.monotonic() - began)
        if say:
            print(f"\r{count} of {len(deeds)} kills", end="", file=sys.stderr, flush=True)
    await asyncio.sleep(plan.calm[1])


async def _until_drained(engine: EngineProcess, patience: float = 120.0) -> None:
    deadline = time.monotonic() + patience
    while True:
        told = await asyncio.to_thread(engine.ask)
        counts = told["channels"].get(CHANNEL, {})
        left = told["backlog"] + sum(counts.get(s, 0) for s in ("waiting", "queued", "sending"))
        left += sum(feed.get("waiting", 0) for feed in told["feeds"].values())
        if not left:
            return
        if time.monotonic() > deadline:
            raise TimeoutError(f"{left} messages or deliveries still wait after {patience:.0f} s")
        await asyncio.sleep(0.1)


def _drain_mailboxes(url: str, arrivals: Arrivals, marked: set[str]) -> None:
    connection = pika.BlockingConnection(pika.URLParameters(url))
    channel = connection.channel()
    for practice in addresses(PRACTICES):
        while True:
            method, properties, body = channel.basic_get(f"gatepost.{CHANNEL}.{practice}")
            if method is None:
                break
            control = header(body)[9].decode()
            stream, place, number = sequence(body)
            arrivals.add(control, stream, place, number, time.time())
            if properties.headers.get("gatepost-possible-duplicate"):
                marked.add(control)
            channel.basic_ack(method.delivery_tag)
    connection.close()


@contextmanager
def _journal(data: Path) -> Iterator[sqlite3.Connection]:
    connection = sqlite3.connect(f"{(data / 'journal.db').resolve().as_uri()}?mode=ro", uri=True)
    try:
        yield connection
    finally:
        connection.close()


def _in_doubt(data: Path) -> set[str]:
    """Control ids of deliveries that the journal marks as possibly arriving twice."""
    with _journal(data) as connection:
        rows = connection.execute("SELECT control_id FROM delivery WHERE in_doubt").fetchall()
    return {bytes(row[0]).decode("ascii") for row in rows}


def _check(result: Result, senders: _Senders, arrivals: Arrivals, marked: set[str], data: Path) -> None:
    doubled = arrivals.twice
    result.acked = len(senders.acked)
    result.received = arrivals.received
    result.refused = senders.refused
    result.wrong_answers = senders.wrong
    result.lost = len(set(senders.acked) - arrivals.seen)
    result.flagged = len(doubled & marked)
    result.doubled_unmarked = len(doubled - marked)
    result.reordered = arrivals.reordered
    with JournalReader(data) as journal:
        result.unbalanced = journal.balance().unbalanced


def main(arguments: Sequence[str] | None = None) -> int:
    """Run one plan and print its result as JSON; 1 where the promise did not hold."""
    parser = argparse.ArgumentParser(prog="python -m bench.soak", description=__doc__.split("\n")[0])
    parser.add_argument("--kills", type=int, default=100, help="how often the engine is killed")
    parser.add_argument(
        "--broker-kills", type=int, default=0, help="how often the broker is, where there is one"
    )
    parser.add_argument("--target", choices=("mllp", "mailboxes"), default="mllp")
    parser.add_argument(
        "--tickets", action="store_true", help="to the MLLP receiver through queues on a broker"
    )
    parser.add_argument("--streams", type=int, default=4)
    parser.add_argument("--seed", type=int, default=int(time.time()))
    parser.add_argument("--keep", type=Path, help="folder to keep the site, the journal and the log in")
    given = parser.parse_args(arguments)
    plan = Plan(
        given.target, given.kills, given.broker_kills, given.streams, given.seed, tickets=given.tickets
    )
    with tempfile.TemporaryDirectory(prefix="gatepost-soak-") as scratch:
        result = asyncio.run(soak(plan, given.keep or Path(scratch), say=sys.stderr.isatty()))
    print(json.dumps({"plan": dataclasses.asdict(plan), **dataclasses.asdict(result)}, indent=2))
    print("the promise held" if result.good else "THE PROMISE WAS BROKEN")
    return 0 if result.good else 1


if __name__ == "__main__":
    sys.exit(main())
