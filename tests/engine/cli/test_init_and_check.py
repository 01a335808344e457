"""`gatepost init` makes a site that passes `gatepost check`, and `check` tells all that is wrong."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

import pytest
from click.testing import CliRunner, Result

from engine.cli import main
from engine.site.loading import load_site
from routes.flow.decide import decide
from routes.flow.decision import Known

EXAMPLE = Path(__file__).resolve().parents[3] / "config"


def gatepost(*arguments: str | Path) -> Result:
    return CliRunner().invoke(main, [str(argument) for argument in arguments])


@pytest.fixture
def starter(tmp_path: Path) -> Path:
    assert gatepost("init", tmp_path / "my-site").exit_code == 0
    return tmp_path / "my-site"


def test_a_starter_site_passes_its_own_check_without_a_warning(starter: Path) -> None:
    result = gatepost("check", starter)

    assert result.exit_code == 0, result.output
    assert result.output == "✓ my-site is in order: 1 feed, 1 route, 1 channel, 1 table.\n"


def test_init_says_what_to_type_next_and_it_works(tmp_path: Path) -> None:
    result = gatepost("init", tmp_path / "my-site")
    commands = [line.split() for line in result.output.splitlines() if line.startswith("  gatepost")]

    assert [command[1] for command in commands] == ["check", "run", "send"]
    assert gatepost(*commands[0][1:]).exit_code == 0
    assert Path(commands[2][3]).is_file()


def test_the_starters_sample_goes_where_the_starters_route_says(starter: Path) -> None:
    site, _ = load_site(starter)
    assert site is not None

    decision = decide(site.plan, "ward_pas", (starter / "samples" / "admission.hl7").read_bytes(), Known(0))

    [route] = decision.routes
    [copy] = route.copies
    assert (copy.channel, route.held, route.warnings) == ("admissions", (), ())
    assert b"9990001081^^^NHS^NH" in copy.body
    assert b"|19781122|" in copy.body
    assert b"Ward 7 Elderly Care" in copy.body


def test_messages_stay_out_of_version_control(starter: Path) -> None:
    assert "var/" in (starter / ".gitignore").read_text(encoding="utf-8")


def test_init_overwrites_nothing(starter: Path) -> None:
    (starter / "feeds.yaml").write_text("mine", encoding="utf-8")

    result = gatepost("init", starter)

    assert result.exit_code == 1
    assert "not empty" in result.output
    assert (starter / "feeds.yaml").read_text(encoding="utf-8") == "mine"


def test_check_shows_the_place_the_line_and_the_caret(starter: Path) -> None:
    feeds = starter / "feeds.yaml"
    feeds.write_text(feeds.read_text(encoding="utf-8").replace("dialect:", "dialct:"), encoding="utf-8")

    result = gatepost("check", starter)

    assert result.exit_code == 1
    assert (
        'feeds.yaml:7:5: "dialct" is not a key of a feed; did you mean "dialect"? [unknown-key]'
        in result.output
    )
    assert "       |     ^~~~~~" in result.output
    assert "✗" in result.output


def test_check_gives_scripts_every_problem_with_its_place(starter: Path) -> None:
    feeds = starter / "feeds.yaml"
    feeds.write_text(feeds.read_text(encoding="utf-8").replace("dialect:", "dialct:"), encoding="utf-8")

    result = gatepost("check", starter, "--json")
    answer = json.loads(result.stdout)

    assert result.exit_code == 1
    assert answer["ok"] is False
    [error] = [problem for problem in answer["problems"] if problem["severity"] == "error"]
    assert {
        "file": "feeds.yaml",
        "line": 7,
        "column": 5,
        "rule": "unknown-key",
        "fix": "dialect",
    }.items() <= error.items()


def test_check_names_the_configuration_for_scripts() -> None:
    answer = json.loads(gatepost("check", EXAMPLE, "--json").stdout)

    assert answer["ok"] is True
    assert answer["routes"] == ["adt_archive", "gp_letters", "gp_results"]
    assert len(answer["hash"]) == 64


def test_a_folder_that_is_no_site_is_refused_with_the_remedy(tmp_path: Path) -> None:
    result = gatepost("check", tmp_path)

    assert result.exit_code == 1
    assert "gatepost init" in result.output


def test_the_real_program_checks_the_example_site() -> None:
    command = [sys.executable, "-m", "engine", "check", str(EXAMPLE), "--environment", "demo"]
    done = subprocess.run(command, capture_output=True, text=True, check=False)

    assert done.returncode == 0, done.stdout
    assert "three-hospitals is in order: 6 feeds, 3 routes, 5 channels, 4 tables" in done.stdout


def test_run_counts_the_problems_that_keep_the_engine_from_starting(starter: Path) -> None:
    feeds = starter / "feeds.yaml"
    feeds.write_text(feeds.read_text(encoding="utf-8").replace("when_stored", "when_kept"), encoding="utf-8")
    result = gatepost("run", starter)

    assert result.exit_code == 1
    assert f"The site {starter} has 1 problem; the engine was not started." in result.stderr
