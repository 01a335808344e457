"""What a finished run left behind: in the journal, and in mailboxes on the broker.

Reads the journal by SQL of its own, so that a bug in the engine's reading cannot hide one in its writing.
"""

from __future__ import annotations

import asyncio
import sqlite3
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import pika

from bench.engine import EngineProcess
from bench.ledger import Arrivals
from bench.site import CHANNEL
from bench.wire import header, sequence
from engine.journal.reading import JournalReader

__all__ = ["Evidence", "drain_mailboxes", "journal_rows", "read_evidence", "until_drained"]


@dataclass(frozen=True, slots=True)
class Evidence:
    """Control ids, by what the journal says of them. `known`: accepted, whatever became of it; `by_hand`:
    released, sent again or sent elsewhere by a person; `discarded`: every copy was; `unbalanced`:
    the sums of I2 that do not hold."""

    known: frozenset[str]
    held: frozenset[str]
    parked: frozenset[str]
    delivered: frozenset[str]
    in_doubt: frozenset[str]
    conflicts: frozenset[str]
    by_hand: frozenset[str]
    discarded: frozenset[str]
    duplicates: int
    unbalanced: list[str]


@contextmanager
def journal_rows(data: Path) -> Iterator[sqlite3.Connection]:
    """The journal of a stopped engine, to be read."""
    connection = sqlite3.connect(f"{(data / 'journal.db').resolve().as_uri()}?mode=ro", uri=True)
    try:
        yield connection
    finally:
        connection.close()


def read_evidence(data: Path) -> Evidence:
    """All that a check needs."""
    with journal_rows(data) as connection:

        def ids(question: str) -> frozenset[str]:
            rows = connection.execute(question).fetchall()
            return frozenset(
                id_ if isinstance(id_, str) else bytes(id_).decode("ascii", "replace") for (id_,) in rows
            )

        of_delivery = "SELECT m.control_id FROM delivery d JOIN message m ON m.id=d.message WHERE "
        found = {
            "known": ids("SELECT control_id FROM message WHERE kind<>'refused'"),
            "held": ids(
                "SELECT m.control_id FROM held h JOIN message m ON m.id=h.message WHERE h.state='held'"
            ),
            "parked": ids(of_delivery + "d.state IN ('parked', 'refused_by_recipient')"),
            "delivered": ids(of_delivery + "d.state IN ('delivered', 'acknowledged')"),
            "in_doubt": ids(of_delivery + "d.in_doubt"),
            "by_hand": ids(of_delivery + "(d.kind NOT IN ('', 'fallback') OR d.again>0)"),
            "discarded": ids(
                "SELECT m.control_id FROM message m JOIN delivery d ON d.message=m.id"
                " GROUP BY m.id HAVING min(d.state='discarded')"
            ),
            "conflicts": ids("SELECT control_id FROM message WHERE kind='conflict'"),
        }
        duplicates = connection.execute("SELECT count(*) FROM message WHERE kind='duplicate'").fetchone()[0]
    with JournalReader(data) as journal:
        unbalanced = journal.balance().unbalanced
    return Evidence(**found, duplicates=duplicates, unbalanced=unbalanced)


async def until_drained(engine: EngineProcess, patience: float = 120.0) -> None:
    """Wait until nothing is on its way any more. Raises TimeoutError saying how much still is."""
    deadline = time.monotonic() + patience
    while True:
        told = await asyncio.to_thread(engine.ask)
        open_states = ("waiting", "queued", "sending")
        left = told["backlog"]
        left += sum(counts.get(state, 0) for counts in told["channels"].values() for state in open_states)
        left += sum(feed.get("waiting", 0) for feed in told["feeds"].values())
        if not left:
            return
        if time.monotonic() > deadline:
            raise TimeoutError(f"{left} messages or deliveries still wait after {patience:.0f} s")
        await asyncio.sleep(0.1)


def drain_mailboxes(url: str, practices: Sequence[str], arrivals: Arrivals, marked: set[str]) -> None:
    """Take everything out of the practices' mailboxes; control ids that say they may be second copies go
    into `marked`. A practice without a mailbox has got nothing."""
    connection = pika.BlockingConnection(pika.URLParameters(url))
    channel = connection.channel()
    for practice in practices:
        try:
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
        except pika.exceptions.ChannelClosedByBroker:
            channel = connection.channel()
    connection.close()
