"""The schemas for editors: every good file fits its schema, and what is broken by its shape does not."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from engine.site import channels, feeds, settings
from engine.site.schema import all_schemas, names_of
from routes.language.problems import Problems
from routes.language.shapes import Shape, as_json
from routes.language.source import read_yaml
from tests.docs.example_site import WHOLE
from tests.docs.pages import all_blocks
from tests.routes.language.test_route_files_broken import BROKEN, GOOD, halves, site_of
from tests.schema_checking import faults

ROOT = Path(__file__).resolve().parents[3]
SITES = (ROOT / "config", ROOT / "engine" / "cli" / "starter")
KIND_OF_FOLDER = {
    "routes": "route", "dialects": "dialect", "guards": "guard", "profiles": "profile", "tables": "table",
    "environments": "environment",
}  # fmt: skip
EXAMPLE_NAMES = names_of(ROOT / "config")
SCHEMAS = all_schemas(EXAMPLE_NAMES)
BARE = all_schemas({})


def kind_of(name: str) -> str:
    folder, _, file = name.rpartition("/")
    return KIND_OF_FOLDER.get(folder, file.removesuffix(".yaml"))


def read(text: str) -> Any:
    problems = Problems()
    node = read_yaml("x.yaml", text, problems)

    assert problems.found == {}
    assert node is not None
    return as_json(node)


def files() -> Iterator[tuple[str, str, str]]:
    for site in SITES:
        for path in sorted(site.rglob("*.yaml")):
            name = path.relative_to(site).as_posix()
            yield f"{site.name}/{name}", kind_of(name), path.read_text(encoding="utf-8")
    for block in all_blocks():
        if block.language == "yaml" and block.words and block.words[0] in WHOLE:
            yield block.place, block.words[0], block.text
        elif block.language == "yaml" and block.words and block.words[0].endswith(".yaml"):
            name = block.words[0].partition("/")[2]
            if block.words[1:] == () and "+" not in block.words[0]:
                yield block.place, kind_of(name), block.text


FILES = list(files())


@pytest.mark.parametrize(("kind", "text"), [each[1:] for each in FILES], ids=[each[0] for each in FILES])
def test_every_good_file_fits_its_schema(kind: str, text: str) -> None:
    value = read(text)

    assert faults(value, SCHEMAS[kind]) == []
    assert faults(value, BARE[kind]) == []


def test_the_files_of_both_sites_name_their_schema_in_the_first_line() -> None:
    for site in SITES:
        for path in site.rglob("*.yaml"):
            name = path.relative_to(site).as_posix()
            up = "../schema" if "/" in name else "schema"
            first = path.read_text(encoding="utf-8").partition("\n")[0]

            assert first == f"# yaml-language-server: $schema={up}/{kind_of(name)}.schema.json"


BY_SHAPE = {
    "empty-value", "misplaced-key", "missing-key", "no-verb", "one-outcome", "two-questions", "two-verbs",
    "unknown-key", "wrong-choice", "wrong-kind",
}  # fmt: skip
"""Rules about how a file is laid out. Expressions, order and names of the site a schema does not judge."""

BEYOND_A_SCHEMA = {
    "join_wrapped_document",  # `wrap` with `as: base64`
    "earlier_with_address",  # depends on what `to` says, as the two below
    "earlier_without_same",
    "same_without_earlier",
    "join_type_of_notes",  # depends on the segment
    "reformat_number_zone",  # depends on what is written
    "renumber_without_group",  # depends on `as`
    "split_with_when",
    "returned_nowhere",  # of two keys at least one
    "test_pretends_nobody",
    "test_route_without_from",  # depends on the route around it
    "then_alone",
}
"""What is right in itself, and wrong beside something else."""


def broken() -> Iterator[tuple[str, str, str]]:
    for golden in sorted(BROKEN.glob("*.txt")):
        given, expected = halves(golden)
        told = re.findall(r"^(\S+?\.yaml):\d+:\d+: (?!warning).*\[([a-z-]+)\]$", expected, re.MULTILINE)
        for name in {name for name, rule in told if rule in BY_SHAPE}:
            text = site_of(given)[name]
            problems = Problems()
            if read_yaml(name, text, problems) is not None and not problems.found:
                yield golden.stem, kind_of(name), text


BROKEN_FILES = list(broken())


@pytest.mark.parametrize(
    ("stem", "kind", "text"), BROKEN_FILES, ids=[f"{each[0]}-{each[1]}" for each in BROKEN_FILES]
)
def test_what_is_broken_by_its_shape_does_not_fit(stem: str, kind: str, text: str) -> None:
    fits = faults(read(text), BARE[kind]) == []

    assert fits is (stem in BEYOND_A_SCHEMA), "if no schema can tell, say so in BEYOND_A_SCHEMA"


def test_the_good_files_around_the_broken_ones_fit() -> None:
    for name, text in GOOD.items():
        if name.endswith(".yaml"):
            assert faults(read(text), BARE[kind_of(name)]) == []


def walk(part: Any) -> Iterator[dict[str, Any]]:
    if isinstance(part, dict):
        yield part
    for each in part.values() if isinstance(part, dict) else part if isinstance(part, list) else ():
        yield from walk(each)


@pytest.mark.parametrize("kind", SCHEMAS)
def test_every_key_says_what_it_means_and_its_examples_fit(kind: str) -> None:
    schema = SCHEMAS[kind]
    for part in walk(schema):
        if "additionalProperties" not in part or not isinstance(part.get("properties"), dict):
            continue
        for key, value in part["properties"].items():
            if "$ref" in value and part.get("propertyNames"):
                continue  # the name of a feed or channel
            assert value.get("description"), (kind, key)
            for example in value.get("examples", ()):
                assert faults(example, value, schema) == [], (kind, key, example)
            if "default" in value:
                assert faults(read(f"k: {value['default']}")["k"], value, schema) == [], (kind, key)


def test_nothing_of_how_schemas_are_made_is_left_in_them() -> None:
    assert "x-names" not in json.dumps(SCHEMAS)
    assert "x-names" not in json.dumps(BARE)


@pytest.mark.parametrize(
    ("kind", "name"),
    [
        ("route", "gp_message"), ("route", "earlier_recipients"), ("route", "national_codes"),
        ("route", "safe_to_send"), ("route", "st_annes_tie"), ("route", "oru_r01_uk"),
        ("route", "restricted"), ("feeds", "northfield"),
        ("feeds", "westmoor_pas"), ("channels", "gp_directory"),
        ("profile", "nhs_number"), ("environment", "gp_message"),
    ],
)  # fmt: skip
def test_the_names_of_the_site_are_suggested(kind: str, name: str) -> None:
    parts = list(walk(SCHEMAS[kind]))
    suggested = {str(each) for part in parts for each in part.get("enum", ())}
    suggested |= {key for part in parts for key in part.get("properties", ())}

    assert name in suggested


def test_a_name_that_is_still_to_be_written_fits() -> None:
    route = {"route": "r", "from": ["new_feed"], "send": [{"to": "new_channel"}]}

    assert faults(route, SCHEMAS["route"]) == []
    assert faults({**route, "from": ["New Feed"]}, SCHEMAS["route"]) != []


def test_names_are_found_in_a_site_that_is_half_written(tmp_path: Path) -> None:
    (tmp_path / "routes").mkdir()
    (tmp_path / "gatepost.yaml").write_text("site: x\ntrays: {late: {owner: me}}\n", encoding="utf-8")
    (tmp_path / "feeds.yaml").write_text("feeds: {a_feed: {kind: mllp}}\n", encoding="utf-8")
    (tmp_path / "channels.yaml").write_text("channels: [unclosed\n", encoding="utf-8")
    (tmp_path / "routes" / "first.yaml").write_text("rout: 'first\n", encoding="utf-8")

    names = names_of(tmp_path)

    assert (names["feed"], names["channel"]) == (["a_feed"], [])
    assert (names["tray"], names["route"]) == (["late"], ["first"])
    assert names_of(tmp_path / "nowhere") == {}


@pytest.mark.parametrize(
    "shape", [*feeds.KINDS.values(), settings.SITE, *channels.KINDS.values()], ids=lambda s: s.name
)
def test_every_key_that_is_read_is_in_the_schema(shape: Shape) -> None:
    schema: Any = shape.schema()

    assert list(schema["properties"]) == list(shape.keys)
