"""Entries of a list that are none: `- else: …` goes on with the entry above it, and its dash is one too many.

Said once; the line is then read where it belongs, so that nobody is told of an entry above that lacks its
`else`, or of one without a verb. Knows which keys never begin an entry; not what they mean.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

from routes.language.problems import Edit, Problems
from routes.language.source import Block, Items, Node, Scalar

__all__ = ["rejoin"]

_LISTS = frozenset({"check", "change", "send", "first_of"})
_CHOICE = "first_of"
_FOLLOWS = frozenset((
    "else", "address", "then", "if_not_delivered_in", "if_not_acknowledged_in", "if_returned", "using",
    "into", "original",
))  # fmt: skip
"""Keys that never stand alone in an entry."""


def rejoin(node: Node, problems: Problems) -> Node:
    """The file with such lines where they belong, and a problem for each."""
    if not isinstance(node, Block):
        return node
    entries = tuple([(key, _within(key, value, problems)) for key, value in node.entries])
    return node if entries == node.entries else replace(node, entries=entries)


def _within(key: Scalar, value: Node, problems: Problems) -> Node:
    if key.value not in _LISTS or not isinstance(value, Items) or value.flow:
        return value
    found: list[Node] = []
    for item in value.items:
        above = found[-1] if found else None
        stray = item if isinstance(item, Block) and _is_stray(item) else None
        if stray is None:
            found.append(rejoin(item, problems))
        elif key.value == _CHOICE and item is value.items[-1] and _only_else(stray):
            found.append(_otherwise(stray, problems))
        elif isinstance(above, Block) and not any(above.get(own.value) for own, _ in stray.entries):
            _tell(stray, problems)
            found[-1] = replace(above, entries=(*above.entries, *stray.entries))
        else:
            found.append(stray)
    return replace(value, items=tuple(found))


def _is_stray(item: Block) -> bool:
    return bool(item.entries) and not item.flow and all(key.value in _FOLLOWS for key, _ in item.entries)


def _only_else(item: Block) -> bool:
    return [key.value for key, _ in item.entries] == ["else"]


def _otherwise(item: Block, problems: Problems) -> Block:
    ((key, value),) = item.entries
    problems.add(
        key.spot,
        'The last entry of first_of, for what none of the others takes, is called "otherwise".',
        "unknown-key",
        edit=Edit(key.spot.line, key.spot.column, key.spot.length, "otherwise"),
    )
    return replace(item, entries=((replace(key, value="otherwise"), value),))


def _tell(item: Block, problems: Problems) -> None:
    spot = item.entries[0][0].spot
    lines: Sequence[str] = problems.lines.get(spot.file, [])
    before = lines[spot.line - 1][: spot.column - 1] if spot.line <= len(lines) else ""
    dash = before.rfind("-")
    problems.add(
        spot,
        f'"{item.entries[0][0].value}" belongs to the entry above. Take the dash away.',
        "stray-dash",
        edit=Edit(spot.line, dash + 1, 1, " ") if dash >= 0 and not before[:dash].strip() else None,
    )
