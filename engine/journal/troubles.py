"""Tells what an error of SQLite means for the promise: try again later, stop for good, or our own mistake.

Knows error codes only. The words carry SQLite's name for the error and nothing of any message.
"""

from __future__ import annotations

import sqlite3

from engine.journal.contract import JournalBroken, JournalFull, Trouble

__all__ = ["trouble"]

# A full disk may also show while the shared index of the log grows; that index is not durable data, and
# is rebuilt from the log, so trying again is safe there.
_FULL = (sqlite3.SQLITE_FULL, sqlite3.SQLITE_IOERR_SHMSIZE)
_LOCKED = (sqlite3.SQLITE_BUSY, sqlite3.SQLITE_LOCKED)
_BROKEN = (
    sqlite3.SQLITE_IOERR, sqlite3.SQLITE_CORRUPT, sqlite3.SQLITE_NOTADB, sqlite3.SQLITE_READONLY,
    sqlite3.SQLITE_CANTOPEN, sqlite3.SQLITE_PERM, sqlite3.SQLITE_PROTOCOL, sqlite3.SQLITE_NOMEM,
    sqlite3.SQLITE_INTERNAL,
)  # fmt: skip


def trouble(error: BaseException) -> Trouble | None:
    """JournalFull where a later try may succeed, JournalBroken where nothing may be written any more,
    and None for an error that is none of the disk's.

    A failed fsync is never tried again: the kernel may have dropped the pages and report success the
    next time. After a restart the log is read and written anew.
    """
    if isinstance(error, JournalFull | JournalBroken):
        return error
    code = getattr(error, "sqlite_errorcode", None)
    if not isinstance(error, sqlite3.Error) or code is None:
        return None
    name = getattr(error, "sqlite_errorname", "unknown")
    if code in _FULL:
        return JournalFull(f"the disk that holds the journal is full ({name})")
    if code & 0xFF in _LOCKED:
        return JournalFull(f"another program keeps the journal locked ({name})")
    if code & 0xFF in _BROKEN:
        return JournalBroken(f"the journal can no longer be written ({name})")
    return None
