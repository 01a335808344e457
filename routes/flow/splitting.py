"""`split`: one message into pieces, each with everything that stands before the first of them.

A piece is a message of its own that shares the source's bytes; together the pieces hold every segment.
Knows nothing of how a step is written in a file, or of what becomes of the pieces.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence

from routes.hl7.message import Message
from routes.hl7.path import CompiledPath

__all__ = ["Cut", "cut_by"]

Cut = Callable[[Message], Sequence[Message]]
"""The pieces of a message in order; the message itself, alone, where there is nothing to part."""

_ORDER = {"OBR": "ORC"}  # what belongs to the segment that follows it


def cut_by(segment: str, keep_together: CompiledPath | None, number: CompiledPath | None) -> Cut:
    """Cuts at each of a segment.

    keep_together: groups with an equal value there stay in one piece; an absent value is equal to none.
    number: the place where -1, -2, ... is appended when there is more than one piece.
    """
    name, opener = segment, _ORDER.get(segment, segment)

    def cut(message: Message) -> Sequence[Message]:
        head, groups = _find_groups(message.names(), name, opener)
        if len(groups) < 2:
            return (message,)
        rows = [frozenset((*head, *group)) for group in groups]
        if keep_together is not None:
            rows = _put_together(message, rows, keep_together)
        if len(rows) < 2:
            return (message,)
        pieces = [_piece(message, kept) for kept in rows]
        if number is not None:
            for place, piece in enumerate(pieces, 1):
                number.write(piece, f"{number.first(piece, None)}-{place}", None)
        return pieces

    return cut


def _find_groups(names: Sequence[str], name: str, opener: str) -> tuple[list[int], list[list[int]]]:
    """The segments before the first group, and each group's own: from its opener to the next one's.

    Openers (ORC) that no such segment follows directly go with the next one, and with the last one where
    there is no next: no segment is left out.
    """
    head: list[int] = []
    groups: list[list[int]] = []
    open_ahead: list[int] = []
    for position, found in enumerate(names):
        if found == name:
            groups.append([*open_ahead, position])
            open_ahead = []
        elif found == opener or open_ahead:
            open_ahead.append(position)
        elif groups:
            groups[-1].append(position)
        else:
            head.append(position)
    if groups:
        groups[-1] += open_ahead
    return head, groups


def _piece(message: Message, rows: frozenset[int]) -> Message:
    piece = message.copy()
    piece.keep_only(rows)
    return piece


def _put_together(
    message: Message, rows: Sequence[frozenset[int]], path: CompiledPath
) -> list[frozenset[int]]:
    """Groups with an equal value at `path` in one, at the place of the first of them."""
    made: list[frozenset[int]] = []
    places: dict[str, int] = {}
    for kept in rows:
        value = path.first(_piece(message, kept), None)
        place = places.get(value) if value else None
        if place is None:
            if value:
                places[value] = len(made)
            made.append(kept)
        else:
            made[place] |= kept
    return made
