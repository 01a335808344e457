"""`gatepost graph` on the example site, typed as an analyst types it."""

from __future__ import annotations

from pathlib import Path

from click.testing import CliRunner, Result

from engine.cli import main

EXAMPLE = Path(__file__).parents[3] / "config"


def graph(*words: str) -> Result:
    return CliRunner().invoke(main, ["graph", *words])


def test_a_site_is_drawn_as_mermaid_unless_something_else_is_asked_for() -> None:
    result = graph(str(EXAMPLE))

    assert result.exit_code == 0
    assert result.output.startswith("flowchart LR\n")
    assert "if accepts is electronic" in result.output


def test_a_file_that_ends_in_svg_holds_an_svg(tmp_path: Path) -> None:
    out = tmp_path / "new" / "site.svg"
    result = graph(str(EXAMPLE), "--out", str(out))

    assert result.output == f"Wrote {out}\n"
    assert out.read_text(encoding="utf-8").startswith("<svg ")


def test_the_format_that_is_asked_for_goes_before_the_ending(tmp_path: Path) -> None:
    out = tmp_path / "site.svg"
    graph(str(EXAMPLE), "--format", "mermaid", "--out", str(out))

    assert out.read_text(encoding="utf-8").startswith("flowchart LR\n")


def test_only_the_routes_that_are_asked_for_are_drawn() -> None:
    result = graph(str(EXAMPLE), "--route", "adt_archive", "-r", "gp_letters")

    assert '["adt_archive"]' in result.output
    assert '["gp_letters"]' in result.output
    assert "gp_results" not in result.output


def test_a_route_that_is_not_there_is_wrong_use_with_the_nearest_name() -> None:
    result = graph(str(EXAMPLE), "--route", "gp_leters")

    assert result.exit_code == 2
    assert 'no route "gp_leters"; did you mean "gp_letters"?' in result.output


def test_a_picture_that_cannot_be_written_says_why(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("", encoding="utf-8")
    result = graph(str(EXAMPLE), "--out", str(tmp_path / "file" / "site.svg"))

    assert result.exit_code == 1
    assert "cannot be written" in result.output
