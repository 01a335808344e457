"""What people call the feeds and practices of a site, for pages that are read by those who know no codes.

Taken from the files as they are now: a feed's `about`, and the column `name` of a channel's directory. Where
the site cannot be loaded, codes must do. Must not know what is reported.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path

from engine.site.loading import load_site

__all__ = ["NO_NAMES", "Names", "names_of"]

COLUMN = "name"


@dataclass(frozen=True, slots=True)
class Names:
    """feeds: what each feed is, by its name. practices: for each channel, names by address."""

    feeds: Mapping[str, str] = field(default_factory=dict)
    practices: Mapping[str, Mapping[str, str]] = field(default_factory=dict)

    def of_feed(self, feed: str) -> str:
        """What the feed is, or ""."""
        return self.feeds.get(feed, "")

    def of_practice(self, channel: str, address: str) -> str:
        """What the practice is called, or ""."""
        return self.practices.get(channel, {}).get(address, "")


NO_NAMES = Names()


def names_of(site: Path, environment: str) -> Names:
    """The names that the site's files give."""
    loaded, _problems = load_site(site, environment)
    origin = loaded.plan.origin if loaded is not None else None
    if origin is None:
        return NO_NAMES
    tables: dict[str, Mapping[str, str]] = {}
    for name in {channel.directory for channel in origin.channels.values()}:
        table = origin.files.tables.get(name)
        place = None if table is None else table.column(COLUMN)
        if table is not None and place is not None:
            tables[name] = {row[0]: row[place] for row in table.rows()}
    feeds = {feed.name: feed.about for feed in origin.feeds.values()}
    return Names(feeds, {each.name: tables.get(each.directory, {}) for each in origin.channels.values()})
