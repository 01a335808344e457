"""`python -m bench.decide`: what the decision on one result costs, step by step and as a whole.

Each figure is the middle of many runs, in microseconds of this process's own CPU time, of parsing and
deciding one message as the router does: with a dialect, a profile of conformance, four checks, six changes
and four send entries. The rows above the whole leave parts of it out, so that it shows where the time goes.
"""

from __future__ import annotations

import argparse
import json
import platform
import statistics
import sys
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass

from bench.rig import ROOT
from routes.flow.decide import decide
from routes.flow.decision import Known
from routes.language.plan import ChannelFacts, FeedFacts, Plan, SiteFacts, compile_plan
from routes.language.problems import Problems

__all__ = ["GOALS", "main", "make_plan", "make_result"]

GOALS = {20: 600.0, 200: 5000.0}
"""For each number of OBX segments the most that the whole may cost, in microseconds."""

_RECEIVED = 1_767_605_400_000_000
_CODES = [f"T{number}" for number in range(1, 201)]

_DIALECT = """\
dialect: bench
change:
  - move: {from: PID-2.1, to: "PID-3[5='NH'].1"}
  - reformat: PID-7
    when: PID-7 is present
    from: DD/MM/YYYY
    as: date
    else: {hold: doubtful_date}
  - translate: OBX[*]-3
    using: codes
    into: {1: national, 2: name, 3: system}
    original: alternate
"""
_NAMES = """\
names:
  nhs_number: PID-3[5='NH'].1
  requester: PV1-3.10
  practice: gp_directory[requester].practice
  critical: any OBX[*]-8 in ['HH', 'LL', 'AA']
  withdrawn: any OBX[*]-11 in ['W', 'D']
"""
_CHECKS = """\
  - that: nhs_number is valid nhs_number
    else: {hold: no_nhs_number}
  - unless: withdrawn
    else: {hold: withdrawn_results}
  - that: all OBX[*]-3.1 in national
    else: {warn: "A test code is not in the national list"}
  - that: no OBX[*] with (it-2 = 'NM' and it-5 is blank)
    else: {warn: "A number is missing"}
"""
_CHANGES = """\
change:
  - set_text: {MSH-5: GP, MSH-12: 2.5.1}
  - set: {MSH-6: practice}
  - remove: NTE[2='INTERNAL']
  - copy: {from: PV1-7, to: OBR-16}
  - for_each: OBX[*]
    when: it-8 in ['HH', 'LL']
    change:
      - set_text: {it-8: A}
  - renumber: OBX-1
    within: OBR
"""
_SEND = """\
send:
  - first_of:
      - when: gp_directory[requester].accepts = 'electronic'
        to: gp_message
        address: practice
      - otherwise: {hold: no_practice}
  - each: OBR[*]-28[*]
    to: gp_message
    address: it.1
    else: {warn: "Copy-to not in the directory"}
  - to: duty_desk
    when: critical
  - to: archive
"""


@dataclass(frozen=True)
class Parts:
    """Which parts of the whole a run has."""

    name: str
    dialect: bool = True
    conforms: str = "oru_r01_uk"
    checks: bool = True
    changes: bool = True


PARTS = (
    Parts("route alone", dialect=False, conforms="", checks=False, changes=False),
    Parts("with the dialect", conforms="", checks=False, changes=False),
    Parts("with four checks", conforms="", changes=False),
    Parts("with six changes", conforms=""),
    Parts("with a profile: the whole"),
    Parts("with the standard instead", conforms="standard"),
)
WHOLE = PARTS[4]


def make_plan(parts: Parts = WHOLE) -> Plan:
    """The plan of a small site. Raises ValueError where it has a problem."""
    route = (
        "route: bench\nfrom: [lims]\naccept:\n  - that: MSH-9.1 = 'ORU'\n    rule: not_a_result\n" + _NAMES
    )
    if parts.checks or parts.conforms:
        route += "check:\n" + (_CHECKS if parts.checks else "")
    if parts.conforms:
        route += f'  - conforms_to: {parts.conforms}\n    else: {{warn: "Does not conform"}}\n'
    route += (_CHANGES if parts.changes else "") + _SEND
    profile = ROOT / "config" / "profiles" / "oru_r01_uk.yaml"
    sources = {
        "routes/bench.yaml": route,
        "profiles/oru_r01_uk.yaml": profile.read_text(encoding="utf-8"),
        "dialects/bench.yaml": _DIALECT,
        "tables/codes.csv": "local,national,name,system\n"
        + "".join(f"{code},N{code},Test {code},NATLAB\n" for code in _CODES),
        "tables/national.csv": "code,name\n" + "".join(f"N{code},Test {code}\n" for code in _CODES),
        "tables/gp_directory.csv": "practice,accepts\n"
        + "".join(f"Y9{number:04d},electronic\n" for number in range(2000)),
    }
    feed = FeedFacts("lims", dialect="bench" if parts.dialect else "", timezone="Europe/London")
    channels = {
        "gp_message": ChannelFacts("gp_message", directory="gp_directory"),
        "duty_desk": ChannelFacts("duty_desk"),
        "archive": ChannelFacts("archive"),
    }
    problems = Problems()
    plan = compile_plan(sources, {"lims": feed}, channels, SiteFacts(), problems)
    if plan is None:
        raise ValueError("\n".join(str(problem) for problem in problems.in_order()))
    return plan


def make_result(observations: int, *, dialect: bool = True) -> bytes:
    """A result with so many OBX, a note for one in ten; dates and NHS number as the dialect has them."""
    born, numbers = ("14/03/1961", "9990000018|L0000001^^^NFD^MR")
    if not dialect:
        born, numbers = "19610314", "|L0000001^^^NFD^MR~9990000018^^^NHS^NH"
    order = (
        "OBR|1|R00000001|L00000001|FBC^Full blood count^LOCAL|||20260105081500|||||||20260105083000||"
        "G9990001^Vale^Ann|||||||||F|||Y90002~Y90003"
    )
    rows = [
        "MSH|^~\\&|BENCHLAB|NFD|ENGINE|GATE|20260105093000||ORU^R01|B00000001|P|2.3",
        f"PID|1|{numbers}||Marrow^Tobias^Quill||{born}|M|||7 Fenwick Row^^Northfield^^ZZ99 3VZ||01632960123",
        "PV1|1|O|OPD^1^1^^^^^^^Y90001||||G9990001^Vale^Ann",
        "ORC|RE|R00000001|L00000001|||||||||G9990001^Vale^Ann",
        order,
    ]
    for number in range(1, observations + 1):
        code = _CODES[number % len(_CODES)]
        flag = "HH" if number % 10 == 3 else "N"
        value = f"{number}.4|10*9/L|4.0-11.0|{flag}|||F|||20260105090000"
        rows.append(f"OBX|{number}|NM|{code}^Test {code}^LOCAL||{value}")
        if number % 10 == 0:
            rows.append(f"NTE|1|{'INTERNAL' if number % 20 else 'L'}|Analyser 2 rack 7")
    return "\r".join(rows).encode() + b"\r"


def measure(work: Callable[[], object], seconds: float) -> float:
    """The middle of the CPU time of single runs, in microseconds."""
    work()
    spent: list[int] = []
    end = time.perf_counter() + seconds
    while time.perf_counter() < end or len(spent) < 5:
        start = time.process_time_ns()
        work()
        spent.append(time.process_time_ns() - start)
    return statistics.median(spent) / 1000


def figures(sizes: Sequence[int], seconds: float) -> Mapping[str, Mapping[int, float]]:
    """For each row and number of OBX the cost of one decision."""
    known = Known(_RECEIVED)
    found: dict[str, dict[int, float]] = {}
    for parts in PARTS:
        plan = make_plan(parts)
        found[parts.name] = {}
        for size in sizes:
            message = make_result(size, dialect=parts.dialect)
            sent = decide(plan, "lims", message, known).routes[0].copies
            if len(sent) < len(("gp_message", "copy to", "copy to", "archive")):
                raise ValueError(f"{parts.name}: the message was not sent as it should be")
            found[parts.name][size] = measure(lambda p=plan, m=message: decide(p, "lims", m, known), seconds)  # type: ignore[misc]
    return found


def main() -> int:
    """Run from the command line; exit status 1 where the whole costs more than its goal."""
    parser = argparse.ArgumentParser(prog="python -m bench.decide", description=__doc__)
    parser.add_argument("--seconds", type=float, default=1.5, help="how long each figure is measured")
    parser.add_argument("--json", action="store_true", help="the figures as JSON")
    given = parser.parse_args()
    found = figures(tuple(GOALS), given.seconds)
    if given.json:
        print(json.dumps(found, indent=2))
    else:
        print(
            f"{platform.python_implementation()} {platform.python_version()}; microseconds of CPU, medians\n"
        )
        print("".ljust(28) + "".join(f"{size} OBX".rjust(12) for size in GOALS))
        for name, row in found.items():
            print(name.ljust(28) + "".join(f"{cost:12,.0f}" for cost in row.values()))
        print("goal of the whole".ljust(28) + "".join(f"{goal:12,.0f}" for goal in GOALS.values()))
    return 0 if all(found[WHOLE.name][size] <= goal for size, goal in GOALS.items()) else 1


if __name__ == "__main__":
    sys.exit(main())
