"""Asks a running engine through its control socket: one JSON line out, one JSON line back.

The asker's end alone, for commands that must start quickly: imports neither asyncio nor anything of the
engine, and must not know what may be asked. The other end is `engine.control`.
"""

from __future__ import annotations

import json
import os
from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    import socket

__all__ = ["SOCKET_NAME", "EngineNotRunning", "ask", "short_address"]

SOCKET_NAME = "control.sock"


class EngineNotRunning(Exception):
    """Nobody answers at the control socket of this data folder."""


def ask(folder: Path, question: Mapping[str, Any], *, timeout: float = 5.0) -> dict[str, Any]:
    """Ask the engine that owns this data folder. Raises EngineNotRunning where nobody answers."""
    path = folder / SOCKET_NAME
    if not path.exists():
        raise EngineNotRunning(f"no engine answers for the data folder {folder}")
    import socket  # not paid for where nobody can be asked

    try:
        with socket.socket(socket.AF_UNIX, socket.SOCK_STREAM) as sock:
            sock.settimeout(timeout)
            _connect(sock, path)
            sock.sendall(json.dumps(question).encode() + b"\n")
            chunks = []
            while chunk := sock.recv(65536):
                chunks.append(chunk)
        answer = json.loads(b"".join(chunks))
    except (OSError, ValueError) as why:
        raise EngineNotRunning(f"no engine answers for the data folder {folder}") from why
    if not isinstance(answer, dict):
        raise EngineNotRunning(f"something else than an engine answers in {folder}")
    return answer


def _connect(sock: socket.socket, path: Path) -> None:
    address, folder = short_address(path)
    try:
        sock.connect(address)
    finally:
        if folder is not None:
            os.close(folder)


def short_address(path: Path) -> tuple[str, int | None]:
    """An address that fits, and the folder's descriptor that must stay open while it is used."""
    if len(os.fsencode(path)) < 100:
        return str(path), None
    folder = os.open(path.parent, os.O_RDONLY)
    return f"/proc/self/fd/{folder}/{path.name}", folder
