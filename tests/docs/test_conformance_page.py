"""The page of conformance names every rule of the standard, with its severity and meaning."""

from __future__ import annotations

import re

from routes.conformance.rules import RULES
from tests.docs.pages import DOCS

ROW = re.compile(r"^\| `([a-z-]+)` \| (error|warning) \| (.+) \|$", re.MULTILINE)


def test_the_page_gives_every_rule_as_the_code_has_it() -> None:
    rows = ROW.findall((DOCS / "conformance.md").read_text(encoding="utf-8"))

    assert rows == [(name, meaning.severity, meaning.words) for name, meaning in RULES.items()]
