"""MLLP framing without I/O: bytes in, events out (HL7 MLLP release 1: VT body FS CR).

Knows nothing of sockets, clocks, HL7 or acknowledgements. Events carry bodies or lengths, never a piece
of what was thrown away.

The rules:

1. A frame begins with VT and ends with FS CR. Both ends may be cut anywhere between two reads.
2. Bytes outside a frame are discarded and counted.
3. FS without CR is payload.
4. VT inside an open frame: the unfinished part is discarded as truncated, and a new frame begins.
5. A body over the limit is reported as soon as the limit is passed; the stream is then lost, and
   everything after it is ignored. No more than the limit is ever kept.

Every byte is searched once: a part that was searched is put aside, and only the two bytes of the end
mark need a look across the seam.
"""

from __future__ import annotations

from dataclasses import dataclass

__all__ = ["Discarded", "Event", "Frame", "Framer", "TooLong", "Truncated", "Unframeable", "frame"]

VT = b"\x0b"
FS = b"\x1c"
END = b"\x1c\r"
_FS, _CR = 0x1C, 0x0D


@dataclass(frozen=True, slots=True)
class Frame:
    """A complete frame. `body` is what stood between VT and FS CR."""

    body: bytes


@dataclass(frozen=True, slots=True)
class Discarded:
    """So many bytes stood outside any frame."""

    count: int


@dataclass(frozen=True, slots=True)
class Truncated:
    """A frame was never finished: so many bytes of it had come, its VT included."""

    count: int


@dataclass(frozen=True, slots=True)
class TooLong:
    """A body passed the limit with its byte number `count`. The stream cannot be followed any further."""

    count: int


Event = Frame | Discarded | Truncated | TooLong


class Unframeable(ValueError):
    """These bytes cannot travel in an MLLP frame: the peer would cut them in the wrong place."""


def frame(body: bytes) -> bytes:
    """The body between VT and FS CR.

    Raises Unframeable where it holds VT or FS CR, or ends with FS (which would end the frame a byte early
    for peers that are satisfied with FS, and would blur the end mark for the others).
    """
    if VT in body:
        raise Unframeable("the message holds the byte 0B (VT), which begins a frame")
    if FS in body:
        if END in body:
            raise Unframeable("the message holds the bytes 1C 0D (FS CR), which end a frame")
        if body.endswith(FS):
            raise Unframeable("the message ends with the byte 1C (FS), which belongs to the end of a frame")
    return b"".join((VT, body, END))


class Framer:
    """Cuts one byte stream into frames. `max_frame` bounds a body, in bytes."""

    __slots__ = ("_held", "_lost", "_max", "_open")

    def __init__(self, max_frame: int) -> None:
        self._max = max_frame
        self._held = bytearray()  # the searched beginning of an open body
        self._open = False
        self._lost = False

    @property
    def buffered(self) -> int:
        """How many bytes of an unfinished body are kept."""
        return len(self._held)

    @property
    def inside(self) -> bool:
        """True while a frame is open."""
        return self._open

    def receive(self, data: bytes) -> list[Event]:
        """The events that these bytes bring, in stream order."""
        events: list[Event] = []
        size = len(data)
        at = 0
        end = -1  # the end mark ahead; searched for once, so that a run of VTs does not repeat the search
        while at < size and not self._lost:
            if not self._open:
                at = self._begin(data, at, events)
                continue
            held = self._held
            if held and held[-1] == _FS and data[at] == _CR:
                self._finish(data, at, -1, events)
                at += 1
                continue
            if end < at:
                end = data.find(END, at)
                if end < 0:
                    end = size
            begin = data.find(VT, at, end)
            if begin >= 0:
                self._abandon(begin - at, events)
                at = begin + 1
            elif end < size:
                self._finish(data, at, end, events)
                at = end + 2
            else:
                self._keep(data, at, events)
                at = size
        return events

    def end(self) -> list[Event]:
        """The stream has ended: an open frame is truncated. Nothing is kept."""
        if not self._open or self._lost:
            return []
        count = len(self._held) + 1
        self._held = bytearray()
        self._open = False
        return [Truncated(count)]

    def _begin(self, data: bytes, at: int, events: list[Event]) -> int:
        """Look for the beginning of a frame; the position behind its VT, or the end of the data."""
        begin = data.find(VT, at)
        if begin < 0:
            events.append(Discarded(len(data) - at))
            return len(data)
        if begin > at:
            events.append(Discarded(begin - at))
        self._open = True
        return begin + 1

    def _finish(self, data: bytes, at: int, end: int, events: list[Event]) -> None:
        """The body ends before data[end]; an `end` of -1 says that its FS is the last byte held."""
        held = self._held
        if end < 0:
            del held[-1]
        size = len(held) + max(0, end - at)
        if size > self._max:
            self._lose(events)
            return
        self._open = False
        if not held:
            events.append(Frame(data[at:end] if end >= 0 else b""))
            return
        if end > at:
            held += memoryview(data)[at:end]
        events.append(Frame(bytes(held)))
        self._held = bytearray()

    def _abandon(self, more: int, events: list[Event]) -> None:
        """VT in an open frame, `more` bytes further on: give the unfinished part up."""
        size = len(self._held) + more
        if size > self._max:
            self._lose(events)
            return
        events.append(Truncated(size + 1))
        if self._held:
            self._held = bytearray()

    def _keep(self, data: bytes, at: int, events: list[Event]) -> None:
        """All the rest belongs to an unfinished body. Its last FS may yet prove to be the end mark."""
        size = len(self._held) + len(data) - at
        if size - (data[-1] == _FS) > self._max:
            self._lose(events)
        else:
            self._held += memoryview(data)[at:] if at else data

    def _lose(self, events: list[Event]) -> None:
        events.append(TooLong(self._max + 1))
        self._held = bytearray()
        self._lost = True
