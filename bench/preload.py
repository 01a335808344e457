"""Makes a journal of a million messages within minutes, through the journal's own code, and keeps it.

    python -m bench.preload FOLDER --kind past --messages 1000000

`past`: 30 days of results for 200 practices, nearly all delivered, some of them held, parked, refused,
doubled, in conflict, tried again, or still open. `backlog`: nothing has been delivered yet, to one MLLP
receiver (`--target mllp`) or to the practices' mailboxes. Without fsyncs and sockets; each batch is one
transaction. At the end the counters are held against the rows. Knows nothing of what is measured with it.
"""

from __future__ import annotations

import argparse
import asyncio
import contextlib
import json
import random
import shutil
import sqlite3
import sys
import time
from collections.abc import Iterator, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Literal

from bench.messages import Maker, addresses, result_maker
from bench.past import Sent, arrival_of, fill
from bench.rig import ROOT
from bench.site import Target, write_site
from engine.journal.arrivals import store
from engine.journal.balance import recount, tallies
from engine.journal.changes import Changer
from engine.journal.decisions import Recorder
from engine.journal.entries import Counters, Entries
from engine.journal.ownership import Ownership
from engine.journal.records import Changed, DeliveryRow, DeliveryState, Waiting
from engine.journal.replies import Matcher
from engine.journal.schema import DATABASE, VERSION, format_of, open_writing
from engine.router import to_record
from engine.site.loading import load_site
from engine.site.model import Site
from routes.flow.decide import decide
from routes.flow.decision import Known

__all__ = ["About", "Kind", "preloaded"]

Kind = Literal["past", "backlog"]
ROOM = ROOT / "var" / "preloaded"
ABOUT = "about.json"
FORM = 1  # goes up when other messages are made, or other things become of them
BATCH = 512
DAY = 86_400_000_000
PEOPLE = 100_000
PORT, RECEIVER = 2575, 2675
"""What stands in the site that a journal is made with; who uses it writes a site with ports of its own."""

# What becomes of the copies of past messages: shares of a thousand, and the states that they went through.
FATES: tuple[tuple[int, tuple[tuple[DeliveryState, str], ...]], ...] = (
    (4, (("sending", ""), ("parked", "answered AR"))),
    (3, (("sending", ""), ("delivered", ""), ("refused_by_recipient", "the patient has left"))),
    (20, (("sending", ""), ("waiting", "no answer"), ("sending", ""), ("delivered", ""))),
    (200, (("sending", ""), ("delivered", ""), ("acknowledged", ""))),
    (773, (("sending", ""), ("delivered", ""))),
)
OPEN_OF_A_THOUSAND = 1
"""Of the past's messages, the newest so many are not sent yet."""


@dataclass(frozen=True, slots=True)
class About:
    """What a preloaded journal holds. first, last: when its messages came in, microseconds since 1970."""

    kind: Kind
    target: Target
    messages: int
    practices: int
    seed: int
    first: int
    last: int
    seconds: float


def preloaded(
    kind: Kind,
    *,
    target: Target = "mailboxes",
    messages: int = 1_000_000,
    practices: int = 200,
    seed: int = 1,
    room: Path = ROOM,
) -> tuple[Path, About]:
    """A data folder with such a journal, made where it is not there yet. It is shared: whoever changes it,
    copies it first. One of an older format is brought up to date; one of a later format is made anew."""
    folder = room / f"{kind}-{target}-{messages}-{practices}-{seed}-{FORM}"
    if not (folder / ABOUT).exists() or _too_new(folder):
        shutil.rmtree(folder, ignore_errors=True)
        _make(folder, kind, target, messages, practices, seed)
    open_writing(folder).close()  # an older format is brought up to date, as at any start of the engine
    return folder, About(**json.loads((folder / ABOUT).read_text(encoding="utf-8")))


def _too_new(folder: Path) -> bool:
    """Whether a later version of the program has had it."""
    with contextlib.closing(sqlite3.connect(folder / DATABASE)) as connection:
        return format_of(connection) > VERSION


def _make(folder: Path, kind: Kind, target: Target, messages: int, practices: int, seed: int) -> None:
    begun = time.monotonic()
    folder.mkdir(parents=True)
    broker = "amqp://guest:guest@127.0.0.1:5672/" if target == "mailboxes" else "embedded"
    written = write_site(
        folder / "site", target, port=PORT, receiver=RECEIVER, practices=practices, broker=broker
    )
    site, problems = load_site(written)
    assert site is not None, problems
    asyncio.run(fill(folder, site, []))
    last = time.time_ns() // 1000
    first = last - 30 * DAY
    ownership = Ownership.take(folder)
    try:
        connection = _unsafe(folder)
        settled = messages - messages * OPEN_OF_A_THOUSAND // 1000 if kind == "past" else 0
        loader = _Loader(connection, site, random.Random(seed), settled)
        for batch in _batches(kind, messages, practices, seed, first, last):
            loader.take(batch)
            if not loader.stored % (BATCH * 100):
                _say(f"{loader.stored:,} of {messages:,}, {loader.stored / (time.monotonic() - begun):.0f}/s")
        _say("counting")
        kept, counted = dict(tallies(connection)), dict(recount(connection))
        if kept != {key: count for key, count in counted.items() if count}:
            raise SystemExit("the counters of the preloaded journal are not those of its rows")
        _close(connection)
    finally:
        ownership.release()
    about = About(kind, target, messages, practices, seed, first, last, round(time.monotonic() - begun, 1))
    (folder / ABOUT).write_text(json.dumps(asdict(about)), encoding="utf-8")


def _unsafe(folder: Path) -> sqlite3.Connection:
    """A connection that waits for no disk: what is lost with the machine is made anew."""
    connection = open_writing(folder)
    connection.execute("PRAGMA journal_mode=MEMORY")
    connection.execute("PRAGMA synchronous=OFF")
    connection.execute("PRAGMA secure_delete=OFF")
    connection.execute("PRAGMA cache_size=-300000")
    return connection


def _close(connection: sqlite3.Connection) -> None:
    connection.execute("PRAGMA synchronous=FULL")
    connection.execute("PRAGMA journal_mode=WAL")
    connection.close()


def _batches(
    kind: Kind, messages: int, practices: int, seed: int, first: int, last: int
) -> Iterator[list[Sent]]:
    """Results in turn for every practice, evenly over the time; in a past, one in fifty is out of the way."""
    rnd = random.Random(seed)
    make, codes = result_maker(people=PEOPLE), addresses(practices)
    step = (last - first) / messages
    batch: list[Sent] = []
    before = b""
    for number in range(messages):
        body = _result(make, codes, number)
        if kind == "past":
            body = _odd(rnd.randrange(1000), body, before)
        before = body
        batch.append(Sent("lab", body, int(first + number * step)))
        if len(batch) == BATCH:
            yield batch
            batch = []
    if batch:
        yield batch


def _result(make: Maker, codes: Sequence[str], number: int) -> bytes:
    return make(f"P-{number + 1}", "P", codes[number % len(codes)], number // len(codes) + 1)


def _odd(lot: int, body: bytes, before: bytes) -> bytes:
    """Of a thousand: ten tests, which are held; ten repeats; five with an old id and other content."""
    if lot < 10:
        return body.replace(b"|P|2.3\r", b"|T|2.3\r", 1)
    if before and lot < 20:
        return before
    if before and lot < 25:
        return before.replace(b"|138|g/L|", b"|139|g/L|", 1)
    return body


class _Loader:
    """Stores, decides and records batches, each in one transaction; settles the first so many messages."""

    def __init__(self, connection: sqlite3.Connection, site: Site, rnd: random.Random, settled: int) -> None:
        self.stored = 0
        self._connection = connection
        self._entries = Entries(Counters(connection))
        self._site = site
        self._rnd = rnd
        self._settled = settled
        self._fates = [fate for share, fate in FATES for _ in range(share)]

    def take(self, batch: Sequence[Sent]) -> None:
        connection, entries = self._connection, self._entries
        connection.execute("BEGIN IMMEDIATE")
        stored = store(connection, entries, [arrival_of(message) for message in batch])
        entries.write(connection)
        decided = []
        for message, kept in zip(batch, stored, strict=True):
            if kept.kind in ("new", "conflict"):
                waiting = Waiting(kept.id, message.feed, message.received, message.body)
                decision = decide(self._site.plan, message.feed, message.body, Known(message.received))
                decided.append(to_record(decision, waiting, self._site.hash, message.received + 2000))
        matcher = Matcher(connection, entries, Changer(connection, entries))
        rows = Recorder(connection, entries, matcher).record(decided)
        entries.write(connection)
        if self.stored < self._settled:
            self._settle([row for some in rows for row in some])
        connection.execute("COMMIT")
        self.stored += len(batch)

    def _settle(self, rows: Sequence[DeliveryRow]) -> None:
        changer = Changer(self._connection, self._entries)
        changes = []
        for row in rows:
            attempts = 0
            for number, (state, reason) in enumerate(self._rnd.choice(self._fates)):
                at = row.created + 3000 + 9000 * number
                changes.append(Changed(row.id, state, at, attempts, 0, reason))
                attempts += state == "sending"
        changer.change(changes)
        changer.finish()
        self._entries.write(self._connection)


def _say(what: str) -> None:
    print(f"  … {what}", file=sys.stderr, flush=True)


def main() -> int:
    """Make one from the command line, and say where it lies."""
    parser = argparse.ArgumentParser(prog="python -m bench.preload", description=__doc__.split("\n")[0])
    parser.add_argument("--kind", choices=("past", "backlog"), default="past")
    parser.add_argument("--target", choices=("mailboxes", "mllp"), default="mailboxes")
    parser.add_argument("--messages", type=int, default=1_000_000)
    parser.add_argument("--practices", type=int, default=200)
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--room", type=Path, default=ROOM, help="where preloaded journals are kept")
    given = parser.parse_args()
    folder, about = preloaded(
        given.kind, target=given.target, messages=given.messages, practices=given.practices, seed=given.seed,
        room=given.room,
    )  # fmt: skip
    print(f"{folder}: {about.messages:,} messages, made in {about.seconds:.0f} s")
    return 0


if __name__ == "__main__":
    sys.exit(main())
