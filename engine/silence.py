"""Silence and floods: each minute, whether a feed is quiet that usually speaks, and an address gets too much.

Looks at the journal with a reading connection of its own, in a thread, so that neither intake nor the loop
pays for it; where nothing is expected or limited it does not look at all. One line of the log when trouble
starts, one when it ends. Must not know why a feed is silent, nor hold anything back.
"""

from __future__ import annotations

import asyncio
import contextlib
import sqlite3
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path
from zoneinfo import ZoneInfo

from engine.journal.recent import Recent, Seen
from engine.observe.log import get_log
from engine.rates import MINUTE, Counts, Quiet, rate_at
from engine.site.model import Feed, Flood, Site

__all__ = ["Silence", "Watch"]

GRACE = 5 * MINUTE
"""After a start senders have so long to come back before one is called silent."""
EVERY = 60.0
Alarm = Mapping[str, object]
log = get_log()


@dataclass(slots=True)
class Watch:
    """What was seen until now, and which alarms stand. Told what the journal says; asks no clock."""

    started: int
    feeds: dict[str, Quiet] = field(default_factory=dict)
    counts: dict[tuple[str, str], Counts] = field(default_factory=dict)

    def look(self, site: Site, seen: Seen, now: int) -> None:
        """Take in what came since the last look, and tell of what has begun and what has ended."""
        self._silence(site, seen.newest, now)
        self._floods(site, seen, now)

    def alarms(self, site: Site, now: int) -> Iterator[Alarm]:
        """The alarms that stand, in words."""
        for name, quiet in self.feeds.items():
            feed = site.feeds.get(name)
            if quiet.silent and feed is not None and feed.expect is not None:
                yield {"what": "feed.silent", "feed": name, "since": _iso(quiet.last),
                       "words": _silence_words(site, feed, quiet, now)}  # fmt: skip
        for (channel, address), counts in self.counts.items():
            limit = _limit(site, channel)
            if counts.since and limit is not None:
                words = (
                    f"{address or channel} got {counts.within(limit, now):,} copies by {channel} within"
                    f" {_span(limit)}; {limit.count:,} are the limit"
                )
                yield {"what": "channel.flood", "channel": channel, "address": address,
                       "since": _iso(counts.since), "words": words}  # fmt: skip

    def _silence(self, site: Site, newest: Mapping[str, int], now: int) -> None:
        watched = {
            name: feed for name, feed in site.feeds.items() if feed.expect is not None and not feed.retired
        }
        for name in self.feeds.keys() - watched.keys():
            if self.feeds.pop(name).silent:
                log.warning("feed.speaks_again", feed=name, why="it is no longer expected to")
        for name, feed in watched.items():
            if feed.expect is None:
                continue
            came = newest.get(name, 0)
            quiet = self.feeds.get(name)
            if quiet is None:
                first = came or self.started
                quiet = self.feeds[name] = Quiet(first, first, bool(came))
            before = quiet.last
            zone = _zone(site, feed)
            quiet.look(feed.expect, zone, came, now)
            if quiet.silent and quiet.last > before:
                quiet.silent = False
                log.warning("feed.speaks_again", feed=name, silent_for_s=(quiet.last - before) // 1_000_000)
            usual = rate_at(feed.expect, zone, now)
            if not quiet.silent and quiet.enough and usual and now - self.started >= GRACE:
                quiet.silent = True
                log.warning(
                    "feed.silent",
                    feed=name, since=_iso(quiet.last), usual_an_hour=usual, missing=round(quiet.missing),
                )  # fmt: skip

    def _floods(self, site: Site, seen: Seen, now: int) -> None:
        for channel, address, minute, count in seen.made:
            if _limit(site, channel) is not None:
                self.counts.setdefault((channel, address), Counts()).add(minute, count)
        for (channel, address), counts in list(self.counts.items()):
            limit = _limit(site, channel)
            number = 0 if limit is None else counts.within(limit, now)
            if limit is not None and number >= limit.count and not counts.since:
                counts.since = now
                log.warning(
                    "channel.flood",
                    channel=channel, address=address, copies=number, within=_span(limit), limit=limit.count,
                )  # fmt: skip
            elif counts.since and (limit is None or number * 2 < limit.count):
                log.warning("channel.flood_over", channel=channel, address=address, copies=number)
                counts.since = 0
            if limit is None or not counts.minutes:
                del self.counts[channel, address]


class Silence:
    """The part of the engine that looks each minute."""

    def __init__(self, data: Path, site: Callable[[], Site], *, now: Callable[[], float] = time.time) -> None:
        """site: the configuration in force. now: seconds since 1970."""
        self._site = site
        self._now = now
        self._recent = Recent(data)
        self._watch = Watch(self._moment())
        self._troubled = False
        self._stop = asyncio.Event()

    def start(self) -> asyncio.Task[None]:
        """Begin to look. The task ends only where it is stopped, or fails."""
        self.task = asyncio.create_task(self._run(), name="silence")
        return self.task

    async def stop(self) -> None:
        """Look no more; a look in hand is finished, since its thread cannot be stopped."""
        self._stop.set()
        await asyncio.wait([self.task])
        self._recent.close()

    def alarms(self) -> Sequence[Alarm]:
        """The alarms that stand, for `gatepost status`."""
        return list(self._watch.alarms(self._site(), self._moment()))

    async def look(self) -> None:
        """Look once."""
        site = self._site()
        if not _watched(site) and not self._watch.feeds and not self._watch.counts:
            return
        try:
            seen = await asyncio.to_thread(self._recent.read)
        except sqlite3.Error as why:
            if not self._troubled:
                log.error("engine.trouble", failure=type(why).__name__, why="silence and floods are not seen")
            self._troubled = True
            return
        self._troubled = False
        self._watch.look(site, seen, self._moment())

    async def _run(self) -> None:
        while not self._stop.is_set():
            await self.look()
            with contextlib.suppress(TimeoutError):  # the usual case: nobody has stopped it in this minute
                async with asyncio.timeout(EVERY):
                    await self._stop.wait()

    def _moment(self) -> int:
        return int(self._now() * 1_000_000)


def _watched(site: Site) -> bool:
    return any(feed.expect for feed in site.feeds.values()) or any(
        channel.flood for channel in site.channels.values()
    )


def _limit(site: Site, channel: str) -> Flood | None:
    settings = site.channels.get(channel)
    return None if settings is None else settings.flood


def _zone(site: Site, feed: Feed) -> ZoneInfo:
    return ZoneInfo(feed.timezone or site.timezone)


def _silence_words(site: Site, feed: Feed, quiet: Quiet, now: int) -> str:
    zone = _zone(site, feed)
    usual = rate_at(feed.expect, zone, now) if feed.expect is not None else 0.0
    last, today = (datetime.fromtimestamp(moment / 1e6, zone) for moment in (quiet.last, now))
    since = last.strftime("%H:%M" if last.date() == today.date() else "%Y-%m-%d %H:%M")
    at = (
        f"usually sends {usual:g} an hour at this time and"
        if usual
        else f"({quiet.missing:.0f} were expected)"
    )
    start = "" if quiet.heard else ", when the engine began to look"
    return f"{feed.name} {at} has sent none since {since}{start}"


def _span(limit: Flood) -> str:
    return f"{limit.minutes // 60}h" if limit.minutes % 60 == 0 else f"{limit.minutes}m"


def _iso(moment: int) -> str:
    return datetime.fromtimestamp(moment / 1e6, UTC).isoformat(timespec="seconds")
