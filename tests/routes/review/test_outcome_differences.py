"""What was decided then is held against what would be decided now, and told in a few words."""

from __future__ import annotations

import pytest

from routes.flow.decision import Copy, Decision, Finding, Held, NotWanted, Rejected, RouteDecision
from routes.review.field_differences import FieldDifference
from routes.review.outcome_differences import (
    Change,
    Made,
    Outcome,
    Trayed,
    as_outcome,
    compare,
    warning_words,
)

ONE = b"MSH|^~\\&|A|B|C|D|20260105||ORU^R01|1|P|2.4\r"
TWO = ONE.replace(b"|D|", b"|E|")


def sent(*copies: str, body: bytes = ONE, route: str = "results") -> tuple[Made, ...]:
    """Copies as `channel@address/piece`."""
    found = []
    for text in copies:
        where, _, piece = text.partition("/")
        channel, _, address = where.partition("@")
        found.append(Made(channel, address, body, piece, route))
    return tuple(found)


def held(tray: str, reason: str = "why", route: str = "results", piece: str = "") -> tuple[Trayed, ...]:
    return (Trayed(tray, reason, route, piece),)


@pytest.mark.parametrize(
    ("then", "now", "kind"),
    [
        (Outcome(sent("print_room@Y1", "archive")), Outcome(sent("gp@Y1", "archive")), "print_room → gp"),
        (Outcome(sent("gp@Y1", "archive")), Outcome(held=held("no_practice")), "sent → held"),
        (Outcome(held=held("no_practice")), Outcome(sent("gp@Y1")), "held → sent"),
        (
            Outcome(sent("gp@Y1", "archive")),
            Outcome(sent("archive"), held("no_practice")),
            "gp → held",
        ),
        (Outcome(sent("archive"), held("no_practice")), Outcome(sent("gp@Y1", "archive")), "held → gp"),
        (Outcome(sent("gp@Y1")), Outcome(sent("gp@Y2")), "gp: other address"),
        (Outcome(sent("gp@Y1")), Outcome(sent("gp@Y1", "duty_desk")), "also to duty_desk"),
        (Outcome(sent("gp@Y1", "archive")), Outcome(sent("gp@Y1")), "no longer to archive"),
        (Outcome(sent("gp@Y1")), Outcome(sent("gp@Y1"), held("by_hand")), "also held"),
        (Outcome(sent("gp@Y1")), Outcome(sent("gp@Y1", body=TWO)), "other content to gp"),
        (Outcome(sent("gp@Y1")), Outcome(rejected="no"), "sent → rejected"),
        (Outcome(rejected="no"), Outcome(rejected="never"), "rejected with other words"),
        (Outcome(not_wanted=(("results", "a"),)), Outcome(sent("gp@Y1")), "not wanted → sent"),
        (
            Outcome(not_wanted=(("results", "a"),)),
            Outcome(not_wanted=(("results", "b"),)),
            "not wanted by another rule",
        ),
        (Outcome(held=held("a")), Outcome(held=held("b")), "held in a → held in b"),
        (Outcome(held=held("a")), Outcome(held=held("a", "another reason")), "held in a: other reason"),
        (Outcome(sent("gp@Y1"), warnings=("x",)), Outcome(sent("gp@Y1")), "other warnings"),
        (Outcome(sent("gp@Y1")), Outcome(), "sent → sent nowhere"),
    ],
)
def test_a_difference_is_told_in_a_few_words(then: Outcome, now: Outcome, kind: str) -> None:
    difference = compare(then, now)
    assert difference is not None
    assert difference.kind == kind
    back = compare(now, then)
    assert back is not None, "a difference is one in both directions"


@pytest.mark.parametrize(
    "outcome",
    [
        Outcome(),
        Outcome(sent("gp@Y1/1", "gp@Y1/2", "archive"), held("a"), warnings=("x", "x")),
        Outcome(rejected="no", held=held("a")),
        Outcome(not_wanted=(("results", "a"),)),
    ],
)
def test_the_same_outcome_is_no_difference(outcome: Outcome) -> None:
    assert compare(outcome, outcome) is None


def test_the_order_of_copies_trays_and_warnings_makes_no_difference() -> None:
    then = Outcome(sent("gp@Y1", "archive"), (*held("a"), *held("b")), warnings=("x", "y"))
    now = Outcome(sent("archive", "gp@Y1"), (*held("b"), *held("a")), warnings=("y", "x"))
    assert compare(then, now) is None


def test_copies_are_paired_by_channel_address_and_piece() -> None:
    then = Outcome((*sent("gp@Y1/1", body=ONE), *sent("gp@Y1/2", body=TWO)))
    now = Outcome((*sent("gp@Y1/2", body=TWO), *sent("gp@Y1/1", body=ONE)))
    assert compare(then, now) is None


def test_pieces_that_were_not_recorded_are_paired_in_order() -> None:
    then = Outcome((*sent("gp@Y1", body=ONE), *sent("gp@Y1", body=TWO)))
    now = Outcome((*sent("gp@Y1/1", body=ONE), *sent("gp@Y1/2", body=TWO)))
    assert compare(then, now) is None
    swapped = compare(then, Outcome((*sent("gp@Y1/1", body=TWO), *sent("gp@Y1/2", body=ONE))))
    assert swapped is not None
    assert swapped.kind == "other content to gp"


def test_a_copy_that_moved_is_compared_too() -> None:
    difference = compare(Outcome(sent("print_room@Y1")), Outcome(sent("gp@Y1", body=TWO)))
    assert difference is not None
    assert difference.changes == (
        Change("copy", "print_room @ Y1", "gp @ Y1", (FieldDifference("MSH-6", "D", "E"),)),
    )
    assert difference.details == ("MSH-6",)


def test_what_is_counted_over_a_group_names_no_occurrence() -> None:
    rows = [b"OBX|1|NM|A^B~C", b"OBX|2|NM|A^B~C"]
    before, after = (ONE + b"".join(row.replace(b"^B", by) + b"\r" for row in rows) for by in (b"^B", b"^D"))
    difference = compare(Outcome(sent("gp@Y1", body=before)), Outcome(sent("gp@Y1", body=after)))
    assert difference is not None
    assert [place.path for place in difference.changes[0].fields] == ["OBX[1]-3[1].2", "OBX[2]-3[1].2"]
    assert difference.details == ("OBX-3.2",)


def test_trays_of_one_piece_belong_together() -> None:
    then = Outcome(held=(*held("a", piece="1"), *held("b", piece="2")))
    now = Outcome(held=(*held("c", piece="2"), *held("a", piece="1")))
    difference = compare(then, now)
    assert difference is not None
    assert [(change.before, change.after) for change in difference.changes] == [
        ("b, piece 2 (why)", "c, piece 2 (why)")
    ]
    assert difference.details == ("b → c",)


def test_which_route_holds_is_no_difference_and_which_rule_is() -> None:
    assert compare(Outcome(held=held("a", route="one")), Outcome(held=held("a", route="two"))) is None


def test_only_one_route_is_looked_at_where_it_is_asked_for() -> None:
    then = Outcome((*sent("gp@Y1"), *sent("letters", route="letters")))
    now = Outcome((*sent("gp@Y1"), *sent("letters", route="letters", body=TWO)))
    assert compare(then, now, routes={"results"}) is None
    other = compare(then, now, routes={"letters"})
    assert other is not None
    assert other.kind == "other content to letters"
    assert compare(Outcome(held=held("a", route="")), then, routes={"results"}) is not None
    assert compare(then, Outcome(rejected="no"), routes={"results"}) is not None


def test_a_copy_that_merged_into_another_routes_is_still_there() -> None:
    then = Outcome((*sent("archive", route="letters"), *sent("gp@Y1")))
    now = Outcome((*sent("archive"), *sent("gp@Y1")))
    for route in ("letters", "results"):
        assert compare(then, now, routes={route}) is None
    lost = compare(then, Outcome(sent("gp@Y1")), routes={"letters"})
    assert lost is not None
    assert lost.kind == "sent → sent nowhere"


def test_a_warning_of_another_routes_file_is_not_this_routes() -> None:
    then = Outcome(sent("gp@Y1"), warnings=("routes/letters.yaml: x", "dialects/a.yaml: y"))
    now = Outcome(sent("gp@Y1"), warnings=("dialects/a.yaml: y",))
    assert compare(then, now, routes={"results"}) is None
    assert compare(then, now, routes={"letters"}) is not None


def test_a_decision_is_told_as_the_journal_would() -> None:
    decision = Decision(
        (
            RouteDecision(
                "results",
                (Copy("gp", "Y1", ONE, 1, "2"),),
                (Held("by_hand", "why", "routes/results.yaml:12", True, "1"),),
                warnings=(Finding("odd", "routes/results.yaml:9"),),
            ),
            RouteDecision("letters", not_wanted=NotWanted("not_a_letter")),
        ),
        warnings=(Finding("line feeds", "feeds.yaml"),),
    )
    assert as_outcome(decision) == Outcome(
        sent("gp@Y1/2"),
        held("by_hand", piece="1"),
        None,
        (("letters", "not_a_letter"),),
        ("feeds.yaml: line feeds", "routes/results.yaml: odd"),
    )
    assert as_outcome(Decision(held_before_routing=Held("a", "why"))).held == held("a", route="")
    rejected = Decision((RouteDecision("results", (Copy("gp", "Y1", ONE),)),), rejected=Rejected("no"))
    assert as_outcome(rejected) == Outcome(rejected="no")


@pytest.mark.parametrize(
    ("recorded", "words"),
    [
        ("routes/a.yaml:12: A code is unknown", "routes/a.yaml: A code is unknown"),
        ("feeds.yaml: a line feed", "feeds.yaml: a line feed"),
        ("A code is unknown: look", "A code is unknown: look"),
        ("plain", "plain"),
    ],
)
def test_a_line_that_moved_makes_no_difference_in_warnings(recorded: str, words: str) -> None:
    assert warning_words(recorded) == words
