"""What release, resend, redirect and discard share: whom they ask, the preview, the confirmation, the pace.

The engine that owns the journal does the work; where none runs, the command takes the journal itself and runs
the same code. Must not know what any of the four does.
"""

from __future__ import annotations

import asyncio
import getpass
import json
import os
import re
import sys
import time
from collections import Counter, defaultdict
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import click
from rich.table import Table

from engine.ages import age_in_words
from engine.asking import EngineNotRunning, ask
from engine.cli.journal_view import console, plain
from engine.cli.options import load_or_refuse
from engine.cli.roles import in_role
from engine.repair import Repair
from engine.repair_questions import MOST

__all__ = [
    "Ids",
    "Order",
    "can_be_asked",
    "carry_out",
    "old_option",
    "read_ids",
    "repair_options",
    "who_asks",
]

PATIENCE = 120.0  # seconds; deciding a batch again takes its time, and the disk may be slow
SHOWN = 20  # reasons why something stays, before the rest is counted

_ID = re.compile(r"#?([HhCc]?)(\d{1,18})\Z")
_PAST = {
    "release": "released", "resend": "sent again", "redirect": "redirected", "discard": "discarded",
}  # fmt: skip


@dataclass(frozen=True, slots=True)
class Ids:
    """Ids as people type them: H12 a held part, C345 a copy, 1042 a message."""

    held: tuple[int, ...] = ()
    copies: tuple[int, ...] = ()
    messages: tuple[int, ...] = ()


@dataclass(frozen=True, slots=True)
class Order:
    """What a person asks for. rest: further keys of the question, as the engine reads them."""

    what: str
    who: str
    why: str
    yes: bool
    preview: bool
    old: bool
    role: str
    as_json: bool
    rest: Mapping[str, object]


def repair_options(command: Callable[..., Any]) -> Callable[..., Any]:
    """--why, --who, --yes, --preview, --old, --role and --json."""
    for option in reversed((
        click.option("--why", default="", metavar="TEXT", help="Why it is done; kept in the audit. Needed."),
        click.option("--who", default="", metavar="NAME", help="Who does it; your user name unless given."),
        click.option("--yes", is_flag=True, help="Do not ask; for scripts."),
        click.option("--preview", is_flag=True, help="Only say what would happen."),
        click.option("--role", default="", metavar="NAME", help="Your role, where a tray is not for all."),
        click.option("--json", "as_json", is_flag=True, help="One JSON object, for scripts."),
    )):  # fmt: skip
        command = option(command)
    return command


def old_option(command: Callable[..., Any]) -> Callable[..., Any]:
    """--old: what would send old messages wants a special word."""
    return click.option(
        "--old", is_flag=True, help="Also what is older than the site's `repair: older_than`."
    )(command)


def read_ids(given: Sequence[str]) -> tuple[Ids, Path]:
    """Ids, and behind them perhaps a SITE; `config` unless it is given. Raises click.UsageError."""
    rest = list(given)
    site = Path("config")
    if rest and not _ID.match(rest[-1]):
        site = Path(rest.pop())
    found: defaultdict[str, list[int]] = defaultdict(list)
    for text in rest:
        matched = _ID.match(text)
        if matched is None:
            raise click.UsageError(
                f'"{text}" is no id: write 1042 for a message, H12 for a held part, C345 for a copy'
            )
        found[matched[1].upper()].append(int(matched[2]))
    return Ids(tuple(found["H"]), tuple(found["C"]), tuple(found[""])), site


def who_asks(who: str) -> str:
    """Who it is, for the audit: what is given, or else the user, also behind sudo."""
    return who.strip() or os.environ.get("SUDO_USER", "") or getpass.getuser()


def carry_out(
    order: Order, folder: Path, site: Path, environment: str, held: Sequence[int], copies: Sequence[int]
) -> None:
    """Show what would happen, ask, do it at the site's pace, and end the command with its exit status."""
    _check(order)
    if not held and not copies:
        click.echo("There is nothing to be done: nothing of this waits.", err=True)
        sys.exit(1)
    batches = list(_batches(held, copies, MOST))
    seen = [_asked(order, folder, site, environment, *batch, preview=True) for batch in batches]
    items = [item for answer in seen for item in answer["items"]]
    if not (order.as_json and not order.preview):
        _show(order, items)
    going = [item for item in items if not item["why_not"]]
    if order.preview or not going:
        sys.exit(0 if len(going) == len(items) else 1)
    _stop_if_old(order, going, seen[0]["older_than"])
    if not order.why.strip():
        raise click.UsageError("Say why with --why: it is kept in the audit.")
    if not order.yes:
        _confirm(order, len(going))
    rate = float(seen[0]["rate"])
    done = list(_paced(order, folder, site, environment, going, rate))
    _report(order, [*(item for item in items if item["why_not"]), *done])


def _check(order: Order) -> None:
    if order.role and not in_role(order.role):
        raise click.UsageError(
            f'You are not in the group "{order.role}" of this computer, which stands for that role.'
        )
    if not order.yes and not order.preview and not can_be_asked():
        raise click.UsageError("Nobody can be asked here: give --yes, or --preview to see what would happen.")


def can_be_asked() -> bool:
    """Whether somebody sits at a terminal."""
    return sys.stdin.isatty()


def _batches(
    held: Sequence[int], copies: Sequence[int], size: int
) -> Iterator[tuple[Sequence[int], Sequence[int]]]:
    for start in range(0, len(held), size):
        yield held[start : start + size], ()
    for start in range(0, len(copies), size):
        yield (), copies[start : start + size]


def _asked(
    order: Order,
    folder: Path,
    site: Path,
    environment: str,
    held: Sequence[int],
    copies: Sequence[int],
    *,
    preview: bool,
) -> dict[str, Any]:
    """Ask the owner of the journal; an error ends the command."""
    question = {
        "do": "repair", "what": order.what, "held": list(held), "copies": list(copies), "preview": preview,
        "who": order.who, "why": order.why, "old": order.old, "role": order.role, **order.rest,
    }  # fmt: skip
    try:
        answer = ask(folder, question, timeout=PATIENCE)
    except EngineNotRunning:
        answer = asyncio.run(_alone(question, folder, site, environment))
    if "error" in answer:
        click.echo(f"Nothing was done: {answer['error']}.", err=True)
        sys.exit(1)
    return answer


async def _alone(question: Mapping[str, Any], folder: Path, site: Path, environment: str) -> dict[str, Any]:
    """No engine runs: own the journal as long as this takes. What is released goes out when one starts."""
    from engine.journal.sqlite import (
        JournalDamaged,
        JournalOwned,
        SqliteJournal,
    )  # only needed where no engine runs

    loaded = load_or_refuse(site, environment)
    try:
        journal = SqliteJournal.open(folder, loop=asyncio.get_running_loop())
    except JournalOwned as why:
        return {"error": f"{why}, and does not answer"}
    except JournalDamaged as why:
        return {"error": str(why)}
    try:
        if not question["preview"]:
            await journal.keep_config(loaded.hash, loaded.sources)
        return dict(await Repair(journal, lambda: loaded, lambda _rows: None).ask(question))
    finally:
        await journal.close()


def _paced(
    order: Order,
    folder: Path,
    site: Path,
    environment: str,
    items: Sequence[Mapping[str, Any]],
    rate: float,
) -> Iterator[Mapping[str, Any]]:
    """Do it in portions, so that no recipient is flooded. What is done is done when it is broken off."""
    size = max(1, min(MOST, int(rate)))
    held = [item["held"] for item in items if "held" in item]
    copies = [item["copy"] for item in items if "copy" in item]
    next_at = time.monotonic()
    count = 0
    for batch in _batches(held, copies, size):
        wait = next_at - time.monotonic()
        if wait > 0:
            time.sleep(wait)
        next_at = max(next_at, time.monotonic()) + (len(batch[0]) + len(batch[1])) / rate
        yield from _asked(order, folder, site, environment, *batch, preview=False)["items"]
        count += len(batch[0]) + len(batch[1])
        if len(items) > size and sys.stderr.isatty():
            click.echo(f"{count} of {len(items)}", err=True)


def _stop_if_old(order: Order, going: Sequence[Mapping[str, Any]], limit: int) -> None:
    """The age gate: nothing of an order is done where some of it is old, and nobody said that it may be."""
    if order.old or order.what == "discard":
        return
    old = [item["age"] for item in going if item["age"] > limit]
    if not old:
        return
    oldest = age_in_words(max(old))
    which = "This is" if len(going) == 1 else "These are" if len(old) == len(going) else ""
    if which:
        words = f"{which} {oldest} old." if len(old) == 1 else f"{which} up to {oldest} old."
    else:
        words = f"{len(old):,} of these {len(going):,} are old, the oldest {oldest}."
    click.echo(
        f"Nothing was done. {words} A recipient may take them for news. If they shall go out all the same, "
        "give --old; or leave them out, for example with --since.",
        err=True,
    )
    sys.exit(1)


def _confirm(order: Order, count: int) -> None:
    things = "this" if count == 1 else f"these {count:,}"
    if not click.confirm(f"{order.what.capitalize()} {things}, as {order.who}?", err=True):
        click.echo("Nothing was done.", err=True)
        sys.exit(1)


# -- what is shown ----------------------------------------------------------------------------------


def _show(order: Order, items: Sequence[Mapping[str, Any]]) -> None:
    """What would happen, grouped."""
    if order.as_json:
        click.echo(json.dumps({"preview": list(items)}, indent=2, ensure_ascii=False))
        return
    going = [item for item in items if not item["why_not"]]
    if going:
        console().print(_table(order, going))
    _tell_why_not(items)


def _table(order: Order, items: Sequence[Mapping[str, Any]]) -> Table:
    groups: defaultdict[tuple[str, str, str], list[int]] = defaultdict(list)
    for item in items:
        groups[_from(item), _happens(order, item), _goes_to(item)].append(item["age"])
    table = Table(header_style="bold", title=f"To {order.what}: {len(items):,}", title_justify="left")
    for heading in ("From", "What happens", "Where to"):
        table.add_column(heading, overflow="fold")
    table.add_column("Count", justify="right")
    table.add_column("Received", overflow="fold")
    for (source, happens, to), ages in sorted(groups.items()):
        first, last = age_in_words(max(ages)), age_in_words(min(ages))
        ago = f"{first} ago" if first == last else f"{last} to {first} ago"
        table.add_row(plain(source), happens, plain(to), f"{len(ages):,}", ago)
    return table


def _from(item: Mapping[str, Any]) -> str:
    if "tray" in item:
        return f"tray {item['tray']}"
    return f"{item['state'].replace('_', ' ')}: {item['reason']}" if item["reason"] else str(item["state"])


def _happens(order: Order, item: Mapping[str, Any]) -> str:
    if order.what == "discard":
        return "nothing is sent"
    if order.what != "release" or "tray" not in item:
        return {"release": "tried again", "resend": "sent again"}.get(order.what, "sent elsewhere")
    if "holds" not in item:  # nothing is decided anew: it is a reply
        return "its copy is looked for anew"
    words = []
    if any("merged" not in copy for copy in item["sends"]):
        words.append("sent")
    if any("merged" in copy for copy in item["sends"]):
        words.append("not sent twice")
    words += [f"held in {tray}" for tray in dict.fromkeys(item["holds"])]
    others = dict.fromkeys(outcome.replace("_", " ") for outcome in item["outcomes"])
    return ", ".join(words or others or ["nothing more"])


def _goes_to(item: Mapping[str, Any]) -> str:
    return ", ".join(f"{copy['channel']} {copy['address']}".strip() for copy in item.get("sends", ()))


def _tell_why_not(items: Sequence[Mapping[str, Any]]) -> None:
    reasons: defaultdict[str, list[str]] = defaultdict(list)
    for item in items:
        if item["why_not"]:
            reasons[item["why_not"]].append(_name(item))
    for why_not, names in list(reasons.items())[:SHOWN]:
        shown = ", ".join(names[:8]) + (f" and {len(names) - 8:,} more" if len(names) > 8 else "")
        click.echo(f"Stays as it is, {shown}: {why_not}.", err=True)
    if len(reasons) > SHOWN:
        click.echo(f"And {len(reasons) - SHOWN} other reasons.", err=True)


def _name(item: Mapping[str, Any]) -> str:
    own = f"H{item['held']}" if "held" in item else f"C{item['copy']}"
    return f"{own} of message {item['message']}" if item["message"] else own


def _report(order: Order, items: Sequence[Mapping[str, Any]]) -> None:
    """What was done, and the exit status: 1 where something stayed as it was."""
    counts = Counter("done" if item.get("done") else "stayed" for item in items)
    if order.as_json:
        click.echo(json.dumps({"items": list(items)}, indent=2, ensure_ascii=False))
    else:
        _tell_why_not([item for item in items if item.get("done") is False])
        made = [copy for item in items for copy in item.get("made", ())]
        copies = f" Copies: {', '.join(f'C{copy}' for copy in made[:10])}" if made else ""
        more = f" and {len(made) - 10:,} more" if len(made) > 10 else ""
        stayed = f", {counts['stayed']:,} stayed as they were" if counts["stayed"] else ""
        click.echo(f"{counts['done']:,} {_PAST[order.what]} by {order.who}{stayed}.{copies}{more}")
    sys.exit(1 if counts["stayed"] else 0)
