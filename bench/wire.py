"""MLLP as the bench speaks it: just enough framing for a load client, a sink and the reference servers.

Knows nothing of the engine and shares no code with it, so that the two check each other. It is strict
where the engine is lenient: junk before VT or a frame without FS CR ends the connection.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable

__all__ = [
    "END",
    "START",
    "Frames",
    "Server",
    "answer",
    "application_answer",
    "frame",
    "header",
    "sequence",
    "serve",
]

START = b"\x0b"
END = b"\x1c\r"

Reply = Callable[[bytes], None]
Received = Callable[[bytes, Reply], None]


class Frames:
    """Cuts a byte stream into message bodies. Raises ValueError where the stream is not MLLP."""

    __slots__ = ("_buffer", "_searched")

    def __init__(self) -> None:
        self._buffer = bytearray()
        self._searched = 0

    def feed(self, data: bytes) -> list[bytes]:
        """Bodies completed by `data`, oldest first."""
        buffer = self._buffer
        buffer += data
        bodies: list[bytes] = []
        begin = 0
        while True:
            end = buffer.find(END, max(begin, self._searched))
            if end < 0:
                break
            if buffer[begin] != 0x0B:
                raise ValueError("bytes outside a frame")
            bodies.append(bytes(buffer[begin + 1 : end]))
            begin = end + 2
            self._searched = begin
        if begin:
            del buffer[:begin]
        if buffer and buffer[0] != 0x0B:
            raise ValueError("bytes outside a frame")
        self._searched = max(0, len(buffer) - 1)
        return bodies


def frame(body: bytes) -> bytes:
    """The body between VT and FS CR."""
    return START + body + END


def header(body: bytes) -> list[bytes]:
    """The fields of MSH, so that `header(body)[9]` is MSH-10. Assumes `|` and CR."""
    end = body.find(b"\r")
    return body[: end if end >= 0 else len(body)].split(b"|")


def application_answer(own: str, control: str, address: str, code: str = "AA") -> bytes:
    """What a practice's application says of a message, later and by a message of its own; not framed."""
    msh = f"MSH|^~\\&|SURGERY|{address}|BENCHLAB|NFD|20260105100000||ACK|{own}|P|2.5"
    return f"{msh}\rMSA|{code}|{control}\r".encode("ascii")


def answer(body: bytes, code: bytes = b"AA") -> bytes:
    """A framed acknowledgement in original mode, with the sender's control id (HL7 v2.5.1, 2.9.2)."""
    msh = header(body)
    control = msh[9] if len(msh) > 9 else b""
    version = msh[11] if len(msh) > 11 else b"2.5.1"
    return b"".join(
        (
            b"\x0bMSH|^~\\&|SINK|BENCH|||20260105093000||ACK|A",
            control,
            b"|P|",
            version,
            b"\rMSA|",
            code,
            b"|",
            control,
            b"\r\x1c\r",
        )
    )


def sequence(body: bytes) -> tuple[str, str, int]:
    """Stream, address and sequence number from the ZSQ segment; ("", "", 0) where there is none."""
    at = body.rfind(b"\rZSQ|")
    if at < 0:
        return "", "", 0
    parts = body[at + 5 : at + 205].split(b"\r", 1)[0].split(b"|")
    return parts[0].decode("ascii"), parts[1].decode("ascii"), int(parts[2])


class Server(asyncio.Protocol):
    """One connection of an MLLP server: each body goes to `received` with a function that answers it."""

    def __init__(self, received: Received, connections: set[asyncio.Transport]) -> None:
        self._received = received
        self._connections = connections
        self._frames = Frames()
        self._transport: asyncio.Transport | None = None

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """Remember the connection, so that the server can close it at the end."""
        assert isinstance(transport, asyncio.Transport)
        self._transport = transport
        self._connections.add(transport)

    def data_received(self, data: bytes) -> None:
        """Hand over every complete body."""
        try:
            for body in self._frames.feed(data):
                self._received(body, self._write)
        except ValueError:
            self._close()

    def connection_lost(self, _exc: Exception | None) -> None:
        """Forget the connection."""
        if self._transport is not None:
            self._connections.discard(self._transport)
            self._transport = None

    def _write(self, data: bytes) -> None:
        if self._transport is not None and not self._transport.is_closing():
            self._transport.write(data)

    def _close(self) -> None:
        if self._transport is not None:
            self._transport.close()


async def serve(
    received: Received, port: int, host: str = "127.0.0.1"
) -> tuple[asyncio.Server, set[asyncio.Transport]]:
    """Listen; port 0 takes any free one. Returns the server and its live connections."""
    connections: set[asyncio.Transport] = set()
    loop = asyncio.get_running_loop()
    server = await loop.create_server(lambda: Server(received, connections), host, port, backlog=128)
    return server, connections
