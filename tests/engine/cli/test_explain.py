"""`gatepost explain` on the example site, typed as an analyst types it."""

from __future__ import annotations

from pathlib import Path

import pytest
from click.testing import CliRunner, Result

from engine.cli import main

EXAMPLE = Path(__file__).parents[3] / "config"


def explain(*words: str) -> Result:
    return CliRunner().invoke(main, ["explain", *words])


def test_a_route_is_explained_in_one_line_for_each_sentence() -> None:
    result = explain("gp_letters", str(EXAMPLE))

    assert result.exit_code == 0
    assert (
        "Discharge letters from Westmoor, to the practice where the patient is registered." in result.output
    )
    assert "the message is refused, and its sender is told “The letter holds no document”." in result.output


@pytest.mark.parametrize(
    ("form", "front"), [("text", "Route gp_results\n"), ("markdown", "# Route"), ("html", "<!DOCTYPE html>")]
)
def test_each_form_is_written_into_a_file(form: str, front: str, tmp_path: Path) -> None:
    out = tmp_path / "new folder" / "page"
    result = explain("gp_results", str(EXAMPLE), "--format", form, "--out", str(out))

    assert result.output == f"Wrote {out}\n"
    assert out.read_text(encoding="utf-8").startswith(front)


def test_all_routes_are_explained_into_a_folder(tmp_path: Path) -> None:
    result = explain("--all", str(EXAMPLE), "--format", "html", "-o", str(tmp_path))

    assert result.exit_code == 0
    assert sorted(file.name for file in tmp_path.iterdir()) == [
        "adt_archive.html", "gp_letters.html", "gp_results.html",
    ]  # fmt: skip


def test_the_page_names_the_environment_that_was_laid_over(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("RABBIT_PASSWORD", "tr0ut")
    result = explain("gp_results", str(EXAMPLE), "--environment", "live")

    assert "environment live" in result.output
    assert "into a mailbox on the message broker" in result.output
    assert "tr0ut" not in result.output


def test_a_route_that_is_not_there_is_wrong_use_with_the_nearest_name() -> None:
    result = explain("gp_result", str(EXAMPLE))

    assert result.exit_code == 2
    assert 'no route "gp_result"; did you mean "gp_results"?' in result.output


def test_no_route_at_all_is_wrong_use() -> None:
    assert explain().exit_code == 2


def test_a_site_with_problems_is_not_explained(tmp_path: Path) -> None:
    assert explain("any", str(tmp_path / "nowhere")).exit_code == 1
