"""The `gatepost` command. Finds the module of each subcommand, and imports it only when it is called.

A health check runs `gatepost status` every few seconds and must not pay for the engine's imports. Must
not know what any command does.
"""

from __future__ import annotations

import importlib
import importlib.util

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


def _is_there(name: str) -> bool:
    return importlib.util.find_spec(f"engine.cli.{name}") is not None


class _Commands(click.Group):
    """Loads `engine.cli.NAME` when NAME is asked for."""

    def list_commands(self, ctx: click.Context) -> list[str]:  # noqa: ARG002 - click's signature
        return [name for name in COMMANDS if _is_there(name)]

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:  # noqa: ARG002
        if cmd_name not in COMMANDS or not _is_there(cmd_name):
            return None
        command: click.Command = getattr(importlib.import_module(f"engine.cli.{cmd_name}"), cmd_name)
        return command


@click.command(
    cls=_Commands,
    context_settings={"help_option_names": ["-h", "--help"], "max_content_width": 100},
    epilog="Begin with: gatepost init my-site   or watch the example: gatepost demo",
)
@click.version_option(package_name="gatepost", prog_name="gatepost")
def main() -> None:
    """Gatepost, an HL7 v2 integration engine: hospitals in, GP practices out, nothing lost.

    Exit status: 0 good, 1 problems found, 2 wrong use. SITE is a site folder; without it, `config`.
    """
