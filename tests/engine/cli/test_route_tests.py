"""`gatepost test`: short when green, readable when red, and a report that build servers understand."""

from __future__ import annotations

import json
import re
import shutil
import subprocess
from pathlib import Path
from xml.etree import ElementTree as ET

import pytest
from click.testing import CliRunner, Result

from engine.cli import main
from engine.site.files import read_samples
from engine.site.loading import load_site
from routes.language.problems import Problems
from routes.review import run_tests

EXAMPLE = Path(__file__).resolve().parents[3] / "config"
LETTERS = "routes/gp_letters.yaml"


def gatepost(*arguments: str | Path) -> Result:
    return CliRunner().invoke(main, [str(argument) for argument in arguments])


@pytest.fixture
def site(tmp_path: Path) -> Path:
    return Path(shutil.copytree(EXAMPLE, tmp_path / "site"))


def break_one(site: Path) -> None:
    """The route no longer writes the practice into MSH-6."""
    route = site / LETTERS
    text = route.read_text(encoding="utf-8")
    assert "  - set: {MSH-6: practice}\n" in text
    route.write_text(text.replace("  - set: {MSH-6: practice}\n", ""), encoding="utf-8")


def test_the_example_site_is_green_in_one_line() -> None:
    result = gatepost("test", EXAMPLE)

    assert result.exit_code == 0, result.output
    assert result.output == f"✓ {len(all_tests(EXAMPLE))} tests of 3 routes\n"


def all_tests(site: Path) -> list[str]:
    loaded, _ = load_site(site)
    assert loaded is not None
    assert loaded.plan.origin is not None
    return [t.name.value for route in loaded.plan.origin.files.routes.values() for t in route.tests]


def test_a_failed_test_says_that_the_dialect_did_not_see_what_it_wrote(site: Path) -> None:
    route = site / LETTERS
    text = route.read_text(encoding="utf-8")
    # The dialect copies PD1-3.10 to PD1-3.3, but it has been when this is written.
    edited = text.replace("with: {PD1-3.3: Y06607}", "with: {PD1-3.10: Y06607}")
    assert edited != text
    route.write_text(edited, encoding="utf-8")

    told = gatepost("test", site).output

    assert "written behind the dialect westmoor, which did not see it" in told
    break_one(site)
    unedited = gatepost("test", site, "--name", "a letter goes to the practice").output
    assert "behind the dialect" not in unedited


def test_every_test_of_the_example_site_notices_when_its_route_does_nothing(site: Path) -> None:
    for route in (site / "routes").glob("*.yaml"):
        text = route.read_text(encoding="utf-8")
        head, tests = text.split("\ntests:\n")
        names = head[head.index("\nfrom:") : head.index("\naccept:")].split("guards:")[0]
        route.write_text(
            f"route: {route.stem}{names}check:\n  - that: MSH-3 = 'nobody'\n    else: {{hold: nothing}}\n"
            f"send:\n  - to: archive\ntests:\n{tests}",
            encoding="utf-8",
        )
    loaded, problems = load_site(site)

    # Not one of them is possible any more: what they expect is nowhere in the routes.
    assert loaded is None
    assert len([p for p in problems if p.rule == "never-happens"]) > 20


def test_a_failed_test_is_shown_with_its_place_and_each_difference(site: Path) -> None:
    break_one(site)
    result = gatepost("test", site)

    assert result.exit_code == 1
    assert re.search(r"^✗ routes/gp_letters\.yaml:\d+: a letter goes to the pra", result.output, re.MULTILINE)
    assert "    gp_message @ Y06612  MSH-6: Y06612 → GP\n" in result.output
    assert "✗ 2 of 39 tests of 3 routes fail." in result.output
    assert "Add -v" in result.output


def test_verbose_names_every_test_and_tells_all_that_happened(site: Path) -> None:
    break_one(site)
    result = gatepost("test", site, "-v", "--route", "gp_letters")

    assert "✓ routes/gp_letters.yaml:" in result.output
    assert "      sent: gp_message @ Y06612 (acknowledged)\n" in result.output
    assert "      rejected: The letter holds no document\n" in result.output


def test_one_route_or_one_name_is_run_alone() -> None:
    assert gatepost("test", EXAMPLE, "--route", "adt_archive").output == "✓ 7 tests of 1 route\n"
    assert gatepost("test", EXAMPLE, "--name", "unsigned").output == "✓ 1 test of 1 route\n"
    wrong = gatepost("test", EXAMPLE, "--route", "adt_archiv")
    nobody = gatepost("test", EXAMPLE, "--name", "no such test")

    assert (wrong.exit_code, nobody.exit_code) == (2, 2)
    assert 'did you mean "adt_archive"?' in wrong.output


def test_a_site_with_errors_is_not_tested(site: Path) -> None:
    route = site / LETTERS
    route.write_text(route.read_text(encoding="utf-8").replace("accept:", "acept:"), encoding="utf-8")
    result = gatepost("test", site)
    as_json = json.loads(gatepost("test", site, "--json").output)

    assert result.exit_code == 1
    assert 'did you mean "accept"? [unknown-key]' in result.output
    assert "cannot be run" in result.output
    assert (as_json["ok"], as_json["problems"][0]["rule"]) == (False, "unknown-key")


def test_a_route_without_tests_is_named(site: Path) -> None:
    route = site / LETTERS
    route.write_text(route.read_text(encoding="utf-8").split("\ntests:\n")[0], encoding="utf-8")

    assert "Note: route gp_letters has no tests.\n" in gatepost("test", site).output


def test_json_and_junit_say_the_same(site: Path, tmp_path: Path) -> None:
    break_one(site)
    result = gatepost("test", site, "--json", "--junit", tmp_path / "results.xml")
    found = json.loads(result.output)
    report = ET.parse(tmp_path / "results.xml").getroot()  # noqa: S314 - our own
    failed = [test for test in found["tests"] if not test["passed"]]
    cases = [case for case in report.iter("testcase") if case.find("failure") is not None]

    assert (found["ok"], found["routes_without_tests"]) == (False, [])
    assert failed[0]["differences"] == [
        {"place": "gp_message @ Y06612", "what": "MSH-6", "expected": "Y06612", "found": "GP", "why": ""}
    ]
    assert [case.get("name") for case in cases] == [test["name"] for test in failed]
    assert (report.get("tests"), report.get("failures")) == ("39", "2")
    assert cases[0].get("file") == LETTERS


def git(site: Path, *arguments: str) -> None:
    who = ("-c", "user.name=A", "-c", "user.email=a@example.nhs.uk")
    subprocess.run(["git", *who, *arguments], cwd=site, check=True, capture_output=True)


def test_changed_runs_the_routes_that_rest_on_what_changed(site: Path) -> None:
    git(site, "init", "-q")
    git(site, "add", "-A")
    git(site, "commit", "-qm", "first")
    nothing = gatepost("test", site, "--changed")
    with (site / "tables" / "national_codes.csv").open("a") as table:
        table.write("N9001,Something new\n")
    results = gatepost("test", site, "--changed")
    (site / "samples" / "new.hl7").write_bytes(b"MSH|^~\\&\r")
    (site / "samples" / "westmoor_letter_empty.hl7").touch()
    unchanged = gatepost("test", site, "--changed")
    with (site / "feeds.yaml").open("a") as feeds:
        feeds.write("# a remark\n")

    assert nothing.output == "✓ 0 tests of 0 routes\n"
    assert results.output == "✓ 21 tests of 1 route\n"
    assert unchanged.output == results.output
    assert gatepost("test", site, "--changed").output == "✓ 39 tests of 3 routes\n"


def test_changed_without_git_runs_all_and_says_so(site: Path) -> None:
    result = gatepost("test", site, "--changed")

    assert "Nobody can say what changed" in result.output
    assert "✓ 39 tests of 3 routes\n" in result.output


def test_the_one_entry_for_the_engine_gives_what_fails(site: Path) -> None:
    break_one(site)
    loaded, _ = load_site(site)
    assert loaded is not None
    failed = run_tests(loaded.plan, read_samples(site, Problems()))

    assert [each.route for each in failed] == ["gp_letters", "gp_letters"]
