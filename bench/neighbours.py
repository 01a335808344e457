"""What a practice that is down costs the others: two engines in turn, one with trouble and one without.

    python -m bench.neighbours                                # down, black-holed, slow; one and ten of 100
    python -m bench.neighbours --backlog 100000 --troubles refused:1

Both engines run all the time, each with its hundred practices; the same load goes to the one and the other in
turn, a few seconds each, so that both see the same machine. The figure is p99 from a hospital's sending to
the arrival at a healthy practice, and its ratio (goal: at most 1.10). The first line is measured without any
trouble: what two equal engines differ by is noise. The engine's CPU time per message says the same with less
of the machine's own noise. Time is compressed (retries after 0.1 to 10 s) unless
`--policy real` asks for the default rules. Knows the engine from outside only.
"""

from __future__ import annotations

import argparse
import asyncio
import gc
import random
import shutil
import statistics
import sys
import tempfile
import time
from collections import deque
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import AsyncExitStack, contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Literal

from bench.engine import EngineProcess, free_port
from bench.faults.site import Target, write_fault_site
from bench.messages import Maker, addresses, result_maker
from bench.wire import Frames, Reply, answer, frame, header, sequence, serve

__all__ = ["Side", "Trouble", "main"]

Trouble = Literal["none", "refused", "silent", "slow"]
"""What the practices in trouble do: nothing; nobody listens; they take a connection and never answer; each
answer takes two seconds."""

GOAL = 1.10
CONNECTIONS = 4
SLOW = 2.0  # seconds before a slow practice answers
_CHANNELS = """\
channels:
  gp:
    kind: mllp
    directory: gp_directory
    send_to: gp_directory[address].endpoint
    {rules}
"""
RULES = {
    "compressed": "reply_timeout: 1s\n    connect_timeout: 1s\n"
    "    retry: {first: 0.1s, factor: 2, longest: 10s, give_up: 7d}",
    "real": "retry: {first: 5s, factor: 2, longest: 10m, give_up: 7d}",
}
TROUBLES = "none:0,refused:1,refused:10,silent:1,silent:10,slow:1,slow:10"


@dataclass(slots=True)
class _Doors:
    """A hundred practices of one engine. `late`: how long each healthy one's messages took, in seconds."""

    codes: Sequence[str]
    sick: frozenset[str] = frozenset()
    trouble: Trouble = "none"
    sent: dict[str, float] = field(default_factory=dict)  # control id -> when, of what is on its way
    late: list[float] = field(default_factory=list)
    servers: list[asyncio.Server] = field(default_factory=list)

    async def open(self) -> Mapping[str, int]:
        """The port of each practice; nobody listens at those of practices that refuse."""
        ports = {}
        for code in self.codes:
            if code in self.sick and self.trouble == "refused":
                ports[code] = free_port()
            else:
                server, _ = await serve(self._receive, 0)
                self.servers.append(server)
                ports[code] = server.sockets[0].getsockname()[1]
        return ports

    def close(self) -> None:
        for server in self.servers:
            server.close()

    def _receive(self, body: bytes, reply: Reply) -> None:
        now = time.monotonic()
        _, address, _ = sequence(body)
        if address in self.sick:
            if self.trouble == "slow":
                asyncio.get_running_loop().call_later(SLOW, reply, answer(body))
            return
        began = self.sent.pop(header(body)[9].decode("ascii"), None)
        if began is not None:
            self.late.append(now - began)
        reply(answer(body))


class _Hospital(asyncio.Protocol):
    """One connection that sends when it is told to, answered or not: the load does not wait."""

    def __init__(self, answers: list[float]) -> None:
        self._answers = answers
        self._frames = Frames()
        self._began: deque[float] = deque()
        self._transport: asyncio.Transport | None = None

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        assert isinstance(transport, asyncio.Transport)
        self._transport = transport

    def data_received(self, data: bytes) -> None:
        now = time.monotonic()
        for body in self._frames.feed(data):
            if b"\rMSA|AA|" not in body:
                raise AssertionError("the engine did not accept a message")
            self._answers.append(now - self._began.popleft())

    def send(self, body: bytes) -> float:
        assert self._transport is not None
        now = time.monotonic()
        self._began.append(now)
        self._transport.write(frame(body))
        return now

    def close(self) -> None:
        if self._transport is not None:
            self._transport.close()


class Side:
    """One engine with its practices and its hospital."""

    def __init__(
        self,
        name: str,
        folder: Path,
        broker: str,
        policy: str,
        trouble: Trouble,
        codes: Sequence[str],
        sick: int,
    ) -> None:
        self.doors = _Doors(codes, frozenset(codes[:sick]), trouble)
        self.answers: list[float] = []
        self._name = name
        self._port = free_port()
        self._site, self._broker, self._rules = folder / "site", broker, RULES[policy]
        self.engine = EngineProcess(self._site, folder / "data")
        self._made = 0
        self._numbers = dict.fromkeys(codes, 0)
        self._connections: list[_Hospital] = []
        self._make: Maker = result_maker()

    async def open(self) -> None:
        """Open the practices, start the engine, connect the hospital."""
        ports = await self.doors.open()
        target: Target = "tickets" if self._broker != "embedded" else "mllp"
        write_fault_site(self._site, target, port=self._port, practices=ports, broker=self._broker)
        text = _CHANNELS.format(rules=self._rules)
        await asyncio.to_thread((self._site / "channels.yaml").write_text, text, encoding="utf-8")
        await asyncio.to_thread(self.engine.start)
        loop = asyncio.get_running_loop()
        for _ in range(CONNECTIONS):
            _, hospital = await loop.create_connection(
                lambda: _Hospital(self.answers), "127.0.0.1", self._port
            )
            self._connections.append(hospital)

    async def close(self) -> None:
        """End all of it."""
        for hospital in self._connections:
            hospital.close()
        if self.engine.running:
            await asyncio.to_thread(self.engine.stop)
        self.doors.close()

    def send(self, code: str) -> None:
        """One result for this practice."""
        self._made += 1
        self._numbers[code] += 1
        control = f"{self._name}-{self._made}"
        body = self._make(control, self._name, code, self._numbers[code])
        began = self._connections[self._made % CONNECTIONS].send(body)
        if code not in self.doors.sick:
            self.doors.sent[control] = began

    async def play(
        self, codes: Sequence[str], rate: float, *, count: bool
    ) -> tuple[list[float], list[float]]:
        """Send to these practices at this rate; how long each message took, and each acknowledgement."""
        self.doors.late.clear()
        self.answers.clear()
        began = time.monotonic()
        for number, code in enumerate(codes):
            await asyncio.sleep(max(0.0, began + number / rate - time.monotonic()))
            self.send(code)
        await _until(lambda: not self.doors.sent, "all for healthy practices arrived")
        return (list(self.doors.late), list(self.answers)) if count else ([], [])

    async def fill(self, count: int, code: str) -> None:
        """Messages that wait for one practice, taken in before anything is measured."""
        for number in range(count):
            self.send(code)
            if number % 64 == 63:
                await self._answered(number - 2000)
        await self._answered(count)
        await _until(lambda: not self.engine.ask()["backlog"], "all was decided")

    async def _answered(self, count: int) -> None:
        await _until(lambda: len(self.answers) >= count, "all was acknowledged")


async def _until(true: Callable[[], bool], what: str, *, patience: float = 120.0) -> None:
    """Wait for a condition, looking often. Raises TimeoutError naming what did not happen."""
    deadline = time.monotonic() + patience
    while not true():
        if time.monotonic() > deadline:
            raise TimeoutError(f"{what}: not within {patience:.0f} s")
        await asyncio.sleep(0.01)


@dataclass(frozen=True, slots=True)
class Outcome:
    """Seconds of every message and acknowledgement on each side, and p99 of each pair of turns."""

    calm: Sequence[float]
    troubled: Sequence[float]
    answers_calm: Sequence[float]
    answers_troubled: Sequence[float]
    pairs: Sequence[tuple[float, float]]
    cpu: tuple[float, float]  # milliseconds of CPU for each message


def percentile(values: Sequence[float], share: float) -> float:
    """In milliseconds."""
    ordered = sorted(values)
    return ordered[min(len(ordered) - 1, int(len(ordered) * share))] * 1000 if ordered else 0.0


async def _compare(
    folder: Path, brokers: tuple[str, str], trouble: Trouble, sick: int, given: argparse.Namespace
) -> Outcome:
    rnd = random.Random(given.seed)
    codes = addresses(given.practices)
    async with AsyncExitStack() as stack:
        sides = []
        for name, broker in zip(("calm", "sick"), brokers, strict=True):
            calm = name == "calm"
            side = Side(
                name,
                folder / name,
                broker,
                given.policy,
                "none" if calm else trouble,
                codes,
                0 if calm else sick,
            )
            stack.push_async_callback(side.close)
            await side.open()
            sides.append(side)
        if given.backlog and sick:
            _say(f"{given.backlog:,} messages for the practice in trouble")
            await sides[1].fill(given.backlog, codes[0])
        lasts = int(given.rate * given.turn)
        for side in sides:  # connections stand, and queues are declared
            await side.play(codes, given.rate / 2, count=False)
            await side.play([rnd.choice(codes) for _ in range(lasts)], given.rate, count=False)
        found: tuple[list[float], list[float]] = ([], [])
        answers: tuple[list[float], list[float]] = ([], [])
        pairs = []
        cpu = [0.0, 0.0]
        gc.disable()
        for turn in range(max(1, round(given.seconds / given.turn))):
            chosen = [rnd.choice(codes) for _ in range(lasts)]
            of_turn = [0.0, 0.0]
            for number in (0, 1) if turn % 2 else (1, 0):
                before = sides[number].engine.cpu_seconds()
                late, answered = await sides[number].play(chosen, given.rate, count=True)
                cpu[number] += sides[number].engine.cpu_seconds() - before
                found[number].extend(late)
                answers[number].extend(answered)
                of_turn[number] = percentile(late, 0.99)
            pairs.append((of_turn[0], of_turn[1]))
            gc.collect()
        gc.enable()
    each = 1000 / max(1, len(answers[0]))
    return Outcome(found[0], found[1], answers[0], answers[1], pairs, (cpu[0] * each, cpu[1] * each))


def _line(trouble: str, sick: int, found: Outcome) -> str:
    ratios = sorted(after / before for before, after in found.pairs if before)
    p99 = percentile(found.calm, 0.99), percentile(found.troubled, 0.99)
    half = percentile(found.calm, 0.5), percentile(found.troubled, 0.5)
    answers = percentile(found.answers_calm, 0.99), percentile(found.answers_troubled, 0.99)
    return (
        f"{trouble:8} {sick:4} | {len(found.troubled):6} |{half[0]:6.1f} {half[1]:6.1f}"
        f" |{p99[0]:6.1f} {p99[1]:6.1f}"
        f" | {p99[1] / p99[0]:5.2f} | {statistics.median(ratios):6.2f} |{answers[0]:6.1f} {answers[1]:6.1f}"
        f" |{found.cpu[0]:5.2f} {found.cpu[1]:5.2f}"
    )


@contextmanager
def _brokers(queue: str) -> Iterator[tuple[str, str]]:
    """Where the two engines queue: in their journals, or in a virtual host each of a node of our own."""
    if queue == "embedded":
        yield "embedded", "embedded"
        return
    from tests.broker import broker_node

    node = broker_node()
    for host in ("calm", "sick"):
        node.control("add_vhost", host)
        node.control("set_permissions", "-p", host, "guest", ".*", ".*", ".*")
    base = node.url.rpartition("/")[0]
    yield f"{base}/calm", f"{base}/sick"


def _say(what: str) -> None:
    print(f"  … {what}", file=sys.stderr, flush=True)


def main() -> int:
    """Run from the command line. Exit status 1 where a ratio is above the goal."""
    parser = argparse.ArgumentParser(prog="python -m bench.neighbours", description=__doc__.split("\n")[0])
    parser.add_argument("--queue", choices=("embedded", "rabbitmq"), default="embedded")
    parser.add_argument("--troubles", default=TROUBLES, help="as refused:1,silent:10")
    parser.add_argument("--practices", type=int, default=100)
    parser.add_argument("--rate", type=float, default=100.0, help="messages a second")
    parser.add_argument("--seconds", type=float, default=60.0, help="measured on each side")
    parser.add_argument("--turn", type=float, default=5.0, help="seconds on one side before the other's turn")
    parser.add_argument("--policy", choices=tuple(RULES), default="compressed")
    parser.add_argument("--backlog", type=int, default=0, help="that wait for the first sick practice")
    parser.add_argument("--seed", type=int, default=1)
    given = parser.parse_args()
    print(
        f"{given.queue}, {given.rate:.0f} messages/s over {given.practices} practices, {given.policy} rules;"
    )
    print(f"{given.seconds:.0f} s on each side in turns of {given.turn:.0f} s, seed {given.seed},", end=" ")
    print(f"{given.backlog:,} waiting for a sick one")
    print("              |        | p50 ms       | p99 ms       |       | median | p99 of       | CPU ms a")
    print("trouble  sick | others |  calm   sick |  calm   sick | ratio | ratio  | answers, ms  | message")
    worst = 0.0
    with _brokers(given.queue) as brokers:
        for entry in given.troubles.split(","):
            trouble, _, sick = entry.partition(":")
            folder = Path(tempfile.mkdtemp(prefix="neighbours-"))
            found = asyncio.run(_compare(folder, brokers, trouble, int(sick or 0), given))
            print(_line(trouble, int(sick or 0), found), flush=True)
            if trouble != "none":
                worst = max(worst, percentile(found.troubled, 0.99) / percentile(found.calm, 0.99))
            shutil.rmtree(folder)
    return 1 if worst > GOAL else 0


if __name__ == "__main__":
    sys.exit(main())
