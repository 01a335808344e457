"""`gatepost schema` writes what an editor needs beside the site, and `gatepost init` does so by itself."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from click.testing import CliRunner, Result

from engine.cli import main
from engine.site.loading import load_site


def gatepost(*arguments: object) -> Result:
    return CliRunner().invoke(main, [str(argument) for argument in arguments])


@pytest.fixture
def starter(tmp_path: Path) -> Path:
    assert gatepost("init", tmp_path / "my-site").exit_code == 0
    return tmp_path / "my-site"


def test_a_starter_site_has_the_schemas_that_its_files_name(starter: Path) -> None:
    for path in starter.rglob("*.yaml"):
        first = path.read_text(encoding="utf-8").partition("\n")[0]
        schema = path.parent / first.partition("$schema=")[2]

        assert json.loads(schema.read_text(encoding="utf-8"))["type"] == "object"
    assert load_site(starter)[1] == []


def test_schemas_are_written_anew_with_the_names_of_the_site(starter: Path) -> None:
    channels = starter / "channels.yaml"
    channels.write_text(
        channels.read_text(encoding="utf-8") + "  sorting_room: {kind: folder, path: x}\n", encoding="utf-8"
    )
    before = (starter / "schema" / "route.schema.json").read_text(encoding="utf-8")

    result = gatepost("schema", starter)

    assert result.exit_code == 0
    assert result.output.startswith("9 schemas written to ")
    assert "sorting_room" not in before
    assert "sorting_room" in (starter / "schema" / "route.schema.json").read_text(encoding="utf-8")


def test_schemas_may_be_written_elsewhere(starter: Path, tmp_path: Path) -> None:
    result = gatepost("schema", starter, "--out", tmp_path / "there" / "deep")

    assert result.exit_code == 0
    assert len(list((tmp_path / "there" / "deep").glob("*.schema.json"))) == 9


def test_a_folder_that_is_no_site_has_no_schemas(tmp_path: Path) -> None:
    result = gatepost("schema", tmp_path)

    assert result.exit_code == 1
    assert "gatepost init" in result.stderr
