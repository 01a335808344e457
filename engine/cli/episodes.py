"""The retries of a copy as one line of its journey: how often, until when, and what each of them came to.

A practice that is down for a day is tried some hundred times; whoever looks for its message must see the rest
of the journey, too. Knows events as the journal tells them, and nothing of how they are drawn.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

from engine.cli.journal_view import clock_time

if TYPE_CHECKING:
    from engine.journal.answers import EventShown

__all__ = ["told_in_episodes"]

RESTS = ("waiting", "queued")


@dataclass(slots=True)
class _Episode:
    """Attempts of one copy, one after the other, of which none came to an end."""

    first: int  # the place of the event that the first attempt left behind
    last: int
    times: int = 1


def told_in_episodes(events: Sequence[EventShown]) -> list[tuple[EventShown, str]]:
    """The events that are told, each with its detail. Of an attempt that is repeated, the first stands for
    all: its detail says how often it was made, until when, and what came of the last."""
    hidden: set[int] = set()
    before: dict[int, int] = {}  # by copy: where its last event stands
    open_: dict[int, _Episode] = {}
    episodes: dict[int, _Episode] = {}
    for place, event in enumerate(events):
        copy = event.delivery
        if not copy:
            continue
        sent = before.get(copy)
        before[copy] = place
        if event.kind == "sending":
            continue  # of an attempt; the next event says what came of it
        episode = open_.pop(copy, None)
        if sent is None or events[sent].kind != "sending" or event.kind not in RESTS or not event.detail:
            continue
        if episode is None:
            episode = _Episode(place, place)
        else:
            hidden |= {sent, place}
            episode.last, episode.times = place, episode.times + 1
        open_[copy] = episodes[episode.first] = episode
    return [
        (event, _detail(event, episodes.get(place), events))
        for place, event in enumerate(events)
        if place not in hidden
    ]


def _detail(event: EventShown, episode: _Episode | None, events: Sequence[EventShown]) -> str:
    detail = event.detail or ""
    if episode is None or episode.times == 1:
        return detail
    last = events[episode.last]
    told = f"{detail}; {episode.times:,} times until {clock_time(last.at)}"
    return told if last.detail == event.detail else f"{told}, at last: {last.detail}"
