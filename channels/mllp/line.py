"""One outbound MLLP connection: a frame goes out, one comes back, and nothing is mistaken for its answer.

Knows nothing of HL7: which answer belongs to which message is decided by who asks. What it does know is
when a frame came. A frame that nobody had asked for yet is a stray, and never answers a later question.

There is one timer for each connection, set again when it fires; nothing is armed for a message.
"""

from __future__ import annotations

import asyncio
import contextlib
import os
import ssl
from typing import Literal, cast

from channels.mllp.framer import Discarded, Frame, Framer
from channels.mllp.names import Names

__all__ = ["Ending", "Line", "open_line"]

LONGEST_REPLY = 4 * 1024 * 1024
"""Bytes; an acknowledgement with error segments is a few kilobytes, a query's response may be more."""

MOST_STRAYS = 64
"""Frames that may come unasked before the connection is given up."""

Ending = Literal["silent", "closed", "unreadable"]
"""Why no frame came: not in time; the connection ended; what came is no whole frame."""


_NAMES = Names()


class Line(asyncio.Protocol):
    """A connection on which one question at a time is asked. `reply_timeout` in seconds."""

    def __init__(self, reply_timeout: float) -> None:
        self._loop = asyncio.get_running_loop()
        self._timeout = reply_timeout
        self._framer = Framer(LONGEST_REPLY)
        self._transport: asyncio.Transport
        self._waiting: asyncio.Future[bytes | Ending] | None = None
        self._strays: list[bytes] = []
        self._asked = 0.0
        self._unsent = 0
        self._timer: asyncio.TimerHandle | None = None
        self._lost = False

    @property
    def usable(self) -> bool:
        """False once the connection has ended or something on it cannot be understood."""
        return not self._lost and not self._transport.is_closing() and not self._framer.inside

    def take_strays(self) -> list[bytes]:
        """The frames that came while nothing was asked. They are forgotten here."""
        strays, self._strays = self._strays, []
        return strays

    async def ask(self, wire: bytes) -> bytes | Ending:
        """Send a frame and wait for the next one that comes. The time to answer begins when the last byte
        has left, so that a large letter on a slow line gets its time."""
        self._strays.clear()  # what came before the question does not answer it
        self._transport.write(wire)
        self._asked = self._loop.time()
        self._unsent = self._transport.get_write_buffer_size()
        return await self._next()

    async def ask_again(self) -> bytes | Ending:
        """Wait, in the time that is left, for one more frame: the one that came was not the answer."""
        if self._strays:
            return self._strays.pop(0)
        return await self._next()

    def close(self) -> None:
        """End the connection and listen no more. Whoever waits is told `closed`."""
        self._lost = True
        if self._waiting is None and not self._transport.get_write_buffer_size():
            self._transport.close()
        else:
            self._transport.abort()
        self._settle("closed")
        if self._timer is not None:
            self._timer.cancel()

    # -- what asyncio says --------------------------------------------------------------------------

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """The connection stands, its TLS handshake included."""
        self._transport = cast(asyncio.Transport, transport)

    def data_received(self, data: bytes) -> None:
        """The first frame answers the question; the others, and all frames without a question, stray."""
        if self._lost:
            return
        for event in self._framer.receive(data):
            if type(event) is Frame:
                if self._waiting is not None:
                    self._settle(event.body)
                elif len(self._strays) < MOST_STRAYS:
                    self._strays.append(event.body)
                else:
                    self.close()
            elif type(event) is not Discarded:
                self._settle("unreadable")
                self.close()

    def connection_lost(self, _exc: Exception | None) -> None:
        """The connection is gone."""
        self.close()

    # -- waiting ------------------------------------------------------------------------------------

    async def _next(self) -> bytes | Ending:
        if self._lost or self._transport.is_closing():
            return "closed"
        waiting: asyncio.Future[bytes | Ending] = self._loop.create_future()
        self._waiting = waiting
        if self._timer is None:
            self._timer = self._loop.call_at(self._asked + self._timeout, self._look)
        return await waiting

    def _settle(self, outcome: bytes | Ending) -> None:
        waiting, self._waiting = self._waiting, None
        if waiting is not None and not waiting.done():
            waiting.set_result(outcome)

    def _look(self) -> None:
        """Is the answer overdue? Without a question the timer rests until the next one."""
        self._timer = None
        if self._waiting is None:
            return
        now = self._loop.time()
        unsent = self._transport.get_write_buffer_size()
        if unsent < self._unsent:
            self._asked = now  # the peer is still taking the question in
        self._unsent = unsent
        due = self._asked + self._timeout
        if due <= now:
            self._settle("silent")
        else:
            self._timer = self._loop.call_at(due, self._look)


async def open_line(
    host: str,
    port: int,
    *,
    connect_timeout: float,
    reply_timeout: float,
    tls: ssl.SSLContext | None = None,
    server_name: str = "",
) -> Line:
    """Connect, and shake hands where TLS is wanted. Times in seconds.

    Raises ConnectionError, with a text for operators, where that fails or takes too long.
    """
    try:
        async with asyncio.timeout(connect_timeout):
            *others, last = await _NAMES.addresses(host, port)

            async def connect(address: str) -> Line:
                _, line = await asyncio.get_running_loop().create_connection(
                    lambda: Line(reply_timeout),
                    address,
                    port,
                    ssl=tls,
                    server_hostname=(server_name or host) if tls else None,
                )
                return line

            for address in others:
                with contextlib.suppress(OSError):
                    return await connect(address)
            return await connect(last)
    except TimeoutError:
        text = f"cannot connect to {host}:{port}: no connection within {connect_timeout:g} s"
        raise ConnectionError(text) from None
    except OSError as why:
        raise ConnectionError(f"cannot connect to {host}:{port}: {_reason(why)}") from why


def _reason(why: OSError) -> str:
    if isinstance(why, ssl.SSLCertVerificationError):
        return f"TLS: {why.verify_message}"
    if isinstance(why, ssl.SSLError):
        return f"TLS: {(why.reason or 'handshake failed').replace('_', ' ').lower()}"
    if why.errno is not None and why.errno > 0:
        return os.strerror(why.errno)
    return why.strerror or str(why)
