"""pytest collects the tests of routes: each is an item, told by its differences and not by our own files."""

from __future__ import annotations

import importlib
import re
import shutil
import subprocess
import sys
import tomllib
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]


@pytest.fixture(scope="module")
def told(tmp_path_factory: pytest.TempPathFactory) -> str:
    """What one run says of a good site, one whose route is broken, one with an error, and a stranger."""
    folder = tmp_path_factory.mktemp("sites")
    for name in ("good", "broken", "wrong"):
        shutil.copytree(ROOT / "engine" / "cli" / "starter", folder / name)
    change(folder / "broken", "PV1-3.9: wards[ward].name", "PV1-3.9: ward")
    change(folder / "wrong", "accept:", "acept:")
    (folder / "stranger" / "routes").mkdir(parents=True)
    (folder / "stranger" / "routes" / "cats.yaml").write_text("route: meow\n", encoding="utf-8")
    run = [sys.executable, "-m", "pytest", "-p", "engine.pytest_plugin", "-p", "no:cacheprovider", "-v", "."]
    done = subprocess.run(
        [*run, "--continue-on-collection-errors", "--rootdir", "."],
        cwd=folder,
        capture_output=True,
        text=True,
    )
    assert done.returncode == 1, done.stdout + done.stderr
    return done.stdout


def change(site: Path, old: str, new: str) -> None:
    route = site / "routes" / "admissions.yaml"
    text = route.read_text(encoding="utf-8")
    assert old in text
    route.write_text(text.replace(old, new), encoding="utf-8")


def test_every_test_of_a_good_site_is_an_item_that_passes(told: str) -> None:
    assert "good/routes/admissions.yaml::an admission is kept, with its ward's name PASSED" in told
    assert told.count("good/routes/admissions.yaml::") == 3


def test_a_failure_shows_its_place_and_differences_alone(told: str) -> None:
    assert "broken/routes/admissions.yaml::an admission is kept, with its ward's name FAILED" in told
    assert "admissions  PV1-3.9: Ward 7 Elderly Care → WARD7\n" in told
    headline = re.compile(
        r"^routes/admissions\.yaml:\d+: an admission is kept, with its ward's name$", re.MULTILINE
    )
    assert headline.search(told)
    assert "runtest" not in told


def test_a_site_with_errors_is_an_error_of_collection_with_its_problems(told: str) -> None:
    assert "ERROR wrong/routes/admissions.yaml" in told
    assert 'did you mean "accept"? [unknown-key]' in told


def test_yaml_files_that_belong_to_no_site_are_left_alone(told: str) -> None:
    assert "stranger" not in told


def test_it_is_declared_so_that_pytest_finds_it_where_gatepost_is_installed() -> None:
    project = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["project"]
    [(name, module)] = project["entry-points"]["pytest11"].items()

    assert name == module  # so that -p, which names the module, does not load it a second time
    assert callable(importlib.import_module(module).pytest_collect_file)
