"""Golden files: a broken site on one side, on the other the problems that an analyst reads.

Each file of `broken/` holds an input, a line `---` (the last one), and the expected problems. The input is
the text of `routes/results.yaml`; a line `### path` begins another file of the site. What is not
given is the good site below, so that every problem comes from the input.
"""

from __future__ import annotations

from pathlib import Path

import pytest

from routes.language.plan import ChannelFacts, FeedFacts, SiteFacts, TrayFacts, compile_plan
from routes.language.problems import Problems, Spot

BROKEN = Path(__file__).parent / "broken"
GOOD = {
    "routes/results.yaml": "route: results\nfrom: [lims]\nsend:\n  - to: archive\n",
    "guards/safe.yaml": "guard: safe\ncheck:\n  - that: MSH-11 = 'P'\n    else: {hold: test_messages}\n",
    "dialects/common.yaml": "dialect: common\nchange:\n  - trim: PID-5.1\n",
    "tables/lab_codes.csv": "code,national_code,national_name\nHB,1022431,Haemoglobin\n",
    "tables/gp_directory.csv": "practice,accepts\nY06601,electronic\nY06602,paper\n",
}
FEEDS = {
    "lims": FeedFacts("lims", Spot("feeds.yaml", 2, 3, 4), dialect="common"),
    "tie": FeedFacts("tie", Spot("feeds.yaml", 5, 3, 3), acknowledge="when_routed"),
}
TIE_ROUTE = "route: tie_route\nfrom: [tie]\nsend:\n  - to: archive\n  - to: gp_mail\n    address: PV1-3.10\n"
CHANNELS = {
    "archive": ChannelFacts("archive", Spot("channels.yaml", 2, 3, 7)),
    "gp_mail": ChannelFacts("gp_mail", Spot("channels.yaml", 4, 3, 7), directory="gp_directory"),
    "old_mail": ChannelFacts("old_mail", Spot("channels.yaml", 6, 3, 8), retired=True),
}
SAMPLES = {
    "samples/result.hl7": b"MSH|^~\\&|LIMS|NORTH|||20260309||ORU^R01|1|P|2.4\rPID|1\r",
    "samples/empty.hl7": b"\n",
}
SITE = SiteFacts(
    guards=("safe",),
    trays={"restricted": TrayFacts("restricted"), "old": TrayFacts("old", retired=True)},
)


def site_of(text: str) -> dict[str, str]:
    """The good site with the input's files in it."""
    sources = {**GOOD, "routes/tie_route.yaml": TIE_ROUTE}
    file = "routes/results.yaml"
    lines: dict[str, list[str]] = {file: []}
    for line in text.splitlines(keepends=True):
        if line.startswith("### "):
            file = line[4:].strip()
            lines[file] = []
        else:
            lines[file].append(line)
    given = {name: "".join(found) for name, found in lines.items()}
    if not given["routes/results.yaml"]:
        del given["routes/results.yaml"]
    return {**sources, **given}


def halves(golden: Path) -> tuple[str, str]:
    given, expected = golden.read_text(encoding="utf-8").rsplit("\n---\n", 1)
    return given + "\n", expected


def problems_of(text: str) -> str:
    problems = Problems()
    plan = compile_plan(site_of(text), FEEDS, CHANNELS, SITE, problems, SAMPLES)
    assert (plan is None) == problems.errors
    return "".join(f"{problem}\n" for problem in problems.in_order())


@pytest.mark.parametrize("golden", sorted(BROKEN.glob("*.txt")), ids=lambda path: path.stem)
def test_a_broken_file_is_explained_with_its_place_and_remedy(golden: Path) -> None:
    given, expected = halves(golden)

    assert problems_of(given) == expected


def test_there_are_golden_files_for_many_different_mistakes() -> None:
    rules = set()
    for golden in BROKEN.glob("*.txt"):
        expected = halves(golden)[1]
        rules |= {line.rsplit("[", 1)[1].rstrip("]") for line in expected.splitlines() if line.endswith("]")}

    assert len(rules) >= 40


def test_the_good_site_has_no_problem() -> None:
    assert problems_of("") == ""
