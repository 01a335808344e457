"""The decision on one message: order, outcomes, merging, and that nothing is lost or guessed."""

from __future__ import annotations

from collections.abc import Callable
from typing import NoReturn

import pytest

from routes.flow.decide import decide
from routes.flow.decision import Decision, Known
from routes.hl7.message import Message
from routes.language.plan import Plan, SiteFacts

MakeSite = Callable[..., Plan]
Run = Callable[..., Decision]

ORU = (
    b"MSH|^~\\&|LIMS|NFD|X|Y|20260105||ORU^R01|M1|P|2.3\rPID|1||L7^^^N^MR~9990000018^^^NHS^NH||TESTER^ANN\r"
    b"PV1|1||||||||||\rOBR|1||F12|FBC||||||||||||||||||||||||G1~G2~G1\rOBX|1|NM|HB^Hb^L||120|||HH|||F\r"
)
ARCHIVE = "route: r\nfrom: [lims]\nsend:\n  - to: archive\n"


def route(send: str, more: str = "", name: str = "r") -> str:
    return f"route: {name}\nfrom: [lims]\n{more}send:\n{send}\n"


def sent(decision: Decision) -> list[tuple[str, str]]:
    return [(copy.channel, copy.address) for part in decision.routes for copy in part.copies]


def test_an_untouched_message_goes_out_as_the_very_bytes_that_came_in(run: Run) -> None:
    assert run(ARCHIVE, ORU).routes[0].copies[0].body is ORU


def test_bytes_without_a_header_are_held_before_routing(run: Run) -> None:
    decision = run(ARCHIVE, b"PID|1||CANARY\r")

    assert decision.held_before_routing is not None
    assert decision.held_before_routing.tray == "unreadable"
    assert decision.routes == ()
    assert "CANARY" not in repr(decision)


def test_a_message_that_accept_does_not_want_is_counted_by_its_rule(run: Run) -> None:
    decision = run(route("  - to: archive", "accept:\n  - that: MSH-9.1 = 'ADT'\n    rule: not_adt\n"), ORU)

    assert decision.routes[0].not_wanted is not None
    assert decision.routes[0].not_wanted.rule == "not_adt"
    assert sent(decision) == []
    assert not decision.wanted


def test_a_feed_that_the_site_does_not_know_is_held_and_not_lost(make_site: MakeSite) -> None:
    held = decide(make_site(ARCHIVE), "other", ORU, Known(0)).held_before_routing

    assert held is not None
    assert held.tray == "failed"


def test_checks_hold_warn_and_reject_in_their_order(run: Run) -> None:
    checks = (
        "check:\n  - that: PID-8 is present\n    else: {warn: No sex}\n"
        "  - unless: OBX-8 = 'HH'\n    when: MSH-9.1 = 'ORU'\n    else: {hold: critical}\n"
        "  - that: PID-30 = 'N'\n    else: {reject: Deceased}\n"
    )
    part = run(route("  - to: archive", checks), ORU).routes[0]

    assert [warning.words for warning in part.warnings] == ["No sex"]
    assert [(held.tray, held.reason, held.where) for held in part.held] == [
        ("critical", "true: OBX-8 = 'HH'", "routes/r.yaml:6")
    ]
    assert part.rejected is None
    assert part.copies == ()


def test_a_check_with_when_is_asked_only_where_it_is_true(run: Run) -> None:
    checks = "check:\n  - that: PID-8 is present\n    when: MSH-9.1 = 'ADT'\n    else: {hold: no_sex}\n"

    assert sent(run(route("  - to: archive", checks), ORU)) == [("archive", "")]
    assert sent(run(route("  - to: archive", checks), ORU.replace(b"ORU", b"ADT"))) == []


def test_a_reject_anywhere_means_that_no_route_sends_or_holds_anything(make_site: MakeSite) -> None:
    site = make_site(
        route("  - to: archive", name="a"),
        route(
            "  - to: duty_desk", "check:\n  - that: PID-8 = 'F'\n    else: {reject: \"No sex given\"}\n", "b"
        ),
        route("  - to: duty_desk", "check:\n  - that: PID-8 = 'F'\n    else: {hold: odd}\n", "c"),
    )
    decision = decide(site, "lims", ORU, Known(0))

    assert decision.rejected is not None
    assert (decision.rejected.words, decision.rejected.where) == ("No sex given", "routes/b.yaml:4")
    assert sent(decision) == []
    assert all(part.held == () for part in decision.routes)


def test_each_route_works_on_its_own_copy(make_site: MakeSite) -> None:
    site = make_site(
        route("  - to: duty_desk", "change:\n  - set_text: {MSH-5: CHANGED}\n", "a"),
        route("  - to: archive", name="b"),
    )
    copies = [part.copies[0].body for part in decide(site, "lims", ORU, Known(0)).routes]

    assert b"|CHANGED|" in copies[0]
    assert copies[1] is ORU


def test_the_dialect_runs_first_then_guards_then_routes(make_site: MakeSite) -> None:
    guard = "guard: safe\ncheck:\n  - that: MSH-3 = 'NORTH'\n    else: {hold: not_north}\n"
    dialect = "dialect: north\nchange:\n  - set_text: {MSH-3: NORTH}\n"
    site = make_site(
        route("  - to: archive", "guards: [safe]\n"),
        dialect=dialect,
        guard=guard,
        feed={"guards": ("safe",)},
        settings=SiteFacts(guards=("safe",)),
    )
    decision = decide(site, "lims", ORU, Known(0))

    assert sent(decision) == [("archive", "")]
    assert decision.routes[0].copies[0].body.startswith(b"MSH|^~\\&|NORTH|")


@pytest.mark.parametrize("place", ["feed", "everywhere", "dialect"])
def test_a_hold_before_routing_stops_all_routes(make_site: MakeSite, place: str) -> None:
    check = "check:\n  - that: MSH-11 = 'T'\n    else: {hold: live}\n"
    site = make_site(
        route("  - to: archive"),
        guard=f"guard: safe\n{check}",
        dialect=f"dialect: north\n{check}" if place == "dialect" else "",
        feed={"guards": ("safe",)} if place == "feed" else {},
        settings=SiteFacts(guards=("safe",) if place == "everywhere" else ()),
    )
    decision = decide(site, "lims", ORU, Known(0))

    assert decision.held_before_routing is not None
    assert decision.held_before_routing.tray == "live"
    assert decision.routes == ()
    assert decision.keys["nhs_number"] == ("9990000018",), "a held message can be found"


def test_a_route_guard_holds_that_route_only(make_site: MakeSite) -> None:
    guard = "guard: safe\ncheck:\n  - that: MSH-11 = 'T'\n    else: {hold: live}\n"
    site = make_site(
        route("  - to: archive", "guards: [safe]\n", "a"), route("  - to: duty_desk", name="b"), guard=guard
    )
    decision = decide(site, "lims", ORU, Known(0))

    assert decision.routes[0].held[0].tray == "live"
    assert sent(decision) == [("duty_desk", "")]


def test_a_dialects_tables_stand_in_for_those_that_routes_name(run: Run) -> None:
    decision = run(
        route(
            "  - to: archive",
            "change:\n  - translate: OBX-3\n    using: lab_codes\n    into: {1: national_code}\n",
        ),
        ORU,
        dialect="dialect: north\ntables: {lab_codes: north_codes}\n",
    )

    assert b"OBX|1|NM|900^Hb^L|" in decision.routes[0].copies[0].body


def test_an_address_must_be_a_key_of_the_directory(run: Run) -> None:
    send = "  - to: gp_message\n    address: PV1-3.10\n  - to: archive"
    known = ORU.replace(b"PV1|1||", b"PV1|1||^^^^^^^^^Y06601")
    unknown = ORU.replace(b"PV1|1||", b"PV1|1||^^^^^^^^^y06601")

    assert sent(run(route(send), known)) == [("gp_message", "Y06601"), ("archive", "")]
    for message in (ORU, unknown, ORU.replace(b"PV1|1||", b'PV1|1||^^^^^^^^^""')):
        decision = run(route(send), message)
        assert sent(decision) == [("archive", "")]
        assert [(h.tray, h.entry) for h in decision.routes[0].held] == [("unknown_address", True)]


def test_a_directory_that_ignores_case_gives_the_address_as_it_writes_it(run: Run) -> None:
    message = ORU.replace(b"PV1|1||", b"PV1|1||^^^^^^^^^y06601")
    decision = run(
        route("  - to: gp_message\n    address: PV1-3.10"),
        message,
        tables={"tables/gp_directory.yaml": "case: ignore\n"},
    )

    assert sent(decision) == [("gp_message", "Y06601")]


def test_first_of_takes_exactly_one_and_else_belongs_to_the_entry(run: Run) -> None:
    send = (
        "  - first_of:\n      - when: OBX-8 = 'N'\n        to: duty_desk\n"
        "      - when: OBX-8 = 'HH'\n        to: gp_message\n        address: PV1-3.10\n"
        "        else: {hold: by_hand}\n"
        "      - when: OBX-8 is present\n        to: archive\n      - otherwise: {hold: nobody}"
    )
    decision = run(route(send), ORU)

    assert sent(decision) == []
    assert [held.tray for held in decision.routes[0].held] == ["by_hand"]
    assert [h.tray for h in run(route(send), ORU.replace(b"|HH|", b"||")).routes[0].held] == ["nobody"]
    assert sent(run(route(send), ORU.replace(b"|HH|", b"|L|"))) == [("archive", "")]


def test_otherwise_may_add_nothing_more_where_another_entry_always_sends(run: Run) -> None:
    send = (
        "  - first_of:\n      - when: OBX-8 = 'N'\n        to: duty_desk\n"
        "      - otherwise: nothing_more\n  - to: archive"
    )

    assert sent(run(route(send), ORU)) == [("archive", "")]


@pytest.mark.parametrize(("ends", "warned"), [(b"\n", True), (b"\r\n", True), (b"\r", False)])
def test_line_feeds_on_a_feed_that_takes_cr_alone_are_pointed_out(
    run: Run, ends: bytes, warned: bool
) -> None:
    decision = run(route("  - to: archive"), ORU.replace(b"\r", ends))

    assert [w.where for w in decision.warnings] == (["feeds.yaml"] if warned else [])


def test_the_when_of_an_each_entry_is_asked_for_each_element(run: Run) -> None:
    send = (
        "  - each: OBR[*]-28[*]\n    when: gp_directory[gp_of_doctor[it.1].practice].accepts = 'paper'\n"
        "    to: print_room\n    address: gp_of_doctor[it.1].practice\n  - to: archive"
    )

    assert sent(run(route(send), ORU)) == [("print_room", "Y06602"), ("archive", "")]


def test_each_makes_one_copy_for_each_and_equal_ones_merge(run: Run) -> None:
    send = (
        "  - each: OBR[*]-28[*]\n    to: gp_message\n    address: gp_of_doctor[it.1].practice\n"
        "    else: {warn: Doctor unknown}\n  - to: archive"
    )
    part = run(route(send), ORU.replace(b"G1~G2~G1", b"G1~G2~G1~G3~")).routes[0]

    assert [(c.channel, c.address, c.merged) for c in part.copies] == [
        ("gp_message", "Y06601", 1),
        ("gp_message", "Y06602", 0),
        ("archive", "", 0),
    ]
    assert [warning.words for warning in part.warnings] == ["Doctor unknown"]
    assert sent(run(route(send), ORU.replace(b"G1~G2~G1", b""))) == [("archive", "")]


def test_copies_of_two_routes_to_one_place_merge_where_they_are_equal(make_site: MakeSite) -> None:
    site = make_site(route("  - to: archive", name="a"), route("  - to: archive", name="b"))
    first, second = decide(site, "lims", ORU, Known(0)).routes

    assert [(c.channel, c.merged) for c in first.copies] == [("archive", 1)]
    assert second.copies == ()
    assert second.nothing_more


def test_copies_that_differ_are_not_both_sent_and_the_second_is_held(make_site: MakeSite) -> None:
    site = make_site(
        route("  - to: archive", name="a"),
        route("  - to: archive", "change:\n  - set_text: {MSH-5: B}\n", "b"),
    )
    decision = decide(site, "lims", ORU, Known(0))

    assert sent(decision) == [("archive", "")]
    assert decision.routes[0].copies[0].body is ORU
    assert [(h.tray, h.entry) for h in decision.routes[1].held] == [("conflicting_copies", True)]


def test_a_send_entrys_own_change_and_check_are_for_that_copy_alone(run: Run) -> None:
    send = (
        "  - to: duty_desk\n    change:\n      - set_text: {MSH-5: DESK}\n"
        "    check:\n      - that: MSH-5 = 'DESK'\n        else: {hold: odd}\n"
        "  - to: gp_message\n    address: \"'Y06601'\"\n"
        "    check:\n      - that: MSH-5 = 'DESK'\n        else: {hold: odd}\n  - to: archive"
    )
    part = run(route(send), ORU).routes[0]

    assert [copy.channel for copy in part.copies] == ["duty_desk", "archive"]
    assert b"|DESK|" in part.copies[0].body
    assert part.copies[1].body is ORU
    assert [(h.tray, h.entry) for h in part.held] == [("odd", True)]


def test_an_unexpected_failure_holds_that_route_only_and_says_where(
    make_site: MakeSite, monkeypatch: pytest.MonkeyPatch
) -> None:
    site = make_site(
        route("  - to: duty_desk", "change:\n  - set_text: {MSH-5: X9}\n", "a"),
        route("  - to: archive", name="b"),
    )

    def fail(*_: object) -> NoReturn:
        raise ZeroDivisionError("CANARY")

    monkeypatch.setattr(Message, "set_field", fail)
    decision = decide(site, "lims", ORU, Known(0))
    held = decision.routes[0].held[0]

    assert (held.tray, held.where) == ("failed", "routes/a.yaml:4")
    assert held.reason == "the route failed unexpectedly (ZeroDivisionError)"
    assert sent(decision) == [("archive", "")]


def test_an_unexpected_failure_in_the_dialect_holds_the_message_before_routing(
    make_site: MakeSite, monkeypatch: pytest.MonkeyPatch
) -> None:
    site = make_site(ARCHIVE, dialect="dialect: north\nchange:\n  - set_text: {MSH-5: X9}\n")

    def fail(*_: object) -> NoReturn:
        raise MemoryError("CANARY")

    monkeypatch.setattr(Message, "set_field", fail)
    held = decide(site, "lims", ORU, Known(0)).held_before_routing

    assert held is not None
    assert (held.tray, held.where) == ("failed", "dialects/north.yaml:3")
    assert "CANARY" not in held.reason


def test_keys_are_what_the_message_can_be_found_by(run: Run) -> None:
    message = ORU.replace(b"|1||L7^^^N^MR", b"|1|999 000 0026|L7^^^N^MR~9990000034^^^^NHS~123").replace(
        b"OBR|1||F12|", b"ORC|RE||F13\rOBR|1||F12^LAB|"
    )

    assert run(ARCHIVE, message).keys == {
        "nhs_number": ("9990000034", "9990000018", "9990000026"),
        "patient": ("L7", "123"),
        "order": ("F12", "F13"),
    }


def test_a_message_given_as_an_object_is_not_changed(make_site: MakeSite) -> None:
    site = make_site(ARCHIVE, dialect="dialect: north\nchange:\n  - set_text: {MSH-5: Z}\n")
    message = Message.parse(ORU)

    decide(site, "lims", message, Known(0))

    assert not message.changed
