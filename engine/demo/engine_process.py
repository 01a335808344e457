"""The engine as a child process of the demo: the same `gatepost run` that a hospital starts.

Knows how to start it, ask it, and stop it; nothing of what it does in between.
"""

from __future__ import annotations

import asyncio
import signal
import sys
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from engine.control import EngineNotRunning, ask

__all__ = ["EngineFailedError", "EngineProcess"]

READY_WITHIN = 60.0  # seconds; a broker and a cold disk may need some
STOP_WITHIN = 30.0


class EngineFailedError(Exception):
    """The engine did not start, or ended by itself. The text holds the last lines of its log."""


class EngineProcess:
    """`gatepost run` on a site folder; its log goes to `log`."""

    def __init__(self, site: Path, environment: str, data: Path, broker: str, log: Path) -> None:
        self._command = [
            sys.executable, "-m", "engine.cli", "run", str(site),
            "--environment", environment, "--data", str(data),
            *(("--broker", broker) if broker else ()),
        ]  # fmt: skip
        self._data = data
        self._log = log
        self._process: asyncio.subprocess.Process | None = None

    async def start(self) -> None:
        """Start it and wait until every feed listens. Raises EngineFailedError."""
        with self._log.open("ab") as log:
            # A session of its own, so that Ctrl-C reaches the demo alone, which then stops it in order.
            self._process = await asyncio.create_subprocess_exec(
                *self._command, stdout=asyncio.subprocess.PIPE, stderr=log, start_new_session=True
            )
        try:
            async with asyncio.timeout(READY_WITHIN):
                while line := await self._output().readline():
                    if line.strip() == b"ready":
                        return
        except TimeoutError as late:
            await self.stop()
            raise EngineFailedError(self._story("was not ready in time")) from late
        status = await self._process.wait()
        raise EngineFailedError(self._story(f"ended with status {status} instead of starting"))

    @property
    def running(self) -> bool:
        """True from the start until it has ended, for whatever reason."""
        return self._process is not None and self._process.returncode is None

    async def status(self) -> Mapping[str, Any]:
        """What it says of itself; {} where it did not answer this time. Raises EngineFailedError where it
        has ended."""
        if not self.running:
            raise EngineFailedError(self._story("ended by itself"))
        loop = asyncio.get_running_loop()
        try:
            return await loop.run_in_executor(None, ask, self._data, {"do": "status"})
        except EngineNotRunning:
            return {}

    async def stop(self) -> int:
        """SIGTERM, and its exit status; SIGKILL where it does not end in time."""
        if self._process is None:
            return 0
        if self.running:
            self._process.send_signal(signal.SIGTERM)
        try:
            async with asyncio.timeout(STOP_WITHIN):
                return await self._process.wait()
        except TimeoutError:
            self._process.kill()
            return await self._process.wait()

    def _output(self) -> asyncio.StreamReader:
        if self._process is None or self._process.stdout is None:
            raise EngineFailedError("the engine was not started")
        return self._process.stdout

    def _story(self, what: str) -> str:
        last = self._log.read_text(encoding="utf-8", errors="replace").strip().split("\n")[-12:]
        return f"the engine {what}; the end of its log:\n  " + "\n  ".join(last)
