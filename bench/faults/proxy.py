"""A TCP proxy that misbehaves as it is told: slices, delays, cuts, resets, eats answers, swallows all.

Knows nothing of HL7: it stands for a network.
"""

from __future__ import annotations

import asyncio
import contextlib
import random
import socket
import struct
from typing import Literal

__all__ = ["Manner", "Proxy"]

Manner = Literal[
    "pass",
    "slice",  # pieces of random size, with a turn of the loop between them
    "cut",  # part of what comes is passed on, then both sides are reset
    "reset",  # all of it is passed on, then both sides are reset at once
    "eat",  # the answer is swallowed, and both sides are reset
    "swallow",  # nothing is passed on, in either direction, and nobody is told
]

_CHUNK = 65536


class Proxy:
    """Listens at `port` and speaks to `target`. `manner` holds for what comes from now on; `rate` is the
    share of the pieces to which it happens; `struck` counts them."""

    def __init__(self, port: int, target: int, chance: random.Random) -> None:
        self.port = port
        self.target = target
        self._manner: Manner = "pass"
        self._open = asyncio.Event()  # not while everything is swallowed
        self._open.set()
        self.rate = 1.0
        self.delay = 0.0  # seconds, of every piece
        self.struck = 0
        self._chance = chance
        self._server: asyncio.Server | None = None
        self._live: set[asyncio.StreamWriter] = set()

    @property
    def manner(self) -> Manner:
        """What happens to the pieces."""
        return self._manner

    @manner.setter
    def manner(self, manner: Manner) -> None:
        self._manner = manner
        if manner == "swallow":
            self._open.clear()
        else:
            self._open.set()

    async def open(self) -> None:
        """Listen."""
        self._server = await asyncio.start_server(self._serve, "127.0.0.1", self.port)

    def close(self) -> None:
        """End everything."""
        if self._server is not None:
            self._server.close()
        self.reset_all()

    def reset_all(self) -> None:
        """Reset every connection, as a firewall does that has lost its state."""
        for writer in list(self._live):
            _reset(writer)

    async def _serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        try:
            far_reader, far_writer = await asyncio.open_connection("127.0.0.1", self.target)
        except OSError:
            _reset(writer)
            return
        pair = (writer, far_writer)
        self._live.update(pair)
        pumps = [
            asyncio.create_task(self._pump(reader, far_writer, pair, upwards=True)),
            asyncio.create_task(self._pump(far_reader, writer, pair, upwards=False)),
        ]
        try:
            await asyncio.wait(pumps, return_when=asyncio.FIRST_COMPLETED)
        finally:
            for pump in pumps:
                pump.cancel()
            await asyncio.gather(*pumps, return_exceptions=True)
            for end in pair:
                end.close()
            self._live.difference_update(pair)

    async def _pump(
        self,
        reader: asyncio.StreamReader,
        writer: asyncio.StreamWriter,
        pair: tuple[asyncio.StreamWriter, asyncio.StreamWriter],
        *,
        upwards: bool,
    ) -> None:
        """One direction, to its end. upwards: from the client to the target."""
        with contextlib.suppress(OSError):
            while data := await reader.read(_CHUNK):
                if self.delay:
                    await asyncio.sleep(self.delay)
                await self._open.wait()
                strikes = self._chance.random() < self.rate
                match self.manner:
                    case "slice" if strikes:
                        self.struck += 1
                        await self._slice(data, writer)
                        continue
                    case "cut" if strikes and upwards:
                        writer.write(data[: self._chance.randrange(len(data))])
                    case "reset" if strikes and upwards:
                        writer.write(data)
                    case "eat" if strikes and not upwards:
                        pass
                    case _:
                        writer.write(data)
                        await writer.drain()
                        continue
                self.struck += 1
                if upwards:
                    await writer.drain()
                    await asyncio.sleep(0)
                for end in pair:
                    _reset(end)
                return

    async def _slice(self, data: bytes, writer: asyncio.StreamWriter) -> None:
        while data:
            size = self._chance.randint(1, max(1, len(data) // 3))
            writer.write(data[:size])
            data = data[size:]
            await writer.drain()
            await asyncio.sleep(0)


def _reset(writer: asyncio.StreamWriter) -> None:
    """RST, not FIN: what lies unread at the other side is gone."""
    sock: socket.socket | None = writer.get_extra_info("socket")
    if sock is not None:
        with contextlib.suppress(OSError):
            sock.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
    writer.transport.abort()
