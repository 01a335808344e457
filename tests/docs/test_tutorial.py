"""The analysts' two tutorials are typed from their first line to the last, and print what the pages show.

To put the real output into the page after a change that was meant: GATEPOST_GOLDEN=renew pytest tests/docs
"""

from __future__ import annotations

import os
from difflib import SequenceMatcher
from pathlib import Path

import pytest

from tests.docs.pages import DOCS
from tests.docs.tutorial import Typist, plain

PAGES = ("tutorial.md", "analysts.md")


@pytest.mark.slow
@pytest.mark.timeout(300)
@pytest.mark.parametrize("name", PAGES)
def test_every_command_of_a_tutorial_prints_what_the_page_shows(name: str, tmp_path: Path) -> None:
    page = DOCS / name
    renew = os.environ.get("GATEPOST_GOLDEN") == "renew"
    typist = Typist(tmp_path, patience=8.0 if renew else 30.0)
    renewed: list[tuple[int, int, str]] = []
    try:
        for block, typed in typist.work_through(page):
            new = "".join(
                f"$ {command}\n{_renewed(expected, printed)}" for command, expected, printed in typed
            )
            renewed.append((block.start, len(block.text), new))
            for command, expected, printed in () if renew else typed:
                assert plain(printed) == plain(expected), f"{block.place}: {command}"
    finally:
        typist.stop()
    if renew:
        text = page.read_text(encoding="utf-8")
        for start, length, new in reversed(renewed):
            text = text[:start] + new + text[start + length :]
        page.write_text(text, encoding="utf-8")


def _renewed(expected: str, printed: str) -> str:
    """What was printed; lines in which only times and ports differ stay as the page has them."""
    if plain(printed) == plain(expected):
        return expected
    old, new = expected.splitlines(keepends=True), _tidy(printed).splitlines(keepends=True)
    was, now = (["".join(plain(line)) for line in lines] for lines in (old, new))
    kept: list[str] = []
    for what, start, end, first, last in SequenceMatcher(None, was, now, autojunk=False).get_opcodes():
        kept += old[start:end] if what == "equal" else new[first:last]
    return "".join(kept)


def _tidy(printed: str) -> str:
    lines = [line.rstrip() for line in printed.splitlines()]
    return "".join(f"{line}\n" for line in lines if line or printed.count("\n") > 1)
