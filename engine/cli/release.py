"""`gatepost release`: lets go on what was held, or has parked copies tried again."""

from __future__ import annotations

import base64
from pathlib import Path

import click

from engine.cli.journal_view import as_instant, data_option, open_journal_of
from engine.cli.options import data_folder, environment_option
from engine.cli.picking import pick, pick_options
from engine.cli.repairing import Order, carry_out, old_option, read_ids, repair_options, who_asks

__all__ = ["release"]


@click.command(
    epilog="\b\nExamples:\n"
    '  gatepost release H12 --why "the practice confirmed it by telephone"\n'
    '  gatepost release --tray unknown_code --preview\n'
    '  gatepost release C345 config --why "their system is back" --yes'
)  # fmt: skip
@click.argument("ids", nargs=-1, metavar="[ID]... [SITE]")
@environment_option
@data_option
@pick_options
@repair_options
@old_option
@click.option("--as-then", is_flag=True, help="Decide by the site as it was then, not as it is now.")
@click.option("--address", default="", metavar="CODE", help="Where a held send entry shall send to.")
@click.option(
    "--to-channel", default="", metavar="NAME", help="By which channel, where the entry names none."
)
@click.option(
    "--unchanged", is_flag=True, help="Also where a change fails again: the field goes out as it came."
)
@click.option(
    "--edit", type=click.Path(path_type=Path, exists=True, dir_okay=False), metavar="FILE",
    help="Decide, or send, this edited message instead; the original is kept.",
)  # fmt: skip
def release(
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
    old: bool,
    as_then: bool,
    address: str,
    to_channel: str,
    unchanged: bool,
    edit: Path | None,
) -> None:
    """Let go on what waits for a person: held parts (H12), parked copies (C345), or all that waits of a
    message (1042), of a tray, or of a search.

    Only what was held is decided again, and the check that held it holds it no more: your release is the
    answer to that check. Others may still hold it. A parked copy is tried again, its attempts counted
    afresh. What would happen is shown first, and asked for.

    Exit status 0: all was released. 1: something stays as it is, and why.
    """
    read, site = read_ids(ids)
    folder = data_folder(site, environment, data)
    with open_journal_of(folder, site) as journal:
        held, copies = pick(
            journal, read, tray=tray, message=message, nhs=nhs, type=type_, feed=feed, practice=practice,
            channel=channel, since=as_instant(since) if since else 0, until=as_instant(until) if until else 0,
        )  # fmt: skip
    edited = base64.b64encode(edit.read_bytes()).decode() if edit else ""
    rest = {
        "as_then": as_then, "address": address, "channel": to_channel, "unchanged": unchanged,
        "edited": edited,
    }  # fmt: skip
    order = Order("release", who_asks(who), why, yes, preview, old, role, as_json, rest)
    carry_out(order, folder, site, environment, held, copies)
