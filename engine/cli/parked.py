"""`gatepost parked`: copies that were set aside for a person, or refused. Never what they say."""

from __future__ import annotations

import json
import sys
import time
from pathlib import Path
from typing import TYPE_CHECKING

import click

from engine.ages import age_in_words
from engine.cli.journal_view import (
    STATE_WORDS,
    clock_time,
    data_option,
    iso_time,
    open_journal,
)
from engine.cli.options import environment_option, site_argument
from engine.cli.sheet import Sheet, print_sheet

if TYPE_CHECKING:
    from engine.journal.stuck import CopyFound, ParkedGroup

__all__ = ["parked"]


@click.command(
    epilog="\b\nExamples:\n  gatepost parked\n  gatepost parked config --practice Y06601\n"
    "  gatepost parked --json"
)
@site_argument
@environment_option
@data_option
@click.option("--practice", default="", metavar="CODE", help="List the parked copies for this address.")
@click.option("--channel", default="", metavar="NAME", help="List the parked copies for this channel.")
@click.option(
    "--limit", type=click.IntRange(1, 10_000), default=50, show_default=True, help="At most so many."
)
@click.option("--json", "as_json", is_flag=True, help="One JSON object a line, for scripts.")
def parked(
    site: Path,
    environment: str,
    data: Path | None,
    practice: str,
    channel: str,
    limit: int,
    as_json: bool,
) -> None:
    """Show the copies of SITE (default: config) that are parked or were refused, by channel, address and
    reason.

    With --practice or --channel: the parked copies themselves, oldest first, each with the id by which
    `gatepost release`, `redirect` and `discard` know it. Exit status 1 where there is none.
    """
    with open_journal(site, environment, data) as journal:
        groups = [] if practice or channel else journal.parked_groups()
        copies = journal.parked(channel=channel, address=practice) if practice or channel else []
    if as_json:
        for told in [_group_as_json(group) for group in groups] + [_as_json(copy) for copy in copies[:limit]]:
            click.echo(json.dumps(told))
    elif groups:
        print_sheet(_groups(groups))
    elif copies:
        print_sheet(_copies(copies[:limit]))
        if len(copies) > limit:
            click.echo(f"The oldest {limit} of {len(copies):,} are shown; --limit shows more.")
    else:
        click.echo("Nothing is parked here.", err=True)
    sys.exit(0 if groups or copies else 1)


def _groups(groups: list[ParkedGroup]) -> Sheet:
    now = time.time_ns() // 1000
    sheet = Sheet("Channel", "Address", "State", "Reason", "Copies", "Oldest")
    for group in groups:
        sheet.add(
            group.channel, group.address, STATE_WORDS.get(group.state, group.state),
            group.reason, f"{group.count:,}", f"{age_in_words(now - group.oldest)} ago",
        )  # fmt: skip
    return sheet


def _copies(copies: list[CopyFound]) -> Sheet:
    sheet = Sheet(
        "Id", "Message", "Type", "Control id", "Channel", "Address", "Reason", "Tries", "Parked", fold=True
    )
    for copy in copies:
        doubt = "; may have arrived already" if copy.in_doubt else ""
        sheet.add(
            f"C{copy.id}", str(copy.message), copy.type, copy.control_id, copy.channel,
            copy.address, copy.reason + doubt, str(copy.attempts), clock_time(copy.closed),
        )  # fmt: skip
    return sheet


def _group_as_json(group: ParkedGroup) -> dict[str, object]:
    return {
        "channel": group.channel, "address": group.address, "state": group.state, "reason": group.reason,
        "count": group.count, "oldest": iso_time(group.oldest),
    }  # fmt: skip


def _as_json(copy: CopyFound) -> dict[str, object]:
    return {
        "id": f"C{copy.id}", "message": copy.message, "type": copy.type, "control_id": copy.control_id,
        "channel": copy.channel, "address": copy.address, "state": copy.state, "reason": copy.reason,
        "attempts": copy.attempts, "in_doubt": copy.in_doubt, "created": iso_time(copy.created),
        "parked": iso_time(copy.closed), "received": iso_time(copy.received),
    }  # fmt: skip
