"""On which files of a site the tests of a route rest: when one of them changed, they must be run again.

Rather one file too many than one too few: a table counts wherever its name stands in a file that is used.
Pure; whoever asks knows which files changed.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator
from dataclasses import fields, is_dataclass

from routes.language.files import Origin
from routes.language.source import Block, Items, Node, Scalar
from routes.language.steps import Check, Otherwise, RouteFile
from routes.language.trial_words import parts_of, routes_behind
from routes.language.trials import Trial

__all__ = ["SHARED", "files_of"]

SHARED = ("gatepost.yaml", "feeds.yaml", "channels.yaml", "environments/")
"""What all tests rest on, a folder with its slash."""

_WORD = re.compile(r"[A-Za-z_][A-Za-z0-9_]*")


def files_of(route: RouteFile, origin: Origin) -> frozenset[str]:
    """Paths within the site, besides those that all tests rest on.

    The route's own file, those of routes that pass to it or that it passes to, their dialects, guards,
    profiles and tables, and its samples.
    """
    files = origin.files
    mine = {behind.name.value for behind in routes_behind(route, files.routes)}
    before = [
        other
        for other in files.routes.values()
        if mine & {behind.name.value for behind in routes_behind(other, files.routes)}
    ]
    feeds = {feed.value for other in before for feed in other.feeds}
    feeds |= {trial.feed.value for trial in route.tests if trial.feed is not None}
    # Another route of these feeds changes nothing of ours, unless it rejects the message.
    near = {other.name.value: other for other in before} | {
        other.name.value: other
        for other in files.routes.values()
        if feeds & {feed.value for feed in other.feeds} and _rejects(other)
    }
    facts = [origin.feeds[name] for name in feeds if name in origin.feeds]
    used: list[object] = list(near.values())
    guards = {*origin.settings.guards, *(name for feed in facts for name in feed.guards)}
    guards |= {guard.value for other in near.values() for guard in other.guards}
    used += [files.guards[name] for name in guards if name in files.guards]
    used += [files.dialects[feed.dialect] for feed in facts if feed.dialect in files.dialects]
    checks = [part for part in parts_of(used) if isinstance(part, Check)]
    profiles = {check.profile.value for check in checks if check.profile is not None}
    used += [files.profiles[name] for name in profiles if name in files.profiles]
    found = {part.spot.file for part in used if hasattr(part, "spot")}
    words = set(_words(used)) | set(_words_of(origin.settings.hours.values()))
    words |= {channel.directory for channel in origin.channels.values()}
    for name in words & files.tables.keys():
        found |= {f"tables/{name}.csv", f"tables/{name}.yaml"}
    return frozenset(found | {trial.given.value for trial in route.tests})


def _words(parts: Iterable[object]) -> Iterator[str]:
    """Every word of the texts in these parts of files; tests are left aside but for their tables."""
    for part in parts:
        if isinstance(part, Scalar):
            yield from _WORD.findall(part.value)
        elif isinstance(part, tuple):
            yield from _words(part)
        elif isinstance(part, Trial):
            yield from (given.table.value for given in part.tables)
        elif is_dataclass(part):
            yield from _words([getattr(part, field.name) for field in fields(part)])


def _words_of(nodes: Iterable[Node]) -> Iterator[str]:
    for node in nodes:
        if isinstance(node, Scalar):
            yield node.value
        elif isinstance(node, Block):
            yield from _words_of([value for _, value in node.entries])
        elif isinstance(node, Items):
            yield from _words_of(node.items)


def _rejects(route: RouteFile) -> bool:
    return any(isinstance(part, Otherwise) and part.kind == "reject" for part in parts_of([route]))
