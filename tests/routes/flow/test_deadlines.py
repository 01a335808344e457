"""Deadlines: what a copy carries with it where its proof may not come in time."""

from __future__ import annotations

from collections.abc import Callable

import pytest

from routes.flow.decision import Deadline, Decision
from tests.routes.flow.orders import order

Run = Callable[..., Decision]

DAY = 86_400_000_000
ORU = order("PV1|1||||||||Y06601", "OBR|1|" + "|" * 26 + "Y06601~Y06603~Y06602")
ROUTE = "route: r\nfrom: [lims]\nsend:\n{}"


def deadlines(run: Run, send: str, message: bytes = ORU, **files: object) -> list[Deadline | None]:
    decision = run(ROUTE.format(send), message, **files)
    return [copy.deadline for part in decision.routes for copy in part.copies]


def test_a_copy_carries_which_proof_is_awaited_how_long_and_who_gets_it_then(run: Run) -> None:
    send = (
        "  - to: gp_message\n    address: PV1-9\n    if_not_acknowledged_in: 3d\n    then: print_room\n"
        "  - to: archive\n    if_not_delivered_in: 90m\n    then: duty_desk\n"
    )

    assert deadlines(run, send) == [
        Deadline("acknowledged", 3 * DAY, "print_room", "Y06601"),
        Deadline("delivered", 90 * 60 * 1_000_000, "duty_desk", ""),
    ]


def test_an_entry_without_a_deadline_has_none(run: Run) -> None:
    assert deadlines(run, "  - to: archive\n") == [None]


def test_the_address_is_looked_up_in_the_directory_of_the_channel_that_gets_it_then(run: Run) -> None:
    sends = "  - to: gp_message\n    address: PV1-9\n    if_not_delivered_in: 4h\n    then: post_room\n"
    table = {"tables/post_directory.csv": "code,town\ny06601,Northfield\n"}
    exact = deadlines(run, sends, tables=table)
    folded = deadlines(run, sends, tables={**table, "tables/post_directory.yaml": "case: ignore\n"})

    assert [found.address for found in exact if found] == [None]
    assert [found.address for found in folded if found] == ["y06601"]


def test_each_element_has_its_own_address_for_the_channel_that_gets_it_then(run: Run) -> None:
    send = (
        "  - each: OBR[*]-28[*]\n    to: gp_message\n    address: it.1\n    if_not_acknowledged_in: 1d\n"
        "    then: print_room\n  - to: archive\n"
    )

    assert [found.address for found in deadlines(run, send) if found] == ["Y06601", "Y06603", "Y06602"]


def test_an_entry_of_first_of_may_have_a_deadline(run: Run) -> None:
    send = (
        "  - first_of:\n      - when: PV1-9 is present\n        to: gp_message\n        address: PV1-9\n"
        "        if_not_acknowledged_in: 3d\n        then: duty_desk\n      - otherwise: {hold: none}\n"
    )

    assert deadlines(run, send) == [Deadline("acknowledged", 3 * DAY, "duty_desk", "")]


@pytest.mark.parametrize(
    ("one", "other", "kept"), [("2d", "1d", 1), ("1d", "2d", 1), ("", "1d", 1), ("2d", "", 2)]
)
def test_of_copies_that_merge_the_earliest_deadline_is_kept(
    run: Run, one: str, other: str, kept: int
) -> None:
    send = ""
    for wait in (one, other):
        send += "  - to: archive\n"
        if wait:
            send += f"    if_not_delivered_in: {wait}\n    then: duty_desk\n"

    assert deadlines(run, send) == [Deadline("delivered", kept * DAY, "duty_desk", "")]


def test_a_deadline_goes_with_a_copy_that_has_changes_of_its_own(run: Run) -> None:
    send = (
        "  - to: gp_message\n    address: PV1-9\n    if_not_acknowledged_in: 1d\n    then: print_room\n"
        "    change:\n      - set_text: {PV1-9: changed}\n"
    )

    assert deadlines(run, send) == [Deadline("acknowledged", DAY, "print_room", "Y06601")]
