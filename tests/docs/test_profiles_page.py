"""The page of conformance shows what profiles find: each is made, asked of the page's message, and compared.

To put the real findings into the page after a change that was meant: GATEPOST_GOLDEN=renew pytest tests/docs
"""

from __future__ import annotations

import os
import re
from itertools import pairwise
from pathlib import Path

import pytest

from engine.site.loading import load_site
from routes.flow.decide import decide
from routes.flow.decision import Known
from routes.language.profile_files import CONSTRAINT
from tests.docs.example_site import FEED, drop_tests, load_around
from tests.docs.pages import DOCS, ROOT, Block, blocks_of

PAGE = DOCS / "conformance.md"
TEXT = PAGE.read_text(encoding="utf-8")
BLOCKS = list(blocks_of(PAGE))
MESSAGE = next(b.text for b in BLOCKS if b.language == "hl7").strip().replace("\n", "\r").encode()
PROFILES = [block for block in BLOCKS if block.words in (("profile",), ("paths",))]
SHOWN = [(a, b) for a, b in pairwise(BLOCKS) if a in PROFILES and b.words == ("findings",)]
WORDS = next(b.text for b in blocks_of(DOCS / "route-language.md") if b.words == ("gatepost",))
ROUTE = f"""\
route: asks
from: [{FEED}]
check:
  - conforms_to: example
    else: {{hold: does_not_conform}}
send:
  - to: archive
"""


def findings(block: Block, folder: Path) -> list[str]:
    """What the profile finds in the page's message, in a site around it."""
    load_around(block, folder, WORDS)
    site = folder / "site"
    drop_tests(site)
    (site / "routes" / "asks.yaml").write_text(ROUTE, encoding="utf-8")
    for dialect in (site / "dialects").iterdir():  # the message is shown as the profile sees it
        dialect.write_text(f"dialect: {dialect.stem}\n", encoding="utf-8")
    loaded, problems = load_site(site)
    assert loaded is not None, [str(problem) for problem in problems]
    decision = decide(loaded.plan, FEED, MESSAGE, Known(1_773_063_000_000_000))
    route = next(found for found in decision.routes if found.route == "asks")
    return [warning.words for warning in route.warnings if warning.kind == "conformance"]


@pytest.mark.parametrize(("profile", "shown"), SHOWN, ids=[a.place for a, _ in SHOWN])
def test_a_profile_finds_what_the_page_shows(profile: Block, shown: Block, tmp_path: Path) -> None:
    found = "".join(f"{finding}\n" for finding in findings(profile, tmp_path))
    if os.environ.get("GATEPOST_GOLDEN") == "renew" and found != shown.text:
        text = PAGE.read_text(encoding="utf-8")
        at = text.index(profile.text) + len(profile.text)
        fenced = "```text findings\n"
        PAGE.write_text(text[:at] + text[at:].replace(fenced + shown.text, fenced + found, 1), "utf-8")
        return

    assert found == shown.text


def test_every_profile_of_the_page_shows_what_it_finds() -> None:
    assert [a.place for a, _ in SHOWN] == [block.place for block in PROFILES]


def test_the_page_has_every_key_of_a_constraint() -> None:
    section = TEXT.partition("### What can be asked")[2].partition("\n##")[0]

    assert re.findall(r"^\| `(\w+)` \|", section, re.MULTILINE) == list(CONSTRAINT.keys)


def test_the_page_lists_exactly_the_profiles_of_the_example_site() -> None:
    section = TEXT.partition("### The starter set")[2].partition("\n##")[0]
    listed = set(re.findall(r"^\| `(\w+)` \|", section, re.MULTILINE))

    assert listed == {path.stem for path in (ROOT / "config" / "profiles").iterdir()}
