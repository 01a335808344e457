"""Reads who was sent an earlier version of a message, and keeps what a decision was told of it.

Versions share a search key of kind `same`, a digest that says nothing of their content. Knows nothing of why
somebody asks.
"""

from __future__ import annotations

import json
import sqlite3
from collections import defaultdict
from collections.abc import Collection, Mapping
from dataclasses import dataclass

__all__ = ["SAME", "EarlierCopy", "earlier_copies", "known_text", "read_known"]

SAME = "same"
"""The kind of these search keys."""

_MOST = 2000  # rows of one answer: whoever gets so many knows that the digest tells nothing apart
# A copy that a person took back, or that the recipient refused, was not sent; one that may have arrived was.
_COPIES = (
    "SELECT k.value, d.route, d.also, d.channel, d.address FROM key k"
    " CROSS JOIN delivery d ON d.message=k.message"
    " WHERE k.kind=? AND k.value IN (SELECT value FROM json_each(?)) AND k.message<?"
    " AND (d.state NOT IN ('withdrawn', 'discarded', 'refused_by_recipient')"
    " OR (d.state<>'refused_by_recipient' AND d.in_doubt=1))"
    " GROUP BY 1, 2, 3, 4, 5 ORDER BY min(d.id) LIMIT ?"
)

Asked = tuple[str, str]  # a route, and a digest
Places = tuple[tuple[str, str], ...]  # channel, address


@dataclass(frozen=True, slots=True)
class EarlierCopy:
    """One copy of an earlier version. routes: which sent it, the one that it is counted for first."""

    routes: tuple[str, ...]
    channel: str
    address: str


def earlier_copies(
    connection: sqlite3.Connection, digests: Collection[str], before: int
) -> dict[str, list[EarlierCopy]]:
    """The copies of messages older than `before` (a message's id), by digest, oldest first."""
    rows = connection.execute(_COPIES, (SAME, json.dumps(sorted(digests)), before, _MOST))
    found: defaultdict[str, list[EarlierCopy]] = defaultdict(list)
    for digest, route, also, channel, address in rows:
        found[digest].append(EarlierCopy((route, *also.split()), channel, address))
    return found


def known_text(earlier: Mapping[Asked, Places]) -> str:
    """What a decision was told, to be kept with it; "" where it asked nothing."""
    return json.dumps([[*asked, places] for asked, places in earlier.items()]) if earlier else ""


def read_known(text: str) -> dict[Asked, Places]:
    """What `known_text` kept."""
    return {
        (route, digest): tuple([(channel, address) for channel, address in places])
        for route, digest, places in json.loads(text or "[]")
    }
