"""`split`: one message into pieces, each with everything that stands before the first of them.

A piece is a message of its own that shares the source's bytes; together the pieces hold every segment.
Knows nothing of how a step is written in a file, or of what becomes of the pieces.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from itertools import pairwise

from routes.flow.running import Otherwise, Test
from routes.hl7.message import Message, Unwritable
from routes.hl7.path import CompiledPath, NoSuchPlace

__all__ = ["Cut", "Parting", "Uncut", "cut_by"]

Cut = Callable[[Message], Sequence[Message]]
"""The pieces of a message in order; the message itself, alone, where nothing is to part. Raises Uncut."""

_ORDER = {"OBR": "ORC"}  # what belongs to the segment that follows it
_LARGEST = 3_000_000  # pieces times segments: a second's work; real batteries stay below a tenth of it


@dataclass(frozen=True, slots=True, eq=False)
class Parting:
    """A `split` with its `when` and its `else`. What follows is for all of a message that stays whole."""

    cut: Cut
    otherwise: Otherwise
    when: Test | None = None


class Uncut(Exception):
    """A message that is not split, with the reason: a fixed sentence without content."""


def cut_by(segment: str, keep_together: CompiledPath | None, number: CompiledPath | None) -> Cut:
    """Cuts at each of a segment.

    keep_together: groups with an equal value there stay in one piece; an absent value is equal to none.
    number: the place where -1, -2, ... is appended when there is more than one piece.
    """
    name, opener = segment, _ORDER.get(segment, segment)

    def cut(message: Message) -> Sequence[Message]:
        rows = _find_groups(message.names(), name, opener)
        if len(rows) * message.segments > _LARGEST:
            raise Uncut(f"the message holds too many {name} segments to be split")
        if keep_together is not None and len(rows) > 1:
            rows = _put_together(message, rows, keep_together)
        if len(rows) < 2:
            return (message,)
        pieces = [_piece(message, kept) for kept in rows]
        if number is not None:
            for place, piece in enumerate(pieces, 1):
                _append(piece, number, f"-{place}")
        return pieces

    return cut


def _append(piece: Message, path: CompiledPath, suffix: str) -> None:
    value = path.raw(piece, None)
    try:
        path.write_raw(piece, ("" if value == '""' else value) + suffix, None)
    except (Unwritable, NoSuchPlace):
        raise Uncut(f"{path.path} could not be numbered in each piece") from None


def _find_groups(names: Sequence[str], name: str, opener: str) -> list[frozenset[int]]:
    """The segments of each piece, as positions: a heading that several pieces share, and a group.

    Each patient (PID) of a message has a heading of their own, behind what stands before the first one:
    nobody's results come under another's name. Raises Uncut where a patient has no group.
    """
    patients = [row for row, found in enumerate(names) if found == "PID"]
    if len(patients) < 2 or name == "PID":
        return _groups_of_one(names, range(len(names)), name, opener)
    before = range(patients[0])
    rows: list[frozenset[int]] = []
    for first, last in pairwise([*patients, len(names)]):
        found = _groups_of_one(names, range(first, last), name, opener)
        if not found or name in names[: patients[0]]:
            raise Uncut(f"the message holds several patients, and not each of them has {name} segments")
        rows += [group.union(before) for group in found]
    return rows


def _groups_of_one(names: Sequence[str], rows: range, name: str, opener: str) -> list[frozenset[int]]:
    """The same for one patient: what stands before the first group, and each from its opener to the next.

    Openers (ORC) that no such segment follows directly go with the next one, and with the last one where
    there is no next: no segment is left out.
    """
    head: list[int] = []
    groups: list[list[int]] = []
    open_ahead: list[int] = []
    for row in rows:
        found = names[row]
        if found == name:
            groups.append([*open_ahead, row])
            open_ahead = []
        elif found == opener or open_ahead:
            open_ahead.append(row)
        elif groups:
            groups[-1].append(row)
        else:
            head.append(row)
    if groups:
        groups[-1] += open_ahead
    return [frozenset((*head, *group)) for group in groups]


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
