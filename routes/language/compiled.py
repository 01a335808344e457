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
from routes.flow.splitting import Parting
from routes.flow.versions import Same
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
    dialect: bool = False


@dataclass(frozen=True, slots=True)
class RoutePlan:
    """One route for the messages of one feed.

    guards, then accept (what is not true gives its verdict), then acts (checks and changes), then for each
    `split` the cut and the acts behind it, which are for each piece, then sends.
    changes: whether it may change the message, so that it needs a copy of its own. same: for each entry to
    earlier recipients, what makes an earlier message the same one.
    """

    name: str
    where: str
    guards: tuple[Act, ...]
    accept: tuple[tuple[Test, NotWanted], ...]
    acts: tuple[Act, ...]
    sends: tuple[Entry, ...]
    changes: bool
    places: Mapping[object, str]
    cuts: tuple[tuple[Parting, tuple[Act, ...]], ...] = ()
    same: tuple[Same, ...] = ()


@dataclass(frozen=True, slots=True)
class FeedPlan:
    """What happens to the messages of one feed, in order: the stages, then each route.

    passed: the routes that one of these, or one of themselves, may pass a message to.
    """

    name: str
    charset: str
    segment_ends: Literal["cr", "any"]
    timezone: str
    stages: tuple[Stage, ...]
    routes: tuple[RoutePlan, ...]
    passed: Mapping[str, RoutePlan] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Plan:
    """All of a site's routes. `hash` is over every source, tables included.

    origin: what it was compiled from; None only for plans that were put together by hand. watched: feeds
    whose closures tell a `Watch` what they do, made when a decision is first watched.
    """

    hash: str
    feeds: Mapping[str, FeedPlan]
    routes: tuple[str, ...] = ()
    tables: Mapping[str, Table] = field(default_factory=dict)
    origin: Origin | None = None
    watched: dict[str, FeedPlan] = field(init=False, default_factory=dict, compare=False, repr=False)

    @property
    def plugins(self) -> bool:
        """Whether a decision may have to wait for a plugin's process."""
        return self.origin is not None and bool(self.origin.settings.plugins)
