"""What to do next with a delivery: retries, limits and reply codes, on a clock that is only a number."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from routes.flow.delivery import Again, Delivery, Policy, Settle, Tried, back_off, next_step

SECOND = 1_000_000
POLICY = Policy()
FRESH = Delivery(created=0, attempts=1)


@pytest.mark.parametrize("code", ["AA", "CA"])
def test_a_positive_reply_means_delivered(code: str) -> None:
    assert next_step(FRESH, Tried("reply", code), POLICY, SECOND) == (Settle("delivered"),)


@pytest.mark.parametrize("code", ["AR", "CR"])
def test_a_reject_is_parked_for_a_person(code: str) -> None:
    (action,) = next_step(FRESH, Tried("reply", code), POLICY, SECOND)
    assert action == Settle("parked", f"answered {code}")


@pytest.mark.parametrize("event", [Tried("reply", "AE"), Tried("reply", "CE"), Tried("unreachable")])
def test_trouble_that_may_pass_is_tried_again_after_the_first_wait(event: Tried) -> None:
    (action,) = next_step(FRESH, event, POLICY, SECOND)
    assert isinstance(action, Again)
    assert action.at == 6 * SECOND
    assert not action.in_doubt


@pytest.mark.parametrize("kind", ["none", "garbled"])
def test_silence_and_garbage_leave_the_delivery_in_doubt(kind: str) -> None:
    (action,) = next_step(FRESH, Tried(kind), POLICY, SECOND)  # type: ignore[arg-type]
    assert isinstance(action, Again)
    assert action.in_doubt


def test_a_delivery_once_in_doubt_stays_so() -> None:
    doubtful = Delivery(0, 2, in_doubt=True)
    assert next_step(doubtful, Tried("reply", "AA"), POLICY, 1) == (Settle("delivered", in_doubt=True),)


def test_an_answer_that_means_acknowledged_ends_the_delivery_as_acknowledged() -> None:
    policy = Policy(replies={"AA": "acknowledged"})
    assert next_step(FRESH, Tried("reply", "AA"), policy, 1) == (Settle("acknowledged"),)
    assert next_step(FRESH, Tried("reply", "CA"), policy, 1) == (Settle("delivered"),)
    doubtful = Delivery(0, 2, in_doubt=True)
    assert next_step(doubtful, Tried("reply", "AA"), policy, 1) == (Settle("acknowledged", in_doubt=True),)


def test_a_channel_may_read_the_codes_in_its_own_way() -> None:
    policy = Policy(replies={"AE": "refuse", "AR": "delivered", "none": "park"})
    assert next_step(FRESH, Tried("reply", "AE"), policy, 1) == (
        Settle("refused_by_recipient", "answered AE"),
    )
    assert next_step(FRESH, Tried("reply", "AR"), policy, 1) == (Settle("delivered"),)
    (parked,) = next_step(FRESH, Tried("none"), policy, 1)
    assert isinstance(parked, Settle)
    assert (parked.state, parked.in_doubt) == ("parked", True)


def test_an_unknown_code_counts_as_garbled_and_is_never_repeated_in_the_reason() -> None:
    (action,) = next_step(FRESH, Tried("reply", "SMITH"), POLICY, 1)
    assert isinstance(action, Again)
    assert "SMITH" not in action.reason
    assert action.in_doubt, "the recipient may have it"


@pytest.mark.parametrize("kind", ["unsendable", "returned"])
def test_what_can_never_be_sent_is_parked_at_once(kind: str) -> None:
    (action,) = next_step(FRESH, Tried(kind), POLICY, 1)  # type: ignore[arg-type]
    assert isinstance(action, Settle)
    assert action.state == "parked"


def test_it_is_parked_once_its_time_is_up_and_says_after_how_many_attempts() -> None:
    (action,) = next_step(Delivery(0, 7), Tried("unreachable"), POLICY, POLICY.give_up)
    assert isinstance(action, Settle)
    assert action.state == "parked"
    assert action.reason.startswith("given up after 7 attempts: the recipient could not be reached")


def test_the_last_attempt_falls_on_the_limit() -> None:
    (action,) = next_step(Delivery(0, 30), Tried("unreachable"), POLICY, POLICY.give_up - 3 * SECOND)
    assert isinstance(action, Again)
    assert action.at == POLICY.give_up


def test_waits_grow_by_the_factor_up_to_the_longest() -> None:
    waits = [back_off(POLICY, attempts) // SECOND for attempts in range(1, 10)]
    assert waits == [5, 10, 20, 40, 80, 160, 320, 600, 600]


@given(
    attempts=st.integers(0, 10_000),
    first=st.integers(1, 10**9),
    factor=st.floats(1, 100),
    longest=st.integers(1, 10**11),
)
def test_a_wait_is_positive_bounded_and_never_shrinks(
    attempts: int, first: int, factor: float, longest: int
) -> None:
    policy = Policy(first=first, factor=factor, longest=longest)
    wait = back_off(policy, attempts)
    assert 1 <= wait <= longest
    assert back_off(policy, attempts + 1) >= wait


@given(
    kind=st.sampled_from(["reply", "none", "garbled", "unreachable", "unsendable", "done", "failed"]),
    code=st.sampled_from(["", "AA", "AE", "AR", "CA", "CE", "CR", "??"]),
    attempts=st.integers(1, 100),
    now=st.integers(0, 2 * 86_400 * SECOND),
)
def test_every_event_gives_exactly_one_action_and_a_retry_lies_ahead(
    kind: str, code: str, attempts: int, now: int
) -> None:
    (action,) = next_step(Delivery(0, attempts), Tried(kind, code), POLICY, now)  # type: ignore[arg-type]
    if isinstance(action, Again):
        assert now < action.at <= POLICY.give_up
