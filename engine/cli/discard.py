"""`gatepost discard`: ends what is held or parked, unsent, with a reason."""

from __future__ import annotations

from pathlib import Path

import click

from engine.cli.journal_view import as_instant, data_option, open_journal_of
from engine.cli.options import data_folder, environment_option
from engine.cli.picking import pick, pick_options
from engine.cli.repairing import Order, carry_out, read_ids, repair_options, who_asks

__all__ = ["discard"]


@click.command(
    epilog="\b\nExamples:\n"
    '  gatepost discard H12 --why "a test patient"\n'
    '  gatepost discard --tray test_messages --until 1d --why "the go-live test is over" --yes'
)
@click.argument("ids", nargs=-1, metavar="[ID]... [SITE]")
@environment_option
@data_option
@pick_options
@repair_options
def discard(
    ids: tuple[str, ...],
    environment: str,
    data: Path | None,
    tray: str,
    message: str,
    nhs: str,
    type_: str,
    feed: str,
    practice: str,
    channel: str,
    since: str,
    until: str,
    why: str,
    who: str,
    yes: bool,
    preview: bool,
    role: str,
    as_json: bool,
) -> None:
    """End what waits for a person, unsent: held parts (H12), parked or returned copies (C345), or all that is
    held or parked of a message (1042), of a tray, or of a search.

    The message and everything about it stay in the journal, counted as discarded by a person. A discarded
    copy can be sent after all with `gatepost resend`; a discarded held part cannot.

    Exit status 0: all was discarded. 1: something stays as it is, and why.
    """
    read, site = read_ids(ids)
    folder = data_folder(site, environment, data)
    with open_journal_of(folder, site) as journal:
        held, copies = pick(
            journal, read, tray=tray, message=message, nhs=nhs, type=type_, feed=feed, practice=practice,
            channel=channel, since=as_instant(since) if since else 0, until=as_instant(until) if until else 0,
        )  # fmt: skip
    order = Order("discard", who_asks(who), why, yes, preview, True, role, as_json, {})
    carry_out(order, folder, site, environment, held, copies)
