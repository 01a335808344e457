"""An opened journal in a folder of its own, closed at the end."""

from __future__ import annotations

from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from engine.journal.sqlite import SqliteJournal
from tests.engine.journal.journal_rig import open_journal


@pytest.fixture
async def journal(tmp_path: Path) -> AsyncIterator[SqliteJournal]:
    """A journal in `tmp_path`."""
    opened = open_journal(tmp_path)
    yield opened
    await opened.close()
