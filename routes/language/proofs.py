"""Answers that can never come: an entry waits for an acknowledgement, or says what follows when a copy comes
back, and nothing says how the answer would arrive.

Looks at send entries with `if_not_acknowledged_in` or `if_returned` and at the channels they go to; knows
nothing of replies but which channels a feed answers for, and what each code means to a channel. A peer on
MLLP may acknowledge a second time, after CA: nobody can say from its settings that it never does.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping

from routes.language.facts import ChannelFacts
from routes.language.problems import Problems
from routes.language.steps import FirstOf, RouteFile, SendEntry

__all__ = ["find_missing_proofs"]

_REMEDY = {
    "folder": "Nobody acknowledges a file. Wait for if_not_delivered_in instead",
    "amqp": "Have a feed say answers_for: [{name}], by which its practices reply",
}
_WAYS_BACK = {
    "folder": "Nobody sends a file back: take if_returned away",
    "amqp": "Have a feed say answers_for: [{name}], by which its practices reply",
    "mllp": "Have a feed say answers_for: [{name}], or a code of the channel's replies mean refuse; without "
    "either, if_returned sees only what was taken with CA and refused afterwards",
}


def find_missing_proofs(
    routes: Iterable[RouteFile],
    channels: Mapping[str, ChannelFacts],
    answered: Collection[str],
    problems: Problems,
) -> None:
    """A warning for each entry whose fallback would always go out, or whose `if_returned` would never act.
    answered: the channels that a feed answers for."""
    for route in routes:
        for said in route.sends:
            for entry in said.entries if isinstance(said, FirstOf) else (said,):
                channel = channels.get(entry.to.value)
                if channel is not None and channel.name not in answered:
                    _look_at_proof(entry, channel, problems)
                    _look_at_return(entry, channel, problems)


def _look_at_proof(entry: SendEntry, channel: ChannelFacts, problems: Problems) -> None:
    wait, remedy = entry.fall_back, _REMEDY.get(channel.kind)
    if wait is None or wait.proof != "acknowledged" or remedy is None:
        return
    problems.add(
        wait.spot,
        f'Nothing acknowledges what goes to channel "{channel.name}", so "{wait.then.value}" '
        f"would get every message too. {remedy.format(name=channel.name)}.",
        "never-acknowledged",
        warning=True,
    )


def _look_at_return(entry: SendEntry, channel: ChannelFacts, problems: Problems) -> None:
    """A peer on MLLP sends a copy back by a code that means refuse. Where none does, only one that commits
    first (CA) and refuses later is heard; nobody can say from its settings that it never does that."""
    rule, way = entry.if_returned, _WAYS_BACK.get(channel.kind)
    if rule is None or way is None:
        return
    if channel.kind == "mllp" and "refuse" in channel.policy.replies.values():
        return
    problems.add(
        rule.spot,
        f'Nothing says how a copy on channel "{channel.name}" would come back. '
        f"{way.format(name=channel.name)}.",
        "never-returned",
        warning=True,
    )
