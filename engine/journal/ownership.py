"""Sees to it that one process owns a journal: a lock file with the owner's process id inside.

Knows nothing of SQLite. The lock is the kernel's (flock): it ends with its process, however that dies,
so a lock file left behind means nothing.
"""

from __future__ import annotations

import contextlib
import fcntl
import os
import time
from collections.abc import Iterator
from pathlib import Path

__all__ = ["LOCK", "JournalOwned", "Ownership", "unowned"]

LOCK = "journal.lock"
_PATIENCE = 0.5  # seconds: whoever only reads a stopped journal keeps its owner away for less


class JournalOwned(Exception):
    """Another process owns the journal. `pid` is its process id, or 0 where it could not be read."""

    def __init__(self, folder: Path, pid: int) -> None:
        owner = f"process {pid}" if pid else "another process"
        super().__init__(
            f"the journal in {folder} belongs to {owner}, which is running: "
            "stop that engine first, or give this one a data folder of its own"
        )
        self.pid = pid


class Ownership:
    """Holds the lock of one data folder from `take` to `release`."""

    def __init__(self, folder: Path, handle: int) -> None:
        self.folder = folder
        self._handle = handle

    @classmethod
    def take(cls, folder: Path) -> Ownership:
        """Take the lock and write our process id into it. Raises JournalOwned where it is taken."""
        handle = os.open(folder / LOCK, os.O_CREAT | os.O_RDWR | os.O_CLOEXEC, 0o600)
        until = time.monotonic() + _PATIENCE
        while not _lock(handle, fcntl.LOCK_EX):
            if time.monotonic() > until:
                written = os.pread(handle, 32, 0).strip()
                os.close(handle)
                raise JournalOwned(folder, int(written) if written.isdigit() else 0)
            time.sleep(0.02)
        os.ftruncate(handle, 0)
        os.pwrite(handle, b"%d\n" % os.getpid(), 0)
        return cls(folder, handle)

    def release(self) -> None:
        """Give the lock back. The file stays: removing it would let two owners lock two files."""
        if self._handle >= 0:
            os.close(self._handle)
            self._handle = -1


@contextlib.contextmanager
def unowned(folder: Path) -> Iterator[bool]:
    """Whether nobody owns the journal; as long as this lasts nobody begins to. False where it cannot be
    known."""
    try:
        handle = os.open(folder / LOCK, os.O_RDWR | os.O_CLOEXEC)
    except OSError:
        yield False
        return
    try:
        yield _lock(handle, fcntl.LOCK_SH)
    finally:
        os.close(handle)


def _lock(handle: int, kind: int) -> bool:
    try:
        fcntl.flock(handle, kind | fcntl.LOCK_NB)
    except BlockingIOError:
        return False
    return True
