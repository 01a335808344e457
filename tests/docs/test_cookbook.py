"""Every recipe of the cookbook is a whole site that loads without a problem and whose own tests pass."""

from __future__ import annotations

from pathlib import Path

import pytest

from engine.site.files import read_samples
from engine.site.loading import load_site
from routes.language.problems import Problems
from routes.review import run_all
from routes.review.telling import tell_differences
from tests.docs.cookbook import Recipe, recipes, write_site

RECIPES = recipes()
# The shared channels serve all recipes, so each leaves some of them idle.
BESIDE_THE_POINT = {"idle-channel"}


@pytest.mark.parametrize("recipe", RECIPES, ids=[recipe.title for recipe in RECIPES])
def test_the_recipe_is_a_good_site_whose_tests_pass(recipe: Recipe, tmp_path: Path) -> None:
    folder = write_site(recipe, tmp_path / "site")
    site, problems = load_site(folder)

    assert [str(problem) for problem in problems if problem.rule not in BESIDE_THE_POINT] == []
    assert site is not None
    results = list(run_all(site.plan, read_samples(folder, Problems())))
    assert results
    assert [line for result in results for line in tell_differences(result)] == []


def test_every_task_of_the_book_has_a_route_a_sample_and_a_test() -> None:
    for recipe in RECIPES:
        kinds = {name.split("/")[0] for name in recipe.files if "/" in name}
        tested = any(
            "\ntests:\n" in text for name, text in recipe.files.items() if name.startswith("routes/")
        )

        assert {"routes", "samples"} <= kinds, recipe.title
        assert tested, recipe.title
