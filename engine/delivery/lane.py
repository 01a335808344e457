"""One lane at work: its sender, its rules, its trouble. Claims, sends in order, and records, overlapped.

While one batch is being sent, the outcomes of the one before and the claim of the next share a commit.
Knows nothing of queues: it is given rows, and says when the head may be tried again.
"""

from __future__ import annotations

import asyncio
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import UTC, datetime

from channels.contract import Parcel, Receipt, Sender
from engine.crash_points import ARMED, reach
from engine.delivery.outcomes import Recorder
from engine.delivery.policy import judge, resting
from engine.journal.intact import SPOILT
from engine.journal.records import OPEN_STATES, Changed, DeliveryRow, Said
from engine.observe.log import Log
from routes.flow.answering import read_reply
from routes.flow.delivery import Policy

__all__ = ["BATCH", "Episode", "LaneWork", "Trouble", "longest_first"]

BATCH = 64
"""Deliveries claimed in one commit: so many may be sent again, and flagged, after a crash."""

NOT_YET = "not sent: an earlier one must go first"
CHANGED = "not sent: the channel was changed"

_LATEST = 0.25  # seconds after which a known outcome is recorded, however slow the rest of its batch is
_REMEMBERED = 1000  # committed deliveries that a late application acknowledgement may still reach


@dataclass(frozen=True, slots=True)
class Episode:
    """Trouble with one address. since: microseconds since 1970. why: what the last attempt came to."""

    since: int
    why: str


def longest_first(troubled: Mapping[tuple[str, str], Episode], most: int = 20) -> list[dict[str, str]]:
    """The addresses that are being tried again, at most so many: the longest trouble first."""
    told = sorted(troubled.items(), key=lambda item: (item[1].since, item[0]))[:most]
    return [
        {
            "channel": channel,
            "address": address,
            "since": datetime.fromtimestamp(episode.since / 1e6, UTC).isoformat(timespec="seconds"),
            "why": episode.why,
        }
        for (channel, address), episode in told
    ]


class Trouble:
    """Tells of each episode of trouble once when it starts and once when it ends."""

    def __init__(self, lane: tuple[str, str], troubled: dict[tuple[str, str], Episode], log: Log) -> None:
        self._lane = lane
        self._troubled = troubled
        self._log = log

    def retrying(self, change: Changed) -> None:
        """The lane's head must be tried again."""
        begun = self._troubled.get(self._lane)
        self._troubled[self._lane] = Episode(change.at if begun is None else begun.since, change.reason or "")
        if begun is None:
            self._log.warning(
                "delivery.retrying", delivery=change.delivery, attempt=change.attempts, why=change.reason
            )

    def over(self, at: int) -> None:
        """The peer took something."""
        ended = self._troubled.pop(self._lane, None)
        if ended is not None:
            self._log.info("delivery.recovered", seconds=round((at - ended.since) / 1e6, 1))


class LaneWork:
    """Everything for one (channel, address). One `carry_out` at a time.

    one_by_one: the sender's peer replies, so parcels are handed over singly and work can stop between
    them; otherwise a batch is handed over whole. policy: may be replaced at any time; it is asked for each
    outcome. leaving: set it where another lane is to carry on with other settings: the parcel in hand is
    finished, and the rest put back.
    """

    def __init__(
        self,
        sender: Sender,
        policy: Policy,
        recorder: Recorder,
        trouble: Trouble,
        log: Log,
        *,
        one_by_one: bool,
    ) -> None:
        self.sender = sender
        self.policy = policy
        self.used = time.monotonic()
        self.busy = False
        self.leaving = False
        self._recorder = recorder
        self._trouble = trouble
        self._log = log
        self._step = 1 if one_by_one else BATCH
        self._outcomes: list[Changed] = []  # known, not yet being recorded
        self._first = 0.0  # when the oldest of them became known
        self._claimed: list[DeliveryRow] = []  # claimed, and surely not sent
        self._committed: dict[bytes, tuple[int, int]] = {}
        self._last_said: tuple[int, Said] | None = None

    async def carry_out(self, rows: Sequence[DeliveryRow]) -> int:
        """Send the rows in order, outcomes committed before it returns. 0, or when the first row that is
        still open may be tried again (microseconds since 1970)."""
        self.busy = True
        try:
            return await self._carry_out(rows)
        except asyncio.CancelledError:
            # What is being sent stays `sending`: at the next start it is sent again, and flagged.
            self._recorder.keep([*self._outcomes, *_put_back(self._claimed, NOT_YET)])
            self._outcomes, self._claimed = [], []
            raise
        finally:
            self.busy = False
            self.used = time.monotonic()

    async def _carry_out(self, rows: Sequence[DeliveryRow]) -> int:
        if any(row.spoilt for row in rows):
            rows = self._without_spoilt(rows)
            if not rows:
                await asyncio.shield(self._record(()))
                return 0
        batches = [rows[i : i + BATCH] for i in range(0, len(rows), BATCH)]
        claim = self._record(_claims(batches[0]))
        for number, batch in enumerate(batches):
            taken = await asyncio.shield(claim)
            self._claimed = [row for row in batch if row.id in taken]
            following = batches[number + 1] if number + 1 < len(batches) else ()
            claim = self._record(_claims(following))
            due = await self._send(self._claimed)
            if due:
                taken = await asyncio.shield(claim)
                self._claimed += [row for row in following if row.id in taken]
                self._outcomes += _put_back(self._claimed, CHANGED if self.leaving else NOT_YET)
                self._claimed = []
                await asyncio.shield(self._record(()))
                return due
        await asyncio.shield(claim)
        await asyncio.shield(self._record(()))
        if ARMED:
            reach("delivery.recorded")
        return 0

    def _without_spoilt(self, rows: Sequence[DeliveryRow]) -> Sequence[DeliveryRow]:
        """Set aside what must not be sent; the others."""
        for row in rows:
            if row.spoilt:
                self._outcomes.append(
                    Changed(row.id, "parked", time.time_ns() // 1000, row.attempts, 0, SPOILT, row.in_doubt)
                )
                self._log.error("journal.spoilt", delivery=row.id, message=row.message, why=SPOILT)
                self._log.warning("delivery.parked", delivery=row.id, message=row.message, why=SPOILT)
        return [row for row in rows if not row.spoilt]

    def _record(self, claims: Sequence[Changed]) -> asyncio.Future[frozenset[int]]:
        """Begin recording the outcomes known so far together with these claims."""
        changes = [*self._outcomes, *claims]
        self._outcomes = []
        if not changes:
            nothing: asyncio.Future[frozenset[int]] = asyncio.get_running_loop().create_future()
            nothing.set_result(frozenset())
            return nothing
        return self._recorder.begin(changes)

    # -- sending ---------------------------------------------------------------------------------

    async def _send(self, rows: list[DeliveryRow]) -> int:
        """Send claimed rows until one must be tried again; 0, or when. Takes from `rows` what it sends."""
        early: asyncio.Future[frozenset[int]] | None = None
        while rows:
            if self.leaving:
                return time.time_ns() // 1000
            if ARMED:
                reach("delivery.claimed")
            batch = rows[: self._step]
            del rows[: self._step]  # from here on nobody can say that these were not sent
            receipts = await self._hand_over(batch)
            if ARMED:
                reach("delivery.sent")
            rows[:0] = batch[len(receipts) :]
            now = time.time_ns() // 1000
            for row, receipt in zip(batch, receipts, strict=False):
                due = self._settle(row, receipt, now)
                if due:
                    return due
            if (
                self._outcomes
                and time.monotonic() - self._first > _LATEST
                and (early is None or early.done())
            ):
                early = self._record(())
        if early is not None:
            await asyncio.shield(early)
        return 0

    async def _hand_over(self, batch: Sequence[DeliveryRow]) -> Sequence[Receipt]:
        try:
            receipts = await self.sender.send([_parcel(row) for row in batch])
        except Exception as failure:  # noqa: BLE001 - a channel's bug must not stop its lane for good
            self._log.error("delivery.failed", delivery=batch[0].id, failure=type(failure).__name__)
            return [Receipt("none", detail="the channel failed unexpectedly")]
        return receipts or [Receipt("failed", detail="the channel said nothing")]

    def _settle(self, row: DeliveryRow, receipt: Receipt, now: int) -> int:
        """Note the outcome. 0, or when the row is to be tried again."""
        change = judge(row, row.attempts + 1, receipt, self.policy, now)
        if receipt.answer:
            said = _said(receipt.answer)
            again = (row.id, said) == self._last_said and change.state in OPEN_STATES
            if said is not None and not again:  # a retry that hears the same again notes it once
                self._last_said = (row.id, said)
                change = replace(change, said=said)
        if not self._outcomes:
            self._first = time.monotonic()
        self._outcomes.append(change)
        if change.in_doubt and not row.in_doubt:
            self._log.warning("delivery.in_doubt", delivery=row.id, message=row.message, why=change.reason)
        if change.state in OPEN_STATES:
            self._trouble.retrying(change)
            return change.next_try
        if change.state in ("delivered", "acknowledged"):
            self._trouble.over(now)
            if receipt.code == "CA":
                self._remember(row)
            self._log.info(
                f"delivery.{change.state}", delivery=row.id, message=row.message, attempt=change.attempts
            )
        elif change.state == "parked":
            self._log.warning("delivery.parked", delivery=row.id, message=row.message, why=change.reason)
        else:
            self._log.warning("delivery.refused", delivery=row.id, message=row.message, why=change.reason)
        return 0

    # -- late application acknowledgements ---------------------------------------------------------

    def answered_late(self, control_id: bytes, code: str, answer: bytes = b"") -> None:
        """The peer committed to a delivery earlier and now says what its application made of it."""
        found = self._committed.pop(control_id, None)
        if found is None:
            return
        delivery, attempts = found
        now = time.time_ns() // 1000
        said = _said(answer) or Said(code)
        if code == "AA":
            change = Changed(delivery, "acknowledged", now, attempts, said=said)
        else:
            reason = f"committed, then answered {code}"
            change = Changed(delivery, "refused_by_recipient", now, attempts, 0, reason, said=said)
            self._log.warning("delivery.refused", delivery=delivery, why=reason)
        self._recorder.begin([change])

    def _remember(self, row: DeliveryRow) -> None:
        self._committed[row.control_id] = (row.id, row.attempts + 1)
        if len(self._committed) > _REMEMBERED:
            del self._committed[next(iter(self._committed))]


def _said(answer: bytes) -> Said | None:
    """What the peer said beside its code, for the journal alone: its words may be content."""
    reply = read_reply(answer)
    return None if reply is None else Said(reply.code, reply.reason, reply.words)


def _claims(rows: Sequence[DeliveryRow]) -> list[Changed]:
    now = time.time_ns() // 1000
    return [Changed(row.id, "sending", now, row.attempts) for row in rows]


def _put_back(rows: Sequence[DeliveryRow], why: str) -> list[Changed]:
    """Claims of rows that were not sent after all."""
    now = time.time_ns() // 1000
    return [Changed(row.id, resting(row), now, row.attempts, 0, why, row.in_doubt) for row in rows]


def _parcel(row: DeliveryRow) -> Parcel:
    return Parcel(
        row.id, row.message, row.channel, row.address, row.body, row.control_id,
        row.feed, row.type, row.config, row.attempts + 1,
    )  # fmt: skip
