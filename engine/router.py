"""The routing loop: takes accepted messages in their order, decides, and has the decisions recorded.

Messages come from memory where they fit, and from the journal where they do not: a burst is taken in at
intake's speed, and its backlog lives on disk. Deciding happens on the event loop in slices of a few
milliseconds, so that intake stays prompt; recording is one transaction for many messages. The site is
read once for each batch: a reload swaps one reference between batches.
"""

from __future__ import annotations

import asyncio
import time
from collections import deque
from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from typing import Literal

from engine.crash_points import ARMED, reach
from engine.earlier import Earlier, complete
from engine.intake import Verdicts
from engine.journal.answered import Answered
from engine.journal.contract import Journal
from engine.journal.earlier import known_text
from engine.journal.intact import SPOILT
from engine.journal.records import (
    Awaited,
    Decided,
    DeliveryRow,
    HeldPart,
    NewDelivery,
    Onward,
    RoutePart,
    Verdict,
    Waiting,
)
from engine.journal.told import AnswerTold
from engine.observe.log import get_log
from engine.replying import read_answered, tell
from engine.site.model import Site
from routes.flow.decide import decide
from routes.flow.decision import Deadline, Decision, Held, Known, Readdress, RouteDecision
from routes.hl7.header import Unreadable, read_header

__all__ = ["Router", "to_record"]

BATCH = 64
SLICE = 0.001  # seconds of deciding before the event loop gets its turn
COURTESY = 0.004  # seconds after such a slice while senders wait: a burst is taken in first
MEMORY_ROWS = 512
MEMORY_BYTES = 8 * 1024 * 1024

log = get_log()

PartOutcome = Literal["sent", "held", "rejected", "not_wanted", "passed", "nothing_more"]


class Router:
    """Decides what intake accepted. One for the engine; feed order is the order of journal ids."""

    def __init__(
        self,
        journal: Journal,
        site: Callable[[], Site],
        verdicts: Verdicts,
        deliver: Callable[[Sequence[DeliveryRow]], None],
        *,
        senders_wait: Callable[[], bool] = lambda: False,
        expect: Callable[[int], None] = lambda _due: None,
        now: Callable[[], float] = time.time,
    ) -> None:
        """`site` gives the configuration in force; `deliver` takes outbox rows once they are on disk;
        `senders_wait` says whether frames wait for their answers at this moment; `expect` hears by when a
        proof of a recorded copy is awaited."""
        self._journal = journal
        self._site = site
        self._verdicts = verdicts
        self._deliver = deliver
        self._senders_wait = senders_wait
        self._expect = expect
        self._now = now
        self._near: deque[Waiting] = deque()
        self._near_bytes = 0
        self._behind = True  # at start, what waits is on disk only
        self._last = 0  # the highest id that was taken for a decision
        self._news = asyncio.Event()
        self._news.set()
        self._task: asyncio.Task[None] | None = None
        self._going = asyncio.Event()
        self._going.set()
        self._at_rest = asyncio.Event()

    @property
    def behind(self) -> bool:
        """True while messages wait on disk only."""
        return self._behind

    @property
    def last(self) -> int:
        """The highest journal id that was taken for a decision."""
        return self._last

    def start(self) -> None:
        """Begin, with what waits from before."""
        self._task = asyncio.create_task(self._run(), name="router")

    @property
    def task(self) -> asyncio.Task[None]:
        """The running loop; it ends only by `stop` or by a failure that the supervisor must see."""
        if self._task is None:
            raise RuntimeError("the router was not started")
        return self._task

    def offer(self, waiting: Waiting) -> None:
        """A message that was just stored. Kept in memory only while there is room."""
        if not self._behind:
            size = len(waiting.body)
            if len(self._near) >= MEMORY_ROWS or self._near_bytes + size > max(MEMORY_BYTES, size):
                self._behind = True
            else:
                self._near.append(waiting)
                self._near_bytes += size
        self._news.set()

    async def rest(self) -> None:
        """Take no further batch until `go_on`. Returns when no decision is under way or unrecorded."""
        self._going.clear()
        self._news.set()
        await self._at_rest.wait()

    def go_on(self) -> None:
        """Decide again. Nothing happens where it does so already."""
        self._at_rest.clear()
        self._going.set()

    async def stop(self) -> None:
        """Finish the batch in hand and end. What waits stays in the journal for the next start."""
        task = self.task
        task.cancel()
        await asyncio.gather(task, return_exceptions=True)

    async def _run(self) -> None:
        recording: asyncio.Task[None] | None = None
        try:
            while True:
                if not self._going.is_set():
                    if recording is not None:
                        await recording
                        recording = None
                    self._at_rest.set()
                    await self._going.wait()
                batch = await self._next_batch()
                if not batch:
                    if recording is not None:
                        await recording
                        recording = None
                    await self._news.wait()
                    continue
                decided = await self._decide_all(batch, recording)
                if recording is not None:
                    await recording
                recording = asyncio.create_task(self._record(decided))
                recording.add_done_callback(_seen)
        finally:
            if recording is not None:
                await asyncio.shield(recording)

    async def _next_batch(self) -> Sequence[Waiting]:
        self._news.clear()
        if self._near:
            batch: list[Waiting] = []
            while self._near and len(batch) < BATCH:
                waiting = self._near.popleft()
                self._near_bytes -= len(waiting.body)
                batch.append(waiting)
        elif self._behind:
            # From here on new messages are kept in memory again. A read that comes back short has seen all
            # that was on disk before this moment; what it shares with memory is skipped below by its id.
            self._behind = False
            rows = await self._journal.waiting(self._last, BATCH, MEMORY_BYTES)
            if len(rows) >= BATCH or sum(len(row.body) for row in rows) >= MEMORY_BYTES:
                self._behind = True
                self._near.clear()
                self._near_bytes = 0
            batch = list(rows)
        else:
            return ()
        batch = [w for w in batch if w.id > self._last]
        if batch:
            self._last = batch[-1].id
        elif self._near or self._behind:
            self._news.set()
        return batch

    async def _decide_all(
        self, batch: Sequence[Waiting], recording: asyncio.Task[None] | None
    ) -> list[Decided]:
        site = self._site()
        replies = _replies(site, batch)
        decisions = await self._decisions(site, batch, replies)
        told: Mapping[int, Earlier] = {}
        if any(decision.asked for decision in decisions):
            if recording is not None:
                await recording  # who was sent an earlier version may be in it
            told = await complete(
                [waiting.id for waiting in batch],
                decisions,
                self._journal.earlier_copies,
                lambda place, earlier: self._decide(site, batch[place], earlier),
            )
        at = int(self._now() * 1_000_000)
        decided = [
            self._to_record(site, decision, waiting, at, known_text(told.get(place, {})))
            for place, (decision, waiting) in enumerate(zip(decisions, batch, strict=True))
        ]
        return [replace(d, answer=replies[d.message]) if d.message in replies else d for d in decided]

    async def _decisions(
        self, site: Site, batch: Sequence[Waiting], replies: Mapping[int, Answered]
    ) -> list[Decision]:
        decisions: list[Decision] = []
        pause = time.perf_counter() + SLICE
        for waiting in batch:
            if waiting.id in replies and not replies[waiting.id].routed:
                decisions.append(Decision())
            elif site.plan.plugins:
                # A plugin is waited for; meanwhile the event loop serves senders and channels.
                decisions.append(await asyncio.to_thread(self._decide, site, waiting))
            else:
                decisions.append(self._decide(site, waiting))
            if time.perf_counter() > pause:
                await asyncio.sleep(COURTESY if self._senders_wait() else 0)
                pause = time.perf_counter() + SLICE
        return decisions

    def _decide(self, site: Site, waiting: Waiting, earlier: Earlier | None = None) -> Decision:
        if waiting.spoilt:
            log.error("journal.spoilt", message=waiting.id, feed=waiting.feed, why=SPOILT)
            return Decision(held_before_routing=Held("failed", SPOILT))
        known = Known(waiting.received, waiting.envelope, earlier_of=earlier or {})
        try:
            return decide(site.plan, waiting.feed, waiting.body, known)
        except Exception as failure:  # noqa: BLE001 - one message's bad luck must not stop the others
            kind = type(failure).__name__
            log.error("message.failed", message=waiting.id, feed=waiting.feed, failure=kind)
            return Decision(held_before_routing=Held("failed", f"the decision failed unexpectedly ({kind})"))

    @staticmethod
    def _to_record(site: Site, decision: Decision, waiting: Waiting, at: int, known: str) -> Decided:
        feed = site.feeds.get(waiting.feed)
        refusal: Literal["error", "reject"] = "reject" if feed and feed.reject_as == "AR" else "error"
        return to_record(decision, waiting, site.hash, at, refusal, known=known)

    async def pass_on(self, told: Sequence[AnswerTold]) -> None:
        """Hand over the copies that were made in place of such as came back."""
        for reply in told:
            if reply.due:
                self._expect(reply.due)
        made_again = [reply.made for reply in told if reply.made]
        if made_again:
            self._deliver(await self._journal.deliveries(made_again))

    async def _record(self, decided: Sequence[Decided]) -> None:
        if ARMED:
            reach("message.decided")
        plain = [decision for decision in decided if decision.answer is None]
        replies = [decision for decision in decided if decision.answer is not None]
        rows, told = await asyncio.gather(self._journal.record(plain), self._journal.answer(replies))
        if ARMED:
            reach("decision.recorded")
        for reply in told:
            tell(reply)
        await self.pass_on(told)
        due = {reply.message: reply.rows for reply in told}
        recorded = [*zip(plain, rows, strict=True), *((d, due.get(d.message, ())) for d in replies)]
        for decision, made in recorded:
            if self._verdicts.waiting:
                self._verdicts.settle(decision.message, decision.verdict)
            if made:
                self._deliver(made)
                dues = [new.awaited.due for new in decision.deliveries if new.awaited is not None]
                if dues:
                    self._expect(min(dues))
            log.info(
                "message.decided",
                message=decision.message,
                copies=len(decision.deliveries),
                held=len(decision.held),
                rejected=decision.rejected,
            )


def _replies(site: Site, batch: Sequence[Waiting]) -> dict[int, Answered]:
    """Those of these messages that are replies to what was sent, or hold one, by their ids."""
    if not any(feed.answers_for for feed in site.feeds.values()):
        return {}
    found = {waiting.id: _read_reply(site, waiting) for waiting in batch}
    return {id_: answered for id_, answered in found.items() if answered is not None}


def _read_reply(site: Site, waiting: Waiting) -> Answered | None:
    try:
        return read_answered(site, waiting.feed, waiting.body)
    except Exception as failure:  # noqa: BLE001 - one message's bad luck must not stop the others
        kind = type(failure).__name__
        log.error("message.failed", message=waiting.id, feed=waiting.feed, failure=kind)
        return Answered(problem=f"reading it failed unexpectedly ({kind})")


def _seen(task: asyncio.Task[None]) -> None:
    """The failure of a recording is raised where it is awaited; here it only counts as seen."""
    if not task.cancelled():
        task.exception()


def to_record(
    decision: Decision,
    waiting: Waiting,
    config: str,
    at: int,
    refusal: Literal["error", "reject"] = "error",
    *,
    known: str = "",
) -> Decided:
    """A decision in the journal's own terms. `refusal`: how a reject is told to this feed's sender. known:
    what the decision was told of earlier versions, as the journal keeps it."""
    own_id = _control_id(waiting.body)
    held: list[HeldPart] = []
    if decision.held_before_routing is not None:
        h = decision.held_before_routing
        held.append(HeldPart("", h.tray, h.reason, h.where))
    parts: list[RoutePart] = []
    deliveries: list[NewDelivery] = []
    warnings = [_words(w.words, w.where) for w in decision.warnings]
    words = decision.rejected.words if decision.rejected else ""
    for route in decision.routes:
        parts.append(RoutePart(route.route, *_outcome(route, rejected=decision.rejected is not None)))
        number = len(parts) - 1
        held.extend(
            HeldPart(route.route, h.tray, h.reason, h.where, h.entry, h.piece, number) for h in route.held
        )
        warnings.extend(_words(w.words, w.where) for w in route.warnings)
        if decision.rejected is None:
            deliveries.extend(
                NewDelivery(
                    route.route, copy.channel, copy.address,
                    None if copy.body is waiting.body else copy.body,
                    own_id if copy.body is waiting.body else _control_id(copy.body),
                    copy.merged,
                    piece=copy.piece,
                    also=copy.also,
                    awaited=None if copy.deadline is None else _awaited(copy.deadline, at),
                    onward=None if copy.readdress is None else _onward(copy.readdress),
                )
                for copy in route.copies
            )  # fmt: skip
    return Decided(
        message=waiting.id,
        config=config,
        at=at,
        parts=tuple(parts),
        deliveries=tuple(deliveries),
        held=tuple(held),
        warnings=tuple(warnings),
        keys=decision.keys,
        verdict=Verdict(refusal, words) if decision.rejected else Verdict("ok"),
        rejected=decision.rejected is not None,
        inbound=waiting.body,
        same=decision.same,
        merges=tuple([(merge.prior, merge.surviving) for merge in decision.merges]),
        known=known,
    )


def _awaited(deadline: Deadline, made: int) -> Awaited:
    return Awaited(deadline.proof, made + deadline.after, deadline.channel, deadline.address)


def _onward(again: Readdress) -> Onward:
    return Onward(again.reasons, again.channel, again.address, again.late)


def _outcome(route: RouteDecision, *, rejected: bool) -> tuple[PartOutcome, str]:
    if route.rejected is not None:
        return "rejected", route.rejected.words
    if route.not_wanted is not None:
        return "not_wanted", route.not_wanted.rule
    if rejected:
        return "rejected", "another route rejected the message"
    if route.copies:
        return "sent", ""
    if route.held:
        return "held", route.held[0].tray
    if route.passed_to:
        return "passed", ", ".join(route.passed_to)
    return "nothing_more", ""


def _words(words: str, where: str) -> str:
    return f"{where}: {words}" if where else words


def _control_id(body: bytes) -> bytes:
    """MSH-10 of what goes out: what the peer's MSA-2 must equal."""
    try:
        return read_header(body, segment_ends="any").control_id
    except Unreadable:
        return b""
