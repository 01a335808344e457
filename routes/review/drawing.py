"""The picture of a site, before it is drawn: feeds, routes, channels, trays, and what leads where.

Derived from `from`, `to`, `pass_to`, `then` and every `else`; nobody types it in. `mermaid_form` and
`svg_form` draw it. Must not know coordinates, or any message.
"""

from __future__ import annotations

import re
from collections.abc import Collection, Iterable, Iterator, Sequence
from dataclasses import dataclass
from typing import Literal

from routes.hl7.path import parse_path
from routes.language.facts import FeedFacts
from routes.language.files import Origin
from routes.language.parser import parse_expression
from routes.language.profile_files import STANDARD
from routes.language.send_shapes import EARLIER
from routes.language.source import Scalar
from routes.language.steps import (
    Check,
    FirstOf,
    ForEach,
    NothingMore,
    Otherwise,
    Plugin,
    Reformat,
    RouteFile,
    SendEntry,
    Step,
    Translate,
)
from routes.review.brief_words import brief, brief_path
from routes.review.outcome_words import duration

__all__ = ["Edge", "EdgeKind", "Graph", "Node", "NodeKind", "draw_site"]

NodeKind = Literal["feed", "route", "channel", "tray", "refused"]
EdgeKind = Literal["takes", "sent", "passed", "held", "refused", "late"]
"""`takes`: from a feed to a route. `late`: where a proof of delivery did not come in time."""

Key = tuple[NodeKind, str]


@dataclass(frozen=True, slots=True)
class Node:
    """One box. key: its kind and its name, which no other box has. details: further lines below the name."""

    key: Key
    details: tuple[str, ...] = ()

    @property
    def kind(self) -> NodeKind:
        return self.key[0]

    @property
    def name(self) -> str:
        return self.key[1]


@dataclass(frozen=True, slots=True)
class Edge:
    """One line from box to box. label: when it is taken, in few words; "" for always."""

    source: Key
    target: Key
    kind: EdgeKind
    label: str = ""

    @property
    def solid(self) -> bool:
        """Whether it is a way that messages go by themselves."""
        return self.kind in ("takes", "sent", "passed")


@dataclass(frozen=True, slots=True)
class Graph:
    """Boxes and lines in the order of the site's files; first the lines of what is sent."""

    nodes: tuple[Node, ...]
    edges: tuple[Edge, ...]


REFUSED: Key = ("refused", "refused")


def draw_site(origin: Origin, routes: Collection[str] | None = None) -> Graph:
    """The graph of a site, or of some of its routes with all that they lead to.

    KeyError: a route that there is not.
    """
    files = origin.files.routes
    wanted = [files[name] for name in (files if routes is None else routes)]
    edges: list[Edge] = []
    for route in wanted:
        edges += _incoming(route, origin)
    for route in files.values():
        edges += _passed(route, [each.name.value for each in wanted], origin)
    named = {edge.source[1] for edge in edges if edge.kind == "takes"}
    feeds = [origin.feeds[feed] for feed in origin.feeds if routes is None or feed in named]
    for feed in feeds:
        edges += _of_feed(feed, origin)
    for route in wanted:
        edges += _of_route(route, origin)
    edges = sorted(dict.fromkeys(edges), key=lambda edge: not edge.solid and edge.kind != "late")
    keys: dict[Key, None] = {("feed", feed.name): None for feed in feeds}
    keys |= {("route", route.name.value): None for route in wanted}
    keys |= {key: None for edge in edges for key in (edge.source, edge.target)}
    return Graph(tuple(_node(kind, name, origin) for kind, name in keys), tuple(edges))


def _node(kind: NodeKind, name: str, origin: Origin) -> Node:
    details: list[str] = []
    if kind == "feed" and origin.feeds[name].dialect:
        details.append(f"dialect {origin.feeds[name].dialect}")
    elif kind == "channel" and name in origin.channels:
        channel = origin.channels[name]
        details.append(f"{channel.kind}, {channel.directory}" if channel.directory else channel.kind)
    elif kind == "tray" and name in origin.settings.trays:
        details.append(origin.settings.trays[name].owner)
    elif kind == "refused":
        details.append("the sender is told")
    return Node((kind, name), tuple(detail for detail in details if detail))


def _incoming(route: RouteFile, origin: Origin) -> Iterator[Edge]:
    for feed in route.feeds:
        if feed.value in origin.feeds:
            yield Edge(("feed", feed.value), ("route", route.name.value), "takes")


def _passed(route: RouteFile, wanted: Collection[str], origin: Origin) -> Iterator[Edge]:
    """The lines by which a route passes messages to one of these."""
    for edge in _of_route(route, origin):
        if edge.kind == "passed" and edge.target[1] in wanted:
            yield edge


def _of_feed(feed: FeedFacts, origin: Origin) -> Iterator[Edge]:
    """What dialect and guards of a feed may hold or refuse before any route."""
    source: Key = ("feed", feed.name)
    dialect = origin.files.dialects.get(feed.dialect)
    if dialect is not None:
        yield from _outcomes(source, _of_checks(dialect.checks))
        yield from _outcomes(source, _of_steps(dialect.changes, origin))
    for name in (*origin.settings.guards, *feed.guards):
        yield from _of_guard(source, name, origin)


def _of_route(route: RouteFile, origin: Origin) -> Iterator[Edge]:
    source: Key = ("route", route.name.value)
    for guard in route.guards:
        yield from _of_guard(source, guard.value, origin)
    yield from _outcomes(source, _of_checks(route.checks))
    yield from _outcomes(source, _of_steps(route.changes, origin))
    for entry in route.sends:
        if isinstance(entry, SendEntry):
            yield from _of_entry(source, entry, _condition(entry), origin)
            continue
        yield from _of_choice(source, entry, origin)


def _of_guard(source: Key, guard: str, origin: Origin) -> Iterator[Edge]:
    """Its name says enough; what it asks, an explanation says."""
    checks = origin.files.guards[guard].checks
    yield from _outcomes(source, [(check.otherwise, guard) for check in checks])


def _of_choice(source: Key, entry: FirstOf, origin: Origin) -> Iterator[Edge]:
    for number, each in enumerate(entry.entries):
        yield from _of_entry(source, each, f"{'else if' if number else 'if'} {_condition(each)}", origin)
    if entry.otherwise is not None and not isinstance(entry.otherwise, NothingMore):
        yield from _outcomes(source, [(entry.otherwise, "if none of these")])


def _of_entry(source: Key, entry: SendEntry, label: str, origin: Origin) -> Iterator[Edge]:
    name = entry.to.value
    if entry.passes:
        yield Edge(source, ("route", name), "passed", label)
    else:
        channel = "earlier recipients" if name == EARLIER else name
        yield Edge(source, ("channel", channel), "sent", label)
    yield from _outcomes(source, _of_steps(entry.changes, origin))
    yield from _outcomes(source, _of_checks(entry.checks))
    if _may_miss(entry, origin):
        taken = entry.otherwise or Otherwise("hold", "unknown_address", entry.spot)
        yield from _outcomes(source, [(taken, "address unknown")])
    if entry.fall_back is not None:
        wait = entry.fall_back
        words = f"not {wait.proof} in {duration(wait.after)}"
        yield Edge(source, ("channel", wait.then.value), "late", words)
    if entry.if_returned is not None:
        rule = entry.if_returned
        to = (rule.to or entry.to).value
        yield Edge(source, ("channel", to), "late", f"came back: {', '.join(rule.reasons)}")


def _may_miss(entry: SendEntry, origin: Origin) -> bool:
    """Whether an entry may find nobody to send to."""
    if entry.passes:
        return False
    if entry.to.value == EARLIER:
        return entry.otherwise is not None
    return entry.address is not None and bool(origin.channels[entry.to.value].directory)


def _condition(entry: SendEntry) -> str:
    each = "" if entry.each is None else f"each {_place(entry.each)}"
    it = parse_path(entry.each.value) if entry.each is not None and _PATH.match(entry.each.value) else None
    when = "" if entry.when is None else brief(parse_expression(entry.when.value), it)
    return ", ".join(part for part in (each, when) if part)


def _place(text: Scalar) -> str:
    """A path in few words, or the name that stands for one."""
    return brief_path(parse_path(text.value)) if _PATH.match(text.value) else text.value


_PATH = re.compile(r"[A-Z][A-Z0-9]{2}(?![A-Za-z0-9_])|it(?![A-Za-z0-9_])")


Told = Iterable[tuple[Otherwise, str]]


def _outcomes(source: Key, outcomes: Told) -> Iterator[Edge]:
    """The lines of what holds or refuses; a warning goes nowhere."""
    for taken, label in outcomes:
        if taken.kind == "hold":
            yield Edge(source, ("tray", taken.words), "held", label)
        elif taken.kind == "reject":
            yield Edge(source, REFUSED, "refused", label)


def _of_checks(checks: Sequence[Check]) -> Iterator[tuple[Otherwise, str]]:
    for check in checks:
        yield check.otherwise, _failing(check)


def _failing(check: Check) -> str:
    if check.profile is not None:
        return "not standard" if check.profile.value == STANDARD else f"not {check.profile.value}"
    text = check.that or check.unless
    return "" if text is None else brief(parse_expression(text.value), holds=check.that is None)


_FAILURES: dict[type[Step], tuple[str, str]] = {
    Translate: ("unknown_code", "code unknown"),
    Reformat: ("unreadable_value", "value unreadable"),
    Plugin: ("change_failed", "plugin fails"),
}


def _of_steps(steps: Sequence[Step], origin: Origin) -> Iterator[tuple[Otherwise, str]]:
    """What becomes of a message in which a change cannot be made, where that is to be expected."""
    for step in steps:
        if isinstance(step, ForEach):
            yield from _of_steps(step.steps, origin)
            continue
        if isinstance(step, Translate):
            table = origin.files.tables.get(step.table.value)
            if table is not None and table.on_miss != "hold":
                continue
        tray, words = _FAILURES.get(type(step), ("", "change fails"))
        if step.otherwise is not None:
            yield step.otherwise, words
        elif tray:
            yield Otherwise("hold", tray, step.spot), words
