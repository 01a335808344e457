"""What no single file shows: a feed that no route takes, a channel nobody sends to, a name never used.

Looks at a whole site after it was put together. A complaint that an earlier problem would explain is not
made: where a route could not be read, nobody knows what it would have used.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace

from routes.hl7.formats import is_no_address
from routes.language.assembly import Assembly, passes_to
from routes.language.dispatch import find_open_end
from routes.language.facts import FeedFacts
from routes.language.nearest import did_you_mean, nearest
from routes.language.problems import Problems, Spot
from routes.language.profile_files import STANDARD
from routes.language.proofs import find_missing_proofs
from routes.language.steps import DialectFile, FirstOf, RouteFile
from routes.language.unreachable import find_unreachable

__all__ = ["has_errors", "look_at_all"]


def look_at_all(assembly: Assembly, feeds: Mapping[str, FeedFacts]) -> None:
    """Every lint; also checks files that no feed reaches, so that their mistakes show."""
    _check_stray_files(assembly, feeds)
    _look_at_passing(assembly)
    for route in assembly.files.routes.values():
        _look_at_feeds(route, feeds, assembly)
        if route.name.value not in assembly.files.routes.failed:
            find_open_end(route.sends, route.name, assembly.problems)
        if not has_errors(route.spot.file, assembly.problems):
            find_unreachable(route, assembly.problems)
        _find_unused_names(route, assembly)
    for dialect in assembly.files.dialects.values():
        _find_unused_names(dialect, assembly)
    _find_idle_feeds(assembly, feeds)
    _look_at_answering(assembly, feeds)
    _find_idle_channels(assembly)
    answered = {name for feed in feeds.values() for name, _ in feed.answers_for}
    find_missing_proofs(assembly.files.routes.values(), assembly.channels, answered, assembly.problems)
    _find_missing_directories(assembly)
    _find_pseudo_addresses(assembly)
    _find_idle_files(assembly)


def _check_stray_files(assembly: Assembly, feeds: Mapping[str, FeedFacts]) -> None:
    """Compile what no feed reaches, with the site's plain words and only for its problems."""
    words = replace(assembly.vocabulary, zone="UTC")
    reached = _reached(assembly, feeds)
    for route in assembly.files.routes.values():
        if route.name.value not in reached:
            assembly.route(route, words, "")
    used_guards, used_dialects = set(assembly.used_guards), set(assembly.used_dialects)
    for guard in assembly.files.guards.values():
        if guard.name.value not in used_guards:
            assembly.guard(guard, words, "")
    for dialect in assembly.files.dialects.values():
        if dialect.name.value not in used_dialects:
            assembly.dialect(dialect, words, "")
    for profile in assembly.files.profiles.values():
        if profile.name.value not in assembly.used_profiles:
            assembly.profiles(words).make(profile)
    assembly.used_guards, assembly.used_dialects = used_guards, used_dialects


def _reached(assembly: Assembly, feeds: Mapping[str, FeedFacts]) -> set[str]:
    """The routes that messages of some feed come to, through other routes too."""
    routes = assembly.files.routes
    ahead = [name for name, route in routes.items() if any(feed.value in feeds for feed in route.feeds)]
    found: set[str] = set()
    while ahead:
        name = ahead.pop()
        if name in routes and name not in found:
            found.add(name)
            ahead += passes_to(routes[name])
    return found


def _look_at_passing(assembly: Assembly) -> None:
    """Routes that nothing comes to, and routes that pass a message round in a circle."""
    routes, problems = assembly.files.routes, assembly.problems
    told: set[frozenset[str]] = set()
    for name in routes:
        circle = _find_circle(name, routes)
        if circle and frozenset(circle) not in told:
            told.add(frozenset(circle))
            spot = next(
                entry.to.spot
                for said in routes[name].sends
                for entry in (said.entries if isinstance(said, FirstOf) else (said,))
                if entry.passes and entry.to.value == circle[1]
            )
            problems.add(
                spot,
                f"A message would go round for ever: {' → '.join(circle)}. Take one of these pass_to away.",
                "pass-cycle",
            )
    if told:
        return  # who is left out may be left out by the very mistake
    for route in _idle_routes(assembly):
        name = route.name.value
        problems.add(
            route.name.spot,
            f'Nothing comes to route "{name}": it has no "from", and no route passes to it. Write '
            f"from: [FEED] here, or - pass_to: {name} in the send list of another route.",
            "idle-route",
        )


def _idle_routes(assembly: Assembly) -> list[RouteFile]:
    """The routes without feeds that no route passes to; none where a file that could not be read might."""
    routes = assembly.files.routes
    if routes.failed:
        return []
    passed = {name for route in routes.values() for name in passes_to(route)}
    meant = {nearest(name, routes) for name in passed if name not in routes}
    return [
        route
        for name, route in routes.items()
        if not route.feeds and name not in passed and name not in meant
    ]


def _find_circle(start: str, routes: Mapping[str, RouteFile]) -> list[str]:
    """The way from a route back to itself, or nothing."""
    ways = [[start]]
    seen: set[str] = set()
    while ways:
        way = ways.pop()
        for name in passes_to(routes[way[-1]]):
            if name == start:
                return [*way, start]
            if name in routes and name not in seen:
                seen.add(name)
                ways.append([*way, name])
    return []


def _look_at_feeds(route: RouteFile, feeds: Mapping[str, FeedFacts], assembly: Assembly) -> None:
    problems = assembly.problems
    seen: set[str] = set()
    for feed in route.feeds:
        if feed.value in seen:
            problems.add(feed.spot, f'Feed "{feed.value}" stands here twice.', "duplicate-name")
        elif feed.value not in feeds:
            message = f'There is no feed "{feed.value}"{did_you_mean(feed.value, feeds)}'
            if feed.value in assembly.files.routes:
                message = (
                    f'"{feed.value}" is a route. Messages come from it by - pass_to: {route.name.value} in '
                    "its send list; leave it out here."
                )
            problems.add(feed.spot, message, "unknown-feed", fix=nearest(feed.value, feeds))
        seen.add(feed.value)


def _find_unused_names(file: RouteFile | DialectFile, assembly: Assembly) -> None:
    if has_errors(file.spot.file, assembly.problems):
        return
    used = assembly.used_names.get(file.spot.file, set())
    for key, _ in file.names:
        if key.value not in used:
            assembly.problems.add(
                key.spot, f'The name "{key.value}" is never used.', "unused-name", warning=True
            )


def _find_idle_feeds(assembly: Assembly, feeds: Mapping[str, FeedFacts]) -> None:
    if assembly.files.routes.failed or _idle_routes(assembly):
        return
    taken = {feed.value for route in assembly.files.routes.values() for feed in route.feeds}
    # A misspelt feed in a route is the mistake; the feed it meant is not reported as well.
    meant = {nearest(name, feeds) for name in taken if name not in feeds}
    for feed in feeds.values():
        if feed.name not in taken and feed.name not in meant and not (feed.retired or feed.answers_for):
            assembly.problems.add(
                feed.spot,
                f'No route takes the messages of feed "{feed.name}": they would be answered and go nowhere. '
                'Add it to a route\'s "from".',
                "idle-feed",
            )


def _look_at_answering(assembly: Assembly, feeds: Mapping[str, FeedFacts]) -> None:
    """Feeds by which the recipients of channels reply: of channels that there are, each named once."""
    channels = assembly.channels
    for feed in feeds.values():
        seen: set[str] = set()
        for name, spot in feed.answers_for:
            if name in seen:
                assembly.problems.add(spot, f'Channel "{name}" stands here twice.', "duplicate-name")
            elif name not in channels:
                message = f'There is no channel "{name}"{did_you_mean(name, channels)}'
                assembly.problems.add(spot, message, "unknown-channel", fix=nearest(name, channels))
            seen.add(name)


def _find_idle_channels(assembly: Assembly) -> None:
    if assembly.files.routes.failed:
        return
    channels = assembly.channels
    meant = {nearest(name, channels) for name in assembly.sent_to if name not in channels}
    for channel in channels.values():
        if channel.name not in assembly.sent_to and channel.name not in meant and not channel.retired:
            assembly.problems.add(
                channel.spot, f'No route sends to channel "{channel.name}".', "idle-channel", warning=True
            )


def _find_missing_directories(assembly: Assembly) -> None:
    tables = assembly.files.tables
    for channel in assembly.channels.values():
        name = channel.directory
        if name and name not in tables and name not in tables.failed:
            assembly.problems.add(
                channel.directory_spot or channel.spot,
                f'There is no table "{name}" to be the directory of channel "{channel.name}"'
                f"{did_you_mean(name, tables)}",
                "unknown-table",
                fix=nearest(name, tables),
            )


def _find_pseudo_addresses(assembly: Assembly) -> None:
    """Keys of directories that mean "no practice" or "unknown": nothing is ever sent to them."""
    tables = assembly.files.tables
    for name in sorted({channel.directory for channel in assembly.channels.values()}):
        if name not in tables:
            continue
        file = f"tables/{name}.csv"
        lines = assembly.problems.lines.get(file, [])
        for key in tables[name].keys():  # noqa: SIM118 - a Table is no dict
            if is_no_address(key):
                line = next((n for n, text in enumerate(lines, 1) if text.lstrip(' "').startswith(key)), 1)
                assembly.problems.add(
                    Spot(file, line, 1, len(key)),
                    f"{key} means that there is no practice or that it is unknown: nothing is ever sent to "
                    "it. Take the row away; such messages are then held as unknown_address.",
                    "pseudo-address",
                    warning=True,
                )


def _find_idle_files(assembly: Assembly) -> None:
    missing = any(problem.rule == "unknown-guard" for problem in assembly.problems.found.values())
    for guard in assembly.files.guards.values():
        unused = guard.name.value not in assembly.used_guards
        if unused and not missing and not assembly.files.routes.failed:
            assembly.problems.add(
                guard.name.spot,
                f'Nobody uses guard "{guard.name.value}": it guards nothing.',
                "idle-guard",
                warning=True,
            )
    misnamed = assembly.used_profiles - {*assembly.files.profiles, STANDARD}  # told at the check that asks it
    for profile in assembly.files.profiles.values():
        unused = profile.name.value not in assembly.used_profiles
        if unused and not misnamed and not assembly.files.routes.failed:
            assembly.problems.add(
                profile.name.spot,
                f'No check asks whether messages conform to "{profile.name.value}".',
                "idle-profile",
                warning=True,
            )
    for dialect in assembly.files.dialects.values():
        if dialect.name.value not in assembly.used_dialects:
            assembly.problems.add(
                dialect.name.spot,
                f'No feed has the dialect "{dialect.name.value}".',
                "idle-dialect",
                warning=True,
            )
        for name, _ in dialect.tables:
            if name.value not in assembly.read and not assembly.files.routes.failed:
                assembly.problems.add(
                    name.spot,
                    f'No route reads a table "{name.value}"{did_you_mean(name.value, assembly.read)}',
                    "unused-table",
                    warning=True,
                )


def has_errors(file: str, problems: Problems) -> bool:
    """Whether a file has a problem that stands in the way."""
    return any(each.severity == "error" and each.spot.file == file for each in problems.found.values())
