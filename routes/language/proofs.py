"""Proofs that can never come: an entry waits for an acknowledgement, and nothing says how one would arrive.

Looks at send entries with `if_not_acknowledged_in` and at the channels they go to; knows nothing of replies
but which channels a feed answers for. A peer on MLLP may acknowledge a second time, after CA: nobody can say
from its settings that it never does.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping

from routes.language.facts import ChannelFacts
from routes.language.problems import Problems
from routes.language.steps import FirstOf, RouteFile

__all__ = ["find_missing_proofs"]

_REMEDY = {
    "folder": "Nobody acknowledges a file. Wait for if_not_delivered_in instead",
    "amqp": "Have a feed say answers_for: [{name}], by which its practices reply",
}


def find_missing_proofs(
    routes: Iterable[RouteFile],
    channels: Mapping[str, ChannelFacts],
    answered: Collection[str],
    problems: Problems,
) -> None:
    """A warning for each entry whose fallback would always go out. answered: the channels that a feed answers
    for."""
    for route in routes:
        for said in route.sends:
            for entry in said.entries if isinstance(said, FirstOf) else (said,):
                wait = entry.fall_back
                channel = channels.get(entry.to.value)
                if wait is None or wait.proof != "acknowledged" or channel is None:
                    continue
                remedy = _REMEDY.get(channel.kind)
                if remedy and channel.name not in answered:
                    problems.add(
                        wait.spot,
                        f'Nothing acknowledges what goes to channel "{channel.name}", so "{wait.then.value}" '
                        f"would get every message too. {remedy.format(name=channel.name)}.",
                        "never-acknowledged",
                        warning=True,
                    )
