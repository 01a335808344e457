"""Writes the graph of a site as Mermaid text, which GitHub, GitLab and many wikis show as a picture.

Names and conditions can hold any character, and stand in quoted labels with entities, so that none of them is
read as Mermaid. Must not know where the graph comes from.
"""

from __future__ import annotations

import re
from collections.abc import Iterator

from routes.review.drawing import Edge, EdgeKind, Graph, Key, Node, NodeKind

__all__ = ["write_mermaid"]

_SHAPES: dict[NodeKind, tuple[str, str]] = {
    "feed": ("([", "])"),
    "route": ("[", "]"),
    "channel": ("[[", "]]"),
    "tray": ("[/", "/]"),
    "refused": ("{{", "}}"),
}
_ARROWS: dict[bool, str] = {True: "-->", False: "-.->"}
_STYLES = """\
    classDef feed fill:#eef2f6,stroke:#5c6873,color:#1d2630
    classDef route fill:#ffffff,stroke:#1d2630,stroke-width:2px,color:#1d2630
    classDef channel fill:#e9f1fa,stroke:#1b4f8a,color:#1b4f8a
    classDef tray fill:#fdf3df,stroke:#8a5a00,color:#8a5a00
    classDef refused fill:#fbe9e7,stroke:#a02a1c,color:#a02a1c"""
_MOST = 3  # conditions on one line; more of them would hide the picture
_LONGEST = 48  # characters of one condition
_SPECIAL = re.compile(r"[^\w .,:()/=+*'-]")
_BLANKS = re.compile(r"\s+")


def write_mermaid(graph: Graph) -> str:
    """The whole picture as Mermaid text."""
    names = {node.key: f"{node.kind}{number}" for number, node in enumerate(graph.nodes, 1)}
    lines = ["flowchart LR"]
    lines += [f"    {_box(node, names)}" for node in graph.nodes]
    lines += [f"    {line}" for line in _lines(graph, names)]
    lines.append(_STYLES)
    return "\n".join(lines) + "\n"


def _box(node: Node, names: dict[Key, str]) -> str:
    opening, closing = _SHAPES[node.kind]
    label = "<br/>".join(_quoted(text) for text in (node.name, *node.details))
    return f'{names[node.key]}{opening}"{label}"{closing}:::{node.kind}'


def _lines(graph: Graph, names: dict[Key, str]) -> Iterator[str]:
    """One line for all edges of a kind between two boxes, with their conditions."""
    together: dict[tuple[Key, Key, EdgeKind], list[Edge]] = {}
    for edge in graph.edges:
        together.setdefault((edge.source, edge.target, edge.kind), []).append(edge)
    for (source, target, _), edges in together.items():
        labels = [edge.label for edge in edges if edge.label]
        shown = [_quoted(shortened(label)) for label in labels[:_MOST]]
        if len(labels) > _MOST:
            shown.append(f"and {len(labels) - _MOST} more")
        label = f'|"{"<br/>".join(shown)}"|' if shown else ""
        yield f"{names[source]} {_ARROWS[edges[0].solid]}{label} {names[target]}"


def shortened(text: str) -> str:
    """At most so much as a line of a picture has room for."""
    return text if len(text) <= _LONGEST else f"{text[: _LONGEST - 1].rstrip()}…"


def _quoted(text: str) -> str:
    """A text for within a quoted label: what could be markup is an entity, written the Mermaid way."""
    return _SPECIAL.sub(lambda found: f"#{ord(found[0])};", _BLANKS.sub(" ", text))
