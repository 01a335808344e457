"""Makes a site of each recipe of the cookbook: the files that all share, and the recipe's own.

A recipe is a section of the page. A block with a file's name is that file; a recipe's own file takes the
place of a shared one.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path

from tests.docs.pages import DOCS, Block, blocks_of

__all__ = ["Recipe", "recipes", "write_site"]

PAGE = DOCS / "cookbook.md"
FOLDERS = ("routes", "tables", "samples")


@dataclass(frozen=True)
class Recipe:
    """One task: its heading, and its files by their path in the site."""

    title: str
    files: Mapping[str, str]


def recipes() -> list[Recipe]:
    """Every recipe of the page, with the shared files. In the page each lies below `site/`."""
    text = PAGE.read_text(encoding="utf-8")
    starts = [at for at in range(len(text)) if text.startswith("\n## ", at)]
    blocks = [block for block in blocks_of(PAGE) if block.words]
    shared = _files(block for block in blocks if block.start < starts[0])
    found = []
    for start, end in zip(starts, [*starts[1:], len(text)], strict=True):
        title = text[start:end].split("\n")[1].removeprefix("## ")
        own = _files(block for block in blocks if start < block.start < end)
        found.append(Recipe(title, {**shared, **own}))
    return found


def _files(blocks: Iterable[Block]) -> dict[str, str]:
    return {block.words[0].removeprefix("site/"): block.text for block in blocks}


def write_site(recipe: Recipe, folder: Path) -> Path:
    """The site's folder."""
    for name in FOLDERS:
        (folder / name).mkdir(parents=True)
    for name, text in recipe.files.items():
        path = folder / name
        path.parent.mkdir(exist_ok=True)
        path.write_text(text, encoding="utf-8")
    return folder
