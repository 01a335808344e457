"""Puts a site's files together, feed by feed: which dialect, which guards, which routes, with which words.

A route is compiled once for each feed that it takes, since the feed's dialect may put other tables in the
place of those that the route names. Problems are the same each time and are reported once.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace

from routes.flow.decision import NotWanted
from routes.flow.running import Act, Test
from routes.language.binding import Binder
from routes.language.building import ActBuilder, SiteWords
from routes.language.compiled import FeedPlan, RoutePlan, Stage
from routes.language.conforming import ProfileBinder
from routes.language.dispatch import Dispatcher
from routes.language.facts import ChannelFacts, FeedFacts, SiteFacts
from routes.language.files import Files
from routes.language.nearest import did_you_mean, nearest
from routes.language.problems import Problems, Spot
from routes.language.steps import DialectFile, FirstOf, GuardFile, RouteFile, Split, Step
from routes.language.vocabulary import Vocabulary
from routes.language.watching import Witness

__all__ = ["Assembly", "passes_to", "split_up"]


@dataclass(slots=True)
class Assembly:
    """Compiles files for feeds, and notes what was used on the way: for the lints.

    used_names: names by the file that defines them. sent_to: channels. read: tables that routes name.
    watched: whether every closure is wrapped in one that tells a `Watch` what it did.
    """

    files: Files
    channels: Mapping[str, ChannelFacts]
    settings: SiteFacts
    vocabulary: Vocabulary
    problems: Problems
    used_names: dict[str, set[str]] = field(default_factory=dict)
    used_guards: set[str] = field(default_factory=set)
    used_dialects: set[str] = field(default_factory=set)
    used_profiles: set[str] = field(default_factory=set)
    sent_to: set[str] = field(default_factory=set)
    read: set[str] = field(default_factory=set)
    watched: bool = False

    def feed(self, facts: FeedFacts) -> FeedPlan:
        """Everything that happens to the messages of one feed."""
        dialect = self._dialect(facts)
        words = self._words(facts, dialect)
        stored = facts.name if facts.acknowledge == "when_stored" else ""
        stages: list[Stage] = []
        if dialect is not None:
            stages.append(self.dialect(dialect, words, stored))
        everywhere = self._guards(self.settings.guards, self.settings.guards_spot)
        own = self._guards(facts.guards, facts.guards_spot or facts.spot)
        stages += [self.guard(guard, words, stored) for guard in (*everywhere, *own)]
        taken = [
            route
            for route in self.files.routes.values()
            if facts.name in {feed.value for feed in route.feeds}
        ]
        routes = [self.route(route, words, stored) for route in taken]
        return FeedPlan(
            facts.name,
            facts.charset,
            facts.segment_ends,
            facts.timezone,
            tuple(stages),
            tuple(routes),
            self._passed(taken, words, stored),
        )

    def _passed(self, taken: Sequence[RouteFile], words: Vocabulary, stored: str) -> Mapping[str, RoutePlan]:
        """Every route that these may pass a message to, and so on, with the words of the same feed."""
        found: dict[str, RoutePlan] = {}
        ahead = [name for route in taken for name in passes_to(route)]
        while ahead:
            name = ahead.pop()
            route = self.files.routes.get(name)
            if route is not None and name not in found:
                found[name] = self.route(route, words, stored)
                ahead += passes_to(route)
        return found

    def route(self, route: RouteFile, words: Vocabulary, stored: str) -> RoutePlan:
        """One route, with the words of one feed."""
        binder = Binder(words, self.problems)
        binder.define(route.names)
        builder = self._builder(binder, stored, f"route {route.name.value}", route.name.value)
        guards: list[Act] = []
        for name in route.guards:
            for guard in self._guards((name.value,), name.spot):
                stage = self.guard(guard, words, stored, route.name.value)
                guards += stage.acts
                builder.places.update(stage.places)
        accept: list[tuple[Test, NotWanted]] = []
        for entry in route.accept:
            test = builder.question(entry.that, entry.unless, ", so this entry accepts everything")
            if test is not None:
                if builder.witness is not None:
                    test = builder.witness.accept(test, entry)
                accept.append((test, NotWanted(entry.rule)))
                builder.places[test] = str(entry.spot)
        stretches = split_up(route.changes)
        acts = [*builder.checks(route.checks), *builder.changes(stretches[0][1])]
        cuts = [
            (builder.parting(split), tuple(builder.changes(steps))) for split, steps in stretches[1:] if split
        ]
        dispatcher = Dispatcher(
            builder,
            self.problems,
            self.channels,
            self.files.tables,
            self.files.routes,
            self.files.routes.failed,
        )
        sends = dispatcher.entries(route.sends)
        self.sent_to |= dispatcher.used
        self._note(route.spot.file, binder)
        self.read |= binder.tables
        return RoutePlan(
            route.name.value,
            str(route.spot),
            tuple(guards),
            tuple(accept),
            tuple(acts),
            tuple(sends),
            bool(route.changes),
            builder.places,
            tuple([(cut, after) for cut, after in cuts if cut is not None]),
            tuple(dispatcher.same),
        )

    def dialect(self, dialect: DialectFile, words: Vocabulary, stored: str) -> Stage:
        """A dialect, with the words of one feed."""
        self.used_dialects.add(dialect.name.value)
        binder = Binder(words, self.problems)
        binder.define(dialect.names)
        builder = self._builder(binder, stored, f"dialect {dialect.name.value}")
        acts = (*builder.checks(dialect.checks), *builder.changes(dialect.changes))
        self._note(dialect.spot.file, binder)
        return Stage(f"dialect {dialect.name.value}", str(dialect.spot), acts, builder.places, dialect=True)

    def guard(self, guard: GuardFile, words: Vocabulary, stored: str, route: str = "") -> Stage:
        """A guard, with the words of one feed; a route's own names are not among them. route: whose it is."""
        self.used_guards.add(guard.name.value)
        builder = self._builder(Binder(words, self.problems), stored, f"guard {guard.name.value}", route)
        acts = tuple(builder.checks(guard.checks))
        return Stage(f"guard {guard.name.value}", str(guard.spot), acts, builder.places)

    def _builder(self, binder: Binder, stored: str, part: str, route: str = "") -> ActBuilder:
        profiles = self.profiles(binder.vocabulary)
        words = SiteWords(self.settings.trays, stored, self.settings.plugins, profiles)
        witness = Witness(part, route, binder.vocabulary) if self.watched else None
        return ActBuilder(binder, self.problems, words, witness=witness)

    def profiles(self, words: Vocabulary) -> ProfileBinder:
        """What makes profiles, with the words of one feed."""
        files = self.files.profiles
        return ProfileBinder(files, files.failed, words, self.problems, self.used_profiles, self.read)

    def _note(self, file: str, binder: Binder) -> None:
        self.used_names.setdefault(file, set()).update(binder.used)

    def _dialect(self, facts: FeedFacts) -> DialectFile | None:
        if not facts.dialect:
            return None
        found = self.files.dialects.get(facts.dialect)
        if found is None:
            self.used_dialects.add(facts.dialect)
            if facts.dialect not in self.files.dialects.failed:
                spot = facts.dialect_spot or facts.spot
                self._unknown("dialect", facts.dialect, self.files.dialects, spot)
        return found

    def _words(self, facts: FeedFacts, dialect: DialectFile | None) -> Vocabulary:
        """The vocabulary of one feed: the dialect's tables stand in for those that routes name."""
        tables = dict(self.files.tables)
        broken = set(self.files.tables.failed)
        for name, instead in () if dialect is None else dialect.tables:
            table = self.files.tables.get(instead.value)
            if table is not None:
                tables[name.value] = table
                broken.discard(name.value)
                continue
            tables.pop(name.value, None)
            broken.add(name.value)
            if instead.value not in self.files.tables.failed:
                self._unknown("table", instead.value, self.files.tables, instead.spot)
        return replace(self.vocabulary, tables=tables, broken_tables=frozenset(broken), zone=facts.timezone)

    def _guards(self, names: tuple[str, ...], spot: Spot | None) -> list[GuardFile]:
        found: list[GuardFile] = []
        for name in names:
            guard = self.files.guards.get(name)
            if guard is not None:
                found.append(guard)
            elif name not in self.files.guards.failed:
                self._unknown("guard", name, self.files.guards, spot or Spot("gatepost.yaml"))
        return found

    def _unknown(self, what: str, name: str, known: Mapping[str, object], spot: Spot) -> None:
        self.problems.add(
            spot,
            f'There is no {what} "{name}"{did_you_mean(name, known)}',
            f"unknown-{what}",
            fix=nearest(name, known),
        )


def passes_to(route: RouteFile) -> list[str]:
    """The names of the routes that this one may pass a message to."""
    entries = [
        entry for said in route.sends for entry in (said.entries if isinstance(said, FirstOf) else (said,))
    ]
    return [entry.to.value for entry in entries if entry.passes]


def split_up(steps: Sequence[Step]) -> list[tuple[Split | None, list[Step]]]:
    """The steps in stretches: first those for the whole message, then each split with those behind it."""
    stretches: list[tuple[Split | None, list[Step]]] = [(None, [])]
    for step in steps:
        if isinstance(step, Split):
            stretches.append((step, []))
        else:
            stretches[-1][1].append(step)
    return stretches
