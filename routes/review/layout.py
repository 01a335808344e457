"""Lays out the graph of a site in columns from left to right: feeds, routes, and where messages end.

Every condition is a row of the box that it belongs to, and its line leaves from that row: so no two texts can
ever meet, however many lines there are. Lines that cross a column run between its boxes. The order within a
column is that of the boxes they are joined to (barycentres), and boxes stand as near to those as room allows.
Deterministic; coordinates are pixels. Must not know how a picture is written.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

from routes.review.drawing import Edge, EdgeKind, Graph, Key, Node
from routes.review.text_width import cut_to, text_width

__all__ = ["Box", "Heading", "Layout", "Line", "Row", "lay_out"]

MARGIN = 24.0
GAP = 16.0  # between two boxes of a column
BETWEEN = 120.0  # between two columns
LANE = 12.0  # the height of a line that crosses a column
TITLE, DETAIL, ROW = 26.0, 15.0, 18.0  # heights
PADDING = 10.0
HEADING = 30.0
WIDEST = {"feed": 280.0, "route": 440.0}
ROUNDS = 12


@dataclass(frozen=True, slots=True)
class Row:
    """One way out of a box: its condition on the left, where it leads on the right. y: its middle."""

    label: str
    target: str
    kind: EdgeKind
    y: float
    whole: str


@dataclass(frozen=True, slots=True)
class Box:
    """A node with its place and size. title: its name, perhaps cut short."""

    node: Node
    x: float
    y: float
    width: float
    height: float
    title: str
    details: tuple[str, ...]
    rows: tuple[Row, ...]


@dataclass(frozen=True, slots=True)
class Line:
    """An edge, from point to point."""

    edge: Edge
    points: tuple[tuple[float, float], ...]


@dataclass(frozen=True, slots=True)
class Heading:
    """A word above a group of boxes."""

    text: str
    x: float
    y: float


@dataclass(frozen=True, slots=True)
class Layout:
    """A picture, ready to be written."""

    width: float
    height: float
    boxes: tuple[Box, ...]
    lines: tuple[Line, ...]
    headings: tuple[Heading, ...]


Item = Key | tuple[str, Key, int]
"""A box, or the lane through a column for everything that is bound for one box."""


@dataclass(slots=True)
class _Column:
    """The items of one column from top to bottom, with their tops and heights."""

    items: list[Item] = field(default_factory=list)
    tops: dict[Item, float] = field(default_factory=dict)
    x: float = 0.0
    width: float = 0.0


def lay_out(graph: Graph) -> Layout:
    """Everything in its place."""
    return _Laying(graph).laid()


_GROUPS = {"channel": 0, "tray": 1, "refused": 2}
_HEADINGS = {"feed": "Feeds", "route": "Routes", "channel": "Channels", "tray": "Trays", "refused": "Refused"}


class _Laying:
    """One graph on its way to a layout."""

    def __init__(self, graph: Graph) -> None:
        self.graph = graph
        self.nodes = {node.key: node for node in graph.nodes}
        self.rows: dict[Key, list[Edge]] = {key: [] for key in self.nodes}
        for edge in graph.edges:
            if edge.kind != "takes":
                self.rows[edge.source].append(edge)
        self.depth = _depths(graph)
        self.columns = [_Column() for _ in range(max(self.depth.values(), default=0) + 1)]
        self.ends: dict[Edge, list[Item]] = {}
        self._fill()

    def _fill(self) -> None:
        """Boxes into their columns, and lanes into those that lines must cross."""
        for key in self.nodes:
            self.columns[self.depth[key]].items.append(key)
        for edge in self.graph.edges:
            way: list[Item] = [edge.source]
            for place in range(self.depth[edge.source] + 1, self.depth[edge.target]):
                lane: Item = ("lane", edge.target, place)
                if lane not in self.columns[place].items:
                    self.columns[place].items.append(lane)
                way.append(lane)
            way.append(edge.target)
            self.ends[edge] = way

    def laid(self) -> Layout:
        for column in self.columns:
            self._widen(column)
            self._stack(column)
        for number in range(ROUNDS):
            order = self.columns if number % 2 == 0 else list(reversed(self.columns))
            for column in order:
                self._settle(column, sort=number < ROUNDS - 4)
        self._level()
        return self._whole()

    # --- sizes -------------------------------------------------------------------------------------------

    def height(self, item: Item) -> float:
        if item[0] == "lane":
            return LANE
        key = _key(item)
        rows = len(self.rows[key]) * ROW
        return TITLE + len(self.nodes[key].details) * DETAIL + (rows + 6 if rows else 0) + 2

    def room(self, column: _Column, place: int) -> float:
        """The space above an item: more where a group begins, which has a heading."""
        item = column.items[place]
        if item[0] == "lane" or not self._begins(column, place):
            return GAP if item[0] != "lane" else GAP / 2
        return HEADING

    def _begins(self, column: _Column, place: int) -> bool:
        """Whether an item is the first box of its kind in the column."""
        kind = column.items[place][0]
        return kind != "lane" and all(item[0] != kind for item in column.items[:place])

    def _widen(self, column: _Column) -> None:
        boxes = [_key(item) for item in column.items if item[0] != "lane"]
        number = self.columns.index(column)
        titles = {_heading(key, number).upper() for key in boxes}
        named = max((math.ceil(text_width(title, 12, bold=True)) for title in titles), default=60)
        column.width = max([float(named), *[self._natural(key) for key in boxes]])
        if number:
            before = self.columns[number - 1]
            crossing = sum(1 for way in self.ends.values() if self._spans(way, number))
            column.x = before.x + before.width + BETWEEN + min(crossing * 0.8, BETWEEN)
        else:
            column.x = MARGIN

    def _spans(self, way: Sequence[Item], number: int) -> bool:
        """Whether a line goes from the column before this one into it."""
        return any(self._column(item) == number for item in way[1:])

    def _natural(self, key: Key) -> float:
        """How wide a box would like to be."""
        node = self.nodes[key]
        widths = [text_width(node.name, 13, bold=True), *[text_width(each, 11) for each in node.details]]
        for edge in self.rows[key]:
            target = text_width(edge.target[1], 11, bold=True)
            widths.append(text_width(_label(edge), 11) + target + 22)
        return min(math.ceil(max(widths)) + 2 * PADDING + 1.0, WIDEST.get(node.kind, 260.0))

    # --- places ------------------------------------------------------------------------------------------

    def _stack(self, column: _Column) -> None:
        self._place(column, dict.fromkeys(column.items, 0.0))

    def _settle(self, column: _Column, *, sort: bool) -> None:
        """Order the items of a column by what they are joined to, and move them as near to it as can be."""
        wished = {item: self._wish(item) for item in column.items}
        if sort:
            middles = {item: wished[item] + self.height(item) / 2 for item in column.items}
            place = {item: number for number, item in enumerate(column.items)}
            column.items.sort(key=lambda item: (_group(item), middles[item], place[item]))
        self._place(column, wished)

    def _wish(self, item: Item) -> float:
        """The top that an item would like to have: level with all that it is joined to."""
        pulls: list[float] = []
        for edge, way in self.ends.items():
            if item not in way:
                continue
            number = way.index(item)
            if number > 0:
                pulls.append(self._leaves(edge, way[number - 1]) - self._own(edge, item, entering=True))
            if number < len(way) - 1:
                pulls.append(self._arrives(way[number + 1]) - self._own(edge, item, entering=False))
        if not pulls:
            return self.columns[self.depth[_key(item)]].tops[item]
        return sum(pulls) / len(pulls)

    def _own(self, edge: Edge, item: Item, *, entering: bool) -> float:
        """Where within an item a line enters or leaves, from its top."""
        if item[0] == "lane" or entering:
            return self.height(item) / 2 if item[0] == "lane" else TITLE / 2
        return self._row(edge, _key(item))

    def _leaves(self, edge: Edge, item: Item) -> float:
        top = self._top(item)
        return top + (LANE / 2 if item[0] == "lane" else self._row(edge, _key(item)))

    def _arrives(self, item: Item) -> float:
        return self._top(item) + (LANE / 2 if item[0] == "lane" else TITLE / 2)

    def _top(self, item: Item) -> float:
        place = item[2] if len(item) == 3 else self.depth[item]
        return self.columns[place].tops[item]

    def _row(self, edge: Edge, key: Key) -> float:
        """The middle of the row that a line leaves from, from the top of its box."""
        if edge.kind == "takes":
            return TITLE / 2
        above = TITLE + len(self.nodes[key].details) * DETAIL + 4
        return above + self.rows[key].index(edge) * ROW + ROW / 2

    def _place(self, column: _Column, wished: Mapping[Item, float]) -> None:
        """The tops nearest to those wished for (least squares) at which nothing overlaps."""
        offsets: list[float] = []
        below = 0.0
        for place, item in enumerate(column.items):
            below += self.room(column, place)
            offsets.append(below)
            below += self.height(item)
        free = [wished[item] - offset for item, offset in zip(column.items, offsets, strict=True)]
        for item, at, offset in zip(column.items, _rising(free), offsets, strict=True):
            column.tops[item] = at + offset

    def _level(self) -> None:
        """Everything down, or up, to the margin."""
        tops = [
            column.tops[item] - self.room(column, place)
            for column in self.columns
            for place, item in enumerate(column.items)
        ]
        move = MARGIN - min(tops, default=0.0)
        for column in self.columns:
            column.tops = {item: round(top + move, 1) for item, top in column.tops.items()}

    # --- the whole ---------------------------------------------------------------------------------------

    def _whole(self) -> Layout:
        boxes = [self._box(key, self.columns[self.depth[key]]) for key in self.nodes]
        arrivals = self._arrivals()
        lines = [self._line(edge, arrivals) for edge in self.graph.edges]
        last = self.columns[-1]
        bottoms = [column.tops[item] + self.height(item) for column in self.columns for item in column.items]
        width = last.x + last.width + MARGIN
        return Layout(
            round(width, 1),
            round(max(bottoms, default=0.0) + MARGIN, 1),
            tuple(boxes),
            tuple(lines),
            tuple(self._headings()),
        )

    def _headings(self) -> Sequence[Heading]:
        return [
            Heading(_heading(item, number), column.x, round(column.tops[item] - 10, 1))
            for number, column in enumerate(self.columns)
            for place, item in enumerate(column.items)
            if self._begins(column, place)
        ]

    def _box(self, key: Key, column: _Column) -> Box:
        node = self.nodes[key]
        top, inside = column.tops[key], column.width - 2 * PADDING
        details = tuple(cut_to(each, inside, 11) for each in node.details)
        rows: list[Row] = []
        for edge in self.rows[key]:
            room = max(inside / 2, inside - text_width(_label(edge), 11) - 14)
            target = cut_to(edge.target[1], room, 11, bold=True)
            label = cut_to(_label(edge), inside - text_width(target, 11, bold=True) - 14, 11)
            y = round(top + self._row(edge, key), 1)
            rows.append(Row(label, target, edge.kind, y, f"{_label(edge)}: {edge.target[1]}"))
        title = cut_to(node.name, inside, 13, bold=True)
        return Box(node, column.x, top, column.width, self.height(key), title, details, tuple(rows))

    def _arrivals(self) -> Mapping[Edge, float]:
        """Where each line meets its box: spread over the box's side in the order in which they come."""
        coming: dict[Key, list[Edge]] = {}
        for edge in self.graph.edges:
            coming.setdefault(edge.target, []).append(edge)
        found: dict[Edge, float] = {}
        for key, edges in coming.items():
            top, height = self._top(key), self.height(key)
            side = TITLE if self.rows[key] else height
            step = min(7.0, (side - 10) / len(edges))
            start = top + side / 2 - step * (len(edges) - 1) / 2
            edges.sort(key=lambda edge: self._leaves(edge, self.ends[edge][-2]))
            for number, edge in enumerate(edges):
                found[edge] = round(start + number * step, 1)
        return found

    def _line(self, edge: Edge, arrivals: Mapping[Edge, float]) -> Line:
        way = self.ends[edge]
        source = self.columns[self.depth[edge.source]]
        points = [(source.x + source.width, round(self._leaves(edge, edge.source), 1))]
        for lane in way[1:-1]:
            column = self.columns[self._column(lane)]
            y = round(self._top(lane) + LANE / 2, 1)
            points += [(column.x - 8, y), (column.x + column.width + 8, y)]
        points.append((self.columns[self.depth[edge.target]].x, arrivals[edge]))
        return Line(edge, tuple(points))

    def _column(self, item: Item) -> int:
        return item[2] if len(item) == 3 else self.depth[item]


def _key(item: Item) -> Key:
    """The key of a box, or of the box that a lane is bound for."""
    return item[1] if len(item) == 3 else item


def _group(item: Item) -> int:
    """Channels stand above trays; where lanes are, nothing else is grouped."""
    return _GROUPS.get(str(item[0]), 0)


def _heading(item: Item, column: int) -> str:
    if item[0] == "route" and column > 1:
        return "Passed on to"
    return _HEADINGS[str(item[0])]


def _label(edge: Edge) -> str:
    return edge.label or "always"


def _depths(graph: Graph) -> Mapping[Key, int]:
    """The column of each box: feeds, then routes by how often a message was passed on, then all ends."""
    depth = {node.key: 0 if node.kind == "feed" else 1 for node in graph.nodes}
    passes = [edge for edge in graph.edges if edge.kind == "passed"]
    for _ in passes:
        for edge in passes:
            depth[edge.target] = max(depth[edge.target], depth[edge.source] + 1)
    last = max([depth[node.key] for node in graph.nodes if node.kind == "route"], default=0) + 1
    ends = {node.key: last for node in graph.nodes if node.kind not in ("feed", "route")}
    return {**depth, **ends}


def _rising(wished: Sequence[float]) -> list[float]:
    """The rising sequence nearest to the one wished for (pool adjacent violators)."""
    blocks: list[tuple[float, int]] = []  # mean and length
    for value in wished:
        mean, length = value, 1
        while blocks and blocks[-1][0] > mean:
            before, size = blocks.pop()
            mean = (before * size + mean * length) / (size + length)
            length += size
        blocks.append((mean, length))
    return [mean for mean, length in blocks for _ in range(length)]
