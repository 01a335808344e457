"""Whole sites written from the plan of the route language alone: each loads, and its own tests pass.

What a test of a route expects here was read from the plan before it was run. Each file of
`sites_of_the_plan/` is one site: a line that says what it is about, then its files, each behind a line
`-- name --`.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from pathlib import Path

import pytest

from engine.site.files import read_samples
from engine.site.loading import load_site
from routes.language.problems import Problems
from routes.review.running import run_all

SITES = sorted((Path(__file__).parent / "sites_of_the_plan").glob("*.txt"))
FILE = re.compile(r"(?m)^-- (\S+) --\n")
ENVIRON: Mapping[str, str] = {"RABBIT_PASSWORD": "tr0ut"}


def unpack(site: Path, folder: Path) -> Path:
    """Write the files of a site into a folder."""
    _, *files = FILE.split(site.read_text(encoding="utf-8"))
    for name, text in zip(files[::2], files[1::2], strict=True):
        path = folder / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text, encoding="utf-8")
    return folder


@pytest.mark.parametrize("site", SITES, ids=lambda site: site.stem)
def test_a_site_that_was_written_from_the_plan_loads_and_its_tests_pass(site: Path, tmp_path: Path) -> None:
    folder = unpack(site, tmp_path)
    loaded, problems = load_site(folder, environ=ENVIRON)

    assert [str(problem) for problem in problems if problem.severity == "error"] == []
    assert loaded is not None
    results = list(run_all(loaded.plan, read_samples(folder, Problems())))
    failed = [f"{result.spot} {difference}" for result in results for difference in result.differences]
    assert failed == []
    assert results


def test_the_sites_try_much() -> None:
    texts = [site.read_text(encoding="utf-8") for site in SITES]

    assert len(SITES) >= 15
    assert sum(text.count("\n    given: ") for text in texts) >= 110


@pytest.mark.parametrize("environment", ["demo", "live"])
def test_the_site_of_environments_loads_in_each_of_them(environment: str, tmp_path: Path) -> None:
    [site] = [site for site in SITES if site.stem == "environments"]
    loaded, problems = load_site(unpack(site, tmp_path), environment, environ=ENVIRON)

    assert [str(problem) for problem in problems] == []
    assert loaded is not None
