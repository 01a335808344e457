"""The outer frame that feeds.yaml and channels.yaml share: one key, and named entries below it.

Must not know what an entry says.
"""

from __future__ import annotations

import re
from collections.abc import Container, Sequence
from dataclasses import replace

from routes.language.kinds import Name
from routes.language.nearest import nearest
from routes.language.problems import Problems
from routes.language.source import Block, Node, Scalar

__all__ = ["named_entries"]

_NAME = Name()


def named_entries(
    what: str, node: Node, problems: Problems, keys: Container[str]
) -> list[tuple[Scalar, Node]]:
    """The entries below the key `what` ("feeds"), names checked; problems for anything else. None at all
    where the file could not be read as such. keys: those that an entry may have."""
    one = what.removesuffix("s")
    if not isinstance(node, Block):
        problems.add(node.spot, f'This file begins with the key "{what}:".', "wrong-kind")
        return []
    inside = node.get(what)
    if inside is None:
        _tell_missing(what, node, problems)
        return []
    outside = [(key, entry) for key, entry in node.entries if key.value != what]
    within = inside.entries if isinstance(inside, Block) else ()
    for number, (key, entry) in enumerate(outside):
        if not isinstance(entry, Block):
            message = f'"{key.value}" is not a key of {what}.yaml; the only key is "{what}".'
            problems.add(key.spot, message, "unknown-key")
        elif within or not number:  # where all of them stand there, one word about it will do
            problems.add(
                key.spot,
                f'"{key.value}" must stand below "{what}:", and further to the right than it.',
                "unknown-key",
            )
    within += tuple([(key, entry) for key, entry in outside if isinstance(entry, Block)])
    if not within:
        problems.add(inside.spot, f"There is no {one} here; a site needs at least one.", f"no-{what}")
        return []
    if not any(isinstance(entry, Block) for _, entry in within):
        first, entry = within[0]
        problems.add(
            first.spot if isinstance(entry, Scalar) and entry.value else entry.spot,
            f'Below "{what}:" stands the name of each {one}, and below the name its keys, further to the '
            f"right: {'ward_pas: {kind: mllp, …}' if one == 'feed' else 'archive: {kind: folder, …}'}.",
            "wrong-kind",
        )
        return []
    return [
        (_checked(name, problems), entry) for name, entry in _with_their_keys(within, what, keys, problems)
    ]


def _with_their_keys(
    entries: Sequence[tuple[Scalar, Node]], what: str, keys: Container[str], problems: Problems
) -> list[tuple[Scalar, Node]]:
    """The entries, with keys that stand in the column of the names put into the entry above them."""
    found: list[tuple[Scalar, Node]] = []
    astray = False
    for name, entry in entries:
        own = isinstance(entry, Block) and entry.get("kind") is not None
        if own or (name.value not in keys and not (isinstance(entry, Scalar) and entry.value)):
            found.append((name, entry))
            astray = False
            continue
        if not astray:
            problems.add(
                name.spot,
                f'Here stands the name of a {what.removesuffix("s")}. Is "{name.value}" one of its keys? '
                "Then move it further to the right.",
                "wrong-kind",
            )
        astray = True
        if found:
            owner, above = found[-1]
            inside = above.entries if isinstance(above, Block) else ()
            if all(key.value != name.value for key, _ in inside):
                found[-1] = (owner, Block((*inside, (name, entry)), above.spot))
    return found


def _tell_missing(what: str, node: Block, problems: Problems) -> None:
    """One problem, however many entries stand where the key should."""
    key = next((key for key, _ in node.entries if nearest(key.value, [what])), None)
    if key is not None:
        message = f'"{key.value}" is not a key of {what}.yaml; did you mean "{what}"?'
        problems.add(key.spot, message, "unknown-key", fix=what)
    else:
        one = what.removesuffix("s")
        spot = node.entries[0][0].spot if node.entries else node.spot
        problems.add(
            spot, f'The key "{what}:" is missing; each {one} stands below it, further to the right.',
            "missing-key",
        )  # fmt: skip


def _checked(name: Scalar, problems: Problems) -> Scalar:
    """The name; one with capitals and the like is reported, and read as if it were written well, so that
    it is not reported again wherever it is used."""
    if _NAME.read(name, problems) is not None:
        return name
    return replace(name, value=re.sub(r"[^a-z0-9]+", "_", name.value.lower()).strip("_"))
