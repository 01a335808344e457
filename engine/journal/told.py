"""What the journal tells of a reply that it has recorded. Values only, no behaviour."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

from engine.journal.records import DeliveryRow

__all__ = ["AnswerOutcome", "AnswerTold"]

AnswerOutcome = Literal["has_it", "committed", "returned", "late", "unmatched"]
"""What became of a reply: what it says took place, or it came too late to change anything, or nobody knows
what it speaks of."""


@dataclass(frozen=True, slots=True)
class AnswerTold:
    """What a recorded reply, `message` (0 where it came on the connection of its copy), came to: the copy
    `delivery` of the message `of`, or 0. reason: why it came back; of an unmatched one, why so. rows: copies
    that are due because of it. made: the copy that goes out in place of one that came back, or 0; due: by
    when its proof is awaited, or 0."""

    message: int
    outcome: AnswerOutcome
    delivery: int = 0
    of: int = 0
    channel: str = ""
    address: str = ""
    reason: str = ""
    rows: tuple[DeliveryRow, ...] = ()
    made: int = 0
    due: int = 0
