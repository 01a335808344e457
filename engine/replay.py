"""Runs past traffic through a site's files as they are now, and says what would differ.

Reads the journal, and writes nothing anywhere: it must not know channels, queues, delivery, or how a journal
is written. The decision is `routes.flow.decide`, the very one that serves traffic; it is told of each message
what it was told then: when it was received, the envelope it came in, and who had earlier versions of it.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Collection, Iterable, Iterator, Mapping
from dataclasses import dataclass, field, replace

from engine.earlier import decide_knowing
from engine.journal.configs import digest_of
from engine.journal.past import Past, Stretch
from engine.journal.reading import JournalReader
from engine.journal.replies import UNMATCHED
from engine.observe.log import get_log
from engine.site.model import Site
from routes.flow.decide import decide
from routes.flow.decision import Decision, Held, Known
from routes.language.assembly import passes_to
from routes.review.field_differences import Writing
from routes.review.file_differences import FileChange, file_differences
from routes.review.outcome_differences import (
    Difference,
    Made,
    Outcome,
    Trayed,
    as_outcome,
    compare,
    warning_words,
)

__all__ = ["MOST_TOLD", "ConfigShown", "Differing", "Group", "Replay", "UnknownRoute", "replay", "scope_of"]

MOST_TOLD = 20_000
"""Messages whose differences are told one by one; further ones are counted in their groups."""

_EVERY = 50  # messages between two reports of progress

log = get_log()


class UnknownRoute(Exception):
    """The site has no route of this name."""


@dataclass(frozen=True, slots=True)
class Differing:
    """One message that would be decided otherwise. released: a person has since let go on what was held."""

    id: int
    feed: str
    received: int
    type: str
    control_id: str
    config: str
    released: bool
    difference: Difference


@dataclass(slots=True)
class Group:
    """The messages that differ in the same way. details: how many of them a tray or a field concerns."""

    kind: str
    count: int = 0
    details: Counter[str] = field(default_factory=Counter)
    messages: list[Differing] = field(default_factory=list)


@dataclass(frozen=True, slots=True)
class ConfigShown:
    """One configuration that decided some of these messages.

    differ: how many of them would be decided otherwise. kept: whether the journal has its files; then
    `changes` says how they differ from the files as they are now.
    """

    hash: str
    messages: int
    differ: int
    kept: bool
    changes: tuple[FileChange, ...] = ()


@dataclass(slots=True)
class Replay:
    """What came of it. skipped: messages on which no route had decided, by why. groups: largest first.

    untold: messages that differ, beyond MOST_TOLD; they are counted, and not told one by one.
    """

    messages: int = 0
    same: int = 0
    skipped: Counter[str] = field(default_factory=Counter)
    released: int = 0
    untold: int = 0
    groups: list[Group] = field(default_factory=list)
    configs: list[ConfigShown] = field(default_factory=list)

    @property
    def differ(self) -> int:
        """How many would be decided otherwise."""
        return self.messages - self.same


def scope_of(site: Site, route: str) -> frozenset[str]:
    """A route, and every route that it may pass a message to. Raises UnknownRoute."""
    origin = site.plan.origin
    routes = origin.files.routes if origin is not None else {}
    if route not in routes:
        raise UnknownRoute(route)
    found: set[str] = set()
    ahead = [route]
    while ahead:
        name = ahead.pop()
        if name in routes and name not in found:
            found.add(name)
            ahead += passes_to(routes[name])
    return frozenset(found)


def replay(
    site: Site,
    journal: JournalReader,
    stretch: Stretch,
    *,
    route: str = "",
    values: bool = True,
    progress: Callable[[int, int], None] = lambda _done, _all: None,
) -> Replay:
    """Decide the messages of a stretch again.

    route: only what this route, and those that it passes messages to, make of them; "": all routes. values:
    whether differences show what stands in the messages, or only its shape. progress: is told every now and
    then how many of how many are done.
    """
    scope = scope_of(site, route) if route else None
    if scope is not None:
        stretch = replace(stretch, feeds=_feeds(site, scope), routes=tuple(sorted(scope)))
    traffic = journal.past(stretch)
    counts = Counter(traffic.counts())
    run = _Run(site, journal, scope, values)
    expected = counts.pop("decided", 0)
    for number, past in enumerate(traffic.messages(), 1):
        run.one(past)
        if number % _EVERY == 0:
            progress(number, max(expected, number))
    progress(expected, expected)
    result = run.result
    result.skipped += counts
    result.groups = sorted(run.groups.values(), key=lambda group: (-group.count, group.kind))
    result.configs = list(_configs(site, journal, run.decided_by, run.differing_of))
    return result


class _Run:
    """One replay on its way."""

    def __init__(
        self, site: Site, journal: JournalReader, scope: Collection[str] | None, values: bool
    ) -> None:
        self.site = site
        self.journal = journal
        self.scope = scope
        self.result = Replay()
        self.groups: dict[str, Group] = {}
        self.decided_by: Counter[str] = Counter()
        self.differing_of: Counter[str] = Counter()
        self.writing = {
            name: Writing(plan.charset, plan.segment_ends, values) for name, plan in site.plan.feeds.items()
        }

    def one(self, past: Past) -> None:
        """Decide one message again, and note how the outcome differs."""
        writing = self.writing.get(past.feed)
        if writing is None:
            self.result.skipped["feed gone"] += 1
            return
        result = self.result
        if any(held.tray == UNMATCHED and not held.route for held in past.held):
            result.skipped["answer"] += 1  # no route is asked about a reply
            return
        result.messages += 1
        result.released += past.released
        self.decided_by[past.config] += 1
        then, now = outcome_then(past), as_outcome(_decide(self.site, past, self.journal))
        difference = compare(then, now, writing, self.scope)
        if difference is None:
            result.same += 1
        else:
            self.differing_of[past.config] += 1
            self._note(past, difference)

    def _note(self, past: Past, difference: Difference) -> None:
        group = self.groups.setdefault(difference.kind, Group(difference.kind))
        group.count += 1
        group.details.update(difference.details)
        if self.result.differ - self.result.untold > MOST_TOLD:
            self.result.untold += 1
            return
        group.messages.append(
            Differing(
                past.id, past.feed, past.received, past.type, past.control_id, past.config, past.released,
                difference,
            )
        )  # fmt: skip


def outcome_then(past: Past) -> Outcome:
    """What was decided, as the journal's rows say it."""
    return Outcome(
        tuple([Made(c.channel, c.address, c.body, c.piece, c.route) for c in past.copies]),
        tuple([Trayed(held.tray, held.reason, held.route, held.piece) for held in past.held]),
        past.rejected,
        tuple([(part.route, part.detail) for part in past.parts if part.outcome == "not_wanted"]),
        tuple(map(warning_words, past.warnings)),
    )


def _decide(site: Site, past: Past, journal: JournalReader) -> Decision:
    try:
        return decide_knowing(
            past.id,
            past.known,
            journal,
            lambda earlier: decide(
                site.plan, past.feed, past.body, Known(past.received, past.envelope, earlier_of=earlier)
            ),
        )
    except Exception as failure:  # noqa: BLE001 - as the router has it: such a message would be held
        kind = type(failure).__name__
        log.error("message.failed", message=past.id, feed=past.feed, failure=kind)
        return Decision(held_before_routing=Held("failed", f"the decision failed unexpectedly ({kind})"))


def _feeds(site: Site, scope: Collection[str]) -> tuple[str, ...]:
    """The feeds whose messages enter one of these routes."""
    feeds = site.plan.feeds.values()
    return tuple([feed.name for feed in feeds if any(route.name in scope for route in feed.routes)])


def _configs(
    site: Site, journal: JournalReader, messages: Mapping[str, int], differ: Mapping[str, int]
) -> Iterator[ConfigShown]:
    """Every configuration that decided some of the messages, the one that decided most of them first."""
    now = {path: digest_of(text) for path, text in site.sources.items()}
    for hash_, count in sorted(messages.items(), key=lambda pair: -pair[1]):
        then = journal.config_digests(hash_)
        changes: tuple[FileChange, ...] = ()
        if then and hash_ != site.hash:
            other = _unequal(then, now)
            texts = {path: text for path, text in site.sources.items() if path in other}
            changes = file_differences(journal.config_sources(hash_, other), texts)
        kept = bool(then) or hash_ == site.hash
        yield ConfigShown(hash_, count, differ.get(hash_, 0), kept, changes)


def _unequal(then: Mapping[str, bytes], now: Mapping[str, bytes]) -> frozenset[str]:
    paths: Iterable[str] = {*then, *now}
    return frozenset(path for path in paths if then.get(path) != now.get(path))
