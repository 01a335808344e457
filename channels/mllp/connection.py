"""One inbound MLLP connection: frames go in to intake, answers come out in the order of the frames.

Knows nothing of HL7 and never looks into a frame. It is the thin part between asyncio and the framer: it
counts, keeps the row of answers, and decides when to read and when to close.

Reading stops, by flags that are independent of one another, while the engine asks for it, while the
shared budget is spent, while the peer does not read its answers, while too many frames are unanswered,
and for good once the connection is to end. The end comes when every frame taken has been answered.

There is one timer for each connection. It looks at the state and sets itself again; nothing is armed or
cancelled for a message. Time in which we did not read is never counted against the peer.
"""

from __future__ import annotations

import asyncio
from collections import deque
from collections.abc import Callable
from dataclasses import dataclass
from typing import cast

from channels.mllp.budget import Budget
from channels.mllp.framer import Discarded, Event, Frame, Framer, TooLong, Truncated, Unframeable, frame
from channels.mllp.intake import Counters, Intake, Note, NoteKind
from channels.mllp.tls import is_named, peer_names

__all__ = ["Connection", "FrameSlot", "Terms"]

FRAME_OVERHEAD = 512
"""Bytes charged for a frame beside its body, so that a flood of empty frames spends the budget too."""

MOST_UNANSWERED = 1024
"""Frames of one connection that may wait for their answers; then it is not read, for the others' sake."""

SLOWEST_FRAME = 10
"""A frame that keeps moving may take so many times the frame timeout in all."""

BETWEEN_ANSWERS = b"\x1c\r\x0b"  # FS CR VT

# Why a connection is not read at the moment.
ENGINE, BUDGET, WRITING, DEPTH, ENDING = 1, 2, 4, 8, 16


@dataclass(frozen=True, slots=True)
class Terms:
    """What all connections of one listener have in common. Times in seconds, sizes in bytes."""

    feed: str
    intake: Intake
    counters: Counters
    budget: Budget
    max_frame: int
    idle_timeout: float
    frame_timeout: float
    client_names: tuple[str, ...]
    opened: Callable[[Connection], None]
    closed: Callable[[Connection], None]


class FrameSlot:
    """The place of one frame in its connection's row of answers (`intake.Slot`)."""

    __slots__ = ("_connection", "_size", "data", "done", "hung_up", "peer")

    def __init__(self, connection: Connection, size: int) -> None:
        self.peer = connection.peer
        self._connection = connection
        self._size = size
        self.done = False
        self.hung_up = False
        self.data: bytes | None = None

    def answer(self, data: bytes | None) -> None:
        """Answer the frame; None where no answer is due."""
        if not self.done:
            self.done = True
            self.data = data
            self._connection.settled(self, self._size)

    def hang_up(self) -> None:
        """Close the connection without an answer to this frame."""
        if not self.done:
            self.done = True
            self.hung_up = True
            self._connection.settled(self, self._size)


class Connection(asyncio.Protocol):
    """One accepted connection, from its first byte to its last."""

    def __init__(self, terms: Terms, peer: str, *, tls: bool) -> None:
        self.peer = peer
        self.refusal = ""  # why the connection was turned away after its handshake
        self._terms = terms
        self._tls = tls
        self._loop = asyncio.get_running_loop()
        self._transport: asyncio.Transport
        self._framer = Framer(terms.max_frame)
        self._slots: deque[FrameSlot] = deque()
        self._blocks = 0
        self._frames = 0
        self._ending = ""  # why it is to end, once it is
        self._closing = False
        self._gone = False
        self._opening = True
        self._flush_due = False
        # Moments of the loop's clock.
        self._moved = self._frame_since = self._blocked_since = self._stuck_since = self._loop.time()
        self._timer: asyncio.TimerHandle | None = None

    @property
    def unanswered(self) -> int:
        """Frames taken and not answered yet."""
        return len(self._slots)

    # -- what asyncio says --------------------------------------------------------------------------

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """The connection stands, its TLS handshake included."""
        self._transport = cast(asyncio.Transport, transport)
        if self._tls and not self._check_names():
            self._gone = True
            self._transport.abort()
            return
        terms = self._terms
        terms.counters.open += 1
        terms.counters.opened += 1
        self._moved = self._loop.time()
        self._arm(self._moved)
        self._note("opened")
        self._share = terms.budget.join(self._budget_says)
        terms.opened(self)
        self._opening = False
        if self._blocks:
            # uvloop begins to read after this call, whatever was asked for in it: one read may slip through.
            self._loop.call_soon(self._pause_again)

    def data_received(self, data: bytes) -> None:
        """Bytes have come: take every frame out of them, and answer at once what is answered at once."""
        if self._ending or self._gone:
            return
        self._moved = now = self._loop.time()
        framer = self._framer
        was_inside = framer.inside
        self._terms.counters.bytes += len(data)
        events = framer.receive(data)
        self._flush_due = True  # no flush for each frame: one follows below
        odd = False
        for event in events:
            if type(event) is Frame:
                self._take(event.body)
            else:
                odd = True
        if odd:
            self._report(events)
        if not was_inside or events:
            self._frame_since = now
        self._share.hold(framer.buffered)
        if len(self._slots) >= MOST_UNANSWERED:
            self._block(DEPTH)
        self._flush()

    def eof_received(self) -> bool:
        """The peer sends no more. What it sent is still answered, save under TLS, which ends both ways."""
        self.finish("closed by the peer")
        return not self._tls

    def pause_writing(self) -> None:
        """The peer does not read its answers: take no more from it."""
        self._stuck_since = self._loop.time()
        self._block(WRITING)

    def resume_writing(self) -> None:
        """It reads again."""
        self._unblock(WRITING)

    def connection_lost(self, exc: Exception | None) -> None:
        """The connection is gone. Answers that come later find nobody."""
        if self.refusal:
            return
        self._gone = True
        if self._timer is not None:
            self._timer.cancel()
        self._report(self._framer.end())
        self._share.leave()
        self._slots.clear()
        self._terms.counters.open -= 1
        lost = "reset by the peer" if isinstance(exc, ConnectionError) else type(exc).__name__
        why = self._ending or ("closed by the peer" if exc is None else lost)
        self._note("closed", self._frames, why)
        self._terms.closed(self)

    # -- what the listener and the budget say -------------------------------------------------------

    def pause(self) -> None:
        """Do not read until `resume`."""
        self._block(ENGINE)

    def resume(self) -> None:
        """Read again."""
        self._unblock(ENGINE)

    def finish(self, why: str) -> None:
        """Take no more; close once every frame that was taken is answered."""
        if not self._ending and not self._gone:
            self._ending = why
            self._block(ENDING)
            self._report(self._framer.end())
            self._share.hold(0)
            self._flush()

    def abort(self, why: str) -> None:
        """Close at once, answered or not."""
        if not self._gone:
            self._ending = self._ending or why
            self._transport.abort()

    def _budget_says(self, may_read: bool) -> None:
        if may_read:
            self._unblock(BUDGET)
        else:
            self._block(BUDGET)

    # -- frames and answers -------------------------------------------------------------------------

    def _take(self, body: bytes) -> None:
        terms = self._terms
        size = len(body) + FRAME_OVERHEAD
        slot = FrameSlot(self, size)
        self._slots.append(slot)
        self._frames += 1
        terms.counters.frames += 1
        terms.budget.take(size)
        try:
            terms.intake.take(body, slot)
        except Exception as failure:  # noqa: BLE001 - one bad frame must not leave its slot open for ever
            self._note("failed", detail=type(failure).__name__)
            slot.hang_up()

    def settled(self, slot: FrameSlot, size: int) -> None:
        """Called by a slot that has been answered or hung up."""
        self._terms.budget.release(size)
        if self._gone:
            return
        if slot.hung_up:
            self._block(ENDING)
        if not self._flush_due and self._slots and self._slots[0].done:
            # Answers of one commit come one after another: write them together, when all have come.
            self._flush_due = True
            self._loop.call_soon(self._flush)

    def _flush(self) -> None:
        """Write the answers at the head of the row; end where the end is reached."""
        self._flush_due = False
        if self._gone or self._closing:
            return
        slots = self._slots
        out: list[bytes] = []
        while slots and slots[0].done:
            slot = slots.popleft()
            if slot.hung_up:
                slots.clear()
                self._ending = self._ending or "hung up"
            elif slot.data is not None:
                try:
                    out.append(_framed(slot.data))
                except Unframeable as why:
                    self._note("unanswerable", detail=str(why))
                    slots.clear()
                    self._ending = self._ending or "unanswerable"
        if out and not self._transport.is_closing():
            self._terms.counters.answers += len(out)
            self._moved = self._loop.time()
            self._transport.write(out[0] if len(out) == 1 else b"".join(out))
        if self._ending and not slots:
            self._close()
        elif self._blocks & DEPTH and len(slots) < MOST_UNANSWERED // 2:
            self._unblock(DEPTH)

    def _close(self) -> None:
        """Everything due is written. The timer sees to a peer that does not read it."""
        self._closing = True
        self._block(ENDING)
        self._stuck_since = self._loop.time()
        self._transport.close()

    # -- reading or not -----------------------------------------------------------------------------

    def _block(self, reason: int) -> None:
        if not self._blocks:
            self._blocked_since = self._loop.time()
            if self._opening:
                self._loop.call_soon(self._hold_back)
            else:
                self._transport.pause_reading()
        self._blocks |= reason
        if reason != BUDGET:
            self._share.able(False)

    def _pause_again(self) -> None:
        if self._blocks and not self._gone:
            self._transport.pause_reading()

    def _hold_back(self) -> None:
        """Stop reading before the first byte. The event loop begins to read after `connection_made`, also
        where reading was paused in it (CPython 3.11.2, uvloop), so this comes one turn later."""
        if self._blocks and not self._gone:
            self._transport.pause_reading()

    def _unblock(self, reason: int) -> None:
        if not self._blocks & reason:
            return
        self._blocks &= ~reason
        if reason != BUDGET:
            self._share.able(not self._blocks & ~BUDGET)
        if not self._blocks:
            now = self._loop.time()
            self._frame_since += now - self._blocked_since
            self._moved = now
            self._transport.resume_reading()

    # -- time ---------------------------------------------------------------------------------------

    def _arm(self, now: float) -> None:
        """Look again when something is due, but never later than what may become due meanwhile."""
        due = min(self._due(now)[0], now + min(self._terms.frame_timeout, self._terms.idle_timeout))
        self._timer = self._loop.call_at(due, self._look)

    def _due(self, now: float) -> tuple[float, str]:
        """When this connection must end if nothing moves, and why."""
        terms = self._terms
        if self._closing or self._blocks & WRITING:
            return self._stuck_since + terms.frame_timeout, "answers were not read"
        if self._blocks or (self._slots and not self._framer.inside):
            return now + terms.frame_timeout, ""
        if self._framer.inside:
            stalled = self._moved + terms.frame_timeout
            return min(stalled, self._frame_since + SLOWEST_FRAME * terms.frame_timeout), "a frame stalled"
        return self._moved + terms.idle_timeout, "idle"

    def _look(self) -> None:
        now = self._loop.time()
        due, why = self._due(now)
        if due <= now:
            if self._closing or self._blocks & WRITING:
                self.abort(why)
                return
            self.finish(why)
        if not self._gone:
            self._arm(now)

    # -- what is told -------------------------------------------------------------------------------

    def _report(self, events: list[Event]) -> None:
        """Count and note what was thrown away: one note of each kind for each read."""
        counters = self._terms.counters
        junk = [event.count for event in events if type(event) is Discarded]
        if junk:
            counters.discarded_bytes += sum(junk)
            self._note("discarded", sum(junk))
        unfinished = [event.count for event in events if type(event) is Truncated]
        if unfinished:
            counters.truncated += len(unfinished)
            self._note("truncated", sum(unfinished))
        if events and type(events[-1]) is TooLong:
            counters.too_long += 1
            self._note("too_long", self._terms.max_frame)
            self.finish("a frame was too long")

    def _note(self, kind: NoteKind, count: int = 0, detail: str = "") -> None:
        self._terms.intake.note(Note(kind, self._terms.feed, self.peer, count, detail))

    def _check_names(self) -> bool:
        """Under TLS: add the peer's own name to its address; False where its names are not allowed."""
        names = peer_names(self._transport.get_extra_info("peercert"))
        if names:
            self.peer = f"{self.peer} ({names[0]})"
        if self._terms.client_names and not is_named(names, self._terms.client_names):
            self.refusal = "client_name"
        return not self.refusal


def _framed(answer: bytes) -> bytes:
    """One answer in its frame, or several that are already joined by FS CR VT.

    No frame that we take can hold VT, so FS CR VT cannot have come from what a sender wrote.
    """
    if BETWEEN_ANSWERS not in answer:
        return frame(answer)
    return b"".join([frame(each) for each in answer.split(BETWEEN_ANSWERS)])
