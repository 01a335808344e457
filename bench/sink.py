"""An MLLP receiver that answers AA and counts: how many, which twice, which out of order.

Stands for a GP system. Prints its figures on SIGUSR1 and at the end; with `--ledger` it writes every
arrival down before it answers, so that a run can be checked message by message afterwards.
"""

from __future__ import annotations

import argparse
import asyncio
import sys
import time
from pathlib import Path
from typing import TextIO

from bench.ledger import Arrivals
from bench.process import announce, figures_on_request, print_line, until_told
from bench.wire import Reply, answer, header, sequence, serve

__all__ = ["Sink", "main"]


class Sink:
    """Counts and answers. `delay` in seconds before each answer; `addressed` has MSH-6 compared with ZSQ-2,
    which shows that the route's changes were made."""

    def __init__(self, ledger: TextIO | None = None, delay: float = 0.0, *, addressed: bool = False) -> None:
        self.arrivals = Arrivals()
        self._ledger = ledger
        self._delay = delay
        self._addressed = addressed

    def receive(self, body: bytes, reply: Reply) -> None:
        """Write down, count, answer."""
        stream, address, number = sequence(body)
        fields = header(body)
        control = fields[9].decode("ascii", "replace") if len(fields) > 9 else ""
        if self._addressed and (len(fields) < 6 or fields[5] != address.encode("ascii")):
            self.arrivals.wrong += 1
        if self._ledger is not None:
            self._ledger.write(f"{control}\t{stream}\t{address}\t{number}\n")
        self.arrivals.add(control, stream, address, number, time.time())
        if self._delay:
            asyncio.get_running_loop().call_later(self._delay, reply, answer(body))
        else:
            reply(answer(body))


async def _run(port: int, sink: Sink) -> None:
    server, _ = await serve(sink.receive, port)
    figures_on_request(sink.arrivals.as_json)
    announce(server)
    await until_told()
    server.close()


def main() -> int:
    """Receive until SIGTERM, then print the figures as one line of JSON."""
    parser = argparse.ArgumentParser(prog="python -m bench.sink", description=__doc__.split("\n")[0])
    parser.add_argument("--port", type=int, default=0, help="0 (the default) takes a free one and prints it")
    parser.add_argument("--delay", type=float, default=0.0, help="seconds before each answer")
    parser.add_argument("--addressed", action="store_true", help="MSH-6 must be the practice of ZSQ-2")
    parser.add_argument("--ledger", type=Path, help="write every arrival here")
    given = parser.parse_args()
    if given.ledger is None:
        sink = Sink(None, given.delay, addressed=given.addressed)
        asyncio.run(_run(given.port, sink))
    else:
        with given.ledger.open("a", encoding="ascii") as ledger:
            sink = Sink(ledger, given.delay, addressed=given.addressed)
            asyncio.run(_run(given.port, sink))
    print_line(sink.arrivals.as_json())
    return 0


if __name__ == "__main__":
    sys.exit(main())
