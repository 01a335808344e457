"""How commands open a journal for reading, and write its times, ids and states for people and scripts.

Knows nothing of searches or of how a journey is told.
"""

from __future__ import annotations

import re
import sys
import time
from collections import Counter
from collections.abc import Callable
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from engine.cli.options import data_folder
from engine.cli.sheet import WIDE, printable
from engine.journal.ownership import unowned
from engine.journal.reading import JournalMissing, JournalReader
from engine.journal.schema import has_log

if TYPE_CHECKING:  # what somebody waits for does without rich: see `sheet`
    from rich.console import Console
    from rich.text import Text

    from engine.journal.answers import MessageShown

__all__ = [
    "as_instant", "clock_time", "console", "data_option", "iso_time", "open_journal", "open_journal_of",
    "plain", "whereabouts",
]  # fmt: skip

STATE_WORDS = {
    "refused_by_recipient": "refused by recipient",
    "in_doubt": "in doubt",
    "deadline_missed": "deadline missed",
    "patient_merged": "patient merged",
    "answered_late": "answered late",
    "answer": "a reply",
}
KIND_WORDS = {
    "fallback": "made instead of copy {}",
    "resend": "sent again for copy {}",
    "re-addressed": "re-addressed instead of copy {}",
}
"""How a copy came of its parent; other kinds are their own word."""
_AGO = re.compile(r"(\d+)\s*(s|m|h|d)\Z")
_SECONDS = {"s": 1, "m": 60, "h": 3600, "d": 86400}


def data_option(command: Callable[..., Any]) -> Callable[..., Any]:
    """--data DIR, in place of the site's own data folder."""
    return click.option(
        "--data", type=click.Path(path_type=Path), help="Data folder, in place of the site's own."
    )(command)


def open_journal(site: Path, environment: str, data: Path | None) -> JournalReader:
    """The journal of a site. Where there is none the command ends with exit status 1 and says what to do."""
    return open_journal_of(data_folder(site, environment, data), site)


def open_journal_of(folder: Path, site: Path) -> JournalReader:
    """As `open_journal`, where the data folder is known."""
    with unowned(folder) as stopped:  # SQLite must not look first: it would make the evidence anew
        damage = _damage(folder) if stopped else None
    if damage:
        click.echo(f"The journal cannot be read as it is: {damage}.", err=True)
        sys.exit(1)
    try:
        return JournalReader(folder)
    except JournalMissing:
        click.echo(
            f"There is no journal in {folder}. Has the engine run here? Start it with: gatepost run {site}\n"
            "If it runs with another data folder or environment, say so with --data or --environment.",
            err=True,
        )
        sys.exit(1)


def _damage(folder: Path) -> str:
    """What is wrong with a journal that nobody has open; "" where nothing is."""
    if not has_log(folder):
        return ""
    from engine.journal.damage import find_damage

    found = find_damage(folder)
    return "" if found is None else str(found)


def console() -> Console:
    """Where long reports go: as wide as the terminal, or wide enough for a file."""
    from rich.console import Console

    return Console(highlight=False, emoji=False, width=None if sys.stdout.isatty() else WIDE)


def plain(text: str) -> Text:
    """Text from outside, fit for a terminal: no control characters, no markup."""
    from rich.text import Text

    return Text(printable(text))


def clock_time(microseconds: int) -> str:
    """A time for people, in the zone of this computer, to the millisecond."""
    if not microseconds:
        return ""
    moment = datetime.fromtimestamp(microseconds / 1e6, UTC).astimezone()
    return moment.strftime("%Y-%m-%d %H:%M:%S.") + f"{moment.microsecond // 1000:03d}"


def iso_time(microseconds: int) -> str | None:
    """A time for scripts, ISO 8601 in UTC; None where there is none."""
    if not microseconds:
        return None
    return datetime.fromtimestamp(microseconds / 1e6, UTC).isoformat(timespec="microseconds")


def as_instant(text: str) -> int:
    """`2h` (ago) or `2026-11-22` or `2026-11-22T09:30` (in this computer's zone), as microseconds.

    Raises click.BadParameter for anything else.
    """
    ago = _AGO.match(text)
    if ago:
        return int((time.time() - int(ago[1]) * _SECONDS[ago[2]]) * 1e6)
    try:
        moment = datetime.fromisoformat(text)
    except ValueError:
        raise click.BadParameter(
            f'"{text}" is no time; write 2h, 3d, 2026-11-22 or 2026-11-22T09:30'
        ) from None
    return int(moment.astimezone(UTC).timestamp() * 1e6)


def whereabouts(message: MessageShown, *, held: bool = False) -> str:
    """In a few words where a message is: its own state, and how far its copies are.

    held: something of it waits in a tray, which the message's row does not say.
    """
    if message.state == "duplicate":
        return f"duplicate of {message.original}"
    if message.state == "answer":
        return "a reply to a copy that was sent"
    own = {"waiting": "waiting for a decision", "decided": ""}.get(message.state, message.state)
    counts = Counter(copy.state for copy in message.copies)
    copies = [f"{number} {STATE_WORDS.get(state, state)}" for state, number in sorted(counts.items())]
    words = [own or ("held" if held else ""), "rejected" if message.rejected else "", ", ".join(copies)]
    if not any(words):
        words.append("sent nowhere")
    if message.kind == "conflict":
        words.append(f"same control id as {message.original}, other content")
    return "; ".join(word for word in words if word)
