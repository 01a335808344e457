"""Holds what people read against the files that were reviewed.

To renew them after a change that was meant: GATEPOST_GOLDEN=renew pytest tests/routes/review
"""

from __future__ import annotations

import os
from pathlib import Path

from engine.site.loading import load_site
from routes.language.files import Origin

GOLDEN = Path(__file__).parent / "golden"
EXAMPLE = Path(__file__).parents[3] / "config"


def held_against(file: str, text: str) -> None:
    """The text is that of the golden file."""
    golden = GOLDEN / file
    if os.environ.get("GATEPOST_GOLDEN") == "renew":
        golden.write_text(text, encoding="utf-8")

    assert text == golden.read_text(encoding="utf-8")


def example_site() -> Origin:
    """What the example site was compiled from."""
    site, _ = load_site(EXAMPLE)
    assert site is not None
    assert site.plan.origin is not None
    return site.plan.origin
