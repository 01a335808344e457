"""The engine as a process of its own: started, watched, killed and started again from outside.

The bench, the soak and the system tests all drive the real program through this one class. It knows the
program by its command line, its `ready` line, its signals and its control socket, and nothing else.
"""

from __future__ import annotations

import contextlib
import json
import os
import selectors
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any

__all__ = ["EngineFailed", "EngineProcess", "free_port", "wait_until"]


class EngineFailed(Exception):
    """The engine did not do what it was started for; the end of its log is in the text."""


class EngineProcess:
    """One engine on one site. `data` is where its journal lies; `log` collects what it writes to stderr.

    before: a command that starts it, such as a tracer's; `pid` is then that command's. source: a source tree
    to run in place of this one. `environment` is what it is given at its next start.
    """

    def __init__(
        self,
        site: Path,
        data: Path,
        *arguments: str,
        environment: Mapping[str, str] | None = None,
        before: Sequence[str] = (),
        source: Path | None = None,
    ):
        self.site = site
        self.data = data
        self.log = data.parent / f"{data.name}.log"
        self._arguments = arguments
        self.before: Sequence[str] = tuple(before)
        self.environment = {**os.environ, **(environment or {})}
        self._source = source
        self._process: subprocess.Popen[str] | None = None
        self._group = False  # whether it was started by another command, whose group it is in

    def start(self, *, patience: float = 60.0) -> None:
        """Start it and wait for `ready`. Raises EngineFailed where that does not come."""
        command = [
            *self.before, sys.executable, "-m", "engine.cli", "run", str(self.site),
            "--data", str(self.data), *self._arguments,
        ]  # fmt: skip
        with self.log.open("a", encoding="utf-8") as log:
            self._process = subprocess.Popen(
                command, stdout=subprocess.PIPE, stderr=log, text=True, env=self.environment,
                cwd=self._source, start_new_session=bool(self.before),
            )  # fmt: skip
            self._group = bool(self.before)
        if self._read_line(patience) != "ready":
            self.kill()
            raise EngineFailed(f"the engine did not become ready:\n{self.log_end()}")

    def _read_line(self, patience: float) -> str:
        stdout = self.process.stdout
        if stdout is None:
            raise EngineFailed("the engine was started without a pipe")
        with selectors.DefaultSelector() as selector:
            selector.register(stdout, selectors.EVENT_READ)
            if not selector.select(patience):
                return ""
        return stdout.readline().strip()

    @property
    def process(self) -> subprocess.Popen[str]:
        """The process that was started last."""
        if self._process is None:
            raise EngineFailed("the engine was not started")
        return self._process

    @property
    def pid(self) -> int:
        """Its process id."""
        return self.process.pid

    @property
    def running(self) -> bool:
        """True until it has ended."""
        return self._process is not None and self._process.poll() is None

    def kill(self) -> None:
        """SIGKILL, and wait until it is gone."""
        self._end(signal.SIGKILL, 10.0)

    def stop(self, *, patience: float = 60.0) -> int:
        """SIGTERM; the exit status. Killed, with EngineFailed, where it does not end in time."""
        return self._end(signal.SIGTERM, patience)

    def signal(self, number: int) -> None:
        """Send it a signal."""
        self.process.send_signal(number)

    def _end(self, number: int, patience: float) -> int:
        process = self.process
        with contextlib.suppress(ProcessLookupError):
            if self._group and number == signal.SIGKILL:
                os.killpg(process.pid, number)  # a tracer that is killed lets its tracee live
            else:
                process.send_signal(number)
        try:
            status = process.wait(patience)
        except subprocess.TimeoutExpired as late:
            process.kill()
            process.wait()
            raise EngineFailed(
                f"the engine did not stop within {patience:.0f} s:\n{self.log_end()}"
            ) from late
        finally:
            if process.stdout is not None:
                process.stdout.close()
        return status

    def ask(self, question: str = "status", **more: object) -> dict[str, Any]:
        """What it answers at its control socket. Raises OSError where nobody listens, ValueError where it
        died before it had answered."""
        with socket.socket(socket.AF_UNIX, socket.SOCK_STREAM) as sock:
            sock.settimeout(10)
            sock.connect(str(self.data / "control.sock"))
            sock.sendall(json.dumps({"do": question, **more}).encode() + b"\n")
            answer = b""
            while chunk := sock.recv(65536):
                answer += chunk
        told: dict[str, Any] = json.loads(answer)
        return told

    def resident_mb(self) -> float:
        """Resident memory now, in MB."""
        pages = int(Path(f"/proc/{self.pid}/statm").read_text(encoding="ascii").split()[1])
        return pages * os.sysconf("SC_PAGE_SIZE") / 1e6

    def cpu_seconds(self) -> float:
        """CPU time that it has used so far, user and system."""
        fields = Path(f"/proc/{self.pid}/stat").read_text(encoding="ascii").rpartition(")")[2].split()
        return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")

    def log_end(self, lines: int = 15) -> str:
        """The last lines of its log."""
        return "\n".join(self.log.read_text(encoding="utf-8").splitlines()[-lines:])

    def __enter__(self) -> EngineProcess:
        self.start()
        return self

    def __exit__(self, *_failure: object) -> None:
        if self.running:
            self.kill()


def free_port() -> int:
    """A port on the loopback address that nobody listens on now, below those that clients are given."""
    for port in range(20000 + os.getpid() % 5000, 32000):
        with socket.socket() as probe:
            probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            try:
                probe.bind(("127.0.0.1", port))
            except OSError:
                continue
            if port not in _given:
                _given.add(port)
                return port
    raise OSError("no free port between 20000 and 32000")


_given: set[int] = set()


def wait_until(true: Callable[[], bool], what: str, *, patience: float = 30.0) -> None:
    """Wait for a condition, looking often. Raises TimeoutError naming what did not happen."""
    deadline = time.monotonic() + patience
    while not true():
        if time.monotonic() > deadline:
            raise TimeoutError(f"{what}: not within {patience:.0f} s")
        time.sleep(0.01)
