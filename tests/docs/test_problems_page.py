"""The page of problems names every rule of the code, and no other."""

from __future__ import annotations

import re
from collections import Counter

from tests.docs.pages import DOCS
from tests.docs.rule_ids import rule_ids

ROW = re.compile(r"^\| `([a-z0-9-]+)` \|(.*)\|(.*)\|$", re.MULTILINE)
PAGE = (DOCS / "problems.md").read_text(encoding="utf-8")


def test_every_rule_of_the_code_is_in_the_page_and_the_other_way_round() -> None:
    assert {rule for rule, _, _ in ROW.findall(PAGE)} == rule_ids()


def test_each_rule_stands_there_once_with_what_is_wrong_and_a_remedy() -> None:
    rows = ROW.findall(PAGE)

    assert [rule for rule, times in Counter(rule for rule, _, _ in rows).items() if times > 1] == []
    assert [rule for rule, wrong, remedy in rows if not wrong.strip() or not remedy.strip()] == []


def test_warnings_are_called_warnings() -> None:
    # A rule is a warning in the code where its problem is added with warning=True; these are all of them.
    warned = {rule for rule, wrong, _ in ROW.findall(PAGE) if wrong.strip().startswith("A warning.")}

    assert warned == rule_ids(warnings=True)
