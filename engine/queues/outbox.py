"""The waiting deliveries of all lanes, a few in memory and the rest in the journal, in order.

Offered rows are kept while there is room. Once a lane's rows did not fit (or were dropped), the lane is
read from the journal, and offers to it are only noted, until a read finds nothing more: so a row never
overtakes one that was offered before it. Knows nothing of workers or brokers.
"""

from __future__ import annotations

import time
from collections import deque
from collections.abc import Callable, Sequence

from engine.journal.contract import Journal
from engine.journal.records import DeliveryRow

__all__ = ["LaneKey", "Outbox"]

LaneKey = tuple[str, str]  # channel, address

_ROW = 600  # bytes that a row costs beside its body
_FRESH = 2.0  # seconds that an offered row may be trusted; a person may have withdrawn an older one


class _Lane:
    """What is known of one lane."""

    __slots__ = ("after", "back", "bytes", "missed", "rows", "seen", "since", "spilled")

    def __init__(self) -> None:
        self.rows: deque[DeliveryRow] = deque()
        self.bytes = 0
        self.spilled = False
        self.missed = False  # something was offered while the journal was being read
        self.after = 0  # where reading goes on, for an outbox that leaves rows open behind it
        self.back = False  # `after` was set back by a row that a person released
        self.seen = 0  # the highest id handed out
        self.since = 0.0  # when the oldest row in memory was offered, at the latest


class Outbox:
    """Rows to be handed out. `forward` reads each lane onwards only: for a relay, which leaves the rows
    that it has published open; otherwise every read begins at the lane's head.

    memory: bytes of offered rows across all lanes; per_lane: rows of one lane.
    """

    def __init__(
        self,
        journal: Journal,
        *,
        forward: bool = False,
        memory: int = 16 * 1024 * 1024,
        per_lane: int = 256,
        monotonic: Callable[[], float] = time.monotonic,
    ) -> None:
        self._journal = journal
        self._forward = forward
        self._memory = memory
        self._room = memory
        self._per_lane = per_lane
        self._monotonic = monotonic
        self._lanes: dict[LaneKey, _Lane] = {}

    @property
    def held(self) -> int:
        """Bytes of offered rows in memory now."""
        return self._memory - self._room

    def offer(self, row: DeliveryRow) -> LaneKey:
        """Take a row that was just committed, or note that the journal holds it."""
        key = (row.channel, row.address)
        lane = self._lanes.get(key)
        if lane is None:
            lane = self._lanes[key] = _Lane()
            lane.after = row.id - 1
        if lane.spilled:
            lane.missed = True
            if row.id <= max(lane.after, lane.seen):  # it stands before what was read already
                self._spill(lane, from_id=row.id)
            return key
        size = len(row.body) + _ROW
        if row.id <= lane.seen or (lane.rows and row.id <= lane.rows[-1].id):
            self._spill(lane, from_id=row.id)
        elif len(lane.rows) >= self._per_lane or size > self._room:
            lane.spilled = True  # what is in memory stays: it comes first
            lane.missed = True
        else:
            if not lane.rows:
                lane.since = self._monotonic()
            lane.rows.append(row)
            lane.bytes += size
            self._room -= size
        return key

    def spill(self, key: LaneKey) -> None:
        """Forget what memory holds of this lane: the journal has it."""
        self._spill(self._lanes.setdefault(key, _Lane()))

    def rewind(self, key: LaneKey) -> None:
        """Read the lane from its very beginning, next time."""
        lane = self._lanes.setdefault(key, _Lane())
        self._spill(lane)
        lane.after = 0

    def done(self, key: LaneKey, last: int) -> None:
        """Everything handed out of this lane up to this id has been dealt with."""
        lane = self._lanes.get(key)
        if lane is None:
            return
        if lane.back:
            lane.back = False  # read again from where it was set back to
        else:
            lane.after = max(lane.after, last)

    async def take(self, key: LaneKey, limit: int, max_bytes: int) -> Sequence[DeliveryRow]:
        """The lane's next rows in order, at least one where there is one; none: the lane is at rest."""
        lane = self._lanes.get(key)
        if lane is None:
            return ()
        if lane.rows and self._monotonic() - lane.since > _FRESH:
            self._spill(lane)
        if lane.rows:
            return self._from_memory(lane, limit, max_bytes)
        while lane.spilled:
            lane.missed = False
            after = lane.after if self._forward else 0
            rows = await self._journal.open_deliveries(*key, after, limit, max_bytes)
            if rows:
                lane.seen = max(lane.seen, rows[-1].id)
                return rows
            if not lane.missed:
                lane.spilled = False
        if not lane.rows:
            self._lanes.pop(key, None)
        return self._from_memory(lane, limit, max_bytes) if lane.rows else ()

    def _from_memory(self, lane: _Lane, limit: int, max_bytes: int) -> Sequence[DeliveryRow]:
        taken: list[DeliveryRow] = []
        size = 0
        rows = lane.rows
        while rows and len(taken) < limit and (not taken or size + len(rows[0].body) <= max_bytes):
            row = rows.popleft()
            size += len(row.body)
            taken.append(row)
        lane.seen = taken[-1].id
        freed = size + _ROW * len(taken)
        lane.bytes -= freed
        self._room += freed
        return taken

    def _spill(self, lane: _Lane, from_id: int = 0) -> None:
        if lane.rows:
            lane.after = min(lane.after, lane.rows[0].id - 1)
        if from_id:
            lane.after = min(lane.after, from_id - 1)
            lane.back = True
        lane.rows.clear()
        self._room += lane.bytes
        lane.bytes = 0
        lane.spilled = True
        lane.missed = True
