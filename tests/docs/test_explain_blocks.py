"""What the pages show of explanations is what the program says of the example site."""

from __future__ import annotations

import pytest

from engine.site.loading import load_site
from routes.review.explaining import explain_route
from routes.review.text_form import write_text
from tests.docs.pages import ROOT, Block, all_blocks

SHOWN = [block for block in all_blocks() if block.language == "text" and block.words[:1] == ("explain",)]


@pytest.mark.parametrize("block", [pytest.param(block, id=block.place) for block in SHOWN])
def test_every_line_of_a_shown_explanation_is_one_of_the_real_one(block: Block) -> None:
    site, _ = load_site(ROOT / "config")
    assert site is not None
    assert site.plan.origin is not None
    real = write_text(explain_route(site.plan.origin, block.words[1])).splitlines()

    assert [line for line in block.text.splitlines() if line and line not in real] == []


def test_some_explanation_is_shown() -> None:
    assert SHOWN
