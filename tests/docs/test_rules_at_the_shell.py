"""`gatepost check --explain` knows every rule of the page, and its links lead to the page's sections."""

from __future__ import annotations

import re

import pytest

from engine.cli.rules import Rule, rules
from tests.docs.pages import DOCS
from tests.docs.rule_ids import rule_ids

PAGE = (DOCS / "problems.md").read_text(encoding="utf-8")


def test_every_rule_of_the_code_can_be_explained() -> None:
    assert set(rules()) == rule_ids()


@pytest.mark.parametrize("rule", rules().values(), ids=lambda rule: rule.id)
def test_an_explanation_is_the_row_of_the_page_and_its_link_leads_there(rule: Rule) -> None:
    titles = re.findall(r"^#+ (.*)$", PAGE, re.MULTILINE)
    anchors = {re.sub(r"[^\w\- ]", "", title.lower()).replace(" ", "-") for title in titles}

    assert f"| `{rule.id}` |" in PAGE
    assert rule.wrong
    assert rule.remedy
    assert rule.link.partition("#")[2] in anchors
