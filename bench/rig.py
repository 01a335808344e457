"""The bench's own programs as processes, and what the kernel says of a process.

Everything that is measured runs in a process of its own. Knows how to start, ask, measure and stop; not
what is compared with what. The engine's process is in `engine.py`.
"""

from __future__ import annotations

import json
import signal
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

__all__ = ["ROOT", "Program", "RigError", "highest_mb", "run_load"]

ROOT = Path(__file__).resolve().parents[1]


class RigError(Exception):
    """A process of the bench did not do what it should; the text says which and what."""


class Program:
    """One of the bench's own servers, as a context; `port` is where it listens."""

    def __init__(self, name: str, *arguments: str, folder: Path) -> None:
        self.name = name
        self.port = 0
        self._log = folder / f"{name}.log"
        command = [sys.executable, "-m", f"bench.{name}", *arguments]
        with self._log.open("ab") as errors:
            self._process = subprocess.Popen(
                command, stdout=subprocess.PIPE, stderr=errors, text=True, cwd=ROOT, start_new_session=True
            )

    def __enter__(self) -> Program:
        self.port = json.loads(self._line())["ready"]
        return self

    def __exit__(self, *_failure: object) -> None:
        if self._process.poll() is None:
            self._process.kill()
        self._process.wait()
        if self._process.stdout is not None:
            self._process.stdout.close()

    def figures(self) -> dict[str, Any]:
        """Its figures at this moment."""
        self._process.send_signal(signal.SIGUSR1)
        answer: dict[str, Any] = json.loads(self._line())
        return answer

    def until_received(self, count: int, patience: float) -> dict[str, Any]:
        """Wait until so many different messages have arrived; the figures then, or when patience ends."""
        until = time.monotonic() + patience
        figures = self.figures()
        while figures["distinct"] < count and time.monotonic() < until:
            time.sleep(0.05)
            figures = self.figures()
        return figures

    def finish(self) -> dict[str, Any]:
        """Stop it; its last figures."""
        self._process.send_signal(signal.SIGTERM)
        last: dict[str, Any] = json.loads(self._line())
        self._process.wait(30)
        return last

    def _line(self) -> str:
        """The next line that it prints. Raises RigError where it has ended instead."""
        assert self._process.stdout is not None
        line = self._process.stdout.readline()
        if not line:
            last = self._log.read_text(errors="replace").strip().split("\n")[-8:]
            raise RigError(f"{self.name} ended with status {self._process.wait()}:\n  " + "\n  ".join(last))
        return line


def highest_mb(pid: int) -> float:
    """A process's highest resident memory so far, in units of 1,000,000 bytes."""
    lines = Path(f"/proc/{pid}/status").read_text(encoding="ascii").splitlines()
    kib = next(line.split()[1] for line in lines if line.startswith("VmHWM:"))
    return round(int(kib) * 1024 / 1e6, 1)


def run_load(port: int, *arguments: str) -> dict[str, Any]:
    """Run the load client to its end; its figures. Raises RigError where it fails."""
    command = [sys.executable, "-m", "bench.load", "--port", str(port), *arguments]
    done = subprocess.run(command, capture_output=True, text=True, cwd=ROOT, check=False)
    if not done.stdout.strip():
        raise RigError(f"the load client failed: {done.stderr.strip()[-500:]}")
    figures: dict[str, Any] = json.loads(done.stdout)
    return figures
