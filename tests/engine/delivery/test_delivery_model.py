"""The rules for deliveries, deadlines, answers and repairs, on a model driven by hypothesis (R25).

And proof that the model notices where one of them is broken.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace

import pytest
from hypothesis import HealthCheck, Phase, settings
from hypothesis.stateful import run_state_machine_as_test

from engine.journal.changes import FOLLOWS
from engine.journal.records import DeliveryState
from routes.flow.deadlines import DeadlineAction, SendInstead, Standing, at_deadline, what_of_the_first
from routes.flow.decision import Deadline
from routes.flow.delivery import Action, Again, Delivery, Policy, Settle, Tried, next_step
from tests.delivery_model import PromiseModel, Rules

TestPromiseModel = PromiseModel.TestCase
TestPromiseModel.settings = settings(max_examples=100, stateful_step_count=40, deadline=None)


def forgets_doubt(delivery: Delivery, event: Tried, policy: Policy, now: int) -> tuple[Action, ...]:
    (action,) = next_step(delivery, event, policy, now)
    return (replace(action, in_doubt=False),)


def takes_an_error_for_delivery(
    delivery: Delivery, event: Tried, policy: Policy, now: int
) -> tuple[Action, ...]:
    return (Settle("delivered"),) if event.code == "AE" else next_step(delivery, event, policy, now)


def never_gives_up(delivery: Delivery, event: Tried, policy: Policy, now: int) -> tuple[Action, ...]:
    return next_step(replace(delivery, created=now), event, policy, now)


def tries_at_once(delivery: Delivery, event: Tried, policy: Policy, now: int) -> tuple[Action, ...]:
    (action,) = next_step(delivery, event, policy, now)
    return (replace(action, at=now) if isinstance(action, Again) else action,)


def forgets_proofs(standing: Standing, deadline: Deadline, now: int) -> tuple[DeadlineAction, ...]:
    return at_deadline(replace(standing, delivered=None), deadline, now)


def comes_early(standing: Standing, deadline: Deadline, now: int) -> tuple[DeadlineAction, ...]:
    return at_deadline(standing, replace(deadline, after=deadline.after - 30_000_000), now)


def never_comes(standing: Standing, deadline: Deadline, now: int) -> tuple[DeadlineAction, ...]:
    return tuple([a for a in at_deadline(standing, deadline, now) if not isinstance(a, SendInstead)])


def withdraws_what_may_be_there(state: str, *, in_doubt: bool, mailbox: bool = False) -> str:
    del in_doubt
    return what_of_the_first(state, in_doubt=False, mailbox=mailbox)


def marks_nothing(state: str, *, in_doubt: bool, mailbox: bool = False) -> str:
    found = what_of_the_first(state, in_doubt=in_doubt, mailbox=mailbox)
    return "leave" if found == "mark" else "withdraw" if found == "stop" else found


def and_also(before: DeliveryState, after: DeliveryState) -> Mapping[DeliveryState, frozenset[DeliveryState]]:
    return {**FOLLOWS, before: FOLLOWS[before] | {after}}


def but_not(before: DeliveryState, after: DeliveryState) -> Mapping[DeliveryState, frozenset[DeliveryState]]:
    return {**FOLLOWS, before: FOLLOWS[before] - {after}}


BROKEN = {
    "a doubt is forgotten": Rules(next_step=forgets_doubt),
    "AE counts as delivered": Rules(next_step=takes_an_error_for_delivery),
    "nothing is ever given up": Rules(next_step=never_gives_up),
    "there is no rest between attempts": Rules(next_step=tries_at_once),
    "proofs of delivery are forgotten": Rules(at_deadline=forgets_proofs),
    "deadlines come early": Rules(at_deadline=comes_early),
    "deadlines never come": Rules(at_deadline=never_comes),
    "what may be there is withdrawn": Rules(what_of_the_first=withdraws_what_may_be_there),
    "two copies are not marked": Rules(what_of_the_first=marks_nothing),
    "an answer after a withdrawal counts": Rules(follows=and_also("withdrawn", "acknowledged")),
    "a second answer takes the first back": Rules(follows=and_also("acknowledged", "refused_by_recipient")),
    "a late answer to a parked copy is lost": Rules(follows=but_not("parked", "acknowledged")),
}


@pytest.mark.parametrize("words", BROKEN)
def test_the_model_notices_where(words: str) -> None:
    class Broken(PromiseModel):
        asked = BROKEN[words]

    with pytest.raises((AssertionError, ValueError)):
        run_state_machine_as_test(
            Broken,
            settings=settings(
                max_examples=2000, stateful_step_count=50, deadline=None, derandomize=True, database=None,
                phases=[Phase.generate], suppress_health_check=list(HealthCheck), print_blob=False,
            ),
        )  # fmt: skip
