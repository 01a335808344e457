"""One stretch of consuming a queue, on one channel: which messages are in hand, and what the broker is told.

What is stored is acknowledged; when the stretch ends in order, the rest is given back in the order of the
queue. The bytes in hand are bounded by a budget. Knows nothing of what is done with a message.
"""

from __future__ import annotations

import asyncio
from collections import deque
from collections.abc import Callable
from contextlib import suppress

from aiormq.abc import DeliveredMessage
from aiormq.channel import Channel

from channels.mllp import Budget
from engine.crash_points import ARMED, reach
from engine.queues.nodes import TROUBLE

__all__ = ["Post", "Stretch"]

_SORTING = 0.1  # seconds for which the first messages are gathered, so that those that come again go first
_SETTLE = 10.0  # seconds that messages in hand have to be stored when the stretch ends


class Post:
    """One message in hand: the slot that intake answers. stored: is told the answer; given_back: that it
    could not be stored."""

    __slots__ = ("_given_back", "_open", "_stored", "correlation", "peer", "reply_to", "size", "tag")

    def __init__(
        self,
        message: DeliveredMessage,
        queue: str,
        stored: Callable[[Post, bytes | None], None],
        given_back: Callable[[Post], None],
    ) -> None:
        properties = message.header.properties
        self._open = True
        self._stored = stored
        self._given_back = given_back
        self.tag = message.delivery_tag or 0
        self.size = len(message.body)
        self.reply_to = properties.reply_to
        self.correlation = properties.message_id
        # RabbitMQ lets nobody name another user than the one who is connected.
        user = properties.user_id if isinstance(properties.user_id, str) else ""
        self.peer = f"{queue} {user[:64]}".strip()

    def answer(self, data: bytes | None) -> None:
        """It is stored (or kept as refused): the broker is told, after the sender where it asks."""
        if self._open:
            self._open = False
            self._stored(self, data)

    def hang_up(self) -> None:
        """It could not be stored: the broker shall keep it."""
        if self._open:
            self._open = False
            self._given_back(self)


class Stretch:
    """`ended`: nothing more is taken. `lost`: the connection has gone, and with it whatever is in hand."""

    def __init__(self, budget: Budget, take: Callable[[Stretch, DeliveredMessage], None]) -> None:
        """take: is given each message, in order, until the stretch has ended."""
        self._budget = budget
        self._take = take
        self.begun = asyncio.get_running_loop().time()
        self.ended = asyncio.Event()
        self.lost = asyncio.Event()
        self.consumer = ""  # its tag
        # Gathered at the beginning, None once they are sorted: the broker lets one message go before those
        # that were given back to it.
        self._first: list[DeliveredMessage] | None = []
        self._open: dict[int, None] = {}  # tags that are not acknowledged, in the order of the queue
        self.in_hand: set[Post] = set()
        self._held = 0  # bytes
        self._room = asyncio.Event()
        self._emptied = asyncio.Event()
        self._acks: deque[int] = deque()
        self._due = asyncio.Event()
        self._writing = asyncio.Lock()

    def end(self, *, lost: bool = False) -> None:
        """Take nothing more. lost: the connection does not serve any more."""
        self.ended.set()
        self._room.set()
        if lost:
            self.lost.set()

    # -- what comes in ----------------------------------------------------------------------------

    async def gate(self, size: int) -> None:
        """Let a message of so many bytes in when there is room; nothing is read from the broker meanwhile."""
        while self._budget.over and not self.ended.is_set():
            self._room.clear()
            await self._room.wait()
        if not self.ended.is_set():
            self._held += size
            self._budget.take(size)
            self._budget.settle()

    def room(self) -> None:
        """There is room in the budget."""
        self._room.set()

    async def arrived(self, message: DeliveredMessage) -> None:
        """A message came from the broker."""
        if self._first is None:
            self._hand_on(message)
        else:
            self._first.append(message)
            if len(self._first) == 1:
                asyncio.get_running_loop().call_later(_SORTING, self._sort)

    def _sort(self) -> None:
        """The first messages have come: those that came before go first."""
        first, self._first = self._first, None
        for message in sorted(first or (), key=lambda message: not message.redelivered):
            self._hand_on(message)

    def _hand_on(self, message: DeliveredMessage) -> None:
        self._open[message.delivery_tag or 0] = None
        if not self.ended.is_set():
            self._take(self, message)

    # -- what becomes of it -----------------------------------------------------------------------

    def done(self, post: Post) -> None:
        """It is stored: acknowledge it."""
        if post in self.in_hand:
            self._acks.append(post.tag)
            self._due.set()
            self.out_of_hand(post)

    def out_of_hand(self, post: Post) -> None:
        """It is stored, or the broker's again."""
        if post in self.in_hand:
            self.in_hand.discard(post)
            self._held -= post.size
            self._budget.release(post.size)
            if not self.in_hand:
                self._emptied.set()

    def let_go(self) -> None:
        """Whatever is still in hand is the broker's again. Who settles one of these later comes too late."""
        self.in_hand.clear()
        self._budget.release(self._held)
        self._held = 0

    async def acknowledge(self, channel: Channel) -> None:
        """Tell the broker what is stored, all that one commit had at once; until it is cancelled."""
        with suppress(*TROUBLE):  # the channel has ended, and the stretch with it
            while True:
                await self._due.wait()
                self._due.clear()
                await self._write(channel)

    async def settle(self, channel: Channel) -> None:
        """It has ended in order: what is in hand is stored and acknowledged, where that does not take long,
        and the rest goes back, in the order of the queue."""
        self._sort()
        if self.in_hand:
            self._emptied.clear()
            with suppress(TimeoutError):
                async with asyncio.timeout(_SETTLE):
                    await self._emptied.wait()
        self.let_go()
        await self._write(channel)
        for tag in list(self._open):
            await channel.basic_nack(tag, requeue=True, wait=False)

    async def _write(self, channel: Channel) -> None:
        async with self._writing:
            while self._acks:
                tag = self._acks.popleft()
                self._open.pop(tag, None)
                await channel.basic_ack(tag, wait=False)
                if ARMED:
                    reach("mail.acknowledged")
