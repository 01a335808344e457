"""Keeps the process of one plugin step, asks it, and does without it when it fails.

A crash, an overrun of time or memory, or an answer that is none gives None: the route then takes the step's
`else`. The process is started when it is first needed, killed when it overruns, and started anew after
either. It ends by itself when this end of its pipe is closed, as it is when the host is no longer used.
"""

from __future__ import annotations

import json
import os
import select
import struct
import subprocess
import sys
import threading
import time
from collections.abc import Mapping
from typing import Any

from engine.observe.log import get_log
from engine.plugins.discovery import Installed

__all__ = ["PluginHost"]

_HEAD = struct.Struct(">I")
_MOST = 256 * 1024 * 1024  # bytes of one answer
_START = 20.0  # seconds for the interpreter and the plugin's own imports
_CHUNK = 1 << 16

log = get_log()


class PluginHost:
    """One plugin step. Safe to be asked from several threads; one question is answered at a time."""

    def __init__(self, installed: Installed, *, time_limit: float, memory: int) -> None:
        """time_limit: seconds for one message. memory: bytes of address space."""
        self.installed = installed
        self._time = time_limit
        self._memory = memory
        self._process: subprocess.Popen[bytes] | None = None
        self._lock = threading.Lock()

    def describe(self) -> str | None:
        """The plugin's own sentence; None where it cannot even be loaded."""
        answer = self._ask({"do": "describe"}, _START)
        return None if answer is None else str(answer.get("sentence", ""))

    def run(self, text: str, settings: Mapping[str, str]) -> str | None:
        """The changed message as text; None where the plugin failed, crashed or took too long."""
        answer = self._ask({"do": "run", "text": text, "settings": dict(settings)}, self._time)
        return None if answer is None else str(answer.get("text", ""))

    def close(self) -> None:
        """End the process."""
        with self._lock:
            self._end()

    def _ask(self, question: Mapping[str, Any], limit: float) -> Mapping[str, Any] | None:
        with self._lock:
            try:
                # A fresh process first says that it is there: its start is no part of a message's time.
                if self._process is None:
                    self._start()
                    self._exchange({"do": "describe"}, _START)
                answer = self._exchange(question, limit)
            except (OSError, ValueError, TimeoutError) as failure:
                self._end()
                log.warning("plugin.failed", step=self.installed.name, failure=type(failure).__name__)
                return None
            if "failed" in answer:
                log.warning("plugin.failed", step=self.installed.name, failure=str(answer["failed"])[:80])
                return None
            return answer

    def _start(self) -> None:
        kept = {name: os.environ[name] for name in ("PATH", "LANG", "PYTHONPATH") if name in os.environ}
        self._process = subprocess.Popen(  # noqa: S603 - our own interpreter and module
            [sys.executable, "-m", "engine.plugins.worker", self.installed.target, str(self._memory)],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.DEVNULL,
            env=kept,  # no secret of the engine's environment is a plugin's business
            bufsize=0,
        )
        for stream in (self._process.stdin, self._process.stdout):
            if stream is not None:
                os.set_blocking(stream.fileno(), False)

    def _exchange(self, question: Mapping[str, Any], limit: float) -> Mapping[str, Any]:
        process = self._process
        if process is None or process.stdin is None or process.stdout is None:
            raise ConnectionError("the plugin's process is not there")
        until = time.monotonic() + limit
        data = json.dumps(question).encode("ascii")
        _write(process.stdin.fileno(), _HEAD.pack(len(data)) + data, until)
        (length,) = _HEAD.unpack(_read(process.stdout.fileno(), _HEAD.size, until))
        if length > _MOST:
            raise ValueError("the plugin's answer is too large")
        answer = json.loads(_read(process.stdout.fileno(), length, until))
        if not isinstance(answer, dict):
            raise ValueError("the plugin's answer is none")
        return answer

    def _end(self) -> None:
        process, self._process = self._process, None
        if process is None:
            return
        process.kill()
        process.wait()
        for stream in (process.stdin, process.stdout):
            if stream is not None:
                stream.close()


def _write(handle: int, data: bytes, until: float) -> None:
    rest = memoryview(data)
    while rest:
        _wait([], [handle], until)
        rest = rest[os.write(handle, rest[:_CHUNK]) :]


def _read(handle: int, size: int, until: float) -> bytes:
    parts: list[bytes] = []
    while size:
        _wait([handle], [], until)
        part = os.read(handle, min(size, 1 << 20))
        if not part:
            raise ConnectionError("the plugin's process ended")
        parts.append(part)
        size -= len(part)
    return b"".join(parts)


def _wait(reading: list[int], writing: list[int], until: float) -> None:
    left = until - time.monotonic()
    if left <= 0 or not any(select.select(reading, writing, [], left)):
        raise TimeoutError("the plugin took too long")
