"""The chain of the audit: each record carries a hash over itself and the hash of the record before.

Whoever edits, takes away or reorders a record breaks the chain there. Whoever takes away the newest records,
or writes all of it anew, does not: that shows only against a head (the newest record's hash) that was kept
elsewhere. Records of before format 9 have no hash; the first one after them seals them all.

Knows nothing of what people may do, and never writes.
"""

from __future__ import annotations

import json
import sqlite3
from collections.abc import Iterator
from dataclasses import dataclass
from hashlib import sha256
from typing import Any

__all__ = ["BEGINNING", "Verified", "following", "head_of", "link", "verify"]

BEGINNING = bytes(32)
"""What the first record of all follows."""
COLUMNS = "id, at, who, what, why, message, held, delivery, config, detail"

Record = tuple[Any, ...]


@dataclass(frozen=True, slots=True)
class Verified:
    """What came of a look at the whole chain. records: how many there are. unsealed: how many of them nothing
    seals. head: of the newest record, in hexadecimal; "" where there is none. bad: the first record that is
    not as it was written, or 0. found: the record that has the head which was asked for, or 0. why: what is
    wrong; "" where nothing is."""

    records: int
    unsealed: int
    head: str
    bad: int = 0
    found: int = 0
    why: str = ""


def link(before: bytes, record: Record) -> bytes:
    """The hash of a record (the values of COLUMNS) that follows one with the hash `before`."""
    written = json.dumps(record, ensure_ascii=False, separators=(",", ":"))
    return sha256(before + written.encode("utf-8", "surrogatepass")).digest()


def following(connection: sqlite3.Connection) -> tuple[int, bytes]:
    """The id of the next record, and the hash that it follows."""
    row = connection.execute("SELECT id, chain FROM audit ORDER BY id DESC LIMIT 1").fetchone()
    if row is None:
        return 1, BEGINNING
    if row[1] is not None:
        return row[0] + 1, row[1]
    before = BEGINNING
    for record, _ in _records(connection, chained=True):
        before = link(before, record)
    return row[0] + 1, before


def head_of(connection: sqlite3.Connection) -> tuple[int, str]:
    """The newest record's id and hash; (0, "") where there is none that has one."""
    row = connection.execute("SELECT id, chain FROM audit ORDER BY id DESC LIMIT 1").fetchone()
    return (row[0], row[1].hex()) if row is not None and row[1] is not None else (0, "")


def verify(connection: sqlite3.Connection, head: str = "", *, chained: bool = True) -> Verified:
    """Go through all records. head: one that was kept elsewhere, in hexadecimal. chained: whether this
    journal's format has hashes."""
    before, last, newest = BEGINNING, 0, b""
    count = unsealed = found = 0
    for record, stored in _records(connection, chained=chained):
        count += 1
        bad, why = record[0], ""
        if record[0] != last + 1:
            gap = f"record {last + 1}" if record[0] == last + 2 else f"records {last + 1} to {record[0] - 1}"
            bad, why = last + 1, f"{gap} would stand before record {record[0]}, and is missing"
        before, last = link(before, record), record[0]
        if stored is None and newest:
            why = why or f"record {record[0]} has lost its hash"
        elif stored is not None and stored != before:
            words = "or one before it that has no hash of its own" if unsealed else "or its place"
            why = why or f"record {record[0]}, {words}, is not as it was written"
        if why:
            return Verified(count, unsealed, newest.hex(), bad, found, why)
        unsealed = unsealed + 1 if stored is None else 0
        newest = stored or b""
        if head and newest.hex() == head.lower():
            found = record[0]
    if head and not found:
        why = "no record has the head that was kept: the newest records were taken away, or all written anew"
        return Verified(count, unsealed, newest.hex(), why=why)
    return Verified(count, unsealed, newest.hex(), found=found)


def _records(connection: sqlite3.Connection, *, chained: bool) -> Iterator[tuple[Record, bytes | None]]:
    chain = "chain" if chained else "NULL"
    for row in connection.execute(f"SELECT {COLUMNS}, {chain} FROM audit ORDER BY id"):  # noqa: S608
        yield row[:-1], row[-1]
