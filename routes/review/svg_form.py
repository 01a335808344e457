"""Writes the graph of a site as an SVG picture: one file, no script, nothing fetched.

Names and conditions can hold any character and are always escaped. Must not know how boxes find their places.
"""

from __future__ import annotations

from collections.abc import Iterator
from html import escape

from routes.review.drawing import EdgeKind, Graph
from routes.review.layout import Box, Layout, Line, lay_out
from routes.review.text_width import text_width

__all__ = ["write_svg"]

_COLOURS: dict[EdgeKind, str] = {
    "takes": "#7b8794",
    "sent": "#1b4f8a",
    "passed": "#1d2630",
    "held": "#b07a12",
    "refused": "#a02a1c",
    "late": "#6b5b95",
}
_LEGEND: tuple[tuple[EdgeKind, str], ...] = (
    ("takes", "comes in"),
    ("sent", "is sent"),
    ("passed", "goes on to another route"),
    ("held", "waits for a person"),
    ("refused", "is refused"),
    ("late", "also sent, where no proof came in time"),
)
_SOLID = ("takes", "sent", "passed")
_LEGEND_HEIGHT = 34.0

_STYLE = """\
text { font-family: "Helvetica Neue", Helvetica, Arial, "Liberation Sans", sans-serif; font-size: 11px;
  fill: #1d2630; }
.gp-title { font-size: 13px; font-weight: 700; }
.gp-detail { fill: #5c6873; }
.gp-heading { font-size: 11px; font-weight: 700; letter-spacing: .06em; fill: #5c6873; }
.gp-target { font-weight: 700; }
.gp-box { stroke-width: 1.2; }
.gp-line { fill: none; stroke-width: 1.5; stroke-opacity: .75; }
.gp-dotted { stroke-dasharray: 1.5 4; stroke-linecap: round; }
.gp-line:hover { stroke-width: 3; stroke-opacity: 1; }
"""
_BOXES = {
    "feed": ("#f3f5f8", "#7b8794"),
    "route": ("#ffffff", "#1d2630"),
    "channel": ("#e9f1fa", "#1b4f8a"),
    "tray": ("#fdf5e4", "#b07a12"),
    "refused": ("#fbecea", "#a02a1c"),
}


def write_svg(graph: Graph, title: str = "", *, framed: bool = True) -> str:
    """The whole picture. title: for those who cannot see it. framed: with a white ground and the legend."""
    layout = lay_out(graph)
    kinds = [kind for kind, _ in _LEGEND if any(edge.kind == kind for edge in graph.edges)]
    height = layout.height + (_LEGEND_HEIGHT if framed else 0)
    width = max(layout.width, _legend_width(kinds) if framed else 0.0)
    size = f'viewBox="0 0 {width:g} {height:g}" width="{width:g}" height="{height:g}"'
    lines = [
        f'<svg xmlns="http://www.w3.org/2000/svg" {size} role="img">',
        f"<title>{_text(title or 'Where messages go')}</title>",
        f"<style>\n{_STYLE}</style>",
        "<defs>",
        *_arrows(kinds),
        "</defs>",
    ]
    if framed:
        lines.append(f'<rect width="{width:g}" height="{height:g}" fill="#ffffff"/>')
    lines += [_line(line) for line in layout.lines]
    lines += [each for box in layout.boxes for each in _box(box)]
    lines += list(_headings(layout))
    if framed:
        lines += list(_legend(layout.height, kinds))
    return "\n".join([*lines, "</svg>"]) + "\n"


def _arrows(kinds: list[EdgeKind]) -> Iterator[str]:
    shape = 'viewBox="0 0 8 8" refX="7" refY="4" markerWidth="7" markerHeight="7"'
    for kind in kinds:
        yield (
            f'<marker id="gp-{kind}" {shape} markerUnits="userSpaceOnUse" orient="auto">'
            f'<path d="M0 0.5 L8 4 L0 7.5 Z" fill="{_COLOURS[kind]}"/></marker>'
        )


def _line(line: Line) -> str:
    (x, y), *others = line.points
    path = [f"M{x:g} {y:g}"]
    for number, (to_x, to_y) in enumerate(others):
        if y == to_y and number % 2 == 1 and number < len(others) - 1:
            path.append(f"L{to_x:g} {to_y:g}")  # through a column
        else:
            bend = (to_x - x) * 0.5
            path.append(f"C{x + bend:g} {y:g} {to_x - bend:g} {to_y:g} {to_x:g} {to_y:g}")
        x, y = to_x, to_y
    edge = line.edge
    label = f"{edge.source[1]} → {edge.target[1]}" + (f": {edge.label}" if edge.label else "")
    return (
        f'<path class="gp-line{"" if edge.solid else " gp-dotted"}" d="{" ".join(path)}" '
        f'stroke="{_COLOURS[edge.kind]}" marker-end="url(#gp-{edge.kind})">'
        f"<title>{_text(label)}</title></path>"
    )


def _box(box: Box) -> Iterator[str]:
    fill, stroke = _BOXES[box.node.kind]
    round_by = {"feed": 12, "tray": 0}.get(box.node.kind, 4)
    yield (
        f'<rect class="gp-box" x="{box.x:g}" y="{box.y:g}" width="{box.width:g}" height="{box.height:g}" '
        f'rx="{round_by}" fill="{fill}" stroke="{stroke}"><title>{_text(box.node.name)}</title></rect>'
    )
    left, right = box.x + 10, box.x + box.width - 10
    yield f'<text class="gp-title" x="{left:g}" y="{box.y + 18:g}">{_text(box.title)}</text>'
    for number, detail in enumerate(box.details):
        yield f'<text class="gp-detail" x="{left:g}" y="{box.y + 32 + number * 15:g}">{_text(detail)}</text>'
    if box.rows:
        y = box.rows[0].y - 10.5
        yield f'<path d="M{box.x:g} {y:g} H{box.x + box.width:g}" stroke="{stroke}" stroke-opacity=".25"/>'
    for row in box.rows:
        whole = f"<title>{_text(row.whole)}</title>"
        yield f'<text x="{left:g}" y="{row.y + 4:g}">{_text(row.label)}{whole}</text>'
        yield (
            f'<text class="gp-target" x="{right:g}" y="{row.y + 4:g}" text-anchor="end" '
            f'style="fill:{_COLOURS[row.kind]}">{_text(row.target)}</text>'
        )


def _headings(layout: Layout) -> Iterator[str]:
    for heading in layout.headings:
        yield f'<text class="gp-heading" x="{heading.x:g}" y="{heading.y:g}">{heading.text.upper()}</text>'


def _legend_width(kinds: list[EdgeKind]) -> float:
    return 24.0 + sum(text_width(words, 11) + 72 for kind, words in _LEGEND if kind in kinds)


def _legend(top: float, kinds: list[EdgeKind]) -> Iterator[str]:
    x, y = 24.0, top + 10
    for kind, words in _LEGEND:
        if kind not in kinds:
            continue
        dotted = "" if kind in _SOLID else " gp-dotted"
        yield (
            f'<path class="gp-line{dotted}" d="M{x:g} {y:g} H{x + 40:g}" stroke="{_COLOURS[kind]}" '
            f'marker-end="url(#gp-{kind})"/>'
        )
        yield f'<text class="gp-detail" x="{x + 48:g}" y="{y + 4:g}">{words}</text>'
        x += round(text_width(words, 11) + 72, 1)


def _text(text: str) -> str:
    """Text within an element; characters that XML forbids are blanks."""
    return escape("".join(char if char.isprintable() else " " for char in text))
