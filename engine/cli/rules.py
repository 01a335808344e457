"""What each rule of `gatepost check` means: read from docs/problems.md, which is the one place that says so.

The page lies beside the packages in a checkout, and inside an installed one. Must not know any problem.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cache
from pathlib import Path

__all__ = ["Rule", "rules"]

_ROW = re.compile(r"\| `([a-z0-9-]+)` \| (.*?) \| (.*?) \|")
_TITLE = re.compile(r"#+ (.*)")


@dataclass(frozen=True, slots=True)
class Rule:
    """One rule: what is wrong, the remedy, and the section of the page (its title) in which it stands."""

    id: str
    wrong: str
    remedy: str
    section: str

    @property
    def link(self) -> str:
        """The page, with the section as an anchor."""
        words = re.sub(r"[^\w\- ]", "", self.section.lower())
        return f"docs/problems.md#{words.replace(' ', '-')}"

    @property
    def warns(self) -> bool:
        """Whether it only warns."""
        return self.wrong.startswith("A warning.")


@cache
def rules() -> Mapping[str, Rule]:
    """Every rule by its id, in the order of the page."""
    found: dict[str, Rule] = {}
    section = ""
    for line in _page().read_text(encoding="utf-8").splitlines():
        title, row = _TITLE.fullmatch(line), _ROW.fullmatch(line)
        if title:
            section = title[1]
        elif row:
            found[row[1]] = Rule(row[1], row[2].replace("\\|", "|"), row[3].replace("\\|", "|"), section)
    return found


def _page() -> Path:
    package = Path(__file__).resolve().parents[1]
    for page in (package.parent / "docs" / "problems.md", package / "problems.md"):
        if page.is_file():
            return page
    raise FileNotFoundError("docs/problems.md is not installed; this build of gatepost is incomplete")
