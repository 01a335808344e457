"""Deadlines: what is done when a copy's proof came in time, came late, or did not come."""

from __future__ import annotations

from typing import Literal

import pytest

from routes.flow.deadlines import HoldInstead, Look, SendInstead, Standing, at_deadline, what_of_the_first
from routes.flow.decision import Deadline


def deadline(proof: Literal["delivered", "acknowledged"], address: str | None = "Y06602") -> Deadline:
    return Deadline(proof, 100, "print_room", address)


@pytest.mark.parametrize(
    ("proof", "standing", "in_time"),
    [
        ("acknowledged", Standing(0, 10, 100), True),
        ("acknowledged", Standing(0, 10, 101), False),
        ("acknowledged", Standing(0, 10), False),
        ("acknowledged", Standing(0), False),
        ("delivered", Standing(0, 100), True),
        ("delivered", Standing(0, 101), False),
        ("delivered", Standing(0, None, 50), True),
        ("acknowledged", Standing(0, withdrawn=True), True),
    ],
)
def test_the_fallback_goes_out_where_the_proof_did_not_come_in_time(
    proof: Literal["delivered", "acknowledged"], standing: Standing, in_time: bool
) -> None:
    expected = () if in_time else (SendInstead("print_room", "Y06602"),)

    assert at_deadline(standing, deadline(proof), 100) == expected


def test_before_it_is_due_nothing_is_done_but_to_look_again() -> None:
    assert at_deadline(Standing(5), deadline("acknowledged"), 104) == (Look(105),)
    assert at_deadline(Standing(5), deadline("acknowledged"), 105) == (SendInstead("print_room", "Y06602"),)


def test_a_fallback_without_an_address_is_held() -> None:
    (action,) = at_deadline(Standing(0), deadline("acknowledged", None), 100)

    assert isinstance(action, HoldInstead)
    assert (action.held.tray, action.held.entry) == ("unknown_address", True)


def test_a_proof_that_came_late_but_before_anybody_looked_is_a_proof() -> None:
    assert at_deadline(Standing(0, 10, 130), deadline("acknowledged"), 150) == ()


@pytest.mark.parametrize(
    ("state", "in_doubt", "fate"),
    [
        ("waiting", False, "withdraw"),
        ("queued", False, "withdraw"),
        ("parked", False, "withdraw"),
        ("waiting", True, "stop"),
        ("queued", True, "stop"),
        ("parked", True, "stop"),
        ("sending", False, "stop"),
        ("sending", True, "stop"),
        ("delivered", False, "mark"),
        ("refused_by_recipient", False, "leave"),
    ],
)
def test_the_first_copy_is_not_tried_any_more_and_where_it_may_have_arrived_both_say_so(
    state: str, in_doubt: bool, fate: str
) -> None:
    assert what_of_the_first(state, in_doubt=in_doubt) == fate


@pytest.mark.parametrize(
    ("state", "in_doubt", "fate"),
    [
        ("waiting", False, "mark"),
        ("delivered", False, "mark"),
        ("waiting", True, "mark"),
        ("parked", False, "withdraw"),
        ("parked", True, "stop"),
    ],
)
def test_what_goes_into_a_mailbox_is_not_withdrawn_unless_it_was_set_aside_before(
    state: str, in_doubt: bool, fate: str
) -> None:
    assert what_of_the_first(state, in_doubt=in_doubt, mailbox=True) == fate
