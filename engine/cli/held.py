"""`gatepost held`: what waits in trays for a person. Shows where things are, never what they say."""

from __future__ import annotations

import json
import sys
import time
from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING

import click

from engine.ages import age_in_words
from engine.cli.journal_view import clock_time, data_option, iso_time, open_journal
from engine.cli.options import environment_option, site_argument
from engine.cli.roles import in_role
from engine.cli.sheet import Sheet, print_sheet
from engine.site.data_folder import TrayKeeper, find_trays

if TYPE_CHECKING:
    from engine.journal.stuck import HeldFound, TrayShown

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
    keepers = find_trays(site, environment)
    with open_journal(site, environment, data) as journal:
        if not tray and not nhs:
            _show_trays(journal.trays(), keepers, as_json=as_json)
            return
        messages = [one.id for one in journal.find(nhs_number=nhs, limit=10_000)] if nhs else []
        parts = journal.held_parts(tray=tray, messages=messages) if messages or not nhs else []
    closed = {part.tray for part in parts if not _open_to(keepers.get(part.tray), role)}
    for name in sorted(closed):
        allowed = " and ".join(keepers[name].open_to)
        click.echo(f"The tray {name} is open to {allowed} only: say so with --role.", err=True)
    seen = [part for part in parts if part.tray not in closed]
    if as_json:
        for part in seen[:limit]:
            click.echo(json.dumps(_as_json(part)))
    elif seen:
        print_sheet(_sheet(seen[:limit]))
        if len(seen) > limit:
            click.echo(f"The oldest {limit} of {len(seen):,} are shown; --limit shows more.")
    elif not closed:
        click.echo("Nothing of this waits for a person.", err=True)
    sys.exit(0 if seen and not closed else 1)


def _open_to(tray: TrayKeeper | None, role: str) -> bool:
    return tray is None or not tray.open_to or (role in tray.open_to and in_role(role))


def _show_trays(trays: list[TrayShown], keepers: Mapping[str, TrayKeeper], *, as_json: bool) -> None:
    now = time.time_ns() // 1000
    if as_json:
        for tray in trays:
            keeper = keepers.get(tray.tray)
            told = {
                "tray": tray.tray, "count": tray.count, "oldest": iso_time(tray.oldest),
                "owner": keeper.owner if keeper else "", "open_to": list(keeper.open_to) if keeper else [],
            }  # fmt: skip
            click.echo(json.dumps(told))
    elif trays:
        sheet = Sheet("Tray", "Waiting", "Oldest", "Owner", "Open to")
        for tray in trays:
            keeper = keepers.get(tray.tray)
            sheet.add(
                tray.tray, f"{tray.count:,}", f"{age_in_words(now - tray.oldest)} ago",
                keeper.owner if keeper else "", ", ".join(keeper.open_to) if keeper else "",
            )  # fmt: skip
        print_sheet(sheet)
    else:
        click.echo("Nothing waits for a person.", err=True)
    sys.exit(0 if trays else 1)


def _sheet(parts: list[HeldFound]) -> Sheet:
    sheet = Sheet("Id", "Message", "Type", "Control id", "Tray", "Reason", "Held by", "Since", fold=True)
    for part in parts:
        sheet.add(
            f"H{part.id}", str(part.message), part.type, part.control_id, part.tray,
            part.reason, part.where or part.route or "before any route", clock_time(part.at),
        )  # fmt: skip
    return sheet


def _as_json(part: HeldFound) -> dict[str, object]:
    return {
        "id": f"H{part.id}", "message": part.message, "type": part.type, "control_id": part.control_id,
        "feed": part.feed, "tray": part.tray, "reason": part.reason, "route": part.route,
        "where": part.where, "piece": part.piece, "since": iso_time(part.at),
        "received": iso_time(part.received),
    }  # fmt: skip
