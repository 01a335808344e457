"""R4, R7, R8: the broker dies, sounds an alarm, loses a queue or has a full one."""

from __future__ import annotations

import asyncio
import time

from bench.evidence import journal_rows
from bench.faults.result import Row
from bench.faults.site import Target
from bench.faults.stage import Options, Stage
from bench.ledger import Arrivals
from bench.site import CHANNEL
from bench.wire import header, sequence

__all__ = ["alarms", "killed", "mailboxes_deleted", "mailboxes_full", "queues_deleted"]


_CONFIRMED = 300_000  # microseconds in which the engine has noted what was confirmed before a deletion


async def killed(options: Options) -> list[Row]:
    """R4: every broker that there is (one) is killed and started again."""
    rows = []
    targets: tuple[Target, ...] = ("tickets",) if options.short else ("tickets", "mailboxes")
    for target in targets:
        row = Row("R4", f"broker killed, {target}", options.seed)
        async with Stage(options, row, target=target) as stage:
            assert stage.broker is not None
            for _ in range(options.few(10, 1)):
                await asyncio.sleep(stage.chance.uniform(0.2, 1.5))
                await asyncio.to_thread(stage.broker.kill)
                blow = time.monotonic()
                row.n += 1
                await stage.recovered(blow)
                await asyncio.sleep(stage.chance.uniform(0.0, 1.0))
                await asyncio.to_thread(stage.broker.start)
            await stage.more(50)
            await stage.finish()
            gaps = [
                b.at - a.at for a, b in zip(stage.senders.promises, stage.senders.promises[1:], strict=False)
            ]
            row.figure = f"longest time without an acknowledgement {max(gaps) * 1000:.0f} ms"
            row.notes.append(row.figure)
        rows.append(row)
    return rows


async def alarms(options: Options) -> list[Row]:
    """R7: a disk alarm on the broker blocks all publishing; intake goes on, and the engine says so."""
    row = Row("R7", "broker's disk alarm", options.seed)
    async with Stage(options, row, target="tickets") as stage:
        assert stage.broker is not None
        for _ in range(options.few(3, 1)):
            await asyncio.to_thread(stage.broker.control, "set_disk_free_limit", "1000000GB")
            blow = time.monotonic()
            row.n += 1
            while "blocked" not in (condition := await stage.broker_condition()):
                if time.monotonic() > blow + 30:
                    row.failures.append(f"30 s after the alarm, status says {condition!r}")
                    break
                await asyncio.sleep(0.1)
            row.figure = f"status says so after {time.monotonic() - blow:.1f} s"
            row.notes.append(row.figure)
            await stage.more(50)
            await asyncio.to_thread(stage.broker.control, "set_disk_free_limit", "200MB")
            await stage.more(20)
        await stage.finish()
        row.expect(stage.said('"broker.blocked"'), "the log does not say that the broker blocks")
    return [row]


async def queues_deleted(options: Options) -> list[Row]:
    """R8: queues vanish under load, or are full."""
    rows = [await _tickets_deleted(options)]
    rows.append(await mailboxes_deleted(options))
    rows.append(await mailboxes_full(options))
    return rows


async def _tickets_deleted(options: Options) -> Row:
    """What vanishes is a ticket: the journal has the message, and nothing may be missing in the end."""
    row = Row("R8", "queue of tickets deleted", options.seed)
    async with Stage(options, row, target="tickets") as stage:
        assert stage.broker is not None
        for _ in range(options.count(20, 2)):
            await asyncio.sleep(stage.chance.uniform(0.3, 1.0))
            queue = f"gatepost.{CHANNEL}.{stage.chance.choice(stage.codes)}"
            await asyncio.to_thread(_delete, stage, queue)
            row.n += 1
        await stage.more(50)
        await stage.finish()
    return row


async def mailboxes_deleted(options: Options) -> Row:
    """What stood in a deleted mailbox has gone with it, by somebody's hand. Nothing else may be missing: what
    is published to a queue that is not there comes back, and goes into the new one."""
    row = Row("R8", "mailbox deleted", options.seed)
    async with Stage(options, row, target="mailboxes") as stage:
        deletions: list[tuple[str, int]] = []  # which, and until when (microseconds since 1970)
        for _ in range(options.count(20, 3)):
            await stage.more(stage.chance.randint(20, 60))
            queue = f"gatepost.{CHANNEL}.{stage.chance.choice(stage.codes)}"
            await asyncio.to_thread(_take_all, stage, queue, stage.arrivals)
            await asyncio.to_thread(_delete, stage, queue)
            deletions.append((queue.rpartition(".")[2], time.time_ns() // 1000 + _CONFIRMED))
            row.n += 1
        await stage.more(50)
        await stage.finish()
        with journal_rows(stage.folder / "data") as journal:
            delivered = journal.execute(
                "SELECT m.control_id, d.address, d.closed FROM delivery d JOIN message m ON m.id=d.message"
                " WHERE d.state='delivered'"
            ).fetchall()
    missing = {row_ for row_ in delivered if row_[0] not in stage.arrivals.seen}
    destroyed = {m for m in missing if any(m[1] == whose and m[2] <= until for whose, until in deletions)}
    row.notes.append(f"{len(destroyed)} were in mailboxes when these were deleted, and went with them")
    row.lost = max(0, row.lost - len(destroyed))
    row.expect(stage.said("the queue was deleted; it is made anew"), "the log does not say that a queue went")
    return row


async def mailboxes_full(options: Options) -> Row:
    """A mailbox has reached a length that a policy of the broker sets: the newest wait, the oldest stay."""
    row = Row("R8", "mailbox over its length", options.seed)
    async with Stage(options, row, target="mailboxes") as stage:
        assert stage.broker is not None
        for _ in range(options.few(3, 1)):
            await asyncio.to_thread(
                stage.broker.control, "set_policy", "short", "^gatepost\\.gp\\.", '{"max-length":20}',
                "--apply-to", "queues",
            )  # fmt: skip
            row.n += 1
            try:
                await stage.until(
                    lambda: stage.said("is it full?"), "the engine says that a queue is full", 20
                )
            except TimeoutError as silent:
                row.failures.append(str(silent))
            await stage.more(100)
            await asyncio.to_thread(stage.broker.control, "clear_policy", "short")
            # What stood in it comes first: a practice takes it out, and all that waited must follow.
            for code in stage.codes:
                await asyncio.to_thread(_take_all, stage, f"gatepost.{CHANNEL}.{code}", stage.arrivals)
            await stage.more(20)
        await stage.finish(patience=60)
    return row


def _delete(stage: Stage, queue: str) -> int:
    """Delete a queue; how many messages went with it."""
    assert stage.broker is not None
    connection = stage.broker.connect()
    try:
        deleted = connection.channel().queue_delete(queue)
        return int(deleted.method.message_count)
    finally:
        connection.close()


def _take_all(stage: Stage, queue: str, arrivals: Arrivals) -> None:
    """What the practice had fetched before its mailbox went."""
    assert stage.broker is not None
    if stage.broker.depth(queue) < 0:
        return  # it is not made anew yet
    for properties, body in stage.broker.empty(queue):
        control = header(body)[9].decode()
        arrivals.add(control, *sequence(body), time.time())
        if (properties.headers or {}).get("gatepost-possible-duplicate"):
            stage.marked.add(control)
