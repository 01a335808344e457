"""Plays the deliveries of a test's copies on a fake clock, with their retries, deadlines and fallbacks.

Asks the same pure rules as the engine (`next_step`, `at_deadline`) and pretends the channels. The clock runs
until nothing is due. Knows nothing of routes, expectations or sockets.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace

from routes.flow.answer_codes import REASON_WORDS, RETURN_REASONS
from routes.flow.deadlines import HoldInstead, SendInstead, Standing, at_deadline, what_of_the_first
from routes.flow.decision import Copy, Held
from routes.flow.delivery import Again, Delivery, Settle, Tried, next_step
from routes.language.facts import ChannelFacts
from routes.language.trials import Behaviour

__all__ = ["Made", "Pretended", "play"]

_NEVER = 2**62
MAX_ATTEMPTS = 100_000  # no policy needs more; a bound, so that no test runs for ever


@dataclass(frozen=True, slots=True)
class Pretended:
    """Which channels do not behave, and until when; microseconds since 1970."""

    behaviours: Mapping[str, Behaviour]
    until: int = _NEVER

    def at(self, channel: str, now: int) -> Behaviour | None:
        """How the channel behaves at this moment; None: it delivers and acknowledges."""
        return self.behaviours.get(channel) if now < self.until else None


@dataclass(frozen=True, slots=True)
class Made:
    """One copy that was made, and what became of it.

    ending: delivered, acknowledged, parked, refused_by_recipient or withdrawn; reason: why. instead_of: the
    copy whose proof did not come, or that came back, as `channel @ address`, or "". returned: why that was.
    """

    copy: Copy
    created: int
    ending: str = ""
    reason: str = ""
    instead_of: str = ""
    returned: str = ""

    @property
    def where(self) -> str:
        """`channel @ address`, or the channel alone."""
        return f"{self.copy.channel} @ {self.copy.address}" if self.copy.address else self.copy.channel


def play(
    copies: Sequence[Copy], channels: Mapping[str, ChannelFacts], pretended: Pretended, now: int
) -> tuple[list[Made], list[Held]]:
    """Every copy made, fallbacks included, in the order in which they were made; and what is held because a
    fallback has no address."""
    made: list[Made] = []
    held: list[Held] = []
    taken = {(copy.channel, copy.address, copy.piece) for copy in copies}
    for copy in copies:
        facts = channels.get(copy.channel, ChannelFacts(copy.channel))
        delivered, acknowledged, one = _deliver(Made(copy, now), facts, pretended)
        made.append(one)
        again = _passed_on(copy, one)
        if again is not None and (again.channel, again.address, again.piece) not in taken:
            taken.add((again.channel, again.address, again.piece))
            copy, before = again, one  # noqa: PLW2901 - from here on, it is waited for this one's proof
            facts = channels.get(copy.channel, ChannelFacts(copy.channel))
            delivered, acknowledged, one = _deliver(
                Made(copy, now, instead_of=before.where), facts, pretended
            )
            made.append(one)
        if copy.deadline is None:
            continue
        due = now + copy.deadline.after
        first = Made(copy, now, instead_of=one.instead_of)
        for action in at_deadline(Standing(now, delivered, acknowledged), copy.deadline, due):
            if isinstance(action, HoldInstead):
                held.append(replace(action.held, piece=copy.piece))
            elif isinstance(action, SendInstead):
                place = f"{action.channel} @ {action.address}" if action.address else action.channel
                made[made.index(one)] = _instead(first, facts, pretended, due, place)
                key = (action.channel, action.address, copy.piece)
                if key in taken:
                    continue  # it has one already: at most one copy for each address
                taken.add(key)
                fallback = Copy(action.channel, action.address, copy.body, piece=copy.piece)
                other = channels.get(action.channel, ChannelFacts(action.channel))
                _, _, sent = _deliver(Made(fallback, due, instead_of=one.where), other, pretended)
                made.append(sent)
    return made, held


def _passed_on(copy: Copy, ended: Made) -> Copy | None:
    """The copy that goes out, once, in place of one that came back, where its rule says so."""
    rule = copy.readdress
    if rule is None or rule.address is None or ended.returned not in rule.reasons:
        return None
    deadline = None if copy.deadline is None else replace(copy.deadline, address=rule.late)
    return Copy(rule.channel, rule.address, copy.body, piece=copy.piece, deadline=deadline)


def _deliver(made: Made, facts: ChannelFacts, pretended: Pretended) -> tuple[int | None, int | None, Made]:
    """When the copy was delivered and when acknowledged (None: never), and how it ended."""
    action, now = _attempts(made, facts, pretended)
    if not isinstance(action, Settle):
        raise RuntimeError("the rules of delivery never come to an end")
    return _end(made, action, facts, pretended, now)


def _attempts(
    made: Made, facts: ChannelFacts, pretended: Pretended, until: int = _NEVER
) -> tuple[Settle | Again, int]:
    """What the last attempt before `until` meant, and when it was made."""
    now, attempts, in_doubt = made.created, 0, False
    while attempts < MAX_ATTEMPTS:
        attempts += 1
        event = _event(facts.kind, pretended.at(facts.name, now))
        (action,) = next_step(Delivery(made.created, attempts, in_doubt), event, facts.policy, now)
        in_doubt = action.in_doubt
        if isinstance(action, Settle) or action.at >= until:
            break
        now = action.at
    return action, now


def _instead(made: Made, facts: ChannelFacts, pretended: Pretended, due: int, place: str) -> Made:
    """How the first copy ended, where at `due` another one goes to `place` instead."""
    action, now = _attempts(made, facts, pretended, due)
    state = action.state if isinstance(action, Settle) else "waiting"
    fate = what_of_the_first(state, in_doubt=action.in_doubt, mailbox=facts.kind == "amqp")
    if fate in ("mark", "leave"):
        return _deliver(made, facts, pretended)[2]  # also what waits for a mailbox: it goes there
    reason = f"not proved in time: a copy went to {place} instead"
    _, _, ended = _end(made, Settle("parked", reason, action.in_doubt), facts, pretended, now)
    return ended if ended.ending == "acknowledged" else replace(ended, ending="withdrawn")


def _end(
    made: Made, action: Settle, facts: ChannelFacts, pretended: Pretended, now: int
) -> tuple[int | None, int | None, Made]:
    delivered = now if action.state in ("delivered", "acknowledged") else None
    said = pretended.at(facts.name, now)
    if delivered is not None and said in RETURN_REASONS:
        reason = f"came back: {REASON_WORDS[said]}"
        return delivered, None, replace(made, ending="refused_by_recipient", reason=reason, returned=said)
    # A silent recipient has the message, and says so when it speaks again: also where nobody asked any more.
    late = pretended.until if pretended.behaviours.get(facts.name) == "silent" else _NEVER
    if delivered is not None:
        silent = pretended.at(facts.name, now) == "silent"
        acknowledged = late if silent else now
    else:
        acknowledged = late if action.in_doubt else _NEVER
    if acknowledged < _NEVER:
        return delivered, acknowledged, replace(made, ending="acknowledged")
    return delivered, None, replace(made, ending=action.state, reason=action.reason)


def _event(kind: str, behaviour: Behaviour | None) -> Tried:
    """What an attempt comes to. A mailbox or a folder takes what is put into it, whoever is silent behind."""
    taken = behaviour is None or behaviour in RETURN_REASONS  # what comes back has arrived
    if taken or (behaviour == "silent" and kind in ("amqp", "folder")):
        return Tried("done")
    if behaviour == "silent":
        return Tried("none")
    if behaviour == "unreachable":
        return Tried("unreachable")
    if kind == "amqp":
        return Tried("returned")
    return Tried("unsendable") if kind == "folder" else Tried("reply", "AR")
