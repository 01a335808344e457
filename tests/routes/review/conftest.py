"""A small site whose routes have tests, and invented messages with 999 NHS numbers."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import replace

import pytest

from routes.flow.delivery import Policy
from routes.language.plan import ChannelFacts, FeedFacts, Plan, SiteFacts, compile_plan
from routes.language.problems import Problems
from routes.review import Result, run_all

ORU = (
    b"MSH|^~\\&|LIMS|NFD|X|Y|20260105||ORU^R01|M1|P|2.4\rPID|1||9990000018^^^NHS^NH||TESTER^ANN\r"
    b"PV1|1|||||||||Y06601\rOBR|1||F12|FBC\rOBX|1|NM|HB^Hb^L||120|g/L|||||F\r"
)
SAMPLES = {"samples/oru.hl7": ORU, "samples/adt.hl7": ORU.replace(b"ORU^R01", b"ADT^A01")}
TABLES = {
    "tables/lab_codes.csv": "code,national_code\nHB,1022431\n",
    "tables/north_codes.csv": "code,national_code\nHB,900\n",
    "tables/gp_directory.csv": "practice,accepts\nY06601,electronic\nY06602,paper\n",
}
CHANNELS = {
    "gp_message": ChannelFacts("gp_message", kind="mllp", directory="gp_directory"),
    "mailbox": ChannelFacts("mailbox", kind="amqp", directory="gp_directory"),
    "print_room": ChannelFacts("print_room", kind="folder", directory="gp_directory"),
    "refuser": ChannelFacts("refuser", kind="mllp", policy=Policy(replies={"AR": "refuse"})),
    "archive": ChannelFacts("archive", kind="folder"),
}
FEEDS = {
    "lims": FeedFacts("lims", acknowledge="when_routed"),
    "pas": FeedFacts("pas"),
}

RunTests = Callable[..., list[Result]]


def site_of(
    *routes: str,
    files: Mapping[str, str] | None = None,
    feeds: Mapping[str, FeedFacts] | None = None,
    settings: SiteFacts | None = None,
    samples: Mapping[str, bytes] | None = None,
) -> Plan:
    """A compiled site. Each route is the text of its file."""
    sources = {**TABLES, **(files or {})}
    for route in routes:
        sources[f"routes/{route.split('route:', 1)[1].split()[0]}.yaml"] = route
    used = {feed for route in routes for feed in FEEDS if feed in route}
    facts = {name: facts for name, facts in {**FEEDS, **(feeds or {})}.items() if name in used}
    problems = Problems()
    known = {**SAMPLES, **(samples or {})}
    plan = compile_plan(sources, facts, CHANNELS, settings or SiteFacts(), problems, known)
    errors = [str(problem) for problem in problems.in_order() if problem.severity == "error"]
    assert errors == []
    assert plan is not None
    return plan


@pytest.fixture
def run_tests_of() -> RunTests:
    """Run every test of a site of these routes; further keywords as for `site_of`."""

    def run(*routes: str, **around: object) -> list[Result]:
        samples = around.get("samples") or {}
        assert isinstance(samples, Mapping)
        plan = site_of(*routes, **around)  # type: ignore[arg-type] # tests name what they change
        return list(run_all(plan, {**SAMPLES, **samples}))

    return run


def feed(name: str, **changed: object) -> Mapping[str, FeedFacts]:
    """The facts of one feed, some of them changed."""
    return {name: replace(FEEDS[name], **changed)}  # type: ignore[arg-type] # tests name what they change
