"""Small sites for the system tests: written to a folder, with free ports, and nothing that is not needed."""

from __future__ import annotations

import socket
from pathlib import Path
from textwrap import dedent

from bench.engine import EngineProcess
from bench.wire import Frames, frame

__all__ = ["Sender", "engine_on", "folder_files", "passthrough", "write"]


def write(folder: Path, files: dict[str, str]) -> Path:
    """Write these files (name -> YAML or CSV) below `folder`."""
    for name, text in files.items():
        path = folder / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(dedent(text), encoding="utf-8")
    return folder


def passthrough(folder: Path, port: int, *, feed: str = "", extra: dict[str, str] | None = None) -> Path:
    """One feed, one route that changes nothing, one folder."""
    return write(
        folder,
        {
            "gatepost.yaml": "site: passthrough\ndata: data\nbroker: embedded\n",
            "feeds.yaml": f"feeds:\n  any:\n    kind: mllp\n    listen: 127.0.0.1:{port}\n{feed}",
            "channels.yaml": "channels:\n  out:\n    kind: folder\n    path: out\n",
            "routes/all.yaml": """\
                route: all
                about: Everything, as it came.
                owner: interfaces@example.nhs.uk
                from: [any]
                send:
                  - to: out
                """,
            **(extra or {}),
        },
    )


def engine_on(site: Path) -> EngineProcess:
    """The real program on this site, with its data beside it. Not started yet."""
    return EngineProcess(site, site.parent / "data")


def folder_files(folder: Path) -> list[Path]:
    """What a folder channel has written, in the order of the journal."""
    found = [path for path in folder.rglob("*") if path.is_file() and not path.name.startswith(".")]
    return sorted(found, key=lambda path: path.name)


class Sender:
    """A sending system on one plain connection: sends bytes, reads framed answers."""

    def __init__(self, port: int, *, timeout: float = 30.0) -> None:
        self.socket = socket.create_connection(("127.0.0.1", port), timeout)
        self._frames = Frames()
        self._ready: list[bytes] = []

    def send(self, body: bytes) -> None:
        """One frame."""
        self.socket.sendall(frame(body))

    def answer(self) -> bytes:
        """The next answer. Raises EOFError where the engine closes the connection, TimeoutError."""
        while not self._ready:
            data = self.socket.recv(65536)
            if not data:
                raise EOFError("the connection was closed")
            self._ready = self._frames.feed(data)
        return self._ready.pop(0)

    def ask(self, body: bytes) -> bytes:
        """Send and wait for the answer."""
        self.send(body)
        return self.answer()

    def code(self, body: bytes) -> str:
        """Send, and give MSA-1 of the answer."""
        msa = next(s for s in self.ask(body).split(b"\r") if s.startswith(b"MSA"))
        return msa[4:6].decode("ascii")

    def close(self) -> None:
        """End the connection."""
        self.socket.close()

    def __enter__(self) -> Sender:
        return self

    def __exit__(self, *_failure: object) -> None:
        self.close()
