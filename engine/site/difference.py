"""What differs between two loads of one site, and what the engine has to do about it. Pure: no I/O.

A feed's socket stays open wherever its own settings allow it, a channel's connections likewise. Must not
know how any of it is done, nor what is under way in the engine at this moment.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field, fields, replace
from typing import Literal

from engine.site.brokers import same_cluster
from engine.site.model import Address, ChannelSettings, Feed, Limits, Site, Tls

__all__ = ["ChannelAction", "Difference", "FeedAction", "difference", "place_of", "shown_address"]

FeedAction = Literal[
    "open",  # it begins to listen
    "close",  # it listens no more; its connections end when they are answered
    "reopen",  # its connections end when they are answered, and new ones have the new terms
    "renew",  # whoever connects from now on sees the new certificate; connections stay
    "retune",  # its frames are treated otherwise; connections stay
]
ChannelAction = Literal["add", "remove", "change"]

AT_THE_SOCKET = (
    "kind", "listen", "queue", "senders", "tls", "max_frame", "max_connections", "idle_timeout",
    "frame_timeout",
)  # fmt: skip
"""Settings of a feed that its connections were opened with. All others are asked for each frame."""


@dataclass(frozen=True, slots=True)
class Difference:
    """What to do, by name; what is unchanged does not appear.

    restart: sentences about what cannot be changed while the engine runs; empty where nothing is. gone_feeds,
    gone_channels, gone_trays: names that the new site does not have any more. mailboxes: channels that became
    the broker's mailboxes, or were. credentials: only users, passwords or some nodes of the broker changed.
    changes: what differs, one line each, for people.
    """

    restart: tuple[str, ...] = ()
    feeds: Mapping[str, FeedAction] = field(default_factory=dict)
    channels: Mapping[str, ChannelAction] = field(default_factory=dict)
    gone_feeds: tuple[str, ...] = ()
    gone_channels: tuple[str, ...] = ()
    gone_trays: tuple[str, ...] = ()
    mailboxes: tuple[str, ...] = ()
    credentials: bool = False
    changes: tuple[str, ...] = ()

    @property
    def takes_away(self) -> bool:
        """True where work under way may depend on what the new site does not have any more."""
        return bool(self.gone_feeds or self.gone_channels or self.gone_trays or self.mailboxes)

    @property
    def nothing(self) -> bool:
        """True where the two sites are the same."""
        return not (self.restart or self.changes)


def difference(old: Site, new: Site) -> Difference:
    """What the engine must do to go from one site to the other."""
    restart = tuple(_restarts(old, new))
    credentials = old.brokers != new.brokers and same_cluster(old.brokers, new.brokers)
    feeds = dict(_feed_actions(old.feeds, new.feeds))
    channels = dict(_channel_actions(old.channels, new.channels))
    trays = _trays(old) - _trays(new)
    changes = [
        *_feed_changes(feeds, old.feeds, new.feeds),
        *_channel_changes(channels, old.channels, new.channels),
        *_setting_changes(old, new),
        *_file_changes(old.sources, new.sources),
        *(f"tray {name}: no longer listed" for name in sorted(trays)),
        *(("broker: other credentials or nodes, used when it connects again",) if credentials else ()),
    ]
    if not changes and old.hash != new.hash:
        changes.append("only comments, descriptions or the order of things")
    return Difference(
        restart,
        feeds,
        channels,
        tuple(sorted(old.feeds.keys() - new.feeds.keys())),
        tuple(sorted(old.channels.keys() - new.channels.keys())),
        tuple(sorted(trays)),
        tuple(sorted(_moved_mailboxes(old.channels, new.channels))),
        credentials,
        tuple(changes),
    )


def shown_address(address: Address) -> str:
    """host:port, as it is written in feeds.yaml."""
    host, port = address
    return f"[{host}]:{port}" if ":" in host else f"{host}:{port}"


def place_of(feed: Feed) -> str:
    """Where its messages come in."""
    return f"the queue {feed.queue}" if feed.queue else shown_address(feed.listen)


# -- what needs a restart -------------------------------------------------------------------------------


def _restarts(old: Site, new: Site) -> Iterator[str]:
    if old.data != new.data:
        yield (
            f"the data folder was changed from {old.data} to {new.data}: the journal lies there, and moves "
            "only while the engine is stopped. Restart the engine, or put the old folder back"
        )
    if old.brokers != new.brokers and not same_cluster(old.brokers, new.brokers):
        yield (
            f"the broker was changed from {old.broker_shown} to {new.broker_shown}: deliveries under way are "
            "on the old one. Restart the engine, or put the old broker back"
        )


# -- feeds ----------------------------------------------------------------------------------------------


def _feed_actions(old: Mapping[str, Feed], new: Mapping[str, Feed]) -> Iterator[tuple[str, FeedAction]]:
    for name in dict.fromkeys((*old, *new)):
        action = _feed_action(old.get(name), new.get(name))
        if action is not None:
            yield name, action


def _feed_action(old: Feed | None, new: Feed | None) -> FeedAction | None:
    if old is None or old.retired:
        return "open" if new is not None and not new.retired else None
    if new is None or new.retired:
        return "close"
    if old == new:
        return None
    if old.tls is not None and new.tls is not None and _only_renewed(old.tls, new.tls):
        if any(getattr(old, key) != getattr(new, key) for key in AT_THE_SOCKET if key != "tls"):
            return "reopen"
        return "renew"
    return "reopen" if any(getattr(old, key) != getattr(new, key) for key in AT_THE_SOCKET) else "retune"


def _only_renewed(old: Tls, new: Tls) -> bool:
    return old != new and replace(old, fingerprint="") == replace(new, fingerprint="")


def _feed_changes(
    actions: Mapping[str, FeedAction], old: Mapping[str, Feed], new: Mapping[str, Feed]
) -> Iterator[str]:
    for name in dict.fromkeys((*old, *new)):
        action = actions.get(name)
        if action == "open":
            verb = "takes messages from" if new[name].queue else "listens at"
            yield f"feed {name}: {verb} {place_of(new[name])}"
        elif action == "close":
            verb = "takes no more from its queue" if old[name].queue else "listens no more"
            yield f"feed {name}: {'retired' if name in new else 'removed'}, {verb}"
        elif action == "renew":
            yield f"feed {name}: TLS files renewed, for new connections"
        elif action is not None:
            tail = "its connections are opened anew" if action == "reopen" else "its connections stay open"
            if new[name].queue:
                tail = f"it takes messages from {place_of(new[name])}"
            yield f"feed {name}: {_keys(old[name], new[name])} changed; {tail}"
        elif old.get(name) != new.get(name):
            yield f"feed {name}: changed while retired"


# -- channels -------------------------------------------------------------------------------------------


def _channel_actions(
    old: Mapping[str, ChannelSettings], new: Mapping[str, ChannelSettings]
) -> Iterator[tuple[str, ChannelAction]]:
    for name in dict.fromkeys((*old, *new)):
        if name not in new:
            yield name, "remove"
        elif name not in old:
            yield name, "add"
        elif old[name] != new[name]:
            yield name, "change"


def _moved_mailboxes(old: Mapping[str, ChannelSettings], new: Mapping[str, ChannelSettings]) -> Iterator[str]:
    """A queue on the broker is made for one of the two uses, and cannot be turned into the other."""
    for name in old.keys() & new.keys():
        kinds = {old[name].kind, new[name].kind}
        if len(kinds) == 2 and "amqp" in kinds:
            yield name


def _channel_changes(
    actions: Mapping[str, ChannelAction],
    old: Mapping[str, ChannelSettings],
    new: Mapping[str, ChannelSettings],
) -> Iterator[str]:
    for name, action in actions.items():
        if action == "add":
            yield f"channel {name}: new, of kind {new[name].kind}"
        elif action == "remove":
            yield f"channel {name}: removed"
        else:
            yield f"channel {name}: {_keys(old[name], new[name])} changed"


# -- everything else ------------------------------------------------------------------------------------


def _trays(site: Site) -> set[str]:
    return set(site.plan.origin.settings.trays) if site.plan.origin is not None else set()


def _setting_changes(old: Site, new: Site) -> Iterator[str]:
    if old.name != new.name:
        yield f"site: now called {new.name}"
    if old.limits != new.limits:
        yield f"limits: {_keys(old.limits, new.limits)} changed"


def _file_changes(old: Mapping[str, str], new: Mapping[str, str]) -> Iterator[str]:
    for name in sorted({*old, *new}):
        if name in ("feeds.yaml", "channels.yaml"):
            continue  # told feed by feed and channel by channel
        if name not in new:
            yield f"{name}: removed"
        elif name not in old:
            yield f"{name}: new"
        elif old[name] != new[name]:
            yield f"{name}: changed"


def _keys(old: Feed | ChannelSettings | Limits, new: Feed | ChannelSettings | Limits) -> str:
    """The names of the settings that differ, as "listen, tls"."""
    return ", ".join(f.name for f in fields(old) if getattr(old, f.name) != getattr(new, f.name))
