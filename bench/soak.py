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
import sys
import tempfile
import time
from collections.abc import Sequence
from contextlib import AsyncExitStack
from dataclasses import dataclass, field
from pathlib import Path

from bench.engine import EngineProcess, free_port
from bench.evidence import Evidence, drain_mailboxes, read_evidence, until_drained
from bench.ledger import Arrivals
from bench.messages import addresses, result_maker
from bench.senders import Senders
from bench.site import Target, write_site
from bench.wire import Reply, answer, header, sequence, serve
from tests.broker import BrokerNode

__all__ = ["Plan", "Result", "main", "soak"]

PRACTICES = 12
SETTLED = 3.0  # seconds; a quorum queue whose broker is killed within half a second of its creation is dead


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
        senders = Senders(port, result_maker(), addresses(PRACTICES))
        chance = random.Random(plan.seed)
        streams = [
            asyncio.create_task(senders.run(f"S{n}X", random.Random(plan.seed * 1000 + n)))
            for n in range(plan.streams)
        ]
        await _kill(plan, engine, broker, chance, result, say=say)
        senders.stopping = True
        await asyncio.gather(*streams)
        await until_drained(engine)
        if broker is not None and plan.target == "mailboxes":
            await asyncio.to_thread(drain_mailboxes, broker.url, addresses(PRACTICES), arrivals, marked)
        await asyncio.to_thread(engine.stop)
    _check(result, senders, arrivals, marked, read_evidence(folder / "data"))
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


def _check(
    result: Result, senders: Senders, arrivals: Arrivals, marked: set[str], evidence: Evidence
) -> None:
    doubled, marked = arrivals.twice, marked | evidence.in_doubt
    result.acked = len(senders.acked)
    result.received = arrivals.received
    result.refused = senders.refused
    result.wrong_answers = senders.wrong
    result.lost = len(set(senders.acked) - arrivals.seen)
    result.flagged = len(doubled & marked)
    result.doubled_unmarked = len(doubled - marked)
    result.reordered = arrivals.reordered
    result.unbalanced = evidence.unbalanced


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
