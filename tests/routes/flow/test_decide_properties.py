"""Whatever arrives, the decision ends in a named outcome, never fails, and is always the same."""

from __future__ import annotations

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from routes.flow.decide import decide
from routes.flow.decision import Known
from routes.language.plan import ChannelFacts, FeedFacts, Plan, SiteFacts, compile_plan
from routes.language.problems import Problems

FULL = """
route: everything
from: [lims]
accept:
  - unless: MSH-9.1 = 'ACK'
    rule: acknowledgement
names:
  nhs_number: PID-3[5='NH'].1
  abnormal: any OBX[*]-8 in ['HH', 'LL']
check:
  - that: nhs_number is valid nhs_number
    when: PID-3 is present
    else: {hold: no_nhs_number}
  - that: all OBX[*] with (it-5 > upper of it-7)
    else: {warn: low}
change:
  - move:
      from: PID-2.1
      to: PID-3[5='NH'].1
  - translate: OBX[*]-3
    using: lab_codes
    into: {1: national_code, 5: national_name}
    original: note
    else: {warn: odd code}
  - reformat: PID-7
    from: DD/MM/YYYY
    as: date
    else: {warn: odd date}
  - for_each: OBX[*]
    when: it-8 is present
    change:
      - set_text: {it-9: x}
      - copy: {from: it-3, to: it-4}
      - upper: it-5
      - add: NTE
        before: it
        set: {NTE-3: it-5}
  - remove: NTE[2='INTERNAL']
  - remove:
      - PID-3[5='MR']
  - set: {MSH-6: PV1-3.10}
  - set_text: {ZZZ-3: a|b, OBX-5.2.2: "^"}
send:
  - first_of:
      - when: gp_directory[PV1-3.10].accepts = 'electronic'
        to: gp_message
        address: PV1-3.10
      - otherwise: {hold: no_practice}
  - each: OBR[*]-28[*]
    to: print_room
    address: gp_of_doctor[it.1].practice
    else: {warn: no doctor}
  - to: duty_desk
    when: abnormal
"""
DIALECT = "dialect: north\nchange:\n  - trim:\n      - PID-5[*]\n  - copy: {from: PV1-8, to: PV1-3}\n"

pieces = st.sampled_from(
    [
        b"MSH|^~\\&|",
        b"MSH",
        b"\r",
        b"\n",
        b"\r\n",
        b"PID|",
        b"OBX|1|NM|HB^",
        b"OBR|",
        b"NTE|1|INTERNAL|",
        b"ZZZ|",
        b"PV1|1|",
        b"|",
        b"||||||",
        b"^",
        b"~",
        b"\\",
        b"&",
        b'""',
        b"\\F\\",
        b"\\X0D\\",
        b"\\.br\\",
        b"HH",
        b"\xff",
        b"\xc3\xa9",
        b"9990000018^^^NHS^NH",
        b"Y06601",
        b"G1",
        b"05/01/1980",
        b"3.5-5",
        b"UNICODE UTF-8",
        b"8859/1",
        b"MSH:;~\\&",
        b"MSH|^~|",
        b"BHS|^~\\&|x\r",
        b"\x00",
        b"ISO IR87",
    ]
)
messages = st.one_of(
    st.binary(max_size=200),
    st.lists(pieces, max_size=60).map(b"".join),
    st.lists(pieces, max_size=60).map(
        lambda found: b"MSH|^~\\&|LIMS|N|X|Y|2026||ORU^R01|1|P|2.3" + b"".join(found)
    ),
)


@pytest.fixture(scope="module")
def full_site() -> Plan:
    problems = Problems()
    tables = {
        "tables/lab_codes.csv": "code,national_code,national_name\nHB,1,H^b|\n",
        "tables/gp_directory.csv": "practice,accepts\nY06601,electronic\n",
        "tables/gp_of_doctor.csv": "doctor,practice\nG1,Y06601\n",
    }
    plan = compile_plan(
        {"routes/everything.yaml": FULL, "dialects/north.yaml": DIALECT, **tables},
        {"lims": FeedFacts("lims", dialect="north", segment_ends="any")},
        {
            name: ChannelFacts(name, directory=table)
            for name, table in (
                ("gp_message", "gp_directory"),
                ("print_room", "gp_directory"),
                ("duty_desk", ""),
            )
        },
        SiteFacts(),
        problems,
    )

    assert [str(problem) for problem in problems.in_order()] == []
    assert plan is not None
    return plan


@settings(max_examples=300, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(message=messages, envelope=st.sampled_from([b"", b"BHS|^~\\&|x\r", b"junk"]))
def test_decide_never_raises_and_always_ends_in_a_named_outcome(
    full_site: Plan, message: bytes, envelope: bytes
) -> None:
    decision = decide(full_site, "lims", message, Known(1, envelope))

    if decision.held_before_routing is not None:
        assert decision.routes == ()
        assert decision.held_before_routing.tray == "unreadable"
        return
    assert len(decision.routes) == 1
    part = decision.routes[0]
    assert part.copies or part.held or part.not_wanted or part.rejected
    assert not any(held.tray == "failed" for held in part.held), part.held
    places = [(copy.channel, copy.address) for copy in part.copies]
    assert len(set(places)) == len(places)


@settings(max_examples=100, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(message=messages)
def test_the_same_message_is_always_decided_the_same(full_site: Plan, message: bytes) -> None:
    assert decide(full_site, "lims", message, Known(1)) == decide(full_site, "lims", message, Known(1))
