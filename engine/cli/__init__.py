"""The `gatepost` command. Finds the module of each subcommand, and imports it only when it is called.

A health check runs `gatepost status` every few seconds and must not pay for the engine's imports. Must
not know what any command does.
"""

from __future__ import annotations

import gc
import importlib
import importlib.util
from collections.abc import Sequence
from typing import Any

import click

__all__ = ["main"]

COMMANDS = (
    "run",
    "demo",
    "check",
    "test",
    "keep",
    "explain",
    "graph",
    "init",
    "trace",
    "schema",
    "send",
    "listen",
    "messages",
    "show",
    "held",
    "parked",
    "release",
    "returned",
    "resend",
    "redirect",
    "discard",
    "audit",
    "report",
    "replay",
    "status",
    "reload",
)
"""In the order in which a newcomer meets them; `engine/cli/NAME.py` holds a click command called NAME."""

SUMMARIES = {
    "run": "Run the engine on a site.",
    "demo": "Watch it at work: three hospitals, twenty practices.",
    "check": "Check a site's files, without starting anything.",
    "test": "Run the tests of a site's routes.",
    "keep": "Keep a real message as an invented sample, with a test.",
    "explain": "Explain in plain English what a route does.",
    "graph": "Draw a site: feeds, routes, channels and trays.",
    "init": "Write a small starter site into a new folder.",
    "trace": "Show what each line of a site does with one message.",
    "schema": "Write JSON Schemas of a site's files, for your editor.",
    "send": "Send messages from files over MLLP.",
    "listen": "Listen on a port for MLLP, and answer.",
    "messages": "Find messages: by patient, practice, feed or state.",
    "show": "Show the journey of one message.",
    "held": "Show the trays, and what waits in them for a person.",
    "parked": "Show the copies that were set aside or refused.",
    "returned": "Show what practices sent back, and where it may go.",
    "release": "Let go on what waits for a person.",
    "resend": "Send once more what a message had sent.",
    "redirect": "Send a copy to another address, or another way.",
    "discard": "End what waits for a person, unsent.",
    "audit": "List what people did, and why.",
    "report": "What was accepted in a day, and what became of it.",
    "replay": "What the files as they are would do with past messages.",
    "status": "Ask the running engine how it is.",
    "reload": "Have the running engine take a changed site.",
}
"""What the list of commands says of each, on one line of a narrow terminal: no module is loaded for it."""


def _is_there(name: str) -> bool:
    return importlib.util.find_spec(f"engine.cli.{name}") is not None


class _Commands(click.Group):
    """Loads `engine.cli.NAME` when NAME is asked for."""

    def main(self, args: Sequence[str] | None = None, *given: Any, **named: Any) -> Any:
        """Carry out a command line: that of this process where `args` is None."""
        if args is None:  # what is loaded is no garbage: looking for it takes a tenth of a short command
            gc.disable()
        return super().main(args, *given, **named)

    def list_commands(self, ctx: click.Context) -> list[str]:  # noqa: ARG002 - click's signature
        return [name for name in COMMANDS if _is_there(name)]

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:  # noqa: ARG002
        if cmd_name not in COMMANDS or not _is_there(cmd_name):
            return None
        command: click.Command = getattr(importlib.import_module(f"engine.cli.{cmd_name}"), cmd_name)
        if not gc.isenabled():
            gc.freeze()  # nor is it looked at when the process ends
            gc.enable()
        return command

    def format_commands(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:
        """The list of commands, each with its summary; one without has the beginning of its own help."""
        rows: list[tuple[str, str]] = []
        for name in self.list_commands(ctx):
            summary = SUMMARIES.get(name)
            if summary is None:
                command = self.get_command(ctx, name)
                summary = "" if command is None else command.get_short_help_str(60)
            rows.append((name, summary))
        with formatter.section("Commands"):
            formatter.write_dl(rows)


@click.command(
    cls=_Commands,
    context_settings={"help_option_names": ["-h", "--help"], "max_content_width": 100},
    epilog="Begin with: gatepost init my-site   or watch the example: gatepost demo",
)
@click.version_option(package_name="gatepost", prog_name="gatepost")
def main() -> None:
    """Gatepost, an HL7 v2 integration engine: hospitals in, GP practices out, nothing lost.

    Exit status: 0 good, 1 problems found, 2 wrong use. Most commands take a site folder; without one, it
    is `config`. gatepost COMMAND --help says all about one.
    """
