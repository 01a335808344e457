"""R9, R10, R12: the disk is full, says that it failed, or lies."""

from __future__ import annotations

import asyncio
import contextlib
import os
import shutil
import subprocess
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from bench.engine import EngineFailed
from bench.evidence import journal_rows
from bench.faults.result import Row
from bench.faults.stage import Options, Stage

__all__ = ["bits_flipped", "disk_fails", "disk_full"]

UNDERWAY = 1.0  # seconds in which an acknowledgement may arrive that was on its way when the disk failed
BROKEN = 70  # the exit status after a failure that a fresh start may mend


async def disk_full(options: Options) -> list[Row]:
    """R9: no room for the journal. Nothing is acknowledged; work goes on unaided when there is room."""
    row = Row("R9", "disk of the journal full", options.seed)
    with tempfile.TemporaryDirectory(prefix="gatepost-disk-") as place, _small_disk(Path(place)) as mounted:
        if not mounted:
            row.skipped = "a small file system cannot be mounted here (root is needed, outside a container)"
            return [row]
        async with Stage(options, row, data=Path(place) / "data", disk_free="1kB") as stage:
            ballast = Path(place) / "ballast"
            for _ in range(options.few(5, 1)):
                await stage.more(20)
                await asyncio.to_thread(_fill, ballast)
                row.n += 1
                blow = time.monotonic()
                while await stage.healthy():
                    if time.monotonic() > blow + 30:
                        row.failures.append("status says that all is well, with the disk full")
                        break
                    await asyncio.sleep(0.02)
                await asyncio.sleep(0.5)
                ballast.unlink()
                given = time.monotonic()
                await stage.recovered(given)
            await stage.finish()
    return [row]


@contextmanager
def _small_disk(folder: Path) -> Iterator[bool]:
    """A file system of 24 MB; False where it cannot be had."""
    mount = ["mount", "-t", "tmpfs", "-o", "size=24m", "tmpfs", str(folder)]
    if os.geteuid() != 0 or subprocess.run(mount, capture_output=True, check=False).returncode:
        yield False
        return
    try:
        yield True
    finally:
        subprocess.run(["umount", "--lazy", str(folder)], check=True)


def _fill(path: Path) -> None:
    with path.open("wb", buffering=0) as file, contextlib.suppress(OSError):
        while True:
            file.write(b"x" * 16384)


async def disk_fails(options: Options) -> list[Row]:
    """R10: the k-th fdatasync, or write, returns EIO, once or from then on, for k = 1 to N: at a start as
    well as under load."""
    strace = shutil.which("strace")
    calls = (("fdatasync", "EIO"), ("pwrite64", "EIO"))
    rows = []
    for call, error in calls[:1] if options.short else calls:
        for lasting in (False,) if options.short else (False, True):
            words = f"{call} gives {error}, {'for ever' if lasting else 'once'}"
            row = Row("R10", words, options.seed)
            rows.append(row)
            if strace is None:
                row.skipped = "strace is not installed (apt-get install strace)"
                continue
            await _fail(options, row, strace, call, error, lasting=lasting)
    return rows


async def _fail(options: Options, row: Row, strace: str, call: str, error: str, *, lasting: bool) -> None:
    async with Stage(options, row, streams=2) as stage:
        trace = stage.folder / "trace"
        tracer = [strace, "-f", "-y", "--seccomp-bpf", "-o", str(trace), "-e", f"trace={call}", "-e"]
        await stage.more(5)
        refused = 0  # starts that failed, and said so
        whole = range(1, options.count(40, 2) + 1)
        # Threads of one process have counters of their own: the first that comes so far is struck.
        for when in [stage.chance.randint(10, 120) for _ in whole] if options.short else whole:
            await asyncio.to_thread(stage.engine.stop)
            stage.engine.before = [
                *tracer,
                f"inject={call}:error={error}:when={when}{'+' if lasting else ''}",
            ]
            try:
                await stage.start()
                await _ends_by_itself(stage, row, trace, f"{call} {when}")
            except EngineFailed:
                refused += 1
            row.n += 1
            stage.engine.before = []
            blow = time.monotonic()
            await stage.start()
            await stage.recovered(blow)
        await stage.finish()
        row.notes.append(f"{refused} times it did not start, and said so")
        if refused < row.n:
            row.expect(stage.said('"journal.broken"'), "the log does not say that the disk failed")


async def _ends_by_itself(stage: Stage, row: Row, trace: Path, which: str) -> None:
    """From the moment at which the call has failed nothing more may be acknowledged, and the engine ends.

    Who only looks at its end is deceived: a later failure, in another thread, ends it too."""
    blow = float("inf")

    def struck() -> bool:
        return b"(INJECTED)" in trace.read_bytes() or not stage.engine.running

    try:
        await stage.until(struck, f"{which} is reached", 30)
        if _only_the_folder(trace):
            row.notes.append(f"{which} was the sync of a folder by SQLite, which goes on after that failed")
            await asyncio.to_thread(stage.engine.kill)
            return
        blow = time.monotonic() + UNDERWAY
        await stage.until(lambda: not stage.engine.running, f"{which} ends it", 20)
        status = stage.engine.process.wait()
        row.expect(status == BROKEN, f"{which}: the exit status was {status}, not {BROKEN}")
    except TimeoutError as never:
        row.failures.append(str(never))
        await asyncio.to_thread(stage.engine.kill)
    late = sum(1 for promise in stage.senders.promises if promise.at > blow)
    row.expect(not late, f"{which} failed, and {late} messages were acknowledged after that")


def _only_the_folder(trace: Path) -> bool:
    """Whether no file was struck: SQLite syncs the folder of a new log, and goes on where that fails."""
    struck = [line for line in trace.read_bytes().splitlines() if b"(INJECTED)" in line]
    return bool(struck) and not any(b"journal.db" in line for line in struck)


async def bits_flipped(options: Options) -> list[Row]:
    """R12: one byte of the stopped journal is changed. It must be noticed; nothing wrong may go out."""
    return [await _flip(options, place) for place in ("a waiting body", "the log (WAL)")]


async def _flip(options: Options, place: str) -> Row:
    """Messages wait for practices that are away while the engine is killed and a byte is changed."""
    row = Row("R12", f"a byte flipped in {place}", options.seed)
    for turn in range(options.few(10, 1)):
        one = Row("R12", f"{row.what} {turn}", options.seed)
        async with Stage(options, one, streams=2) as stage:
            for practice in stage.practices.values():
                practice.close()
            await stage.more(60)
            stage.senders.stopping = True
            if place == "a waiting body":
                await asyncio.to_thread(stage.engine.stop)
                hurt = _wound_body(stage)
            else:
                await asyncio.to_thread(stage.engine.kill)
                hurt = _wound_log(stage)
            row.n += 1
            try:
                await stage.start()
            except EngineFailed:
                row.notes.append("it did not start, and said why")
                row.expect("journal" in stage.engine.log_end(), "the log does not speak of the journal")
                continue
            for practice in stage.practices.values():
                await practice.open()
            await stage.finish(patience=30)
            row.acked += one.acked
            row.parked += one.parked
            row.held += one.held
            row.lost += one.lost
            if place == "a waiting body":
                row.expect(
                    stage.said('"journal.spoilt"'), "the log does not say that stored bytes have changed"
                )
                row.expect(one.parked == 1, f"{one.parked} copies are parked, not the one")
            silent = hurt in stage.arrivals.seen or (one.lost and not stage.said('"journal.'))
            row.expect(not silent, f"a flipped byte in {place} was not noticed")
    return row


def _wound_body(stage: Stage) -> str:
    """Change one letter of the bytes that a waiting copy will send; its control id."""
    with journal_rows(stage.folder / "data") as connection:
        id_, body, control = connection.execute(
            "SELECT b.id, b.bytes, m.control_id FROM delivery d JOIN message m ON m.id=d.message"
            " JOIN body b ON b.id=coalesce(d.body, m.body) WHERE d.closed IS NULL ORDER BY d.id DESC"
            " LIMIT 1 OFFSET 5"
        ).fetchone()
    path = stage.folder / "data" / "journal.db"
    content = bytearray(path.read_bytes())
    at = content.find(bytes(body)[:400])
    if at < 0:
        raise ValueError(f"body {id_} does not stand in one piece in the database file")
    content[content.find(b"Haemoglobin", at)] ^= 0x01
    path.write_bytes(content)
    return str(control)


def _wound_log(stage: Stage) -> str:
    """Change one byte in the middle of the log, where committed work stands on both sides."""
    path = stage.folder / "data" / "journal.db-wal"
    content = bytearray(path.read_bytes())
    content[len(content) // 2] ^= 0x01
    path.write_bytes(content)
    return ""
