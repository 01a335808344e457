"""A journal of an older format is read as it is, and brought up to date by its owner."""

from __future__ import annotations

import hashlib
import sqlite3
from contextlib import closing
from dataclasses import replace
from pathlib import Path

import pytest

from engine.journal import schema
from engine.journal.reading import JournalReader
from engine.journal.schema import DATABASE, VERSION, format_of, open_reading, open_writing
from tests.engine.journal.journal_rig import arrival, copy, counters_agree, decided, open_journal, store

OLD = Path(__file__).with_name("journal_v1.sql")


@pytest.fixture
def old(tmp_path: Path) -> Path:
    """A folder with a journal as the program wrote it before format 2."""
    with closing(sqlite3.connect(tmp_path / DATABASE)) as connection:
        connection.executescript(OLD.read_text(encoding="utf-8"))
        connection.execute("PRAGMA journal_mode=WAL")
    return tmp_path


def tables(folder: Path) -> dict[str, list[tuple[object, ...]]]:
    """Every table and index with its columns, as SQLite sees them."""
    with closing(sqlite3.connect(folder / DATABASE)) as connection:
        names = connection.execute("SELECT name FROM sqlite_master WHERE type='table' ORDER BY name")
        found = {
            name: connection.execute(f"PRAGMA table_xinfo({name})").fetchall() for (name,) in names.fetchall()
        }
        indexes = connection.execute("SELECT name, sql FROM sqlite_master WHERE type='index' ORDER BY name")
        return {**found, "indexes": indexes.fetchall()}


def content(folder: Path) -> dict[str, list[tuple[object, ...]]]:
    """All rows that format 1 could hold."""
    plain = ("config", "part", "finding", "key", "event", "tally")
    with closing(sqlite3.connect(folder / DATABASE)) as connection:
        found = {name: connection.execute(f"SELECT * FROM {name}").fetchall() for name in plain}
        for name in ("body", "message", "held", "delivery"):
            rows = connection.execute(f"SELECT * FROM {name}").fetchall()
            width = {"body": 2, "message": 23, "held": 9, "delivery": 17}[name]
            found[name] = [row[:width] for row in rows]
        return found


def test_an_older_journal_is_read_as_it_is(old: Path) -> None:
    before = hashlib.sha256((old / DATABASE).read_bytes()).digest()
    with JournalReader(old) as reader:
        sent, held = reader.show(1), reader.show(2)
        assert reader.balance().balanced
        assert reader.config_sources("c0ffee") == {}
        assert reader.config_digests("c0ffee") == {}
    assert sent is not None
    assert held is not None
    assert [(one.channel, one.state, one.piece) for one in sent.deliveries] == [
        ("gp_mllp", "delivered", ""),
        ("archive", "sending", ""),
    ]
    assert [(one.tray, one.piece) for one in held.held] == [("no_practice", "")]
    assert hashlib.sha256((old / DATABASE).read_bytes()).digest() == before


def test_its_owner_brings_it_to_what_a_new_journal_is_and_loses_nothing(old: Path, tmp_path: Path) -> None:
    before = content(old)
    open_writing(old).close()
    fresh = tmp_path / "fresh"
    fresh.mkdir()
    open_writing(fresh).close()

    assert tables(old) == tables(fresh)
    assert content(old) == before
    with closing(open_reading(old)) as connection:
        assert format_of(connection) == VERSION
    open_writing(old).close()
    assert content(old) == before, "a second opening has nothing left to do"


async def test_an_older_journal_goes_on_working(old: Path) -> None:
    journal = open_journal(old)
    assert journal.recovered == 1, "the copy that was being sent when it was dumped"
    assert [one.id for one in await journal.waiting(0, 10, 10**6)] == [5]
    (new, reply) = await store(journal, arrival(1), replace(arrival(9), claims=7))
    assert (new.kind, new.original) == ("duplicate", 1)
    with closing(open_reading(old)) as connection:
        claims = connection.execute("SELECT claims FROM message WHERE id IN (1, ?)", (reply.id,)).fetchall()
    assert claims == [(None,), (7,)], "what a sender claims to answer; of older rows nothing is known"
    await journal.record([decided(5, replace(copy(), piece="2"))])
    await journal.keep_config("c0ffee", {"routes/a.yaml": "route: a\n"})
    await journal.close()
    with JournalReader(old) as reader:
        story = reader.show(5)
        assert story is not None
        assert [one.piece for one in story.deliveries] == ["2"]
        assert reader.config_sources("c0ffee") == {"routes/a.yaml": "route: a\n"}
    assert counters_agree(old)


def test_a_migration_that_fails_leaves_the_journal_as_it_was(
    old: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    before = content(old), tables(old)
    broken = schema.MIGRATIONS[1] + "ALTER TABLE nowhere ADD COLUMN piece TEXT;"
    monkeypatch.setitem(schema.MIGRATIONS, 1, broken)
    with pytest.raises(sqlite3.OperationalError):
        open_writing(old)
    assert (content(old), tables(old)) == before
    with closing(open_reading(old)) as connection:
        assert format_of(connection) == 1
