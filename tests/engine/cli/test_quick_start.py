"""Commands that are used while somebody waits, or every few seconds, load little before they answer."""

from __future__ import annotations

import asyncio
import subprocess
import sys
from pathlib import Path

import pytest

from tests.engine.cli.test_journal_commands import fill

# What loading a site, running an engine, or talking to a broker needs: a third of a second and more.
HEAVY = ("asyncio", "aiormq", "engine.site.loading", "engine.site.settings", "importlib.metadata", "re2",
         "rich", "routes.language.plan", "structlog", "zoneinfo")  # fmt: skip


@pytest.mark.parametrize("command", ["show", "messages", "held", "parked", "audit", "status"])
def test_a_command_that_reads_loads_no_site_no_engine_and_no_broker(command: str) -> None:
    script = f"import sys, engine.cli.{command}, engine.site.data_folder; print(*sys.modules)"
    loaded = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, check=True)

    assert not set(HEAVY) & set(loaded.stdout.split())


def test_the_journey_of_a_message_is_shown_with_nothing_but_what_it_takes(tmp_path: Path) -> None:
    asyncio.run(fill(tmp_path))
    script = "import sys; from engine.cli import main; main(standalone_mode=False); print(*sys.modules)"
    command = [sys.executable, "-c", script, "show", "1", "--data", str(tmp_path)]
    told = subprocess.run(command, capture_output=True, text=True, check=True).stdout
    loaded = set(told.splitlines()[-1].split())

    assert "Journey" in told
    assert not {*HEAVY, "base64", "hashlib", "pickle", "shutil", "socket", "yaml"} & loaded
    assert {name for name in loaded if name.startswith(("channels.", "engine.", "routes."))} == {
        "engine.asking", "engine.cli", "engine.cli.episodes", "engine.cli.journal_view",
        "engine.cli.options", "engine.cli.sheet", "engine.cli.show", "engine.journal",
        "engine.journal.answers", "engine.journal.contract", "engine.journal.ownership",
        "engine.journal.parts", "engine.journal.reading", "engine.journal.schema",
    }  # fmt: skip


def test_the_status_of_an_engine_is_asked_without_tables_for_terminals() -> None:
    script = "import sys, engine.cli.status; print(*sys.modules)"
    loaded = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, check=True)

    assert not {"rich", "sqlite3", "yaml"} & set(loaded.stdout.split())


def test_a_data_folder_written_plainly_is_found_without_a_reader_of_yaml() -> None:
    script = (
        "import sys; from pathlib import Path; from engine.site.data_folder import find_data_folder;"
        " print(find_data_folder(Path('config'), 'demo'), *sys.modules)"
    )
    loaded = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, check=True)
    folder, *modules = loaded.stdout.split()

    assert folder.endswith("/var/demo")
    assert "yaml" not in modules
