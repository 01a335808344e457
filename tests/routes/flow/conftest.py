"""A small site for flows, and invented messages with 999 NHS numbers."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace

import pytest

from routes.flow.decide import decide
from routes.flow.decision import Decision, Known
from routes.language.plan import ChannelFacts, FeedFacts, Plan, SiteFacts, compile_plan
from routes.language.problems import Problems

TABLES = {
    "tables/lab_codes.csv": "code,national_code,national_name,system\nHB,1022431,Haemoglobin,SCT\n",
    "tables/north_codes.csv": "code,national_code,national_name,system\nHB,900,North haemoglobin,SCT\n",
    "tables/gp_directory.csv": "practice,accepts\nY06601,electronic\nY06602,paper\nY06603,electronic\n",
    "tables/post_directory.csv": "code,town\nY06602,Westmoor\n",
    "tables/gp_of_doctor.csv": "doctor,practice\nG1,Y06601\nG2,Y06602\nG3,Z99999\n",
}
CHANNELS = {
    "gp_message": ChannelFacts("gp_message", directory="gp_directory"),
    "print_room": ChannelFacts("print_room", directory="gp_directory"),
    "post_room": ChannelFacts("post_room", directory="post_directory"),
    "duty_desk": ChannelFacts("duty_desk"),
    "archive": ChannelFacts("archive"),
}

MakeSite = Callable[..., Plan]
Decide = Callable[..., Decision]


@pytest.fixture
def make_site() -> MakeSite:
    """Compile a site. Each keyword is the text of a file; `feed` replaces facts of the feed `lims`."""

    def make(
        *routes: str,
        dialect: str = "",
        guard: str = "",
        tables: dict[str, str] | None = None,
        feed: dict[str, object] | None = None,
        settings: SiteFacts | None = None,
    ) -> Plan:
        sources = {**TABLES, **(tables or {})}
        for route in routes:
            name = route.split("route:", 1)[1].split()[0]
            sources[f"routes/{name}.yaml"] = route
        facts = FeedFacts("lims", acknowledge="when_routed")
        if dialect:
            sources["dialects/north.yaml"] = dialect
            facts = replace(facts, dialect="north")
        if guard:
            sources["guards/safe.yaml"] = guard
        facts = replace(facts, **(feed or {}))  # type: ignore[arg-type] # tests name the facts they change
        problems = Problems()
        plan = compile_plan(sources, {"lims": facts}, CHANNELS, settings or SiteFacts(), problems)
        errors = [str(problem) for problem in problems.in_order() if problem.severity == "error"]

        assert errors == []
        assert plan is not None
        return plan

    return make


@pytest.fixture
def run(make_site: MakeSite) -> Decide:
    """Decide one message by one route, and give the decision."""

    def decide_it(route: str, message: bytes, received: int = 0, **files: object) -> Decision:
        return decide(make_site(route, **files), "lims", message, Known(received))

    return decide_it


@pytest.fixture
def change(run: Decide) -> Callable[..., str]:
    """Carry out `change` steps on a message and give the segments that go out, one to a line."""

    def changed(steps: str, message: bytes, **files: object) -> str:
        route = f"route: r\nfrom: [lims]\nchange:\n{steps}\nsend:\n  - to: archive\n"
        decision = run(route, message, **files)
        copies = decision.routes[0].copies

        assert len(copies) == 1, decision
        return copies[0].body.decode().replace("\r", "\n").rstrip("\n")

    return changed
