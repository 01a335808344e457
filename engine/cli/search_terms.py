"""Looks at what a search was asked for: names that nobody has, and numbers that cannot be right.

A slip of the fingers must not look like "no such message". Knows the site and the journal's counters;
must not know how messages are found or shown.
"""

from __future__ import annotations

import itertools
from pathlib import Path
from typing import TYPE_CHECKING

import click

from engine.journal.reading import JournalReader

if TYPE_CHECKING:
    from engine.site.model import Site

__all__ = ["SearchTerms"]


class SearchTerms:
    """What may be searched for in one site and its journal. The site is read only where it is needed."""

    def __init__(self, site: Path, environment: str, journal: JournalReader) -> None:
        self._folder = site
        self._environment = environment
        self._journal = journal

    def check(self, feed: str, channel: str) -> None:
        """Raises click.UsageError for a feed or channel that is in neither the site nor the journal."""
        seen = {(scope, name) for scope, name, _ in self._journal.tallies()} if feed or channel else set()
        for what, name in (("feed", feed), ("channel", channel)):
            if not name or (what, name) in seen:
                continue
            site = self._site()
            known = {known for scope, known in seen if scope == what}
            if site is not None:
                known |= set(site.feeds if what == "feed" else site.channels)
            if name not in known:
                from routes.language.nearest import did_you_mean

                where = "of this site" if site is not None else "that the journal has seen"
                hint = did_you_mean(name, known, allowed_words="there are")
                raise click.UsageError(f'"{name}" is not a {what} {where}{hint}')

    def remarks(self, nhs: str, practice: str) -> list[str]:
        """What may explain that nothing was found: these are searched for all the same."""
        # A search that finds something does without these.
        from routes.hl7.formats import is_nhs_number
        from routes.language.nearest import did_you_mean

        found = []
        if nhs and not is_nhs_number(nhs.replace(" ", "")):
            found.append(f'"{nhs}" is not a valid NHS number: ten digits with a check digit.')
        site = self._site() if practice else None
        if site is not None:
            tables = site.plan.tables
            names = {channel.directory for channel in site.channels.values()} & set(tables)
            if names and not any(tables[name].has(practice) for name in names):
                keys = itertools.chain.from_iterable(tables[name].keys() for name in sorted(names))
                hint = did_you_mean(practice, keys, allowed_words="for example")
                found.append(f'"{practice}" is in no directory of this site{hint}')
        return found

    def _site(self) -> Site | None:
        """The site; None where there is none or it has problems: a journal may be read without it."""
        from engine.site.loading import load_site  # takes longer than most searches

        return load_site(self._folder, self._environment)[0]
