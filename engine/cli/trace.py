"""`gatepost trace`: what each entry of a route did with one message, and why.

Decides the message exactly as traffic is decided, with somebody watching; nothing is sent, stored or
logged. What it prints is patient data.
"""

from __future__ import annotations

import json
import sys
import time
from contextlib import nullcontext
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

import click

from engine.cli.options import environment_option, load_or_refuse, site_argument

if TYPE_CHECKING:
    from rich.console import Console

    from engine.site.model import Site

__all__ = ["trace"]

REMINDER = "What follows is patient data: look only if your work needs it, and keep no copy."
WIDTH = 100
"""Columns where the output goes to a file or a pipe."""


@dataclass(frozen=True, slots=True)
class _Traced:
    """The message to trace, and what is known beside it. received: microseconds since 1970."""

    body: bytes
    envelope: bytes = b""
    received: int = 0
    feed: str = ""
    config: str = ""
    known: str = ""


@click.command(
    epilog="\b\nExamples:\n"
    "  gatepost trace config/samples/st_annes_result.hl7 --route gp_results\n"
    "  gatepost trace 1042 config --environment live --route gp_results"
)
@click.argument("what", metavar="FILE|ID")
@site_argument
@environment_option
@click.option("--route", "-r", default="", metavar="ROUTE", help="Show this route, and those it passes to.")
@click.option(
    "--feed", "-f", default="", metavar="FEED",
    help="The feed that it comes in by. Without it: the first of the route, or that of message ID.",
)  # fmt: skip
@click.option(
    "--received", metavar="TIME", help="As if accepted at this time: 2026-11-22T09:30, or 2h ago. Now."
)
@click.option("--message", "number", type=int, metavar="N", help="The message of FILE to trace, from 1.")
@click.option("--data", type=click.Path(path_type=Path), help="Data folder, for message ID.")
@click.option("--json", "as_json", is_flag=True, help="One JSON object with every value whole.")
def trace(
    what: str,
    site: Path,
    environment: str,
    route: str,
    feed: str,
    received: str | None,
    number: int | None,
    data: Path | None,
    as_json: bool,
) -> None:
    """Show what each entry of SITE (default: config) does with one message: every condition with the values
    that it read, every change with the value before and after, and what becomes of it.

    FILE holds one message or several, with any line ends, framed or not, or a batch. A number is the ID of a
    message that `gatepost messages` shows; it is decided anew with the files as they are now. Dialect and
    guards of the feed come first, then the route, then the routes that it passes the message to.

    Nothing is sent. What is shown is patient data: it goes to your screen only, and is never logged or
    stored. Exit status 2 where the feed or the route does not fit.
    """
    from engine.journal.earlier import read_known
    from routes.flow.decide import decide
    from routes.flow.decision import Known
    from routes.flow.tracing import Watch

    loaded = load_or_refuse(site, environment)
    traced = _find(what, site, environment, data, number)
    name = _choose_feed(loaded, feed or traced.feed, route)
    known = Known(_when(received, traced), traced.envelope, earlier_of=read_known(traced.known))
    watch = Watch()
    decision = decide(loaded.plan, name, traced.body, known, watch=watch)
    from engine.cli.trace_view import (
        belonging_to,
        decision_as_json,
        moment_as_json,
        show_decision,
        show_moments,
    )

    moments, routes = belonging_to(route, decision, watch.moments)
    if not as_json or sys.stdout.isatty():
        click.echo(REMINDER, err=True)
    if as_json:
        shown = {
            "site": loaded.name,
            "environment": environment,
            "configuration": loaded.hash,
            "feed": name,
            "received": _iso(known.received),
            "bytes": len(traced.body),
            "moments": [moment_as_json(moment) for moment in moments],
            "decision": decision_as_json(decision),
        }
        click.echo(json.dumps(shown, indent=2, ensure_ascii=False))
        return
    from rich.console import Console

    terminal = sys.stdout.isatty()
    out = Console(highlight=False, width=None if terminal else WIDTH)
    with nullcontext() if terminal else out.capture() as captured:
        _tell(out, traced, loaded, name, known.received)
        show_moments(moments, out)
        show_decision(decision, routes, out)
    if captured is not None:  # tables fill their lines with blanks, which nobody wants in a file
        click.echo("\n".join(line.rstrip() for line in captured.get().splitlines()))


def _tell(out: Console, traced: _Traced, site: Site, feed: str, received: int) -> None:
    from engine.cli.journal_view import clock_time

    truly = (traced.feed, traced.received) == (feed, received)
    when = clock_time(received)
    came = f"received by feed {feed} {when}" if truly else f"as if it came in by feed {feed} at {when}"
    out.print(f"{_called(traced)}, {came}")
    if traced.config and traced.config != site.hash:
        out.print("It was decided by other files than those that are here now.")


def _find(what: str, site: Path, environment: str, data: Path | None, number: int | None) -> _Traced:
    if what.isascii() and what.isdigit() and not Path(what).exists():
        return _from_journal(what, site, environment, data)
    return _from_file(Path(what), number)


def _from_journal(id_: str, site: Path, environment: str, data: Path | None) -> _Traced:
    from engine.cli.journal_view import open_journal

    with open_journal(site, environment, data) as journal:
        story = journal.show(id_)
        known = journal.known_of(story.message.id) if story is not None else ""
    if story is None:
        click.echo(f"There is no message {id_}. Find one with: gatepost messages {site}", err=True)
        sys.exit(1)
    message = story.message
    return _Traced(story.body, story.envelope, message.received, message.feed, message.config, known)


def _from_file(path: Path, number: int | None) -> _Traced:
    from engine.cli.message_files import split_messages
    from routes.hl7.batch import Piece, split_batch

    try:
        data = path.read_bytes()
    except OSError as why:
        raise click.UsageError(f"{path} cannot be read: {why.strerror}") from why
    found: list[Piece] = []
    for body in split_messages(data):
        batch = split_batch(body)
        found += [Piece(body, b"")] if batch is None else batch.messages
    if not found:
        raise click.UsageError(f"{path} holds no message")
    if number is not None and not 0 < number <= len(found):
        raise click.UsageError(f"{path} holds {len(found)} message{'s' if len(found) > 1 else ''}")
    if number is None and len(found) > 1:
        click.echo(
            f"{path} holds {len(found)} messages; this is the first. Choose with --message N.", err=True
        )
    piece = found[(number or 1) - 1]
    return _Traced(piece.data, piece.envelope)


def _choose_feed(site: Site, feed: str, route: str) -> str:
    """The feed that is asked for, or the first that comes to the route."""
    feeds = site.plan.feeds
    if route and route not in site.plan.routes:
        raise click.UsageError(_unknown("route", route, site.plan.routes))
    if feed and feed not in feeds:
        raise click.UsageError(_unknown("feed", feed, tuple(feeds)))
    comes_to = [
        name
        for name, plan in feeds.items()
        if not route or route in plan.passed or any(each.name == route for each in plan.routes)
    ]
    if feed and route and feed not in comes_to:
        raise click.UsageError(
            f"messages of feed {feed} do not come to route {route}; those of these feeds do: "
            + ", ".join(comes_to)
        )
    if feed:
        return feed
    if not route and len(comes_to) > 1:
        raise click.UsageError("say which route (--route) or feed (--feed): " + ", ".join(comes_to))
    if not comes_to:
        raise click.UsageError(f"no feed comes to route {route}" if route else "the site has no feed")
    origin = site.plan.origin
    own = origin.files.routes.get(route) if origin is not None else None
    first = next((each.value for each in own.feeds if each.value in comes_to), "") if own else ""
    return first or comes_to[0]


def _unknown(what: str, name: str, known: tuple[str, ...]) -> str:
    from routes.language.nearest import did_you_mean

    return f'there is no {what} "{name}"{did_you_mean(name, known)}'


def _when(received: str | None, traced: _Traced) -> int:
    from engine.cli.journal_view import as_instant

    return as_instant(received) if received else traced.received or int(time.time() * 1_000_000)


def _iso(microseconds: int) -> str | None:
    from engine.cli.journal_view import iso_time

    return iso_time(microseconds)


def _called(traced: _Traced) -> str:
    from routes.hl7.header import Unreadable, read_header

    try:
        header = read_header(traced.body, segment_ends="any")
    except Unreadable:
        return f"{len(traced.body):,} bytes that are no message"
    kind, control = header.field(9).decode("latin-1"), header.control_id.decode("latin-1")
    return f"{kind} {control}, {len(traced.body):,} bytes"
