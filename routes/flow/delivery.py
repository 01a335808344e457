"""What to do next with a delivery: the second pure function beside `decide`.

`next_step(delivery, event, policy, now)` says what one event means for one delivery. The engine asks it
with the real clock, the tests of routes with a fake one, so there is no second opinion about retries.
Knows no clock, queue, channel or journal: times come in and go out as numbers, microseconds since
1970-01-01T00:00Z. Holds no message content.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Literal

__all__ = [
    "DEFAULT_REPLIES",
    "Action",
    "Again",
    "Delivery",
    "Policy",
    "Ruling",
    "Settle",
    "Tried",
    "back_off",
    "next_step",
]

Ruling = Literal["delivered", "acknowledged", "retry", "park", "refuse"]
Settled = Literal["delivered", "acknowledged", "parked", "refused_by_recipient"]
TriedKind = Literal["reply", "none", "garbled", "unreachable", "unsendable", "done", "failed", "returned"]

DEFAULT_REPLIES: Mapping[str, Ruling] = {
    "AA": "delivered",
    "CA": "delivered",
    "AE": "retry",
    "CE": "retry",
    "AR": "park",
    "CR": "park",
    "none": "retry",
    "garbled": "retry",
}
"""What each acknowledgement code (HL7 table 0008), no answer and an unreadable one mean, unless the
channel says otherwise: AE and CE are trouble that may pass, AR and CR need a person."""

_SECOND = 1_000_000


@dataclass(frozen=True, slots=True)
class Policy:
    """How one channel retries, in microseconds, and what each reply means.

    first, factor, longest: the wait after the first attempt, its growth with each further one, and its
    bound. give_up: how long after its creation a delivery that still fails is parked.
    """

    first: int = 5 * _SECOND
    factor: float = 2.0
    longest: int = 600 * _SECOND
    give_up: int = 86_400 * _SECOND
    replies: Mapping[str, Ruling] = field(default_factory=lambda: DEFAULT_REPLIES)


@dataclass(frozen=True, slots=True)
class Delivery:
    """What the rules need to know of a delivery: when it was created, how many attempts have been made
    (the one that the event tells of included), and whether a copy may have arrived already."""

    created: int
    attempts: int
    in_doubt: bool = False


@dataclass(frozen=True, slots=True)
class Tried:
    """An attempt ended as a channel's receipt says; `code` is the reply's acknowledgement code. `detail`
    is a channel's word for operators and is handed on as part of the reason."""

    kind: TriedKind
    code: str = ""
    detail: str = ""


@dataclass(frozen=True, slots=True)
class Settle:
    """The delivery ends (or waits for a person, where it is parked)."""

    state: Settled
    reason: str = ""
    in_doubt: bool = False


@dataclass(frozen=True, slots=True)
class Again:
    """Try again, not before `at`. Nothing of the same lane may overtake it."""

    at: int
    reason: str = ""
    in_doubt: bool = False


Action = Settle | Again

_DELIVERED: tuple[Action, ...] = (Settle("delivered"),)
_DELIVERED_IN_DOUBT: tuple[Action, ...] = (Settle("delivered", in_doubt=True),)
_WORDS: Mapping[str, str] = {
    "none": "sent, and no answer came in time",
    "garbled": "sent, and the answer could not be read or was meant for another message",
    "unreachable": "the recipient could not be reached",
    "unsendable": "these bytes cannot be sent by this channel",
    "failed": "the channel could not store it",
    "returned": "the broker had nowhere to put it and gave it back",
}


def next_step(delivery: Delivery, event: Tried, policy: Policy, now: int) -> tuple[Action, ...]:
    """What the event means: the actions to carry out, in order. Today always exactly one."""
    ruling = _ruling(event, policy)
    # An answer with a code that nobody knows is one that could not be read: the recipient may have it.
    unread = event.kind in ("none", "garbled") or (event.kind == "reply" and not _known(policy, event.code))
    in_doubt = delivery.in_doubt or unread
    if ruling == "delivered":
        return _DELIVERED_IN_DOUBT if in_doubt else _DELIVERED
    if ruling == "acknowledged":
        return (Settle("acknowledged", in_doubt=in_doubt),)
    reason = _reason(event)
    if ruling == "park":
        return (Settle("parked", reason, in_doubt),)
    if ruling == "refuse":
        return (Settle("refused_by_recipient", reason, in_doubt),)
    last = delivery.created + policy.give_up
    if now >= last:
        words = f"given up after {delivery.attempts} {_times(delivery.attempts)}: {reason}"
        return (Settle("parked", words, in_doubt),)
    # One last attempt is made exactly when the time is up, however long the back-off has become.
    return (Again(min(now + back_off(policy, delivery.attempts), last), reason, in_doubt),)


def back_off(policy: Policy, attempts: int) -> int:
    """The wait after so many attempts, in microseconds: first, first x factor, ... up to longest."""
    growth = policy.factor ** min(max(attempts - 1, 0), 64)  # 64 doublings pass any `longest`
    return max(1, round(min(policy.first * growth, policy.longest)))


def _ruling(event: Tried, policy: Policy) -> Ruling:
    match event.kind:
        case "done":
            return "delivered"
        case "unsendable" | "returned":
            return "park"
        case "unreachable" | "failed":
            return "retry"
        case "reply":
            return _of(policy, event.code) if _known(policy, event.code) else _of(policy, "garbled")
        case _:
            return _of(policy, event.kind)


def _known(policy: Policy, code: str) -> bool:
    return code in policy.replies or code in DEFAULT_REPLIES


def _of(policy: Policy, key: str) -> Ruling:
    return policy.replies.get(key) or DEFAULT_REPLIES[key]


def _reason(event: Tried) -> str:
    if event.kind == "reply":
        # A code comes from the peer's message: only a known one is repeated.
        words = f"answered {event.code}" if event.code in DEFAULT_REPLIES else "answered with an unknown code"
    else:
        words = _WORDS[event.kind]
    return f"{words} ({event.detail})" if event.detail else words


def _times(attempts: int) -> str:
    return "attempt" if attempts == 1 else "attempts"
