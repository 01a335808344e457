"""MLLP as the simulated systems speak it: a sender that waits for each answer, and a receiver's frames.

Its own few lines on asyncio streams, not Gatepost's framer: a foreign system would have its own as well.
Knows nothing of who is simulated.
"""

from __future__ import annotations

import asyncio

__all__ = ["Line", "acknowledgement", "control_id", "frame", "read_body"]

END = b"\x1c\r"
LIMIT = 64 * 1024 * 1024  # bytes of one message


def frame(body: bytes) -> bytes:
    """The body between VT and FS CR."""
    return b"\x0b" + body + END


async def read_body(reader: asyncio.StreamReader) -> bytes | None:
    """The next message's body, or None where the peer has closed. Raises ValueError for what is not MLLP."""
    try:
        data = await reader.readuntil(END)
    except asyncio.IncompleteReadError as short:
        if short.partial:
            raise ValueError("the connection ended inside a frame") from short
        return None
    if data[:1] != b"\x0b":
        raise ValueError("bytes outside a frame")
    return data[1:-2]


def control_id(body: bytes) -> str:
    """MSH-10, or "" where there is none."""
    fields = body[: body.find(b"\r")].split(b"|", 10)
    return fields[9].decode("latin-1") if len(fields) > 9 else ""


def acknowledgement(body: bytes, code: str = "AA") -> bytes:
    """A practice's answer in original mode (HL7 v2.5.1, 2.9.2): MSH and MSA, with the same MSH-10."""
    fields = body[: body.find(b"\r")].split(b"|")
    version = fields[11].split(b"^")[0] if len(fields) > 11 else b"2.5.1"
    control = fields[9] if len(fields) > 9 else b""
    head = b"MSH|^~\\&|GPSYSTEM|PRACTICE|GATEPOST||||ACK|A%s|P|%s\r" % (control, version)
    return head + b"MSA|%s|%s\r" % (code.encode("ascii"), control)


class Line:
    """One sender's connection: opened when needed, one message at a time, each answer checked."""

    def __init__(self, host: str, port: int, patience: float) -> None:
        self._where = (host, port)
        self._patience = patience
        self._streams: tuple[asyncio.StreamReader, asyncio.StreamWriter] | None = None

    async def send(self, body: bytes) -> tuple[str, str]:
        """Send, and return the answer's MSA-1 and MSA-2.

        Raises OSError (TimeoutError and ConnectionError are such) where no answer came, and ValueError
        where it cannot be read; the connection is closed then, and the message may be sent again.
        """
        try:
            async with asyncio.timeout(self._patience):
                reader, writer = await self._open()
                writer.write(frame(body))
                await writer.drain()
                answer = await read_body(reader)
            if answer is None:
                raise ConnectionResetError("closed without an answer")
            return _msa(answer)
        except (OSError, ValueError):
            self.close()
            raise

    def close(self) -> None:
        """Close the connection, where there is one."""
        if self._streams is not None:
            self._streams[1].close()
            self._streams = None

    async def _open(self) -> tuple[asyncio.StreamReader, asyncio.StreamWriter]:
        if self._streams is None:
            self._streams = await asyncio.open_connection(*self._where, limit=LIMIT)
        return self._streams


def _msa(answer: bytes) -> tuple[str, str]:
    for segment in answer.split(b"\r"):
        if segment.startswith(b"MSA|"):
            fields = segment.decode("latin-1").split("|")
            return fields[1], fields[2] if len(fields) > 2 else ""
    raise ValueError("no MSA in the answer")
