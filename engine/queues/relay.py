"""The relay: publishes waiting deliveries to their queues on RabbitMQ, in order, and marks them.

For a mailbox (a channel of kind amqp) a confirmed message is `delivered`; for other channels it becomes a
ticket, `queued`. At most one publish of a queue is unconfirmed; many queues are published to at once.
Knows nothing of consuming, and of connections only whether a publish was stored.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import dataclass, field

from engine.crash_points import ARMED, reach
from engine.delivery.outcomes import Recorder
from engine.journal.contract import Journal
from engine.journal.intact import SPOILT
from engine.journal.records import OPEN_STATES, Changed, CopyKind, DeliveryRow, Lane
from engine.observe.log import get_log
from engine.queues.broker import Outcome, Publisher
from engine.queues.budget import InHand
from engine.queues.outbox import LaneKey, Outbox
from engine.queues.schedule import AGAIN, IDLE, Schedule, now_us
from engine.queues.topology import (
    MAILBOX,
    TICKETS,
    BrokerAwayError,
    Declared,
    QueueUnusableError,
    Topology,
    queue_name,
)

__all__ = ["Relay"]

log = get_log()

_TURN = 32
"""Rows of one lane published in a turn. After a crash so many of a lane may have been published without
a record of it: the first ones published again then say that they may be a second copy."""
_BYTES = 256 * 1024  # of bodies in one turn, where there is more than one
_WINDOW = 100  # queues published to at once
_SOON = 100_000  # microseconds
_AFTER_FAILURE = 5_000_000
_UNUSABLE = 60_000_000
_FIRST_REFUSAL, _LONGEST_REFUSAL = 1_000_000, 20_000_000

_LATE: Mapping[CopyKind, str] = {
    "released": "gatepost-released",  # a person let it go
    "resend": "gatepost-resent",  # a person sent it again
    "redirect": "gatepost-resent",
    "re-addressed": "gatepost-readdressed",  # the first recipient sent it back
    "fallback": "gatepost-fallback",  # the first copy's proof did not come in time
}

TOO_LARGE = "larger than the broker takes (max_message)"
VANISHED = "its ticket was not on the broker; published again"


@dataclass(slots=True)
class _Turn:
    """What one turn of a lane has come to."""

    mailbox: bool
    changes: list[Changed] = field(default_factory=list)
    due: int = 0


class Relay:
    """Moves rows from the outbox to the broker.

    mailboxes: names of the channels whose queues are the destination. declared: told of each lane whose
    queue stands; vanished, of each whose queue turned out to be gone. max_message: bytes; a longer body is
    parked before it is published.
    """

    def __init__(
        self,
        journal: Journal,
        recorder: Recorder,
        publisher: Publisher,
        topology: Topology,
        mailboxes: Collection[str],
        declared: Callable[[LaneKey], None],
        vanished: Callable[[LaneKey], None] = lambda _key: None,
        *,
        max_message: int,
        memory: int,
        window: int = _WINDOW,
    ) -> None:
        self._recorder = recorder
        self._publisher = publisher
        self._topology = topology
        self._mailboxes = mailboxes
        self._on_declared = declared
        self._on_vanished = vanished
        self.max_message = max_message
        self._outbox = Outbox(journal, forward=True, memory=memory)
        self._in_hand = InHand()
        self._schedule: Schedule[LaneKey] = Schedule(self._safe_turn, places=window, troubled_places=window)
        self._schedule.pause()
        self._started = now_us()
        self._doubtful: set[int] = set()  # published, and nobody knows whether it was stored
        self._perhaps: dict[LaneKey, int] = {}  # how many rows of a lane may be second copies
        self._again: set[LaneKey] = set()  # lanes whose tickets are lost: publish queued rows too
        self._unrecorded: set[int] = set()  # published in a turn that is not over
        self._overtaken: set[int] = set()  # of these, what a consumer has already in hand
        self._losses: dict[LaneKey, int] = {}  # how often the queue had gone, since something was stored
        self._refusals: dict[LaneKey, int] = {}  # how often it was full, since then
        self._full: set[LaneKey] = set()  # lanes of which something waits because the queue was full

    def begin(self, lanes: Sequence[Lane]) -> None:
        """Take up what the journal holds open from before."""
        for lane in lanes:
            key = (lane.channel, lane.address)
            self._perhaps[key] = _TURN
            self._outbox.rewind(key)
            self._schedule.wake(key)

    def offer(self, rows: Sequence[DeliveryRow]) -> None:
        """Just committed rows."""
        for row in rows:
            self._schedule.wake(self._outbox.offer(row))

    def pause(self) -> None:
        """The broker is away, or takes nothing: rows wait in the journal."""
        self._schedule.pause()

    def resume(self) -> None:
        """It is back."""
        self._schedule.resume()

    def hurry(self, queues: Collection[str]) -> None:
        """These queues can be had again: publish to them now."""
        self._schedule.hurry(lambda key: queue_name(*key) in queues)

    def renew(self, mailboxes: Collection[str], changed: Collection[str]) -> None:
        """The mailboxes are these from now on. Queues of changed channels are declared again before they
        are used: so they are consumed again where they were not."""
        self._mailboxes = mailboxes
        self._topology.forget_all(changed)
        self._schedule.hurry(lambda key: key[0] in changed)

    async def stop(self) -> None:
        """Publish nothing more; wait for what is under way."""
        await self._schedule.stop()

    def overtaken(self, delivery: int) -> None:
        """A consumer has the ticket before its row was marked `queued`: it need not be marked any more."""
        if delivery in self._unrecorded:
            self._overtaken.add(delivery)

    def publish_again(self, key: LaneKey) -> None:
        """The lane's queue has gone, and its tickets with it."""
        self._topology.forget(queue_name(*key))
        if key[0] not in self._mailboxes:
            self._again.add(key)
        self._outbox.rewind(key)
        self._schedule.wake(key)

    # -- a turn ----------------------------------------------------------------------------------

    async def _safe_turn(self, key: LaneKey) -> int:
        try:
            due = await self._turn(key)
        except QueueUnusableError:  # the topology tells, once
            due = now_us() + _UNUSABLE
        except BrokerAwayError:
            due = now_us() + _SOON
        except Exception as failure:  # noqa: BLE001 - one lane's failure must not stop the others
            log.error("delivery.failed", channel=key[0], address=key[1], failure=type(failure).__name__)
            due = now_us() + _AFTER_FAILURE
        if due > 0:
            self._outbox.spill(key)  # nothing is kept in memory while a lane rests
        return due

    async def _turn(self, key: LaneKey) -> int:
        queue = queue_name(*key)
        stands = self._topology.known(queue)
        if stands is None:
            mailbox = key[0] in self._mailboxes
            stands = await self._topology.ensure(queue, MAILBOX if mailbox else TICKETS)
            self._stands(key, stands)
        wait = stands.usable - asyncio.get_running_loop().time()
        if stands.usable and wait > 0:
            return now_us() + int(wait * 1e6) + 1
        rows = await self._in_hand.read(lambda: self._outbox.take(key, _TURN, _BYTES))
        if not rows:
            self._again.discard(key)
            self._perhaps.pop(key, None)
            self._none_left(key)
            return IDLE
        turn = _Turn(key[0] in self._mailboxes)
        try:
            await self._publish_all(key, queue, rows, turn)
            await self._record(turn)
            if ARMED and turn.changes:
                reach("publish.recorded")
        finally:
            self._in_hand.release(rows)
            for row in rows:
                self._unrecorded.discard(row.id)
                self._overtaken.discard(row.id)
        if turn.due:
            return turn.due
        self._outbox.done(key, rows[-1].id)
        return AGAIN

    def _stands(self, key: LaneKey, declared: Declared) -> None:
        if key[0] in self._mailboxes:
            return
        if key in self._perhaps and not declared.messages:
            self._again.add(key)  # rows that stand as queued have no tickets
        self._on_declared(key)

    async def _publish_all(self, key: LaneKey, queue: str, rows: Sequence[DeliveryRow], turn: _Turn) -> None:
        for row in rows:
            if not self._wanted(key, row, turn.mailbox):
                continue
            if row.spoilt or len(row.body) > self.max_message:
                turn.changes.append(_parked(key, row))
                continue
            doubt = self._in_doubt(key, row)
            if not turn.mailbox:
                self._unrecorded.add(row.id)
            outcome = await self._publisher.publish(queue, row.body, _headers(row, doubt))
            if ARMED and outcome == "stored":
                reach("publish.confirmed")
            self._note(key, row, outcome, doubt, turn)
            if turn.due:
                return

    def _wanted(self, key: LaneKey, row: DeliveryRow, mailbox: bool) -> bool:
        if mailbox or row.state == "waiting":
            return True
        return key in self._again and row.state in OPEN_STATES

    def _in_doubt(self, key: LaneKey, row: DeliveryRow) -> bool:
        """Whether this may be a second copy of a message that the queue has already."""
        doubt = row.in_doubt or row.id in self._doubtful or row.state != "waiting"
        left = self._perhaps.get(key, 0)
        if left and row.created < self._started:
            self._perhaps[key] = left - 1
            return True
        return doubt

    def _note(self, key: LaneKey, row: DeliveryRow, outcome: Outcome, doubt: bool, turn: _Turn) -> None:
        if outcome == "stored":
            turn.changes.append(self._stored(key, row, doubt, turn.mailbox))
            self._doubtful.discard(row.id)
            self._losses.pop(key, None)
            self._refusals.pop(key, None)
        elif outcome == "returned":
            turn.due = now_us() + self._lost(key)
        elif outcome == "nacked":
            turn.due = now_us() + self._refused(key)
        else:
            if outcome == "unknown":
                self._doubtful.add(row.id)
            turn.due = now_us() + _SOON

    def _stored(self, key: LaneKey, row: DeliveryRow, doubt: bool, mailbox: bool) -> Changed:
        if mailbox:
            log.info(
                "delivery.delivered", channel=key[0], address=key[1], delivery=row.id, message=row.message
            )
            return Changed(row.id, "delivered", now_us(), row.attempts + 1, 0, "", doubt)
        reason = VANISHED if row.state != "waiting" else ""
        return Changed(row.id, "queued", now_us(), row.attempts, row.next_try, reason)

    def _lost(self, key: LaneKey) -> int:
        """Its queue has gone: make it anew and publish again, at once the first time, then after a rest in
        microseconds. It may have been deleted by hand, and by somebody who does so again."""
        times = self._losses.get(key, 0)
        self._losses[key] = times + 1
        log.warning(
            "broker.trouble", channel=key[0], address=key[1], why="the queue was deleted; it is made anew"
        )
        self._on_vanished(key)
        self.publish_again(key)
        return _rest(times - 1) if times else 1

    def _refused(self, key: LaneKey) -> int:
        """The queue is full: rest, in microseconds, and say so once."""
        times = self._refusals.get(key, 0)
        self._refusals[key] = times + 1
        if key not in self._full:
            self._full.add(key)
            log.warning(
                "broker.trouble", channel=key[0], address=key[1],
                why="the broker refuses messages for this queue (is it full? has it a leader?); they wait",
            )  # fmt: skip
        return _rest(times)

    def _none_left(self, key: LaneKey) -> None:
        """Everything is published: where the queue was full, that episode is over."""
        if key in self._full:
            self._full.discard(key)
            log.info("broker.queue_usable", channel=key[0], address=key[1], why="all that waited is in it")

    async def _record(self, turn: _Turn) -> None:
        changes = [change for change in turn.changes if change.delivery not in self._overtaken]
        try:
            await self._recorder.record(changes)
        except asyncio.CancelledError:
            self._recorder.keep(changes)
            raise


def _parked(key: LaneKey, row: DeliveryRow) -> Changed:
    """Set aside what must not be published, or cannot be."""
    why = SPOILT if row.spoilt else TOO_LARGE
    if row.spoilt:
        log.error("journal.spoilt", delivery=row.id, message=row.message, why=why)
    log.warning("delivery.parked", channel=key[0], address=key[1], delivery=row.id, why=why)
    return Changed(row.id, "parked", now_us(), row.attempts, 0, why)


def _rest(times: int) -> int:
    """Microseconds until a queue is tried again that did not take a message, after so many rests."""
    return int(min(_FIRST_REFUSAL * 2 ** min(times, 10), _LONGEST_REFUSAL))


def _headers(row: DeliveryRow, doubt: bool) -> dict[str, str | int | bool]:
    headers: dict[str, str | int | bool] = {
        "gatepost-delivery-id": row.id,
        "gatepost-message-id": row.message,
        "gatepost-practice": row.address,
        "gatepost-feed": row.feed,
        "gatepost-type": row.type,
        "gatepost-control-id": row.control_id.decode("utf-8", "replace"),
        "gatepost-config": row.config,
        "gatepost-attempt": row.attempts + 1,
        "gatepost-possible-duplicate": doubt,
    }
    # What tells a recipient that this comes late and out of its order, and why.
    if row.kind in _LATE:
        headers[_LATE[row.kind]] = True
    elif row.again:  # a parked one, tried again
        headers["gatepost-released"] = True
    return headers
