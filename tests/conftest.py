"""What all tests share: where the optional corpus lies, and how long a wait may take."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

SHARED = Path(os.environ.get("GATEPOST_SHARED", Path(__file__).resolve().parents[2] / "shared"))


@pytest.fixture(scope="session")
def shared() -> Path:
    """The folder with the public corpus and the MLLP cases; tests that need it skip where it is absent."""
    if not (SHARED / "corpus").is_dir():
        pytest.skip("the corpus folder is not here; set GATEPOST_SHARED to its parent to run this test")
    return SHARED
