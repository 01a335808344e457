"""What the journal's tests share: invented arrivals and decisions, and waiting for what was appended."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from hashlib import sha256
from pathlib import Path

from engine.journal.contract import JournalBroken, JournalFull, Trouble
from engine.journal.reading import JournalReader
from engine.journal.records import (
    Arrival,
    Changed,
    Decided,
    DeliveryRow,
    DeliveryState,
    NewDelivery,
    RoutePart,
    Stored,
    Verdict,
)
from engine.journal.sqlite import SqliteJournal

OK = Verdict("ok")
START = 1_767_600_000_000_000  # 2026-01-05T08:00Z
DEADLINE = 20.0


def message(number: int, text: str = "") -> bytes:
    """An invented result with its own control id."""
    return b"MSH|^~\\&|LAB|NORTHFIELD|GP|Y06601|20260105||ORU^R01|%d|P|2.4\rNTE|1||%s\r" % (
        number,
        text.encode(),
    )


def arrival(
    number: int,
    text: str = "",
    *,
    feed: str = "northfield_lims",
    at: int = START,
    verdict: Verdict | None = OK,
    window: int = 7 * 86_400_000_000,
    refused: str = "",
    hold: str = "",
    type_: str = "ORU^R01",
) -> Arrival:
    """A message with control id `number`; equal texts give equal bytes."""
    body = message(number, text)
    return Arrival(
        feed=feed,
        received=at,
        body=body,
        sha256=sha256(body).digest(),
        sender=b"LAB\rNORTHFIELD\r%d" % number,
        control_id=str(number),
        type=type_,
        version="2.4",
        peer="10.1.2.3:40000",
        refused=refused,
        hold=hold,
        verdict=verdict,
        window=window,
    )


def decided(message_id: int, *copies: NewDelivery, route: str = "gp_results", at: int = START) -> Decided:
    """A decision that sends these copies, or else sends nothing and is content."""
    outcome = RoutePart(route, "sent" if copies else "nothing_more")
    return Decided(message_id, "c0ffee", at, parts=(outcome,), deliveries=copies)


def copy(channel: str = "gp_mllp", address: str = "Y06601", body: bytes | None = None) -> NewDelivery:
    """A copy to be made."""
    return NewDelivery("gp_results", channel, address, body, b"1")


def changed(
    row: DeliveryRow | int, state: DeliveryState, attempts: int = 1, at: int = START, next_try: int = 0
) -> Changed:
    """A change of a delivery's state."""
    return Changed(row if isinstance(row, int) else row.id, state, at, attempts, next_try)


def open_journal(
    folder: Path, troubles: list[tuple[str, str]] | None = None, *, accept_damage: bool = False
) -> SqliteJournal:
    """The journal in `folder`, on the running loop; troubles are noted in the list."""
    noted = [] if troubles is None else troubles
    return SqliteJournal.open(
        folder,
        loop=asyncio.get_running_loop(),
        on_trouble=lambda kind, words: noted.append((kind, words)),
        accept_damage=accept_damage,
    )


async def append_all(journal: SqliteJournal, *arrivals: Arrival) -> list[Stored | Trouble]:
    """Append these in one go; what became of each, in order."""
    loop = asyncio.get_running_loop()
    all_done: asyncio.Future[None] = loop.create_future()
    results: list[Stored | Trouble] = []

    def done(result: Stored | Trouble) -> None:
        results.append(result)
        if len(results) == len(arrivals):
            all_done.set_result(None)

    for one in arrivals:
        journal.append(one, done)
    await asyncio.wait_for(all_done, DEADLINE)
    return results


async def store(journal: SqliteJournal, *arrivals: Arrival) -> list[Stored]:
    """As `append_all`, where all must succeed."""
    results = await append_all(journal, *arrivals)
    stored = [result for result in results if isinstance(result, Stored)]
    assert len(stored) == len(results), results
    return stored


async def deliver(journal: SqliteJournal, message_id: int, *copies: NewDelivery) -> Sequence[DeliveryRow]:
    """Record a decision with these copies; the new rows."""
    (rows,) = await journal.record([decided(message_id, *copies)])
    return rows


def counters_agree(folder: Path) -> bool:
    """The incrementally kept counters equal a recount of the rows, and the sums balance."""
    with JournalReader(folder) as reader:
        kept = {key: count for key, count in reader.tallies().items() if key[1] != "probes"}
        assert kept == dict(reader.recount())
        return reader.balance().balanced


__all__ = [
    "DEADLINE", "OK", "START", "JournalBroken", "JournalFull", "append_all", "arrival", "changed", "copy",
    "counters_agree", "decided", "deliver", "message", "open_journal", "store",
]  # fmt: skip
