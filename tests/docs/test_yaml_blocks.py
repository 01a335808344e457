"""Every YAML block of the documents that says what it is loads without a problem, in a whole site."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.docs.example_site import KINDS, load_around
from tests.docs.pages import Block, all_blocks

YAML = [block for block in all_blocks() if block.language == "yaml"]
MARKED = [block for block in YAML if block.words and "/" not in block.words[0]]
# A piece of a site is not used by the rest of it; that is no mistake of the piece.
BESIDE_THE_POINT = {"idle-guard", "idle-dialect", "idle-feed", "idle-channel", "idle-profile"}
BESIDE_THE_POINT |= {"unused-table", "unknown-feed", "never-returned"}
HOURS = next((block.text for block in MARKED if block.words == ("gatepost",)), "")


def test_every_yaml_block_says_what_it_is() -> None:
    # A name with / is a file of the tutorial, which has a test of its own.
    odd = [b.place for b in YAML if not b.words or ("/" not in b.words[0] and b.words[0] not in KINDS)]

    assert odd == []


@pytest.mark.parametrize("block", MARKED, ids=[block.place for block in MARKED])
def test_the_block_is_a_good_piece_of_a_site(block: Block, tmp_path: Path) -> None:
    _, problems = load_around(block, tmp_path, "" if block.words == ("gatepost",) else HOURS)

    assert [str(p) for p in problems if p.rule not in BESIDE_THE_POINT] == []
