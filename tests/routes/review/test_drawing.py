"""The picture of a site: what leads where, derived from its files and from nothing else.

To renew the golden files after a change that was meant: GATEPOST_GOLDEN=renew pytest tests/routes/review
"""

from __future__ import annotations

import re
from dataclasses import replace
from xml.etree import ElementTree as ET

import pytest

from routes.language.parser import parse_expression
from routes.review.brief_words import brief
from routes.review.drawing import Edge, Graph, Key, Node, draw_site
from routes.review.mermaid_form import write_mermaid
from routes.review.svg_form import write_svg
from tests.routes.review.golden_files import example_site, held_against
from tests.routes.review.large_site import SUBJECTS, large_site
from tests.routes.review.whole_site import FEEDS, ROUTE, compiled

SVG = "{http://www.w3.org/2000/svg}"
HERE: Key = ("route", "everything")


def ways(graph: Graph, target: Key) -> list[tuple[str, str, bool]]:
    """(label, kind, solid) of every line from `everything` to a box."""
    return [(e.label, e.kind, e.solid) for e in graph.edges if e.source == HERE and e.target == target]


def test_the_example_site_is_drawn_as_reviewed() -> None:
    held_against("site.mmd", write_mermaid(draw_site(example_site())))


def test_the_picture_in_the_documents_is_that_of_the_example_site() -> None:
    held_against("../../../../docs/example_site.svg", write_svg(draw_site(example_site()), "three-hospitals"))


def test_a_route_of_the_example_site_is_drawn_as_reviewed() -> None:
    held_against("gp_letters.svg", write_svg(draw_site(example_site(), ["gp_letters"]), "gp_letters"))


def test_every_way_of_a_route_is_a_line_with_its_condition() -> None:
    graph = draw_site(compiled())

    assert ways(graph, ("channel", "gp_message")) == [
        ("if accepts is electronic", "sent", True),
        ("each doctor to copy to", "sent", True),
    ]
    assert ways(graph, ("channel", "print_room")) == [
        ("not acknowledged in 3 days", "late", False),
        ("came back: left, misdirected", "late", False),
    ]
    assert ways(graph, ("channel", "archive")) == [
        ("not delivered in 1 hour 30 minutes", "late", False),
        ("", "sent", True),
    ]
    assert ways(graph, ("channel", "earlier recipients")) == [
        ("any observation result status is C", "sent", True)
    ]
    assert ways(graph, ("route", "onward")) == [("in hours working", "passed", True)]
    assert ways(graph, ("tray", "restricted")) == [("safe", "held", False)]
    assert ways(graph, ("refused", "refused")) == [("patient's family name starts with XX", "refused", False)]
    assert ("if none of these", "held", False) in ways(graph, ("tray", "no_practice"))
    assert ("code unknown", "held", False) in ways(graph, ("tray", "unknown_code"))
    assert ("plugin fails", "held", False) in ways(graph, ("tray", "change_failed"))
    assert ("address unknown", "held", False) in ways(graph, ("tray", "unknown_address"))


def test_a_warning_leads_nowhere() -> None:
    graph = draw_site(compiled())

    assert "Copy-to" not in repr(graph)
    assert "as the profile says" not in repr(graph)


def test_a_feed_shows_its_dialect_and_what_its_own_guards_hold() -> None:
    graph = draw_site(compiled())
    lims = next(node for node in graph.nodes if node.key == ("feed", "lims"))

    assert lims.details == ("dialect north",)
    assert Edge(("feed", "letters"), ("tray", "restricted"), "held", "safe") in graph.edges


def test_every_feed_route_and_named_tray_of_a_site_is_a_box_once() -> None:
    graph = draw_site(compiled())
    keys = [node.key for node in graph.nodes]

    assert len(set(keys)) == len(keys)
    assert {name for kind, name in keys if kind == "feed"} == set(FEEDS)
    assert {name for kind, name in keys if kind == "route"} == {"everything", "onward"}
    assert set(re.findall(r"hold: (\w+)", ROUTE)) <= {n for kind, n in keys if kind == "tray"}


def test_one_route_is_drawn_with_all_that_it_is_joined_to_and_no_more() -> None:
    graph = draw_site(compiled(), ["onward"])

    assert {node.key for node in graph.nodes} == {HERE, ("route", "onward"), ("channel", "archive")}
    assert [edge.kind for edge in graph.edges] == ["passed", "sent"]


def test_a_route_that_is_not_there_cannot_be_drawn() -> None:
    with pytest.raises(KeyError):
        draw_site(compiled(), ["nowhere"])


@pytest.mark.parametrize(
    ("before", "after"),
    [
        ("then: print_room", "then: duty_desk"),
        ("hold: odd", "hold: even"),
        ("when: critical", "when: not critical"),
        ("pass_to: onward\n    when: received in hours working", "pass_to: onward"),
        ("guards: [safe]\n", ""),
    ],
)
def test_a_change_to_a_route_is_a_change_of_its_picture(before: str, after: str) -> None:
    changed = compiled({"routes/everything.yaml": ROUTE.replace(before, after)})

    assert write_mermaid(draw_site(changed)) != write_mermaid(draw_site(compiled()))
    assert write_svg(draw_site(changed)) != write_svg(draw_site(compiled()))


def test_a_picture_is_the_same_each_time() -> None:
    assert write_svg(draw_site(large_site())) == write_svg(draw_site(large_site()))


HOSTILE = 'a"]; click x "javascript:y" <script>&amp;</script> `md` #quot; | %% --> end {b} \\ 日本 \x1b \n c'


def hostile() -> Graph:
    """A picture in which every text is hostile."""
    key: Key = ("route", HOSTILE)
    other: Key = ("tray", HOSTILE)
    return Graph((Node(key, (HOSTILE,)), Node(other, ("end",))), (Edge(key, other, "held", HOSTILE),))


def test_hostile_words_stay_words_in_mermaid() -> None:
    text = write_mermaid(hostile())
    labels = re.findall(r'"([^"\n]*)"', text)
    bare = re.sub(r'"[^"\n]*"', '""', text)

    assert len(labels) == 3
    assert all(re.fullmatch(r"(?:[\w .,:()/=+*'-]|#\d+;|<br/>)*", label) for label in labels)
    assert bare.splitlines()[1:4] == [
        '    route1[""]:::route',
        '    tray2[/""/]:::tray',
        '    route1 -.->|""| tray2',
    ]


def test_hostile_words_stay_words_in_svg() -> None:
    calm = replace(hostile(), nodes=tuple(replace(node, details=("x",)) for node in hostile().nodes))
    tree, other = (ET.fromstring(write_svg(graph, HOSTILE)) for graph in (hostile(), calm))  # noqa: S314 - our own text
    shown = [element.text or "" for element in tree.iter(f"{SVG}title")]

    assert [element.tag for element in tree.iter()] == [element.tag for element in other.iter()]
    assert any("<script>&amp;</script>" in text for text in shown)


def test_a_large_site_has_a_line_for_each_of_its_ways() -> None:
    graph = draw_site(large_site())
    tree = ET.fromstring(write_svg(graph))  # noqa: S314 - our own text
    lines = [element for element in tree.iter(f"{SVG}path") if element.get("d", "").count("C")]
    texts = {element.text for element in tree.iter(f"{SVG}text")}

    assert len(lines) == len(graph.edges)
    assert set(SUBJECTS) <= texts


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("gp_directory[requester].accepts = 'electronic'", "accepts is electronic"),
        ("any OBX[*]-8 in ['HH', 'LL']", "any abnormal flags is HH, LL"),
        ("not (PV1-2 = 'I' and critical)", "patient class is not I or not critical"),
        ("PID-3[5='NH'].1 is valid nhs_number", "NHS number is valid"),
        ("PID-7 is present", "date/time of birth is present"),
        ("count of OBX[*] > 3", "number of result line > 3"),
        (
            "any OBX[*] with (it-5 > upper of it-7)",
            "any result line with observation value > upper reference range",
        ),
        ("received in hours working", "in hours working"),
        ("PID-5.1 matches test_name", "patient's family name test_name"),
        ("received < '2026-01-01'", "received < 2026-01-01"),
        ("MSH-4 & 'x' = 'y'", "MSH-4 & 'x' is y"),
        ("PV1-3.1 in wards", "point of care in wards"),
        ("PID-5.1 starts with 'X'", "patient's family name starts with X"),
        ("PID-8 != 'M'", "administrative sex is not M"),
    ],
)
def test_a_condition_is_told_in_few_words(text: str, words: str) -> None:
    assert brief(parse_expression(text)) == words
