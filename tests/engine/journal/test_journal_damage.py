"""A log that has lost committed work is refused with its place; one that a crash cut off is not."""

from __future__ import annotations

import shutil
import sqlite3
import subprocess
import sys
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path
from tempfile import TemporaryDirectory
from time import perf_counter

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from engine.journal.contract import JournalBroken
from engine.journal.damage import JournalDamaged, find_damage, set_aside
from engine.journal.ownership import JournalOwned, Ownership, unowned
from engine.journal.wal import FRAME_HEADER, HEADER, Log
from tests.engine.journal.journal_rig import arrival, counters_agree, open_journal, store

WRITER = Path(__file__).with_name("log_writer.py")
COMMITTED = 42
FRAME = FRAME_HEADER + 4096


@pytest.fixture(scope="module")
def left() -> Iterator[Path]:
    """The files that a killed writer left, with a log of three kinds of frames; not to be changed."""
    with TemporaryDirectory(prefix="gatepost-log-") as folder:
        done = subprocess.run([sys.executable, str(WRITER), folder], capture_output=True, timeout=60)
        assert int(done.stdout) == COMMITTED
        yield Path(folder)


def copied(left: Path, folder: Path, *, index: bool = True) -> Path:
    """A copy of these files. Their index: where it is missing, nothing says how much was committed."""
    for path in left.iterdir():
        if path.is_file() and (index or not path.name.endswith("-shm")):
            shutil.copyfile(path, folder / path.name)
    return folder / "journal.db-wal"


def change(path: Path, at: int, by: int = 1) -> None:
    """Change one byte of a file."""
    with path.open("r+b") as file:
        file.seek(at)
        (old,) = file.read(1)
        file.seek(at)
        file.write(bytes((old ^ by,)))


def rows(folder: Path) -> int:
    """How many rows SQLite finds, opening the files as the engine would."""
    with closing(sqlite3.connect(folder / "journal.db")) as connection:
        assert connection.execute("PRAGMA integrity_check").fetchone() == ("ok",)
        return int(connection.execute("SELECT count(*) FROM row").fetchone()[0])


def ends(folder: Path) -> list[int]:
    """The numbers of the frames that end transactions of this log."""
    with Log(folder / "journal.db-wal", 4096) as log:
        return [frame.number for frame in log.behind(0) if frame.commit and frame.salts == log.salts]


@pytest.mark.parametrize("index", [True, False])
def test_what_a_kill_leaves_is_no_damage(left: Path, tmp_path: Path, index: bool) -> None:
    copied(left, tmp_path, index=index)
    with Log(tmp_path / "journal.db-wal", 4096) as log:
        salts = [frame.salts == log.salts for frame in log.behind(0)]
        last = ends(tmp_path)[-1]
        assert all(salts[: last + 5])  # some of what was unfinished is written
        assert salts[-1] is False  # and frames from before stand behind
    assert find_damage(tmp_path) is None
    assert rows(tmp_path) == COMMITTED


@settings(max_examples=200, deadline=None)
@given(
    where=st.floats(0, 1, exclude_max=True), by=st.integers(1, 255), index=st.booleans(), frame=st.booleans()
)
def test_any_changed_byte_of_the_log_is_refused_or_costs_nothing(
    left: Path, where: float, by: int, index: bool, frame: bool
) -> None:
    with TemporaryDirectory() as name:
        folder = Path(name)
        log = copied(left, folder, index=index)
        size = log.stat().st_size
        at = int(where * size)
        if frame:  # headers are small, and matter most
            at = HEADER + at // FRAME * FRAME + at % FRAME_HEADER if at >= FRAME else at % HEADER
        at = min(at, size - 1)
        change(log, at, by)
        damage = find_damage(folder)
        if damage is None:
            assert rows(folder) == COMMITTED
        else:
            assert damage.place <= at < damage.place + (FRAME if damage.place else HEADER)
            assert str(damage.place) in str(damage)
            committed = at < HEADER + ends(left)[-1] * FRAME
            assert damage.exact == (index and committed)
            assert log.stat().st_size == size  # the evidence stands


def test_a_changed_bit_in_the_middle_is_named_with_its_place_and_what_stands_behind(
    left: Path, tmp_path: Path
) -> None:
    log = copied(left, tmp_path, index=False)
    whole = ends(tmp_path)
    at = HEADER + (whole[3] - 1) * FRAME + FRAME_HEADER + 1234
    change(log, at, 0x10)
    damage = find_damage(tmp_path)
    assert damage is not None
    assert damage.place == at // FRAME * FRAME + HEADER
    assert (damage.taken, damage.behind) == (whole[2], len(whole) - 4)
    assert "frame" in damage.what
    assert "a single changed word explains it" in damage.what


@pytest.mark.parametrize("cut", ["at the end of a transaction", "in a frame"])
def test_a_log_that_was_cut_short_is_named(left: Path, tmp_path: Path, cut: str) -> None:
    log = copied(left, tmp_path)
    end = HEADER + ends(tmp_path)[-3] * FRAME
    with log.open("r+b") as file:
        file.truncate(end if cut == "at the end of a transaction" else end + 1000)
    damage = find_damage(tmp_path)
    assert damage is not None
    assert "the file ends in frame" in damage.what


def test_a_torn_last_transaction_is_no_damage(left: Path, tmp_path: Path) -> None:
    # After a loss of power the index may be old or gone, and any part of what was not synced may be missing.
    log = copied(left, tmp_path, index=False)
    last, before = ends(tmp_path)[-1], ends(tmp_path)[-2]
    with log.open("r+b") as file:
        file.truncate(HEADER + last * FRAME)
        file.seek(HEADER + before * FRAME + FRAME_HEADER + 3072)
        file.write(bytes(512))
    assert find_damage(tmp_path) is None
    assert rows(tmp_path) == COMMITTED - 1


def test_a_lost_page_before_two_whole_transactions_is_named_without_the_index(
    left: Path, tmp_path: Path
) -> None:
    log = copied(left, tmp_path, index=False)
    start = HEADER + ends(tmp_path)[-4] * FRAME
    with log.open("r+b") as file:
        file.seek(start + FRAME_HEADER + 512)
        file.write(bytes(2048))
    damage = find_damage(tmp_path)
    assert damage is not None
    assert damage.place == start
    assert not damage.exact


async def test_a_journal_with_a_damaged_log_does_not_open_until_that_is_accepted(tmp_path: Path) -> None:
    left, folder = tmp_path / "left", tmp_path / "data"
    journal = open_journal(left)
    await store(journal, *(arrival(number) for number in range(1, 9)))
    folder.mkdir()
    for path in left.iterdir():
        shutil.copyfile(path, folder / path.name)
    await journal.close()
    log = folder / "journal.db-wal"
    change(log, HEADER + ends(folder)[-1] * FRAME - 100)
    evidence = log.read_bytes()
    with pytest.raises(JournalDamaged, match="gatepost run --accept-damage"):
        open_journal(folder)
    assert log.read_bytes() == evidence
    troubles: list[tuple[str, str]] = []
    journal = open_journal(folder, troubles, accept_damage=True)
    ((kind, words),) = troubles
    assert kind == "damaged"
    (kept,) = folder.glob("journal.db-wal.damaged-*")
    assert kept.name in words
    assert kept.read_bytes() == evidence
    assert kept.stat().st_mode & 0o777 == 0o600
    await store(journal, arrival(100))
    await journal.close()
    assert counters_agree(folder)


def test_where_the_database_file_is_further_than_the_log_the_log_is_left_out_as_a_whole(
    tmp_path: Path,
) -> None:
    folder = tmp_path / "copy"
    folder.mkdir()
    with closing(sqlite3.connect(tmp_path / "journal.db", isolation_level=None)) as connection:
        connection.execute("PRAGMA journal_mode=WAL")
        connection.execute("CREATE TABLE row (id INTEGER PRIMARY KEY, bytes BLOB)")
        with closing(sqlite3.connect(tmp_path / "journal.db", isolation_level=None)) as reader:
            for number in range(20):
                connection.execute("INSERT INTO row (bytes) VALUES (zeroblob(2000))")
                if number == 14:
                    reader.execute("BEGIN")
                    reader.execute("SELECT count(*) FROM row").fetchone()  # the log cannot begin anew
                    connection.execute("PRAGMA wal_checkpoint(PASSIVE)")
            copied(tmp_path, folder)
    change(folder / "journal.db-wal", HEADER + ends(folder)[7] * FRAME - 9)
    damage = find_damage(folder)
    assert damage is not None
    assert damage.database
    set_aside(damage)
    assert rows(folder) == 15  # by the log alone it would be 7, or worse


def test_what_makes_no_whole_database_is_not_gone_on_with(left: Path, tmp_path: Path) -> None:
    log = copied(left, tmp_path)
    change(log, HEADER + 5000)
    with (tmp_path / "journal.db").open("r+b") as file:
        file.seek(3 * 4096)
        file.write(b"\xff" * 4096)
    damage = find_damage(tmp_path)
    assert damage is not None
    with pytest.raises(JournalBroken, match="whole database"):
        set_aside(damage)


def test_a_log_of_64_mb_is_looked_at_within_a_second(tmp_path: Path) -> None:
    with closing(sqlite3.connect(tmp_path / "journal.db", isolation_level=None)) as connection:
        for pragma in ("journal_mode=WAL", "synchronous=OFF", "wal_autocheckpoint=0"):
            connection.execute(f"PRAGMA {pragma}")
        connection.execute("CREATE TABLE row (bytes BLOB)")
        for _ in range(64):
            connection.execute("INSERT INTO row VALUES (zeroblob(1000000))")
        (tmp_path / "copy").mkdir()
        copied(tmp_path, tmp_path / "copy")
    began = perf_counter()
    assert find_damage(tmp_path / "copy") is None
    assert perf_counter() - began < 1
    assert rows(tmp_path / "copy") == 64


def test_who_reads_a_stopped_journal_keeps_its_owner_away_for_a_moment_only(tmp_path: Path) -> None:
    with unowned(tmp_path) as stopped:
        assert not stopped  # there is no journal: nothing can be known
    owner = Ownership.take(tmp_path)
    with unowned(tmp_path) as stopped:
        assert not stopped
    owner.release()
    with unowned(tmp_path) as stopped:
        assert stopped
        with pytest.raises(JournalOwned):
            Ownership.take(tmp_path)
    Ownership.take(tmp_path).release()
