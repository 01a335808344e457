"""A good site with one mistake in it: each is refused, once, at its place.

The good site is the example site with `mutants/site` laid over it, which uses every verb of the language;
`mutants/mutants.txt` says at its top how a mistake is written.
"""

from __future__ import annotations

import shutil
from collections import defaultdict
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest

from engine.site.loading import load_site
from routes.language.problems import Problem

HERE = Path(__file__).parent / "mutants"
EXAMPLE = Path(__file__).resolve().parents[3] / "config"


@dataclass(frozen=True)
class Mutant:
    """Edit `file`: `new` in place of the first `old`. The one problem stands in `at_file`, on the line that
    holds `at`."""

    file: str
    old: str
    new: str
    at_file: str
    at: str
    rule: str
    severity: str

    @property
    def name(self) -> str:
        return f"{self.file}: {self.new.strip() or self.old.strip()}".replace("\n", " / ")[:90]


def read_mutants(text: str) -> Iterator[Mutant]:
    for block in text.strip().split("\n\n")[1:]:
        marked: dict[str, list[str]] = defaultdict(list)
        for line in block.split("\n"):
            mark = line[0] if line[0] in "-+@!" else ""
            marked[mark].append(line[2:] if mark else line)
        rule, _, severity = marked["!"][0].partition(" ")
        file = marked[""][0]
        old, new = "\n".join(marked["-"]), "\n".join(marked["+"])
        at_file, colon, at = marked["@"][0].partition(": ") if marked["@"] else ("", "", "")
        if not colon or "/" not in at_file:
            at_file, at = file, marked["@"][0] if marked["@"] else marked["+"][0]
        yield Mutant(file, old, new, at_file, at.replace("\\n", "\n"), rule, severity or "error")


MUTANTS = list(read_mutants((HERE / "mutants.txt").read_text(encoding="utf-8")))


def good_site(folder: Path) -> Path:
    site = Path(shutil.copytree(EXAMPLE, folder / "site"))
    for path in (HERE / "site").rglob("*.yaml"):
        target = site / path.relative_to(HERE / "site")
        target.parent.mkdir(exist_ok=True)
        shutil.copy(path, target)
    with (site / "gatepost.yaml").open("a", encoding="utf-8") as file:
        file.write((HERE / "site" / "gatepost.add").read_text(encoding="utf-8"))
    return site


def problems_of(site: Path) -> list[Problem]:
    loaded, problems = load_site(site)
    assert (loaded is None) == any(problem.severity == "error" for problem in problems)
    return list(problems)


@pytest.fixture(scope="module")
def site(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return good_site(tmp_path_factory.mktemp("good"))


def test_the_site_is_good(site: Path) -> None:
    assert [str(problem) for problem in problems_of(site)] == []


def test_there_are_a_hundred_different_mutants_and_more() -> None:
    assert len({(mutant.file, mutant.old, mutant.new) for mutant in MUTANTS}) == len(MUTANTS) >= 100
    assert len({mutant.rule for mutant in MUTANTS}) >= 60


@pytest.mark.parametrize("mutant", MUTANTS, ids=lambda mutant: mutant.name)
def test_a_single_mistake_is_told_once_at_its_place(mutant: Mutant, site: Path) -> None:
    path = site / mutant.file
    good = path.read_text(encoding="utf-8")
    assert mutant.old in good, "the good site has changed: this mistake must be made elsewhere"
    bad = good.replace(mutant.old, mutant.new, 1)
    path.write_text(bad, encoding="utf-8")
    told = site / mutant.at_file
    text = told.read_text(encoding="utf-8")
    try:
        found = problems_of(site)
        if found and found[0].edit is not None:
            told.write_text(found[0].edit.apply(text), encoding="utf-8")
            assert found[0] not in problems_of(site), "the change that is offered must take it away"
    finally:
        told.write_text(text, encoding="utf-8")
        path.write_text(good, encoding="utf-8")

    assert len(found) == 1, "\n".join(str(problem) for problem in found)
    [problem] = found
    assert (problem.spot.file, problem.rule, problem.severity) == (
        mutant.at_file,
        mutant.rule,
        mutant.severity,
    ), str(problem)
    assert problem.spot.line == text[: text.index(mutant.at)].count("\n") + 1, str(problem)
