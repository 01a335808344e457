"""The embedded queue: the journal's outbox rows are the queue, and nothing else need be running.

A lane (channel and address) is at work only while it has something due. Knows nothing of sending: the
work it is given does that, and says when a lane's head may be tried again.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from typing import TYPE_CHECKING

from engine.journal.contract import Journal
from engine.journal.records import DeliveryRow
from engine.observe.log import get_log
from engine.queues.budget import InHand
from engine.queues.contract import Tickets, Work
from engine.queues.outbox import LaneKey, Outbox
from engine.queues.pace import Pace
from engine.queues.schedule import AGAIN, IDLE, Schedule, now_us

if TYPE_CHECKING:
    from engine.site.model import ChannelSettings

__all__ = ["EmbeddedQueue"]

log = get_log()

_BYTES = 256 * 1024  # of bodies in one lane's tickets, where there is more than one
_AFTER_FAILURE = 5_000_000  # microseconds that a lane rests when its work failed unexpectedly
_FAR = 3_600_000_000  # microseconds; a rest at start-up that is longer than any usual one


class EmbeddedQueue:
    """Implements engine.queues.contract.Queue on the journal alone.

    memory: bytes of offered rows kept in memory, across lanes. in_hand: bytes of bodies handed out, after
    which lanes wait for one another (overrun by one lane's tickets at most). places: lanes at work at once;
    troubled_places, long_places: lanes being tried again, or long at work, at once, beside these.
    """

    condition = "embedded"
    """What `gatepost status` shows of the broker."""
    troubles: tuple[str, ...] = ()
    """What a person should look at there: nothing, ever."""

    def __init__(
        self,
        journal: Journal,
        *,
        memory: int = 16 * 1024 * 1024,
        in_hand: int = 64 * 1024 * 1024,
        places: int = 128,
        troubled_places: int = 64,
        long_places: int = 512,
    ) -> None:
        self._journal = journal
        self._outbox = Outbox(journal, memory=memory)
        self._in_hand = InHand(in_hand)
        self._pace: Pace[LaneKey] = Pace(first=16, most=256)
        self._schedule: Schedule[LaneKey] = Schedule(
            self._turn, places=places, troubled_places=troubled_places, long_places=long_places
        )
        self._schedule.pause()
        self._work: Work

    async def start(self, work: Work) -> None:
        """Begin, with what the journal holds open from before."""
        self._work = work
        now = now_us()
        for lane in await self._journal.lanes():
            key = (lane.channel, lane.address)
            self._outbox.spill(key)
            if now < lane.next_try < now + _FAR:  # else the clock may have been set back: the worker looks
                self._schedule.rest(key, lane.next_try)
            else:
                self._schedule.wake(key)
        self._schedule.resume()

    def offer(self, rows: Sequence[DeliveryRow]) -> None:
        """Just committed rows: kept while there is room, read from the journal later otherwise."""
        for row in rows:
            self._schedule.wake(self._outbox.offer(row))

    def renew(
        self,
        channels: Mapping[str, ChannelSettings],  # noqa: ARG002 - rows wait in the journal, whatever the kind
        changed: Collection[str],
    ) -> Sequence[LaneKey]:
        """Try the lanes of changed channels now."""
        return self._schedule.hurry(lambda key: key[0] in changed)

    async def stop(self) -> None:
        """Hand out nothing more, wait for work in progress."""
        await self._schedule.stop()

    async def _turn(self, key: LaneKey) -> int:
        try:
            rows = await self._in_hand.read(lambda: self._outbox.take(key, self._pace.size(key), _BYTES))
            if not rows:
                self._pace.forget(key)
                return IDLE
            try:
                self._pace.begin(key)
                due = await self._work(Tickets(key[0], key[1], tuple(rows)))
            finally:
                self._in_hand.release(rows)
        except Exception as failure:  # noqa: BLE001 - one lane's failure must not stop the others
            log.error("delivery.failed", channel=key[0], address=key[1], failure=type(failure).__name__)
            due = now_us() + _AFTER_FAILURE
        if due > 0:
            self._pace.stumble(key)
            self._outbox.spill(key)  # nothing is kept in memory while a lane rests
            return due
        self._pace.end(key, len(rows))
        return AGAIN
