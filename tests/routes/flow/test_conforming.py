"""`conforms_to` in a check: errors fail it, warnings are noted, and no content leaves the message."""

from __future__ import annotations

from collections.abc import Callable

import pytest

from routes.conformance.finding import MOST
from routes.flow.decision import Decision, RouteDecision
from routes.language.plan import SiteFacts

MESSAGE = (
    b"MSH|^~\\&|LAB|NORTH|||20260309||ORU^R01|A1|P|2.5\rPID|1||9990001006^^^NHS^NH||CANARY^TWEETY||X|F\r"
)
STRICT = "profile: strict\npaths:\n  PID-7: {format: date}\n  PID-8: {values: [M], severity: warning}\n"
MILD = "profile: mild\npaths:\n  PID-8: {values: [M], severity: warning}\n"
CHECK = "  - conforms_to: {profile}\n    else: {{{otherwise}}}\n"

Run = Callable[..., Decision]


@pytest.fixture
def decided(run: Run) -> Callable[..., RouteDecision]:
    """Decide the message by a route whose checks are given, with both profiles in the site."""

    def decide_it(checks: str, message: bytes = MESSAGE, **more: object) -> RouteDecision:
        route = f"route: r\nfrom: [lims]\ncheck:\n{checks}send:\n  - to: archive\n"
        sources = {"profiles/strict.yaml": STRICT, "profiles/mild.yaml": MILD}
        decision = run(route, message, tables=sources, **more)
        return decision.routes[0]

    return decide_it


def check(profile: str, otherwise: str) -> str:
    return CHECK.format(profile=profile, otherwise=otherwise)


def test_an_error_takes_the_else_and_every_finding_is_noted(decided: Callable[..., RouteDecision]) -> None:
    route = decided(check("strict", "hold: does_not_conform"))

    assert [(held.tray, held.reason) for held in route.held] == [
        ("does_not_conform", "does not conform to strict: 2 findings")
    ]
    assert route.copies == ()
    assert [(finding.words, finding.kind) for finding in route.warnings] == [
        (
            "PID-7: this must be a date as YYYY, YYYYMM or YYYYMMDD; found 1 letter [format]",
            "conformance",
        ),
        ("PID-8: this must be M; found 1 letter [values] (warning)", "conformance"),
    ]
    assert {finding.where for finding in route.warnings} == {"routes/r.yaml:4"}


def test_warnings_alone_are_noted_and_the_message_goes_on(decided: Callable[..., RouteDecision]) -> None:
    route = decided(check("mild", "hold: does_not_conform"))

    assert [copy.channel for copy in route.copies] == ["archive"]
    assert route.held == ()
    assert len(route.warnings) == 1


def test_a_message_that_conforms_passes_without_a_word(decided: Callable[..., RouteDecision]) -> None:
    good = MESSAGE.replace(b"|X|F", b"|19700101|M")
    route = decided(check("strict", "hold: does_not_conform") + check("mild", "hold: does_not_conform"), good)

    assert (len(route.copies), route.held, route.warnings) == (1, (), ())


def test_an_else_that_warns_adds_its_words_and_goes_on(decided: Callable[..., RouteDecision]) -> None:
    route = decided(check("strict", "warn: Not as agreed"))

    assert len(route.copies) == 1
    assert [(f.words, f.kind) for f in route.warnings][-1] == ("Not as agreed", "warning")
    assert len(route.warnings) == 3


def test_an_else_that_rejects_answers_with_its_own_words(run: Run) -> None:
    route = "route: r\nfrom: [lims]\ncheck:\n" + check("strict", 'reject: "Not as agreed"')
    decision = run(route + "send:\n  - to: archive\n", MESSAGE, tables={"profiles/strict.yaml": STRICT})

    assert decision.rejected is not None
    assert decision.rejected.words == "Not as agreed"


def test_a_check_by_a_profile_has_a_when_of_its_own(decided: Callable[..., RouteDecision]) -> None:
    asked = check("strict", "hold: does_not_conform") + "    when: MSH-12 = '{version}'\n"

    assert decided(asked.replace("{version}", "2.5")).held
    assert not decided(asked.replace("{version}", "2.3")).held


def test_a_guard_and_a_dialect_may_ask_too(run: Run) -> None:
    asked = "check:\n" + check("strict", "hold: does_not_conform")
    route = "route: r\nfrom: [lims]\nsend:\n  - to: archive\n"
    profile = {"profiles/strict.yaml": STRICT}

    dialect = run(route, MESSAGE, tables=profile, dialect=f"dialect: north\n{asked}")
    guard = run(
        route.replace("send:", "guards: [safe]\nsend:"),
        MESSAGE,
        tables=profile,
        guard=f"guard: safe\n{asked}",
    )

    assert dialect.held_before_routing is not None
    assert dialect.held_before_routing.tray == "does_not_conform"
    assert [held.tray for held in guard.routes[0].held] == ["does_not_conform"]


def test_a_check_of_one_send_entry_holds_that_entry_alone(run: Run) -> None:
    entry = "send:\n  - to: archive\n  - to: duty_desk\n    check:\n      - conforms_to: strict\n"
    route = f"route: r\nfrom: [lims]\n{entry}        else: {{hold: does_not_conform}}\n"
    decision = run(route, MESSAGE, tables={"profiles/strict.yaml": STRICT}).routes[0]

    assert [copy.channel for copy in decision.copies] == ["archive"]
    assert [(held.tray, held.entry) for held in decision.held] == [("does_not_conform", True)]


def test_the_profile_sees_what_the_dialect_made_of_the_message(decided: Callable[..., RouteDecision]) -> None:
    mended = "dialect: north\nchange:\n  - set_text: {PID-7: 19700101}\n"

    assert decided(check("strict", "hold: does_not_conform"), dialect=mended).held == ()


def test_in_live_use_a_number_made_for_tests_does_not_conform(run: Run) -> None:
    route = "route: r\nfrom: [lims]\ncheck:\n" + check("numbers", "hold: x") + "send:\n  - to: archive\n"
    profile = {"profiles/numbers.yaml": "profile: numbers\npaths:\n  PID-3.1: {format: nhs_number}\n"}

    assert run(route, MESSAGE, tables=profile).routes[0].held == ()
    assert run(route, MESSAGE, tables=profile, settings=SiteFacts(live=True)).routes[0].held != ()


def test_the_words_of_no_finding_or_reason_hold_content(decided: Callable[..., RouteDecision]) -> None:
    route = decided(check("strict", "hold: does_not_conform"))

    assert "CANARY" not in repr((route.held, route.warnings))


def test_very_many_findings_are_said_to_be_more_than_the_most(run: Run) -> None:
    many = {"profiles/many.yaml": "profile: many\npaths:\n  OBX[*]-3: required\n"}
    route = "route: r\nfrom: [lims]\ncheck:\n" + check("many", "hold: x") + "send:\n  - to: archive\n"
    decision = run(route, MESSAGE + b"OBX|1|NM\r" * (MOST + 50), tables=many).routes[0]

    assert decision.held[0].reason == "does not conform to many: more than 200 findings"
    assert len(decision.warnings) == MOST + 1
