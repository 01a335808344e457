"""What the listener's tests share: an intake that records, a listener on a free port, and plain peers."""

from __future__ import annotations

import asyncio
import socket
import struct
import time
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager, suppress
from dataclasses import dataclass, field
from typing import Any

from channels.mllp import Listener, Note, Slot
from channels.mllp.framer import Frame, Framer

PATIENCE = 10.0
"""Seconds after which a test gives up waiting for something that should have happened."""


async def until(condition: Callable[[], object], seconds: float = PATIENCE) -> None:
    """Wait for a condition; fail where it does not come."""
    deadline = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < deadline, "the condition never came"
        await asyncio.sleep(0.002)


@dataclass
class RecordingIntake:
    """Keeps what it is told. Answers each frame at once with `reply`, or keeps the slots where it is None."""

    reply: Callable[[bytes], bytes | None] | None = lambda frame: b"OK " + frame
    frames: list[bytes] = field(default_factory=list)
    slots: list[Slot] = field(default_factory=list)
    notes: list[Note] = field(default_factory=list)

    def take(self, frame: bytes, slot: Slot) -> None:
        self.frames.append(frame)
        self.slots.append(slot)
        if self.reply is not None:
            slot.answer(self.reply(frame))

    def note(self, what: Note) -> None:
        self.notes.append(what)

    def noted(self, kind: str) -> list[Note]:
        return [note for note in self.notes if note.kind == kind]


def holding() -> RecordingIntake:
    """An intake that answers nothing by itself."""
    return RecordingIntake(reply=None)


@asynccontextmanager
async def serving(intake: RecordingIntake, **settings: Any) -> AsyncIterator[Listener]:
    """A listener for the feed `ward` on a free port of the loopback."""
    listener = Listener("ward", "127.0.0.1", 0, intake, **settings)
    await listener.start()
    try:
        yield listener
    finally:
        await listener.stop(0.2)


class Peer:
    """A sending system as plain as can be: asyncio streams, and a framer for the answers."""

    def __init__(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self.reader = reader
        self.writer = writer
        self._framer = Framer(1 << 20)
        self._answers: list[bytes] = []

    @classmethod
    async def connect(cls, listener: Listener, **settings: Any) -> Peer:
        return await cls.to(listener.address, **settings)

    @classmethod
    async def to(cls, address: tuple[str, int], **settings: Any) -> Peer:
        return cls(*await asyncio.open_connection(*address, **settings))

    def write(self, *pieces: bytes) -> None:
        for piece in pieces:
            self.writer.write(piece)

    def send(self, *bodies: bytes) -> None:
        """Frames, all in one write."""
        self.writer.write(b"".join(b"\x0b" + body + b"\x1c\r" for body in bodies))

    async def answer(self) -> bytes:
        """The next answer. Fails where the connection ends before, or none comes."""
        async with asyncio.timeout(PATIENCE):
            while not self._answers:
                data = await self.reader.read(65536)
                assert data, "the connection ended before an answer"
                self._answers += [e.body for e in self._framer.receive(data) if isinstance(e, Frame)]
        return self._answers.pop(0)

    async def answers(self, count: int) -> list[bytes]:
        return [await self.answer() for _ in range(count)]

    async def rest(self) -> bytes:
        """Everything up to the end of the connection, however it ends."""
        out = b""
        async with asyncio.timeout(PATIENCE):
            with suppress(ConnectionError):  # a reset is an end, too
                while data := await self.reader.read(65536):
                    out += data
        return out

    def reset(self) -> None:
        """End the connection with RST."""
        sock = self.writer.get_extra_info("socket")
        sock.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
        self.writer.transport.abort()

    async def close(self) -> None:
        self.writer.close()
        with suppress(OSError):  # the other side may have closed it already
            await self.writer.wait_closed()
