"""Finding messages and telling their story, while the journal is open and after it was closed."""

from __future__ import annotations

import os
import sqlite3
from pathlib import Path

import pytest

from engine.journal.reading import JournalMissing, JournalReader
from engine.journal.records import Decided, HeldPart, RoutePart, Verdict
from engine.journal.schema import DATABASE, SchemaTooNew
from engine.journal.sqlite import JournalOwned, SqliteJournal
from tests.engine.journal.journal_rig import (
    START,
    arrival,
    changed,
    copy,
    decided,
    deliver,
    message,
    open_journal,
    store,
)

MINUTE = 60_000_000


async def fill(journal: SqliteJournal) -> None:
    """Eight messages with different fates."""
    await store(
        journal,
        arrival(1, at=START),
        arrival(2, at=START + MINUTE, type_="ADT^A08", feed="westmoor_pas"),
        arrival(3, at=START + 2 * MINUTE, type_="ADT"),
        arrival(1, at=START + 3 * MINUTE),
        arrival(1, "other", at=START + 4 * MINUTE),
        arrival(6, at=START + 5 * MINUTE, refused="no MSH-10"),
        arrival(7, at=START + 6 * MINUTE, hold="batch_count"),
        arrival(8, at=START + 7 * MINUTE),
    )
    keys = {"nhs_number": ("9990000018",)}
    parts = (RoutePart("gp_results", "sent"),)
    rows = await journal.record([
        Decided(1, "c", START, parts, (copy(address="Y06601"), copy("print", "Y06601")), keys=keys),
        Decided(2, "c", START, parts, (copy(address="Y06602"),)),
        Decided(3, "c", START, held=(HeldPart("", "doubtful_date", "not a date"),)),
        Decided(5, "c", START, verdict=Verdict("error", "no"), rejected=True),
    ])  # fmt: skip
    await journal.change([changed(rows[0][0], "delivered"), changed(rows[1][0], "parked")])


def ids(reader: JournalReader, **criteria: object) -> list[int]:
    """The ids of what is found."""
    return [one.id for one in reader.find(**criteria)]  # type: ignore[arg-type]  # checked by the cases


CASES: list[tuple[dict[str, object], list[int]]] = [
    ({}, [8, 7, 6, 5, 4, 3, 2, 1]),
    ({"limit": 3}, [8, 7, 6]),
    ({"before": 4, "limit": 2}, [3, 2]),
    ({"id": 3}, [3]),
    ({"id": "#3"}, [3]),
    ({"id": "three"}, []),
    ({"control_id": "1"}, [5, 4, 1]),
    ({"control_id": "6"}, [6]),
    ({"control_id": "99"}, []),
    ({"nhs_number": "999 000 0018"}, [1]),
    ({"nhs_number": "9990000026"}, []),
    ({"type": "ADT"}, [3, 2]),
    ({"type": "ADT^A08"}, [2]),
    ({"type": "AD"}, []),
    ({"feed": "westmoor_pas"}, [2]),
    ({"feed": "northfield_lims", "type": "ADT"}, [3]),
    ({"address": "Y06601"}, [1]),
    ({"address": "Y06601", "channel": "print"}, [1]),
    ({"address": "Y06602", "channel": "print"}, []),
    ({"channel": "gp_mllp"}, [2, 1]),
    ({"state": "waiting"}, [8, 1]),
    ({"state": "held"}, [7, 3]),
    ({"state": "duplicate"}, [4]),
    ({"state": "refused"}, [6]),
    ({"state": "conflict"}, [5]),
    ({"state": "rejected"}, [5]),
    ({"state": "decided"}, [5, 2, 1]),
    ({"state": "delivered"}, [1]),
    ({"state": "parked"}, [2]),
    ({"state": "sending"}, []),
    ({"since": START + 5 * MINUTE}, [8, 7, 6]),
    ({"until": START + 2 * MINUTE}, [2, 1]),
    ({"since": START + MINUTE, "until": START + 4 * MINUTE, "type": "ORU^R01"}, [4]),
    ({"since": START + 60 * MINUTE}, []),
    ({"until": START}, []),
    ({"control_id": "1", "state": "duplicate", "since": START}, [4]),
]


@pytest.mark.parametrize("closed", [False, True])
async def test_messages_are_found_by_whatever_is_known_of_them(tmp_path: Path, closed: bool) -> None:
    journal = open_journal(tmp_path)
    await fill(journal)
    if closed:
        await journal.close()
    with JournalReader(tmp_path) as reader:
        for criteria, expected in CASES:
            assert ids(reader, **criteria) == expected, criteria
    if not closed:
        await journal.close()


async def test_an_unknown_state_is_an_error_that_lists_the_known(
    journal: SqliteJournal, tmp_path: Path
) -> None:
    with JournalReader(tmp_path) as reader, pytest.raises(ValueError, match="refused_by_recipient"):
        reader.find(state="lost")


async def test_a_list_shows_where_each_message_went(journal: SqliteJournal, tmp_path: Path) -> None:
    await fill(journal)
    with JournalReader(tmp_path) as reader:
        (found,) = reader.find(id=1)
        assert [(one.channel, one.address, one.state) for one in found.copies] == [
            ("gp_mllp", "Y06601", "delivered"),
            ("print", "Y06601", "waiting"),
        ]
        assert found.copies[0].closed == START
        assert found.copies[0].size == found.size == len(message(1))


async def test_a_reader_sees_what_is_committed_while_it_is_open(
    journal: SqliteJournal, tmp_path: Path
) -> None:
    with JournalReader(tmp_path) as reader:
        assert reader.recent() == ()
        await store(journal, *(arrival(number) for number in range(1, 6)))
        assert [one.id for one in reader.recent(after_id=2, limit=2)] == [3, 4]
        assert reader.last_id() == 5


async def test_the_story_of_a_message_names_its_repeats_and_its_bytes(
    journal: SqliteJournal, tmp_path: Path
) -> None:
    await fill(journal)
    with JournalReader(tmp_path) as reader:
        story = reader.show("#1")
        assert story is not None
        assert story.repeats == (5, 4)
        assert story.body == message(1)
        assert reader.show(99) is None
        assert reader.body(4) == message(1)
        assert reader.body(99) is None


async def test_the_bytes_of_a_delivery_can_be_seen(journal: SqliteJournal, tmp_path: Path) -> None:
    await store(journal, arrival(1))
    same, other = await deliver(journal, 1, copy(), copy(address="B", body=b"changed"))
    with JournalReader(tmp_path) as reader:
        assert reader.delivery_body(same.id) == message(1)
        assert reader.delivery_body(other.id) == b"changed"
        assert reader.delivery_body(99) is None
        shown = reader.delivery(other.id)
        assert shown is not None
        assert (shown.message, shown.address, shown.size) == (1, "B", 7)
        assert reader.delivery(99) is None


async def test_a_reader_cannot_write(journal: SqliteJournal, tmp_path: Path) -> None:
    with JournalReader(tmp_path) as reader, pytest.raises(sqlite3.OperationalError, match="readonly"):
        reader._connection.execute("DELETE FROM message")


def test_a_folder_without_a_journal_is_said_to_have_none(tmp_path: Path) -> None:
    with pytest.raises(JournalMissing, match="has the engine run"):
        JournalReader(tmp_path)
    (tmp_path / DATABASE).touch()
    with pytest.raises(JournalMissing, match="has the engine run"):
        JournalReader(tmp_path)


async def test_a_later_versions_journal_is_refused_and_left_alone(tmp_path: Path) -> None:
    await open_journal(tmp_path).close()
    connection = sqlite3.connect(tmp_path / DATABASE)
    connection.execute("PRAGMA user_version=99")
    connection.close()
    with pytest.raises(SchemaTooNew, match="format 99"):
        open_journal(tmp_path)
    with pytest.raises(SchemaTooNew, match="format 99"):
        JournalReader(tmp_path)


async def test_a_second_owner_is_told_who_has_it_and_what_to_do(tmp_path: Path) -> None:
    journal = open_journal(tmp_path)
    with pytest.raises(JournalOwned, match=f"process {os.getpid()}.*stop that engine") as refusal:
        open_journal(tmp_path)
    assert refusal.value.pid == os.getpid()
    await journal.close()
    await open_journal(tmp_path).close()


async def test_files_are_for_their_owner_only(tmp_path: Path) -> None:
    folder = tmp_path / "data"
    journal = open_journal(folder)
    await store(journal, arrival(1))
    modes = {path.name: path.stat().st_mode & 0o077 for path in [folder, *folder.iterdir()]}
    await journal.close()
    assert set(modes.values()) == {0}, modes


async def test_messages_decided_by_several_configurations_name_their_own(
    journal: SqliteJournal, tmp_path: Path
) -> None:
    await store(journal, arrival(1), arrival(2))
    await journal.record([decided(1, copy()), Decided(2, "feed5", START, deliveries=(copy(),))])
    with JournalReader(tmp_path) as reader:
        assert [one.config for one in reader.recent()] == ["c0ffee", "feed5"]
