"""Compiles a site's routes, dialects, guards and tables into one immutable plan that `decide` follows.

Texts in, closures and problems out; nothing is read here and nothing is sent. Every problem of every file
is found in one go. Must not know addresses, ports or secrets.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import replace
from hashlib import sha256
from typing import TypeVar

from routes.language.assembly import Assembly
from routes.language.blaming import Defined, put_together
from routes.language.compiled import FeedPlan, Plan, RoutePlan, Stage
from routes.language.facts import ChannelFacts, FeedFacts, SiteFacts, TrayFacts
from routes.language.files import Files, FileSet, Origin
from routes.language.lint import has_errors, look_at_all
from routes.language.problems import Problems
from routes.language.profile_files import ProfileFile, read_profile
from routes.language.route_files import read_dialect, read_guard, read_route
from routes.language.site_words import read_hours_of, read_patterns
from routes.language.steps import DialectFile, GuardFile, RouteFile
from routes.language.table_files import TableFiles, read_tables
from routes.language.trial_checks import look_at_trials
from routes.language.vocabulary import Vocabulary
from routes.tables.table import Table

__all__ = [
    "ChannelFacts",
    "FeedFacts",
    "FeedPlan",
    "Plan",
    "RoutePlan",
    "SiteFacts",
    "Stage",
    "TrayFacts",
    "compile_feed",
    "compile_plan",
    "watch_feed",
]


def compile_plan(
    sources: Mapping[str, str],
    feeds: Mapping[str, FeedFacts],
    channels: Mapping[str, ChannelFacts],
    settings: SiteFacts,
    problems: Problems,
    samples: Mapping[str, bytes] | None = None,
) -> Plan | None:
    """The plan, or None where a problem of severity error was noted.

    sources: texts by their path within the site: `routes/*.yaml`, `dialects/*.yaml`, `guards/*.yaml`,
    `profiles/*.yaml`, `tables/*.csv` and `tables/*.yaml`; others are left alone.
    samples: the files that tests of routes may be given, by path; None where nobody knows which there are.
    """
    tables = read_tables(sources, problems)
    routes = _read_all(sources, "routes/", read_route, problems)
    dialects = _read_all(sources, "dialects/", read_dialect, problems)
    guards = _read_all(sources, "guards/", read_guard, problems)
    profiles = _read_all(sources, "profiles/", read_profile, problems)
    files = Files(routes, dialects, guards, tables, profiles)
    assembly = Assembly(files, channels, settings, _words(files, settings, problems), problems)
    plans = {name: assembly.feed(facts) for name, facts in feeds.items()}
    look_at_all(assembly, feeds)
    look_at_trials(assembly, feeds, samples)
    put_together(problems, _defined(assembly, feeds))
    if problems.errors:
        return None
    origin = Origin(sources, feeds, channels, settings, files)
    return Plan(_hash(sources), plans, tuple(routes), tables, origin)


def _defined(assembly: Assembly, feeds: Mapping[str, FeedFacts]) -> Mapping[str, Defined]:
    """The feeds and channels, and which of them any route or any test names."""
    routes = assembly.files.routes
    if routes.failed:
        return {}  # what is used nowhere else may be used there
    trials = [trial for route in routes.values() for trial in route.tests]
    came = {feed.value for route in routes.values() for feed in route.feeds}
    came |= {trial.feed.value for trial in trials if trial.feed is not None}
    went = set(assembly.sent_to)
    for trial in trials:
        went |= {copy.to.channel for copy in (trial.expected.sent if trial.expected else ())}
        went |= {pretence.channel.value for pretence in trial.pretences.channels}
    return {
        "feed": ({name: facts.spot for name, facts in feeds.items()}, came),
        "channel": ({name: facts.spot for name, facts in assembly.channels.items()}, went),
    }


def watch_feed(plan: Plan, feed: str) -> FeedPlan:
    """A feed whose closures tell a `Watch` what they do; made once, of the files that the plan was made of.

    For a plan without an origin, which was put together by hand, the feed as it stands: nobody is told.
    """
    ready = plan.watched.get(feed)
    if ready is not None or plan.origin is None:
        return ready or plan.feeds[feed]
    origin, problems = plan.origin, Problems()
    words = _words(origin.files, origin.settings, problems)
    assembly = Assembly(origin.files, origin.channels, origin.settings, words, problems, watched=True)
    return plan.watched.setdefault(feed, assembly.feed(origin.feeds[feed]))


def _words(files: Files, settings: SiteFacts, problems: Problems) -> Vocabulary:
    """What every expression of a site may speak of."""
    hours = read_hours_of(settings.hours, files.tables, problems)
    patterns = read_patterns(settings.patterns, problems)
    given = {*settings.hours, *settings.patterns}
    return Vocabulary(
        tables=files.tables,
        broken_tables=files.tables.failed,
        broken_words=frozenset(given.difference(hours, patterns)),
        hours=hours,
        patterns=patterns,
        live=settings.live,
    )


def compile_feed(origin: Origin, feed: str, tables: Mapping[str, Table]) -> FeedPlan:
    """What happens to the messages of one feed, with other tables in the place of the site's own, and with
    numbers that were made for tests valid on a live site too: for the tests of routes.

    No file is read anew, so it costs a few milliseconds. KeyError for a feed that the site does not have.
    """
    files = replace(origin.files, tables=TableFiles({**origin.files.tables, **tables}))
    settings = replace(origin.settings, live=False)
    problems = Problems()  # the site had none of its own, and other rows do not make one
    words = _words(files, settings, problems)
    return Assembly(files, origin.channels, settings, words, problems).feed(origin.feeds[feed])


NamedFile = TypeVar("NamedFile", RouteFile, DialectFile, GuardFile, ProfileFile)


def _read_all(
    sources: Mapping[str, str],
    folder: str,
    read: Callable[[str, str, Problems], NamedFile | None],
    problems: Problems,
) -> FileSet[NamedFile]:
    """All files of one folder, by the name that they give themselves, in the order of their paths."""
    found: FileSet[NamedFile] = FileSet()
    for file in sorted(sources):
        if not file.startswith(folder) or not file.endswith((".yaml", ".yml")):
            continue
        read_file = read(file, sources[file], problems)
        stem = file.rsplit("/", 1)[-1].rsplit(".", 1)[0]
        if has_errors(file, problems):
            found.failed |= {stem}
        if read_file is None:
            continue
        name = read_file.name
        earlier = found.get(name.value)
        if earlier is not None:
            problems.add(
                name.spot,
                f'"{name.value}" is the name of {earlier.spot.file} already; give this one another.',
                "duplicate-name",
            )
            found.failed |= {stem}
            continue
        if stem != name.value:
            problems.add(
                name.spot,
                f'The file is called {stem} and what it holds "{name.value}"; people look for one and find '
                "the other. Give them the same name.",
                "file-name",
                warning=True,
            )
        found[name.value] = read_file
    return found


def _hash(sources: Mapping[str, str]) -> str:
    digest = sha256()
    for file in sorted(sources):
        for part in (file, sources[file]):
            data = part.encode("utf-8", "surrogatepass")
            digest.update(len(data).to_bytes(8, "big") + data)
    return digest.hexdigest()
