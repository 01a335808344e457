"""The values of replies on their way into the journal: what one says, and what came of it. No behaviour.

Apart from the other records, so that commands that only read do without the reading of messages.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

from engine.journal.records import DeliveryRow
from routes.flow.answer_codes import MEANING, Meaning, ReturnReason
from routes.flow.matching import Spoken

__all__ = ["AnswerOutcome", "AnswerTold", "Answered"]


@dataclass(frozen=True, slots=True)
class Answered:
    """A message that is, or holds, a reply to something we sent.

    code, reason, words: as for `Said`; no code, and no `spoken`, where it could not be read: then `problem`
    says why. routed: it is more than an acknowledgement (ORR, RRI), and is decided by the routes as well.
    """

    code: str = ""
    reason: ReturnReason | Literal[""] = ""
    words: str = ""
    spoken: Spoken | None = None
    routed: bool = False
    problem: str = ""

    @property
    def meaning(self) -> Meaning:
        """What it says of the copy. KeyError where it could not be read."""
        return MEANING[self.code]


AnswerOutcome = Literal["has_it", "committed", "returned", "late", "unmatched"]
"""What became of a reply: what it says took place, or it came too late to change anything, or nobody knows
what it speaks of."""


@dataclass(frozen=True, slots=True)
class AnswerTold:
    """What a recorded reply, `message` (0 where it came on the connection of its copy), came to: the copy
    `delivery` of the message `of`, or 0. reason: why
    it came back; of an unmatched one, why so. rows: copies that are due because of it. made: the copy that
    goes out in place of one that came back, or 0; due: by when its proof is awaited, or 0."""

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
