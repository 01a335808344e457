"""`gatepost redirect`: sends a copy to another address or channel than it had."""

from __future__ import annotations

import base64
from pathlib import Path

import click

from engine.cli.journal_view import data_option, open_journal_of
from engine.cli.options import data_folder, environment_option, site_argument
from engine.cli.repairing import Order, carry_out, old_option, read_ids, repair_options, who_asks

__all__ = ["redirect"]


@click.command(
    epilog="\b\nExamples:\n"
    '  gatepost redirect C345 --address Y06602 --why "the patient has moved"\n'
    '  gatepost redirect C345 config --channel print_room --address Y06601 --why "their system is down"'
)
@click.argument("copy", metavar="COPY")
@site_argument
@environment_option
@data_option
@click.option("--address", default="", metavar="CODE", help="The new address; it must be in the directory.")
@click.option("--channel", default="", metavar="NAME", help="Another channel than the copy's own.")
@click.option(
    "--edit", type=click.Path(path_type=Path, exists=True, dir_okay=False), metavar="FILE",
    help="Send this edited message instead; the original is kept.",
)  # fmt: skip
@repair_options
@old_option
def redirect(
    copy: str,
    site: Path,
    environment: str,
    data: Path | None,
    address: str,
    channel: str,
    edit: Path | None,
    why: str,
    who: str,
    yes: bool,
    preview: bool,
    role: str,
    as_json: bool,
    old: bool,
) -> None:
    """Send COPY to another address, or by another channel: a new copy with the same bytes.

    The old one is given up where it still can be: a parked one is discarded, one that waits is withdrawn.
    What was delivered stays delivered. The address must be in the channel's directory.

    Exit status 0: the new copy is on its way. 1: it is not, and why.
    """
    if not address and not channel:
        raise click.UsageError("Say where to: --address, --channel, or both.")
    ids, _ = read_ids((copy, "config"))
    wanted = (*ids.copies, *ids.messages)
    if not wanted:
        raise click.UsageError(f'"{copy}" is no copy: write C345, as `gatepost show` and `parked` do')
    folder = data_folder(site, environment, data)
    open_journal_of(folder, site).close()
    rest = {
        "address": address, "channel": channel,
        "edited": base64.b64encode(edit.read_bytes()).decode() if edit else "",
    }  # fmt: skip
    order = Order("redirect", who_asks(who), why, yes, preview, old, role, as_json, rest)
    carry_out(order, folder, site, environment, (), wanted)
