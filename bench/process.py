"""How the bench's programs talk to whoever started them: one line of JSON when ready, one when done.

A server prints `{"ready": PORT}` when it listens, a line of figures on SIGUSR1, and a last one on SIGTERM
or Ctrl-C.
"""

from __future__ import annotations

import asyncio
import json
import signal
from collections.abc import Callable

__all__ = ["announce", "figures_on_request", "print_line", "until_told"]


def print_line(value: object) -> None:
    """One line of JSON on standard output, at once."""
    print(json.dumps(value), flush=True)


def announce(server: asyncio.Server) -> None:
    """Say which port is open."""
    print_line({"ready": server.sockets[0].getsockname()[1]})


async def until_told() -> None:
    """Wait for SIGTERM or SIGINT."""
    told = asyncio.Event()
    loop = asyncio.get_running_loop()
    for number in (signal.SIGTERM, signal.SIGINT):
        loop.add_signal_handler(number, told.set)
    await told.wait()


def figures_on_request(figures: Callable[[], object]) -> None:
    """Print the figures whenever SIGUSR1 comes."""
    asyncio.get_running_loop().add_signal_handler(signal.SIGUSR1, lambda: print_line(figures()))
