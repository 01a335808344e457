"""What a held message would become, were it released: under which site, with which earlier recipients.

Looks up what `decide_again` must know: the configuration as it was or as it is now, the places that a person
answered for before, the copies that the message has made. Changes nothing.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace

from engine.earlier import Earlier, recipients
from engine.journal import configs, stuck
from engine.journal.earlier import read_known
from engine.journal.sqlite import SqliteJournal
from engine.journal.stuck import HeldFound
from engine.releasing import WHOLE, Before, Made, Outcome, decide_again, entry_at
from engine.repair_questions import Asked
from engine.site.loading import load_kept
from engine.site.model import Site

__all__ = ["Redeciding"]


class Redeciding:
    """Decides held messages again. site: the configuration in force."""

    def __init__(self, journal: SqliteJournal, site: Callable[[], Site]) -> None:
        self._journal = journal
        self._site = site
        self._then: tuple[str, Site] | None = None  # the last configuration that was compiled again

    async def decide(self, asked: Asked, held: HeldFound) -> Outcome:
        """What its release would make of it, or why it cannot be released."""
        if held.entry and not held.where:
            return Outcome(why_not="a deadline held it, not a route: redirect its copy, or discard it")
        site = now = self._site()
        same = held.config == now.hash
        if asked.as_then and not same:
            found = await self._kept(held.config)
            if isinstance(found, str):
                return Outcome(why_not=found)
            site = found
        edited = frozenset[str]() if same or asked.as_then else await self._edited(held.config)
        before = Before(frozenset((held.where,)), made=await self._made(held.message))
        answered = [held, *(await self._journal.look(stuck.released_of, held.message))]
        answered = [one for one in answered if one.id == held.id or one.route in ("", held.route)]
        before = replace(
            before,
            places=frozenset(one.where for one in answered if one.where and _file(one) not in edited),
            moved=frozenset((_file(one), one.tray, one.reason) for one in answered if _file(one) in edited),
        )
        if held.entry:
            moved = _file(held) in edited
            whole = held.tray in WHOLE
            entry = -1 if whole else await self._entry(site, held, moved=moved)
            if (moved and whole) or (entry < 0 and not whole):
                return Outcome(
                    why_not=f"{_file(held)} was edited since, and its send entries cannot be told apart any"
                    " more: release it as it was then (--as-then), or discard it"
                )
            before = replace(before, entry=entry)
        config = held.config if asked.as_then else now.hash
        told: Earlier = read_known(held.known) if asked.as_then else {}
        outcome = decide_again(site, config, held, replace(before, earlier=told), asked.answer, asked.by.at)
        unknown = [one for one in outcome.asked if one not in told]
        if not unknown:
            return outcome
        earlier = await self._journal.earlier_copies({digest for _, digest in unknown}, held.message)
        told = {**told, **recipients(unknown, earlier)}
        return decide_again(site, config, held, replace(before, earlier=told), asked.answer, asked.by.at)

    async def _entry(self, site: Site, held: HeldFound, *, moved: bool) -> int:
        """Which send entry held it. Where its file was edited, the one in the same place among as many."""
        number = _entry_of(site, held)
        if not moved:
            return number[0]
        then = await self._kept(held.config)
        if isinstance(then, str):
            return -1
        before = _entry_of(then, held)
        return before[0] if before[1] == number[1] else -1

    async def _edited(self, config: str) -> frozenset[str]:
        """The files that are not any more what they were under a configuration; every one, where that was
        not kept."""
        now = self._site().sources
        then = await self._journal.look(configs.read_digests, config)
        return frozenset(path for path, text in now.items() if then.get(path) != configs.digest_of(text))

    async def _kept(self, config: str) -> Site | str:
        """The site as it was, or why it cannot be had."""
        if self._then is not None and self._then[0] == config:
            return self._then[1]
        sources = await self._journal.look(configs.read_sources, config)
        if not sources:
            return (
                f"the configuration {config[:12]} that decided it was not kept: release it as the site is now"
            )
        site, problems = load_kept(self._site().folder, sources)
        if site is None:
            return f"the site as it was then ({config[:12]}) cannot be had any more: {problems[0].message}"
        self._then = (config, site)
        return site

    async def _made(self, message: int) -> tuple[Made, ...]:
        return tuple(Made(*row) for row in await self._journal.look(stuck.sent_before, message))


def _entry_of(site: Site, held: HeldFound) -> tuple[int, int]:
    """Which send entry of its route held it, and how many there are; (-1, 0) where the route is gone."""
    feed = site.plan.feeds.get(held.feed)
    if feed is None:
        return -1, 0
    own = next((route for route in feed.routes if route.name == held.route), feed.passed.get(held.route))
    return (-1, 0) if own is None else (entry_at(own, held.where), len(own.sends))


def _file(held: HeldFound) -> str:
    return held.where.partition(":")[0]
