"""The reference of site files and the help texts are what the program says of itself.

To write them anew: python tools/make_reference.py
"""

from __future__ import annotations

import importlib.util
import re
from types import ModuleType

import pytest

from engine.cli import COMMANDS
from tests.docs.pages import ROOT, pages, prose_of


@pytest.fixture(scope="module")
def maker() -> ModuleType:
    spec = importlib.util.spec_from_file_location("make_reference", ROOT / "tools" / "make_reference.py")
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def test_the_reference_of_site_files_is_what_the_declarations_say(maker: ModuleType) -> None:
    assert maker.SITE_FILES.read_text(encoding="utf-8") == maker.site_files()


def test_every_setting_that_a_page_writes_as_key_and_value_is_a_key(maker: ModuleType) -> None:
    known = set(re.findall(r"^\| `(\w+)` \|", maker.site_files(), re.MULTILINE))
    known |= {
        "feeds",
        "channels",
        "route",
        "hold",
        "reject",
        "warn",
        "first_of",
        "otherwise",
        "from",
        "zone",
        "least",
    }  # in lists and steps
    known |= {"restart"}  # of compose
    known |= set(re.findall(r"\b\w+_to_\w+|every_day|monday", maker.HOURS_AND_PATTERNS))
    odd = []
    for page in pages():
        if (
            page.name not in ("CHANGELOG.md", "problems.md", "site-files.md")
            and "decisions" not in page.parts
        ):
            written = re.findall(r"`-? ?\{?([a-z_]+): [^`]+`", prose_of(page))
            odd += [f"{page.name}: {key}" for key in written if key not in known]

    assert odd == []


def test_the_help_of_every_command_in_the_page_is_what_the_program_prints(maker: ModuleType) -> None:
    text = maker.COMMANDS_PAGE.read_text(encoding="utf-8")

    assert text == maker.commands_page(text)


def test_every_command_has_its_help_and_an_example_of_its_own(maker: ModuleType) -> None:
    text = maker.COMMANDS_PAGE.read_text(encoding="utf-8")
    sections = dict(re.findall(r"^## gatepost (\w+)\n(.*?)(?=^## |\Z)", text, re.DOTALL | re.MULTILINE))

    assert sorted(sections) == sorted(COMMANDS)
    assert [name for name, part in sections.items() if f"```text help {name}\n" not in part] == []
    assert [name for name, part in sections.items() if f"\n    gatepost {name} " not in part] == []
