"""`gatepost reload`: has the running engine read its site afresh, and prints what became of it."""

from __future__ import annotations

import json
import shlex
import sys
from pathlib import Path
from typing import Any

import click

from engine.asking import EngineNotRunning, ask
from engine.cli.options import data_folder, environment_option, site_argument

__all__ = ["reload"]

PATIENCE = 600.0  # seconds; a site with large tables and many tests takes its time, and another may go first


@click.command(epilog="Example: gatepost reload config --environment live")
@site_argument
@environment_option
@click.option("--data", type=click.Path(path_type=Path), help="Data folder, in place of the site's own.")
@click.option("--json", "as_json", is_flag=True, help="One JSON object, for scripts.")
def reload(site: Path, environment: str, data: Path | None, as_json: bool) -> None:
    """Have the running engine put SITE (default: config) into force as its files are now.

    The engine loads and checks them, runs the tests of the routes, and only then takes them, between two
    messages: nothing is lost, doubled or overtaken. A site with problems is refused as a whole, and what
    was in force stays so. SITE only tells which engine is meant (by its data folder): it reads the
    folder and the environment that it was started with.

    Exit status 0: it is in force. 1: it was refused, or no engine runs.
    """
    folder = data_folder(site, environment, data)
    try:
        answer = ask(folder, {"do": "reload"}, timeout=PATIENCE)
    except EngineNotRunning as why:
        words = shlex.join(["gatepost", "run", str(site)])
        click.echo(f"{why}. Start it with: {words}", err=True)
        sys.exit(1)
    if as_json:
        click.echo(json.dumps(answer, indent=2, ensure_ascii=False))
    else:
        _show(answer)
    sys.exit(0 if answer.get("ok") else 1)


def _show(answer: dict[str, Any]) -> None:
    for problem in answer.get("problems", ()):
        click.echo(f"{problem}\n")
    for words in answer.get("failed_tests", ()):
        click.echo(f"  failed: {words}")
    if answer.get("failed_tests"):
        click.echo("  What differs in each, cell by cell: gatepost test")
    for words in answer.get("refused", ()):
        click.echo(f"  refused: {words}.")
    if not answer.get("ok"):
        why = answer.get("error")  # of an engine of an earlier version
        click.echo(f"✗ {why or 'Refused: nothing has changed'}. In force: {answer.get('config', '?')}.")
    elif not answer["changes"]:
        click.echo(f"✓ Nothing has changed. In force: {answer['config']}.")
    else:
        for words in answer["changes"]:
            click.echo(f"  {words}")
        click.echo(f"✓ In force: {answer['config']}, before {answer['before']}.")
