"""`gatepost keep`: makes a real message into an invented sample, and a test that expects what happens now."""

from __future__ import annotations

import re
import secrets
import sys
from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from pathlib import Path
from random import Random
from typing import NoReturn

import click
from rich.table import Table

from engine.cli.journal_view import console, data_option, open_journal, plain
from engine.cli.options import environment_option, load_or_refuse, site_argument
from engine.cli.stanza_file import NotAppended, append_stanza
from engine.journal.answers import MessageStory
from engine.journal.earlier import read_known
from engine.site.model import Site
from routes.flow.versions import is_of_final
from routes.hl7.message import Message, Unreadable
from routes.language.nearest import did_you_mean
from routes.language.problems import Spot
from routes.language.source import Scalar
from routes.language.steps import RouteFile
from routes.language.trial_words import routes_behind
from routes.language.trials import Destination, Trial
from routes.review.disguising import Disguised, disguise
from routes.review.happening import Happened
from routes.review.running import Runner
from routes.review.stanza import Sampled, outcome_of, write_stanza
from routes.review.telling import tell_all

__all__ = ["keep"]

REMINDER = (
    "READ {sample} BEFORE YOU COMMIT IT. A program replaced what it took for somebody's particulars; only a "
    "person can see that nobody is left in it, and that codes and numbers do not say who it was."
)


@dataclass(frozen=True, slots=True)
class _Kept:
    """A message and the route that it is kept for."""

    site: Site
    route: RouteFile
    story: MessageStory
    message: Message
    known: str = ""

    @property
    def feed(self) -> str:
        return self.story.message.feed

    def earlier(self, spot: Spot, *, final: bool) -> tuple[Destination, ...]:
        """Who was sent an earlier version, or a final one, by the route and those behind it, as the decision
        was told."""
        routes = {each.name.value for each in _behind(self.site, self.route)}
        found = {
            place: None
            for (route, digest), places in read_known(self.known).items()
            if route in routes and is_of_final(digest) is final
            for place in places
        }
        return tuple([_destination(channel, address, spot) for channel, address in found])


def _behind(site: Site, route: RouteFile) -> list[RouteFile]:
    origin = site.plan.origin
    return [route] if origin is None else list(routes_behind(route, origin.files.routes))


def _destination(channel: str, address: str, spot: Spot) -> Destination:
    text = f"{channel} @ {address}" if address else channel
    return Destination(Scalar(text, spot), channel, address)


@click.command(
    epilog="\b\nExamples:\n  gatepost keep 1042 --route gp_results\n"
    "  gatepost keep 1042 my-site --route gp_results --name 'an INR that nobody asked for' --write"
)
@click.argument("id_", metavar="MESSAGE-ID")
@site_argument
@environment_option
@data_option
@click.option("--route", "route", metavar="NAME", required=True, help="The route that the test is for.")
@click.option("--name", "name", default="", metavar="TEXT", help="What the test shows, in a sentence.")
@click.option("--sample", default="", metavar="NAME", help="The sample's file name in samples/.")
@click.option("--write", is_flag=True, help="Append the test to the route's file, and not only print it.")
def keep(
    id_: str,
    site: Path,
    environment: str,
    data: Path | None,
    route: str,
    name: str,
    sample: str,
    write: bool,
) -> None:
    """Keep message MESSAGE-ID of SITE (default: config) as an invented sample, with a test.

    Names, addresses, telephone and NHS numbers, days of birth, identifiers, free text and documents are
    replaced, the same by the same; structure, codes, results and units stay. The sample goes into samples/;
    the test, which expects what the route does now, is printed. A person must read the sample before it is
    committed.
    """
    kept = _find(site, environment, data, id_, route)
    disguised = _disguised(kept)
    text = _with_envelope(kept, disguised)
    given = _write_sample(site, sample or f"{route}_{kept.story.message.type}", text)
    stanza, warning = _stanza(kept, disguised, text, given, name)
    _show(disguised, given)
    if warning:
        click.secho(warning, fg="yellow", err=True)
    if write:
        file = site / kept.route.spot.file
        try:
            append_stanza(site, environment, file, stanza)
        except NotAppended as why:
            click.echo(f"The test was not written to {file}: {why}. Here it is:\n\n{stanza}")
            sys.exit(1)
        click.echo(f"The test stands at the end of {file}. It passes: it expects what happens now.")
    else:
        click.echo(f"A test for {kept.route.spot.file}, to go behind tests: (or run this with --write):\n")
        click.echo(stanza)
    click.secho(REMINDER.format(sample=site / given), fg="red", bold=True, err=True)


def _find(site: Path, environment: str, data: Path | None, id_: str, name: str) -> _Kept:
    loaded = load_or_refuse(site, environment)
    origin = loaded.plan.origin
    routes = {} if origin is None else origin.files.routes
    if name not in routes:
        raise click.UsageError(f'there is no route "{name}"{did_you_mean(name, routes)}')
    with open_journal(site, environment, data) as journal:
        story = journal.show(id_)
        known = journal.known_of(story.message.id) if story is not None else ""
    if story is None:
        _refuse(f"There is no message {id_}. Find one with: gatepost messages {site}")
    feed = story.message.feed
    ways = {
        each.value
        for other in routes.values()
        if routes[name] in routes_behind(other, routes)
        for each in other.feeds
    }
    if feed not in ways or feed not in loaded.plan.feeds:
        _refuse(f'Message {id_} came in by feed "{feed}", whose messages do not come to route "{name}".')
    plan = loaded.plan.feeds[feed]
    try:
        message = Message.parse(
            story.body, charset=plan.charset, segment_ends=plan.segment_ends, envelope=story.envelope
        )
    except Unreadable as why:
        _refuse(f"Message {id_} cannot be kept: {why}.")
    return _Kept(loaded, routes[name], story, message, known)


def _refuse(words: str) -> NoReturn:
    click.echo(words, err=True)
    sys.exit(1)


def _disguised(kept: _Kept) -> Disguised:
    """The invented message. What stands as a key in a table of the site is no secret there."""
    keys = {key for table in kept.site.plan.tables.values() for key in table.keys()}  # noqa: SIM118 - no dict
    return disguise(kept.message, Random(secrets.randbits(128)), keys)  # noqa: S311 - seeded by the system


def _with_envelope(kept: _Kept, disguised: Disguised) -> bytes:
    """The sample's bytes: with line feeds, so that an editor shows the segments, unless a text holds one."""
    data = disguised.data
    envelope = kept.story.envelope
    if envelope:
        headers = [line for line in re.split(rb"[\r\n]+", envelope) if line]
        short = [line[:4] + line[4:].split(line[3:4])[0] for line in headers]  # who sent it stays behind
        trailers = [b"BTS|1" if line.startswith(b"BHS") else b"FTS|1" for line in reversed(headers)]
        parts = [*short, data.rstrip(b"\r\n"), *(line.replace(b"|", headers[0][3:4]) for line in trailers)]
        data = b"\r".join(parts) + b"\r"
    return data if b"\n" in data else data.replace(b"\r", b"\n")


def _write_sample(site: Path, wanted: str, data: bytes) -> str:
    """Write a new file; its path within the site. One that is there is never written over."""
    stem = re.sub(r"[^a-z0-9_]+", "_", wanted.removesuffix(".hl7").lower()).strip("_") or "sample"
    folder = site / "samples"
    folder.mkdir(exist_ok=True)
    for number in range(1, 10_000):
        file = folder / (f"{stem}.hl7" if number == 1 else f"{stem}_{number}.hl7")
        try:
            with file.open("xb") as opened:
                opened.write(data)
        except FileExistsError:
            continue
        return f"samples/{file.name}"
    _refuse(f"samples/ holds thousands of samples called {stem}: choose another name with --sample.")


def _stanza(kept: _Kept, disguised: Disguised, data: bytes, given: str, name: str) -> tuple[str, str]:
    """The test, and a warning where the invented message takes another way than the real one."""
    story = kept.story.message
    runner = Runner(kept.site.plan, {given: data})
    spot = Spot(kept.route.spot.file)
    trial = Trial(
        spot, Scalar(name, spot), Scalar(given, spot), None, Scalar(kept.feed, spot),
        earlier=kept.earlier(spot, final=False), final=kept.earlier(spot, final=True),
    )  # fmt: skip
    invented = runner.happen(kept.route, trial, data)
    then = replace(trial, received=story.received)
    real = runner.happen(kept.route, then, _with_envelope(kept, Disguised(kept.story.body, ())))
    received = ""
    if outcome_of(invented) != outcome_of(real):
        # Perhaps it is the hour that makes the difference; the day and the hour then belong to the test.
        timed = runner.happen(kept.route, then, data)
        if outcome_of(timed) == outcome_of(real):
            invented, received = timed, _moment(story.received)
    taken = {each.name.value for each in kept.route.tests}
    title = _title(name, story.type, kept.feed, taken)
    before_it = [tuple(map(str, places)) for places in (trial.earlier, trial.final)]
    sampled = Sampled(title, given, kept.feed, received, *before_it)
    plan = kept.site.plan.feeds[kept.feed]
    before = Message.parse(disguised.data, charset=plan.charset, segment_ends=plan.segment_ends)
    stanza = write_stanza(sampled, invented, before, plan.segment_ends)
    return stanza, _way(invented, real) if outcome_of(invented) != outcome_of(real) else ""


def _moment(microseconds: int) -> str:
    return datetime.fromtimestamp(microseconds // 1_000_000, UTC).isoformat()


def _title(name: str, kind: str, feed: str, taken: set[str]) -> str:
    wanted = name or f"a kept {kind} of {feed}"
    return next(
        title
        for title in (wanted, *(f"{wanted} ({number})" for number in range(2, 10_000)))
        if title not in taken
    )


def _way(invented: Happened, real: Happened) -> str:
    """Both ways, without content: the real one's outcomes are the site's own words."""
    lines = ["The invented message takes another way than the real one: something that was replaced decides."]
    for title, happened in (("real", real), ("invented", invented)):
        lines += [f"  {title}: {line}" for line in tell_all(happened)]
    return "\n".join(lines)


def _show(disguised: Disguised, given: str) -> None:
    """What was replaced, and by what; the originals are not shown."""
    out = console()
    table = Table("Place", "Was", "Is now", header_style="bold", title=given, title_justify="left")
    for each in _shortened(disguised):
        table.add_row(*(plain(cell) for cell in each))
    out.print(table)
    for path in disguised.left:
        click.secho(f"Something of the original is left at {path}: look there first.", fg="yellow", err=True)


def _shortened(disguised: Disguised) -> Sequence[tuple[str, str, str]]:
    return [(each.path, each.kind, _cut(each.now)) for each in disguised.replaced]


def _cut(text: str) -> str:
    return text if len(text) <= 50 else f"{text[:50]}… ({len(text):,} characters)"
