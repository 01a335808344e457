"""Reads SQLite's write-ahead log by its documented format (https://www.sqlite.org/fileformat2.html#walformat).

The log is a header and frames, each a page with a header of its own. Checksums are cumulative: that of a
frame continues the one stored with the frame before it, so that a single frame can be checked alone. Knows
nothing of the journal, and never writes. SQLite itself takes frames up to the first that does not fit.
"""

from __future__ import annotations

import os
import struct
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

__all__ = ["FRAME_HEADER", "HEADER", "Frame", "Log", "Published", "changed_words", "published"]

HEADER = 32  # bytes
FRAME_HEADER = 24
_MAGIC = 0x377F0682  # the lowest bit: whether checksums are made of big-endian words
_MASK = 0xFFFFFFFF
_INDEX = struct.Struct("=IIIBBHII8s8s8s")  # one copy of the header of the index, in the machine's own order
_BACKFILLED = 96  # where the index says how many frames the database file has, and 128: may have
_ATTEMPTED = 128

Sums = tuple[int, int]


@dataclass(frozen=True, slots=True)
class Published:
    """What the index (the file `-shm`) says that was committed. It is written after the log was synced, so
    no log on disk may hold less; after a loss of power it may itself be older than the log."""

    frames: int
    salts: bytes
    backfilled: int  # frames that the database file holds
    attempted: int  # frames that it may hold


@dataclass(frozen=True, slots=True)
class Frame:
    """The header of one frame. commit: the database's size in pages where the frame ends a transaction."""

    number: int  # from 1
    page: int
    commit: int
    salts: bytes
    sums: Sums


class Log:
    """An open log. `sound`: its header is whole. Use it as a context."""

    def __init__(self, path: Path, page_size: int) -> None:
        """page_size: that of the database file, for a log whose own header does not say it."""
        self._handle = os.open(path, os.O_RDONLY | os.O_CLOEXEC)
        self.size = os.fstat(self._handle).st_size
        self._head = os.pread(self._handle, HEADER, 0).ljust(HEADER, b"\0")
        magic, _version, page, _sequence = struct.unpack(">4I", self._head[:16])
        self.salts = self._head[16:24]
        self.sums: Sums = struct.unpack(">2I", self._head[24:32])
        self._order = ">" if magic == _MAGIC | 1 else "<"
        self.sound = magic | 1 == _MAGIC | 1 and checksum(self._head[:24], (0, 0), self._order) == self.sums
        self.page_size = page if self.sound else page_size
        self.length = FRAME_HEADER + self.page_size
        self.frames = max(0, self.size - HEADER) // self.length

    def __enter__(self) -> Log:
        return self

    def __exit__(self, *_failure: object) -> None:
        os.close(self._handle)

    def place(self, number: int) -> int:
        """Where a frame begins in the file."""
        return HEADER + (number - 1) * self.length

    def frame(self, number: int) -> Frame:
        """The header of a frame."""
        return _frame(number, os.pread(self._handle, FRAME_HEADER, self.place(number)))

    def behind(self, number: int) -> Iterator[Frame]:
        """The headers of the frames after this one."""
        for later in range(number + 1, self.frames + 1):
            yield self.frame(later)

    def before(self, number: int) -> Sums:
        """The stored checksum that this frame's continues."""
        return self.frame(number - 1).sums if number > 1 else self.sums

    def summed(self, number: int) -> bytes:
        """The bytes of a frame that its checksum covers."""
        content = os.pread(self._handle, self.length, self.place(number))
        return content[:8] + content[FRAME_HEADER:]

    def fits(self, number: int) -> bool:
        """Whether a frame's checksum continues the one that is stored before it."""
        return self.computed(number) == self.frame(number).sums

    def computed(self, number: int) -> Sums:
        """A frame's checksum by its content."""
        return checksum(self.summed(number), self.before(number), self._order)

    def explained(self, number: int) -> list[int]:
        """The words of a frame, by number, of which a change would make it not fit: see `changed_words`."""
        return changed_words(self.summed(number), self.before(number), self.frame(number).sums, self._order)


def _frame(number: int, head: bytes) -> Frame:
    page, commit = struct.unpack_from(">2I", head)
    return Frame(number, page, commit, head[8:16], struct.unpack_from(">2I", head, 16))


def checksum(content: bytes, start: Sums, order: str) -> Sums:
    """SQLite's checksum of some bytes (a multiple of eight), continuing another. order: "<" or ">"."""
    first, second = start
    words = struct.unpack(f"{order}{len(content) // 4}I", content)
    for at in range(0, len(words), 2):
        first = (first + words[at] + second) & _MASK
        second = (second + words[at + 1] + first) & _MASK
    return first, second


def changed_words(content: bytes, start: Sums, stored: Sums, order: str) -> list[int]:
    """Which single words (four bytes) may have been others when the stored checksum was made, each by its
    number. Several where only high bits have changed; none where more than one word has: in all but one
    case of four million.
    """
    found = checksum(content, start, order)
    first, second = (stored[0] - found[0]) & _MASK, (stored[1] - found[1]) & _MASK
    words = []
    a, b, c = 1, 0, 1  # what comes of a change of the sums by the steps behind it: the matrix (a b; b c)
    for number in range(len(content) // 4 - 2, -1, -2):
        if _one(b, c, first, second):
            words.append(number + 1)
        if _one(a + b, b + c, first, second):
            words.append(number)
        a, b, c = (a + b) & _MASK, (b + c) & _MASK, (b + 2 * c) & _MASK
    return words


def _one(left: int, right: int, first: int, second: int) -> bool:
    """Whether one change, times these factors, gives both differences; one of the factors is odd."""
    known, factor = (first, left) if left & 1 else (second, right)
    change = known * pow(factor, -1, _MASK + 1)
    return (change * left - first) & _MASK == 0 and (change * right - second) & _MASK == 0


def published(path: Path) -> Published | None:
    """What the index says; None where there is none, or where it does not agree with itself."""
    try:
        content = path.read_bytes()[: _ATTEMPTED + 4]
    except FileNotFoundError:
        return None
    one, two = content[: _INDEX.size], content[_INDEX.size : 2 * _INDEX.size]
    if len(content) < _ATTEMPTED + 4 or one != two:
        return None
    version, _, _, begun, _, _, frames, _, _, salts, sums = _INDEX.unpack(one)
    own = "<" if struct.pack("=H", 1) == b"\1\0" else ">"
    if version != 3007000 or not begun or checksum(one[:40], (0, 0), own) != struct.unpack("=2I", sums):
        return None
    backfilled, attempted = (struct.unpack_from("=I", content, at)[0] for at in (_BACKFILLED, _ATTEMPTED))
    return Published(frames, salts, backfilled, attempted)
