"""Cuts a batch (FHS and BHS envelopes, HL7 v2 chapter 2, 2.10.3) into messages and checks its counts.

Each message keeps its bytes as they came, and gets the header segments of its batch beside them. Knows
nothing of what a message means, nor of what becomes of a batch whose counts are wrong.
"""

from __future__ import annotations

from dataclasses import dataclass

from routes.hl7.charset import BOM
from routes.hl7.cutting import first_segment
from routes.hl7.message import SegmentEnds
from routes.hl7.separators import Unreadable, read_separators

__all__ = ["Batch", "Piece", "split_batch"]

_MARKS = (b"MSH", b"FHS", b"BHS", b"BTS", b"FTS")


@dataclass(frozen=True, slots=True)
class Piece:
    """One message of a batch: its bytes verbatim, and the FHS and BHS segments that it came under."""

    data: bytes
    envelope: bytes


@dataclass(frozen=True, slots=True)
class Batch:
    """What one frame or file held.

    envelope: its first FHS and BHS segments. problems: fixed sentences about counts and trailers that do
    not fit; empty where all is well. unwrapped: several messages without any envelope. said: how many
    messages its BTS trailers say there are; None where one of them does not say so.
    """

    messages: tuple[Piece, ...]
    envelope: bytes = b""
    problems: tuple[str, ...] = ()
    unwrapped: bool = False
    said: int | None = None


def split_batch(data: bytes, segment_ends: SegmentEnds = "cr") -> Batch | None:
    """The messages of a batch, in order; None where the bytes are a single message or no batch at all."""
    start = 3 if data.startswith(BOM) else 0
    wrapped = data[start : start + 3] in (b"FHS", b"BHS")
    marks = _marks(data, start, segment_ends)
    several = sum(name == b"MSH" for _, name in marks) > 1
    if not marks or marks[0][0] != start or not (wrapped or several):
        return None
    if marks[0][1] == b"MSH":
        marks[0] = (0, b"MSH")  # a byte order mark stays with the first message
    reader = _Reader(data, segment_ends)
    ends = [place for place, _ in marks[1:]] + [len(data)]
    for (place, name), end in zip(marks, ends, strict=True):
        reader.take(name, place, end)
    reader.finish()
    messages = tuple(reader.messages)
    return Batch(
        messages, reader.first_envelope, tuple(reader.problems), unwrapped=not wrapped, said=reader.told
    )


def _marks(data: bytes, start: int, segment_ends: SegmentEnds) -> list[tuple[int, bytes]]:
    """Where header and trailer segments begin, and their names. Only looks behind segment ends."""
    stops = (b"\r", b"\n") if segment_ends == "any" else (b"\r",)
    found: list[tuple[int, bytes]] = []
    for name in _MARKS:
        if data.startswith(name, start) and _is_mark(data, start):
            found.append((start, name))
        place = data.find(name, start + 1)
        while place >= 0:
            if data[place - 1 : place] in stops and _is_mark(data, place):
                found.append((place, name))
            place = data.find(name, place + 3)
    return sorted(found)


def _is_mark(data: bytes, place: int) -> bool:
    """Whether a field separator follows the name (a bare trailer, `BTS` and no more, counts too)."""
    following = data[place + 3 : place + 4]
    if following in (b"\r", b"\n", b""):
        return data[place : place + 3] in (b"BTS", b"FTS")
    try:
        read_separators(data[place : place + 64])
    except Unreadable:
        return False
    return True


class _Reader:
    """Goes through the marks of one file and keeps count."""

    def __init__(self, data: bytes, segment_ends: SegmentEnds) -> None:
        self.data = data
        self.segment_ends = segment_ends
        self.messages: list[Piece] = []
        self.problems: list[str] = []
        self.first_envelope = b""
        self.file_header = b""
        self.batch_header = b""
        self.in_file = False
        self.in_batch = False
        self.batches = 0
        self.batches_in_all = 0
        self.in_this_batch = 0
        self.said: list[int | None] = []  # for each batch, what its trailer says

    @property
    def told(self) -> int | None:
        """How many messages the trailers say there are, where each batch has one that does."""
        counts = [count for count in self.said if count is not None]
        return sum(counts) if counts and len(counts) == len(self.said) == self.batches_in_all else None

    def take(self, name: bytes, place: int, end: int) -> None:
        """One marked segment with everything up to the next mark."""
        if name == b"MSH":
            self.messages.append(Piece(self.data[place:end], self.file_header + self.batch_header))
            self.in_this_batch += 1
            return
        own_end, following = first_segment(self.data, place, self.segment_ends)
        if self.data[following:end].strip():
            self.problems.append("segments stand outside any message of the batch")
        if name == b"FHS":
            self._open_file(self.data[place:following])
        elif name == b"BHS":
            self._open_batch(self.data[place:following])
        elif name == b"BTS":
            self._close_batch(self.data[place:own_end])
        else:
            self._close_file(self.data[place:own_end])

    def finish(self) -> None:
        """The end of the data."""
        if self.in_batch:
            self.problems.append("the batch has no BTS trailer")
        if self.in_file:
            self.problems.append("the file has no FTS trailer")

    def _open_file(self, header: bytes) -> None:
        if self.in_file:
            self.problems.append("a second FHS comes before the FTS trailer")
        self.in_file, self.file_header, self.batch_header, self.batches = True, header, b"", 0
        self._note_envelope()

    def _open_batch(self, header: bytes) -> None:
        if self.in_batch:
            self.problems.append("the batch has no BTS trailer")
        self.in_batch, self.batch_header, self.in_this_batch = True, header, 0
        self.batches += 1
        self.batches_in_all += 1
        self._note_envelope()

    def _close_batch(self, trailer: bytes) -> None:
        if not self.in_batch:
            self.problems.append("a BTS trailer comes without its BHS")
        self.said.append(
            self._compare(trailer, self.in_this_batch, "BTS-1 does not equal the number of messages")
        )
        self.in_batch, self.batch_header, self.in_this_batch = False, b"", 0

    def _close_file(self, trailer: bytes) -> None:
        if self.in_batch:
            self.problems.append("the batch has no BTS trailer")
            self.in_batch = False
        if not self.in_file:
            self.problems.append("an FTS trailer comes without its FHS")
        self._compare(trailer, self.batches, "FTS-1 does not equal the number of batches")
        self.in_file, self.file_header, self.batch_header = False, b"", b""

    def _compare(self, trailer: bytes, counted: int, complaint: str) -> int | None:
        """Check a trailer's count; gives it. It is optional (2.15.3, 2.15.7): an empty one says nothing."""
        declared = trailer.split(trailer[3:4])[1].strip() if len(trailer) > 3 else b""
        said = int(declared[:9]) if declared.isdigit() else None
        if declared and said != counted:
            self.problems.append(complaint)
        return said

    def _note_envelope(self) -> None:
        if not self.messages:
            self.first_envelope = self.file_header + self.batch_header
