"""Completes decisions that ask who was sent an earlier version: looks them up, and has them made again.

One question to the journal for a whole batch; what the messages of the batch itself send is added in their
order, since none of it is recorded yet. Knows no message and no channel.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Collection, Mapping, MutableSequence, Sequence

from engine.journal.earlier import EarlierCopy, read_known
from engine.journal.reading import JournalReader
from routes.flow.decision import Asked, Decision

__all__ = ["Earlier", "complete", "decide_knowing", "recipients"]

Earlier = Mapping[Asked, tuple[tuple[str, str], ...]]
"""For each question of a decision, the channels and addresses."""

LookUp = Callable[[Collection[str], int], Awaitable[Mapping[str, list[EarlierCopy]]]]


async def complete(
    messages: Sequence[int],
    decisions: MutableSequence[Decision],
    look_up: LookUp,
    again: Callable[[int, Earlier], Decision],
) -> Mapping[int, Earlier]:
    """Put finished decisions in the place of those that ask; what each was told, by its place.

    messages: the ids, ascending, of one batch; all older ones must be recorded. again: decides the message at
    this place once more.
    """
    digests = {digest for decision in decisions for _, digest in decision.asked}
    if not digests:
        return {}
    found = dict(await look_up(digests, messages[0]))
    told: dict[int, Earlier] = {}
    for place, decision in enumerate(decisions):
        if decision.asked:
            told[place] = recipients(decision.asked, found)
            decisions[place] = again(place, told[place])
        for digest in decision.same:
            if digest in digests:
                found.setdefault(digest, []).extend(_copies(decisions[place]))
    return told


def decide_knowing(
    message: int,
    recorded: str,
    journal: JournalReader,
    decide: Callable[[Earlier], Decision],
) -> Decision:
    """Decide a message of the journal anew, with the earlier recipients that its decision was told of; where
    it asks for others now, with those that the journal finds."""
    told: dict[Asked, tuple[tuple[str, str], ...]] = read_known(recorded)
    decision = decide(told)
    unknown = [asked for asked in decision.asked if asked not in told]
    if not unknown:
        return decision
    found = journal.earlier_copies({digest for _, digest in unknown}, message)
    return decide({**told, **recipients(unknown, found)})


def recipients(asked: Collection[Asked], found: Mapping[str, Sequence[EarlierCopy]]) -> Earlier:
    """Who was sent one of these copies by the very route that asks, each once, in order."""
    return {
        (route, digest): tuple(
            dict.fromkeys(
                [(copy.channel, copy.address) for copy in found.get(digest, ()) if route in copy.routes]
            )
        )
        for route, digest in asked
    }


def _copies(decision: Decision) -> list[EarlierCopy]:
    return [
        EarlierCopy((part.route, *copy.also), copy.channel, copy.address)
        for part in decision.routes
        for copy in part.copies
    ]
