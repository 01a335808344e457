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

    assert [tuple(read(scope) for read in reads) for reads in route.same] == [("NFD", "26L001")]


def test_a_correction_that_was_split_goes_to_earlier_recipients_piece_by_piece(make_site: MakeSite) -> None:
    split = ROUTE.replace("send:", "change:\n  - split: OBR\nsend:").format(ENTRY)
    message = order("OBR|1|P1", "OBX|1|NM|HB||63||||||C", "OBR|2|P2", "OBX|1|NM|HB||63||||||F")
    known = Known(0, earlier=(("gp_message", "Y06601"),))
    copies = decide(make_site(split), "lims", message, known).routes[0].copies

    assert [(copy.channel, copy.piece) for copy in copies] == [
        ("gp_message", "1"),
        ("archive", "1"),
        ("archive", "2"),
    ]
