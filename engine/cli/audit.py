"""`gatepost audit`: what people did with messages, when and why."""

from __future__ import annotations

import json
import re
import sys
from dataclasses import asdict
from pathlib import Path

import click

from engine.cli.journal_json import audit_as_json
from engine.cli.journal_view import as_instant, clock_time, data_option, open_journal
from engine.cli.options import environment_option, site_argument
from engine.cli.sheet import Sheet, print_sheet
from engine.journal.chain import Verified
from engine.journal.stuck import AuditShown

__all__ = ["audit", "audit_sheet"]


@click.command(
    epilog="\b\nExamples:\n  gatepost audit --since 7d\n  gatepost audit config --message 1042 --json\n"
    "  gatepost audit config --verify"
)
@site_argument
@environment_option
@data_option
@click.option("--message", type=int, default=0, metavar="ID", help="What was done with this message.")
@click.option("--since", default="", metavar="WHEN", help="Done within 2h, 3d; or from 2026-11-22T09:30.")
@click.option("--until", default="", metavar="WHEN", help="Done before then.")
@click.option(
    "--limit", type=click.IntRange(1, 100_000), default=200, show_default=True, help="At most so many."
)
@click.option("--json", "as_json", is_flag=True, help="One JSON object a line, for scripts.")
@click.option("--verify", is_flag=True, help="Look whether every record is as it was written.")
@click.option(
    "--head", default="", metavar="HASH", help="With --verify: a head that was kept elsewhere, as in the log."
)
def audit(
    site: Path,
    environment: str,
    data: Path | None,
    message: int,
    since: str,
    until: str,
    limit: int,
    as_json: bool,
    verify: bool,
    head: str,
) -> None:
    """List what people did in SITE (default: config): every release, resend, redirect and discard.

    The audit is part of the journal, written in the same transaction as what was done, and only appended
    to; each record carries a hash over itself and the one before. `--verify` names the first record that
    was edited, taken away or moved. Only `--head` shows that the newest were taken away, or all written
    anew. Exit status 1 where there is nothing, or something is wrong.
    """
    if head and (not verify or not re.fullmatch("[0-9a-fA-F]{64}", head)):
        raise click.UsageError("--head takes the 64 digits that --verify shows, and goes with --verify.")
    if verify:
        with open_journal(site, environment, data) as journal:
            found = journal.verify_audit(head)
        click.echo(json.dumps(asdict(found)) if as_json else verified_words(found))
        sys.exit(1 if found.why else 0)
    start, end = as_instant(since) if since else 0, as_instant(until) if until else 0
    with open_journal(site, environment, data) as journal:
        lines = journal.audit(message=message, since=start, until=end, limit=limit)
    if as_json:
        for line in lines:
            click.echo(json.dumps(audit_as_json(line), ensure_ascii=False))
    elif lines:
        print_sheet(audit_sheet(lines))
        if len(lines) == limit:
            click.echo(f"The newest {limit} are shown; --limit shows more.")
    else:
        click.echo("Nothing was done by hand.", err=True)
    sys.exit(0 if lines else 1)


def verified_words(found: Verified) -> str:
    """What a look at the chain has shown, for people."""
    if found.why:
        return f"The audit is not as it was written: {found.why}."
    if not found.records:
        return "The audit is empty: nothing was done by hand."
    number = "1 record is" if found.records == 1 else f"{found.records} records are"
    lines = [f"{number} as written."]
    if found.unsealed:
        lines.append(f"The last {found.unsealed} have no hash: an older version wrote them.")
    if found.found:
        lines.append(f"The head that was kept is that of record {found.found}.")
    if found.head:
        lines.append(f"head {found.head}")
    return "\n".join(lines)


def audit_sheet(lines: list[AuditShown], *, title: str = "") -> Sheet:
    """The audit, for people."""
    sheet = Sheet("When", "Who", "What", "Message", "Why", "Detail", title=title, fold=True)
    for line in lines:
        thing = f"H{line.held}" if line.held else f"C{line.delivery}"
        what = f"{line.what} {thing}"
        sheet.add(clock_time(line.at), line.who, what, str(line.message), line.why, line.detail)
    return sheet
