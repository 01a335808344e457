"""Boxes, rows and lines of a picture never meet where they must not, whatever the graph."""

from __future__ import annotations

from itertools import combinations

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from routes.review.drawing import Edge, EdgeKind, Graph, Key, Node, NodeKind, draw_site
from routes.review.layout import Box, Layout, lay_out
from routes.review.text_width import cut_to, text_width
from tests.routes.review.golden_files import example_site
from tests.routes.review.large_site import large_site
from tests.routes.review.whole_site import compiled

SITES = {"example": example_site, "everything": compiled, "large": large_site}
Rectangle = tuple[float, float, float, float]


def texts_of(layout: Layout) -> list[Rectangle]:
    """Where each text of a picture is drawn: left, top, right, bottom."""
    found: list[Rectangle] = []
    for box in layout.boxes:
        left, right = box.x + 10, box.x + box.width - 10
        found.append((left, box.y + 8, left + text_width(box.title, 13, bold=True), box.y + 21))
        for number, detail in enumerate(box.details):
            y = box.y + 32 + 15 * number
            found.append((left, y - 9, left + text_width(detail, 11), y + 2))
        for row in box.rows:
            found.append((left, row.y - 5, left + text_width(row.label, 11), row.y + 6))
            found.append((right - text_width(row.target, 11, bold=True), row.y - 5, right, row.y + 6))
    found += [
        (h.x, h.y - 9, h.x + text_width(h.text.upper(), 12, bold=True), h.y + 2) for h in layout.headings
    ]
    return found


def meet(one: Rectangle, other: Rectangle) -> bool:
    return one[0] < other[2] and other[0] < one[2] and one[1] < other[3] and other[1] < one[3]


def look_at(layout: Layout) -> None:
    """Everything that must hold of a picture."""
    texts = texts_of(layout)
    boxes = [(box.x, box.y, box.x + box.width, box.y + box.height) for box in layout.boxes]

    assert [pair for pair in combinations(texts, 2) if meet(*pair)] == []
    assert [pair for pair in combinations(boxes, 2) if meet(*pair)] == []
    assert all(
        x >= 0 and y >= 0 and right <= layout.width and bottom <= layout.height
        for x, y, right, bottom in texts
    )
    assert all(is_within(box) for box in layout.boxes)
    for line in layout.lines:
        xs = [x for x, _ in line.points]
        assert xs == sorted(xs)
        for (x, y), (to_x, _) in zip(line.points[1:-1:2], line.points[2:-1:2], strict=True):
            assert not any(meet((x, y - 1, to_x, y + 1), box) for box in boxes)  # where it crosses a column


def is_within(box: Box) -> bool:
    """Whether a box has room for all its texts."""
    inside = box.width - 20
    rows = all(
        text_width(row.label, 11) + text_width(row.target, 11, bold=True) <= inside
        and box.y < row.y < box.y + box.height
        for row in box.rows
    )
    return rows and text_width(box.title, 13, bold=True) <= inside


@pytest.mark.parametrize("site", SITES)
def test_the_picture_of_a_site_is_readable(site: str) -> None:
    graph = draw_site(SITES[site]())
    layout = lay_out(graph)

    look_at(layout)
    assert len(layout.lines) == len(graph.edges)
    assert len(layout.boxes) == len(graph.nodes)


def test_lines_of_two_boxes_bound_for_the_same_box_share_a_lane_and_arrive_apart() -> None:
    layout = lay_out(draw_site(large_site()))
    arrivals = [(line.edge.target, line.points[-1]) for line in layout.lines]

    assert len(set(arrivals)) == len(arrivals)


KINDS: dict[NodeKind, EdgeKind] = {"channel": "sent", "tray": "held", "refused": "refused"}
words = st.text(st.characters(blacklist_categories=["Cs", "Cc"]), min_size=1, max_size=60)


@st.composite
def graphs(draw: st.DrawFn) -> Graph:
    """Any graph that a site could have: routes pass only to later ones."""
    feeds: list[Key] = [("feed", f"f{n}") for n in range(draw(st.integers(0, 4)))]
    routes: list[Key] = [("route", draw(words) + str(n)) for n in range(draw(st.integers(1, 6)))]
    ends: list[Key] = [
        (draw(st.sampled_from(list(KINDS))), draw(words) + str(n)) for n in range(draw(st.integers(1, 6)))
    ]
    edges: list[Edge] = []
    for feed in feeds:
        edges += [Edge(feed, route, "takes") for route in draw(st.lists(st.sampled_from(routes), max_size=3))]
        edges += [
            Edge(feed, end, KINDS[end[0]], draw(words))
            for end in draw(st.lists(st.sampled_from(ends), max_size=2))
        ]
    for number, route in enumerate(routes):
        for end in draw(st.lists(st.sampled_from(ends), max_size=4)):
            edges.append(Edge(route, end, KINDS[end[0]], draw(st.one_of(st.just(""), words))))
        later = routes[number + 1 :]
        if later:
            edges += [
                Edge(route, other, "passed") for other in draw(st.lists(st.sampled_from(later), max_size=2))
            ]
    keys = [*feeds, *routes, *ends]
    return Graph(
        tuple(Node(key, tuple(draw(st.lists(words, max_size=2)))) for key in keys),
        tuple(dict.fromkeys(edges)),
    )


@settings(max_examples=40, deadline=None)
@given(graphs())
def test_any_graph_is_readable(graph: Graph) -> None:
    look_at(lay_out(graph))


def test_a_site_without_anything_is_an_empty_picture() -> None:
    assert lay_out(Graph((), ())).boxes == ()


@given(words, st.floats(20, 300))
def test_a_text_that_is_cut_fits(text: str, width: float) -> None:
    assert text_width(cut_to(text, width, 11), 11) <= width


def test_a_text_that_fits_is_not_cut() -> None:
    assert cut_to("gp_message", 100, 11) == "gp_message"
    assert cut_to("does_not_conform", 60, 11) == "does_not…"
