"""`gatepost held`: what waits in trays for a person. Shows where things are, never what they say."""

from __future__ import annotations

import json
import sys
import time
from pathlib import Path

import click
from rich.table import Table

from engine.ages import age_in_words
from engine.cli.journal_view import clock_time, console, data_option, iso_time, open_journal, plain
from engine.cli.options import environment_option, site_argument
from engine.cli.repairing import in_role
from engine.journal.stuck import HeldFound, TrayShown
from engine.site.loading import load_site
from routes.language.facts import TrayFacts

__all__ = ["held"]


@click.command(
    epilog="\b\nExamples:\n  gatepost held\n  gatepost held config --tray no_practice\n"
    "  gatepost held --tray unknown_code --json"
)
@site_argument
@environment_option
@data_option
@click.option("--tray", default="", metavar="NAME", help="List what waits in this tray.")
@click.option("--nhs", default="", metavar="NUMBER", help="List what waits of messages with this NHS number.")
@click.option("--role", default="", metavar="NAME", help="Your role, where a tray is not open to all.")
@click.option(
    "--limit", type=click.IntRange(1, 10_000), default=50, show_default=True, help="At most so many."
)
@click.option("--json", "as_json", is_flag=True, help="One JSON object a line, for scripts.")
def held(
    site: Path,
    environment: str,
    data: Path | None,
    tray: str,
    nhs: str,
    role: str,
    limit: int,
    as_json: bool,
) -> None:
    """Show the trays of SITE (default: config) in which something waits for a person, with their owners.

    With --tray or --nhs: what waits, oldest first, each with the id by which `gatepost release` and
    `gatepost discard` know it. Exit status 1 where nothing waits.
    """
    loaded = load_site(site, environment)[0]
    origin = loaded.plan.origin if loaded is not None else None
    facts = dict(origin.settings.trays) if origin is not None else {}
    with open_journal(site, environment, data) as journal:
        if not tray and not nhs:
            _show_trays(journal.trays(), facts, as_json=as_json)
            return
        messages = [one.id for one in journal.find(nhs_number=nhs, limit=10_000)] if nhs else []
        parts = journal.held_parts(tray=tray, messages=messages) if messages or not nhs else []
    closed = {part.tray for part in parts if not _open_to(facts.get(part.tray), role)}
    for name in sorted(closed):
        allowed = " and ".join(facts[name].open_to)
        click.echo(f"The tray {name} is open to {allowed} only: say so with --role.", err=True)
    seen = [part for part in parts if part.tray not in closed]
    if as_json:
        for part in seen[:limit]:
            click.echo(json.dumps(_as_json(part)))
    elif seen:
        console().print(_table(seen[:limit]))
        if len(seen) > limit:
            click.echo(f"The oldest {limit} of {len(seen):,} are shown; --limit shows more.")
    elif not closed:
        click.echo("Nothing of this waits for a person.", err=True)
    sys.exit(0 if seen and not closed else 1)


def _open_to(tray: TrayFacts | None, role: str) -> bool:
    return tray is None or not tray.open_to or (role in tray.open_to and in_role(role))


def _show_trays(trays: list[TrayShown], facts: dict[str, TrayFacts], *, as_json: bool) -> None:
    now = time.time_ns() // 1000
    if as_json:
        for tray in trays:
            fact = facts.get(tray.tray)
            told = {
                "tray": tray.tray, "count": tray.count, "oldest": iso_time(tray.oldest),
                "owner": fact.owner if fact else "", "open_to": list(fact.open_to) if fact else [],
            }  # fmt: skip
            click.echo(json.dumps(told))
    elif trays:
        table = Table("Tray", "Waiting", "Oldest", "Owner", "Open to", header_style="bold")
        for tray in trays:
            fact = facts.get(tray.tray)
            table.add_row(
                tray.tray, f"{tray.count:,}", f"{age_in_words(now - tray.oldest)} ago",
                plain(fact.owner if fact else ""), ", ".join(fact.open_to) if fact else "",
            )  # fmt: skip
        console().print(table)
    else:
        click.echo("Nothing waits for a person.", err=True)
    sys.exit(0 if trays else 1)


def _table(parts: list[HeldFound]) -> Table:
    table = Table(header_style="bold")
    for heading in ("Id", "Message", "Type", "Control id", "Tray", "Reason", "Held by", "Since"):
        table.add_column(heading, overflow="fold")
    for part in parts:
        table.add_row(
            f"H{part.id}", str(part.message), plain(part.type), plain(part.control_id), part.tray,
            plain(part.reason), plain(part.where or part.route or "before any route"), clock_time(part.at),
        )  # fmt: skip
    return table


def _as_json(part: HeldFound) -> dict[str, object]:
    return {
        "id": f"H{part.id}", "message": part.message, "type": part.type, "control_id": part.control_id,
        "feed": part.feed, "tray": part.tray, "reason": part.reason, "route": part.route,
        "where": part.where, "piece": part.piece, "since": iso_time(part.at),
        "received": iso_time(part.received),
    }  # fmt: skip
