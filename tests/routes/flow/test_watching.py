"""A watched decision is the same decision, and tells of every entry what it read, changed and came to."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import replace

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from routes.flow.decide import decide
from routes.flow.decision import Decision, Known
from routes.flow.tracing import Change, Moment, Watch
from routes.language.facts import PluginFacts
from routes.language.plan import ChannelFacts, FeedFacts, Plan, SiteFacts, compile_plan
from routes.language.problems import Problems
from routes.language.source import Block, read_yaml
from tests.routes.flow.test_decide_properties import DIALECT, FULL, messages

MakeSite = Callable[..., Plan]
SENT = (
    b"MSH|^~\\&|LIMS|N|X|Y|2026||ORU^R01|R7|P|2.4\r"
    b"PID|1|9990000026|7^^^N^MR~9990000018^^^NHS^NH||DOE^JO||05/01/1980\r"
    b"PV1|1||W7|||||||Y06601\r"
    b"ORC|RE|1\rOBR|1|1|||||||||||||||||||||||||G1~G9\rOBX|1|NM|HB||3|g|4-5|L\rNTE|1|INTERNAL|x\r"
    b"ORC|RE|2\rOBR|2|2\rOBX|1|NM|ZZ||9|g|4-5|HH\rOBX|2|FT|T||one\rOBX|3|FT|T||two\r"
)
PARTED = """
route: parted
from: [lims]
guards: [safe]
names:
  requester: PV1-3
  ward: MSH-3 & '-' & requester
check:
  - conforms_to: strict
    else: {warn: not strict}
  - that: lab_codes[OBX[2]-3].national_code is present
    else: {warn: not in the list}
  - that: received in hours working or MSH-11 = 'P'
    else: {hold: later}
change:
  - set: {MSH-4: ward}
  - split: OBR
    keep_together: ORC-2.1
    number: MSH-10
  - join: OBX[*]-5
    same: [2]
  - renumber: OBX-1
  - for_each: OBX[*]
    when: it-8 is present
    change:
      - set_text: {it-9: x}
      - add: NTE
        after: it
        set: {NTE-3: it-5}
send:
  - pass_to: letters
    when: any OBX[*] with (it-5 > upper of it-7)
    change:
      - set_text: {MSH-6: L}
  - to: earlier_recipients
    same: [MSH-4]
  - to: gp_message
    address: PV1-10
    if_not_delivered_in: 3d
    then: print_room
    change:
      - remove: NTE
    check:
      - that: OBX-5 is present
        else: {hold: empty}
  - to: duty_desk
"""
LETTERS = """
route: letters
accept:
  - that: MSH-9.1 = 'ORU'
    rule: other
send:
  - first_of:
      - when: gp_directory[PV1-10].accepts = 'paper'
        to: duty_desk
      - otherwise: {hold: by_hand}
"""
GUARD = "guard: safe\ncheck:\n  - unless: PID-5.1 starts with 'ZZ'\n    else: {hold: tests}\n"
HOURS = "working:\n  zone: Europe/London\n  monday_to_friday: 08:00-18:30\n"
PROFILE = "profile: strict\npaths:\n  PID-8: {required: yes}\n"


def compiled(sources: dict[str, str], facts: SiteFacts | None = None) -> Plan:
    problems = Problems()
    hours = read_yaml("gatepost.yaml", HOURS, problems)
    assert isinstance(hours, Block)
    facts = replace(facts or SiteFacts(), hours={key.value: node for key, node in hours.entries})
    tables = {
        "tables/lab_codes.csv": "code,national_code,national_name\nHB,1,H^b|\n",
        "tables/gp_directory.csv": "practice,accepts\nY06601,electronic\n",
        "tables/gp_of_doctor.csv": "doctor,practice\nG1,Y06601\n",
    }
    plan = compile_plan(
        {**tables, **sources},
        {"lims": FeedFacts("lims", dialect="north", acknowledge="when_routed", segment_ends="any")},
        {
            name: ChannelFacts(name, directory=table)
            for name, table in (
                ("gp_message", "gp_directory"), ("print_room", "gp_directory"), ("duty_desk", ""),
            )
        },
        facts,
        problems,
    )  # fmt: skip

    assert [str(p) for p in problems.in_order() if p.severity == "error"] == []
    assert plan is not None
    return plan


@pytest.fixture(scope="module")
def whole_site() -> Plan:
    return compiled({
        "routes/everything.yaml": FULL, "routes/parted.yaml": PARTED, "routes/letters.yaml": LETTERS,
        "dialects/north.yaml": DIALECT, "guards/safe.yaml": GUARD, "profiles/strict.yaml": PROFILE,
    })  # fmt: skip


def watched(plan: Plan, message: bytes, known: Known | None = None) -> tuple[Decision, list[Moment]]:
    watch = Watch()
    decision = decide(plan, "lims", message, known or Known(0), watch=watch)
    return decision, watch.moments


@settings(max_examples=300, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(
    message=messages | st.just(SENT),
    earlier=st.sampled_from([(), (("duty_desk", ""), ("gp_message", "Y06601"), ("gone", "X"))]),
)
def test_a_watched_decision_equals_the_unwatched_one(
    whole_site: Plan, message: bytes, earlier: tuple[tuple[str, str], ...]
) -> None:
    known = Known(1, earlier=earlier)
    decision, moments = watched(whole_site, message, known)

    assert decision == decide(whole_site, "lims", message, known)
    assert not any(moment.kind == "failed" for moment in moments)
    assert not any("could not be told" in part.value for m in moments for part in m.read)


def test_codes_that_a_table_lacks_are_counted_as_often_as_they_are_unwatched(whole_site: Plan) -> None:
    decision, _ = watched(whole_site, SENT)

    assert decision.misses[("lab_codes", "ZZ")] >= 1
    assert decision.misses == decide(whole_site, "lims", SENT, Known(0)).misses


def of_part(moments: Sequence[Moment], part: str) -> list[Moment]:
    return [moment for moment in moments if moment.part == part]


def test_every_entry_that_a_message_comes_to_is_told_in_file_order(whole_site: Plan) -> None:
    _, moments = watched(whole_site, SENT)
    parts = list(dict.fromkeys(moment.part for moment in moments))
    lines = [int(m.where.rpartition(":")[2]) for m in of_part(moments, "route everything") if not m.depth]

    assert parts == ["dialect north", "route everything", "guard safe", "route parted", "route letters"]
    assert lines == sorted(lines)
    assert of_part(moments, "guard safe")[0].route == "parted"
    assert of_part(moments, "route letters")[0].via == "parted"


def test_a_change_is_told_with_the_value_before_and_after(whole_site: Plan) -> None:
    _, moments = watched(whole_site, SENT)
    move = next(m for m in moments if m.text == "move: from PID-2.1 to PID-3[5='NH'].1")

    assert move.changes == (
        Change("PID-2", "9990000026", ""),
        Change("PID-3[2].1", "9990000018", "9990000026"),
    )


def test_a_step_that_changed_nothing_tells_what_it_looked_at(whole_site: Plan) -> None:
    _, moments = watched(whole_site, SENT.replace(b"9990000026", b""))
    move = next(m for m in moments if m.text == "move: from PID-2.1 to PID-3[5='NH'].1")

    assert (move.changes, move.outcome) == ((), "no change")
    assert [(part.text, part.value) for part in move.read] == [("PID-2.1", "(empty)")]


def test_the_pieces_of_a_split_message_are_told_apart(whole_site: Plan) -> None:
    _, moments = watched(whole_site, SENT)
    own = of_part(moments, "route parted")
    split = next(m for m in own if m.kind == "split")
    joined = [m for m in own if m.text.startswith("join")]

    assert split.outcome == "2 pieces"
    assert [m.piece for m in joined] == ["1", "2"]
    assert joined[0].outcome == "no change"
    assert joined[1].changes[0] == Change("OBX[2]-5", "one", "one\\.br\\two")
    assert {m.piece for m in of_part(moments, "route letters")} == {"2"}


def test_what_stands_within_another_entry_is_told_behind_it_and_deeper(whole_site: Plan) -> None:
    _, moments = watched(whole_site, SENT)
    own = [m for m in of_part(moments, "route everything") if m.verb == "change"]
    start = next(number for number, m in enumerate(own) if m.text == "for_each: OBX[*]")
    inner = [m for m in own[start + 1 :] if m.depth]

    assert inner[0].text == "when: it-8 is present"
    assert (inner[0].element, inner[0].answer, inner[0].kind) == ("OBX[4]", False, "passed_over")
    assert [m.changes for m in inner if m.text == "set_text: it-9: x"][-1] == (Change("OBX[1]-9", "", "x"),)


def test_a_code_that_a_table_lacks_is_named(whole_site: Plan) -> None:
    _, moments = watched(whole_site, SENT)
    translate = next(m for m in moments if m.text.startswith("translate"))

    assert translate.kind == "warned"
    assert ("'T'", "no key of lab_codes") in [(part.text, part.note) for part in translate.read]


def test_a_profile_lists_its_findings(whole_site: Plan) -> None:
    _, moments = watched(whole_site, SENT)
    check = next(m for m in moments if m.text == "conforms_to: strict")

    assert len(check.findings) == 1
    assert check.findings[0].startswith("PID-8: ")
    assert check.outcome == "warning: not strict"


def test_a_send_entry_tells_where_its_copies_go(whole_site: Plan) -> None:
    _, moments = watched(whole_site, SENT, Known(0, earlier=(("duty_desk", ""),)))
    told = [
        (m.kind, m.outcome) for m in of_part(moments, "route parted") if m.verb == "send" and m.piece == "2"
    ]

    assert told == [
        ("passed", "passed to route letters"),
        ("sent", "a copy to duty_desk"),
        (
            "sent",
            "a copy to gp_message @ Y06601, and to print_room @ Y06601 where it is not delivered in 3d",
        ),
        ("sent", "a copy to duty_desk"),
    ]


def test_first_of_tells_which_entries_it_passed_over_and_how_it_ended(whole_site: Plan) -> None:
    _, moments = watched(whole_site, SENT)
    told = [(m.text, m.kind) for m in of_part(moments, "route letters") if m.verb == "send"]

    assert told == [("first_of", ""), ("to: duty_desk", "passed_over"), ("otherwise: hold: by_hand", "held")]


def test_what_an_entry_holds_ends_the_trace_of_its_route(make_site: MakeSite) -> None:
    plan = make_site(
        "route: r\nfrom: [lims]\ncheck:\n  - that: PID-3 = '1'\n    else: {hold: tray}\n"
        "send:\n  - to: archive\n"
    )
    _, moments = watched(plan, SENT)

    assert [(m.answer, m.kind, m.outcome) for m in moments] == [
        (False, "held", "held in tray: not true: PID-3 = '1'")
    ]


def test_an_unexpected_failure_is_told_and_holds_as_it_does_unwatched() -> None:
    def fail(_text: str, _settings: object) -> str | None:
        raise RuntimeError("secret")

    route = (
        "route: r\nfrom: [lims]\nchange:\n  - step: odd.one@1\n    writes: [PID]\nsend:\n  - to: duty_desk\n"
    )
    plan = compiled(
        {"routes/r.yaml": route, "dialects/north.yaml": DIALECT},
        SiteFacts(plugins={"odd.one@1": PluginFacts("odd.one@1", "1", "", "", fail)}),
    )
    decision, moments = watched(plan, SENT)

    assert decision == decide(plan, "lims", SENT, Known(0))
    assert (moments[-1].kind, moments[-1].outcome) == ("failed", "failed unexpectedly (RuntimeError)")


def test_a_failure_of_the_trace_itself_changes_no_decision(
    whole_site: Plan, monkeypatch: pytest.MonkeyPatch
) -> None:
    def fail(*_: object) -> None:
        raise KeyError("ours")

    expected = decide(whole_site, "lims", SENT, Known(0))
    for name in ("tell_parts", "find_changes"):
        monkeypatch.setattr(f"routes.language.watching.{name}", fail)

    decision, moments = watched(whole_site, SENT)

    assert decision == expected
    assert any(part.value == "(could not be told: KeyError)" for m in moments for part in m.read)


def test_the_plan_that_decides_is_not_touched_by_watching(whole_site: Plan) -> None:
    feed = whole_site.feeds["lims"]
    watched(whole_site, SENT)

    assert whole_site.feeds["lims"] is feed
    assert whole_site.watched["lims"] is not feed
    assert len(whole_site.watched["lims"].routes) == len(feed.routes)
