"""What waits for a person, picked by id, tray or search: for release and discard.

Reads the journal; must not know what is done with what was picked.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import click

from engine.cli.repairing import Ids
from engine.journal.reading import JournalReader

__all__ = ["pick", "pick_options"]

MOST_MESSAGES = 100_000


def pick_options(command: Callable[..., Any]) -> Callable[..., Any]:
    """--tray, --message and the search terms."""
    for option in reversed((
        click.option("--tray", default="", metavar="NAME", help="What waits in this tray."),
        click.option("--message", default="", metavar="ID", help="Of this message only."),
        click.option("--nhs", default="", metavar="NUMBER", help="Of messages with this NHS number."),
        click.option("--type", "type_", default="", metavar="TYPE", help="ORU^R01, or ORU for all events."),
        click.option("--feed", default="", metavar="NAME", help="Of messages that came in by this feed."),
        click.option("--practice", default="", metavar="CODE", help="Parked copies for this address."),
        click.option("--channel", default="", metavar="NAME", help="Parked copies for this channel."),
        click.option("--since", default="", metavar="WHEN", help="Received within 2h, 3d, or since then."),
        click.option("--until", default="", metavar="WHEN", help="Received before then."),
    )):  # fmt: skip
        command = option(command)
    return command


def pick(
    journal: JournalReader,
    ids: Ids,
    *,
    tray: str,
    message: str,
    nhs: str,
    type: str,  # noqa: A002 - the field's own word
    feed: str,
    practice: str,
    channel: str,
    since: int,
    until: int,
) -> tuple[list[int], list[int]]:
    """Held parts and parked copies, by id. Raises click.UsageError where nothing says which."""
    messages = list(ids.messages)
    if message:
        if not message.lstrip("#").isdigit():
            raise click.UsageError(f'"{message}" is no id of a message')
        messages.append(int(message.lstrip("#")))
    searched = bool(nhs or type or feed or since or until)
    if not (messages or searched or tray or practice or channel or ids.held or ids.copies):
        raise click.UsageError("Say what: an id (H12, C345, 1042), --tray, or a search such as --practice.")
    if tray and (practice or channel):
        raise click.UsageError(
            "--tray picks what is held, --practice and --channel what is parked: not both."
        )
    if searched:
        found = journal.find(
            nhs_number=nhs, type=type, feed=feed, since=since, until=until, limit=MOST_MESSAGES
        )
        wanted = {one.id for one in found}
        messages = [id_ for id_ in messages if id_ in wanted] if messages else sorted(wanted)
        if not messages:
            return [], []
    held, copies = list(ids.held), list(ids.copies)
    if messages or tray or practice or channel:
        if not practice and not channel:
            held += [one.id for one in journal.held_parts(tray=tray, messages=messages)]
        if not tray:
            copies += [one.id for one in journal.parked(channel=channel, address=practice, messages=messages)]
    return list(dict.fromkeys(held)), list(dict.fromkeys(copies))
