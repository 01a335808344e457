"""A small site that uses everything the route language has, so that no kind of step goes untold."""

from __future__ import annotations

from dataclasses import replace

from routes.language.facts import PluginFacts
from routes.language.files import Origin
from routes.language.plan import ChannelFacts, FeedFacts, SiteFacts, TrayFacts, compile_plan
from routes.language.problems import Problems, Spot
from routes.language.source import Block, Scalar

WHERE = Spot("gatepost.yaml", 1)

ROUTE = """\
route: everything
about: All that the language has, in one route.
owner: interfaces@example.nhs.uk
from: [lims, letters]
guards: [safe]
accept:
  - that: MSH-9.1 = 'ORU'
    rule: not_a_result
  - unless: MSH-9.2 = 'R30'
    rule: bedside
names:
  requester: PV1-3.10
  critical: any OBX[*]-8 in ['HH', 'LL']
check:
  - that: requester is present
    else: {hold: no_practice}
  - unless: PID-5.1 starts with 'XX'
    when: MSH-11 = 'P'
    else: {reject: "Not in production"}
  - conforms_to: results
    else: {warn: "It is not as the profile says"}
  - that: PID-7 is present
    when: MSH-12 = '2.5'
    else: {hold: odd}
change:
  - set: {MSH-6: requester}
    else: {hold: no_practice}
  - set_text: {MSH-5: GP, MSH-12: 2.5.1}
  - copy: {from: PID-3, to: PID-2}
  - move: {from: PV1-3.1, to: PV1-3.10}
    when: PV1-3.10 is blank
  - remove: NTE[2='INTERNAL']
  - translate: OBX[*]-3
    using: lab_codes
    into: {1: national_code, 2: national_name}
    original: alternate
  - reformat: PID-7
    from: DD/MM/YYYY
    as: date
  - replace: PID-5.1
    find: "ß"
    with: ss
  - trim: PID-5.1
  - upper: PID-5.1
  - lower: PID-5.2
  - add: NTE
    after: OBX[1]
    set: {NTE-3: requester}
    set_text: {NTE-2: L}
  - for_each: OBX[*]
    when: it-2 = 'NM'
    change:
      - set_text: {it-11: F}
  - join: OBX[*]-5
    within: OBR
    with: line_break
    wrap: 70
    same: [3]
    type: FT
  - renumber: OBX-1
    within: OBR
  - arrange: PID-3
    by: 5
    order: [NH, MR]
  - step: trust.tidy@1.2
    with: {style: short}
    writes: [PID]
  - split: OBR
    keep_together: ORC-4.1
    number: MSH-10
send:
  - first_of:
      - when: gp_directory[requester].accepts = 'electronic'
        to: gp_message
        address: requester
        if_not_acknowledged_in: 3d
        then: print_room
        if_returned: {reasons: [left, misdirected], address: requester, to: print_room}
      - otherwise: {hold: no_practice}
  - each: OBR[*]-28[*]
    to: gp_message
    address: it.1
    else: {warn: "Copy-to doctor not in the directory"}
  - to: duty_desk
    when: critical
    if_not_delivered_in: 90m
    then: archive
    change:
      - set_text: {MSH-5: DESK}
    check:
      - that: PID-7 is present
        else: {hold: odd}
  - to: earlier_recipients
    same: [MSH-4, OBR-3.1]
    when: any OBX[*]-11 = 'C'
  - pass_to: onward
    when: received in hours working
  - first_of:
      - when: PID-5.1 matches test_name
        to: duty_desk
      - otherwise: nothing_more
  - to: archive
"""

SOURCES = {
    "routes/everything.yaml": ROUTE,
    "routes/onward.yaml": "route: onward\nsend:\n  - to: archive\n",
    "dialects/north.yaml": (
        "dialect: north\nabout: Northern habits.\nnames:\n  own_number: PID-2.1\nchange:\n"
        "  - copy:\n      from: own_number\n      to: PID-3[5='NH'].1\ntables: {lab_codes: north_codes}\n"
    ),
    "guards/safe.yaml": (
        "guard: safe\nabout: Never by itself.\ncheck:\n"
        "  - that: no PID-32[*] = 'RES'\n    else: {hold: restricted}\n"
    ),
    "profiles/results.yaml": (
        "profile: results\nabout: Results for practices.\npaths:\n  PID-7: {required: yes, format: date}\n"
        "  OBX[*]-11: {values: [F, C], severity: warning, words: 'Only final results'}\n"
    ),
    "tables/lab_codes.csv": "code,national_code,national_name\nHB,1022431,Haemoglobin\n",
    "tables/north_codes.csv": "code,national_code,national_name\nHB,900,North haemoglobin\n",
    "tables/gp_directory.csv": "practice,accepts\nY06601,electronic\nY06602,paper\n",
    "tables/gp_directory.yaml": "description: The practices.\nowner: GP liaison\n",
}

FEEDS = {
    "lims": FeedFacts(
        "lims",
        dialect="north",
        acknowledge="when_routed",
        timezone="Europe/London",
        about="North, laboratory",
    ),
    "letters": FeedFacts(
        "letters", acknowledge="when_routed", guards=("safe",), answers_for=(("gp_message", WHERE),)
    ),
}
CHANNELS = {
    "gp_message": ChannelFacts("gp_message", kind="amqp", directory="gp_directory"),
    "print_room": ChannelFacts(
        "print_room", kind="folder", directory="gp_directory", about="the print room, which posts"
    ),
    "duty_desk": ChannelFacts("duty_desk", kind="mllp"),
    "archive": ChannelFacts("archive", kind="folder"),
}


def _text(value: str) -> Scalar:
    return Scalar(value, WHERE)


SETTINGS = SiteFacts(
    hours={
        "working": Block(
            (
                (_text("zone"), _text("Europe/London")),
                (_text("monday_to_friday"), _text("08:00-18:30")),
            ),
            WHERE,
        )
    },
    patterns={"test_name": _text("ZZ.*")},
    trays={
        "no_practice": TrayFacts("no_practice", owner="GP liaison"),
        "restricted": TrayFacts("restricted", owner="Information governance", open_to=("caldicott",)),
    },
    plugins={
        "trust.tidy@1.2": PluginFacts(
            "trust.tidy@1.2", "1.2", "0" * 64, "Tidies names.", lambda text, _: text
        )
    },
)


def compiled(sources: dict[str, str] | None = None, settings: SiteFacts = SETTINGS) -> Origin:
    """What the site was compiled from. sources: files in place of the site's own, or beside them."""
    problems = Problems()
    plan = compile_plan({**SOURCES, **(sources or {})}, FEEDS, CHANNELS, settings, problems)
    errors = [str(problem) for problem in problems.in_order() if problem.severity == "error"]

    assert errors == []
    assert plan is not None
    assert plan.origin is not None
    return plan.origin


def with_tray(tray: TrayFacts) -> SiteFacts:
    """The site's settings with one more tray."""
    return replace(SETTINGS, trays={**SETTINGS.trays, tray.name: tray})
