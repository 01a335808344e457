"""Fake practices: MLLP receivers that behave as they are told, and write down what they took.

A message counts as taken only where the practice says so to itself, whatever it answers: that is what an
engine's opinion is held against. Knows nothing of the engine.
"""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable
from dataclasses import dataclass

from bench.ledger import Arrivals
from bench.senders import Ledger
from bench.wire import Reply, answer, header, sequence, serve

__all__ = ["Manner", "Practice", "Reaction", "refuse", "silent", "slow", "stale", "take", "taken_unsaid"]


@dataclass(frozen=True, slots=True)
class Reaction:
    """taken: it is in the practice's system. reply: framed, or None for silence; `after` so many seconds."""

    taken: bool
    reply: bytes | None
    after: float = 0.0


Manner = Callable[[bytes], Reaction]


def take(body: bytes) -> Reaction:
    """As it should be."""
    return Reaction(True, answer(body))


def silent(_body: bytes) -> Reaction:
    """Neither taken nor answered."""
    return Reaction(False, None)


def taken_unsaid(_body: bytes) -> Reaction:
    """Taken, and nothing said: nobody on a wire can know."""
    return Reaction(True, None)


def slow(seconds: float) -> Manner:
    """Taken, and answered late."""
    return lambda body: Reaction(True, answer(body), seconds)


def refuse(code: bytes) -> Manner:
    """Not taken, and said so."""
    return lambda body: Reaction(False, answer(body, code))


def stale(before: Callable[[], bytes | None]) -> Manner:
    """Not taken; what comes back is the answer to an earlier message, as a confused system sends it."""

    def react(body: bytes) -> Reaction:
        earlier = before()
        return Reaction(
            False, answer(earlier if earlier is not None else body, b"AE" if not earlier else b"AA")
        )

    return react


class Practice:
    """One practice at one port; without an address, whoever gets what goes elsewhere. `manner` may be changed
    at any time; `last` is the newest message taken."""

    def __init__(self, address: str, port: int, arrivals: Arrivals, ledger: Ledger) -> None:
        self.address = address
        self.port = port
        self.manner: Manner = take
        self.last: bytes | None = None
        self.taken: dict[str, float] = {}  # control id -> when first, time.monotonic
        self.bodies: set[tuple[str, int]] = set()  # control id and number: tells same ids apart
        self._arrivals = arrivals
        self._ledger = ledger
        self._server: asyncio.Server | None = None
        self._connections: set[asyncio.Transport] = set()

    async def open(self) -> None:
        """Listen, unless it does so already."""
        if self._server is not None:
            return
        self._server, self._connections = await serve(self._receive, self.port)

    def close(self) -> None:
        """Listen no more, and end every connection."""
        if self._server is not None:
            self._server.close()
            self._server = None
        for connection in list(self._connections):
            connection.abort()

    def _receive(self, body: bytes, reply: Reply) -> None:
        reaction = self.manner(body)
        if reaction.taken:
            self._take(body)
        if reaction.reply is None:
            return
        if reaction.after:
            asyncio.get_running_loop().call_later(reaction.after, reply, reaction.reply)
        else:
            reply(reaction.reply)

    def _take(self, body: bytes) -> None:
        control = header(body)[9].decode("ascii", "replace")
        stream, address, number = sequence(body)
        if not stream:
            return  # poison that was delivered: it is in nobody's count
        if self.address and address != self.address:
            self._arrivals.wrong += 1
        self._ledger.note(f"{control}\t{stream}\t{address}\t{number}")
        self._arrivals.add(control, stream, address, number, time.time())
        self.taken.setdefault(control, time.monotonic())
        self.bodies.add((control, number))
        self.last = body
