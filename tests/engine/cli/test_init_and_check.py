"""`gatepost init` makes a site that passes `gatepost check`, and `check` tells all that is wrong."""

from __future__ import annotations

import json
import resource
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

    assert [command[1] for command in commands] == ["check", "test", "run", "send"]
    assert gatepost(*commands[0][1:]).exit_code == 0
    assert gatepost(*commands[1][1:]).output == "✓ 3 tests of 1 route\n"
    assert Path(commands[3][3]).is_file()


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
        'feeds.yaml:8:5: "dialct" is not a key of a feed; did you mean "dialect"? [unknown-key]'
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
    place = {"start": {"line": 8, "column": 5}, "end": {"line": 8, "column": 11}}
    assert {
        "file": "feeds.yaml",
        "range": place,
        "rule": "unknown-key",
        "fix": {"range": place, "new_text": "dialect"},
    }.items() <= error.items()
    assert error["help"]["link"] == "docs/problems.md#keys-and-values"


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


def test_unsaved_text_is_checked_in_place_of_the_file(starter: Path) -> None:
    route = starter / "routes" / "admissions.yaml"
    unsaved = route.read_text(encoding="utf-8").replace("send:", "sent:")
    for name in ("routes/admissions.yaml", str(route)):
        result = CliRunner().invoke(main, ["check", str(starter), "--stdin", name], input=unsaved)

        assert result.exit_code == 1
        assert 'did you mean "send"?' in result.stdout
    assert gatepost("check", starter).exit_code == 0


def test_a_file_that_is_not_saved_yet_counts_as_one_of_the_site(starter: Path) -> None:
    unsaved = "guard: quiet\ncheck:\n  - that: MSH-11 = 'P'\n    else: {hold: tests}\n"
    result = CliRunner().invoke(
        main, ["check", str(starter), "--stdin", "guards/quiet.yaml", "--json"], input=unsaved
    )

    assert [problem["rule"] for problem in json.loads(result.stdout)["problems"]] == ["idle-guard"]


@pytest.mark.parametrize(
    "name", ["samples/x.hl7", "routes/x.txt", "routes/deep/x.yaml", "README.md", "routes/.yaml"]
)
def test_text_for_a_file_that_no_site_reads_is_wrong_use(starter: Path, name: str) -> None:
    result = CliRunner().invoke(main, ["check", str(starter), "--stdin", name], input="x")

    assert result.exit_code == 2
    assert "routes/gp_results.yaml" in result.stderr


def test_what_is_not_utf_8_on_standard_input_is_wrong_use(starter: Path) -> None:
    result = CliRunner().invoke(main, ["check", str(starter), "--stdin", "feeds.yaml"], input=b"about: \xff")

    assert result.exit_code == 2


def test_a_rule_is_explained_at_the_shell_as_the_page_says() -> None:
    told = gatepost("check", "--explain", "unused-name")

    assert told.exit_code == 0
    assert told.stdout.startswith("unused-name (")
    assert "a warning" in told.stdout.splitlines()[0]
    assert "What to do: " in told.stdout
    assert json.loads(gatepost("check", "--explain", "[tab]", "--json").stdout)["rule"] == "tab"


def test_a_rule_that_there_is_not_is_wrong_use() -> None:
    result = gatepost("check", "--explain", "unused-nam")

    assert result.exit_code == 2
    assert 'did you mean "unused-name"?' in result.stderr


def test_checking_the_example_takes_well_under_a_second() -> None:
    """Processor time of the whole process, which others on the machine hardly lengthen; the better of two."""
    command = [sys.executable, "-m", "engine", "check", str(EXAMPLE)]
    spent = []
    for _ in range(2):
        before = resource.getrusage(resource.RUSAGE_CHILDREN)
        subprocess.run(command, capture_output=True, check=True)
        after = resource.getrusage(resource.RUSAGE_CHILDREN)
        spent.append(after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime)

    assert min(spent) < 1.0
