"""The engine's control socket: one JSON line asks, one JSON line answers.

A Unix socket in the data folder, so that commands reach the process that owns the journal. Only the user
who runs the engine, and root, are heard: the kernel tells us who is at the other end (SO_PEERCRED), and
the socket's mode keeps others out. Answers hold names, counts and times, never message content.
"""

from __future__ import annotations

import asyncio
import json
import os
import socket
import struct
from collections.abc import Awaitable, Callable, Mapping
from pathlib import Path
from typing import Any

from engine.asking import SOCKET_NAME, EngineNotRunning, ask, short_address

__all__ = ["Control", "EngineNotRunning", "ask"]

MAX_LINE = 48 * 1024 * 1024  # an edited message may come with a question
PEER = struct.Struct("3i")  # struct ucred: pid, uid, gid

Answer = Callable[[Mapping[str, Any]], Awaitable[Mapping[str, Any]]]


class Control:
    """The owner's end of the socket. `questions` maps what may be asked to what answers it."""

    def __init__(self, folder: Path, questions: Mapping[str, Answer]) -> None:
        self._path = folder / SOCKET_NAME
        self._questions = questions
        self._server: asyncio.Server | None = None

    async def start(self) -> None:
        """Listen. The journal's lock is held by now, so a socket that lies here is a dead one's."""
        self._path.unlink(missing_ok=True)
        # A socket's address has room for about a hundred bytes; a longer path is reached by its folder.
        bound, folder = _bind(self._path)
        self._path.chmod(0o600)
        try:
            self._server = await asyncio.start_unix_server(self._serve, sock=bound, limit=MAX_LINE)
        finally:
            if folder is not None:
                os.close(folder)

    async def stop(self) -> None:
        """Close and remove the socket."""
        if self._server is not None:
            self._server.close()
        self._path.unlink(missing_ok=True)

    async def _serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        try:
            if not _may_ask(writer.get_extra_info("socket")):
                writer.write(b'{"error": "only the user who runs the engine may ask"}\n')
                return
            async with asyncio.timeout(10):
                line = await reader.readline()
            answer = await self._answer(line)
            writer.write(json.dumps(answer).encode() + b"\n")
            await writer.drain()
        except (OSError, TimeoutError, ValueError):
            # The asker went away, was silent, or sent too long a line: nobody is left to be told.
            return
        finally:
            writer.close()

    async def _answer(self, line: bytes) -> Mapping[str, Any]:
        try:
            question = json.loads(line)
            asked = question["do"]
        except (ValueError, KeyError, TypeError):
            return {"error": 'a question is one JSON line such as {"do": "status"}'}
        answer = self._questions.get(asked)
        if answer is None:
            return {"error": f"unknown question; known are: {', '.join(sorted(self._questions))}"}
        return await answer(question)


def _may_ask(sock: socket.socket) -> bool:
    _pid, uid, _gid = PEER.unpack(sock.getsockopt(socket.SOL_SOCKET, socket.SO_PEERCRED, PEER.size))
    return uid in (0, os.getuid())


def _bind(path: Path) -> tuple[socket.socket, int | None]:
    sock = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
    address, folder = short_address(path)
    sock.bind(address)
    return sock, folder
