"""A plain MLLP client for hand tools: send some messages over one connection, give each answer back.

It judges nothing: what an answer means is the caller's affair. Knows nothing of HL7.
"""

from __future__ import annotations

import ssl
from collections.abc import AsyncIterator, Iterable

from channels.mllp.framer import frame
from channels.mllp.line import open_line

__all__ = ["exchange"]


async def exchange(
    host: str,
    port: int,
    bodies: Iterable[bytes],
    *,
    connect_timeout: float = 10.0,
    reply_timeout: float = 30.0,
    tls: ssl.SSLContext | None = None,
    server_name: str = "",
) -> AsyncIterator[bytes]:
    """Send each body and yield the frame that comes back, one in flight. Times in seconds.

    Raises Unframeable for a body that no frame can hold; ConnectionError, with a text for people, where
    there is no connection or it ends; TimeoutError where no answer comes in time.
    """
    line = await open_line(
        host,
        port,
        connect_timeout=connect_timeout,
        reply_timeout=reply_timeout,
        tls=tls,
        server_name=server_name,
    )
    try:
        for body in bodies:
            reply = await line.ask(frame(body))
            if reply == "silent":
                raise TimeoutError(f"no answer from {host}:{port} within {reply_timeout:g} s")
            if not isinstance(reply, bytes):
                what = "the connection ended" if reply == "closed" else "no readable frame came"
                raise ConnectionError(f"no answer from {host}:{port}: {what}")
            yield reply
    finally:
        line.close()
