"""Moves the write-ahead log into the database file, off the commit path, on a thread of its own.

Knows nothing of messages. A commit only appends to the log; here its pages are copied to their places
and fsynced, while commits go on. The log's file is then written from its beginning again, by itself
where there is a quiet moment; where there is none, `restart_due` asks the writer to make one.
"""

from __future__ import annotations

import sqlite3
import threading
from collections.abc import Callable

from engine.crash_points import ARMED, reach
from engine.journal.contract import JournalBroken
from engine.journal.troubles import trouble

__all__ = ["Checkpoints"]

PAGES = 4096  # of 4 KiB: begin to copy when the log has grown by about 16 MiB
TOO_LONG = 32_768  # pages, 128 MiB: ask the writer for a pause
FAR_TOO_LONG = 131_072  # pages, 512 MiB: the writer makes the pause even with messages waiting
_NEARLY = 256  # pages left over that the writer may copy itself in a pause of a few milliseconds
_ROUNDS = 4
_IDLE = 30.0  # seconds after which even a short log is copied


class Checkpoints:
    """The checkpoint thread. `wrote` and `restart` are called by the writer's thread, `close` by any."""

    def __init__(self, connection: sqlite3.Connection, on_broken: Callable[[JournalBroken], None]) -> None:
        self._connection = connection
        self._on_broken = on_broken
        self._wake = threading.Event()
        self._closing = False
        self._pages = 0  # written since the last checkpoint, an estimate
        self.length = 0  # of the log in pages, as the last checkpoint found it
        self._thread = threading.Thread(target=self._run, name="journal-checkpoint", daemon=True)

    def start(self) -> None:
        self._thread.start()

    def close(self) -> None:
        """Stop after the checkpoint in progress."""
        self._closing = True
        self._wake.set()
        if self._thread.is_alive():
            self._thread.join()
        self._connection.close()

    def wrote(self, pages: int) -> None:
        """The writer has appended about so many pages."""
        self._pages += pages
        if self._pages >= PAGES and not self._wake.is_set():
            self._wake.set()

    def restart_due(self, quiet: bool) -> bool:
        """Whether the writer should call `restart` now; `quiet` says that no message is waiting."""
        return self.length > (TOO_LONG if quiet else FAR_TOO_LONG)

    def restart(self, connection: sqlite3.Connection) -> None:
        """On the writer's thread, between two commits: copy the rest, so that the log begins anew.

        Where a reader or the checkpoint thread is in the way nothing happens; the next checkpoint asks
        again. Raises sqlite3.Error as a commit would.
        """
        connection.execute("PRAGMA busy_timeout=0")
        try:
            busy, _, _ = connection.execute("PRAGMA wal_checkpoint(RESTART)").fetchone()
        finally:
            connection.execute("PRAGMA busy_timeout=5000")
        self.length = 0
        if busy:
            self._wake.set()

    def _run(self) -> None:
        while True:
            self._wake.wait(_IDLE)
            if self._closing:
                return
            self._wake.clear()
            if self._pages:
                self._pages = 0
                if not self._copy():
                    return

    def _copy(self) -> bool:
        """Copy until little is left. False where the disk failed, and this thread must end."""
        if ARMED:
            reach("checkpoint.due")
        try:
            for _ in range(_ROUNDS):
                row = self._connection.execute("PRAGMA wal_checkpoint(PASSIVE)").fetchone()
                _, length, copied = row
                if length - copied <= _NEARLY:
                    break
            self.length = length
            if ARMED:
                reach("checkpoint.copied")
        except sqlite3.Error as error:
            # A failed fsync of the database file must not be tried again either. A full disk may be.
            if isinstance(found := trouble(error), JournalBroken):
                self._on_broken(found)
                return False
        return True
