"""`gatepost resend`: sends copies of a message once more to where they went."""

from __future__ import annotations

import base64
import sys
from pathlib import Path

import click

from engine.cli.journal_view import data_option, open_journal_of
from engine.cli.options import data_folder, environment_option, site_argument
from engine.cli.repairing import Order, carry_out, old_option, read_ids, repair_options, who_asks

__all__ = ["resend"]


@click.command(
    epilog="\b\nExamples:\n"
    '  gatepost resend 1042 --why "the practice lost its inbox of Tuesday"\n'
    '  gatepost resend 1042 config --copy 345 --why "asked for by Dr Penhaligon"\n'
    '  gatepost resend C345 config --why "the practice has mended its own"'
)
@click.argument("message", metavar="MESSAGE")
@site_argument
@environment_option
@data_option
@click.option("--copy", "copies", multiple=True, metavar="COPY", help="Only this copy; may be repeated.")
@click.option(
    "--edit", type=click.Path(path_type=Path, exists=True, dir_okay=False), metavar="FILE",
    help="Send this edited message instead; the original is kept.",
)  # fmt: skip
@repair_options
@old_option
def resend(
    message: str,
    site: Path,
    environment: str,
    data: Path | None,
    copies: tuple[str, ...],
    edit: Path | None,
    why: str,
    who: str,
    yes: bool,
    preview: bool,
    role: str,
    as_json: bool,
    old: bool,
) -> None:
    """Send what went out of MESSAGE once more, to where it went: all its copies that have ended, or those
    given by --copy. MESSAGE may be one copy: C345.

    Each is a new copy with the bytes of the old one, marked as sent again in the journal and in the headers
    of AMQP, never in the message. It is no duplicate: nothing stops it. What waits or is parked is not sent
    a second time; release it.

    Exit status 0: all is sent again. 1: something is not, and why.
    """
    folder = data_folder(site, environment, data)
    with open_journal_of(folder, site) as journal:
        if message[:1] in ("C", "c") and message[1:].isdigit():  # one copy, as lists show it
            found = journal.delivery(int(message[1:]))
            copies = (message, *copies)
            message = str(found.message) if found is not None else message
        story = journal.show(message)
    if story is None:
        what = "copy" if message[:1] in ("C", "c") else "message"
        click.echo(f"There is no {what} {message}. Find one with: gatepost messages {site}", err=True)
        sys.exit(1)
    wanted = {id_ for text in copies for id_ in _ids(text)}
    unknown = wanted - {copy.id for copy in story.deliveries}
    if unknown:
        ids = ", ".join(f"C{copy.id}" for copy in story.deliveries) or "none"
        raise click.UsageError(f"message {message} has no copy {min(unknown)}; its copies are: {ids}")
    chosen = [
        copy.id
        for copy in story.deliveries
        if (copy.id in wanted if wanted else copy.closed and copy.state not in ("parked", "withdrawn"))
    ]
    edited = base64.b64encode(edit.read_bytes()).decode() if edit else ""
    order = Order("resend", who_asks(who), why, yes, preview, old, role, as_json, {"edited": edited})
    carry_out(order, folder, site, environment, (), chosen)


def _ids(text: str) -> tuple[int, ...]:
    ids, _ = read_ids((text, "config"))
    return (*ids.copies, *ids.messages)
