"""`gatepost messages`: finds messages in the journal. Shows where they are, never what they say."""

from __future__ import annotations

import json
import sys
from pathlib import Path

import click
from rich.table import Table

from engine.cli.journal_view import (
    as_instant,
    clock_time,
    console,
    data_option,
    iso_time,
    open_journal,
    plain,
    whereabouts,
)
from engine.cli.options import environment_option, site_argument
from engine.cli.search_terms import SearchTerms
from engine.journal.answers import DeliveryShown, MessageShown
from engine.journal.reading import JournalReader

__all__ = ["copy_as_json", "message_as_json", "messages"]


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
        console().print(_table(found, held))
        if len(found) == limit:
            click.echo(f"The newest {limit} are shown; --limit shows more, --until goes back in time.")
    else:
        click.echo(" ".join(["No such message.", *remarks]), err=True)
    sys.exit(0 if found else 1)


def _held_among(found: tuple[MessageShown, ...], journal: JournalReader) -> set[int]:
    """Which of these have something in a tray: one question for all of them."""
    return {part.message for part in journal.held_parts(messages=[message.id for message in found])}


def _table(found: tuple[MessageShown, ...], held: set[int]) -> Table:
    table = Table(header_style="bold")
    table.add_column("Id", justify="right", no_wrap=True)
    for heading in ("Received", "Feed", "Type", "Control id", "Sent to", "Where it is"):
        table.add_column(heading, overflow="fold")
    for message in found:
        targets = dict.fromkeys(copy.address or copy.channel for copy in message.copies)
        table.add_row(
            str(message.id),
            clock_time(message.received),
            message.feed,
            plain(message.type),
            plain(message.control_id),
            plain(", ".join(targets)),
            whereabouts(message, held=message.id in held),
        )
    return table


def message_as_json(message: MessageShown) -> dict[str, object]:
    """What a script may know of a message: no content."""
    return {
        "id": message.id,
        "feed": message.feed,
        "received": iso_time(message.received),
        "type": message.type,
        "version": message.version,
        "control_id": message.control_id,
        "peer": message.peer,
        "bytes": message.size,
        "kind": message.kind,
        "state": message.state,
        "original": message.original or None,
        "refused": message.refused,
        "verdict": message.verdict,
        "rejected": message.rejected,
        "config": message.config,
        "decided": iso_time(message.decided),
        "copies": [copy_as_json(copy) for copy in message.copies],
    }


def copy_as_json(copy: DeliveryShown) -> dict[str, object]:
    """What a script may know of one copy."""
    return {
        "id": copy.id,
        "route": copy.route,
        "channel": copy.channel,
        "address": copy.address,
        "state": copy.state,
        "attempts": copy.attempts,
        "created": iso_time(copy.created),
        "closed": iso_time(copy.closed),
        "next_try": iso_time(copy.next_try),
        "in_doubt": copy.in_doubt,
        "merged": copy.merged,
        "reason": copy.reason,
        "piece": copy.piece,
        "kind": copy.kind,
        "parent": copy.parent or None,
        "bytes": copy.size,
    }
