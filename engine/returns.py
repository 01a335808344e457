"""Proposals for what came back: the journal's word of the patient, the site's directories, and the rule.

Knows how the two are read; the rule is the pure `routes.flow.suggesting`. Must not know how a proposal is
shown, and decides nothing.
"""

from __future__ import annotations

import time
from collections.abc import Sequence

from engine.journal.returns import ReturnedFound
from engine.site.model import Site
from routes.flow.suggesting import Suggestion, registered_practices, suggest

__all__ = ["propose"]


def propose(site: Site, found: ReturnedFound, patient: Sequence[tuple[int, str, bytes]]) -> Suggestion:
    """Where this copy may go instead. patient: what `bodies_of_patient` read."""
    channel = site.channels.get(found.channel)
    directory = site.plan.tables.get(channel.directory) if channel and channel.directory else None
    registered = [
        (_told(id_, found.message), registered_practices(body, _charset(site, feed)))
        for id_, feed, body in patient
    ]
    day = time.strftime("%Y-%m-%d", time.gmtime())
    return suggest(found.address, found.why, [one for one in registered if one[1]], directory, day)


def _told(id_: int, own: int) -> str:
    return "the message itself" if id_ == own else f"the later message {id_}"


def _charset(site: Site, feed: str) -> str:
    return site.feeds[feed].charset if feed in site.feeds else "utf-8"
