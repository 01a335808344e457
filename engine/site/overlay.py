"""One tree laid over another: an environment file over the site's files, a command's options over both.

Works on nodes, so that every value keeps the place where it was written. Must not know what any key
means, except `kind`: an entry that changes its kind is another thing, and replaces the old one whole.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from routes.language.problems import Spot
from routes.language.source import Block, Items, Node, Scalar

__all__ = ["OPTIONS", "lay_over", "tree_of"]

OPTIONS = "(command line)"
"""What stands for the file name in places that come from a command's options."""


def lay_over(base: Node | None, over: Node) -> Node:
    """Blocks are merged key by key; anything else in `over` replaces what stands in `base`."""
    if not isinstance(base, Block) or not isinstance(over, Block) or _changes_kind(base, over):
        return over
    news = {key.value: (key, value) for key, value in over.entries}
    entries: list[tuple[Scalar, Node]] = []
    for key, value in base.entries:
        if key.value in news:
            new_key, new_value = news.pop(key.value)
            entries.append((new_key, lay_over(value, new_value)))
        else:
            entries.append((key, value))
    return Block((*entries, *news.values()), over.spot)


def _changes_kind(base: Block, over: Block) -> bool:
    old, new = base.get("kind"), over.get("kind")
    return isinstance(old, Scalar) and isinstance(new, Scalar) and old.value != new.value


def tree_of(options: Mapping[str, object]) -> Block:
    """Options such as {"broker": "embedded", "feeds.ward_pas.listen": "127.0.0.1:0"} as a tree.

    A dot leads one level down. Values are texts and numbers, lists of them, or mappings.
    """
    tree: dict[str, object] = {}
    for name, value in options.items():
        *path, last = name.split(".")
        level = tree
        for step in path:
            inner = level.setdefault(step, {})
            if not isinstance(inner, dict):
                raise ValueError(f"the option {name} is given a second time, otherwise")
            level = inner
        level[last] = value
    node = _node(tree)
    return node if isinstance(node, Block) else Block((), Spot(OPTIONS))


def _node(value: object) -> Node:
    spot = Spot(OPTIONS)
    if isinstance(value, Mapping):
        return Block(tuple((Scalar(str(k), spot), _node(v)) for k, v in value.items()), spot)
    if isinstance(value, Sequence) and not isinstance(value, str):
        return Items(tuple(_node(item) for item in value), spot)
    return Scalar(str(value), spot, raw=str(value))
