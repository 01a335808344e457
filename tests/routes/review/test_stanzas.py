"""A stanza written of what happened is a test that passes."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from routes.hl7.message import Message
from routes.language.problems import Problems, Spot
from routes.language.source import Block, Scalar, read_yaml
from routes.language.trials import Trial
from routes.review import run_all
from routes.review.running import Runner
from routes.review.stanza import MAX_VALUES, Sampled, _scalar, changed_values, outcome_of, write_stanza
from tests.routes.review.conftest import ORU, SAMPLES, site_of

ROUTE = """\
route: results
from: [lims]
check:
  - that: PID-3 is present
    else: {hold: no_number}
  - that: OBX-3.1 = 'NA'
    else: {warn: "Not: 'sodium' # at all"}
change:
  - set_text: {MSH-5: "a: b", MSH-6: ''}
  - set_text:
      OBX[1]-3.2: '0123'
%ssend:
  - to: gp_message
    address: PV1-10
  - to: archive
"""


def stanza_for(route: str, sample: bytes = ORU, received: str = "") -> str:
    plan = site_of(route)
    runner = Runner(plan, {})
    spot = Spot("routes/results.yaml")
    trial = Trial(spot, Scalar("a", spot), Scalar("samples/oru.hl7", spot), None)
    happened = runner.happen(runner.origin.files.routes["results"], trial, sample)
    sampled = Sampled("what: 'it' does", "samples/oru.hl7", "lims", received)
    return write_stanza(sampled, happened, Message.parse(sample), "cr")


def test_a_stanza_expects_what_happened_with_the_values_that_were_changed() -> None:
    route = ROUTE % ""
    stanza = stanza_for(route, received="2026-03-04T05:06:07+00:00")

    assert stanza == (
        "  - name: \"what: 'it' does\"\n"
        "    given: samples/oru.hl7\n"
        "    feed: lims\n"
        "    received: 2026-03-04T05:06:07+00:00\n"
        "    expect:\n"
        "      ack: AA\n"
        "      sent:\n"
        "        gp_message @ Y06601:\n"
        '          MSH-5: "a: b"\n'
        "          MSH-6: ''\n"
        "          OBX-3.2: 0123\n"
        "        archive:\n"
        '          MSH-5: "a: b"\n'
        "          MSH-6: ''\n"
        "          OBX-3.2: 0123\n"
        "      warned: \"Not: 'sodium' # at all\"\n"
    )
    plan = site_of(f"{route}tests:\n{stanza}")
    assert [result.differences for result in run_all(plan, SAMPLES)] == [()]


def test_a_stanza_of_pieces_is_a_list_and_passes_too() -> None:
    route = ROUTE % "  - split: OBR\n"
    two = ORU + b"OBR|2||F13|UE\rOBX|1|NM|NA^Na^L||140\r"
    stanza = stanza_for(route, two)

    assert "        - archive:\n" in stanza
    plan = site_of(f"{route}tests:\n{stanza}", samples={"samples/oru.hl7": two})
    assert [result.differences for result in run_all(plan, {"samples/oru.hl7": two})] == [()]


def test_a_held_message_is_expected_in_its_tray() -> None:
    assert stanza_for(ROUTE % "", ORU.replace(b"9990000018^^^NHS^NH", b"")).endswith(
        "      ack: AA\n      held: no_number\n"
    )


def test_of_many_changes_the_first_are_expected() -> None:
    many = "".join(f"      ZZZ-{number}: v{number}\n" for number in range(1, 20))
    stanza = stanza_for(ROUTE % f"  - set_text:\n{many}")

    assert stanza.count("ZZZ") == 0  # a segment that the sample does not have is not compared
    wide = "".join(f"      PID-{number}: v{number}\n" for number in range(9, 30))
    assert stanza_for(ROUTE % f"  - set_text:\n{wide}").count("PID-") == 2 * (MAX_VALUES - 2)


def test_changes_are_told_by_component_and_repetition() -> None:
    before = Message.parse(b"MSH|^~\\&|A\rPID|1||1^^X~2^^Y||N\rNTE|1|a\rNTE|2|b\r")
    after = Message.parse(b"MSH|^~\\&|B\rPID|1||1^^X~2^^Z~3||\rNTE|1|a\rNTE|2|c\\T\\d\r")

    assert changed_values(before, after) == [
        ("MSH-3", "B"), ("PID-3[2].3", "Z"), ("PID-3[3]", "3"), ("PID-5", ""), ("NTE[2]-2", "c&d"),
    ]  # fmt: skip


def test_segments_that_came_or_went_are_not_compared() -> None:
    assert (
        changed_values(Message.parse(b"MSH|^~\\&\rNTE|1\r"), Message.parse(b"MSH|^~\\&\rNTE|2\rNTE|1\r"))
        == []
    )


def test_two_ways_are_the_same_whatever_the_content() -> None:
    plan = site_of(ROUTE % "")
    runner = Runner(plan, {})
    spot = Spot("routes/results.yaml")
    trial = Trial(spot, Scalar("a", spot), Scalar("samples/oru.hl7", spot), None)
    route = runner.origin.files.routes["results"]
    ways = [outcome_of(runner.happen(route, trial, data)) for data in (
        ORU, ORU.replace(b"TESTER", b"OTHER"), ORU.replace(b"HB^", b"NA^"),
    )]  # fmt: skip

    assert ways[0] == ways[1] != ways[2]


@given(
    st.text(
        st.characters(codec="utf-8", exclude_categories=("Cs", "Cc", "Co", "Cn", "Zl", "Zp")), max_size=30
    )
)
def test_every_text_reads_back_as_it_was_written(text: str) -> None:
    problems = Problems()
    node = read_yaml("x.yaml", f"a: {_scalar(text)}\n", problems)
    if problems.found:  # an invisible character, which no site file may hold
        return
    assert isinstance(node, Block)
    value = node.get("a")
    assert isinstance(value, Scalar)
    assert value.value == text
