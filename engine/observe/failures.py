"""What may be told of a failure of our own: its kind and its place in the program, never its words.

An exception's words, and the values that asyncio and Python show beside it, can hold what a message said.
"""

from __future__ import annotations

import asyncio
import traceback
from pathlib import Path
from typing import Any

from engine.observe.log import get_log

__all__ = ["failure_place", "tell_of_failures"]

FRAMES = 4

log = get_log()


def failure_place(failure: BaseException | None) -> str:
    """The innermost calls, as `router.py:174 in _record, writer.py:210 in _commit`; "" where unknown."""
    if failure is None:
        return ""
    frames = traceback.extract_tb(failure.__traceback__)[-FRAMES:]
    return ", ".join(f"{Path(frame.filename).name}:{frame.lineno} in {frame.name}" for frame in frames)


def tell_of_failures(loop: asyncio.AbstractEventLoop) -> None:
    """Have failures that nobody waits for logged as `engine.trouble`, in place of asyncio's own account,
    which shows arguments and the words of exceptions."""
    loop.set_exception_handler(_tell)


def _tell(_loop: asyncio.AbstractEventLoop, context: dict[str, Any]) -> None:
    failure = context.get("exception")
    log.error(
        "engine.trouble",
        failure=type(failure).__name__ if failure is not None else "unknown",
        why=failure_place(failure),
    )
