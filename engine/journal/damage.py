"""Finds out, before a journal is opened for writing, whether its log has lost something that was committed.

SQLite reads the log up to the first frame that does not fit and drops the rest without a word. Where a crash
cut off the last, unfinished transaction, that is right: nobody was told of it. Where a disk has changed or
lost bytes, commits that were acknowledged stand behind. What tells the two apart:

- The index (`-shm`) says how much was committed. It is written after each sync, so it never says too much.
- Without it: a second transaction is begun only when the first one is synced. So at most one whole
  transaction may stand behind a torn frame; and a frame in which a single word has changed is not torn.

Knows nothing of the journal's tables.
"""

from __future__ import annotations

import contextlib
import os
import shutil
import sqlite3
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path

from engine.journal.contract import JournalBroken
from engine.journal.schema import DATABASE, LOG, has_log
from engine.journal.wal import Log, Published, published

__all__ = ["Damage", "JournalDamaged", "find_damage", "set_aside"]

INDEX = f"{DATABASE}-shm"
_LEAST_PAGE = 512
_MARK = 1  # the word of a frame that says whether a transaction ends there


@dataclass(frozen=True, slots=True)
class Damage:
    """What is wrong with a log. taken: frames that SQLite would take. place: where in the file the damage
    begins. behind: whole committed transactions after it. exact: whether the index proves it. database: the
    database file by itself holds more than the database with what is whole of the log."""

    folder: Path
    taken: int
    frames: int
    place: int
    what: str
    behind: int
    exact: bool
    database: bool

    @property
    def lost(self) -> str:
        """How much stands behind the damage, in words."""
        if not self.behind:
            return "the transaction there"
        return f"the transaction there, and {self.behind} whole behind it"

    def __str__(self) -> str:
        return (
            f"the journal's log {self.folder / LOG} is damaged at byte {self.place}: {self.what}. SQLite "
            f"would leave out what follows without a word: {self.lost}. Messages that were acknowledged may "
            "be among them. Nothing was changed. Restore the journal from redundant storage or a backup; or "
            "start with `gatepost run --accept-damage`, which keeps the damaged log as evidence and goes on "
            "with what is whole"
        )


class JournalDamaged(JournalBroken):
    """The log has lost something that was committed. Nothing was changed."""

    def __init__(self, damage: Damage) -> None:
        super().__init__(str(damage))
        self.damage = damage


def find_damage(folder: Path) -> Damage | None:
    """Look at the log of a journal that no process has open. Changes no log and no database file. Raises
    sqlite3.Error where the database file cannot be read."""
    path, database = folder / LOG, folder / DATABASE
    if not has_log(folder):
        return None
    noted = published(folder / INDEX)  # before SQLite looks, which makes the index anew
    taken = _taken(folder)
    with Log(path, _page_size(database)) as log:
        found = _look(log, noted, taken)
        if found is None:
            return None
        place, what, exact = found
        salts = log.salts if log.sound else log.frame(1).salts
        behind = sum(1 for frame in log.behind(taken + 1) if frame.commit and frame.salts == salts)
        database_has_more = (
            noted is not None
            and noted.salts == salts
            and taken <= noted.backfilled == noted.attempted
            and noted.backfilled > 0
        )
        return Damage(folder, taken, log.frames, place, what, behind, exact, database_has_more)


def set_aside(damage: Damage) -> Path:
    """Keep the damaged log as evidence, so that the journal can be opened with what is whole. Where the log
    is kept. Raises JournalBroken where what is whole does not make a whole database."""
    folder = damage.folder
    kept = folder / f"{LOG}.damaged-{datetime.now(UTC):%Y%m%dT%H%M%SZ}"
    shutil.copyfile(folder / LOG, kept)
    kept.chmod(0o600)
    for path in (kept, folder):
        _sync(path)
    if damage.database:  # older pages of the log would hide newer ones in the database file
        (folder / LOG).unlink()
        with contextlib.suppress(FileNotFoundError):
            (folder / INDEX).unlink()
        _sync(folder)
    with contextlib.closing(_open(folder)) as connection:
        (said,) = connection.execute("PRAGMA quick_check(1)").fetchone()
    if said != "ok":
        raise JournalBroken(
            f"what is whole of the journal in {folder} does not make a whole database; restore it from "
            f"redundant storage or a backup. The damaged log is kept as {kept.name}"
        )
    return kept


def _look(log: Log, noted: Published | None, taken: int) -> tuple[int, str, bool] | None:
    """Where the damage is, what it is, and whether the index proves it; None where there is none."""
    if not log.sound:
        return _bad_header(log, noted)
    if noted is not None and noted.salts == log.salts and noted.frames > taken:
        if log.frames < noted.frames:
            what = f"the file ends in frame {log.frames + 1}, and had {noted.frames} when it was left"
            return log.size, what, True
        return (*_named(log, _first_bad(log, taken, noted.frames) or taken + 1), True)
    first = _first_bad(log, taken, log.frames)
    if first and ((_single(log, first) and _ended(log, first)) or _synced_behind(log, first)):
        return (*_named(log, first), False)
    return None


def _first_bad(log: Log, taken: int, last: int) -> int:
    """The first frame that is not whole; 0: all are. SQLite takes whole ones only of a whole transaction."""
    for number in range(taken + 1, last + 1):
        if log.frame(number).salts != log.salts or not log.fits(number):
            return number
    return 0


def _named(log: Log, number: int) -> tuple[int, str]:
    what = f"frame {number} of {log.frames} does not fit its checksum"
    if _single(log, number):
        what += ", and a single changed word explains it"
    return log.place(number), what


def _single(log: Log, number: int) -> bool:
    """Whether a change in a single place makes this frame of the log not fit: a torn one differs in many."""
    frame = log.frame(number)
    if log.fits(number):
        return True  # only its salts are others
    if frame.salts != log.salts:
        return False  # left over from before the log was begun anew
    same = (ours == stored for ours, stored in zip(log.computed(number), frame.sums, strict=True))
    return any(same) or bool(log.explained(number))


def _ended(log: Log, number: int) -> bool:
    """Whether the transaction of this frame was written to its end, or may have been."""
    if not log.fits(number) and _MARK in log.explained(number):
        return True
    return any(
        frame.commit and (frame.salts == log.salts or frame.number == number)
        for frame in log.behind(number - 1)
    )


def _synced_behind(log: Log, number: int) -> bool:
    """Whether something behind this frame proves that it had been synced: the beginning of a transaction
    after the end of another."""
    ended = False
    for frame in log.behind(number - 1):
        if frame.salts == log.salts:
            if ended:
                return True
            ended = bool(frame.commit)
    return False


def _bad_header(log: Log, noted: Published | None) -> tuple[int, str, bool] | None:
    """Whether a log whose header does not fit had anything in it."""
    if not log.frames:
        return None
    salts = log.frame(1).salts
    proven = noted is not None and noted.frames > 0 and noted.salts == salts
    chained = log.frames > 1 and log.frame(2).salts == salts and log.fits(2)
    if proven or chained or log.fits(1):
        return 0, "its header does not fit its checksum, so that nothing of the log would be read", proven
    return None


def _taken(folder: Path) -> int:
    """How many frames SQLite takes. A connection that cannot write leaves log and database as they are."""
    with contextlib.closing(_open(folder)) as connection:
        connection.execute("SELECT count(*) FROM sqlite_schema").fetchone()
    found = published(folder / INDEX)
    return 0 if found is None else found.frames


def _open(folder: Path) -> sqlite3.Connection:
    return sqlite3.connect(f"{(folder / DATABASE).resolve().as_uri()}?mode=ro", uri=True)


def _page_size(database: Path) -> int:
    with database.open("rb") as file:
        said = int.from_bytes(file.read(18)[16:18], "big")
    return 65536 if said == 1 else max(said, _LEAST_PAGE)


def _sync(path: Path) -> None:
    handle = os.open(path, os.O_RDONLY | os.O_CLOEXEC)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)
