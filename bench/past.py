"""Fills a journal with decided messages as the engine would, without sockets: stored, decided, recorded.

For benchmarks and tests of what reads the past. The messages go through the journal's own writer and through
the router's own words for a decision, so that the rows are those of real traffic.
"""

from __future__ import annotations

import asyncio
import hashlib
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

from engine.earlier import Earlier, complete
from engine.journal.contract import Trouble
from engine.journal.earlier import known_text
from engine.journal.records import Arrival, Stored, Verdict, Waiting
from engine.journal.sqlite import SqliteJournal
from engine.router import to_record
from engine.site.model import Site
from routes.flow.decide import decide
from routes.flow.decision import Decision, Known
from routes.hl7.header import read_header

__all__ = ["Sent", "arrival_of", "fill"]

BATCH = 256
BATCH_BYTES = 8 * 1024 * 1024


@dataclass(frozen=True, slots=True)
class Sent:
    """One message as a hospital sent it; received in microseconds since 1970. envelope: of its batch."""

    feed: str
    body: bytes
    received: int
    envelope: bytes = b""


async def fill(folder: Path, site: Site, messages: Iterable[Sent], *, keep: bool = True) -> list[Stored]:
    """Store, decide and record; the journal in `folder` is closed again afterwards.

    keep: whether the site's configuration is kept, as the engine does when it starts.
    """
    journal = SqliteJournal.open(folder, loop=asyncio.get_running_loop())
    try:
        if keep:
            await journal.keep_config(site.hash, site.sources)
        stored: list[Stored] = []
        for batch in _batches(messages):
            stored += await _take(journal, site, batch)
        return stored
    finally:
        await journal.close()


def _batches(messages: Iterable[Sent]) -> Iterator[list[Sent]]:
    batch: list[Sent] = []
    size = 0
    for message in messages:
        batch.append(message)
        size += len(message.body)
        if len(batch) == BATCH or size > BATCH_BYTES:
            yield batch
            batch, size = [], 0
    if batch:
        yield batch


async def _take(journal: SqliteJournal, site: Site, batch: Sequence[Sent]) -> list[Stored]:
    done: asyncio.Future[None] = asyncio.get_running_loop().create_future()
    stored: list[Stored] = []

    def told(result: Stored | Trouble) -> None:
        if not isinstance(result, Stored):
            done.set_exception(result)
            return
        stored.append(result)
        if len(stored) == len(batch):
            done.set_result(None)

    for message in batch:
        journal.append(arrival_of(message), told)
    await done
    waiting = [
        Waiting(kept.id, message.feed, message.received, message.body, message.envelope)
        for message, kept in zip(batch, stored, strict=True)
        if kept.kind in ("new", "conflict")
    ]
    decisions = [_decide(site, one) for one in waiting]
    earlier = await complete(
        [one.id for one in waiting],
        decisions,
        journal.earlier_copies,
        lambda place, earlier: _decide(site, waiting[place], earlier),
    )
    await journal.record(
        [
            to_record(decision, one, site.hash, one.received + 1000, known=known_text(earlier.get(place, {})))
            for place, (one, decision) in enumerate(zip(waiting, decisions, strict=True))
        ]
    )
    return stored


def _decide(site: Site, waiting: Waiting, earlier: Earlier | None = None) -> Decision:
    known = Known(waiting.received, waiting.envelope, earlier_of=earlier or {})
    return decide(site.plan, waiting.feed, waiting.body, known)


def arrival_of(message: Sent) -> Arrival:
    """The message as intake would hand it to the journal."""
    head = read_header(message.body, segment_ends="any")
    return Arrival(
        message.feed,
        message.received,
        message.body,
        hashlib.sha256(message.body).digest(),
        sender=head.sender_key,
        control_id=head.control_id.decode("latin-1"),
        type=head.type_text,
        version=head.version.decode("latin-1"),
        peer="127.0.0.1:40000",
        envelope=message.envelope,
        verdict=Verdict("ok"),
    )
