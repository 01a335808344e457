"""Which copy a reply speaks of: found beyond doubt, or not found.

Pure: a reply, what it was told with, and the copies that carry its control id in; a match out. To credit a
reply to another copy is worse than to leave it for a person: where more than one copy fits, none does. Times
are microseconds since 1970-01-01T00:00Z. Holds no message content.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

__all__ = ["NEAR", "Candidate", "Matched", "Spoken", "Unmatched", "which"]

NEAR = 7 * 86_400_000_000
"""A control id that the same address was sent twice within this time says nothing by itself; it is the time
within which a message that comes again counts as its duplicate."""

ENDED = frozenset(("acknowledged", "refused_by_recipient", "withdrawn", "discarded"))


@dataclass(frozen=True, slots=True)
class Spoken:
    """Who speaks of what. control_id: MSA-2, byte for byte.

    speaking: for each channel that the feed answers for, the address that MSH-4 of the reply names in its
    directory; "" where the channel has no addresses, None where MSH-4 names none of them.
    mailboxes: those of these channels whose copies may be in the recipient's hands before we know it.
    claims: the copy that the reply names itself (a header of its transport), or None.
    """

    control_id: bytes
    speaking: Mapping[str, str | None]
    mailboxes: frozenset[str] = field(default_factory=frozenset)
    claims: int | None = None


@dataclass(frozen=True, slots=True)
class Candidate:
    """A copy whose bytes carry the reply's control id. content: equal for equal bytes. unsent: no attempt to
    send it has been made."""

    id: int
    message: int
    channel: str
    address: str
    state: str
    created: int
    piece: str = ""
    content: bytes = b""
    unsent: bool = False

    @property
    def ended(self) -> bool:
        """Nobody waits for an answer to it any more."""
        return self.state in ENDED


@dataclass(frozen=True, slots=True)
class Matched:
    """The reply speaks of this copy."""

    id: int


@dataclass(frozen=True, slots=True)
class Unmatched:
    """It speaks of none that is known, or of nobody knows which. reason: for people, without content."""

    reason: str


def which(spoken: Spoken, candidates: Sequence[Candidate]) -> Matched | Unmatched:
    """The one copy that the reply speaks of.

    Only a copy on a channel that the feed answers for, to the address that speaks, which the recipient can
    have. Several copies of the same bytes (sent again by hand) are one: the latest that waits for an answer,
    else the latest. A reply that names its copy is believed where all of this agrees.
    """
    if not spoken.control_id:
        return Unmatched("it names no message: MSA-2 is empty")
    fits = [one for one in candidates if one.channel in spoken.speaking]
    if not fits:
        return Unmatched("nothing that was sent by the channels this feed answers for has its control id")
    if spoken.claims is not None:
        return _claimed(spoken, fits)
    fits = [one for one in fits if spoken.speaking[one.channel] == one.address]
    if not fits:
        return Unmatched("its control id was sent, but not to the address that MSH-4 of the reply names")
    fits = [one for one in fits if not one.unsent or one.channel in spoken.mailboxes]
    if not fits:
        return Unmatched("the message that it names has not been sent yet")
    waiting = [one for one in fits if not one.ended]
    counted = [*waiting, *(one for one in fits if one.ended and _near(one, waiting))] or fits
    if len({(one.message, one.channel, one.piece, one.content) for one in counted}) > 1:
        return Unmatched("several messages with its control id went to this address: which one is meant?")
    # What surely went out comes before what may have, and then the latest.
    best = max(waiting or fits, key=lambda one: (one.state in ("delivered", "sending"), one.id))
    return Matched(best.id)


def _claimed(spoken: Spoken, fits: Sequence[Candidate]) -> Matched | Unmatched:
    """The copy that the reply names, where nothing speaks against it. Who cannot be told by MSH-4 may
    speak: the name of the copy was known to its recipient only."""
    named = next((one for one in fits if one.id == spoken.claims), None)
    if named is None:
        return Unmatched("the copy that it names is another message's, or of a channel not answered for here")
    others = {address for address in spoken.speaking.values() if address}
    if others and spoken.speaking[named.channel] != named.address:
        return Unmatched("the copy that it names went to another address than MSH-4 of the reply names")
    return Matched(named.id)


def _near(ended: Candidate, waiting: Sequence[Candidate]) -> bool:
    """Whether a reply may as well be a second one to this copy, as to one that waits."""
    return any(abs(ended.created - one.created) < NEAR for one in waiting)
