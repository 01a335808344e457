"""`to: earlier_recipients`: a correction goes to everyone who was sent the original."""

from __future__ import annotations

from collections.abc import Callable

from routes.flow.decide import decide
from routes.flow.decision import Known
from routes.hl7.message import Message
from routes.language.plan import Plan
from routes.language.scope import Scope
from tests.routes.flow.orders import order

MakeSite = Callable[..., Plan]

ORU = order("OBR|1|P1|26L001", "OBX|1|NM|HB||63||||||C")
ENTRY = "  - to: earlier_recipients\n    same: [MSH-4, OBR-3.1]\n    when: any OBX[*]-11 = 'C'\n"
ROUTE = "route: r\nfrom: [lims]\nsend:\n{}  - to: archive\n"


def sent(
    site: Plan, earlier: tuple[tuple[str, str], ...], message: bytes = ORU
) -> list[tuple[str, str, int]]:
    route = decide(site, "lims", message, Known(0, earlier=earlier)).routes[0]
    return [(copy.channel, copy.address, copy.merged) for copy in route.copies]


def test_everyone_who_had_the_original_gets_the_correction(make_site: MakeSite) -> None:
    site = make_site(ROUTE.format(ENTRY))

    assert sent(site, (("gp_message", "Y06601"), ("duty_desk", ""))) == [
        ("gp_message", "Y06601", 0),
        ("duty_desk", "", 0),
        ("archive", "", 0),
    ]


def test_where_there_was_no_original_or_no_correction_nothing_more_is_sent(make_site: MakeSite) -> None:
    site = make_site(ROUTE.format(ENTRY))

    assert sent(site, ()) == [("archive", "", 0)]
    final = ORU.replace(b"||||||C", b"||||||F")
    assert sent(site, (("gp_message", "Y06601"),), final) == [("archive", "", 0)]


def test_who_gets_it_anyway_gets_it_once(make_site: MakeSite) -> None:
    site = make_site(ROUTE.format("  - to: gp_message\n    address: \"'Y06601'\"\n" + ENTRY))

    assert sent(site, (("gp_message", "Y06601"), ("archive", ""), ("archive", ""))) == [
        ("gp_message", "Y06601", 1),
        ("archive", "", 2),
    ]


def test_who_cannot_be_reached_any_more_takes_the_else_and_the_others_get_it(make_site: MakeSite) -> None:
    gone = (
        ("fax", ""),
        ("gp_message", "Y99999"),
        ("duty_desk", "Y06601"),
        ("gp_message", ""),
        ("duty_desk", ""),
    )
    site = make_site(ROUTE.format(ENTRY))
    route = decide(site, "lims", ORU, Known(0, earlier=gone)).routes[0]

    assert [copy.channel for copy in route.copies] == ["duty_desk", "archive"]
    assert [(held.tray, held.entry) for held in route.held] == [("unknown_address", True)]

    warned = make_site(ROUTE.format(ENTRY + '    else: {warn: "An earlier recipient is gone"}\n'))
    route = decide(warned, "lims", ORU, Known(0, earlier=gone)).routes[0]
    assert not route.held
    assert [warning.words for warning in route.warnings] == ["An earlier recipient is gone"]


def test_the_entrys_own_change_and_check_are_for_these_copies_alone(make_site: MakeSite) -> None:
    own = (
        "    change:\n      - set_text: {MSH-5: EARLIER}\n    check:\n      - that: OBX-5 = '63'\n"
        "        else: {hold: odd}\n"
    )
    site = make_site(ROUTE.format(ENTRY + own))
    known = Known(0, earlier=(("gp_message", "Y06601"),))
    first, archive = decide(site, "lims", ORU, known).routes[0].copies

    assert b"|EARLIER|" in first.body
    assert archive.body is ORU
    held = decide(site, "lims", ORU.replace(b"||63|", b"||64|"), known).routes[0]
    assert [each.tray for each in held.held] == ["odd"]
    assert [copy.channel for copy in held.copies] == ["archive"]


def test_the_plan_says_by_which_texts_an_earlier_message_is_the_same_one(make_site: MakeSite) -> None:
    route = make_site(ROUTE.format(ENTRY)).feeds["lims"].routes[0]
    scope = Scope(Message.parse(ORU))

    (same,) = route.same
    assert same.paths == ("MSH-4", "OBR-3.1")
    assert [read(scope) for read in same.reads] == ["NFD", "26L001"]


def test_a_correction_that_was_split_goes_to_earlier_recipients_piece_by_piece(make_site: MakeSite) -> None:
    split = ROUTE.replace("send:", "change:\n  - split: OBR\nsend:").format(ENTRY)
    message = order("OBR|1|P1|L1", "OBX|1|NM|HB||63||||||C", "OBR|2|P2|L2", "OBX|1|NM|HB||63||||||F")
    known = Known(0, earlier=(("gp_message", "Y06601"),))
    copies = decide(make_site(split), "lims", message, known).routes[0].copies

    assert [(copy.channel, copy.piece) for copy in copies] == [
        ("gp_message", "1"),
        ("archive", "1"),
        ("archive", "2"),
    ]


def test_every_message_leaves_a_digest_and_only_those_that_would_go_on_ask(make_site: MakeSite) -> None:
    site = make_site(ROUTE.format(ENTRY))
    correction = decide(site, "lims", ORU, Known(0))
    final = decide(site, "lims", ORU.replace(b"||||||C", b"||||||F"), Known(0))
    other = decide(site, "lims", ORU.replace(b"26L001", b"26L002"), Known(0))

    assert len(correction.same[0]) == 32
    assert correction.same == final.same != other.same
    assert correction.asked == (("r", correction.same[0]),)
    assert final.asked == ()
    plain = decide(make_site(ROUTE.format("")), "lims", ORU, Known(0))
    assert (plain.same, plain.asked) == ((), ())


def test_the_digest_tells_fields_apart_not_only_their_values(make_site: MakeSite) -> None:
    message = order("OBR|1|26L001|26L001", "OBX|1|NM|HB||63||||||C")
    by_filler = decide(make_site(ROUTE.format(ENTRY)), "lims", message, Known(0))
    by_placer = decide(
        make_site(ROUTE.format(ENTRY.replace("OBR-3.1", "OBR-2.1"))), "lims", message, Known(0)
    )

    assert by_filler.same != by_placer.same


def test_what_the_engine_found_for_a_route_and_its_values_is_for_that_route(make_site: MakeSite) -> None:
    other = ROUTE.replace("route: r", "route: s").format(ENTRY)
    site = make_site(ROUTE.format(ENTRY), other)
    digest = decide(site, "lims", ORU, Known(0)).same[0]
    known = Known(0, earlier_of={("s", digest): (("gp_message", "Y06601"),), ("r", "0" * 32): (("fax", ""),)})
    first, second = decide(site, "lims", ORU, known).routes

    assert [copy.channel for copy in first.copies] == ["archive"]
    assert [copy.channel for copy in second.copies] == ["gp_message"]
    assert not first.held


def test_without_one_of_the_fields_nobody_is_known_and_that_is_said(make_site: MakeSite) -> None:
    site = make_site(ROUTE.format(ENTRY))
    for filler in (b"", b'""', b" "):
        message = ORU.replace(b"26L001", filler)
        decision = decide(site, "lims", message, Known(0, earlier=(("gp_message", "Y06601"),)))

        assert (decision.same, decision.asked) == ((), ())
        assert [copy.channel for copy in decision.routes[0].copies] == ["archive"]
        (finding,) = decision.routes[0].warnings
        assert "one of MSH-4, OBR-3.1 is absent" in finding.words
        assert finding.where.startswith("routes/r.yaml:")


def test_fields_that_tell_nothing_apart_send_nothing_to_strangers(make_site: MakeSite) -> None:
    site = make_site(ROUTE.format(ENTRY))
    digest = decide(site, "lims", ORU, Known(0)).same[0]
    strangers = tuple([("gp_message", f"Y{number:05}") for number in range(101)])
    route = decide(site, "lims", ORU, Known(0, earlier_of={("r", digest): strangers})).routes[0]

    assert [copy.channel for copy in route.copies] == ["archive"]
    assert [(held.tray, held.entry) for held in route.held] == [("failed", True)]
    assert "do not tell messages apart" in route.held[0].reason


def test_a_rejected_message_leaves_nothing_to_be_found_by(make_site: MakeSite) -> None:
    check = "check:\n  - that: PID-3 is present\n    else: {reject: No}\nsend:"
    reject = ROUTE.replace("route: r", "route: s").format("").replace("send:", check)
    decision = decide(make_site(ROUTE.format(ENTRY), reject), "lims", ORU, Known(0))

    assert decision.rejected is not None
    assert (decision.same, decision.asked) == ((), ())
