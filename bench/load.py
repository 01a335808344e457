"""The load client: sends HL7 over MLLP as fast as it is answered, and remembers what was promised.

Each connection keeps one message outstanding (or `--pipeline` of them) and owns its share of the
practices, so that the order per practice is known. Every acknowledged control id goes to the ledger
before the next message is sent; the ledger is what a receiver's must be held against. Knows nothing of
the engine: any MLLP server can be measured.
"""

from __future__ import annotations

import argparse
import asyncio
import json
import random
import socket
import sys
import time
from array import array
from collections import deque
from dataclasses import dataclass, field
from itertools import accumulate
from pathlib import Path
from typing import TextIO

from bench.messages import Maker, addresses, letter_maker, result_maker
from bench.wire import Frames, frame

__all__ = ["Figures", "Job", "run"]


@dataclass(frozen=True, slots=True)
class Job:
    """What to send. `messages` in all, or for `seconds` where that is set; times in seconds.

    skew: 0 sends to all practices in turn; above, the practice of rank k is drawn with a weight of 1/k**skew,
    as some practices get much and most get little. patience: how long one connection goes on trying to get
    its unanswered messages acknowledged.
    """

    host: str
    port: int
    connections: int
    messages: int
    make: Maker
    seconds: float = 0.0
    pipeline: int = 1
    practices: int = 100
    prefix: str = "B"
    patience: float = 10.0
    skew: float = 0.0


@dataclass(slots=True)
class Figures:
    """What was measured. Latencies in seconds; `first` and `last` acknowledgement in Unix time."""

    ledger: TextIO | None = None
    latencies: array[float] = field(default_factory=lambda: array("d"))
    refused: int = 0
    unmatched: int = 0
    reconnects: int = 0
    given_up: int = 0
    first: float = 0.0
    last: float = 0.0
    began: float = 0.0
    ended: float = 0.0

    def as_json(self) -> dict[str, float | int]:
        """The result line."""
        ordered = sorted(self.latencies)
        acked = len(ordered)
        seconds = max(self.ended - self.began, 1e-9)

        def at(share: float) -> float:
            return round(ordered[min(acked - 1, int(acked * share))] * 1000, 3) if acked else 0.0

        return {
            "acked": acked,
            "refused": self.refused,
            "unmatched": self.unmatched,
            "unanswered": self.given_up,
            "reconnects": self.reconnects,
            "seconds": round(seconds, 3),
            "per_second": round(acked / seconds, 1),
            "p50_ms": at(0.50),
            "p99_ms": at(0.99),
            "max_ms": at(1.0),
            "first_ack": self.first,
            "last_ack": self.last,
        }


@dataclass(slots=True)
class _Sent:
    control: bytes
    data: bytes
    at: float


class _Connection(asyncio.Protocol):
    """One sender. Answers must come in the order of the messages, as MLLP gives no other way to match."""

    def __init__(self, job: Job, figures: Figures, index: int, share: int) -> None:
        mine = addresses(job.practices)[index :: job.connections] or addresses(job.practices)[:1]
        self._addresses = mine
        self._numbers = [0] * len(mine)
        self._job = job
        self._figures = figures
        self._stream = f"{job.prefix}-{index}"
        self._left = share
        self._made = 0
        self._chance = random.Random(self._stream)
        ranks = range(1 + index, len(mine) * job.connections + 1, job.connections)
        self._weights = list(accumulate(1 / rank**job.skew for rank, _ in zip(ranks, mine, strict=False)))
        self._stop_at = time.perf_counter() + job.seconds if job.seconds else 0.0
        self._outstanding: deque[_Sent] = deque()
        self._frames = Frames()
        self._transport: asyncio.Transport | None = None
        self.finished = asyncio.Event()
        self.lost = asyncio.Event()

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """Send again what has no answer yet, then go on."""
        assert isinstance(transport, asyncio.Transport)
        transport.get_extra_info("socket").setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        self._transport = transport
        self._frames = Frames()
        self.lost.clear()
        for sent in self._outstanding:
            transport.write(sent.data)
        self._fill()

    def data_received(self, data: bytes) -> None:
        """Match acknowledgements with what is outstanding."""
        now = time.perf_counter()
        try:
            answers = self._frames.feed(data)
        except ValueError:
            self._figures.unmatched += 1
            self._close()
            return
        for body in answers:
            if not self._settle(body, now):
                self._figures.unmatched += 1
                self._close()
                return
        self._fill()

    def connection_lost(self, _exc: Exception | None) -> None:
        """Tell the driver, which connects again if something is outstanding."""
        self._transport = None
        self.lost.set()

    @property
    def outstanding(self) -> int:
        """Messages that have no answer."""
        return len(self._outstanding)

    def _settle(self, body: bytes, now: float) -> bool:
        at = body.find(b"\rMSA|")
        if at < 0 or not self._outstanding:
            return False
        fields = body[at + 5 :].split(b"\r", 1)[0].split(b"|")
        sent = self._outstanding[0]
        if len(fields) < 2 or fields[1] != sent.control:
            return False
        self._outstanding.popleft()
        figures = self._figures
        if fields[0] not in (b"AA", b"CA"):
            figures.refused += 1
            return True
        figures.latencies.append(now - sent.at)
        figures.last = time.time()
        figures.first = figures.first or figures.last
        if figures.ledger is not None:
            figures.ledger.write(sent.control.decode("ascii") + "\n")
        return True

    def _fill(self) -> None:
        transport = self._transport
        while transport is not None and self._left > 0 and len(self._outstanding) < self._job.pipeline:
            if self._stop_at and time.perf_counter() >= self._stop_at:
                self._left = 0
                break
            self._left -= 1
            sent = self._next()
            self._outstanding.append(sent)
            transport.write(sent.data)
        if not self._left and not self._outstanding:
            self.finished.set()
            self._close()

    def _next(self) -> _Sent:
        if self._job.skew:
            (turn,) = self._chance.choices(range(len(self._addresses)), cum_weights=self._weights)
        else:
            turn = self._made % len(self._addresses)
        self._made += 1
        self._numbers[turn] += 1
        control = f"{self._stream}-{self._made}"
        body = self._job.make(control, self._stream, self._addresses[turn], self._numbers[turn])
        return _Sent(control.encode("ascii"), frame(body), time.perf_counter())

    def _close(self) -> None:
        if self._transport is not None:
            self._transport.close()


async def _drive(job: Job, figures: Figures, index: int, share: int) -> None:
    """Keep one connection open until its share is answered, or patience ends."""
    connection = _Connection(job, figures, index, share)
    loop = asyncio.get_running_loop()
    since = loop.time()
    while not connection.finished.is_set():
        before = connection.outstanding
        try:
            await loop.create_connection(lambda: connection, job.host, job.port)
        except OSError:
            await asyncio.sleep(0.05)
        else:
            since = loop.time()
            await connection.lost.wait()
            if not connection.finished.is_set():
                figures.reconnects += 1
                await asyncio.sleep(0.05)
        if connection.outstanding != before:
            since = loop.time()
        if loop.time() - since > job.patience:
            # Where no connection was ever made, nothing is outstanding, and yet a message has no answer.
            figures.given_up += max(connection.outstanding, 1)
            return


async def run(job: Job, ledger: TextIO | None = None) -> Figures:
    """Send everything and return the figures."""
    figures = Figures(ledger=ledger)
    each, more = divmod(job.messages, job.connections)
    shares = [each + (index < more) for index in range(job.connections)]
    figures.began = time.perf_counter()
    await asyncio.gather(*(_drive(job, figures, index, share) for index, share in enumerate(shares) if share))
    figures.ended = time.perf_counter()
    return figures


def _arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="python -m bench.load", description=__doc__.split("\n")[0])
    parser.add_argument("--host", default="127.0.0.1")
    parser.add_argument("--port", type=int, required=True)
    parser.add_argument("--connections", type=int, default=1)
    parser.add_argument("--messages", type=int, default=1000, help="how many in all")
    parser.add_argument("--seconds", type=float, default=0.0, help="stop sending after this time")
    parser.add_argument("--pipeline", type=int, default=1, help="messages outstanding per connection")
    parser.add_argument("--kind", choices=("oru", "letter"), default="oru")
    parser.add_argument("--size", type=int, default=0, help="bytes per message (1024, or 1500000)")
    parser.add_argument("--addresses", type=int, default=100, help="how many practices")
    parser.add_argument("--skew", type=float, default=0.0, help="0: all alike; 1: much for few (Zipf)")
    parser.add_argument("--prefix", default=f"B{time.time_ns() // 1_000_000:x}", help="of control ids")
    parser.add_argument("--patience", type=float, default=10.0, help="seconds to go on reconnecting")
    parser.add_argument("--ledger", type=Path, help="write acknowledged control ids here, one a line")
    return parser.parse_args()


def main() -> int:
    """Run from the command line; prints one line of JSON. Status 1 where a message got no answer."""
    given = _arguments()
    make = result_maker(given.size or 1024) if given.kind == "oru" else letter_maker(given.size or 1_500_000)
    messages = given.messages if not given.seconds else sys.maxsize
    job = Job(
        given.host, given.port, given.connections, messages, make, given.seconds,
        given.pipeline, given.addresses, given.prefix, given.patience, given.skew,
    )  # fmt: skip
    if given.ledger is None:
        figures = asyncio.run(run(job))
    else:
        with given.ledger.open("a", encoding="ascii") as ledger:
            figures = asyncio.run(run(job, ledger))
    print(json.dumps(figures.as_json()), flush=True)
    return 1 if figures.given_up else 0


if __name__ == "__main__":
    sys.exit(main())
