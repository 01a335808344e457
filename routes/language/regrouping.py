"""Entries that stand under the wrong verb of a route, mostly because the verb's own line was lost.

`- to: archive` under `check` is an entry of `send`: that is said once, and the entries are read where they
belong, so that nobody is told of keys that a check lacks, or of a route without `send`. Knows which keys give
an entry away; not what they mean.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace

from routes.language.problems import Problems
from routes.language.source import Block, Items, Node, Scalar
from routes.language.step_shapes import CHANGE_SHAPES

__all__ = ["regroup"]

_SIGNS: Mapping[str, frozenset[str]] = {
    "tests": frozenset({"given", "expect"}),
    "send": frozenset({"to", "pass_to", "first_of", "each"}),
    "change": frozenset(CHANGE_SHAPES),
    "accept": frozenset({"rule"}),
    "check": frozenset({"that", "unless", "conforms_to"}),
}
"""By verb: the keys that give an entry away, the surest first."""

_OWN = {**_SIGNS, "accept": frozenset({"rule", "that", "unless"})}
"""By verb: the keys with which an entry stands there rightly, whatever else is wrong with it."""


def regroup(node: Node, order: Sequence[str], problems: Problems) -> Node:
    """The file with each entry under its own verb, and a problem for each verb whose entries stood elsewhere.

    order: the verbs that the file may have, as they must stand.
    """
    if not isinstance(node, Block):
        return node
    verbs = [verb for verb in order if verb in _SIGNS]
    lists: dict[str, Items] = {}
    moved: dict[str, list[Node]] = {}
    for key, value in node.entries:
        if key.value in verbs and isinstance(value, Items) and not value.flow:
            homes = [_home(item, key.value, verbs) for item in value.items]
            for item, home in zip(value.items, homes, strict=True):
                if home != key.value:
                    if home not in moved:
                        _tell(item, key.value, home, node, problems)
                    moved.setdefault(home, []).append(item)
            kept = [item for item, home in zip(value.items, homes, strict=True) if home == key.value]
            lists[key.value] = replace(value, items=tuple(kept))
    return _moved(node, order, lists, moved) if moved else node


def _home(item: Node, verb: str, verbs: Sequence[str]) -> str:
    """The verb that an entry belongs to; the one that it stands under, where nothing speaks against it."""
    if not isinstance(item, Block):
        return verb
    keys = {key.value for key, _ in item.entries}
    if keys & _OWN[verb]:
        return verb
    return next((other for other, signs in _SIGNS.items() if other in verbs and keys & signs), verb)


def _tell(item: Node, verb: str, home: str, node: Block, problems: Problems) -> None:
    there = node.get(home) is not None
    remedy = f'Move it from "{verb}" to there.' if there else f'Is the line "{home}:" missing above it?'
    spot = item.entries[0][0].spot if isinstance(item, Block) else item.spot
    problems.add(spot, f'This is an entry of "{home}". {remedy}', "misplaced-entry")


def _moved(
    node: Block, order: Sequence[str], lists: Mapping[str, Items], moved: Mapping[str, Sequence[Node]]
) -> Block:
    entries: list[tuple[Scalar, Node]] = [(key, lists.get(key.value, value)) for key, value in node.entries]
    for home, items in moved.items():
        at = next((at for at, (key, _) in enumerate(entries) if key.value == home), None)
        if at is None:
            later = order[order.index(home) + 1 :]
            at = next((at for at, (key, _) in enumerate(entries) if key.value in later), len(entries))
            spot = items[0].spot
            entries.insert(at, (Scalar(home, spot, "plain", home), Items(tuple(items), spot)))
        elif isinstance(there := entries[at][1], Items):
            entries[at] = (entries[at][0], replace(there, items=(*there.items, *items)))
    # A verb that is left without an entry is not complained of: its own may have been lost.
    left = [(key, value) for key, value in entries if not (isinstance(value, Items) and not value.items)]
    return replace(node, entries=tuple(left), torn=True)
