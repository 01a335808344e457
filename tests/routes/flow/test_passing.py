"""`pass_to`: the message goes on to another route, nothing is lost on the way, and equal copies merge."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass, field

from hypothesis import given, settings
from hypothesis import strategies as st

from routes.flow.decide import decide
from routes.flow.decision import Decision, Known
from routes.language.plan import ChannelFacts, FeedFacts, Plan, SiteFacts, compile_plan
from routes.language.problems import Problems
from tests.routes.flow.orders import order

MakeSite = Callable[..., Plan]

ORU = order("PID|1||9990001006", "OBR|1|P1", "OBX|1|NM|HB||62", "OBR|2|P2", "OBX|1|NM|NA||140")


def route(name: str, send: str, more: str = "", feed: str = "from: [lims]\n") -> str:
    return f"route: {name}\n{feed}{more}send:\n{send}\n"


def second(name: str, send: str, more: str = "") -> str:
    """A route that no feed leads to."""
    return route(name, send, more, "")


def decided(site: Plan, message: bytes = ORU) -> Decision:
    return decide(site, "lims", message, Known(0))


def copies(decision: Decision) -> list[tuple[str, str, int]]:
    """(route, channel, merged) of every copy."""
    return [(part.route, copy.channel, copy.merged) for part in decision.routes for copy in part.copies]


def test_the_next_route_has_the_message_as_the_first_one_left_it(make_site: MakeSite) -> None:
    site = make_site(
        route("a", "  - pass_to: b\n  - to: archive", "change:\n  - set_text: {MSH-5: A}\n"),
        second("b", "  - to: duty_desk", "change:\n  - set: {MSH-6: \"MSH-5 & 'B'\"}\n"),
    )
    first, then = decided(site).routes

    assert (first.route, first.passed_to, first.via) == ("a", ("b",), "")
    assert (then.route, then.via) == ("b", "a")
    assert first.copies[0].body.startswith(rb"MSH|^~\&|LIMS|NFD|A|Y|")
    assert then.copies[0].body.startswith(rb"MSH|^~\&|LIMS|NFD|A|AB|")


def test_what_nobody_changes_is_passed_on_as_the_very_bytes(make_site: MakeSite) -> None:
    site = make_site(route("a", "  - pass_to: b"), second("b", "  - to: archive"))

    assert decided(site).routes[1].copies[0].body is ORU


def test_an_entrys_own_change_and_check_are_for_what_is_passed_alone(make_site: MakeSite) -> None:
    entry = (
        "  - pass_to: b\n    change:\n      - set_text: {MSH-5: B}\n    check:\n      - that: MSH-5 = 'B'\n"
        "        else: {hold: odd}\n  - to: archive"
    )
    site = make_site(route("a", entry), second("b", "  - to: duty_desk"))
    first, then = decided(site).routes

    assert first.copies[0].body is ORU
    assert b"|B|" in then.copies[0].body


def test_a_check_of_the_entry_that_holds_holds_that_entry_only(make_site: MakeSite) -> None:
    check = "    check:\n      - that: PID-8 is present\n        else: {hold: no_sex}\n"
    entry = f"  - pass_to: b\n{check}  - to: archive"
    site = make_site(route("a", entry), second("b", "  - to: duty_desk"))
    decision = decided(site)

    assert [part.route for part in decision.routes] == ["a"]
    assert [(held.tray, held.entry) for held in decision.routes[0].held] == [("no_sex", True)]
    assert copies(decision) == [("a", "archive", 0)]


def test_when_decides_whether_it_is_passed_on(make_site: MakeSite) -> None:
    site = make_site(
        route("a", "  - pass_to: b\n    when: PID-8 = 'F'\n  - to: archive"), second("b", "  - to: duty_desk")
    )

    assert copies(decided(site)) == [("a", "archive", 0)]


def test_the_next_route_has_guards_accept_and_checks_of_its_own(make_site: MakeSite) -> None:
    guard = "guard: safe\ncheck:\n  - that: MSH-11 = 'T'\n    else: {hold: live}\n"
    site = make_site(
        route("a", "  - pass_to: b\n  - pass_to: c"),
        second("b", "  - to: archive", "guards: [safe]\n"),
        second("c", "  - to: archive", "accept:\n  - that: MSH-9.1 = 'ADT'\n    rule: not_adt\n"),
        guard=guard,
    )
    _, held, unwanted = decided(site).routes

    assert [each.tray for each in held.held] == ["live"]
    assert unwanted.not_wanted is not None
    assert unwanted.not_wanted.rule == "not_adt"


def test_routes_follow_the_one_that_passed_to_them_before_the_next_of_the_feed(make_site: MakeSite) -> None:
    site = make_site(
        route("a", "  - pass_to: z\n  - pass_to: y"),
        route("b", "  - to: archive"),
        second("y", "  - to: archive"),
        second("z", "  - pass_to: x"),
        second("x", "  - to: archive"),
    )

    assert [(part.route, part.via) for part in decided(site).routes] == [
        ("a", ""), ("z", "a"), ("x", "z"), ("y", "a"), ("b", ""),
    ]  # fmt: skip


def test_first_of_may_choose_a_route(make_site: MakeSite) -> None:
    send = (
        "  - first_of:\n      - when: PID-8 = 'F'\n        to: archive\n      - when: PID-3 is present\n"
        "        pass_to: b\n      - otherwise: {hold: odd}"
    )
    site = make_site(route("a", send), second("b", "  - to: duty_desk"))

    assert copies(decided(site)) == [("b", "duty_desk", 0)]


def test_equal_copies_of_two_routes_merge_into_the_first(make_site: MakeSite) -> None:
    site = make_site(
        route("a", "  - to: archive\n  - pass_to: b"), second("b", "  - to: archive\n  - to: duty_desk")
    )

    assert copies(decided(site)) == [("a", "archive", 1), ("b", "duty_desk", 0)]


def test_copies_that_differ_are_not_both_sent_and_the_second_is_held(make_site: MakeSite) -> None:
    site = make_site(
        route("a", "  - to: archive\n  - pass_to: b"),
        second("b", "  - to: archive", "change:\n  - set_text: {MSH-5: B}\n"),
    )
    first, then = decided(site).routes

    assert [copy.channel for copy in first.copies] == ["archive"]
    assert not then.copies
    assert [(held.tray, held.entry) for held in then.held] == [("conflicting_copies", True)]


def test_a_reject_in_a_route_that_was_passed_to_stops_every_route(make_site: MakeSite) -> None:
    site = make_site(
        route("a", "  - to: archive\n  - pass_to: b"),
        second("b", "  - to: duty_desk", "check:\n  - that: PID-8 = 'F'\n    else: {reject: \"No sex\"}\n"),
    )
    decision = decided(site)

    assert decision.rejected is not None
    assert decision.rejected.words == "No sex"
    assert copies(decision) == []


def test_a_route_that_holds_passes_nothing_on(make_site: MakeSite) -> None:
    site = make_site(
        route("a", "  - pass_to: b", "check:\n  - that: PID-8 = 'F'\n    else: {hold: no_sex}\n"),
        second("b", "  - to: duty_desk"),
    )

    assert [part.route for part in decided(site).routes] == ["a"]


def test_what_is_passed_on_twice_unchanged_enters_once(make_site: MakeSite) -> None:
    site = make_site(
        route("a", "  - pass_to: b\n    when: MSH-9.1 = 'ORU'\n  - pass_to: b"),
        second("b", "  - to: archive"),
    )

    assert [part.route for part in decided(site).routes] == ["a", "b"]


def test_a_route_of_the_feed_that_is_passed_to_as_well_is_entered_twice(make_site: MakeSite) -> None:
    site = make_site(route("a", "  - pass_to: b"), route("b", "  - to: archive"))
    decision = decided(site)

    assert [(part.route, part.via) for part in decision.routes] == [("a", ""), ("b", "a"), ("b", "")]
    assert copies(decision) == [("b", "archive", 1)]


def test_each_piece_is_passed_on_by_itself_and_keeps_its_number(make_site: MakeSite) -> None:
    site = make_site(
        route("a", "  - pass_to: b", "change:\n  - split: OBR\n    number: MSH-10\n"),
        second("b", "  - to: archive", "change:\n  - split: OBX\n"),
    )
    decision = decided(site)

    assert [(part.route, part.piece) for part in decision.routes] == [("a", ""), ("b", "1"), ("b", "2")]
    assert [copy.piece for part in decision.routes for copy in part.copies] == ["1", "2"]


def test_an_unexpected_failure_in_it_holds_that_route_and_leaves_the_others(make_site: MakeSite) -> None:
    site = make_site(route("a", "  - to: archive\n  - pass_to: b"), second("b", "  - to: duty_desk"))
    plan = site.feeds["lims"].passed["b"]

    def fail(_: object) -> None:
        raise ZeroDivisionError

    object.__setattr__(plan, "sends", (fail,))
    decision = decided(site)

    assert copies(decision) == [("a", "archive", 0)]
    assert [held.tray for held in decision.routes[1].held] == ["failed"]


# --- conservation ----------------------------------------------------------------------------------------

KINDS = ("archive", "duty_desk", "pass", "pass changed", "hold", "unwanted", "split")


def build(routes: list[set[str]]) -> Plan:
    """Route 0 takes the feed. Each may pass on to the next one, so there is no circle; and a route of its
    own passes to each, so that each is entered."""
    sources = {}
    for number, kinds in enumerate(routes):
        text = f"route: r{number}\n"
        if "unwanted" in kinds:
            text += f"accept:\n  - that: MSH-9.1 = 'ADT'\n    rule: rule{number}\n"
        if "hold" in kinds:
            text += f"check:\n  - that: PID-5 is present\n    else: {{hold: tray{number}}}\n"
        if "split" in kinds:
            text += "change:\n  - split: OBR\n"
        text += "send:\n  - to: print_room\n"
        text += "".join(f"  - to: {kind}\n" for kind in KINDS[:2] if kind in kinds)
        if number + 1 < len(routes):
            text += f"  - pass_to: r{number + 1}\n" if "pass" in kinds else ""
            if "pass changed" in kinds:
                text += f"  - pass_to: r{number + 1}\n    change:\n      - set_text: {{MSH-6: R{number}}}\n"
        sources[f"routes/r{number}.yaml"] = text
        sources[f"routes/s{number}.yaml"] = f"route: s{number}\nfrom: [lims]\nsend:\n  - pass_to: r{number}\n"
    channels = {name: ChannelFacts(name) for name in ("archive", "duty_desk", "print_room")}
    problems = Problems()
    plan = compile_plan(sources, {"lims": FeedFacts("lims")}, channels, SiteFacts(), problems)
    assert plan is not None, [str(problem) for problem in problems.in_order()]
    return plan


@dataclass
class Expected:
    """Counted by hand: how often a route is entered, and how often an entry of it sends."""

    entered: Counter[str] = field(default_factory=Counter)
    sends: int = 0

    def enter(self, routes: list[set[str]], number: int, orders: int) -> None:
        kinds = routes[number]
        self.entered[f"r{number}"] += 1
        if "unwanted" in kinds or "hold" in kinds:
            return
        pieces = orders if "split" in kinds else 1
        self.sends += pieces * (1 + len(kinds & {"archive", "duty_desk"}))
        if number + 1 < len(routes):
            for _ in range(pieces * len(kinds & {"pass", "pass changed"})):
                self.enter(routes, number + 1, orders // pieces)


@settings(max_examples=80, deadline=None)
@given(st.lists(st.sets(st.sampled_from(KINDS), max_size=4), min_size=1, max_size=4))
def test_nothing_is_lost_and_nothing_is_doubled_on_the_way_through_routes(routes: list[set[str]]) -> None:
    decision = decided(build(routes))
    expected = Expected()
    for number in range(len(routes)):
        expected.enter(routes, number, 2)
    parts = [part for part in decision.routes if part.via]
    made = [copy for part in parts for copy in part.copies]
    conflicts = [held for part in parts for held in part.held if held.tray == "conflicting_copies"]

    assert Counter(part.route for part in parts) == expected.entered
    assert sum(1 + copy.merged for copy in made) + len(conflicts) == expected.sends
    assert len({(copy.channel, copy.address, copy.piece) for copy in made}) == len(made)
    for part in parts:
        kinds = routes[int(part.route[1:])]
        if "unwanted" in kinds:
            assert (part.not_wanted is not None, part.held, part.copies) == (True, (), ())
        elif "hold" in kinds:
            assert ([held.tray[:4] for held in part.held], part.copies) == (["tray"], ())
