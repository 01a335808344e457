"""`gatepost returned`: what its recipients sent back, why, and where it may go instead."""

from __future__ import annotations

import json
import sys
import time
from pathlib import Path

import click

from engine.ages import age_in_words
from engine.cli.journal_view import clock_time, data_option, iso_time, open_journal
from engine.cli.options import environment_option, site_argument
from engine.cli.sheet import Sheet, print_sheet
from engine.journal.reading import JournalReader
from engine.journal.returns import ReturnedFound
from engine.returns import propose
from engine.site.loading import load_site
from engine.site.model import Site
from routes.flow.suggesting import Suggestion

__all__ = ["returned", "suggestion_for"]

NO_SITE = Suggestion("", "the site has problems (gatepost check): nothing can be proposed")
REMINDER = "What practices wrote may speak of patients: look only if your work needs it, and keep no copy."


@click.command(
    epilog="\b\nExamples:\n  gatepost returned\n  gatepost returned config --practice Y06601\n"
    "  gatepost returned --words --json"
)
@site_argument
@environment_option
@data_option
@click.option("--practice", default="", metavar="CODE", help="Only what this address sent back.")
@click.option("--channel", default="", metavar="NAME", help="Only what went out by this channel.")
@click.option("--words", is_flag=True, help="Show what the practice wrote, too. It may speak of the patient.")
@click.option(
    "--limit", type=click.IntRange(1, 10_000), default=50, show_default=True, help="At most so many."
)
@click.option("--json", "as_json", is_flag=True, help="One JSON object a line, for scripts.")
def returned(
    site: Path,
    environment: str,
    data: Path | None,
    practice: str,
    channel: str,
    words: bool,
    limit: int,
    as_json: bool,
) -> None:
    """Show the copies of SITE (default: config) that their recipients sent back, and that nobody has dealt
    with: why, since when, and where each may go instead.

    The patient is unknown there, has left or has died; it was meant for somebody else; or the recipient's
    application rejected it. An address is proposed where a later message of the same patient names another
    practice, or the directory a successor. Send it there with `gatepost redirect`, to the same practice again
    with `gatepost resend`, or end it with `gatepost discard`. Exit status 1 where there is nothing.
    """
    with open_journal(site, environment, data) as journal:
        found = journal.returned(channel=channel, address=practice)
        loaded = load_site(site, environment)[0] if found else None
        proposals = [suggestion_for(journal, loaded, one) for one in found[:limit]]
    if words and any(one.words for one in found[:limit]):
        click.echo(REMINDER, err=True)
    if as_json:
        for one, proposal in zip(found, proposals, strict=False):
            click.echo(json.dumps(_as_json(one, proposal, words=words)))
    elif found:
        print_sheet(_sheet(found[:limit], proposals, words=words))
        if len(found) > limit:
            click.echo(f"The oldest {limit} of {len(found):,} are shown; --limit shows more.")
    else:
        click.echo("Nothing that came back waits here.", err=True)
    sys.exit(0 if found else 1)


def suggestion_for(journal: JournalReader, site: Site | None, found: ReturnedFound) -> Suggestion:
    """Where a returned copy may go instead, as far as anybody knows."""
    if site is None:
        return NO_SITE
    return propose(site, found, journal.bodies_of_patient(found.message))


def _sheet(found: list[ReturnedFound], proposals: list[Suggestion], *, words: bool) -> Sheet:
    now = time.time_ns() // 1000
    headings = ["Id", "Message", "Type", "Feed", "From", "Came back", "Age", "Why"]
    sheet = Sheet(*headings, *(["In their own words"] if words else []), "May go to", fold=True)
    for one, proposal in zip(found, proposals, strict=True):
        goes = f"{proposal.address}: {proposal.why}" if proposal.address else proposal.why
        sheet.add(
            f"C{one.id}", str(one.message), one.type, one.feed, f"{one.channel} {one.address}",
            clock_time(one.closed)[:16], age_in_words(now - one.closed), _why(one),
            *([one.words] if words else []), goes,
        )  # fmt: skip
    return sheet


def _why(one: ReturnedFound) -> str:
    twice = "; it was re-addressed to this practice before" if one.kind == "re-addressed" else ""
    return one.reason.removeprefix("came back: ") + (f" ({one.code})" if one.code else "") + twice


def _as_json(one: ReturnedFound, proposal: Suggestion, *, words: bool) -> dict[str, object]:
    told: dict[str, object] = {
        "id": f"C{one.id}", "message": one.message, "type": one.type, "control_id": one.control_id,
        "feed": one.feed, "route": one.route, "channel": one.channel, "address": one.address,
        "returned": iso_time(one.closed), "reason": one.why or None, "reason_words": one.reason,
        "code": one.code or None, "kind": one.kind,
        "may_go_to": proposal.address or None, "because": proposal.why,
    }  # fmt: skip
    return told | ({"words": one.words} if words else {})
