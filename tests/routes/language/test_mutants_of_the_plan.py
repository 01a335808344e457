"""The long route of the plan with one mistake in it: each is refused (or warned of), once, at its place.

`mutants/of_the_plan.txt` holds the mistakes, written as `mutants/mutants.txt` says at its top.
"""

from __future__ import annotations

from pathlib import Path

import pytest

from engine.site.loading import load_site
from routes.language.problems import Problem
from tests.routes.language.test_mutants import HERE, Mutant, read_mutants
from tests.routes.language.test_sites_of_the_plan import SITES, unpack

MUTANTS = list(read_mutants((HERE / "of_the_plan.txt").read_text(encoding="utf-8")))


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    [site] = [site for site in SITES if site.stem == "the_route_of_the_plan"]
    return unpack(site, tmp_path_factory.mktemp("plan"))


@pytest.fixture(scope="module")
def usual(folder: Path) -> set[str]:
    """What the good site is warned of."""
    return {problem.rule for problem in load_site(folder)[1]}


def problems_of(folder: Path, file: str, text: str, usual: set[str]) -> list[Problem]:
    _, problems = load_site(folder, instead={file: text})
    return [problem for problem in problems if problem.rule not in usual]


def test_the_good_site_has_no_error_and_there_are_many_mutants(folder: Path, usual: set[str]) -> None:
    assert load_site(folder)[0] is not None
    assert usual <= {"needs-broker", "no-console", "never-acknowledged", "never-returned"}
    assert len({(mutant.file, mutant.old, mutant.new) for mutant in MUTANTS}) == len(MUTANTS) >= 150


@pytest.mark.parametrize("mutant", MUTANTS, ids=lambda mutant: mutant.name)
def test_a_mistake_in_the_route_of_the_plan_is_told_once(
    mutant: Mutant, folder: Path, usual: set[str]
) -> None:
    good = (folder / mutant.file).read_text(encoding="utf-8")
    assert mutant.old in good
    bad = good.replace(mutant.old, mutant.new, 1)

    found = problems_of(folder, mutant.file, bad, usual)

    assert len(found) == 1, "\n".join(str(problem) for problem in found)
    [problem] = found
    line = bad[: bad.index(mutant.at)].count("\n") + 1
    assert (str(problem.spot), problem.rule, problem.severity) == (
        f"{mutant.file}:{line}",
        mutant.rule,
        mutant.severity,
    ), str(problem)
    if problem.edit is not None:
        mended = problems_of(folder, mutant.file, problem.edit.apply(bad), usual)
        assert problem not in mended, "the change that is offered must take it away"
