"""Files that nobody would write in earnest are read or refused in a moment, and in few words."""

from __future__ import annotations

from time import process_time

import pytest

from routes.language.facts import ChannelFacts, FeedFacts, SiteFacts
from routes.language.plan import compile_plan
from routes.language.problems import Problems

HEAD, SEND = "route: r\nfrom: [lims]\n", "send:\n  - to: archive\n"
SAMPLES = {"samples/a.hl7": b"MSH|^~\\&|LIMS|NORTH|||20260309||ORU^R01|1|P|2.4\rPID|1\r"}
TEST = "  - name: t{number}\n    given: samples/a.hl7\n    expect: {{sent: archive}}\n"
MANY = 4_000
HOSTILE = {
    "many tests": (HEAD + SEND + "tests:\n" + "".join(TEST.format(number=n) for n in range(MANY)), 0),
    "many unknown keys": (HEAD + "".join(f"k{n}: x\n" for n in range(MANY)) + SEND, 1),
    "many keys twice": (HEAD + SEND + "about: x\n" * MANY, 1),
    "many channels that are not there": (
        HEAD + "".join(f"  - to: c{n}\n" for n in range(5 * MANY)).join(["send:\n", "  - to: archive\n"]),
        5 * MANY,
    ),
    "many entries": (HEAD + "send:\n" + "  - to: archive\n" * MANY, 0),
    "many steps": (HEAD + "change:\n" + "  - set_text: {MSH-5: GP}\n" * MANY + SEND, 0),
    "deep lists": (HEAD + "check: " + "[" * MANY + "]" * MANY + "\n" + SEND, 1),
    "a deep expression": (
        HEAD + f"check:\n  - that: {'(' * 1900}PID-8 = 'F'{')' * 1900}\n    else: {{hold: x}}\n" + SEND, 1,
    ),
    "names that double": (
        HEAD + "names:\n  n0: PID-8\n" + "".join(f"  n{n}: n{n - 1} & n{n - 1}\n" for n in range(1, 49))
        + "check:\n  - that: n48 is present\n    else: {hold: x}\n" + SEND, 0,
    ),
}  # fmt: skip


@pytest.mark.parametrize(("text", "errors"), HOSTILE.values(), ids=HOSTILE.keys())
def test_a_hostile_route_is_read_or_refused_in_a_moment(text: str, errors: int) -> None:
    problems, began = Problems(), process_time()
    compile_plan(
        {"routes/r.yaml": text},
        {"lims": FeedFacts("lims")},
        {"archive": ChannelFacts("archive")},
        SiteFacts(),
        problems,
        SAMPLES,
    )
    found = [problem for problem in problems.in_order() if problem.severity == "error"]

    assert process_time() - began < 5, "a multiple of what it takes; a square of the size takes far longer"
    assert len(found) == errors, [str(problem)[:200] for problem in found[:3]]
    assert all(len(problem.message) < 500 for problem in found)
