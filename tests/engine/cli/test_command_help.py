"""Help texts are read by people, so their words are kept in golden files and reviewed when they change.

To renew them after a change that was meant: GATEPOST_GOLDEN=renew pytest tests/engine/cli
"""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest
from click.testing import CliRunner

from engine.cli import COMMANDS, SUMMARIES, main

GOLDEN = Path(__file__).parent / "golden"
OURS = (
    "check", "explain", "graph", "init", "trace", "send", "listen", "messages", "show", "report", "schema",
    "held", "parked", "returned", "release", "resend", "redirect", "discard", "audit",
)  # fmt: skip


@pytest.mark.parametrize("command", OURS)
def test_the_help_of_a_command_is_as_reviewed(command: str) -> None:
    result = CliRunner().invoke(main, [command, "--help"], prog_name="gatepost", terminal_width=100)
    golden = GOLDEN / f"help-{command}.txt"
    if os.environ.get("GATEPOST_GOLDEN") == "renew":
        golden.write_text(result.output, encoding="utf-8")

    assert result.exit_code == 0
    assert result.output == golden.read_text(encoding="utf-8")


@pytest.mark.parametrize("command", COMMANDS)
def test_every_command_has_an_example(command: str) -> None:
    result = CliRunner().invoke(main, [command, "--help"], prog_name="gatepost")

    assert result.exit_code == 0
    assert f"gatepost {command}" in result.output.partition("Example")[2]


def test_the_group_lists_every_command_and_a_wrong_one_is_wrong_use() -> None:
    listed = CliRunner().invoke(main, ["--help"])
    wrong = CliRunner().invoke(main, ["chek"])

    assert all(f"  {command} " in listed.output for command in COMMANDS)
    assert wrong.exit_code == 2


def test_the_list_of_commands_stands_whole_on_a_narrow_terminal() -> None:
    listed = CliRunner().invoke(main, ["--help"], terminal_width=80).output

    assert "..." not in listed.partition("Commands:")[2]
    assert set(SUMMARIES) <= set(COMMANDS)
    assert all(f"{command:<8}  {summary}" in listed for command, summary in SUMMARIES.items())


@pytest.mark.parametrize("module", ["engine", "engine.cli"])
def test_the_program_runs_as_a_module(module: str) -> None:
    done = subprocess.run(
        [sys.executable, "-m", module, "--version"], capture_output=True, text=True, check=True
    )

    assert done.stdout.startswith("gatepost, version")


def test_a_command_does_not_load_what_it_does_not_need() -> None:
    code = "import sys, engine.cli; engine.cli.main(['listen', '--help'], standalone_mode=False);"
    code += "sys.exit(any(m in sys.modules for m in ('sqlite3', 'aiormq', 'rich.table', 'yaml')))"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, check=False)

    assert done.returncode == 0
