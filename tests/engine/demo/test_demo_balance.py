"""The demo's balance: equal countings balance, and one message missing anywhere does not."""

from __future__ import annotations

import pytest

from engine.demo.balance import Balance, Got, draw_up
from engine.demo.senders import Sent

TALLIES = {
    ("feed", "lims", "accepted"): 11,
    ("feed", "lims", "decided"): 9,
    ("feed", "lims", "held"): 1,
    ("feed", "lims", "duplicate"): 1,
    ("route", "results", "entered"): 9,
    ("route", "results", "sent"): 6,
    ("route", "results", "held"): 1,
    ("route", "results", "rejected"): 2,
    ("channel", "gp", "made"): 7,
    ("channel", "gp", "delivered"): 6,
    ("channel", "gp", "parked"): 1,
    ("tray", "no_number", "held"): 2,
    ("journal", "events", "appended"): 60,
}
ANSWERS = {f"c{number}": "AA" for number in range(8)} | {"c8": "AE", "c9": "AE"}
SENT = {"lims": Sent(accepted=8, errors=2, again=1, answers=ANSWERS, tried=set(ANSWERS))}
TAKEN = {"lims": {control: "ok" if code == "AA" else "error" for control, code in ANSWERS.items()}}
GOT = (Got(("gp",), 6, 1, "received by practices"),)


def test_equal_countings_balance_and_are_summed_up() -> None:
    balance = draw_up(SENT, TAKEN, TALLIES, TALLIES, GOT)

    assert [entry.what for entry in balance.entries if not entry.good] == []
    assert balance.good
    assert balance == Balance(
        balance.entries,
        sent=10,
        accepted=11,
        elsewhere=0,
        copies=7,
        arrived=6,
        held=2,
        repeats=1,
        still_open=0,
    )


TOTALS = ("accepted", "entered", "made")


@pytest.mark.parametrize("key", [key for key in TALLIES if key[2] in TOTALS])
def test_a_counter_that_forgot_one_message_does_not_balance(key: tuple[str, str, str]) -> None:
    assert not draw_up(SENT, TAKEN, TALLIES | {key: TALLIES[key] - 1}, TALLIES, GOT).good


@pytest.mark.parametrize(
    "key", [key for key in TALLIES if key[0] in ("feed", "route", "channel") and key[2] not in TOTALS]
)
def test_rows_that_are_one_short_do_not_balance(key: tuple[str, str, str]) -> None:
    assert not draw_up(SENT, TAKEN, TALLIES, TALLIES | {key: TALLIES[key] - 1}, GOT).good


def test_a_practice_that_got_one_less_does_not_balance() -> None:
    assert not draw_up(SENT, TAKEN, TALLIES, TALLIES, (Got(("gp",), 5, 1, "received by practices"),)).good


def test_an_acknowledged_message_that_the_journal_does_not_know_does_not_balance() -> None:
    known = {control: verdict for control, verdict in TAKEN["lims"].items() if control != "c3"}

    assert not draw_up(SENT, {"lims": known}, TALLIES, TALLIES, GOT).good


def test_a_verdict_that_differs_from_what_the_hospital_was_told_does_not_balance() -> None:
    other = TAKEN["lims"] | {"c8": "ok"}

    assert not draw_up(SENT, {"lims": other}, TALLIES, TALLIES, GOT).good


def test_what_is_still_on_its_way_is_said_and_is_not_good() -> None:
    late = TALLIES | {("channel", "gp", "parked"): 0, ("channel", "gp", "queued"): 1}

    balance = draw_up(SENT, TAKEN, late, late, GOT)

    assert balance.still_open == 1
    assert not balance.good


def test_a_message_that_was_taken_and_whose_answer_was_never_seen_is_nobodys_fault() -> None:
    unseen = {"lims": Sent(accepted=8, errors=2, unanswered=1, answers=ANSWERS, tried={*ANSWERS, "c10"})}
    balance = draw_up(unseen, {"lims": TAKEN["lims"] | {"c10": "ok"}}, TALLIES, TALLIES, GOT)

    assert balance.good
    assert balance.elsewhere == 0


def test_messages_that_others_sent_are_told_apart() -> None:
    balance = draw_up(SENT, {"lims": TAKEN["lims"] | {"guest": "ok"}}, TALLIES, TALLIES, GOT)

    assert balance.good
    assert balance.elsewhere == 1
