"""Ends every process that a run of the rig has left behind: engines under a tracer, brokers, load clients.

A run gives what it starts a mark in the environment, which their children inherit. Whoever has the mark of
this run is its own, and nobody else's.
"""

from __future__ import annotations

import contextlib
import os
import signal
import uuid
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

__all__ = ["MARK", "end_left_over", "marked"]

MARK = "GATEPOST_FAULT_RUN"


@contextmanager
def marked() -> Iterator[None]:
    """Everything that is started inside is ended at the end, also after Ctrl-C or SIGTERM."""
    before = signal.signal(signal.SIGTERM, lambda *_: signal.raise_signal(signal.SIGINT))
    os.environ[MARK] = uuid.uuid4().hex
    try:
        yield
    finally:
        end_left_over(os.environ.pop(MARK))
        signal.signal(signal.SIGTERM, before)


def end_left_over(mark: str) -> list[int]:
    """SIGKILL every other process that has this mark; their process ids."""
    sought = f"{MARK}={mark}".encode()
    ended = []
    for place in Path("/proc").glob("[0-9]*"):
        with contextlib.suppress(OSError):  # it has ended meanwhile, or is another user's
            if int(place.name) != os.getpid() and sought in (place / "environ").read_bytes().split(b"\0"):
                os.kill(int(place.name), signal.SIGKILL)
                ended.append(int(place.name))
    return ended
