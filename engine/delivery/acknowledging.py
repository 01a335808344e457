"""Notes what a recipient's application says of a delivery that it got: the way back of every channel.

Knows the journal's changes and the log; nothing of how the answer came or how it was matched. The recipient's
words are kept in the journal and never logged: they may speak of a patient.
"""

from __future__ import annotations

import time
from typing import Literal

from engine.delivery.outcomes import ClaimJournal
from engine.journal.records import Changed
from engine.observe.log import get_log

__all__ = ["MOST_WORDS", "acknowledge"]

MOST_WORDS = 500
"""Characters of a recipient's words that are kept."""

log = get_log()


async def acknowledge(
    journal: ClaimJournal,
    delivery: int,
    outcome: Literal["acknowledged", "refused_by_recipient"],
    words: str = "",
    *,
    at: int | None = None,
) -> bool:
    """Record an application acknowledgement, or a refusal, of one delivery, with an event.

    True where it took place: the delivery is open, delivered or parked. False where there is no such
    delivery, or it has ended otherwise: an answer that came before stands, and what a person ended stays
    ended. `words`: what the recipient wrote; `at`: when it came, microseconds since 1970 (now, unless given).
    Raises JournalBroken; while the disk is full it waits, or raises JournalFull.
    """
    when = time.time_ns() // 1000 if at is None else at
    kept = " ".join(words[: 4 * MOST_WORDS].split())[:MOST_WORDS]
    taken = await journal.claim([Changed(delivery, outcome, when, 0, 0, kept)])
    if delivery not in taken:
        return False
    if outcome == "acknowledged":
        log.info("delivery.acknowledged", delivery=delivery)
    else:
        log.warning("delivery.refused", delivery=delivery, why="the recipient's application refused it")
    return True
