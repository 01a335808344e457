"""`gatepost replay`: yesterday's messages through today's files; what would differ, and why.

Asks for the replay and shows it. Reads the journal and delivers nothing: it must not know channels, queues or
delivery.
"""

from __future__ import annotations

import getpass
import json
import os
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

import click
from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeRemainingColumn

from engine.cli.journal_view import as_instant, console, data_option, open_journal_of
from engine.cli.options import environment_option, load_or_refuse
from engine.cli.replay_page import replay_page
from engine.cli.replay_shown import Asked, print_replay, replay_as_json
from engine.cli.show import REMINDER
from engine.journal.past import Stretch
from engine.replay import replay as run_replay
from engine.site.model import Site
from routes.language.nearest import did_you_mean

__all__ = ["replay"]


@click.command(
    epilog="\b\nExamples:\n  gatepost replay gp_results config --since 1d\n"
    "  gatepost replay --all config --since 2026-11-22 --until 2026-11-23 --html changes.html"
)
@click.argument("route", required=False)
@click.argument("site", type=click.Path(path_type=Path), required=False)
@environment_option
@data_option
@click.option("--all", "all_routes", is_flag=True, help="All routes, in place of one.")
@click.option(
    "--since",
    default="1d",
    show_default=True,
    metavar="WHEN",
    help="Received within 2h, 3d; or from 2026-11-22T09:30.",
)
@click.option("--until", default="", metavar="WHEN", help="Received before then.")
@click.option("--feed", default="", metavar="NAME", help="Only messages of this feed.")
@click.option("--limit", type=click.IntRange(1), metavar="N", help="Only the newest N messages.")
@click.option(
    "--show",
    "shown",
    type=click.IntRange(0),
    default=3,
    show_default=True,
    metavar="N",
    help="Messages of each kind to show on the screen; --html and --json have all.",
)
@click.option("--json", "as_json", is_flag=True, help="One JSON object, for scripts.")
@click.option(
    "--html",
    "page",
    type=click.Path(path_type=Path, dir_okay=False),
    metavar="FILE",
    help="Write a report to be read, printed or sent.",
)
@click.option(
    "--hide-values", is_flag=True, help="Show the shape of what differs (10 digits), not what it says."
)
@click.option("--by", metavar="NAME", help="Who ran it, for the report; the login name unless given.")
def replay(
    route: str | None,
    site: Path | None,
    environment: str,
    data: Path | None,
    all_routes: bool,
    since: str,
    until: str,
    feed: str,
    limit: int | None,
    shown: int,
    as_json: bool,
    page: Path | None,
    hide_values: bool,
    by: str | None,
) -> None:
    """Run past messages of SITE (default: config) through its files as they are now.

    Says how many messages ROUTE (or, with --all, any route) would treat otherwise than it did, groups them by
    what would happen instead, shows which fields differ, and says which files have changed since. Nothing is
    delivered, and nothing is written but the report: the journal is only read. Duplicates, refused messages,
    and those that no route has decided on yet are passed over and counted.

    Exit status 1 where anything would differ, 0 where nothing would.
    """
    name, folder = _route_and_site(route, site, all_routes=all_routes)
    stretch = Stretch(as_instant(since), as_instant(until) if until else 0, feed, newest=limit or 0)
    loaded = load_or_refuse(folder, environment)
    _check_names(loaded, name, feed)
    if page is not None and not page.parent.is_dir():
        raise click.UsageError(f"There is no folder {page.parent} for the report.")
    with open_journal_of(data or loaded.data, folder) as journal, _progress() as tell:
        asked = Asked(
            loaded.name,
            name,
            loaded.hash,
            environment,
            stretch,
            time.time_ns() // 1000,
            getpass.getuser() if by is None else by,
            not hide_values,
        )
        result = run_replay(loaded, journal, stretch, route=name, values=not hide_values, progress=tell)
    if page is not None:
        _write(page, replay_page(asked, result))
    if result.differ and not hide_values:
        click.echo(REMINDER, err=True)
    if as_json:
        click.echo(json.dumps(replay_as_json(asked, result), indent=2, ensure_ascii=False))
    else:
        print_replay(asked, result, console(), shown)
        if page is not None:
            click.echo(f"The report is in {page}.")
    sys.exit(1 if result.differ else 0)


def _route_and_site(route: str | None, site: Path | None, *, all_routes: bool) -> tuple[str, Path]:
    """With --all the first argument is the site, since there is no route to name."""
    if not all_routes:
        if not route:
            raise click.UsageError("Which route? Name one, as in gatepost replay gp_results, or say --all.")
        return route, site or Path("config")
    if site is not None:
        raise click.UsageError(f'Name a route or say --all, not both: there is "{route}" and --all.')
    return "", Path(route or "config")


def _check_names(site: Site, route: str, feed: str) -> None:
    for what, name, known in (("route", route, site.plan.routes), ("feed", feed, tuple(site.feeds))):
        if name and name not in known:
            hint = did_you_mean(name, known, allowed_words="there are")
            raise click.UsageError(f'There is no {what} "{name}" in this site{hint}')


@contextmanager
def _progress() -> Iterator[Callable[[int, int], None]]:
    """A bar on the terminal; nothing where there is none."""
    bar = Progress(
        TextColumn("replaying"), BarColumn(), MofNCompleteColumn(), TimeRemainingColumn(),
        console=Console(stderr=True), transient=True, disable=not sys.stderr.isatty(),
    )  # fmt: skip
    with bar:
        task = bar.add_task("", total=None)
        yield lambda done, expected: bar.update(task, completed=done, total=expected)


def _write(path: Path, text: str) -> None:
    """For its owner only: it may hold patient data."""
    try:
        handle = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600)
        with os.fdopen(handle, "w", encoding="utf-8") as file:
            os.fchmod(file.fileno(), 0o600)
            file.write(text)
    except OSError as why:
        raise click.UsageError(f"The report cannot be written to {path}: {why.strerror}.") from None
