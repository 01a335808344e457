"""A site's routes, compiled: frozen rows of closures by feed, ready for `decide`. No behaviour.

Knows nothing of files: where something stands is a text such as `routes/gp_results.yaml:12`.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Literal

from routes.flow.decision import NotWanted
from routes.flow.running import Act, Test
from routes.flow.sending import Entry
from routes.language.files import Origin
from routes.tables.table import Table

__all__ = ["FeedPlan", "Plan", "RoutePlan", "Stage"]


@dataclass(frozen=True, slots=True)
class Stage:
    """A dialect or a guard, before any route. `places` says where each act stands."""

    name: str
    where: str
    acts: tuple[Act, ...]
    places: Mapping[object, str]


@dataclass(frozen=True, slots=True)
class RoutePlan:
    """One route for the messages of one feed.

    guards, then accept (what is not true gives its verdict), then acts (checks and changes), then sends.
    changes: whether it may change the message, so that it needs a copy of its own.
    """

    name: str
    where: str
    guards: tuple[Act, ...]
    accept: tuple[tuple[Test, NotWanted], ...]
    acts: tuple[Act, ...]
    sends: tuple[Entry, ...]
    changes: bool
    places: Mapping[object, str]


@dataclass(frozen=True, slots=True)
class FeedPlan:
    """What happens to the messages of one feed, in order: the stages, then each route."""

    name: str
    charset: str
    segment_ends: Literal["cr", "any"]
    timezone: str
    stages: tuple[Stage, ...]
    routes: tuple[RoutePlan, ...]


@dataclass(frozen=True, slots=True)
class Plan:
    """All of a site's routes. `hash` is over every source, tables included.

    origin: what it was compiled from; None only for plans that were put together by hand.
    """

    hash: str
    feeds: Mapping[str, FeedPlan]
    routes: tuple[str, ...] = ()
    tables: Mapping[str, Table] = field(default_factory=dict)
    origin: Origin | None = None
