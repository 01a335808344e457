"""`gatepost messages`: finds messages in the journal. Shows where they are, never what they say."""

from __future__ import annotations

import json
import sys
from pathlib import Path
from typing import TYPE_CHECKING

import click

from engine.cli.journal_json import message_as_json
from engine.cli.journal_view import (
    as_instant,
    clock_time,
    data_option,
    open_journal,
    whereabouts,
)
from engine.cli.options import environment_option, site_argument
from engine.cli.search_terms import SearchTerms
from engine.cli.sheet import Sheet, print_sheet

if TYPE_CHECKING:
    from engine.journal.answers import MessageShown
    from engine.journal.reading import JournalReader

__all__ = ["messages"]


@click.command(
    epilog="\b\nExamples:\n  gatepost messages config --practice Y06601 --since 2h\n"
    "  gatepost messages --state parked --json"
)
@site_argument
@environment_option
@data_option
@click.option("--id", "id_", metavar="ID", help="The journal's own number of a message.")
@click.option("--control-id", default="", metavar="TEXT", help="MSH-10, whole.")
@click.option("--nhs", default="", metavar="NUMBER", help="An NHS number, with or without spaces.")
@click.option("--type", "type_", default="", metavar="TYPE", help="ORU^R01, or ORU for all its events.")
@click.option("--feed", default="", metavar="NAME", help="The feed that it came in by.")
@click.option("--practice", default="", metavar="CODE", help="An address that a copy went to.")
@click.option("--channel", default="", metavar="NAME", help="A channel that a copy went to.")
@click.option("--state", default="", metavar="STATE", help="waiting, held, parked, delivered, duplicate …")
@click.option("--since", default="", metavar="WHEN", help="Received within 2h, 3d; or from 2026-11-22T09:30.")
@click.option("--until", default="", metavar="WHEN", help="Received before then.")
@click.option(
    "--limit", type=click.IntRange(1, 10_000), default=50, show_default=True, help="At most so many."
)
@click.option("--json", "as_json", is_flag=True, help="One JSON object a line, for scripts.")
def messages(
    site: Path,
    environment: str,
    data: Path | None,
    id_: str | None,
    control_id: str,
    nhs: str,
    type_: str,
    feed: str,
    practice: str,
    channel: str,
    state: str,
    since: str,
    until: str,
    limit: int,
    as_json: bool,
) -> None:
    """Find messages of SITE (default: config), newest first. All that is given must apply.

    Works while the engine runs and while it is stopped. Exit status 1 where nothing is found.
    """
    start = as_instant(since) if since else 0
    end = as_instant(until) if until else 0
    with open_journal(site, environment, data) as journal:
        terms = SearchTerms(site, environment, journal)
        terms.check(feed, channel)
        try:
            found = journal.find(
                id=id_ or 0, control_id=control_id, nhs_number=nhs, type=type_, feed=feed, address=practice,
                channel=channel, state=state, since=start, until=end, limit=limit,
            )  # fmt: skip
        except ValueError as why:
            raise click.UsageError(str(why)) from None
        held = _held_among(found, journal)
        remarks = [] if found else terms.remarks(nhs, practice)
    if as_json:
        for message in found:
            click.echo(json.dumps({**message_as_json(message), "held": message.id in held}))
    elif found:
        print_sheet(_sheet(found, held))
        if len(found) == limit:
            click.echo(f"The newest {limit} are shown; --limit shows more, --until goes back in time.")
    else:
        click.echo(" ".join(["No such message.", *remarks]), err=True)
    sys.exit(0 if found else 1)


def _held_among(found: tuple[MessageShown, ...], journal: JournalReader) -> set[int]:
    """Which of these have something in a tray: one question for all of them."""
    return {part.message for part in journal.held_parts(messages=[message.id for message in found])}


def _sheet(found: tuple[MessageShown, ...], held: set[int]) -> Sheet:
    sheet = Sheet(
        "Id", "Received", "Feed", "Type", "Control id", "Sent to", "Where it is", fold=True, numbers=1
    )
    for message in found:
        targets = dict.fromkeys(copy.address or copy.channel for copy in message.copies)
        sheet.add(
            str(message.id),
            clock_time(message.received),
            message.feed,
            message.type,
            message.control_id,
            ", ".join(targets),
            whereabouts(message, held=message.id in held),
        )
    return sheet
