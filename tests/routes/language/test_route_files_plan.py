"""A site's files become one plan: the language's own first example, and the lints."""

from __future__ import annotations

from dataclasses import replace

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from routes.flow.decide import decide
from routes.flow.decision import Known
from routes.language.plan import ChannelFacts, FeedFacts, Plan, SiteFacts, compile_plan
from routes.language.problems import Problems, Spot
from routes.language.source import Block, Node, read_yaml

GP_RESULTS = """\
# yaml-language-server: $schema=../schema/route.schema.json
route: gp_results
about: Lab results from our three hospitals, to the practice that asked for them.
owner: interfaces@example.nhs.uk

from: [northfield_lims, st_annes_tie, westmoor_lims]
guards: [safe_to_send]                     # shared checks: test patients, restricted patients

accept:                                    # others: acknowledged, counted as not wanted, by rule
  - that: MSH-9.1 = 'ORU'
    rule: not_a_result

names:                                     # said once, in the analyst's own words; read where they are used
  nhs_number: PID-3[5='NH'].1
  requester:  PV1-3.10
  abnormal:   any OBX[*]-8 in ['HH', 'LL', 'AA']

check:
  - that: nhs_number is valid nhs_number
    else: {hold: no_nhs_number}
  - that: all OBX[*]-3.1 in lab_codes
    else: {warn: "Local test code not in the national list"}

change:
  - translate: OBX[*]-3
    using: lab_codes
    into: {1: national_code, 2: national_name, 3: system}
    original: alternate                    # keeps the local code in components 4 to 6
  - set_text: {MSH-5: GP, MSH-12: 2.5.1}   # plain text, taken as it stands
  - set: {MSH-6: requester}                # an expression
  - remove: NTE[2='INTERNAL']

send:
  - first_of:                              # exactly one of these
      - when: gp_directory[requester].accepts = 'electronic'
        to: gp_message
        address: requester
      - when: gp_directory[requester].accepts = 'paper'
        to: print_room
        address: requester
      - otherwise: {hold: no_practice}
  - each: OBR[*]-28[*]                     # one copy for each "copy to"
    to: gp_message
    address: gp_of_doctor[it.1].practice
    else: {warn: "Copy-to doctor not in the directory"}
  - to: duty_desk                          # and this, when true
    when: abnormal
  - to: archive                            # and always this
"""
NORTHFIELD = """\
dialect: northfield          # HL7 2.3; NHS number in PID-2, own date style
change:
  - move:
      from: PID-2.1
      to: PID-3[5='NH'].1
  - reformat: PID-7
    from: DD/MM/YYYY
    as: date
    else: {hold: doubtful_date}
tables: {lab_codes: northfield_lab_codes}
"""
SAFE_TO_SEND = """\
guard: safe_to_send
check:
  - that: MSH-11 = 'P'
    else: {hold: test_messages}
  - that: PID-32 is blank or no PID-32[*] = 'RES'
    else: {hold: restricted}               # this tray is open to one role only (site file)
"""
SOURCES = {
    "routes/gp_results.yaml": GP_RESULTS,
    "dialects/northfield.yaml": NORTHFIELD,
    "guards/safe_to_send.yaml": SAFE_TO_SEND,
    "tables/lab_codes.csv": "code,national_code,national_name,system\n1022431,1022431,Haemoglobin,SCT\n",
    "tables/lab_codes.yaml": "on_miss: keep\nowner: laboratory\n",
    "tables/northfield_lab_codes.csv": "code,national_code,national_name,system\nHB,1022431,Hb,SCT\n",
    "tables/gp_directory.csv": "practice,accepts\nY06601,electronic\nY06602,paper\n",
    "tables/gp_of_doctor.csv": "doctor,practice\nG1000001,Y06602\n",
}
FEEDS = {
    "northfield_lims": FeedFacts("northfield_lims", dialect="northfield"),
    "st_annes_tie": FeedFacts("st_annes_tie"),
    "westmoor_lims": FeedFacts("westmoor_lims"),
}
CHANNELS = {
    "gp_message": ChannelFacts("gp_message", directory="gp_directory"),
    "print_room": ChannelFacts("print_room", directory="gp_directory"),
    "duty_desk": ChannelFacts("duty_desk"),
    "archive": ChannelFacts("archive"),
}
RESULT = (
    b"MSH|^~\\&|LIMS|NFD|X|Y|202601050930||ORU^R01|M1|P|2.3\rPID|1|9990000018|L77^^^NFD^MR||TESTER^ANN||05/01/1980\r"
    b"PV1|1||^^^^^^^^^Y06601\rOBR|1||F123|FBC" + b"|" * 24 + b"G1000001~G9\r"
    b"OBX|1|NM|HB^Haem^L||120|g/L||HH|||F\rNTE|1|INTERNAL|note for the laboratory\r"
)


def compile_site(changed: dict[str, str] | None = None, **facts: object) -> tuple[Plan | None, list[str]]:
    problems = Problems()
    feeds = facts.get("feeds", FEEDS)
    plan = compile_plan({**SOURCES, **(changed or {})}, feeds, CHANNELS, SiteFacts(), problems)  # type: ignore[arg-type] # given by name
    return plan, [str(problem).split("\n", 1)[0] for problem in problems.in_order()]


def test_the_first_example_of_the_language_loads_without_a_problem() -> None:
    plan, problems = compile_site()

    assert problems == []
    assert plan is not None
    assert plan.routes == ("gp_results",)
    assert set(plan.feeds) == set(FEEDS)


def test_the_first_example_decides_a_northfield_result() -> None:
    plan, _ = compile_site()
    assert plan is not None
    decision = decide(plan, "northfield_lims", RESULT, Known(0))
    part = decision.routes[0]

    assert [(c.channel, c.address) for c in part.copies] == [
        ("gp_message", "Y06601"),
        ("gp_message", "Y06602"),
        ("duty_desk", ""),
        ("archive", ""),
    ]
    assert [w.words for w in part.warnings] == ["Copy-to doctor not in the directory"]
    assert decision.keys == {"nhs_number": ("9990000018",), "patient": ("L77",), "order": ("F123",)}
    assert part.copies[0].body.split(b"\r")[:2] == [
        b"MSH|^~\\&|LIMS|NFD|GP|Y06601|202601050930||ORU^R01|M1|P|2.5.1",
        b"PID|1||L77^^^NFD^MR~9990000018^^^^NH||TESTER^ANN||19800105",
    ]
    assert b"OBX|1|NM|1022431^Hb^SCT^HB^Haem^L||120|" in part.copies[0].body
    assert b"NTE" not in part.copies[0].body


@pytest.mark.parametrize(
    ("old", "new", "tray"),
    [
        (b"|P|2.3", b"|T|2.3", "test_messages"),
        (b"05/01/1980", b"1980-01-05", "doubtful_date"),
        (b"|9990000018|", b"|9990000019|", "no_nhs_number"),
        (b"^Y06601", b"^Y99999", "no_practice"),
    ],
)
def test_the_first_example_holds_what_it_should(old: bytes, new: bytes, tray: str) -> None:
    plan, _ = compile_site()
    assert plan is not None
    decision = decide(plan, "northfield_lims", RESULT.replace(old, new), Known(0))
    trays = [held.tray for part in decision.routes for held in part.held]
    if decision.held_before_routing is not None:
        trays.append(decision.held_before_routing.tray)

    assert trays == [tray]


def test_tests_of_a_route_are_kept_with_it() -> None:
    tests = GP_RESULTS + "tests:\n  - name: one\n    given: samples/a.hl7\n    expect: {sent: archive}\n"
    plan, problems = compile_site({"routes/gp_results.yaml": tests})

    assert problems == []
    assert plan is not None
    assert plan.origin is not None
    [trial] = plan.origin.files.routes["gp_results"].tests
    assert (trial.name.value, trial.given.value) == ("one", "samples/a.hl7")


def test_the_hash_names_the_texts_tables_included() -> None:
    first, _ = compile_site()
    same, _ = compile_site()
    other, _ = compile_site({"tables/gp_of_doctor.csv": "doctor,practice\nG1000001,Y06601\n"})
    assert first is not None
    assert same is not None
    assert other is not None

    assert first.hash == same.hash != other.hash
    assert len(first.hash) == 64


def test_a_table_that_a_dialect_puts_in_place_must_have_the_columns_that_routes_read() -> None:
    _, problems = compile_site({"tables/northfield_lab_codes.csv": "code,national_code,system\nHB,1,SCT\n"})

    assert problems == [
        (
            'routes/gp_results.yaml:27:33: Table "northfield_lab_codes" has no column "national_name"; '
            'did you mean "national_code"? [no-such-column]'
        )
    ]


def test_a_mistake_in_a_route_of_three_feeds_is_reported_once() -> None:
    _, problems = compile_site(
        {"routes/gp_results.yaml": GP_RESULTS.replace("MSH-6: requester", "MSH-6: reqester")}
    )

    assert [problem.rsplit("[", 1)[1] for problem in problems] == ["unknown-name]"]


def test_problems_of_feeds_and_channels_stand_where_the_site_names_them() -> None:
    feeds = {
        **FEEDS,
        "idle": FeedFacts("idle", Spot("feeds.yaml", 9, 3), dialect="nortfield", guards=("sfe",)),
    }
    _, problems = compile_site(feeds=feeds)

    assert [problem.split(": ", 1)[0] for problem in problems] == ["feeds.yaml:9:3"] * 3
    assert sorted(problem.rsplit("[", 1)[1] for problem in problems) == [
        "idle-feed]",
        "unknown-dialect]",
        "unknown-guard]",
    ]


def test_a_reject_is_allowed_only_where_the_sender_waits_for_the_verdict() -> None:
    rejecting = {
        "guards/safe_to_send.yaml": SAFE_TO_SEND.replace("{hold: restricted}", '{reject: "Not here"}')
    }
    waiting = {name: replace(feed, acknowledge="when_routed") for name, feed in FEEDS.items()}

    assert [problem.rsplit("[", 1)[1] for problem in compile_site(rejecting)[1]] == ["reject-behind-stored]"]
    assert compile_site(rejecting, feeds=waiting)[1] == []


def test_hours_and_patterns_of_the_site_can_be_named() -> None:
    def node(text: str) -> Node:
        found = read_yaml("gatepost.yaml", text, Problems())
        assert isinstance(found, Block)
        return found.entries[0][1]

    settings_ = SiteFacts(
        hours={
            "working": node("w: {zone: Europe/London, monday_to_friday: 08:00-18:30, closed: holidays}\n")
        },
        patterns={"ward": node("p: W[0-9]+\n"), "bad": node("p: (?=x)\n")},
    )
    route = (
        "route: r\nfrom: [a]\nsend:\n  - to: archive\n    when: received in hours working\n  - to: archive\n"
    )
    problems = Problems()
    sources = {
        "routes/r.yaml": route.replace("working", "working and PV1-3.1 matches ward"),
        "tables/holidays.csv": "day\n2026-12-25\n",
    }
    plan = compile_plan(sources, {"a": FeedFacts("a")}, {"archive": CHANNELS["archive"]}, settings_, problems)

    assert plan is None
    assert [problem.rule for problem in problems.in_order()] == ["bad-pattern"]


@settings(max_examples=150, deadline=None)
@given(data=st.data())
def test_no_mutilation_of_a_good_file_makes_the_compiler_raise(data: st.DataObject) -> None:
    file = data.draw(st.sampled_from([name for name in SOURCES if name.endswith(".yaml")]))
    text = SOURCES[file]
    start = data.draw(st.integers(0, len(text) - 1))
    end = data.draw(st.integers(start, min(len(text), start + 40)))
    put = data.draw(
        st.sampled_from(["", " ", "\n", ":", "- ", "'", "[", "{", "#", "\t", "x", "*", "it", "\n  - "])
    )

    plan, problems = compile_site({file: text[:start] + put + text[end:]})

    assert plan is not None or problems
