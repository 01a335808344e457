"""Each change verb on invented messages: what it writes, and what it leaves alone."""

from __future__ import annotations

from collections.abc import Callable

import pytest

from routes.flow.decision import Decision

Change = Callable[..., str]
Run = Callable[..., Decision]

MSH = rb"MSH|^~\&|LIMS|NFD|X|Y|20260105||ORU^R01|M1|P|2.5.1"


def lines(*segments: str) -> bytes:
    return b"\r".join([MSH, *(segment.encode() for segment in segments)]) + b"\r"


def after(text: str) -> list[str]:
    """Everything behind MSH."""
    return text.split("\n")[1:]


def test_set_writes_an_expression_escaped(change: Change) -> None:
    got = change("  - set: {PV1-3.1: \"'A&' & PID-8\"}", lines("PID|1|||||||F", "PV1|1|O|"))

    assert after(got)[1] == r"PV1|1|O|A\T\F"


def test_set_from_one_path_copies_the_structure(change: Change) -> None:
    got = change("  - set: {PV1-7: PV1-8}", lines(r"PV1|1||||||^old|G1^DOE&X^J\T\K~G2"))

    assert after(got) == [r"PV1|1||||||G1^DOE&X^J\T\K|G1^DOE&X^J\T\K~G2"]


def test_set_through_a_name_for_a_path_copies_the_structure_too(run: Run) -> None:
    route = (
        "route: r\nfrom: [lims]\nnames:\n  doctor: PV1-8\n  asked: doctor\n"
        "change:\n  - set: {PV1-7: asked}\nsend:\n  - to: archive\n"
    )
    body = run(route, lines("PV1|1|||||||G1^DOE&X")).routes[0].copies[0].body

    assert body.endswith(b"PV1|1||||||G1^DOE&X|G1^DOE&X\r")


def test_several_paths_under_one_set_are_computed_first_and_written_together(change: Change) -> None:
    got = change("  - set: {MSH-5: MSH-6, MSH-6: MSH-5}", lines())

    assert got.startswith(r"MSH|^~\&|LIMS|NFD|Y|X|")


def test_names_are_read_anew_after_a_change(run: Run) -> None:
    route = (
        "route: r\nfrom: [lims]\nnames:\n  site: MSH-4 & '1'\n"
        "change:\n  - set: {MSH-5: site}\n  - set_text: {MSH-4: NEW}\n  - set: {MSH-6: site}\n"
        "send:\n  - to: archive\n"
    )

    assert run(route, lines()).routes[0].copies[0].body.startswith(rb"MSH|^~\&|LIMS|NEW|NFD1|NEW1|")


def test_set_text_takes_the_text_as_it_stands(change: Change) -> None:
    got = change("  - set_text: {MSH-5: GP, MSH-12: 2.5.1, PV1-2: no}", lines("PV1|1|O"))

    assert got.startswith(r"MSH|^~\&|LIMS|NFD|GP|Y|20260105||ORU^R01|M1|P|2.5.1")
    assert after(got) == ["PV1|1|no"]


def test_set_writes_every_place_of_a_starred_path(change: Change) -> None:
    got = change("  - set_text:\n      OBX[*]-11: C", lines("OBX|1||||||||||F", "OBX|2||||||||||P"))

    assert after(got) == ["OBX|1||||||||||C", "OBX|2||||||||||C"]


def test_set_from_an_absent_value_empties_and_with_else_takes_it(change: Change, run: Run) -> None:
    assert "|NFD|X||2026" in change("  - set: {MSH-6: ZZZ-3}", lines())

    route = (
        "route: r\nfrom: [lims]\nchange:\n  - set: {MSH-6: ZZZ-3}\n    else: {hold: no_practice}\n"
        "send:\n  - to: archive\n"
    )
    held = run(route, lines()).routes[0].held[0]

    assert (held.tray, held.where, held.entry) == ("no_practice", "routes/r.yaml:4", False)


def test_move_takes_structure_and_empties_its_source(change: Change) -> None:
    got = change(
        "  - move:\n      from: PID-2.1\n      to: PID-3[5='NH'].1", lines("PID|1|9990000018|L7^^^N^MR")
    )

    assert after(got) == ["PID|1||L7^^^N^MR~9990000018^^^^NH"]


def test_move_of_one_match_leaves_the_other_matches(change: Change) -> None:
    got = change("  - move:\n      from: PID-3[5='MR']\n      to: PID-4", lines("PID|1||A^^^^MR~B^^^^MR"))

    assert after(got) == ["PID|1||B^^^^MR|A^^^^MR"]


@pytest.mark.parametrize("verb", ["copy", "move"])
def test_copy_and_move_from_an_absent_place_do_nothing(change: Change, verb: str) -> None:
    got = change(f"  - {verb}: {{from: PID-2, to: PID-4}}", lines("PID|1||A|keep"))

    assert after(got) == ["PID|1||A|keep"]


def test_copy_carries_null(change: Change) -> None:
    assert after(change("  - copy: {from: PID-2, to: PID-4}", lines('PID|1|""||x'))) == ['PID|1|""||""']


def test_remove_takes_every_match(change: Change) -> None:
    got = change(
        "  - remove: NTE[2='INTERNAL']\n  - remove:\n    - PID-3[5='MR']\n    - PID-13",
        lines(
            "PID|1||A^^^^MR~B^^^^NH~C^^^^MR||||||||||0123",
            "NTE|1|INTERNAL|x",
            "NTE|2|P|y",
            "NTE|3|INTERNAL|z",
        ),
    )

    assert after(got) == ["PID|1||B^^^^NH||||||||||", "NTE|2|P|y"]


def test_translate_maps_components_and_keeps_the_original(change: Change) -> None:
    step = (
        "  - translate: OBX[*]-3\n    using: lab_codes\n"
        "    into: {1: national_code, 2: national_name, 3: system}\n"
    )
    message = lines("OBX|1|NM|HB^Hb^L||120", "OBX|2|NM|||1", 'OBX|3|NM|""||1')

    kept = after(change(step + "    original: alternate", message))
    dropped = after(change(step, message))
    noted = after(change(step + "    original: note", message))

    assert kept == ["OBX|1|NM|1022431^Haemoglobin^SCT^HB^Hb^L||120", "OBX|2|NM|||1", 'OBX|3|NM|""||1']
    assert dropped[0] == "OBX|1|NM|1022431^Haemoglobin^SCT||120"
    assert noted[:2] == ["OBX|1|NM|1022431^Haemoglobin^SCT||120", "NTE|||HB"]


def test_a_code_that_is_not_in_the_table_follows_the_tables_policy(run: Run) -> None:
    route = (
        "route: r\nfrom: [lims]\nchange:\n  - translate: OBX[*]-3\n    using: lab_codes\n"
        "    into: {1: national_code}\nsend:\n  - to: archive\n"
    )
    message = lines("OBX|1|NM|HB", "OBX|2|NM|XX")

    held = run(route, message).routes[0].held[0]
    kept = run(route, message, tables={"tables/lab_codes.yaml": "on_miss: keep\n"}).routes[0].copies[0].body
    default = "on_miss: default\ndefault: {national_code: '0'}\n"
    filled = run(route, message, tables={"tables/lab_codes.yaml": default}).routes[0].copies[0].body
    warned = run(route.replace("\nsend", "\n    else: {warn: odd code}\nsend"), message).routes[0]

    assert (held.tray, held.reason) == ("unknown_code", "a code in OBX[*]-3 is not in lab_codes")
    assert kept.endswith(b"OBX|1|NM|1022431\rOBX|2|NM|XX\r")
    assert filled.endswith(b"OBX|2|NM|0\r")
    assert warned.warnings[0].words == "odd code"
    assert warned.copies[0].body.endswith(b"OBX|1|NM|HB\rOBX|2|NM|XX\r"), "wholly or not at all"


def test_reformat_changes_dates_and_keeps_their_precision(change: Change) -> None:
    got = change(
        "  - reformat: PID-7\n    from: DD/MM/YYYY\n    as: date\n"
        "  - reformat:\n      OBR[*]-7\n    from: datetime\n    as: datetime\n    zone: Europe/London",
        lines("PID|1||||||05/01/1980", "OBR|1||||||202607011200", "OBR|2||||||20260701", "OBR|3||||||"),
    )

    assert after(got) == [
        "PID|1||||||19800105",
        "OBR|1||||||202607011200+0100",
        "OBR|2||||||20260701",
        "OBR|3||||||",
    ]


@pytest.mark.parametrize("time", ["202610250130", "202603290130"])
def test_a_clock_time_that_came_twice_or_never_takes_the_else(run: Run, time: str) -> None:
    route = (
        "route: r\nfrom: [lims]\nchange:\n  - reformat: OBR-7\n    from: datetime\n    as: datetime\n"
        "    zone: feed\n    else: {hold: doubtful_time}\nsend:\n  - to: archive\n"
    )
    decision = run(route, lines(f"OBR|1||||||{time}"), feed={"timezone": "Europe/London"})

    assert decision.routes[0].held[0].tray == "doubtful_time"


def test_a_date_that_cannot_be_read_is_held_without_its_content(run: Run) -> None:
    route = (
        "route: r\nfrom: [lims]\nchange:\n  - reformat: PID-7\n    from: DD/MM/YYYY\n    as: date\n"
        "send:\n  - to: archive\n"
    )
    held = run(route, lines("PID|1||||||CANARY")).routes[0].held[0]

    assert (held.tray, held.reason) == ("unreadable_value", "PID-7 is not written as DD/MM/YYYY")


def test_texts_are_edited_value_by_value_and_delimiters_stay(change: Change) -> None:
    message = lines(r'PID|1||||Doe^ann&b^""~Roe\T\x^ c ', "NTE|1||a-b-c")
    got = change(
        "  - upper: PID-5\n  - trim:\n      - PID-5[2].2\n"
        "  - replace: NTE[*]-3\n    find: '-'\n    with: '|'",
        message,
    )

    assert after(got) == [r'PID|1||||DOE^ANN&B^""~Roe\T\x^c', r"NTE|1||a\F\b\F\c"]


def test_what_stands_in_a_text_for_its_form_is_no_text_to_change(change: Change) -> None:
    got = change(
        "  - upper: OBX[1]-5\n  - lower: OBX[2]-5\n  - trim: OBX[3]-5\n"
        "  - replace: OBX[4]-5\n    find: b\n    with: x\n"
        "  - replace: OBX[5]-5\n    find: \\.br\\\n    with: ' / '\n",
        lines(
            r"OBX|1||||one\.br\two\T\three",
            r"OBX|2||||\H\ONE\N\ TWO",
            r"OBX|3|||| one \.br\ two ",
            r"OBX|4||||ab\.br\b",
            r"OBX|5||||a\.br\b",
        ),
    )

    assert after(got) == [
        r"OBX|1||||ONE\.br\TWO\T\THREE",
        r"OBX|2||||\H\one\N\ two",
        r"OBX|3||||one \.br\ two",
        r"OBX|4||||ax\.br\x",
        r"OBX|5||||a / b",
    ]


def test_for_each_works_on_it_and_asks_when_for_each(change: Change) -> None:
    got = change(
        "  - for_each: OBX[*]\n    when: it-8 = 'HH'\n    change:\n      - set_text: {it-9: crit}\n"
        "      - copy: {from: it-3, to: it-4}",
        lines("OBX|1|NM|HB||1|||HH", "OBX|2|NM|NA||2|||N", "OBX|3|NM|K||3|||HH"),
    )

    assert after(got) == ["OBX|1|NM|HB|HB|1|||HH|crit", "OBX|2|NM|NA||2|||N", "OBX|3|NM|K|K|3|||HH|crit"]


def test_for_each_may_add_and_remove_where_it_stands(change: Change) -> None:
    got = change(
        "  - for_each: OBX[*]\n    change:\n      - add: NTE\n        after: it\n        set: {NTE-3: it-5}\n"
        "  - for_each: OBX[*]\n    when: it-5 = '2'\n    change:\n      - remove: it",
        lines("OBX|1||||1", "OBX|2||||2", "OBX|3||||3"),
    )

    assert after(got) == ["OBX|1||||1", "NTE|||1", "NTE|||2", "OBX|3||||3", "NTE|||3"]


FOR_EACH = (
    "route: r\nfrom: [lims]\nchange:\n  - for_each: OBX[*]\n    change:\n      - set_text: {{it-9: seen}}\n"
    "      - reformat: it-14\n        from: YYYYMMDD\n        as: DD/MM/YYYY\n{own}    else: {other}\n"
    "send:\n  - to: archive\n"
)
DATED = lines("OBX|1|||||||||||||20260105", "OBX|2|||||||||||||soon")


def test_what_cannot_be_done_for_each_takes_the_else_of_the_for_each(run: Run) -> None:
    held = run(FOR_EACH.format(own="", other="{hold: odd_dates}"), DATED).routes[0].held
    decided = run(FOR_EACH.format(own="", other="{warn: odd date}"), DATED).routes[0]

    assert [(one.tray, one.reason) for one in held] == [("odd_dates", "it-14 is not written as YYYYMMDD")]
    assert [one.words for one in decided.warnings] == ["odd date"]
    assert decided.copies[0].body == DATED, "wholly or not at all"


def test_a_step_within_for_each_takes_its_own_else_first(run: Run) -> None:
    own = "        else: {warn: its own}\n"
    decided = run(FOR_EACH.format(own=own, other="{hold: odd_dates}"), DATED).routes[0]

    assert [one.words for one in decided.warnings] == ["its own"]
    assert decided.copies[0].body.endswith(b"OBX|1||||||||seen|||||05/01/2026\rOBX|2||||||||seen|||||soon\r")


def test_the_else_of_an_outer_for_each_is_for_the_inner_one_as_well(run: Run) -> None:
    route = (
        "route: r\nfrom: [lims]\nchange:\n  - for_each: OBX[*]\n    change:\n      - for_each: it-8[*]\n"
        "        change:\n          - reformat: it\n            from: YYYYMMDD\n            as: DD/MM/YYYY\n"
        "    else: {hold: odd_dates}\nsend:\n  - to: archive\n"
    )

    assert [one.tray for one in run(route, lines("OBX|1|||||||20260105~x")).routes[0].held] == ["odd_dates"]


def test_add_fills_components_and_copies_structure(change: Change) -> None:
    got = change(
        "  - add: OBX\n    after: OBR\n    set_text: {OBX-2: ST, OBX-3.1: H, OBX-3.2: a^b, OBX-3.5.2: s}\n"
        "    set: {OBX-1: OBR-1, OBX-5: OBR-4, OBX-6: OBR-4.1}",
        lines("OBR|7|||FBC^Full"),
    )

    assert after(got)[1:] == [r"OBX|7|ST|H^a\S\b^^^&s||FBC^Full|FBC"]


def test_an_alternate_takes_its_coding_system_along(change: Change) -> None:
    step = (
        "  - translate: OBX[*]-3\n    using: lab_codes\n    into: {1: national_code}\n    original: alternate"
    )

    assert after(change(step, lines("OBX|1|NM|HB^Hb^L"))) == ["OBX|1|NM|1022431^Hb^^HB^Hb^L"]


def test_add_puts_a_segment_before_or_behind_a_place(change: Change) -> None:
    got = change(
        "  - add: ZRT\n    before: OBR[1]\n    set_text: {ZRT-2: a|b}\n    set: {ZRT-1: MSH-4}",
        lines("OBR|1"),
    )

    assert after(got) == [r"ZRT|NFD|a\F\b", "OBR|1"]


def test_a_step_with_when_is_passed_over_where_it_is_not_true(change: Change) -> None:
    got = change("  - set_text: {MSH-5: GP}\n    when: MSH-4 = 'OTHER'", lines())

    assert got == lines().decode().strip("\r")


def test_with_an_else_that_warns_a_step_is_done_wholly_or_not_at_all(run: Run) -> None:
    route = (
        "route: r\nfrom: [lims]\nchange:\n  - set_text:\n      MSH-5: GP\n      OBX[7]-3: x\n"
        "    else: {warn: no seventh result}\nsend:\n  - to: archive\n"
    )
    message = lines("OBX|1")
    made = run(route, message).routes[0]

    assert made.warnings[0].words == "no seventh result"
    assert made.copies[0].body == message


def test_untouched_segments_go_out_byte_for_byte(change: Change, run: Run) -> None:
    odd = MSH + b"\rZZZ|\xff\xfe|a\\b||\rPID|1|||||||F||||\r"
    route = "route: r\nfrom: [lims]\nchange:\n  - set_text: {PID-8: M}\nsend:\n  - to: archive\n"

    assert run(route, odd).routes[0].copies[0].body == odd.replace(b"|F||||", b"|M||||")
