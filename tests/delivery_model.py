"""A model of what becomes of acknowledged messages: a simulated clock, a store that forgets what was not
committed, a network that loses answers, practices, their applications, a person, and deadlines.

What is asked are the real rules: `next_step`, `at_deadline`, `what_of_the_first` and FOLLOWS. What must hold
is said here a second time, in the model's own words, so that a broken rule is noticed.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Literal

from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, rule

from engine.journal.changes import FOLLOWS
from engine.journal.records import OPEN_STATES, CopyKind, DeliveryState
from routes.flow.deadlines import DeadlineAction, HoldInstead, SendInstead, Standing, at_deadline
from routes.flow.deadlines import what_of_the_first as what_of
from routes.flow.decision import Deadline
from routes.flow.delivery import Action, Again, Delivery, Policy, Settle, Tried, TriedKind, next_step

__all__ = ["PromiseModel", "Rules"]

SECOND = 1_000_000
POLICY = Policy(first=SECOND, factor=2, longest=60 * SECOND, give_up=600 * SECOND)
DUE = 90 * SECOND
POSITIVE = ("AA", "CA")
ENDED: tuple[DeliveryState, ...] = ("delivered", "acknowledged", "refused_by_recipient")

Channel = Literal["gp", "other"]
CHANNELS: tuple[Channel, ...] = ("gp", "other")

KINDS = st.sampled_from(["reply", "reply", "reply", "none", "garbled", "unreachable", "unsendable"])
CODES = st.sampled_from(["AA", "AA", "CA", "AE", "AR", "CE", "CR", "ZZ"])


@dataclass(frozen=True, slots=True)
class Rules:
    """The rules that are asked. A model with broken ones must fail."""

    next_step: Callable[[Delivery, Tried, Policy, int], tuple[Action, ...]] = next_step
    at_deadline: Callable[[Standing, Deadline, int], tuple[DeadlineAction, ...]] = at_deadline
    what_of_the_first: Callable[..., str] = what_of
    follows: Mapping[DeliveryState, frozenset[DeliveryState]] = field(default_factory=lambda: FOLLOWS)


@dataclass(frozen=True, slots=True)
class Copy:
    """One copy, as the simulated store holds it. waits_for: its deadline; ending: of that, "" while open."""

    id: int
    message: int
    channel: Channel
    created: int
    parent: int = 0
    kind: CopyKind = ""
    state: DeliveryState = "waiting"
    attempts: int = 0
    next_try: int = 0
    again: int = 0
    in_doubt: bool = False
    delivered: int | None = None
    acknowledged: int | None = None
    waits_for: Deadline | None = None
    ending: str = ""


@dataclass(slots=True)
class Practice:
    """What arrived, in order, and how often each."""

    first: list[int] = field(default_factory=list)
    times: Counter[int] = field(default_factory=Counter)

    def take(self, id_: int) -> None:
        if id_ not in self.times:
            self.first.append(id_)
        self.times[id_] += 1


@dataclass(slots=True)
class Wire:
    """What a lane is doing, known to memory only: the copy that is on its way, and what became of it."""

    sent: int = 0
    event: Tried | None = None


class PromiseModel(RuleBasedStateMachine):
    """Everything that may happen to acknowledged messages, in any order, with deaths in between."""

    asked = Rules()

    def __init__(self) -> None:
        super().__init__()
        self.now = 1_000_000_000 * SECOND
        self.store: dict[int, Copy] = {}
        self.promised: list[int] = []
        self.held: set[int] = set()  # messages of which a part is held, since a fallback has no address
        self.discarded: set[int] = set()  # copies that a person gave up: it stands in the audit
        self.by_hand: set[int] = set()  # copies that a person has put out of their order
        self.practices = {name: Practice() for name in CHANNELS}
        self.wires = {name: Wire() for name in CHANNELS}
        self.made: Counter[str] = Counter()
        self.tally: Counter[tuple[str, DeliveryState]] = Counter()
        self.skipped: set[int] = set()  # parked, refused or ended: later ones may overtake

    # -- the store ------------------------------------------------------------------------------------

    def make(self, copy: Copy) -> Copy:
        """A further row, counted as it comes in."""
        self.store[copy.id] = copy
        self.made[copy.channel] += 1
        self.tally[copy.channel, copy.state] += 1
        return copy

    def move(self, copy: Copy, state: DeliveryState) -> bool:
        """Only by the table of what may follow what; False where it does not."""
        before = self.store[copy.id].state
        if state not in self.asked.follows[before]:
            return False
        copy = replace(copy, state=state)
        if state == "delivered" and copy.delivered is None:
            copy = replace(copy, delivered=self.now)
        if state == "acknowledged" and copy.acknowledged is None:
            copy = replace(copy, acknowledged=self.now)
        self.tally[copy.channel, before] -= 1
        self.tally[copy.channel, state] += 1
        self.store[copy.id] = copy
        if state not in OPEN_STATES and state not in ("delivered", "acknowledged"):
            self.skipped.add(copy.id)
        return True

    def head(self, channel: Channel) -> Copy | None:
        rows = (c for c in self.store.values() if c.channel == channel and c.state in OPEN_STATES)
        return next(rows, None)

    def some(self, data: st.DataObject, *states: DeliveryState) -> Copy | None:
        found = [copy for copy in self.store.values() if copy.state in states]
        return data.draw(st.sampled_from(found)) if found else None

    def family(self, copy: Copy) -> Iterator[Copy]:
        """A copy, and what a person sent again in its place: their proofs are its proofs."""
        yield copy
        for other in self.store.values():
            if other.parent == copy.id and other.kind in ("resend", "redirect"):
                yield from self.family(other)

    # -- senders and time -----------------------------------------------------------------------------

    @initialize(count=st.integers(1, 3))
    def some_messages(self, count: int) -> None:
        for _ in range(count):
            self.acknowledge("delivered", "")

    @rule(proof=st.sampled_from(["", "delivered", "acknowledged"]), address=st.sampled_from(["", None]))
    def acknowledge(self, proof: Literal["", "delivered", "acknowledged"], address: str | None) -> None:
        """Committed with its copy, then promised."""
        deadline = Deadline(proof, DUE, "other", address) if proof else None
        message = len(self.promised) + 1
        self.make(Copy(len(self.store) + 1, message, "gp", self.now, waits_for=deadline))
        self.promised.append(message)

    @rule(seconds=st.sampled_from([1, 5, 60, 100, 700]))
    def time_goes_on(self, seconds: int) -> None:
        self.now += seconds * SECOND

    @rule(seconds=st.sampled_from([-3600, 3600, 86_400]))
    def the_clock_is_set(self, seconds: int) -> None:
        self.now += seconds * SECOND

    # -- a lane ---------------------------------------------------------------------------------------

    @rule(
        channel=st.sampled_from(CHANNELS),
        taken=st.booleans(),
        kind=KINDS,
        code=CODES,
    )
    def send_the_head(self, channel: Channel, taken: bool, kind: TriedKind, code: str) -> None:
        """Claim in the store, then send. A practice that answers AA or CA has taken it; one that was silent
        or spoke nonsense may have; one that was not reached has not."""
        copy, wire = self.head(channel), self.wires[channel]
        if wire.sent or copy is None or not self.may_be_tried(copy):
            return
        assert self.move(copy, "sending")
        wire.sent = copy.id
        unclear = kind in ("none", "garbled") or (kind == "reply" and code == "ZZ")
        if (kind == "reply" and code in POSITIVE) or (taken and unclear):
            self.practices[channel].take(copy.id)
        wire.event = Tried(kind, code if kind == "reply" else "")

    @rule(channel=st.sampled_from(CHANNELS), taken=st.booleans(), kind=KINDS, code=CODES)
    def try_the_head(self, channel: Channel, taken: bool, kind: TriedKind, code: str) -> None:
        """Both at once, with the rest before it waited for: most attempts are not interrupted."""
        copy = self.head(channel)
        if copy is not None and not self.wires[channel].sent:
            self.now = max(self.now, copy.next_try)
        self.send_the_head(channel, taken, kind, code)
        self.record_the_outcome(channel)

    @rule(channel=st.sampled_from(CHANNELS), code=st.sampled_from(["AA", "AR"]))
    def try_the_head_twice(self, channel: Channel, code: str) -> None:
        """Taken, which nobody heard; then answered: what is in doubt is delivered, or parked."""
        self.try_the_head(channel, True, "none", "")
        self.try_the_head(channel, True, "reply", code)

    def may_be_tried(self, copy: Copy) -> bool:
        """When its rest is over, or longer than any can be: the clock was set back."""
        return copy.next_try <= self.now or copy.next_try > self.now + POLICY.longest

    @rule(channel=st.sampled_from(CHANNELS))
    def record_the_outcome(self, channel: Channel) -> None:
        wire = self.wires[channel]
        if not wire.sent or wire.event is None:
            return
        copy, event = self.store[wire.sent], wire.event
        wire.sent, wire.event = 0, None
        attempts, since = copy.attempts + 1, max(copy.created, copy.again)
        (action,) = self.asked.next_step(Delivery(since, attempts, copy.in_doubt), event, POLICY, self.now)
        unclear = event.kind in ("none", "garbled") or event.code == "ZZ"
        if event.kind == "reply" and event.code in POSITIVE:
            assert isinstance(action, Settle), "a positive answer is the end"
            assert action.state == "delivered"
        elif event.kind == "unsendable" or event.code in ("AR", "CR"):
            assert isinstance(action, Settle), "what needs a person is not tried again"
            assert action.state == "parked"
        else:
            assert isinstance(action, Again) == (self.now < since + POLICY.give_up)
            assert isinstance(action, Again) or action.state == "parked"
        assert action.in_doubt or not (unclear or copy.in_doubt), "a doubt is never forgotten"
        copy = replace(copy, attempts=attempts, in_doubt=copy.in_doubt or action.in_doubt)
        if isinstance(action, Again):
            assert self.now < action.at <= self.now + POLICY.longest
            self.move(replace(copy, next_try=action.at), "waiting")
        else:
            self.move(copy, action.state)

    @rule()
    def die_and_start_again(self) -> None:
        """Memory is gone; what stands as claimed waits again, in doubt."""
        for wire in self.wires.values():
            wire.sent, wire.event = 0, None
        for copy in list(self.store.values()):
            if copy.state == "sending":
                assert self.move(replace(copy, in_doubt=True), "waiting")

    # -- applications ---------------------------------------------------------------------------------

    @rule(data=st.data(), has_it=st.booleans())
    def an_application_answers(self, data: st.DataObject, has_it: bool) -> None:
        """At any time after the practice took it, however late, and perhaps again with another word."""
        arrived = [id_ for practice in self.practices.values() for id_ in practice.first]
        if not arrived:
            return
        ended = [id_ for id_ in arrived if self.store[id_].state in ("parked", "withdrawn", *ENDED[1:])]
        copy = self.store[data.draw(st.sampled_from([*arrived, *ended * 3]))]
        before = copy.state
        done = self.move(copy, "acknowledged" if has_it else "refused_by_recipient")
        assert done == (before in (*OPEN_STATES, "delivered", "parked")), "a late answer changes nothing"

    # -- deadlines ------------------------------------------------------------------------------------

    @rule()
    def look_at_deadlines(self) -> None:
        """All that are due, in one commit."""
        for copy in list(self.store.values()):
            if copy.waits_for is not None and not copy.ending:
                self._look(copy, copy.waits_for)

    def _look(self, copy: Copy, deadline: Deadline) -> None:
        family = list(self.family(copy))
        standing = Standing(
            copy.created,
            _first([one.delivered for one in family], self.now),
            _first([one.acknowledged for one in family], self.now),
            withdrawn=copy.state in ("withdrawn", "discarded"),
        )
        actions = self.asked.at_deadline(standing, deadline, self.now)
        acknowledged = any(one.acknowledged is not None for one in family)
        proven = acknowledged or (
            deadline.proof == "delivered" and any(one.delivered is not None for one in family)
        )
        if proven or standing.withdrawn:
            assert not actions, "where the proof has come, nothing is asked for"
            self.store[copy.id] = replace(copy, ending="kept" if proven else "ended")
            return
        (action,) = actions
        over = self.now >= copy.created + deadline.after
        assert isinstance(action, SendInstead | HoldInstead) == over, "at its time, not sooner, not later"
        if isinstance(action, SendInstead):
            assert deadline.address is not None
            self._instead(copy)
        elif isinstance(action, HoldInstead):
            assert deadline.address is None
            self.store[copy.id] = replace(copy, ending="missed")
            self.held.add(copy.message)

    def _instead(self, copy: Copy) -> None:
        """The fallback, and what becomes of the first: one commit."""
        first = self.asked.what_of_the_first(copy.state, in_doubt=copy.in_doubt)
        there = [
            other
            for other in self.store.values()
            if other.message == copy.message and other.channel == "other"
            and other.state not in ("withdrawn", "discarded", "refused_by_recipient")
        ]  # fmt: skip
        two = first in ("stop", "mark")
        copy = replace(copy, ending="missed", in_doubt=copy.in_doubt or two)
        self.store[copy.id] = copy
        for other in there[:1]:
            self.store[other.id] = replace(other, in_doubt=other.in_doubt or two)
        if not there:
            new = Copy(
                len(self.store) + 1, copy.message, "other", self.now, copy.id, "fallback", in_doubt=two
            )
            self.make(new)
        if first in ("withdraw", "stop"):
            assert self.move(copy, "withdrawn")

    # -- a person -------------------------------------------------------------------------------------

    @rule(data=st.data())
    def a_person_releases(self, data: st.DataObject) -> None:
        if copy := self.some(data, "parked"):
            assert self.move(replace(copy, attempts=0, next_try=0, again=self.now), "waiting")
            self.by_hand.add(copy.id)

    @rule(data=st.data())
    def a_person_discards(self, data: st.DataObject) -> None:
        if copy := self.some(data, "parked"):
            self._end(copy, "discarded")
            self.discarded.add(copy.id)

    @rule(data=st.data())
    def a_person_sends_again(self, data: st.DataObject) -> None:
        copy = self.some(data, *ENDED, "withdrawn", "discarded")
        if copy:
            self._further(copy, copy.channel, "resend")

    @rule(data=st.data())
    def a_person_redirects(self, data: st.DataObject) -> None:
        if copy := self.some(data, "parked", "waiting"):
            self._end(copy, "discarded" if copy.state == "parked" else "withdrawn")
            self._further(copy, "other", "redirect")

    def _further(self, copy: Copy, channel: Channel, kind: CopyKind) -> None:
        made = Copy(len(self.store) + 1, copy.message, channel, self.now, copy.id, kind)
        self.by_hand.add(self.make(made).id)

    def _end(self, copy: Copy, state: DeliveryState) -> None:
        """The copy is not sent any more, and no proof of it is awaited."""
        assert self.move(replace(copy, ending=copy.ending or "ended"), state)

    # -- what must hold at every moment ---------------------------------------------------------------

    @invariant()
    def every_promise_is_kept_open_or_visible(self) -> None:
        """I1, and never delivered without having arrived."""
        for copy in self.store.values():
            if copy.state in ("delivered", "acknowledged"):
                assert copy.id in self.practices[copy.channel].times, f"{copy.id} never arrived"
        for message in self.promised:
            copies = [copy for copy in self.store.values() if copy.message == message]
            assert message in self.held or any(
                copy.state not in ("withdrawn", "discarded") or copy.id in self.discarded for copy in copies
            ), f"message {message} is nowhere"

    @invariant()
    def what_was_made_adds_up(self) -> None:
        """I2: counted as things came in and moved, against the rows."""
        found = Counter((copy.channel, copy.state) for copy in self.store.values())
        assert +self.tally == found
        for channel in CHANNELS:
            assert self.made[channel] == sum(n for (name, _), n in found.items() if name == channel)

    @invariant()
    def first_arrivals_are_in_order_except_of_what_was_parked_or_went_by_hand(self) -> None:
        """I3."""
        for practice in self.practices.values():
            order = [id_ for id_ in practice.first if id_ not in self.skipped | self.by_hand]
            assert order == sorted(order)

    @invariant()
    def what_arrived_twice_is_marked(self) -> None:
        """I4, for one copy."""
        for channel, practice in self.practices.items():
            for id_, times in practice.times.items():
                copy = self.store[id_]
                assert times == 1 or copy.in_doubt or self.wires[channel].sent == id_ or id_ in self.by_hand

    @invariant()
    def there_is_one_fallback_at_most_and_both_are_marked_where_both_may_be_there(self) -> None:
        """I4, for a copy and the one that went instead."""
        for copy in self.store.values():
            instead = [one for one in self.store.values() if (one.parent, one.kind) == (copy.id, "fallback")]
            assert len(instead) <= 1
            for one in instead:
                assert copy.ending == "missed"
                arrived = copy.id in self.practices[copy.channel].times
                if arrived and copy.state != "refused_by_recipient":
                    assert copy.in_doubt, "the first has arrived, and does not say that there are two"
                    assert one.in_doubt, "the fallback does not say that there are two"

    @invariant()
    def what_was_withdrawn_by_a_deadline_does_not_arrive(self) -> None:
        for copy in self.store.values():
            if copy.state == "withdrawn" and copy.ending == "missed" and not copy.in_doubt:
                assert copy.id not in self.practices[copy.channel].times

    def teardown(self) -> None:
        """A network and practices that work at last: everything that is open arrives, every deadline ends."""
        self.die_and_start_again()
        self.now += 2 * 86_400 * SECOND
        self.look_at_deadlines()
        for channel in CHANNELS:
            for _ in range(len(self.store) + 1):
                copy = self.head(channel)
                if copy is None:
                    break
                self.now = max(self.now, copy.next_try)
                self.send_the_head(channel, True, "reply", "AA")
                self.record_the_outcome(channel)
                self.check_all()
            assert self.head(channel) is None
        late = [copy for copy in self.store.values() if copy.waits_for is not None and not copy.ending]
        for copy in late:
            assert copy.created + DUE > self.now

    def check_all(self) -> None:
        """Every invariant, as after a step."""
        self.every_promise_is_kept_open_or_visible()
        self.what_was_made_adds_up()
        self.first_arrivals_are_in_order_except_of_what_was_parked_or_went_by_hand()
        self.what_arrived_twice_is_marked()
        self.there_is_one_fallback_at_most_and_both_are_marked_where_both_may_be_there()
        self.what_was_withdrawn_by_a_deadline_does_not_arrive()


def _first(proofs: Sequence[int | None], now: int) -> int | None:
    """A proof that is recorded is there, even where the clock was put back since."""
    return min((min(proof, now) for proof in proofs if proof is not None), default=None)
