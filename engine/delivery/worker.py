"""The delivery worker: carries tickets out through the channels, one lane's in order, lanes side by side.

Implements engine.queues.contract.Work. Keeps a lane's sender while it is in use and for a minute after.
Knows nothing of how tickets came to it.
"""

from __future__ import annotations

import asyncio
import time
from collections.abc import Iterable, Mapping
from typing import TYPE_CHECKING

from engine.delivery.lane import Episode, LaneWork, Trouble
from engine.delivery.outcomes import ClaimJournal, Recorder
from engine.delivery.senders import Senders
from engine.observe.log import get_log
from engine.queues.contract import Tickets
from engine.site.policy import policy_of
from routes.flow.delivery import Policy

if TYPE_CHECKING:
    from engine.site.model import ChannelSettings

__all__ = ["DeliveryWorker"]

log = get_log()

LaneKey = tuple[str, str]


class DeliveryWorker:
    """Delivers. `troubled` tells which lanes are in trouble, since when and why.

    idle_close: seconds after which an unused lane's connection is closed.
    """

    def __init__(
        self, journal: ClaimJournal, channels: Mapping[str, ChannelSettings], *, idle_close: float = 60.0
    ) -> None:
        self.troubled: dict[LaneKey, Episode] = {}
        self._recorder = Recorder(journal)
        self._senders = Senders(channels)
        self._policies = {name: policy_of(settings) for name, settings in channels.items()}
        self._lanes: dict[LaneKey, LaneWork] = {}
        self._at_once: set[LaneKey] = set()
        self._idle_close = idle_close
        self._sweep: asyncio.TimerHandle | None = None
        self._closing: set[asyncio.Task[None]] = set()

    async def work(self, tickets: Tickets) -> int:
        """Carry one lane's tickets out. Outcomes are committed before it returns 0 (all have ended), or
        the time (microseconds since 1970) before which the first open one must not be tried again."""
        now = time.time_ns() // 1000
        rows = tickets.rows
        key = (tickets.channel, tickets.address)
        # No rest is longer than the longest wait: what seems to rest for longer was told by a clock that has
        # been set back since.
        latest = now + (self._policies.get(tickets.channel) or Policy()).longest
        resting = next((at for at, row in enumerate(rows) if now < row.next_try <= latest), len(rows))
        if key in self._at_once:
            self._at_once.discard(key)
            resting = len(rows)
        due = 0
        if resting:
            lane = self._lane(key)
            try:
                due = await lane.carry_out(rows[:resting])
            finally:
                if lane.leaving:
                    self._close_soon(lane)
            if due and lane.leaving:
                self._at_once.add(key)
                return now
        if not due and resting < len(rows):
            due = rows[resting].next_try
        return due

    async def prepare(self, channels: Mapping[str, ChannelSettings]) -> Senders:
        """What `renew` needs: TLS files are read off the event loop."""
        senders = Senders(channels, self._senders.contexts)
        await asyncio.to_thread(senders.prepare)
        return senders

    def renew(self, channels: Mapping[str, ChannelSettings], senders: Senders) -> None:
        """Deliver by these settings from now on. A lane whose endpoint (or TLS, or time-outs) changed only
        finishes the parcel in hand; others keep their connections. Retry rules hold from the next outcome."""
        before, self._senders = self._senders, senders
        self._policies = {name: policy_of(settings) for name, settings in channels.items()}
        for key, lane in list(self._lanes.items()):
            lane.policy = self._policies.get(key[0]) or Policy()
            if before.way(*key) != senders.way(*key):
                del self._lanes[key]
                lane.leaving = True
                if not lane.busy:
                    self._close_soon(lane)

    def at_once(self, lanes: Iterable[LaneKey]) -> None:
        """What kept these lanes may be mended: their next tickets are tried whatever rest they had."""
        self._at_once.update(lanes)

    async def close(self) -> None:
        """Close every connection and record what is known. Call it when no work is in progress."""
        if self._sweep is not None:
            self._sweep.cancel()
            self._sweep = None
        lanes, self._lanes = self._lanes, {}
        await asyncio.gather(*(lane.sender.close() for lane in lanes.values()))
        if self._closing:
            await asyncio.wait(self._closing)
        await self._recorder.flush()

    def _lane(self, key: LaneKey) -> LaneWork:
        lane = self._lanes.get(key)
        if lane is None:
            lane = self._lanes[key] = self._open(key)
            if self._sweep is None:
                self._sweep_later()
        return lane

    def _open(self, key: LaneKey) -> LaneWork:
        channel, address = key
        bound = log.bind(channel=channel, address=address)

        def answered_late(control_id: bytes, code: str, answer: bytes) -> None:
            lane.answered_late(control_id, code, answer)

        lane = LaneWork(
            self._senders.open(channel, address, answered_late),
            self._policies.get(channel) or Policy(),
            self._recorder,
            Trouble(key, self.troubled, bound),
            bound,
            one_by_one=self._senders.replies(channel),
        )
        return lane

    def _sweep_later(self) -> None:
        loop = asyncio.get_running_loop()
        self._sweep = loop.call_later(self._idle_close / 2, self._close_idle)

    def _close_idle(self) -> None:
        """Close the lanes that have not been used for a while: thousands of practices, few connections."""
        self._sweep = None
        oldest = time.monotonic() - self._idle_close
        for key, lane in list(self._lanes.items()):
            if not lane.busy and lane.used < oldest:
                del self._lanes[key]
                self._close_soon(lane)
        if self._lanes:
            self._sweep_later()

    def _close_soon(self, lane: LaneWork) -> None:
        task = asyncio.ensure_future(_close(lane))
        self._closing.add(task)
        task.add_done_callback(self._closing.discard)


async def _close(lane: LaneWork) -> None:
    await lane.sender.close()
