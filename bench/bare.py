"""A bare durable listener: group commit, sync to disk, acknowledge, and nothing else.

The most that any engine could reach on this disk which keeps the same promise. `--store file` appends to
one file and calls fdatasync; `--store sqlite` inserts rows with `synchronous=FULL` in WAL mode.
"""

from __future__ import annotations

import argparse
import asyncio
import os
import queue
import sqlite3
import sys
import threading
from collections.abc import Callable
from pathlib import Path

from bench.process import announce, until_told
from bench.wire import Reply, answer, serve

__all__ = ["main"]

Store = Callable[[list[bytes]], None]
Entry = tuple[bytes, Reply]


def _file_store(path: Path) -> Store:
    handle = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_APPEND, 0o600)

    def store(bodies: list[bytes]) -> None:
        os.write(handle, b"".join(bodies))
        os.fdatasync(handle)

    return store


def _sqlite_store(path: Path) -> Store:
    journal = sqlite3.connect(path, isolation_level=None, check_same_thread=False)
    journal.execute("PRAGMA journal_mode = WAL")
    journal.execute("PRAGMA synchronous = FULL")
    journal.execute("CREATE TABLE IF NOT EXISTS body (id INTEGER PRIMARY KEY, bytes BLOB)")

    def store(bodies: list[bytes]) -> None:
        journal.execute("BEGIN IMMEDIATE")
        journal.executemany("INSERT INTO body (bytes) VALUES (?)", [(body,) for body in bodies])
        journal.execute("COMMIT")

    return store


def _reply_all(batch: list[Entry]) -> None:
    for body, reply in batch:
        reply(answer(body))


def _commit_for_ever(
    loop: asyncio.AbstractEventLoop, arrived: queue.SimpleQueue[Entry | None], store: Store
) -> None:
    """Take whatever has arrived, make it durable in one commit, then have it acknowledged."""
    while True:
        batch: list[Entry] = []
        entry = arrived.get()
        while entry is not None:
            batch.append(entry)
            try:
                entry = arrived.get_nowait()
            except queue.Empty:
                break
        else:
            return
        store([body for body, _ in batch])
        loop.call_soon_threadsafe(_reply_all, batch)


async def _run(port: int, store: Store) -> None:
    arrived: queue.SimpleQueue[Entry | None] = queue.SimpleQueue()
    writer = threading.Thread(target=_commit_for_ever, args=(asyncio.get_running_loop(), arrived, store))
    writer.start()
    server, _ = await serve(lambda body, reply: arrived.put((body, reply)), port)
    announce(server)
    await until_told()
    server.close()
    arrived.put(None)
    writer.join()


def main() -> int:
    """Serve until SIGTERM."""
    parser = argparse.ArgumentParser(prog="python -m bench.bare", description=__doc__.split("\n")[0])
    parser.add_argument("--port", type=int, default=0, help="0 (the default) takes a free one and prints it")
    parser.add_argument("--store", choices=("file", "sqlite"), default="sqlite")
    parser.add_argument("--path", type=Path, required=True, help="the file to write")
    given = parser.parse_args()
    make = _file_store if given.store == "file" else _sqlite_store
    asyncio.run(_run(given.port, make(given.path)))
    return 0


if __name__ == "__main__":
    sys.exit(main())
