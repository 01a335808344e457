"""A feed that takes its messages from a queue of the broker: the way in for what practices send over AMQP.

A message is acknowledged to the broker only when intake has it on disk; what cannot be stored now is given
back in its place. The bytes in hand are bounded by the budget that all feeds share. Knows nothing of HL7, of
what intake does, or of how connections are made.
"""

from __future__ import annotations

import asyncio
import socket
from collections.abc import Sequence
from contextlib import suppress
from functools import partial
from typing import Protocol

from aiormq.abc import DeliveredMessage
from aiormq.channel import Channel
from pamqp.commands import Basic

from channels.mllp import Budget, Counters, Note, Slot
from engine.crash_points import ARMED, reach
from engine.observe.log import get_log
from engine.queues.envelope import Sent, answer_queue, claimed, unframed
from engine.queues.mailroom import Mailroom
from engine.queues.nodes import TROUBLE, Connection, is_trouble
from engine.queues.stretch import Post, Stretch
from engine.queues.topology import MAILBOX, BrokerAwayError, QueueUnusableError
from engine.site.model import Feed

__all__ = ["Intake", "QueueFeed"]

log = get_log()

_AT_ONCE = 128  # messages in hand: as many as share a commit well
_TIMEOUT = 15.0  # seconds for an answer of the broker
_FIRST_REST, _LONGEST_REST = 1.0, 30.0  # seconds before what was given back is taken again
_CALM = 60.0  # seconds of consuming after which the rests begin with the first again
_AGAIN = 5.0  # seconds between looks at a queue that cannot be had, and at whether one is still there
_CLOSE = 5.0  # seconds for the end of a channel


class Intake(Protocol):
    """The engine's side of a feed."""

    def take(self, frame: bytes, slot: Slot, sent: Sent) -> None:
        """One message. Returns at once and does not raise."""

    def note(self, what: Note) -> None:
        """Something that operators must see."""


class QueueFeed:
    """One feed at its queue; to its owner the same as a listener.

    It consumes while there is a connection and nothing keeps it from it: it is paused, it rests after
    something could not be stored, or the queue cannot be had. `trouble` says what a person can mend,
    `waiting` how many messages the queue holds, where that is known.
    """

    def __init__(self, feed: Feed, intake: Intake, budget: Budget, mailroom: Mailroom) -> None:
        self.feed = feed
        self.counters = Counters()
        self.redelivered = 0
        self.waiting: int | None = None
        self.trouble = ""
        self._intake = intake
        self._budget = budget
        self._mailroom = mailroom
        self._free = asyncio.Event()
        self._free.set()
        self._now: Stretch | None = None
        self._rest = 0.0
        self._told = False
        self._leaving = False
        self._keeping: asyncio.Task[None] | None = None
        self._answers: set[asyncio.Task[None]] = set()

    # -- as a listener ----------------------------------------------------------------------------

    @property
    def consuming(self) -> bool:
        """Whether it takes messages at this moment."""
        return self._now is not None and bool(self._now.consumer) and not self._now.ended.is_set()

    @property
    def unanswered(self) -> int:
        """Messages in hand that are not acknowledged."""
        return len(self._now.in_hand) if self._now is not None else 0

    async def start(self) -> None:
        """Begin to take messages."""
        self.serve()

    async def open(self) -> None:
        """Nothing has to be had beforehand: the broker may be away."""

    def serve(self, _inherited: Sequence[socket.socket] = ()) -> None:
        """Begin to take messages, as soon as there is a connection."""
        self._budget.watch(self._budget_says)
        self._mailroom.enter(self)
        self._keeping = asyncio.create_task(self._keep(), name=f"{self.feed.name} at its queue")

    def hand_over(self) -> list[socket.socket]:
        """Take no more messages; there is no socket to hand over."""
        self._leaving = True
        self.interrupt()
        return []

    def pause(self) -> None:
        """Take no messages until `resume`; what is in hand goes back where it is not stored soon."""
        self._free.clear()
        self.interrupt()

    def resume(self) -> None:
        """Take messages again, now."""
        self._rest = 0.0
        self._free.set()

    async def stop(self, drain: float) -> None:
        """Take no more, let what is in hand be stored, end."""
        self.hand_over()
        self._budget.unwatch(self._budget_says)
        keeping, self._keeping = self._keeping, None
        if keeping is not None:
            if self._now is not None:
                await asyncio.wait([keeping], timeout=max(drain, 1.0))
            keeping.cancel()
            await asyncio.gather(keeping, return_exceptions=True)
            await self._mailroom.leave(self)

    def interrupt(self, *, lost: bool = False) -> None:
        """End this stretch of consuming: in order, unless the connection is lost."""
        if self._now is not None:
            self._now.end(lost=lost)

    def _budget_says(self, over: bool) -> None:
        if self._now is not None and not over:
            self._now.room()

    # -- consuming --------------------------------------------------------------------------------

    async def _keep(self) -> None:
        while not self._leaving:
            await self._free.wait()
            if self._rest:
                await asyncio.sleep(self._rest)
            connection = await self._mailroom.connection()
            if not self._free.is_set():
                continue
            try:
                await self._mailroom.topology.ensure(self.feed.queue, MAILBOX)
                if not await self._stretch(connection):
                    self._mailroom.lost(connection)
            except QueueUnusableError as why:
                self.says(str(why))
                await asyncio.sleep(_AGAIN)
            except Exception as why:  # noqa: BLE001 - a feed goes on, whatever has happened to it
                name = type(why).__name__
                if not isinstance(why, BrokerAwayError) and not is_trouble(why):
                    log.error("feed.trouble", feed=self.feed.name, what="failed", why=name)
                if not connection.is_closed:
                    self.says(f"the broker would not give its messages ({name})")
                self._mailroom.lost(connection)
                await asyncio.sleep(_FIRST_REST)

    async def _stretch(self, connection: Connection) -> bool:
        """Consume until something ends it; False where the connection was lost. Calls on a lost connection
        may hang, so they are ended here."""
        stretch = self._now = Stretch(self._budget, self._take)
        work = asyncio.create_task(self._consume(stretch, connection), name=f"{self.feed.name} consumes")
        lost = asyncio.create_task(stretch.lost.wait(), name=f"{self.feed.name} looks")
        try:
            await asyncio.wait({work, lost}, return_when=asyncio.FIRST_COMPLETED)
        finally:
            stretch.end()
            both = asyncio.gather(work, lost, return_exceptions=True)
            lost.cancel()
            if stretch.lost.is_set() or not work.done():
                work.cancel()
            await both
            self._now = None
            stretch.let_go()
        # The client reports a lost connection in many ways, a cancellation among them.
        if work.cancelled() or stretch.lost.is_set():
            return False
        if (failure := work.exception()) is not None:
            raise failure
        return True

    async def _consume(self, stretch: Stretch, connection: Connection) -> None:
        channel = await connection.metered_channel(stretch.gate)
        writing = asyncio.create_task(stretch.acknowledge(channel), name=f"{self.feed.name} acknowledges")
        try:
            await channel.basic_qos(prefetch_count=_AT_ONCE, timeout=_TIMEOUT)
            channel.on_consumer_cancel_callbacks.add(self._cancelled)
            consuming = await channel.basic_consume(self.feed.queue, stretch.arrived, timeout=_TIMEOUT)
            stretch.consumer = consuming.consumer_tag or ""
            self.says("")
            await self._until_ended(stretch, channel)
            if not channel.is_closed:
                await channel.basic_cancel(stretch.consumer, timeout=_TIMEOUT)
                await stretch.settle(channel)
        finally:
            writing.cancel()
            await asyncio.gather(writing, return_exceptions=True)
            if not stretch.lost.is_set():
                with suppress(*TROUBLE):
                    async with asyncio.timeout(_CLOSE):
                        await channel.close()

    async def _until_ended(self, stretch: Stretch, channel: Channel) -> None:
        """Until it is interrupted, the channel ends, or the queue has gone."""
        while not (stretch.ended.is_set() or channel.is_closed):
            with suppress(BrokerAwayError):
                self.waiting = await self._mailroom.topology.depth(self.feed.queue)
                if self.waiting is None:  # the broker does not always say that a queue was deleted
                    self._vanished()
            with suppress(TimeoutError):
                async with asyncio.timeout(_AGAIN):
                    await stretch.ended.wait()

    def _cancelled(self, frame: Basic.Cancel) -> None:
        """The broker cancelled the consumer: its queue was deleted, or the node that held it has gone."""
        if self._now is not None and frame.consumer_tag == self._now.consumer:
            self._vanished()

    def _vanished(self) -> None:
        self.says("the queue was deleted, or the node of the broker that had it has gone")
        self._mailroom.vanished(self.feed.queue)

    # -- messages ---------------------------------------------------------------------------------

    def _take(self, stretch: Stretch, message: DeliveredMessage) -> None:
        post = Post(
            message, self.feed.queue, partial(self._stored, stretch), partial(self._give_back, stretch)
        )
        stretch.in_hand.add(post)
        self.counters.frames += 1
        self.counters.bytes += post.size
        self.redelivered += bool(message.redelivered)
        if ARMED:
            reach("mail.came")
        too_large = post.size > self.feed.max_frame
        self.counters.too_long += too_large
        sent = Sent(claimed(message.header.properties), too_large)
        try:
            self._intake.take(unframed(message.body), post, sent)
        except Exception as failure:  # noqa: BLE001 - one message must not stop the others
            log.error("feed.trouble", feed=self.feed.name, what="failed", why=type(failure).__name__)
            post.hang_up()

    def _stored(self, stretch: Stretch, post: Post, data: bytes | None) -> None:
        """It is on disk; `data` is the answer to its sender, who may not have asked for one."""
        if ARMED:
            reach("mail.stored")
        queue = answer_queue(post.reply_to) if data is not None else ""
        if queue is None:
            self._lost_answer("the message names a queue that answers do not go to")
        if data is None or not queue:
            stretch.done(post)
            return
        answering = self._answer(stretch, post, queue, data)
        task = asyncio.create_task(answering, name=f"{self.feed.name} answers")
        self._answers.add(task)
        task.add_done_callback(self._answers.discard)

    async def _answer(self, stretch: Stretch, post: Post, queue: str, data: bytes) -> None:
        """Answer, then acknowledge: where we die between the two, the message comes again as a duplicate, and
        is answered again."""
        why = await self._mailroom.answer(queue, data, post.correlation)
        if ARMED and not why:
            reach("mail.answered")
        if why:
            self._lost_answer(why)
        else:
            self.counters.answers += 1
        stretch.done(post)

    def _lost_answer(self, why: str) -> None:
        log.warning("feed.answer_lost", feed=self.feed.name, why=why)

    def _give_back(self, stretch: Stretch, post: Post) -> None:
        """It is not stored. The stretch ends, which puts it back in its place, and another begins after a
        rest, or when `resume` is called."""
        stretch.out_of_hand(post)
        if not stretch.ended.is_set():
            calm = asyncio.get_running_loop().time() - stretch.begun > _CALM
            self._rest = _FIRST_REST if calm else min(max(_FIRST_REST, self._rest * 2), _LONGEST_REST)
            stretch.end()

    # -- what is told -----------------------------------------------------------------------------

    def says(self, trouble: str) -> None:
        """Why it takes no messages, or "": it does. A line when trouble begins, and one when it ends."""
        feed, queue = self.feed.name, self.feed.queue
        if trouble and not self.trouble:
            log.error("feed.queue_away", feed=feed, queue=queue, why=trouble)
        elif not trouble and self.trouble:
            log.info("feed.queue_back", feed=feed, queue=queue)
        elif not trouble and not self._told:
            log.info("feed.listening", feed=feed, address=f"queue {queue}")
        self._told = self._told or not trouble
        self.trouble = trouble
