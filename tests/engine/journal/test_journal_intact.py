"""Stored bytes that a disk has changed are known as such whenever they are read to be decided or sent."""

from __future__ import annotations

import sqlite3
from contextlib import closing
from pathlib import Path

from engine.journal import outbox
from engine.journal.schema import DATABASE, open_reading
from engine.journal.sqlite import SqliteJournal
from tests.engine.journal.journal_rig import arrival, copy, decided, open_journal, store


def spoil(folder: Path, where: str = "true") -> None:
    """Change the last byte of stored bodies, as a disk might."""
    with closing(sqlite3.connect(folder / DATABASE, isolation_level=None)) as connection:
        changed = connection.execute(
            f"UPDATE body SET bytes = CAST(substr(bytes, 1, length(bytes) - 1) || 'X' AS BLOB) WHERE {where}"
        ).rowcount
    assert changed > 0


async def decide_one(journal: SqliteJournal) -> list[int]:
    """Store a message with two copies, one of them with bytes of its own; the copies."""
    (stored,) = await store(journal, arrival(1))
    own = copy(address="Y06602", body=b"MSH|^~\\&|changed on purpose\r")
    (rows,) = await journal.record([decided(stored.id, copy(), own)])
    assert not any(row.spoilt for row in rows)
    return [row.id for row in rows]


async def test_what_was_not_changed_is_as_it_was(tmp_path: Path) -> None:
    journal = open_journal(tmp_path)
    copies = await decide_one(journal)
    await store(journal, arrival(2))
    assert [one.spoilt for one in await journal.waiting(0, 9, 10**6)] == [False]
    assert [row.spoilt for row in await journal.deliveries(copies)] == [False, False]
    await journal.close()


async def test_a_changed_message_is_known_as_such_where_it_waits_and_in_its_copies(tmp_path: Path) -> None:
    journal = open_journal(tmp_path)
    copies = await decide_one(journal)
    await store(journal, arrival(2), arrival(3))
    spoil(tmp_path, "id <> 4")
    assert [one.spoilt for one in await journal.waiting(0, 9, 10**6)] == [True, False]
    assert [row.spoilt for row in await journal.deliveries(copies)] == [True, True]
    (row,) = await journal.open_deliveries("gp_mllp", "Y06602", 0, 9, 10**6)
    assert row.spoilt
    await journal.close()


async def test_a_copy_s_own_bytes_are_compared_with_their_own_digest(tmp_path: Path) -> None:
    journal = open_journal(tmp_path)
    copies = await decide_one(journal)
    spoil(tmp_path, "sha256 IS NOT NULL")
    assert [row.spoilt for row in await journal.deliveries(copies)] == [False, True]
    await journal.close()


async def test_a_copy_of_before_digests_were_kept_is_not_suspected(tmp_path: Path) -> None:
    journal = open_journal(tmp_path)
    copies = await decide_one(journal)
    with closing(sqlite3.connect(tmp_path / DATABASE, isolation_level=None)) as connection:
        connection.execute("UPDATE body SET sha256 = NULL")
    assert [row.spoilt for row in await journal.deliveries(copies)] == [False, False]
    await journal.close()
    with closing(open_reading(tmp_path)) as reader:
        assert [row.spoilt for row in outbox.deliveries(reader, copies)] == [False, False]
