"""`gatepost status`: what the running engine says of itself; also the container's health check."""

from __future__ import annotations

import json
import shlex
import sys
from datetime import datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from engine.asking import EngineNotRunning, ask
from engine.cli.options import data_folder

if TYPE_CHECKING:
    from rich.console import Console

__all__ = ["status"]


@click.command(epilog="Example: gatepost status config --json")
@click.argument("site", type=click.Path(path_type=Path), default=Path("config"))
@click.option("--environment", "-e", default="", metavar="NAME", help="Overlay environments/NAME.yaml.")
@click.option("--data", type=click.Path(path_type=Path), help="Data folder, in place of the site's own.")
@click.option("--json", "as_json", is_flag=True, help="One JSON object, for scripts.")
@click.option("--healthy", is_flag=True, help="Say nothing; exit 0 where the engine runs and takes messages.")
def status(site: Path, environment: str, data: Path | None, as_json: bool, healthy: bool) -> None:
    """Ask the running engine how it is.

    Exit status 0: it runs and takes messages. 1: it does not run, or it takes none (the journal is full,
    or a limit is passed).
    """
    folder = data_folder(site, environment, data)
    try:
        answer = ask(folder, {"do": "status"})
    except EngineNotRunning as why:
        if not healthy:
            click.echo(f"{why}. Start it with: gatepost run {_words_of(site, environment, data)}", err=True)
        sys.exit(1)
    if as_json:
        click.echo(json.dumps(answer, indent=2))
    elif not healthy:
        _show(answer, _words_of(site, environment, data))
    sys.exit(0 if answer.get("healthy") else 1)


def _words_of(site: Path, environment: str, data: Path | None) -> str:
    """How the site was named, for a command that a person can type."""
    words = [str(site)]
    words += ["--environment", environment] if environment else []
    words += ["--data", str(data)] if data is not None else []
    return shlex.join(words)


def _show(answer: dict[str, Any], site: str) -> None:
    # rich costs start-up time, which a health check need not pay
    from engine.cli.journal_view import console as make_console
    from engine.cli.tables import channel_table, feed_table

    console = make_console()
    state = "takes messages" if answer["healthy"] else "takes NO messages: " + ", ".join(answer["paused"])
    console.print(
        f"[bold]{answer['site']}[/] {state}; up {answer['uptime_s']:.0f} s, "
        f"{answer['memory_mb']:.0f} MB, {answer['backlog']} wait for a decision, "
        f"queue: {answer['broker']}, configuration {answer['config']}"
    )
    _show_alarms(console, answer.get("alarms", []))
    for trouble in answer.get("broker_troubles", ()):
        console.print(f"  {trouble}", style="bold red", markup=False, highlight=False)
    _show_configuration(console, answer.get("configuration", {}))
    console.print(feed_table(answer["feeds"]))
    console.print(channel_table(answer["channels"]))
    _show_troubles(console, answer, site)
    trays = answer.get("trays", {})
    if trays:
        waiting = ", ".join(f"{count} in {name}" for name, count in trays.items())
        words = f"Waiting for a person: {waiting}. Look at them with: gatepost held {site}"
        console.print(words, markup=False, highlight=False, soft_wrap=True)


def _show_alarms(console: Console, alarms: list[dict[str, Any]]) -> None:
    """What is not as it usually is; the engine itself is well."""
    for alarm in alarms:
        at = datetime.fromisoformat(alarm["since"]).astimezone().strftime("%Y-%m-%d %H:%M")
        console.print(f"[bold red]Alarm[/] since {at}: ", end="")
        console.print(alarm["words"], markup=False, highlight=False)


def _show_troubles(console: Console, answer: dict[str, Any], site: str) -> None:
    """The addresses that are being tried again: since when, and why."""
    told = answer.get("troubles", [])
    for trouble in told:
        at = datetime.fromisoformat(trouble["since"]).astimezone().strftime("%Y-%m-%d %H:%M")
        where = f"{trouble['channel']} {trouble['address']}".strip()
        words = f"Tried again since {at}: {where}: {trouble['why']}"
        console.print(words, markup=False, highlight=False, soft_wrap=True)
    number = sum(channel.get("lanes_retrying", 0) for channel in answer["channels"].values())
    if number > len(told):
        console.print(f"and {number - len(told):,} addresses more", highlight=False)
    named = next((trouble["address"] for trouble in told if trouble["address"]), "")
    if named:
        words = f"See what waits with: gatepost messages {site} --practice {named} --state waiting"
        console.print(words, markup=False, highlight=False, soft_wrap=True)


def _show_configuration(console: Console, configuration: dict[str, Any]) -> None:
    """What a person must know of a configuration that the engine would not take."""
    refused = configuration.get("refused")
    if refused:
        number = "1 problem" if refused["problems"] == 1 else f"{refused['problems']} problems"
        at = datetime.fromisoformat(refused["at"]).astimezone().strftime("%Y-%m-%d %H:%M:%S")
        console.print(
            f"[bold red]Configuration refused[/] at {at}, {number}, running with {configuration['hash']}. "
            "The first:"
        )
        console.print(f"  {refused['first']}", markup=False, highlight=False)
