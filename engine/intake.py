"""Intake: from a complete frame to a truthful acknowledgement.

One `FeedIntake` stands behind each feed's listener. It reads just enough (delimiters, MSH), hands the
bytes to the journal, and answers only when the journal says that they are on disk. What cannot be read is
kept as refused evidence and never answered positively. It decides nothing about content, and knows
nothing of routes.

Answers wait for their commit (`when_stored`) or for the routes' verdict (`when_routed`, at most ten
seconds, then the connection is closed without an answer and the verdict stands for the resend).
"""

from __future__ import annotations

import asyncio
import hashlib
import re
import time
import uuid
from collections.abc import Callable
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime

from channels.mllp import Note, Slot
from engine.crash_points import ARMED, reach
from engine.journal.contract import Journal, JournalBroken, JournalFull, Trouble
from engine.journal.records import Arrival, BatchCount, Stored, Verdict, Waiting
from engine.observe.connections import log_note
from engine.observe.log import get_log
from engine.queues.envelope import NOTHING, Sent
from engine.site.model import Feed
from routes.hl7.ack import answer, fixed_refusal
from routes.hl7.batch import Batch, split_batch
from routes.hl7.header import Header, Unreadable, read_header

__all__ = ["FeedIntake", "Verdicts"]

VERDICT_PATIENCE = 10.0
"""Seconds that a `when_routed` sender waits for its answer before the connection is closed."""

OK = Verdict("ok")
NO_CONTROL_ID = ("The message has no control id in MSH-10", "101", "MSH^1^10")
LARGE = ("The message is larger than this feed takes", "207", "")
TYPE = re.compile(r"[A-Z0-9]{3}(\^[A-Z0-9]{2,3})?|[A-Z0-9]{3}\^")
# Two acknowledgements in one answer: the listener frames the whole, so the inner boundary is written here.
BETWEEN_FRAMES = b"\x1c\r\x0b"

log = get_log()


@dataclass(slots=True)
class Verdicts:
    """Who waits for the verdict on which message. One for the whole engine."""

    waiting: dict[int, list[Callable[[Verdict | None], None]]] = field(default_factory=dict)

    def wait(self, message: int, tell: Callable[[Verdict | None], None]) -> None:
        """Call `tell` with the verdict on this message, or with None when patience ends first."""
        told = False

        def once(verdict: Verdict | None) -> None:
            nonlocal told
            if not told:
                told = True
                timer.cancel()
                tell(verdict)

        def give_up() -> None:
            once(None)
            callbacks = self.waiting.get(message)
            if callbacks is not None and once in callbacks:
                callbacks.remove(once)
                if not callbacks:
                    del self.waiting[message]

        timer = asyncio.get_running_loop().call_later(VERDICT_PATIENCE, give_up)
        self.waiting.setdefault(message, []).append(once)

    def settle(self, message: int, verdict: Verdict) -> None:
        """The decision on this message is on disk: tell everybody who waits for it."""
        for tell in self.waiting.pop(message, ()):
            tell(verdict)


@dataclass(slots=True)
class _Reply:
    """Collects the answers to one frame; a batch gives one for each of its messages, in order."""

    slot: Slot
    parts: list[bytes | None]
    open: int
    dead: bool = False

    def fill(self, index: int, data: bytes | None) -> None:
        self.parts[index] = data
        self.open -= 1
        if self.open == 0 and not self.dead:
            if len(self.parts) == 1:
                self.slot.answer(self.parts[0])
            else:
                due = [part for part in self.parts if part is not None]
                self.slot.answer(BETWEEN_FRAMES.join(due) if due else None)

    def hang_up(self) -> None:
        if not self.dead:
            self.dead = True
            self.slot.hang_up()

    def guard(self, tell: Callable[[Stored | Trouble], None]) -> Callable[[Stored | Trouble], None]:
        """`tell`, so that a bug of ours in it closes this connection, and does not leave the row of
        answers waiting for this one for ever."""

        def guarded(result: Stored | Trouble) -> None:
            try:
                tell(result)
            except Exception:
                self.hang_up()
                raise

        return guarded


@dataclass(frozen=True, slots=True)
class _Place:
    """Where in a batch a message came: its headers, the tray that all of it goes to, and its counts."""

    envelope: bytes = b""
    hold: str = ""
    counts: BatchCount | None = None


_ALONE = _Place()


class FeedIntake:
    """Takes the frames of one feed."""

    def __init__(
        self,
        feed: Feed,
        journal: Journal,
        verdicts: Verdicts,
        accepted: Callable[[Waiting], None],
        *,
        now: Callable[[], float] = time.time,
    ) -> None:
        """`accepted` is told of every message that is on disk and waits for its decision."""
        self._journal = journal
        self._verdicts = verdicts
        self._accepted = accepted
        self._now = now
        self._own_id = _control_ids()
        self.renew(feed)

    def renew(self, feed: Feed) -> None:
        """Treat the frames that come from now on as these settings say."""
        self.feed = feed
        self._window = int(feed.duplicate_window * 1_000_000)
        self._when_stored = feed.acknowledge == "when_stored"

    def take(self, frame: bytes, slot: Slot, sent: Sent = NOTHING) -> None:
        """One complete frame, or message from a queue. Never raises for what a sender sent."""
        if ARMED:
            reach("frame.read")
        if sent.too_large:
            self._refuse_large(frame, _Reply(slot, [None], 1))
            return
        if _may_be_batch(frame):
            batch = split_batch(frame, self.feed.segment_ends)
            if batch is not None:
                self._take_batch(batch, slot, sent)
                return
        reply = _Reply(slot, [None], 1)
        self._take_message(frame, reply, 0, sent)

    def note(self, what: Note) -> None:
        """Something about this feed's connections that operators must see."""
        log_note(what)

    def _refuse_large(self, data: bytes, reply: _Reply) -> None:
        """A queue would give it again and again: it is kept where people can see it, and goes no further."""
        try:
            header: Header | None = read_header(data, segment_ends=self.feed.segment_ends)
        except Unreadable:
            header = None
        why = f"{len(data)} bytes, where the feed takes at most {self.feed.max_frame}"
        self._refuse(data, reply, 0, header, why, LARGE)

    def _take_batch(self, batch: Batch, slot: Slot, sent: Sent) -> None:
        if not batch.messages:
            self._refuse(batch.envelope, _Reply(slot, [None], 1), 0, None, "a batch without a message")
            return
        hold = "batch_count" if batch.problems and self.feed.on_count_mismatch == "hold_all" else ""
        reply = _Reply(slot, [None] * len(batch.messages), len(batch.messages))
        counts = BatchCount(batch.said, len(batch.messages), "; ".join(dict.fromkeys(batch.problems)))
        if counts.problems:
            log.warning("feed.batch_miscounted", feed=self.feed.name, came=counts.came, why=counts.problems)
        for index, piece in enumerate(batch.messages):
            tells = counts.problems or (counts.said is not None and index == 0)
            own = replace(counts, first=index == 0) if tells else None
            self._take_message(piece.data, reply, index, sent, _Place(piece.envelope, hold, own))

    def _take_message(
        self, data: bytes, reply: _Reply, index: int, sent: Sent, place: _Place = _ALONE
    ) -> None:
        try:
            header = read_header(data, segment_ends=self.feed.segment_ends)
        except Unreadable as why:
            self._refuse(data, reply, index, None, f"no readable MSH: {why}", batch=place.counts)
            return
        if header.is_acknowledgement and not self.feed.answers_for:
            words = "an acknowledgement, which a feed takes only where answers_for says whose"
            self._refuse(data, reply, index, header, words, batch=place.counts)
            return
        if not header.control_id:
            words = "no message control id in MSH-10"
            self._refuse(data, reply, index, header, words, batch=place.counts)
            return
        received = int(self._now() * 1_000_000)
        kind = _plausible(header.type_text)
        arrival = Arrival(
            feed=self.feed.name,
            received=received,
            body=data,
            sha256=hashlib.sha256(data).digest(),
            sender=header.sender_key,
            control_id=header.control_id.decode("latin-1"),
            type=kind,
            version=header.version.decode("latin-1"),
            peer=reply.slot.peer,
            envelope=place.envelope,
            hold=place.hold,
            verdict=OK if self._when_stored or place.hold else None,
            window=self._window,
            claims=sent.claims,
            batch=place.counts,
        )

        def told(result: Stored | Trouble) -> None:
            if isinstance(result, (JournalFull, JournalBroken)):
                # No positive answer can be given, and a negative one might make the sender drop the
                # message: a closed connection is what every sender retries.
                reply.hang_up()
                return
            if result.kind in ("new", "conflict") and not place.hold:
                self._accepted(Waiting(result.id, self.feed.name, received, data, place.envelope))
            log.info(
                "message.accepted",
                feed=self.feed.name, message=result.id, kind=result.kind, type=kind, bytes=len(data),
                **({"original": result.original} if result.original else {}),
            )  # fmt: skip
            verdict: Verdict | None
            if result.kind == "duplicate":
                verdict, subject = result.verdict, result.original
            else:
                verdict, subject = arrival.verdict, result.id
            if ARMED:
                reach("answer.due")
            if verdict is not None:
                reply.fill(index, self._answer(header, verdict))
                if ARMED:
                    reach("answer.written")
            else:
                self._verdicts.wait(subject, lambda late: self._late(reply, index, header, subject, late))

        self._journal.append(arrival, reply.guard(told))

    def _late(self, reply: _Reply, index: int, header: Header, message: int, verdict: Verdict | None) -> None:
        """The verdict of a `when_routed` feed has come, or patience has ended."""
        if verdict is None:
            log.warning("message.unanswered", feed=self.feed.name, message=message)
            reply.hang_up()
        else:
            reply.fill(index, self._answer(header, verdict))

    def _refuse(
        self,
        data: bytes,
        reply: _Reply,
        index: int,
        header: Header | None,
        why: str,
        told_so: tuple[str, str, str] = NO_CONTROL_ID,
        *,
        batch: BatchCount | None = None,
    ) -> None:
        """Keep what cannot be accepted as evidence, and say no once it is kept: in the words, with the error
        code and at the place of `told_so`, where there is a header to answer to."""
        arrival = Arrival(
            feed=self.feed.name,
            received=int(self._now() * 1_000_000),
            body=data,
            sha256=hashlib.sha256(data).digest(),
            control_id=header.control_id.decode("latin-1") if header else "",
            type=_plausible(header.type_text) if header else "",
            peer=reply.slot.peer,
            refused=why,
            batch=batch,
        )

        def told(result: Stored | Trouble) -> None:
            if isinstance(result, (JournalFull, JournalBroken)):
                reply.hang_up()
                return
            log.warning("message.refused", feed=self.feed.name, message=result.id, why=why, bytes=len(data))
            if header is None:
                reply.fill(index, fixed_refusal(now=datetime.now(UTC), own_id=next(self._own_id)))
            elif header.is_acknowledgement:
                reply.fill(index, None)
            else:
                words, code, location = told_so
                refusal = self._answer(header, Verdict("error", words), code=code, location=location)
                reply.fill(index, refusal)

        self._journal.append(arrival, reply.guard(told))

    def _answer(
        self, header: Header, verdict: Verdict, *, code: str = "", location: str = ""
    ) -> bytes | None:
        return answer(
            header,
            verdict.outcome,
            words=verdict.words,
            error_code=code,
            location=location,
            now=datetime.now(UTC),
            own_id=next(self._own_id),
            always=self.feed.answers == "always",
        )


class _control_ids:  # noqa: N801 - an endless iterator that reads like a function where it is used
    """Control ids of our own acknowledgements: unique across restarts and feeds, twenty characters."""

    def __init__(self) -> None:
        self._start = uuid.uuid4().hex[:12].upper()
        self._count = 0

    def __next__(self) -> str:
        self._count += 1
        return f"{self._start}{self._count:08d}"


def _plausible(kind: str) -> str:
    """The message type as it may be shown and logged. Where segments have run together MSH-9 can hold
    anything, a patient's name too: then it is no type."""
    return kind if TYPE.fullmatch(kind) else "(unclear)" if kind else ""


def _may_be_batch(frame: bytes) -> bool:
    """True where the costly look for a batch is worth it: an envelope at the front, or a second MSH."""
    return frame[:3] in (b"FHS", b"BHS") or frame.find(b"MSH", 3) >= 0
