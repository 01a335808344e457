"""Looks at a site folder's files from outside: what they are now, and whether a change has come to rest.

Names, sizes and times only; nothing is read. A folder that is being changed (an editor that saves in two
steps, a checkout of many files) is left alone until it has stood still. Must not know what is done about it.
"""

from __future__ import annotations

import time
from collections.abc import Iterable, Iterator, Mapping
from pathlib import Path

from engine.site.files import FOLDERS, ROOT_FILES, SAMPLES

__all__ = ["Settling", "Snapshot", "State", "snapshot", "snapshot_of"]

State = tuple[int, int, int]
"""Time of change (ns), size, and inode: a file that was replaced has another inode."""
Snapshot = Mapping[str, State]
"""By path."""

GIT_LOCK = Path(".git", "index.lock")
STALE = 60.0  # seconds


def snapshot(folder: Path, beside: Iterable[Path] = ()) -> Snapshot:
    """The site's files as they are now. beside: files elsewhere that it depends on, certificates for one.

    Paths begin with the real folder, so that snapshots by different ways to it are alike.
    """
    return snapshot_of((*_files(folder.resolve()), *beside))


def snapshot_of(files: Iterable[Path]) -> Snapshot:
    """These files as they are now."""
    found: dict[str, State] = {}
    for path in files:
        try:
            status = path.stat()
        except OSError:
            continue  # gone again, or not ours to read: the snapshots differ, or loading says so
        found[str(path)] = (status.st_mtime_ns, status.st_size, status.st_ino)
    return found


def _files(folder: Path) -> Iterator[Path]:
    for name in ROOT_FILES:
        yield folder / name
    for room in (*FOLDERS, SAMPLES):
        try:
            found = list((folder / room).rglob("*") if room == SAMPLES else (folder / room).iterdir())
        except OSError:
            continue  # there need not be such a room
        yield from (path for path in found if not path.name.startswith(".") and not path.name.endswith("~"))
    yield from _git_lock(folder)


def _git_lock(folder: Path) -> Iterator[Path]:
    """The file by which git says that it is changing files. One that has lain there long is a crash's."""
    for place in (folder, *folder.parents):
        if not (place / ".git").is_dir():
            continue
        lock = place / GIT_LOCK
        try:
            if time.time() - lock.stat().st_mtime < STALE:
                yield lock
        except OSError:
            return  # no lock: git is at rest
        return


class Settling:
    """Tells of each change once, when it has stood still for `settle` seconds."""

    def __init__(self, settle: float) -> None:
        self._settle = settle
        self._candidate: Snapshot | None = None
        self._since = 0.0

    @property
    def moving(self) -> bool:
        """True while a change has been seen and has not stood still for long enough."""
        return self._candidate is not None

    def look(self, now: float, known: Snapshot, seen: Snapshot) -> bool:
        """True where what is `seen` now differs from what is `known`, has stood still, and no version control
        is at work in the folder. now: seconds of a clock that never goes back."""
        if seen == known:
            self._candidate = None
            return False
        if seen != self._candidate or any(path.endswith(str(GIT_LOCK)) for path in seen):
            self._candidate, self._since = seen, now
            return False
        if now - self._since < self._settle:
            return False
        self._candidate = None
        return True
