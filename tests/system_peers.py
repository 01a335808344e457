"""The systems around the engine in the system tests: a receiver that answers as it is told, senders under
load, their messages, and looks at what came of them. Receivers run in threads, so that tests read from top
to bottom.
"""

from __future__ import annotations

import contextlib
import socket
import ssl
import threading
import time
from collections.abc import Callable, Sequence
from pathlib import Path
from types import TracebackType

from bench.engine import EngineProcess, free_port, wait_until
from bench.messages import nhs_number
from bench.wire import Frames, answer, header
from engine.journal.reading import JournalReader
from tests.system_sites import Sender, folder_files

__all__ = [
    "Load", "Receiver", "admission", "balanced", "codes", "control_id", "controls_in", "log_of", "refusing",
    "result",
]  # fmt: skip

Reply = Callable[[bytes], bytes | None]
"""From a message to the framed answer. None: no answer. b"": the connection is closed without one."""


class Receiver:
    """An MLLP receiver. `received` holds every message in the order of arrival; `reply` may be changed at
    any time; `accepted` counts its connections."""

    def __init__(self, *, port: int = 0, reply: Reply = answer, tls: ssl.SSLContext | None = None) -> None:
        self.port = port or free_port()
        self.reply = reply
        self.received: list[bytes] = []
        self.accepted = 0
        self._tls = tls
        self._connections: list[socket.socket] = []
        self._listening: socket.socket | None = None

    def open(self) -> None:
        """Listen."""
        self._listening = socket.create_server(("127.0.0.1", self.port))
        threading.Thread(target=self._accept, args=(self._listening,), daemon=True).start()

    def close(self) -> None:
        """Stop listening, and end every connection."""
        if self._listening is not None:
            with contextlib.suppress(OSError):
                self._listening.shutdown(socket.SHUT_RDWR)
            self._listening.close()
            self._listening = None
        for connection in self._connections:
            with contextlib.suppress(OSError):
                connection.shutdown(socket.SHUT_RDWR)
            connection.close()
        self._connections.clear()

    def wait_for(self, count: int, *, patience: float = 30.0) -> list[bytes]:
        """The messages, once there are so many."""
        wait_until(
            lambda: len(self.received) >= count, f"{count} messages at the receiver", patience=patience
        )
        return self.received

    def controls(self) -> list[str]:
        """The control ids of what has come, in order."""
        return [control_id(body) for body in self.received]

    def _accept(self, listening: socket.socket) -> None:
        with contextlib.suppress(OSError):
            while True:
                accepted, _ = listening.accept()
                self.accepted += 1
                threading.Thread(target=self._serve, args=(accepted,), daemon=True).start()

    def _serve(self, accepted: socket.socket) -> None:
        frames = Frames()
        with contextlib.suppress(OSError, ValueError):
            connection = self._tls.wrap_socket(accepted, server_side=True) if self._tls else accepted
            self._connections.append(connection)
            while data := connection.recv(65536):
                for body in frames.feed(data):
                    self.received.append(body)
                    reply = self.reply(body)
                    if reply == b"":
                        connection.close()
                        return
                    if reply is not None:
                        connection.sendall(reply)

    def __enter__(self) -> Receiver:
        self.open()
        return self

    def __exit__(
        self, _kind: type[BaseException] | None, _error: BaseException | None, _at: TracebackType | None
    ) -> None:
        self.close()


def control_id(body: bytes) -> str:
    """MSH-10."""
    return header(body)[9].decode("latin-1")


def admission(
    control: str, *, sender: str = "WARD", practice: str = "Y90001", more: Sequence[str] = ()
) -> bytes:
    """An ADT^A01 of an invented patient. `more`: further segments."""
    lines = [
        f"MSH|^~\\&|{sender}|NFD|GATE|GP|20260105093000||ADT^A01|{control}|P|2.4",
        "EVN|A01|20260105093000",
        f"PID|1||{nhs_number(7)}^^^NHS^NH||Wintergreen^Odette||19700412|2",
        f"PV1|1|I|W1^2^3^^^^^^^{practice}",
        *more,
    ]
    return ("\r".join(lines) + "\r").encode("latin-1")


def result(control: str, *, practice: str = "Y90001", value: str = "138", sender: str = "LAB") -> bytes:
    """An ORU^R01 of an invented patient with one value."""
    lines = [
        f"MSH|^~\\&|{sender}|NFD|GATE|GP|20260105093000||ORU^R01|{control}|P|2.4",
        f"PID|1||{nhs_number(7)}^^^NHS^NH||Wintergreen^Odette||19700412|2",
        f"PV1|1|O|OPD^1^1^^^^^^^{practice}",
        "OBR|1|R1|L1|FBC^Full blood count^LOCAL|||20260105081500",
        f"OBX|1|NM|HB^Haemoglobin^LOCAL||{value}|g/L|130-170|N|||F",
    ]
    return ("\r".join(lines) + "\r").encode("latin-1")


def codes(answers: bytes) -> list[str]:
    """MSA-1 of every framed answer in these bytes, in order."""
    found = []
    for body in Frames().feed(answers):
        msa = next(segment for segment in body.split(b"\r") if segment.startswith(b"MSA"))
        found.append(msa[4:6].decode("ascii"))
    return found


def refusing(code: bytes) -> Reply:
    """A receiver's answer with this code, whatever comes."""
    return lambda body: answer(body, code)


def log_of(engine: EngineProcess) -> str:
    """All that it logged so far."""
    return engine.log.read_text(encoding="utf-8")


def controls_in(folder: Path) -> list[str]:
    """Control ids of a folder channel's files, in the order of acceptance."""
    return [control_id(path.read_bytes()) for path in folder_files(folder)] if folder.exists() else []


def balanced(data: Path) -> bool:
    """Whether the journal's sums hold (I2)."""
    with JournalReader(data) as journal:
        return journal.balance().unbalanced == []


class Load:
    """Senders that send one message after the other until told to stop. Lost connections are made anew and
    unanswered messages sent again. `acked` holds the control ids that were answered AA, in order."""

    def __init__(self, port: int, *, senders: int = 2, practice: str = "Y90001", prefix: str = "L") -> None:
        self._prefix = prefix
        self.acked: list[str] = []
        self.refused: list[str] = []
        self._port = port
        self._practice = practice
        self._stopping = threading.Event()
        self._threads = [threading.Thread(target=self._run, args=(n,), daemon=True) for n in range(senders)]

    def __enter__(self) -> Load:
        for thread in self._threads:
            thread.start()
        return self

    def __exit__(self, *_failure: object) -> None:
        self.stop()

    def stop(self) -> None:
        """No new message; one that is on its way is given up when nobody listens."""
        self._stopping.set()
        for thread in self._threads:
            thread.join(20)

    def wait_for_more(self, count: int) -> None:
        """Until so many more have been acknowledged."""
        wanted = len(self.acked) + count
        wait_until(lambda: len(self.acked) >= wanted, f"{count} more messages acknowledged")

    def _run(self, number: int) -> None:
        sender: Sender | None = None
        count = 0
        while not self._stopping.is_set():
            count += 1
            control = f"{self._prefix}{number}N{count}"
            body = admission(control, sender=f"S{number}", practice=self._practice)
            while True:
                try:
                    sender = sender or Sender(self._port, timeout=10)
                    code = sender.code(body)
                except (OSError, EOFError):
                    if sender is not None:
                        sender.close()
                        sender = None
                    if self._stopping.is_set():
                        return
                    time.sleep(0.01)  # as a sender waits before it connects again
                    continue
                (self.acked if code == "AA" else self.refused).append(control)
                break
        if sender is not None:
            sender.close()
