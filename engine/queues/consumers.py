"""Takes tickets from the queues of channels that we deliver to ourselves, and has them carried out.

One consumer for each queue, a few tickets at a time; a ticket is acknowledged after its outcome is
committed. The journal is authoritative: a ticket whose delivery has ended is acknowledged unsent. A long
back-off gives the ticket back and cancels the consumer, because the broker closes channels on which a
message is held for half an hour. Knows nothing of publishing.
"""

from __future__ import annotations

import asyncio
from collections import deque
from collections.abc import Callable, Collection, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field, replace

from aiormq.abc import AbstractChannel, AbstractConnection, DeliveredMessage
from pamqp.commands import Basic

from engine.crash_points import ARMED, reach
from engine.journal.contract import Journal
from engine.journal.records import OPEN_STATES, DeliveryRow
from engine.observe.log import get_log
from engine.queues.alone import Alone
from engine.queues.budget import InHand
from engine.queues.contract import Tickets, Work
from engine.queues.nodes import is_trouble
from engine.queues.outbox import LaneKey
from engine.queues.schedule import AGAIN, IDLE, Schedule, now_us
from engine.queues.topology import queue_name

__all__ = ["Consumers"]

log = get_log()

_MANY = 32  # tickets in hand of a channel without addresses: order is kept, commits are shared
_HOLD = 60_000_000  # microseconds for which a ticket may be held during a back-off
_AFTER_FAILURE = 5_000_000
_TIMEOUT = 15.0  # seconds for an answer of the broker
_LOOK_AGAIN = 5.0  # seconds between rounds of trying queues that did not answer
MUTE = "the queue does not answer (has it a leader?); it is tried apart, and other queues go on"


@dataclass(slots=True)
class _Desk:
    """One queue's tickets in hand."""

    key: LaneKey
    inbox: deque[tuple[int, int]] = field(default_factory=deque)  # delivery tag, delivery id
    tag: str = ""  # the consumer's, "" while it does not consume
    generation: int = 0
    leaving: bool = False  # its channel has gone from the site
    stands: bool = True  # to consume a queue that is not there would end the channel, and all consumers on it


class Consumers:
    """Consumes the queues that it is told of, on one connection.

    gone: told of a lane whose queue was deleted. overtaken: told of each delivery whose ticket came. stuck:
    told when the connection must be made afresh, because nothing more can be asked on it. alone: where queues
    are tried that did not answer.
    """

    def __init__(
        self,
        journal: Journal,
        gone: Callable[[LaneKey], None],
        overtaken: Callable[[int], None],
        stuck: Callable[[], None] = lambda: None,
        alone: Alone | None = None,
        *,
        hold: int = _HOLD,
        places: int = 128,
        troubled_places: int = 64,
        long_places: int = 512,
    ) -> None:
        self._journal = journal
        self._gone = gone
        self._overtaken = overtaken
        self._stuck = stuck
        self._alone = alone
        self._asking: dict[object, LaneKey] = {}  # what the broker is being asked, in this order
        self._mute: dict[LaneKey, None] = {}  # lanes whose queue did not answer
        self._found = 0  # the generation in which the last of them was found
        self._trying: asyncio.Task[None] | None = None
        self._hold = hold
        self._desks: dict[LaneKey, _Desk] = {}
        self._by_tag: dict[str, _Desk] = {}
        self._singles: AbstractChannel | None = None
        self._many: AbstractChannel | None = None
        self._generation = 0
        self._in_hand = InHand()
        self._schedule: Schedule[LaneKey] = Schedule(
            self._safe_turn, places=places, troubled_places=troubled_places, long_places=long_places
        )
        self._work: Work

    @property
    def mute(self) -> list[str]:
        """The queues that do not answer."""
        return [queue_name(*key) for key in self._mute]

    def begin(self, work: Work) -> None:
        """What carries tickets out."""
        self._work = work

    async def attach(self, connection: AbstractConnection) -> None:
        """A connection stands: consume on it."""
        self._singles = await self._open(connection, 1)
        self._many = await self._open(connection, _MANY)
        self._generation += 1
        for key in self._desks:
            self._schedule.wake(key)

    def detach(self) -> None:
        """It has gone, and the broker gives out again what was not acknowledged."""
        self._singles = self._many = None
        self._asking.clear()
        self._generation += 1
        self._by_tag.clear()
        for desk in self._desks.values():
            desk.inbox.clear()
            desk.tag = ""

    def want(self, key: LaneKey) -> None:
        """This lane's queue stands: consume it."""
        desk = self._desks.setdefault(key, _Desk(key))
        desk.leaving = False
        desk.stands = True
        if not desk.tag:
            self._schedule.wake(key)

    def vanished(self, key: LaneKey) -> None:
        """This lane's queue was deleted, and our consumer with it, whether or not the broker says so (3.10
        sometimes does not). It is consumed afresh when it stands again."""
        desk = self._desks.get(key)
        if desk is not None:
            self._by_tag.pop(desk.tag, None)
            self._lose(desk)

    def renew(self, changed: Collection[str], gone: Collection[str]) -> Sequence[LaneKey]:
        """Work lanes of changed channels now, whatever rest they had; consume those that are gone no more.
        The lanes that rested."""
        for key, desk in self._desks.items():
            if key[0] in gone:
                desk.leaving = True
                self._schedule.wake(key)
        return self._schedule.hurry(lambda key: key[0] in changed)

    async def stop(self) -> None:
        """Hand out nothing more, wait for work in progress. The connection's end gives tickets back."""
        if self._trying is not None:
            self._trying.cancel()
            await asyncio.gather(self._trying, return_exceptions=True)
        await self._schedule.stop()

    # -- a turn ----------------------------------------------------------------------------------

    async def _safe_turn(self, key: LaneKey) -> int:
        desk = self._desks[key]
        try:
            return await self._turn(desk)
        except Exception as failure:  # noqa: BLE001 - one lane's failure must not stop the others
            if not is_trouble(failure):
                log.error("delivery.failed", channel=key[0], address=key[1], failure=type(failure).__name__)
            elif self._singles is None:
                return IDLE  # woken when the connection is back
            else:
                log.warning("broker.trouble", channel=key[0], address=key[1], why=type(failure).__name__)
        except asyncio.CancelledError:
            task = asyncio.current_task()
            if task is not None and task.cancelling():
                raise
            return IDLE  # the client reports a lost connection as a cancellation
        return now_us() + _AFTER_FAILURE

    async def _turn(self, desk: _Desk) -> int:
        if desk.leaving and not desk.inbox:
            await self._give_back(desk)
            return IDLE
        if not desk.tag:
            if not desk.stands or desk.key in self._mute:
                return IDLE  # woken when it does, or answers
            await self._consume(desk)
            return AGAIN if desk.inbox else IDLE
        tickets = list(desk.inbox)
        if not tickets:
            return IDLE
        generation = self._generation
        due = await self._carry_out(desk.key, [delivery for _, delivery in tickets])
        if not due:
            if ARMED:
                reach("ticket.worked")
            await self._finish(desk, tickets, generation)
            return AGAIN if desk.inbox else IDLE
        if len(tickets) == 1:  # of a practice: the one that is to be tried again
            ended = set[int]()
        else:
            ended = await self._ended([delivery for _, delivery in tickets])
        await self._finish(desk, [ticket for ticket in tickets if ticket[1] in ended], generation)
        if due - now_us() > self._hold:
            await self._give_back(desk)
        return due

    async def _carry_out(self, key: LaneKey, ids: Sequence[int]) -> int:
        for delivery in ids:
            self._overtaken(delivery)
        rows = await self._in_hand.read(lambda: self._journal.deliveries(list(dict.fromkeys(ids))))
        try:
            open_rows = tuple(_ticket(row) for row in rows if row.state in OPEN_STATES)
            return await self._work(Tickets(*key, open_rows)) if open_rows else 0
        finally:
            self._in_hand.release(rows)

    async def _ended(self, ids: Sequence[int]) -> set[int]:
        rows = await self._journal.deliveries(list(dict.fromkeys(ids)))
        still_open = {row.id for row in rows if row.state in OPEN_STATES}
        return {delivery for delivery in ids if delivery not in still_open}

    async def _finish(self, desk: _Desk, tickets: Sequence[tuple[int, int]], generation: int) -> None:
        """Acknowledge tickets whose outcome is committed. On another connection their tags mean nothing."""
        channel = self._channel(desk.key)
        if channel is None or generation != self._generation:
            return
        done = {tag for tag, _ in tickets}
        desk.inbox = deque(ticket for ticket in desk.inbox if ticket[0] not in done)
        async with asyncio.timeout(_TIMEOUT):
            for tag in sorted(done):
                await channel.basic_ack(tag, wait=False)
                if ARMED:
                    reach("ticket.acknowledged")

    # -- consuming -------------------------------------------------------------------------------

    async def _open(self, connection: AbstractConnection, prefetch: int) -> AbstractChannel:
        channel = await connection.channel(publisher_confirms=False)
        await channel.basic_qos(prefetch_count=prefetch, timeout=_TIMEOUT)
        channel.on_consumer_cancel_callbacks.add(self._cancelled)
        return channel

    def _channel(self, key: LaneKey) -> AbstractChannel | None:
        return self._singles if key[1] else self._many

    async def _consume(self, desk: _Desk) -> None:
        channel = self._channel(desk.key)
        if channel is None:
            return
        generation = self._generation
        tag = f"gatepost-{generation}-{desk.generation}-{queue_name(*desk.key)}"[:255]
        desk.generation += 1
        desk.tag = tag
        self._by_tag[tag] = desk

        async def arrived(message: DeliveredMessage) -> None:
            self._arrived(desk, generation, message)

        try:
            with self._asked(desk.key):
                await channel.basic_consume(
                    queue_name(*desk.key), arrived, consumer_tag=tag, timeout=_TIMEOUT
                )
        except BaseException:
            desk.tag = ""
            self._by_tag.pop(tag, None)
            raise

    def _arrived(self, desk: _Desk, generation: int, message: DeliveredMessage) -> None:
        if generation != self._generation:
            return
        tag = message.delivery_tag
        headers = message.header.properties.headers or {}
        delivery = headers.get("gatepost-delivery-id")
        # A message that somebody else put into our queue has no delivery: it is acknowledged unsent.
        known = delivery if isinstance(delivery, int) else 0
        if tag is not None:
            if ARMED:
                reach("ticket.came")
            desk.inbox.append((tag, known))
            self._schedule.wake(desk.key)

    async def _give_back(self, desk: _Desk) -> None:
        channel = self._channel(desk.key)
        if channel is None or not desk.tag:
            return
        with self._asked(desk.key):
            await channel.basic_cancel(desk.tag, timeout=_TIMEOUT)
        self._by_tag.pop(desk.tag, None)
        desk.tag = ""
        tickets, desk.inbox = list(desk.inbox), deque()
        async with asyncio.timeout(_TIMEOUT):
            for tag, _ in sorted(tickets):
                await channel.basic_nack(tag, requeue=True, wait=False)

    def _cancelled(self, frame: Basic.Cancel) -> None:
        """The broker cancelled a consumer: its queue was deleted, or the node that held it has gone."""
        desk = self._by_tag.pop(frame.consumer_tag or "", None)
        if desk is None:
            return
        self._lose(desk)
        log.warning(
            "broker.trouble", channel=desk.key[0], address=desk.key[1],
            why="the broker cancelled the consumer: the queue was deleted or moved",
        )  # fmt: skip
        self._gone(desk.key)

    # -- queues that do not answer -----------------------------------------------------------------

    @contextmanager
    def _asked(self, key: LaneKey) -> Iterator[None]:
        """A question to the broker about this lane's queue."""
        question, generation = object(), self._generation
        self._asking[question] = key
        try:
            yield
        except TimeoutError:
            self._unanswered(generation)
            raise
        finally:
            self._asking.pop(question, None)

    def _unanswered(self, generation: int) -> None:
        """The broker answers a channel's questions in order: the oldest one keeps it, and the others wait."""
        if self._alone is None or generation != self._generation or self._found == generation:
            return
        key = next(iter(self._asking.values()))
        self._found = self._generation
        self._mute[key] = None
        log.error("broker.queue_unusable", queue=queue_name(*key), why=MUTE)
        if self._trying is None or self._trying.done():
            self._trying = asyncio.create_task(self._try(self._alone), name="mute queues tried")
        self._stuck()

    async def _try(self, alone: Alone) -> None:
        """Until each of them answers."""
        while self._mute:
            for key in list(self._mute):
                there = await alone.consumed(queue_name(*key))
                if there is False:
                    continue
                del self._mute[key]
                log.info("broker.queue_usable", queue=queue_name(*key))
                if there is None:
                    self._lose(self._desks[key])
                    self._gone(key)
                else:
                    self._schedule.wake(key)
            await asyncio.sleep(_LOOK_AGAIN)

    @staticmethod
    def _lose(desk: _Desk) -> None:
        """Its queue has gone; the journal knows what its tickets were for."""
        desk.tag = ""
        desk.inbox.clear()
        desk.stands = False


def _ticket(row: DeliveryRow) -> DeliveryRow:
    """The row as its ticket stands: it waits in the broker's queue, whatever a crash made of its state."""
    return row if row.state == "queued" else replace(row, state="queued")
