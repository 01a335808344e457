"""When two patients become one: marks what is held or on its way of the prior one, and has it found by both.

Nothing is rewritten: the messages stay as they came. Knows the tables, and of a merge only search keys.
"""

from __future__ import annotations

import sqlite3
from collections.abc import Mapping

from engine.journal.arrivals import readable
from engine.journal.entries import Entries
from engine.journal.records import MergedKeys

__all__ = ["mark_merged"]

_MOST = 1000  # messages that one key of a merge may mark

# Open deliveries, and parked ones: those for which a person may still do something.
_OPEN = (
    "SELECT k.message FROM key k CROSS JOIN message m ON m.id=k.message WHERE k.kind=? AND k.value=?"
    " AND k.message<? AND (? OR m.feed=?)"
    " AND (EXISTS (SELECT 1 FROM held h WHERE h.message=m.id AND h.state='held')"
    " OR EXISTS (SELECT 1 FROM delivery d WHERE d.message=m.id AND (d.closed IS NULL OR d.state='parked')))"
    " ORDER BY k.message LIMIT ?"
)


def mark_merged(
    connection: sqlite3.Connection,
    entries: Entries,
    by: tuple[int, str, int],
    merges: tuple[MergedKeys, ...],
    feeds: Mapping[int, str],
) -> None:
    """Mark the messages of prior patients, with an event each, and add the surviving patients' keys to them.

    by: the message that says so, its feed, and when it was decided. feeds: those of messages that this very
    commit decides, whose keys are not in the tables yet. An NHS number means the same patient everywhere; any
    other identifier only within one feed.
    """
    message, feed, at = by
    pending = list(entries.rows["key"])
    marked: set[int] = set()
    for prior, surviving in merges:
        found: set[int] = set()
        for kind, text in prior:
            value, anywhere = readable(text), kind == "nhs_number"
            rows = connection.execute(_OPEN, (kind, value, message, anywhere, feed, _MOST))
            found.update([id_ for (id_,) in rows])
            found.update(
                [
                    id_
                    for its_kind, its_value, id_ in pending
                    if (its_kind, its_value) == (kind, value)
                    and id_ < message
                    and (anywhere or feeds.get(id_) == feed)
                ]
            )
        for id_ in sorted(found):
            if id_ not in marked:
                entries.event(id_, 0, "patient_merged", at, None, f"by message {message}")
            entries.rows["key"] += [(kind, readable(value), id_) for kind, value in surviving]
        marked |= found
