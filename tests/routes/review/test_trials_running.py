"""Tests of routes are run as traffic would be, and what differs is told cell by cell."""

from __future__ import annotations

from textwrap import indent

import pytest

from routes.flow.decide import decide
from routes.flow.decision import Known
from routes.language.plan import SiteFacts
from routes.review import Failed, Result, run_tests
from routes.review.running import Runner
from tests.routes.review.conftest import ORU, SAMPLES, RunTests, feed, site_of

ROUTE = """\
route: results
from: [lims]
accept:
  - that: MSH-9.1 = 'ORU'
    rule: not_a_result
names:
  nhs_number: PID-3[5='NH'].1
check:
  - that: nhs_number is valid nhs_number
    else: {hold: no_nhs_number}
  - that: OBX-3.1 in lab_codes
    else: {warn: "An unknown code"}
  - unless: MSH-11 = 'D'
    else: {reject: "No debugging here"}
change:
  - set: {MSH-6: PV1-3, MSH-5: PV1-10}
  - translate: OBX[*]-3
    using: lab_codes
    into: {1: national_code}
    else: {warn: "Not translated"}
send:
  - to: gp_message
    address: PV1-10
    else: {hold: no_practice}
    if_not_acknowledged_in: 3d
    then: print_room
  - to: archive
"""


def told(results: list[Result]) -> list[str]:
    return [str(difference) for result in results for difference in result.differences]


def trial(body: str, given: str = "samples/oru.hl7", name: str = "it works") -> str:
    return f"  - name: {name}\n    given: {given}\n{indent(body, '    ')}\n"


def route_with(*trials: str, route: str = ROUTE) -> str:
    return f"{route}tests:\n{''.join(trials)}"


GOOD = "expect:\n  ack: AA\n  sent:\n    gp_message @ Y06601: {MSH-5: Y06601}\n    archive:"


def test_a_test_that_expects_what_happens_passes(run_tests_of: RunTests) -> None:
    [result] = run_tests_of(route_with(trial(GOOD)))

    assert result.passed
    assert (result.route, result.name, str(result.spot)) == ("results", "it works", "routes/results.yaml:29")


@pytest.mark.parametrize(
    ("expected", "differences"),
    [
        ("sent: archive", ["sent: (nothing) → gp_message @ Y06601"]),
        ("{sent: [archive, gp_message @ Y06601], ack: AE}", ["ack: AE → AA"]),
        (
            "sent: {archive: {MSH-5: '', MSH-6: Y06601, PID-9: '\"\"'}, gp_message @ Y06601: }",
            [
                "archive  MSH-5: (empty) → Y06601",
                "archive  MSH-6: Y06601 → (empty)",
                'archive  PID-9: "" (null) → (empty)',
            ],
        ),
        (
            "{sent: {archive: , gp_message @ Y06602: }}",
            ["sent: gp_message @ Y06602 → (nothing)", "sent: (nothing) → gp_message @ Y06601"],
        ),
        ("sent: [archive, archive, gp_message @ Y06601]", ["sent: 2 copies to archive → a copy"]),
        (
            "{sent: [archive, gp_message @ Y06601], held: no_practice, warned: An unknown code}",
            ["held: no_practice → (nothing)", "warned: An unknown code → (nothing)"],
        ),
        (
            "not_wanted: not_a_result",
            [
                "sent: (nothing) → gp_message @ Y06601",
                "sent: (nothing) → archive",
                "not_wanted: not_a_result → (nothing)",
            ],
        ),
    ],
)
def test_every_difference_is_told_with_both_sides(
    run_tests_of: RunTests, expected: str, differences: list[str]
) -> None:
    body = f"expect:\n{indent(expected, '  ')}" if not expected.startswith("{") else f"expect: {expected}"

    assert told(run_tests_of(route_with(trial(body)))) == differences


def test_an_unexpected_hold_is_told_with_its_reason_and_place(run_tests_of: RunTests) -> None:
    body = "with:\n  PID-3[5='NH'].1: 123\nexpect: {sent: archive}"
    differences = told(run_tests_of(route_with(trial(body))))

    assert differences == [
        "sent: archive → (nothing)",
        "held: (nothing) → no_nhs_number  (not true: nhs_number is valid nhs_number, routes/results.yaml:9)",
    ]


def test_edits_come_behind_the_dialect_and_before_guards_and_routes(run_tests_of: RunTests) -> None:
    files = {
        "dialects/north.yaml": "dialect: north\nchange:\n  - set_text: {PV1-10: Y06602, PID-9: north}\n",
        "guards/safe.yaml": "guard: safe\ncheck:\n  - that: MSH-11 = 'P'\n    else: {hold: not_live}\n",
    }
    facts = feed("lims", dialect="north", guards=("safe",))
    edited = trial(f"with: {{PV1-10: Y06601}}\n{GOOD}")
    guarded = trial("with: {MSH-11: T}\nexpect: {held: not_live}", name="guarded")

    assert told(run_tests_of(route_with(edited, guarded), files=files, feeds=facts)) == []


def test_an_edit_empties_or_nulls_and_may_use_the_routes_own_names(run_tests_of: RunTests) -> None:
    emptied = trial("with: {nhs_number: ''}\nexpect: {held: no_nhs_number}")
    nulled = trial(
        "with: {PV1-10: '\"\"'}\nexpect: {sent: {archive: {PV1-10: '\"\"'}}, held: no_practice}", name="b"
    )

    assert told(run_tests_of(route_with(emptied, nulled))) == []


def test_an_edit_of_a_whole_field_is_of_all_its_repetitions(run_tests_of: RunTests) -> None:
    emptied = trial("with: {PID-3: ''}\nexpect: {held: no_nhs_number}")
    several = trial(
        "with: {PID-3: A^^^HOSP^MR~9990000026^^^NHS^NH, PID-5: EXAMPLE^ANN, OBX-3.2: a^b}\n"
        "expect:\n  sent:\n    gp_message @ Y06601:\n    archive:\n      PID-3[2].1: 9990000026\n"
        "      PID-3.5: MR\n      PID-5.2: ANN\n      OBX-3.2: a^b",
        name="b",
    )
    one = trial("with:\n  PID-3[1]: ''\nexpect: {sent: [archive, gp_message @ Y06601]}", name="c")
    samples = {"samples/oru.hl7": ORU.replace(b"PID|1||", b"PID|1||1^^^H^MR~")}

    assert told(run_tests_of(route_with(emptied, several, one), samples=samples)) == []


def test_a_destination_may_have_no_values_to_look_at(run_tests_of: RunTests) -> None:
    assert (
        told(run_tests_of(route_with(trial("expect: {sent: {archive: {}, gp_message @ Y06601: {}}}")))) == []
    )


def test_an_edit_that_the_message_cannot_hold_is_told(run_tests_of: RunTests) -> None:
    body = f"with: {{PID-5.1: Łucja}}\n{GOOD}"
    samples = {"samples/oru.hl7": ORU.replace(b"|P|2.4", b"|P|2.4||||||8859/1")}
    [line] = told(run_tests_of(route_with(trial(body)), samples=samples))

    assert line == "with: PID-5.1 → the message's character set lacks a character of the value"


def test_rows_of_a_test_replace_those_of_their_key_and_of_no_other_test(run_tests_of: RunTests) -> None:
    changed = trial(
        "tables:\n  lab_codes:\n    - {code: HB, national_code: 77}\n"
        "expect: {sent: {archive: {OBX-3.1: 77}, gp_message @ Y06601: }}"
    )
    added = trial(
        "tables: {gp_directory: [[Y06609, paper]]}\nwith: {PV1-10: Y06609}\n"
        "expect: {sent: [gp_message @ Y06609, archive]}",
        name="b",
    )
    plain = trial("expect: {sent: {archive: {OBX-3.1: 1022431}, gp_message @ Y06601: }}", name="c")

    assert told(run_tests_of(route_with(changed, added, plain))) == []


def test_rows_for_a_table_that_the_dialect_replaces_go_into_the_one_that_is_read(
    run_tests_of: RunTests,
) -> None:
    files = {"dialects/north.yaml": "dialect: north\ntables: {lab_codes: north_codes}\n"}
    plain = trial("expect: {sent: {archive: {OBX-3.1: 900}, gp_message @ Y06601: }}")
    changed = trial(
        "tables: {lab_codes: [{code: HB, national_code: 77}]}\n"
        "expect: {sent: {archive: {OBX-3.1: 77}, gp_message @ Y06601: }}",
        name="b",
    )
    facts = feed("lims", dialect="north")

    assert told(run_tests_of(route_with(plain, changed), files=files, feeds=facts)) == []


def test_a_reject_is_expected_by_its_words_and_told_to_the_sender_as_the_feed_says(
    run_tests_of: RunTests,
) -> None:
    body = "with: {MSH-11: D}\nexpect: {ack: %s, rejected: No debugging here}"

    assert told(run_tests_of(route_with(trial(body % "AE")))) == []
    assert told(run_tests_of(route_with(trial(body % "AR")), feeds=feed("lims", reject_as="AR"))) == []


@pytest.mark.parametrize(
    ("header", "facts", "ack"),
    [
        (b"|P|2.4", {}, "AA"),
        (b"|P|2.4|||AL|NE", {}, "CA"),
        (b"|P|2.4|||NE|NE", {}, "none"),
        (b"|P|2.4|||NE|NE", {"answers": "always"}, "AA"),
    ],
)
def test_the_acknowledgement_is_the_one_that_the_sample_asks_for(
    run_tests_of: RunTests, header: bytes, facts: dict[str, object], ack: str
) -> None:
    body = GOOD.replace("ack: AA", f"ack: {ack}")
    samples = {"samples/oru.hl7": ORU.replace(b"|P|2.4", header)}

    assert told(run_tests_of(route_with(trial(body)), samples=samples, feeds=feed("lims", **facts))) == []


@pytest.mark.parametrize(
    ("sample", "ack"),
    [(b"PID|1\r", "AR"), (ORU.replace(b"|M1|", b"||"), "AE"), (ORU.replace(b"ORU^R01", b"ACK"), "none")],
)
def test_what_the_door_refuses_reaches_no_route(run_tests_of: RunTests, sample: bytes, ack: str) -> None:
    body = f"expect: {{ack: {ack}}}"

    assert told(run_tests_of(route_with(trial(body)), samples={"samples/oru.hl7": sample})) == []


def test_a_batch_is_decided_message_by_message_and_its_outcomes_are_listed_together(
    run_tests_of: RunTests,
) -> None:
    lines = b"\n".join(
        (b"FHS|^~\\&", b"BHS|^~\\&", *ORU.split(b"\r"), *ORU.split(b"\r"), b"BTS|%d", b"FTS|1")
    )
    body = "expect:\n  ack: [AA, AA]\n  sent: [gp_message @ Y06601, gp_message @ Y06601, archive, archive]"
    good = trial(body, given="samples/batch.hl7")

    assert told(run_tests_of(route_with(good), samples={"samples/batch.hl7": lines % 2})) == []
    wrong = trial("expect: {held: batch_count}", given="samples/batch.hl7")
    assert told(run_tests_of(route_with(wrong), samples={"samples/batch.hl7": lines % 3})) == []


@pytest.mark.parametrize(
    ("pretend", "extra"),
    [
        ("{gp_message: silent, for: 5d}", ["print_room @ Y06601"]),
        ("{gp_message: silent}", ["print_room @ Y06601"]),
        ("{gp_message: silent, for: 2d}", []),
        ("{gp_message: unreachable, for: 2h}", []),
        ("{gp_message: unreachable, for: 5d}", ["print_room @ Y06601"]),
        ("{gp_message: refusing, for: 5d}", ["print_room @ Y06601"]),
        ("{archive: unreachable, for: 5d}", []),
    ],
)
def test_the_clock_runs_until_nothing_is_due(run_tests_of: RunTests, pretend: str, extra: list[str]) -> None:
    sent = ", ".join(["gp_message @ Y06601", "archive", *extra])
    body = f"pretend: {pretend}\nexpect: {{sent: [{sent}]}}"

    assert told(run_tests_of(route_with(trial(body)))) == []


def test_a_fallback_that_the_test_does_not_expect_is_told_with_its_cause(run_tests_of: RunTests) -> None:
    body = "pretend: {gp_message: silent, for: 5d}\nexpect: {sent: [gp_message @ Y06601, archive]}"

    assert told(run_tests_of(route_with(trial(body)))) == [
        "sent: (nothing) → print_room @ Y06601  (in place of gp_message @ Y06601, whose proof did not come)"
    ]


def test_earlier_recipients_are_those_that_the_test_names(run_tests_of: RunTests) -> None:
    send = "  - to: earlier_recipients\n    same: [OBR-3.1]\n  - to: archive\n"
    route = f"route: results\nfrom: [lims]\nsend:\n{send}"
    body = "earlier: [gp_message @ Y06602, archive]\nexpect: {sent: [gp_message @ Y06602, archive]}"

    assert told(run_tests_of(route_with(trial(body), route=route))) == []


def test_the_moment_of_a_test_is_its_own_or_the_usual_monday_morning(run_tests_of: RunTests) -> None:
    route = (
        "route: results\nfrom: [lims]\ncheck:\n"
        "  - that: received >= '2026-01-05T00:00+00:00'\n    else: {hold: early}\n"
        "  - that: received < '2026-01-06T00:00+00:00'\n    else: {hold: late}\nsend:\n  - to: archive\n"
    )
    usual = trial("expect: {sent: archive}")
    own = trial("received: 2026-01-04T23:59:00+00:00\nexpect: {held: early}", name="b")

    assert told(run_tests_of(route_with(usual, own, route=route))) == []


PASSING = "route: first\nfrom: [lims]\nsend:\n  - pass_to: second\n  - to: archive\n"
SECOND = (
    "route: second\nfrom: [pas]\nchange:\n  - set_text: {MSH-5: SECOND}\nsend:\n  - to: print_room\n"
    "    address: PV1-10\n    else: {warn: unknown}\n  - to: refuser\n"
)
OTHER = (
    "route: other\nfrom: [lims]\ncheck:\n  - that: MSH-11 = 'P'\n    else: {reject: Not live}\n"
    "send:\n  - to: archive\n"
)


def test_a_test_speaks_of_routes_that_its_own_passes_to_and_of_no_others(run_tests_of: RunTests) -> None:
    body = "expect: {sent: {archive: , print_room @ Y06601: {MSH-5: SECOND}, refuser: }}"
    passed = "feed: lims\nexpect: {sent: [print_room @ Y06601, refuser]}"
    results = run_tests_of(
        route_with(trial(body), route=PASSING),
        route_with(
            trial(passed), trial("expect: {sent: [print_room @ Y06601, refuser]}", name="b"), route=SECOND
        ),
    )

    assert told(results) == []


def test_a_copy_that_merged_with_another_routes_counts_for_both(run_tests_of: RunTests) -> None:
    body = trial("expect: {sent: archive}")
    first = "route: alone\nfrom: [lims]\nsend:\n  - to: archive\n"

    assert told(run_tests_of(route_with(body, route=first), route_with(body, route=OTHER))) == []


def test_a_reject_anywhere_ends_the_message_for_every_route(run_tests_of: RunTests) -> None:
    body = trial("with: {MSH-11: T}\nexpect: {ack: AE, rejected: Not live}")
    first = "route: alone\nfrom: [lims]\nsend:\n  - to: archive\n"

    assert told(run_tests_of(route_with(body, route=first), OTHER)) == []


def test_what_a_dialect_warns_of_may_be_expected_and_need_not_be(run_tests_of: RunTests) -> None:
    dialect = "dialect: north\ncheck:\n  - that: PID-9 is present\n    else: {warn: Nothing there}\n"
    silent = trial(GOOD)
    spoken = trial(f"{GOOD}\n  warned: Nothing there", name="b")
    facts = feed("lims", dialect="north")

    assert (
        told(run_tests_of(route_with(silent, spoken), files={"dialects/north.yaml": dialect}, feeds=facts))
        == []
    )


def test_pieces_for_one_address_are_a_list_in_any_order(run_tests_of: RunTests) -> None:
    route = "route: results\nfrom: [lims]\nchange:\n  - split: OBR\nsend:\n  - to: archive\n"
    two = {"samples/two.hl7": ORU + b"OBR|2||F13|UE\rOBX|1|NM|NA^Na^L||140\r"}
    body = "expect:\n  sent:\n    - archive: {OBR-3: F13}\n    - archive: {OBR-3: %s}"
    good = trial(body % "F12", given="samples/two.hl7")
    bad = trial(body % "F99", given="samples/two.hl7")

    assert told(run_tests_of(route_with(good, route=route), samples=two)) == []
    assert told(run_tests_of(route_with(bad, route=route), samples=two)) == ["archive  OBR-3: F99 → F12"]


def test_every_element_of_a_path_with_an_asterisk_must_have_the_value(run_tests_of: RunTests) -> None:
    body = "expect:\n  sent:\n    gp_message @ Y06601:\n    archive:\n      OBX[*]-11: F\n      OBX[*]-2: TX"

    assert told(run_tests_of(route_with(trial(body)))) == ["archive  OBX[*]-2: TX → NM"]
    two = {"samples/oru.hl7": ORU + b"OBX|2|ST|HB^Hb^L||low|g/L|||||F\r"}
    both = body.replace("OBX[*]-2: TX", "OBX[*]-2: NM")
    assert told(run_tests_of(route_with(trial(both)), samples=two)) == ["archive  OBX[*]-2: NM → NM, ST"]


def test_on_a_live_site_tests_still_take_numbers_that_belong_to_nobody() -> None:
    plan = site_of(route_with(trial(GOOD)), settings=SiteFacts(live=True))

    assert run_tests(plan, SAMPLES) == ()
    [live] = decide(plan, "lims", ORU, Known(0)).routes
    assert [held.tray for held in live.held] == ["no_nhs_number"]


def test_what_fails_is_named_without_content() -> None:
    plan = site_of(route_with(trial("with: {PID-5.1: CANARY}\nexpect: {sent: {archive: {PID-5.1: OTHER}}}")))
    failed = run_tests(plan, SAMPLES)

    assert failed == (Failed("results", "it works", failed[0].spot),)
    assert str(failed[0]) == "routes/results.yaml:29: the test of route results fails: it works"


def test_a_sample_that_is_gone_fails_its_test_and_no_other() -> None:
    plan = site_of(
        route_with(trial(GOOD), trial("expect: {not_wanted: not_a_result}", "samples/adt.hl7", "b"))
    )

    assert [failed.name for failed in run_tests(plan, {"samples/oru.hl7": ORU})] == ["b"]


def test_tests_with_the_same_rows_share_one_compiled_feed() -> None:
    rows = "tables: {lab_codes: [{code: HB, national_code: 77}]}\n"
    body = f"{rows}expect: {{sent: {{archive: {{OBX-3.1: 77}}, gp_message @ Y06601: }}}}"
    plan = site_of(route_with(*(trial(body, name=str(number)) for number in range(5))))
    runner = Runner(plan, SAMPLES)
    route = runner.origin.files.routes["results"]

    assert all(runner.run(route, each).passed for each in route.tests)
    assert len({id(feed) for feed in runner._compiled.values()}) == 1


@pytest.mark.parametrize(
    ("status", "expect"),
    [
        ("P", "{held: overtaken, sent: archive}"),  # the final one went there before
        ("F", "{sent: [gp_message @ Y06601, archive]}"),
    ],
)
def test_a_preliminary_result_is_held_for_those_whom_the_test_says_had_the_final_one(
    run_tests_of: RunTests, status: str, expect: str
) -> None:
    send = "  - to: gp_message\n    address: PV1-10\n  - to: archive\n"
    send += "  - to: earlier_recipients\n    same: [OBR-3.1]\n    when: OBX-11 = 'C'\n"
    route = f"route: results\nfrom: [lims]\nsend:\n{send}"
    body = f"with: {{OBX-11: {status}, OBR-3.1: R1}}\nearlier_final: [gp_message @ Y06601]\nexpect: {expect}"

    assert told(run_tests_of(route_with(trial(body), route=route))) == []


def test_an_earlier_recipient_that_is_gone_is_held_and_no_mistake_of_the_test(run_tests_of: RunTests) -> None:
    send = "  - to: earlier_recipients\n    same: [OBR-3.1]\n  - to: archive\n"
    route = f"route: results\nfrom: [lims]\nsend:\n{send}"
    body = "earlier: [gp_message @ Z99999, fax]\nexpect: {held: unknown_address, sent: archive}"

    assert told(run_tests_of(route_with(trial(body), route=route))) == []


def test_findings_of_a_profile_may_be_expected_and_need_not_be(run_tests_of: RunTests) -> None:
    files = {
        "profiles/shape.yaml": "profile: shape\npaths:\n  PID-9:\n    required: yes\n    severity: warning\n"
        "    words: No other name\n"
    }
    route = (
        "route: results\nfrom: [lims]\ncheck:\n  - conforms_to: shape\n    else: {hold: odd}\n"
        "send:\n  - to: archive\n"
    )
    [result] = run_tests_of(route_with(trial("expect: {sent: archive}"), route=route), files=files)
    assert result.happened is not None
    [finding] = result.happened.side
    listed = f'expect: {{sent: {{archive: {{}}}}, warned: "{finding.words}"}}'

    assert told([result]) == []
    assert told(run_tests_of(route_with(trial(listed), route=route), files=files)) == []
