"""The practices' side of RabbitMQ: empties mailboxes and counts what was in them.

Uses pika, not the engine's client, so that a mistake of ours cannot hide on both sides. Waits for queues
that do not exist yet and never declares one: a mailbox is made by Gatepost alone.
"""

from __future__ import annotations

import argparse
import signal
import sys
import time
from pathlib import Path
from typing import Any, TextIO

import pika
from pika.exceptions import AMQPConnectionError, ChannelClosedByBroker

from bench.ledger import Arrivals
from bench.messages import addresses
from bench.process import print_line
from bench.wire import header, sequence

__all__ = ["Mailboxes", "main"]

PREFETCH = 50  # messages held unacknowledged per mailbox
YOUNG = 2.0  # seconds that a new queue is left alone
SETTLE = 0.05  # seconds after which what was taken is acknowledged, at the latest


class Mailboxes:
    """Consumes the given queues. `address` of a queue is what stands behind its last full stop."""

    def __init__(self, url: str, queues: list[str], ledger: TextIO | None = None) -> None:
        self.arrivals = Arrivals()
        self.missing = set(queues)
        self.redelivered = 0
        self._deliveries: set[str] = set()
        self.same_delivery = 0
        self._ledger = ledger
        self._parameters = pika.URLParameters(url)
        self._connection = pika.BlockingConnection(self._parameters)
        self._channel: Any = self._connection.channel()
        self._channel.basic_qos(prefetch_count=PREFETCH)
        self._asking: Any = None
        self._first_seen: dict[str, float] = {}
        self._unsettled = 0
        self._newest_tag = 0

    def look_for_queues(self) -> None:
        """Start to consume those queues that have existed for a while: a consumer on a quorum queue that is
        still being made can end the whole connection."""
        now = time.monotonic()
        for queue in sorted(self.missing):
            if queue not in self._first_seen and not self._exists(queue):
                continue
            if now - self._first_seen.setdefault(queue, now) >= YOUNG:
                self._channel.basic_consume(queue, self._take)
                self.missing.discard(queue)

    def _exists(self, queue: str) -> bool:
        """Asked on a connection of its own: while a queue is being made, the broker may answer such a
        question by closing the whole connection."""
        try:
            if self._asking is None or not self._asking.is_open:
                self._asking = pika.BlockingConnection(self._parameters)
            probe = self._asking.channel()
            probe.queue_declare(queue, passive=True)
            probe.close()
        except ChannelClosedByBroker:
            return False
        except AMQPConnectionError:
            self._asking = None
            return False
        return True

    def work(self, seconds: float) -> None:
        """Take what comes for so long, then acknowledge it."""
        self._connection.process_data_events(seconds)
        self._settle()

    def close(self) -> None:
        """Acknowledge what was taken and leave."""
        self._settle()
        self._connection.close()
        if self._asking is not None and self._asking.is_open:
            self._asking.close()

    def as_json(self) -> dict[str, float | int]:
        """The figures."""
        return {
            **self.arrivals.as_json(),
            "redelivered": self.redelivered,
            "same_delivery": self.same_delivery,
            "mailboxes_missing": len(self.missing),
        }

    def _take(self, _channel: object, method: Any, properties: Any, body: bytes) -> None:
        self._newest_tag = method.delivery_tag
        self._unsettled += 1
        if method.redelivered:
            self.redelivered += 1
        delivery = str((properties.headers or {}).get("gatepost-delivery-id", ""))
        if not delivery or delivery in self._deliveries:
            # A repeat, as practices are told to recognise it; an absent header is a fault of ours.
            self.same_delivery += bool(delivery)
            self.arrivals.wrong += not delivery
        self._deliveries.add(delivery)
        stream, address, number = sequence(body)
        fields = header(body)
        control = fields[9].decode("ascii", "replace") if len(fields) > 9 else ""
        if method.routing_key.rpartition(".")[2] != address or fields[5] != address.encode("ascii"):
            self.arrivals.wrong += 1
        if self._ledger is not None:
            self._ledger.write(f"{control}\t{stream}\t{address}\t{number}\n")
        self.arrivals.add(control, stream, address, number, time.time())
        if self._unsettled >= PREFETCH:
            self._settle()

    def _settle(self) -> None:
        if self._unsettled:
            self._channel.basic_ack(self._newest_tag, multiple=True)
            self._unsettled = 0


def _consume(mailboxes: Mailboxes) -> None:
    told: list[int] = []
    signal.signal(signal.SIGTERM, lambda number, _frame: told.append(number))
    signal.signal(signal.SIGINT, lambda number, _frame: told.append(number))
    asked: list[int] = []  # a signal may come in the middle of a print: answered from the loop below
    signal.signal(signal.SIGUSR1, lambda number, _frame: asked.append(number))
    print_line({"ready": 0})
    look_at = 0.0
    while not told:
        if mailboxes.missing and time.monotonic() >= look_at:
            mailboxes.look_for_queues()
            look_at = time.monotonic() + 0.5
        mailboxes.work(SETTLE)
        if asked:
            asked.pop()
            print_line(mailboxes.as_json())
    mailboxes.close()


def main() -> int:
    """Consume until SIGTERM, then print the figures as one line of JSON."""
    parser = argparse.ArgumentParser(prog="python -m bench.mailboxes", description=__doc__.split("\n")[0])
    parser.add_argument("--url", default="amqp://guest:guest@127.0.0.1:5672/")
    parser.add_argument("--queues", type=Path, help="a file with queue names, one a line")
    parser.add_argument("--channel", default="gp", help="otherwise: gatepost.CHANNEL.ADDRESS of the bench")
    parser.add_argument("--addresses", type=int, default=100, help="how many practices")
    parser.add_argument("--ledger", type=Path, help="write every arrival here")
    given = parser.parse_args()
    if given.queues is not None:
        queues = given.queues.read_text(encoding="utf-8").split()
    else:
        queues = [f"gatepost.{given.channel}.{code}" for code in addresses(given.addresses)]
    try:
        if given.ledger is None:
            mailboxes = Mailboxes(given.url, queues)
            _consume(mailboxes)
        else:
            with given.ledger.open("a", encoding="ascii") as ledger:
                mailboxes = Mailboxes(given.url, queues, ledger)
                _consume(mailboxes)
    except AMQPConnectionError as why:
        print(f"the broker cannot be reached or went away: {type(why).__name__}", file=sys.stderr)
        return 1
    print_line(mailboxes.as_json())
    return 0


if __name__ == "__main__":
    sys.exit(main())
