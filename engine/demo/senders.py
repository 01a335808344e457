"""The hospitals' side at work: one task for each feed, sending its stream at its share of the rate.

A message without an answer is sent again, the same bytes, until it is answered, as a real sender does.
Counts what was answered and how; that is what the balance holds against the journal.
"""

from __future__ import annotations

import asyncio
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field

from engine.demo.hospitals import SHARES, Sending
from engine.demo.wire import Line

__all__ = ["Hospitals", "Sent"]

PATIENCE = 30.0  # seconds to wait for an answer before the message is sent again
PAUSE = 0.2  # seconds before a lost connection is opened afresh


@dataclass(slots=True)
class Sent:
    """One feed's counts, by messages: AA or CA, AE or CE, AR or CR. `again`: sendings beyond the first.

    answers: the code of each answered control id. tried: all control ids that were sent.
    unanswered: sent, and no answer before the demo gave up: whether they were taken is unknown.
    astray: answers that named another message.
    """

    accepted: int = 0
    errors: int = 0
    rejects: int = 0
    again: int = 0
    unanswered: int = 0
    astray: int = 0
    answers: dict[str, str] = field(default_factory=dict)
    tried: set[str] = field(default_factory=set)

    @property
    def answered(self) -> int:
        """Messages that got an answer of any kind."""
        return self.accepted + self.errors + self.rejects


class Hospitals:
    """Sends each stream to its feed's address at `rate` messages a second in all."""

    def __init__(
        self, streams: Mapping[str, Iterator[Sending]], addresses: Mapping[str, tuple[str, int]], rate: float
    ) -> None:
        self.sent = {feed: Sent() for feed in streams}
        self._streams = streams
        self._addresses = addresses
        total = sum(SHARES[feed] for feed in streams)
        self._intervals = {feed: total / (SHARES[feed] * rate) for feed in streams}
        self._ending = asyncio.Event()
        self._tasks: list[asyncio.Task[None]] = []

    def start(self) -> None:
        """Begin to send."""
        self._tasks = [
            asyncio.create_task(self._feed(name), name=f"hospital {name}") for name in self._streams
        ]

    def check(self) -> None:
        """Raises what a task failed with: a mistake of ours, which the demo must not hide."""
        for task in self._tasks:
            if task.done() and not task.cancelled() and (failure := task.exception()):
                raise failure

    async def stop(self, patience: float) -> None:
        """Send nothing new; wait so many seconds for answers that are due. Raises what a task raised."""
        self._ending.set()
        if self._tasks:
            _, slow = await asyncio.wait(self._tasks, timeout=patience)
            for task in slow:
                task.cancel()
            results = await asyncio.gather(*self._tasks, return_exceptions=True)
            for result in results:
                if isinstance(result, Exception):
                    raise result

    async def _feed(self, name: str) -> None:
        loop = asyncio.get_running_loop()
        line = Line(*self._addresses[name], patience=PATIENCE)
        due = loop.time()
        try:
            for sending in self._streams[name]:
                if await self._ended_before(due - loop.time()):
                    return
                await self._until_answered(line, sending, self.sent[name])
                due = max(due + self._intervals[name], loop.time() - 1.0)  # at most a second to catch up
        finally:
            line.close()

    async def _until_answered(self, line: Line, sending: Sending, sent: Sent) -> None:
        sent.unanswered += 1
        sent.tried.add(sending.control)
        while True:
            try:
                code, about = await line.send(sending.body)
            except (OSError, ValueError):
                sent.again += 1
                await asyncio.sleep(PAUSE)
                continue
            if about == sending.control:
                break
            sent.astray += 1
            line.close()
        sent.unanswered -= 1
        sent.answers[sending.control] = code
        if code in ("AA", "CA"):
            sent.accepted += 1
        elif code in ("AE", "CE"):
            sent.errors += 1
        else:
            sent.rejects += 1

    async def _ended_before(self, seconds: float) -> bool:
        """Wait until the next message is due; true where the end came first."""
        try:
            async with asyncio.timeout(max(0.0, seconds)):
                await self._ending.wait()
        except TimeoutError:
            return False
        return True
