"""What a plan needs to know of the site around the routes: frozen facts, filled in by whoever read them.

No addresses, ports or secrets: a route never sees one.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Literal

from routes.flow.delivery import Policy
from routes.language.problems import Spot
from routes.language.source import Node

__all__ = ["ChannelFacts", "FeedFacts", "PluginFacts", "SiteFacts", "TrayFacts"]

_NOWHERE = Spot("")
_USUAL = Policy()


@dataclass(frozen=True, slots=True)
class FeedFacts:
    """One inbound feed. `spot` is where feeds.yaml names it; `timezone` is an IANA name or "". queue: where
    it takes its messages from, or "" where senders connect to it.

    retired: it takes no more messages; those that wait are still decided.
    reject_as, answers, on_count_mismatch: as feeds.yaml says it; a decision does not ask, tests of routes do.
    about: what it is in plain words, for explanations, or "".
    answers_for: the channels whose recipients reply by it, each with its place.
    """

    name: str
    spot: Spot = _NOWHERE
    dialect: str = ""
    guards: tuple[str, ...] = ()
    acknowledge: Literal["when_stored", "when_routed"] = "when_stored"
    charset: str = "utf-8"
    segment_ends: Literal["cr", "any"] = "cr"
    timezone: str = ""
    dialect_spot: Spot | None = None
    guards_spot: Spot | None = None
    retired: bool = False
    reject_as: Literal["AE", "AR"] = "AE"
    answers: Literal["as_asked", "always"] = "as_asked"
    on_count_mismatch: Literal["hold_all", "accept"] = "hold_all"
    about: str = ""
    answers_for: tuple[tuple[str, Spot], ...] = ()
    queue: str = ""


@dataclass(frozen=True, slots=True)
class ChannelFacts:
    """One outbound channel. `directory` is the table whose keys are its addresses, or "".

    retired: no route may send there any more; copies that wait are still delivered.
    policy: its rules for retries and replies, by which tests of routes play its deliveries.
    unread: whether it has a directory could not be read; a problem says so.
    about: what it is in plain words, for explanations, or "".
    """

    name: str
    spot: Spot = _NOWHERE
    kind: str = ""
    directory: str = ""
    directory_spot: Spot | None = None
    retired: bool = False
    policy: Policy = _USUAL
    unread: bool = False
    about: str = ""


@dataclass(frozen=True, slots=True)
class TrayFacts:
    """A tray that the site file lists. One that is not listed is open to every operator."""

    name: str
    spot: Spot = _NOWHERE
    owner: str = ""
    open_to: tuple[str, ...] = ()
    retired: bool = False


@dataclass(frozen=True, slots=True)
class PluginFacts:
    """A plugin step that the site allows and that is installed.

    name: as the site and its routes write it, with the version that they ask for. version, hash: what is
    installed. sentence: its own, for explanations. run: takes a message's text and plain settings, gives the
    changed text, or None where the plugin failed.
    """

    name: str
    version: str
    hash: str
    sentence: str
    run: Callable[[str, Mapping[str, str]], str | None]


@dataclass(frozen=True, slots=True)
class SiteFacts:
    """What stands in gatepost.yaml for all routes.

    hours and patterns: the YAML nodes of these keys, by name; the plan reads and checks them.
    guards: names of guards for every feed, with their places.
    plugins: the plugin steps that the site allows, by `package.name@version`.
    live: whether it is in live use: then synthetic NHS numbers are not valid.
    """

    hours: Mapping[str, Node] = field(default_factory=dict)
    patterns: Mapping[str, Node] = field(default_factory=dict)
    trays: Mapping[str, TrayFacts] = field(default_factory=dict)
    guards: tuple[str, ...] = ()
    guards_spot: Spot | None = None
    plugins: Mapping[str, PluginFacts] = field(default_factory=dict)
    live: bool = False
