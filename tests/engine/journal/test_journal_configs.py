"""The texts of configurations are kept by hash, each text once, and come back as they were."""

from __future__ import annotations

import asyncio
import sqlite3
from pathlib import Path

import pytest

from engine.journal.configs import digest_of, pack
from engine.journal.contract import JournalBroken
from engine.journal.entries import Counters, Entries
from engine.journal.jobs import Commit, KeepJob
from engine.journal.reading import JournalReader
from engine.journal.schema import DATABASE, open_writing
from engine.journal.sqlite import SqliteJournal
from tests.engine.journal.journal_rig import arrival, decided, open_journal, store

TABLE = "".join(f"Y{number:05d},Practice {number}\n" for number in range(20_000))
ONE = {"routes/a.yaml": "route: a\n", "tables/practices.csv": TABLE, "tables/odd.csv": "key\nJos\u00e9\r\n"}
OTHER = {**ONE, "routes/a.yaml": "route: a\nabout: changed\n"}


def texts_on_disk(folder: Path) -> list[tuple[int, int]]:
    """(size of the text, bytes it takes) of every text kept."""
    connection = sqlite3.connect(folder / DATABASE)
    found = connection.execute("SELECT size, length(bytes) FROM source ORDER BY size").fetchall()
    connection.close()
    return found


async def test_a_configuration_comes_back_as_it_was(journal: SqliteJournal, tmp_path: Path) -> None:
    await journal.keep_config("one", ONE)
    with JournalReader(tmp_path) as reader:
        assert reader.config_sources("one") == ONE
        assert reader.config_sources("one", ["routes/a.yaml"]) == {"routes/a.yaml": ONE["routes/a.yaml"]}
        assert reader.config_digests("one") == {path: digest_of(text) for path, text in ONE.items()}
        assert reader.config_sources("another") == {}
        assert reader.config_digests("another") == {}


async def test_a_text_that_two_configurations_share_is_kept_once(
    journal: SqliteJournal, tmp_path: Path
) -> None:
    await journal.keep_config("one", ONE)
    await journal.keep_config("other", OTHER)

    sizes = texts_on_disk(tmp_path)
    assert [size for size, _ in sizes].count(len(TABLE)) == 1
    assert len(sizes) == len(ONE) + 1
    assert max(packed for _, packed in sizes) < len(TABLE) / 3
    with JournalReader(tmp_path) as reader:
        assert reader.config_sources("one") == ONE
        assert reader.config_sources("other") == OTHER


async def test_keeping_a_configuration_again_writes_nothing(journal: SqliteJournal) -> None:
    await journal.keep_config("one", ONE)
    before = journal.commits
    await journal.keep_config("one", ONE)
    assert journal.commits == before


async def test_decisions_and_the_texts_share_the_number_of_their_configuration(
    journal: SqliteJournal, tmp_path: Path
) -> None:
    await store(journal, arrival(1))
    await journal.record([decided(1)])  # by c0ffee, whose texts come later
    await journal.keep_config("c0ffee", ONE)
    with JournalReader(tmp_path) as reader:
        assert reader.recent()[0].config == "c0ffee"
        assert reader.config_sources("c0ffee") == ONE


async def test_messages_are_stored_while_a_large_configuration_is_kept(journal: SqliteJournal) -> None:
    many = {f"tables/t{number}.csv": f"{number}\n{TABLE}" for number in range(8)}
    keeping = asyncio.create_task(journal.keep_config("many", many))
    stored = await store(journal, *(arrival(number) for number in range(1, 101)))
    await keeping
    assert [one.id for one in stored] == list(range(1, 101))


def test_a_configuration_is_kept_wholly_or_not_at_all(tmp_path: Path) -> None:
    """The second commit is undone; what the first one wrote stays, and says nothing until all is there."""
    connection = open_writing(tmp_path)
    digests = {path: digest_of(text) for path, text in ONE.items()}
    loop = asyncio.new_event_loop()
    job = KeepJob(pack("one", digests, ONE, ()), loop)

    def steps(count: int, *, keep: bool) -> list[bool]:
        entries = Entries(Counters(connection))
        commit = Commit(connection, entries)
        connection.execute("BEGIN")
        done = [job.step(commit) for _ in range(count)]
        entries.write(connection)
        connection.execute("COMMIT" if keep else "ROLLBACK")
        (job.keep if keep else job.forget)()
        return done

    assert steps(1, keep=True) == [False]
    assert steps(2, keep=False) == [False, False]
    with JournalReader(tmp_path) as reader:
        assert reader.config_sources("one") == {}
    assert steps(3, keep=True) == [False, False, True]
    with JournalReader(tmp_path) as reader:
        assert reader.config_sources("one") == ONE
    connection.close()
    loop.close()


async def test_a_closed_journal_keeps_nothing_and_says_so(tmp_path: Path) -> None:
    journal = open_journal(tmp_path)
    await journal.close()
    with pytest.raises(JournalBroken):
        await journal.keep_config("one", ONE)
