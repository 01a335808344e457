"""What still depends on something that a new site does not have any more, in words. Pure: no I/O.

Must not know how a site is swapped; it counts, and says what to do.
"""

from __future__ import annotations

from collections.abc import Collection, Iterator, Mapping

from engine.journal.records import OPEN_STATES
from engine.site.difference import Difference

__all__ = ["Tallies", "left_behind", "unfinished"]

Tallies = Mapping[tuple[str, str, str], int]
"""The journal's counters by (scope, name, state)."""


def unfinished(
    change: Difference,
    tallies: Tallies,
    unanswered: Mapping[str, int],
    held: Mapping[str, int],
    awaiting: Mapping[str, int] = {},
) -> tuple[str, ...]:
    """One sentence for each feed, channel or tray that cannot be taken away yet, with what to do.

    unanswered: frames by feed that were taken and not answered. held: parts in trays, by feed. awaiting: by
    channel, the copies whose proof is awaited and that go there where it does not come.
    """
    return (
        *_feeds(change, tallies, unanswered, held),
        *_channels(change, tallies, awaiting),
        *_trays(change, tallies),
        *_mailboxes(change, tallies),
    )


def _feeds(
    change: Difference, tallies: Tallies, unanswered: Mapping[str, int], held: Mapping[str, int]
) -> Iterator[str]:
    for name in change.gone_feeds:
        left = []
        if undecided := tallies.get(("feed", name, "waiting"), 0) + unanswered.get(name, 0):
            left.append(f"{_counted(undecided, 'message waits', 'messages wait')} for a decision")
        if held.get(name, 0):
            left.append(f"{_counted(held[name], 'part lies', 'parts lie')} in trays")
        if left:
            yield (
                f"the feed {name} cannot be removed yet: {' and '.join(left)}. Put it back with "
                "`retired: yes`: it does not listen any more, and can be removed when this is worked off"
            )


def left_behind(
    channels: Collection[str], tallies: Tallies, awaiting: Mapping[str, int]
) -> tuple[tuple[str, str], ...]:
    """The channels that a site does not have and that open work depends on, each with what depends on it."""
    names = {name for scope, name, _ in tallies if scope == "channel"} | awaiting.keys()
    found = [(name, _open_work(name, tallies, awaiting)) for name in sorted(names.difference(channels))]
    return tuple([(name, work) for name, work in found if work])


def _open_work(name: str, tallies: Tallies, awaiting: Mapping[str, int]) -> str:
    left = []
    if open_ := sum(tallies.get(("channel", name, state), 0) for state in OPEN_STATES):
        left.append(f"{_counted(open_, 'delivery', 'deliveries')} open")
    if later := awaiting.get(name, 0):
        left.append(f"{_counted(later, 'copy goes', 'copies go')} there where a proof does not come in time")
    return " and ".join(left)


def _channels(change: Difference, tallies: Tallies, awaiting: Mapping[str, int]) -> Iterator[str]:
    for name in change.gone_channels:
        if left := _open_work(name, tallies, awaiting):
            yield (
                f"the channel {name} cannot be removed yet: {left}. "
                "Put it back with `retired: yes`: what waits is delivered, and it can be removed when "
                f"{'no deadline' if awaiting.get(name) else 'none'} is open"
            )


def _trays(change: Difference, tallies: Tallies) -> Iterator[str]:
    for name in change.gone_trays:
        if left := tallies.get(("tray", name, "held"), 0):
            yield (
                f"the tray {name} cannot be removed yet: {_counted(left, 'part lies', 'parts lie')} in it, "
                "and would be open to every operator. Put it back with `retired: yes`; it can be removed "
                "when it is empty"
            )


def _mailboxes(change: Difference, tallies: Tallies) -> Iterator[str]:
    for name in change.mailboxes:
        if tallies.get(("channel", name, "made"), 0):
            yield (
                f"the channel {name} cannot change its kind to or from amqp: its queues stand on the broker, "
                "made for the kind it had. Give the new channel a name of its own, and retire this one"
            )


def _counted(number: int, one: str, many: str) -> str:
    return f"1 {one}" if number == 1 else f"{number:,} {many}"
