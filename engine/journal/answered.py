"""The values of replies on their way into the journal: what one says. No behaviour.

Apart from the other records, so that commands that only read do without the reading of messages.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

from routes.flow.answer_codes import MEANING, Meaning, ReturnReason
from routes.flow.matching import Spoken

__all__ = ["Answered"]


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
