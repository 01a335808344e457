"""The outer frame that feeds.yaml and channels.yaml share: one key, and named entries below it.

Must not know what an entry says.
"""

from __future__ import annotations

import re
from dataclasses import replace

from routes.language.kinds import Name
from routes.language.nearest import did_you_mean
from routes.language.problems import Problems
from routes.language.source import Block, Node, Scalar

__all__ = ["named_entries"]

_NAME = Name()


def named_entries(what: str, node: Node, problems: Problems) -> list[tuple[Scalar, Node]]:
    """The entries below the key `what` ("feeds"), names checked; problems for anything else."""
    one = what.removesuffix("s")
    if not isinstance(node, Block):
        problems.add(node.spot, f'This file begins with the key "{what}:".', "wrong-kind")
        return []
    inside = node.get(what)
    for key, _ in node.entries:
        if key.value != what:
            hint = did_you_mean(key.value, [what]) if inside is None else f'; the only key is "{what}".'
            problems.add(key.spot, f'"{key.value}" is not a key of {what}.yaml{hint}', "unknown-key")
    if inside is None:
        if not node.entries:
            problems.add(node.spot, f'The key "{what}:" is missing, and below it each {one}.', "missing-key")
        return []
    if not isinstance(inside, Block) or not inside.entries:
        problems.add(inside.spot, f"There is no {one} here; a site needs at least one.", f"no-{what}")
        return []
    return [(_checked(name, problems), entry) for name, entry in inside.entries]


def _checked(name: Scalar, problems: Problems) -> Scalar:
    """The name; one with capitals and the like is reported, and read as if it were written well, so that
    it is not reported again wherever it is used."""
    if _NAME.read(name, problems) is not None:
        return name
    return replace(name, value=re.sub(r"[^a-z0-9_]+", "_", name.value.lower()))
