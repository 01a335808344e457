"""What a deadline asks for: whether a copy's proof came in time, and what goes out where it did not.

The third pure function beside `decide` and `next_step`; the engine asks it with the real clock, the tests of
routes with a fake one. Times are microseconds since 1970-01-01T00:00Z. Knows no clock, queue or journal, and
holds no message content.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

from routes.flow.decision import Deadline, Held

__all__ = ["Fate", "HoldInstead", "Look", "SendInstead", "Standing", "at_deadline", "what_of_the_first"]


@dataclass(frozen=True, slots=True)
class Standing:
    """How far a copy is: when it was made, and when its proofs came (None: not yet).

    withdrawn: a person took it back or ended it; then nobody waits for a proof any more.
    """

    created: int
    delivered: int | None = None
    acknowledged: int | None = None
    withdrawn: bool = False


@dataclass(frozen=True, slots=True)
class Look:
    """Nothing yet: look again at `at`."""

    at: int


@dataclass(frozen=True, slots=True)
class SendInstead:
    """The proof did not come: a copy of the same content goes to this channel and address."""

    channel: str
    address: str


@dataclass(frozen=True, slots=True)
class HoldInstead:
    """The proof did not come, and the fallback's directory does not have the address."""

    held: Held


Fate = Literal["withdraw", "stop", "mark", "leave"]
DeadlineAction = Look | SendInstead | HoldInstead


def at_deadline(standing: Standing, deadline: Deadline, now: int) -> tuple[DeadlineAction, ...]:
    """What is to be done about a copy's deadline at this moment; nothing where its proof has come.

    An acknowledgement proves the delivery too. A copy that was parked or refused goes on waiting for its
    proof: a person may still resend it. A proof that came late, and before anybody looked, is a proof.
    """
    due = standing.created + deadline.after
    proofs = [standing.acknowledged]
    if deadline.proof == "delivered":
        proofs.append(standing.delivered)
    if standing.withdrawn or any(proof is not None and proof <= now for proof in proofs):
        return ()
    if now < due:
        return (Look(due),)
    if deadline.address is None:
        reason = f"the address for channel {deadline.channel} is absent or not in its directory"
        return (HoldInstead(Held("unknown_address", reason, entry=True)),)
    return (SendInstead(deadline.channel, deadline.address),)


def what_of_the_first(state: str, *, in_doubt: bool, mailbox: bool = False) -> Fate:
    """What becomes of the copy whose proof did not come, once another is made instead of it.

    withdraw: it surely did not go out, and must not any more. stop: the recipient may have it, or has it at
    this moment; it is withdrawn all the same, so that it is not tried again, and both say that there may be
    two. mark: the recipient has it, or nobody can take it back; both say so. leave: the recipient refused it
    for good, or it has ended in another way.

    mailbox: it goes into a mailbox on the broker. Nobody can take it out of one, and while the broker does
    not confirm, nobody knows whether it is in there.
    """
    if state == "parked" or (state in ("waiting", "queued", "sending") and not mailbox):
        return "stop" if in_doubt or state == "sending" else "withdraw"
    return "leave" if state in ("refused_by_recipient", "withdrawn", "discarded") else "mark"
