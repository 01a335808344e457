"""Finds the fenced blocks and links of the documents, so that tests can hold them against the program.

A block's info string says what it is: ```yaml route, ```console, ```text help check. A block without words
behind its language is shown only, and no test looks into it.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
DOCS = ROOT / "docs"

_FENCE = re.compile(
    r"^(?P<lead> *)```(?P<info>[^`\n]*)\n(?P<text>.*?)^(?P=lead)```$", re.DOTALL | re.MULTILINE
)


@dataclass(frozen=True)
class Block:
    """One fenced block: its language, the words behind it, its text and where it stands."""

    page: str
    line: int
    language: str
    words: tuple[str, ...]
    text: str
    start: int  # where the text begins in the page, in characters

    @property
    def place(self) -> str:
        return f"{self.page}:{self.line}"


def pages() -> list[Path]:
    """Every document: README, CHANGELOG and all of docs/."""
    return [ROOT / "README.md", ROOT / "CHANGELOG.md", *sorted(DOCS.rglob("*.md"))]


def blocks_of(page: Path) -> Iterator[Block]:
    """The fenced blocks of one page, in order."""
    text = page.read_text(encoding="utf-8")
    for match in _FENCE.finditer(text):
        language, *words = match["info"].split() or [""]
        line = text.count("\n", 0, match.start()) + 1
        name = str(page.relative_to(ROOT))
        yield Block(name, line, language, tuple(words), match["text"], match.start("text"))


def all_blocks() -> list[Block]:
    """The fenced blocks of all pages."""
    return [block for page in pages() for block in blocks_of(page)]


def prose_of(page: Path) -> str:
    """A page without its fenced blocks."""
    return _FENCE.sub("", page.read_text(encoding="utf-8"))
