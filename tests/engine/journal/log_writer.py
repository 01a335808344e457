"""A program for tests to kill: commits rows to a database with a write-ahead log, as the journal does.

    python log_writer.py FOLDER

Some rows are copied into the database file and the log is begun anew, so that frames from before stand
behind the later ones; then more are committed, and the last transaction is left unfinished. Prints how many
rows are committed, and kills itself.
"""

from __future__ import annotations

import os
import random
import signal
import sqlite3
import sys
from pathlib import Path

FIRST, SECOND, UNFINISHED = 30, 12, 40


def write(folder: Path) -> None:
    """Write until the end."""
    chance = random.Random(7)
    connection = sqlite3.connect(folder / "journal.db", isolation_level=None)
    for pragma in ("journal_mode=WAL", "synchronous=FULL", "wal_autocheckpoint=0", "cache_size=10"):
        connection.execute(f"PRAGMA {pragma}")
    connection.execute("CREATE TABLE row (id INTEGER PRIMARY KEY, bytes BLOB)")
    for _ in range(FIRST):
        connection.execute("INSERT INTO row (bytes) VALUES (?)", (chance.randbytes(3000),))
    connection.execute("PRAGMA wal_checkpoint(RESTART)")
    for _ in range(SECOND):
        connection.execute("INSERT INTO row (bytes) VALUES (?)", (chance.randbytes(1500),))
    os.write(1, f"{FIRST + SECOND}\n".encode())
    connection.execute("BEGIN IMMEDIATE")
    for _ in range(UNFINISHED):  # more than the cache holds: some of it is written to the log
        connection.execute("INSERT INTO row (bytes) VALUES (?)", (chance.randbytes(1500),))
    os.kill(os.getpid(), signal.SIGKILL)


if __name__ == "__main__":
    write(Path(sys.argv[1]))
