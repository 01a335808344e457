"""`renumber` and `arrange`: set IDs counted anew, and repetitions of a field put in order.

What is right already is left byte for byte. Knows nothing of how a step is written in a file.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence

from routes.flow.changing import Step
from routes.flow.joining import groups_of
from routes.flow.running import Run
from routes.hl7.message import Message
from routes.hl7.path import CompiledPath, Place
from routes.hl7.separators import decode
from routes.hl7.values import part

__all__ = ["arrange_repetitions", "renumber_each"]

NULL = '""'


def renumber_each(
    segment: bytes,
    field: int,
    within: bytes,
    group: Callable[[Message, Place], str] | None,
    written: Callable[[int, int], str],
) -> Step:
    """`renumber`: the field of every segment of a name gets its number among those of its `within`.

    group: with it, segments with an equal value have one group number, in order of first appearance, and
    count within their group. written: what group number and item number make.
    """

    def renumber(run: Run) -> bool:
        message = run.message
        before = groups_of(message, within)
        groups: dict[tuple[int, str], int] = {}
        items: dict[tuple[int, str], int] = {}
        count: dict[int, int] = {}
        for row in list(message.rows(segment)):
            about = before[row]
            key = (about, "" if group is None else group(message, Place(row)))
            if key not in groups:
                groups[key] = count[about] = count.get(about, 0) + 1
            items[key] = items.get(key, 0) + 1
            message.set_field(row, field, written(groups[key], items[key]))
        return True

    return renumber


def arrange_repetitions(path: CompiledPath, by: int, order: Sequence[str], *, keep: bool) -> Step:
    """`arrange`: repetitions in the order of a component's values; others behind them, or taken out."""
    ranks = {value: rank for rank, value in reversed(list(enumerate(order)))}
    last = len(order)

    def arrange(run: Run) -> bool:
        message = run.message
        seps = message.separators
        field = path.path.field
        for row in {place.segment: None for place in path.places(message, run.scope.it)}:
            whole = message.field(row, field)
            if not seps.repetition or whole in ("", NULL):
                continue  # null says something of the field as a whole
            repetitions = whole.split(seps.repetition)
            values = [decode(part(text, seps.cuts[1], by), seps) for text in repetitions]
            ranked = [(ranks.get(value, last), text) for value, text in zip(values, repetitions, strict=True)]
            kept = [pair for pair in ranked if keep or pair[0] < last]
            arranged = [text for _, text in sorted(kept, key=lambda pair: pair[0])]
            if arranged != repetitions:
                message.set_field(row, field, seps.repetition.join(arranged))
        return True

    return arrange
