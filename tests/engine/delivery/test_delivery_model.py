"""A model of one lane, driven by hypothesis: a simulated clock, a store that forgets what was not committed,
and a network that loses answers. What is asked are the real rules: `next_step` and FOLLOWS.
"""

from __future__ import annotations

from dataclasses import dataclass, field, replace

from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, precondition, rule

from engine.journal.changes import FOLLOWS
from engine.journal.records import OPEN_STATES, DeliveryState
from routes.flow.delivery import Again, Delivery, Policy, Settle, Tried, TriedKind, next_step

POLICY = Policy(first=1_000_000, factor=2, longest=60_000_000, give_up=600_000_000)


@dataclass(frozen=True, slots=True)
class Row:
    """One delivery, as the simulated store holds it."""

    id: int
    created: int
    state: DeliveryState = "waiting"
    attempts: int = 0
    next_try: int = 0
    in_doubt: bool = False


@dataclass(slots=True)
class Practice:
    """What arrived, in order, and how often each."""

    first: list[int] = field(default_factory=list)
    times: dict[int, int] = field(default_factory=dict)

    def take(self, id_: int) -> None:
        if id_ not in self.times:
            self.first.append(id_)
        self.times[id_] = self.times.get(id_, 0) + 1


class LaneModel(RuleBasedStateMachine):
    """Messages are acknowledged, claimed, sent, answered or not, recorded; and the engine dies anywhere."""

    def __init__(self) -> None:
        super().__init__()
        self.now = 1_000_000_000
        self.store: dict[int, Row] = {}
        self.promised: list[int] = []
        self.practice = Practice()
        self.sent: int | None = None  # claimed and on the wire; known to memory only
        self.event: Tried | None = None  # what became of it; known to memory only
        self.skipped: set[int] = set()  # parked: later ones may overtake

    @initialize(count=st.integers(1, 3))
    def some_messages(self, count: int) -> None:
        for _ in range(count):
            self.acknowledge()

    @rule()
    def acknowledge(self) -> None:
        """Committed, then promised."""
        id_ = len(self.store) + 1
        self.store[id_] = Row(id_, self.now)
        self.promised.append(id_)

    @rule(seconds=st.sampled_from([1, 5, 60, 700]))
    def time_goes_on(self, seconds: int) -> None:
        self.now += seconds * 1_000_000

    def head(self) -> Row | None:
        return next((row for row in self.store.values() if row.state in OPEN_STATES), None)

    @precondition(lambda self: self.sent is None)
    @rule(
        taken=st.booleans(),
        kind=st.sampled_from(["reply", "none", "garbled", "unreachable", "unsendable"]),
        code=st.sampled_from(["AA", "AE", "AR", "CA", "CE", "CR", "ZZ"]),
    )
    def send_the_head(self, taken: bool, kind: TriedKind, code: str) -> None:
        """Claim in the store, then send. A practice that answers AA or CA has taken it; one that was silent
        or spoke nonsense may have; one that was not reached has not."""
        row = self.head()
        if row is None or row.next_try > self.now:
            return
        self.move(row, "sending")
        self.sent = row.id
        positive = kind == "reply" and code in ("AA", "CA")
        if positive or (taken and kind in ("none", "garbled")):
            self.practice.take(row.id)
        self.event = Tried(kind, code if kind == "reply" else "")

    @precondition(lambda self: self.sent is not None)
    @rule()
    def record_the_outcome(self) -> None:
        assert self.sent is not None
        assert self.event is not None
        row = self.store[self.sent]
        attempts = row.attempts + 1
        (action,) = next_step(Delivery(row.created, attempts, row.in_doubt), self.event, POLICY, self.now)
        row = replace(row, attempts=attempts, in_doubt=row.in_doubt or action.in_doubt)
        match action:
            case Again(at=at):
                assert self.now < at <= self.now + POLICY.longest
                self.move(replace(row, next_try=at), "waiting")
            case Settle(state=state):
                self.move(row, state)
                if state != "delivered":
                    self.skipped.add(row.id)
        self.sent = self.event = None

    @rule()
    def die_and_start_again(self) -> None:
        """Memory is gone; what stands as claimed waits again, in doubt."""
        self.sent = self.event = None
        for row in list(self.store.values()):
            if row.state == "sending":
                self.move(replace(row, in_doubt=True), "waiting")

    @rule(data=st.data())
    def a_person_releases(self, data: st.DataObject) -> None:
        parked = [row for row in self.store.values() if row.state == "parked"]
        if parked:
            row = data.draw(st.sampled_from(parked))
            self.move(replace(row, attempts=0, next_try=0, created=self.now), "waiting")

    def move(self, row: Row, state: DeliveryState) -> None:
        """Only by the table of what may follow what."""
        assert state in FOLLOWS[self.store[row.id].state]
        self.store[row.id] = replace(row, state=state)

    # -- what must hold at every moment ---------------------------------------------------------------

    @invariant()
    def every_promise_is_kept_open_or_visible(self) -> None:
        for id_ in self.promised:
            row = self.store[id_]
            if row.state in ("delivered", "acknowledged"):
                assert id_ in self.practice.times, f"{id_} stands as delivered, and never arrived"
            else:
                assert row.state in (*OPEN_STATES, "parked", "refused_by_recipient")

    @invariant()
    def what_arrived_twice_is_marked(self) -> None:
        for id_, times in self.practice.times.items():
            row = self.store[id_]
            underway = self.sent == id_
            assert times == 1 or row.in_doubt or underway

    @invariant()
    def first_arrivals_are_in_order_except_of_what_was_parked(self) -> None:
        order = [id_ for id_ in self.practice.first if id_ not in self.skipped]
        assert order == sorted(order)

    def teardown(self) -> None:
        """A network and a practice that work at last: everything that is open arrives."""
        self.die_and_start_again()
        for _ in range(len(self.store) + 1):
            row = self.head()
            if row is None:
                break
            self.now = max(self.now, row.next_try)
            self.send_the_head(True, "reply", "AA")
            self.record_the_outcome()
            self.every_promise_is_kept_open_or_visible()
            self.what_arrived_twice_is_marked()
        assert self.head() is None


TestLaneModel = LaneModel.TestCase
TestLaneModel.settings = settings(max_examples=120, stateful_step_count=40, deadline=None)
