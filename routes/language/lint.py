"""What no single file shows: a feed that no route takes, a channel nobody sends to, a name never used.

Looks at a whole site after it was put together. A complaint that an earlier problem would explain is not
made: where a route could not be read, nobody knows what it would have used.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace

from routes.language.assembly import Assembly
from routes.language.dispatch import find_open_end
from routes.language.facts import FeedFacts
from routes.language.nearest import did_you_mean, nearest
from routes.language.problems import Problems
from routes.language.steps import DialectFile, RouteFile

__all__ = ["has_errors", "look_at_all"]


def look_at_all(assembly: Assembly, feeds: Mapping[str, FeedFacts]) -> None:
    """Every lint; also checks files that no feed reaches, so that their mistakes show."""
    _check_stray_files(assembly, feeds)
    for route in assembly.files.routes.values():
        _look_at_feeds(route, feeds, assembly.problems)
        if route.name.value not in assembly.files.routes.failed:
            find_open_end(route.sends, route.name, assembly.problems)
        _find_unused_names(route, assembly)
    for dialect in assembly.files.dialects.values():
        _find_unused_names(dialect, assembly)
    _find_idle_feeds(assembly, feeds)
    _find_idle_channels(assembly)
    _find_missing_directories(assembly)
    _find_idle_files(assembly)


def _check_stray_files(assembly: Assembly, feeds: Mapping[str, FeedFacts]) -> None:
    """Compile what no feed reaches, with the site's plain words and only for its problems."""
    words = replace(assembly.vocabulary, zone="UTC")
    for route in assembly.files.routes.values():
        if not any(feed.value in feeds for feed in route.feeds):
            assembly.route(route, words, "")
    used_guards, used_dialects = set(assembly.used_guards), set(assembly.used_dialects)
    for guard in assembly.files.guards.values():
        if guard.name.value not in used_guards:
            assembly.guard(guard, words, "")
    for dialect in assembly.files.dialects.values():
        if dialect.name.value not in used_dialects:
            assembly.dialect(dialect, words, "")
    assembly.used_guards, assembly.used_dialects = used_guards, used_dialects


def _look_at_feeds(route: RouteFile, feeds: Mapping[str, FeedFacts], problems: Problems) -> None:
    seen: set[str] = set()
    for feed in route.feeds:
        if feed.value in seen:
            problems.add(feed.spot, f'Feed "{feed.value}" stands here twice.', "duplicate-name")
        elif feed.value not in feeds:
            message = f'There is no feed "{feed.value}"{did_you_mean(feed.value, feeds)}'
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
    if assembly.files.routes.failed:
        return
    taken = {feed.value for route in assembly.files.routes.values() for feed in route.feeds}
    # A misspelt feed in a route is the mistake; the feed it meant is not reported as well.
    meant = {nearest(name, feeds) for name in taken if name not in feeds}
    for feed in feeds.values():
        if feed.name not in taken and feed.name not in meant:
            assembly.problems.add(
                feed.spot,
                f'No route takes the messages of feed "{feed.name}": they would be answered and go nowhere. '
                'Add it to a route\'s "from".',
                "idle-feed",
            )


def _find_idle_channels(assembly: Assembly) -> None:
    if assembly.files.routes.failed:
        return
    channels = assembly.channels
    meant = {nearest(name, channels) for name in assembly.sent_to if name not in channels}
    for channel in channels.values():
        if channel.name not in assembly.sent_to and channel.name not in meant:
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


def _find_idle_files(assembly: Assembly) -> None:
    for guard in assembly.files.guards.values():
        if guard.name.value not in assembly.used_guards and not assembly.files.routes.failed:
            assembly.problems.add(
                guard.name.spot,
                f'Nobody uses guard "{guard.name.value}": it guards nothing.',
                "idle-guard",
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
