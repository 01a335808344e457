"""The audit's chain: what is edited, taken away, moved, cut off or written anew is found out."""

from __future__ import annotations

import sqlite3
import subprocess
import sys
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path
from typing import Any, cast

import pytest

from engine.journal.chain import BEGINNING, head_of, link, verify
from engine.journal.repairs import By, Repairer
from engine.journal.schema import open_writing

ROWS = "SELECT id, at, who, what, why, message, held, delivery, config, detail FROM audit ORDER BY id"


def add(connection: sqlite3.Connection, *numbers: int) -> None:
    """Write these records as a repair does."""
    repairer = Repairer(connection, cast(Any, None), cast(Any, None), cast(Any, None))
    for n in numbers:
        repairer._audit(By("tessa", f"reason {n} é", 1000 + n), "release", n, 0, n, "c0ffee", "parked")


@pytest.fixture
def journal(tmp_path: Path) -> Iterator[sqlite3.Connection]:
    """A journal with six records, and nothing that keeps anybody from changing them."""
    with closing(open_writing(tmp_path)) as connection:
        add(connection, *range(1, 7))
        connection.execute("DROP TRIGGER audit_is_not_changed")
        connection.execute("DROP TRIGGER audit_is_not_shortened")
        yield connection


def write_anew(connection: sqlite3.Connection) -> None:
    """Give every record the hash that it would have, as somebody would who knows how."""
    before = BEGINNING
    for record in connection.execute(ROWS).fetchall():
        before = link(before, record)
        connection.execute("UPDATE audit SET chain=? WHERE id=?", (before, record[0]))


def test_what_nobody_touched_holds_and_says_its_head(journal: sqlite3.Connection) -> None:
    found = verify(journal)
    assert (found.records, found.unsealed, found.bad, found.why) == (6, 0, 0, "")
    assert head_of(journal) == (6, found.head)
    assert len(found.head) == 64
    add(journal, 7)
    later = verify(journal, found.head.upper())
    assert (later.why, later.found) == ("", 6)


@pytest.mark.parametrize(
    "column", ["at", "who", "what", "why", "message", "held", "delivery", "config", "detail"]
)
def test_an_edited_record_is_named_whatever_was_edited(journal: sqlite3.Connection, column: str) -> None:
    journal.execute(f"UPDATE audit SET {column} = {column} || '1' WHERE id=3")
    found = verify(journal)
    assert found.bad == 3
    assert "record 3" in found.why


def test_an_edited_record_with_a_hash_of_its_own_breaks_the_next(journal: sqlite3.Connection) -> None:
    journal.execute("UPDATE audit SET why='another' WHERE id=3")
    rows = journal.execute(ROWS).fetchall()
    (before,) = journal.execute("SELECT chain FROM audit WHERE id=2").fetchone()
    journal.execute("UPDATE audit SET chain=? WHERE id=3", (link(before, rows[2]),))
    assert verify(journal).bad == 4


@pytest.mark.parametrize(
    ("taken", "words"), [("id=1", "record 1 "), ("id=4", "record 4 "), ("id IN (3, 4, 5)", "records 3 to 5 ")]
)
def test_a_record_that_was_taken_away_is_named(journal: sqlite3.Connection, taken: str, words: str) -> None:
    journal.execute(f"DELETE FROM audit WHERE {taken}")
    found = verify(journal)
    assert found.why.startswith(words)
    assert "is missing" in found.why
    assert found.bad == int(words.split()[1])


def test_a_gap_that_was_closed_is_found(journal: sqlite3.Connection) -> None:
    journal.execute("DELETE FROM audit WHERE id=4")
    journal.execute("UPDATE audit SET id=4 WHERE id=5")
    journal.execute("UPDATE audit SET id=5 WHERE id=6")
    assert verify(journal).bad == 4


def test_records_that_changed_places_are_found(journal: sqlite3.Connection) -> None:
    journal.execute("UPDATE audit SET id=99 WHERE id=2")
    journal.execute("UPDATE audit SET id=2 WHERE id=5")
    journal.execute("UPDATE audit SET id=5 WHERE id=99")
    assert verify(journal).bad == 2


def test_a_lost_hash_is_found(journal: sqlite3.Connection) -> None:
    journal.execute("UPDATE audit SET chain=NULL WHERE id>=5")
    assert verify(journal).bad == 5


def test_only_a_head_that_was_kept_shows_that_the_newest_were_taken_away(journal: sqlite3.Connection) -> None:
    kept = verify(journal).head
    journal.execute("DELETE FROM audit WHERE id>4")
    assert verify(journal).why == ""
    assert "no record has the head that was kept" in verify(journal, kept).why
    add(journal, 50, 51)  # as many again
    assert verify(journal).why == ""
    assert verify(journal, kept).why


def test_only_a_head_that_was_kept_shows_that_all_was_written_anew(journal: sqlite3.Connection) -> None:
    kept = verify(journal).head
    journal.execute("UPDATE audit SET who='nobody' WHERE id=2")
    write_anew(journal)
    assert verify(journal).why == ""
    assert verify(journal, kept).why


def test_what_an_older_version_wrote_is_sealed_by_the_next_record(journal: sqlite3.Connection) -> None:
    journal.execute("UPDATE audit SET chain=NULL")
    assert head_of(journal) == (0, "")
    found = verify(journal)
    assert (found.records, found.unsealed, found.head, found.why) == (6, 6, "", "")
    add(journal, 7)
    assert (verify(journal).unsealed, verify(journal).why) == (0, "")
    journal.execute("UPDATE audit SET who='nobody' WHERE id=2")
    found = verify(journal)
    assert found.bad == 7
    assert "or one before it" in found.why


KILLED = """
import os, signal, sys
from pathlib import Path
from engine.journal.schema import open_writing
from tests.engine.journal.test_journal_chain import add
connection = open_writing(Path(sys.argv[1]))
for number in range(1, 4):
    add(connection, number)
connection.execute("BEGIN IMMEDIATE")
add(connection, 4)
os.kill(os.getpid(), signal.SIGKILL)
"""


def test_a_kill_in_the_middle_of_a_write_leaves_a_chain_that_goes_on(tmp_path: Path) -> None:
    done = subprocess.run([sys.executable, "-c", KILLED, str(tmp_path)], capture_output=True, timeout=60)
    assert done.returncode == -9, done.stderr
    with closing(open_writing(tmp_path)) as connection:
        assert verify(connection).records == 3
        add(connection, 5, 6)
        found = verify(connection)
    assert (found.records, found.why) == (5, "")
