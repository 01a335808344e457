"""What stands around a route: its feeds, their dialects, the shared checks, the routes that pass to it.

Derived from the site's files, in the order in which a message meets them. Must not know how that is told.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from routes.language.assembly import passes_to
from routes.language.facts import FeedFacts
from routes.language.files import Origin
from routes.language.steps import DialectFile, GuardFile, RouteFile

__all__ = ["Asked", "Surroundings"]


@dataclass(frozen=True, slots=True)
class Asked:
    """A guard, and for whose messages: a feed by name; "" with `everywhere`, or else for the route."""

    guard: GuardFile
    feeds: tuple[str, ...] = ()
    everywhere: bool = False


@dataclass(frozen=True, slots=True)
class Surroundings:
    """What a message of one route meets before the route itself."""

    origin: Origin
    route: RouteFile

    def feeds(self) -> Sequence[FeedFacts]:
        """The feeds that the route names."""
        named = [self.origin.feeds.get(feed.value) for feed in self.route.feeds]
        return [feed for feed in named if feed is not None]

    def passing(self) -> Sequence[str]:
        """The routes that pass messages to this one."""
        mine = self.route.name.value
        return [name for name, route in self.origin.files.routes.items() if mine in passes_to(route)]

    def all_feeds(self) -> Sequence[FeedFacts]:
        """The feeds whose messages can come here, also by way of other routes."""
        found = {feed.name: feed for feed in self.feeds()}
        seen, ahead = {self.route.name.value}, list(self.passing())
        while ahead:
            name = ahead.pop()
            if name in seen:
                continue
            seen.add(name)
            other = Surroundings(self.origin, self.origin.files.routes[name])
            found.update({feed.name: feed for feed in other.feeds()})
            ahead += other.passing()
        return list(found.values())

    def dialects(self) -> Sequence[tuple[DialectFile, Sequence[str]]]:
        """Each dialect that is applied first, with the names of the feeds that it belongs to."""
        found: dict[str, list[str]] = {}
        for feed in self.all_feeds():
            if feed.dialect in self.origin.files.dialects:
                found.setdefault(feed.dialect, []).append(feed.name)
        return [(self.origin.files.dialects[dialect], feeds) for dialect, feeds in found.items()]

    def guards(self) -> Sequence[Asked]:
        """Each shared check once: those of every feed, then of single feeds, then of the route."""
        guards: Mapping[str, GuardFile] = self.origin.files.guards
        found = {name: Asked(guards[name], everywhere=True) for name in self.origin.settings.guards}
        for feed in self.all_feeds():
            for name in feed.guards:
                earlier = found.get(name)
                if earlier is None or not earlier.everywhere:
                    before = () if earlier is None else earlier.feeds
                    found[name] = Asked(guards[name], (*before, feed.name))
        for each in self.route.guards:
            if each.value not in found or not found[each.value].everywhere:
                found[each.value] = Asked(guards[each.value])
        return list(found.values())
