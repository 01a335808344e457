"""Sending systems that keep at it: one message after the other, each until it is acknowledged.

They are what the soak and the fault rig are judged by, so they write down what they were promised, if asked
to on disk before the next message is sent, and know nothing of the engine.
"""

from __future__ import annotations

import asyncio
import os
import random
import time
from collections import Counter
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path

from bench.messages import Maker
from bench.wire import Frames, frame

__all__ = ["ANSWER_PATIENCE", "Acked", "Ledger", "Senders", "read_answer"]

ANSWER_PATIENCE = 15.0  # seconds; a sender that hears nothing closes, connects and sends again
_PAUSE = 0.02  # seconds before a lost connection is made anew

Connection = tuple[asyncio.StreamReader, asyncio.StreamWriter]


class Ledger:
    """Lines in a file, each on disk before `write` returns."""

    def __init__(self, descriptor: int) -> None:
        self._descriptor = descriptor

    def write(self, line: str) -> None:
        """Append one line, durably."""
        os.write(self._descriptor, line.encode("ascii") + b"\n")
        os.fdatasync(self._descriptor)

    def note(self, line: str) -> None:
        """Append one line, which the death of this process does not lose: what was received, not promised."""
        os.write(self._descriptor, line.encode("ascii") + b"\n")

    @classmethod
    @contextmanager
    def open(cls, path: Path) -> Iterator[Ledger]:
        """A ledger of this run: one that stands there already is an error, and not added to."""
        descriptor = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_APPEND, 0o600)
        try:
            yield cls(descriptor)
        finally:
            os.close(descriptor)


@dataclass(frozen=True, slots=True)
class Acked:
    """One acknowledgement: for which message and practice, when (time.monotonic), and how long after the
    message's first sending, in seconds."""

    control: str
    practice: str
    at: float
    after: float


@dataclass(slots=True)
class Senders:
    """A hospital's systems. `port` may be changed at any time: the next connection goes there.

    resent: how often a message was sent once more. ledger: where each promise is written. pause: seconds
    between an acknowledgement and the next message.
    """

    port: int
    make: Maker
    practices: Sequence[str]
    patience: float = ANSWER_PATIENCE
    ledger: Ledger | None = None
    pause: float = 0.0
    acked: list[str] = field(default_factory=list)
    promises: list[Acked] = field(default_factory=list)
    refused: int = 0
    wrong: int = 0
    resent: int = 0
    stopping: bool = False

    async def run(self, stream: str, chance: random.Random, most: int = 1 << 62) -> None:
        """Send until told to stop, or so many; the message in hand is brought to its acknowledgement."""
        numbers: Counter[str] = Counter()
        connection: Connection | None = None
        count = 0
        while not self.stopping and count < most:
            count += 1
            practice = chance.choice(self.practices)
            numbers[practice] += 1
            control = f"{stream}{count:07d}"
            body = self.make(control, stream, practice, numbers[practice])
            connection = await self._deliver(control, practice, body, connection)
            if self.pause:
                await asyncio.sleep(self.pause)
        if connection is not None:
            connection[1].close()

    async def _deliver(
        self, control: str, practice: str, body: bytes, connection: Connection | None
    ) -> Connection:
        began = time.monotonic()
        sent = 0
        while True:
            try:
                if connection is None:
                    connection = await asyncio.open_connection("127.0.0.1", self.port)
                reader, writer = connection
                writer.write(frame(body))
                sent += 1
                async with asyncio.timeout(self.patience):
                    code, whose = await read_answer(reader)
            except (OSError, EOFError, TimeoutError):
                if connection is not None:
                    connection[1].close()
                    connection = None
                await asyncio.sleep(_PAUSE)
                continue
            self.resent += sent - 1
            if whose != control:
                self.wrong += 1
            elif code == "AA":
                self._promised(Acked(control, practice, time.monotonic(), time.monotonic() - began))
                return connection
            else:
                self.refused += 1
                return connection

    def _promised(self, promise: Acked) -> None:
        if self.ledger is not None:
            self.ledger.write(promise.control)
        self.acked.append(promise.control)
        self.promises.append(promise)


async def read_answer(reader: asyncio.StreamReader) -> tuple[str, str]:
    """MSA-1 and MSA-2 of the next answer. Raises EOFError where the connection ends."""
    frames = Frames()
    while True:
        data = await reader.read(65536)
        if not data:
            raise EOFError
        bodies = frames.feed(data)
        if bodies:
            msa = next(s for s in bodies[0].split(b"\r") if s.startswith(b"MSA")).split(b"|")
            return msa[1].decode(), msa[2].decode()
