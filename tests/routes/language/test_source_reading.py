"""YAML as nodes with places: every scalar is text, every fault a problem, and nothing ever raises."""

from __future__ import annotations

import pytest
import yaml
from hypothesis import given, settings
from hypothesis import strategies as st

from routes.language.problems import Problems
from routes.language.source import Block, Items, Node, Scalar, read_yaml


def read(text: str) -> Node:
    problems = Problems()
    node = read_yaml("f.yaml", text, problems)

    assert problems.in_order() == []
    assert node is not None
    return node


def rules(text: str) -> list[str]:
    problems = Problems()
    read_yaml("f.yaml", text, problems)
    return [problem.rule for problem in problems.in_order()]


def plain(node: Node) -> object:
    if isinstance(node, Scalar):
        return node.value
    if isinstance(node, Items):
        return [plain(item) for item in node.items]
    return {key.value: plain(value) for key, value in node.entries}


def test_every_scalar_is_the_text_that_stands_there() -> None:
    found = read("a: no\nb: 0123\nc: 12:30\nd: 1.10\ne: 2026-01-05\nf: ~\ng: null\nh: 1_000\n")

    assert plain(found) == {
        "a": "no",
        "b": "0123",
        "c": "12:30",
        "d": "1.10",
        "e": "2026-01-05",
        "f": "~",
        "g": "null",
        "h": "1_000",
    }


def test_nodes_know_where_they_stand_and_how_they_are_written() -> None:
    found = read("a: x\nb: [y, {c: 'z'}]\n")

    assert isinstance(found, Block)
    assert [(key.spot.line, key.spot.column) for key, _ in found.entries] == [(1, 1), (2, 1)]
    items = found.get("b")
    assert isinstance(items, Items)
    assert items.flow
    inner = items.items[1]
    assert isinstance(inner, Block)
    value = inner.get("c")
    assert isinstance(value, Scalar)
    assert (value.style, value.spot.line, value.spot.column, value.spot.length) == ("single", 2, 12, 3)


def test_an_empty_file_is_an_empty_block() -> None:
    assert read("# only a comment\n") == Block((), read("").spot)


def test_a_byte_order_mark_and_windows_line_ends_change_nothing() -> None:
    assert plain(read("\ufeffa: x\r\nb: y\r\n")) == {"a": "x", "b": "y"}


@pytest.mark.parametrize(
    ("text", "value", "offset", "place"),
    [
        ("a: one two\n", "one two", 4, (1, 8)),
        ("a: 'it''s so'\n", "it's so", 5, (1, 11)),
        ('a: "one two"\n', "one two", 4, (1, 9)),
        ("a: one\n  two three\n", "one two three", 8, (2, 7)),
        ("a: >-\n    one\n    two\n", "one two", 4, (3, 5)),
        ("a: |\n  one\n  two\n", "one\ntwo\n", 4, (3, 3)),
        ("a: x\n", "x", 9, (1, 5)),
    ],
)
def test_a_character_of_a_value_is_found_again_in_the_file(
    text: str, value: str, offset: int, place: tuple[int, int]
) -> None:
    node = read(text)
    assert isinstance(node, Block)
    scalar = node.entries[0][1]
    assert isinstance(scalar, Scalar)
    assert scalar.value == value
    spot = scalar.at(offset)

    assert (spot.line, spot.column) == place


@pytest.mark.parametrize(
    ("text", "rule"),
    [
        ("a: 1\na: 2\n", "duplicate-key"),
        ("a: &x 1\n", "anchor"),
        ("a: {b: 1, <<: *x}\n", "alias"),
        ("a: !!int 1\n", "tag"),
        ("a: 1\n---\nb: 2\n", "several-documents"),
        ("? [a, b]\n: c\n", "key-not-text"),
        ("a: " + "[" * 100 + "]" * 100, "too-deep"),
        ("a: b\x07\n", "odd-character"),
        ("a: b\rc: d\n", "odd-character"),
        ("x" * 1_000_001, "too-large"),
        ("a: 'b\n", "unclosed-quote"),
        ("a: {b: c\n", "unclosed-bracket"),
        ("%YAML 9\n---\na: b\n", "yaml"),
    ],
)
def test_what_yaml_would_do_behind_ones_back_is_one_problem(text: str, rule: str) -> None:
    assert rules(text) == [rule]


def test_a_fault_in_one_place_does_not_hide_those_in_others() -> None:
    assert rules("a: 1\na: 2\nb: {warn: One, two}\n") == ["duplicate-key", "comma-in-braces"]


def test_several_keys_that_stand_there_again_are_one_mistake() -> None:
    problems = Problems()
    read_yaml("r.yaml", "- name: 1\n  given: 2\n  name: 3\n  given: 4\n", problems)
    [problem] = problems.in_order()

    assert problem.rule == "duplicate-key"
    assert '"name", "given" stand here a second time (first from line 1 on)' in problem.message


@settings(max_examples=300, deadline=None)
@given(st.text(alphabet=st.sampled_from("ab:-,[]{}'\"#&*!|>%@ \n\t\\?~=é"), max_size=60))
def test_no_text_makes_reading_raise_and_what_fails_has_a_problem(text: str) -> None:
    problems = Problems()
    node = read_yaml("f.yaml", text, problems)

    assert node is not None or problems.errors
    for problem in problems.in_order():
        assert str(problem)
        assert 1 <= problem.spot.line <= text.count("\n") + 1
        assert problem.spot.column >= 1


values = st.text(alphabet=st.sampled_from("ab'\"#:, é\\[]{}"), max_size=12)
trees = st.recursive(
    values,
    lambda inner: st.one_of(st.lists(inner, max_size=3), st.dictionaries(values, inner, max_size=3)),
    max_leaves=8,
)


@settings(max_examples=200, deadline=None)
@given(tree=st.dictionaries(values, trees, min_size=1, max_size=3), flow=st.booleans())
def test_what_pyyaml_writes_is_read_as_the_same_texts(tree: dict[str, object], flow: bool) -> None:
    text = yaml.safe_dump(tree, default_flow_style=flow, allow_unicode=True, width=40)

    assert plain(read(text)) == tree


@settings(max_examples=200, deadline=None)
@given(st.text(alphabet=st.sampled_from("abc 'd=."), min_size=1, max_size=30), st.integers(0, 29))
def test_places_in_a_value_point_at_the_same_character(value: str, offset: int) -> None:
    text = yaml.safe_dump({"k": value}, width=1000)
    node = read(text)
    assert isinstance(node, Block)
    scalar = node.entries[0][1]
    assert isinstance(scalar, Scalar)
    if offset < len(scalar.value) and not scalar.value[offset].isspace():
        spot = scalar.at(offset)
        line = text.split("\n")[spot.line - 1]

        assert line[spot.column - 1] == scalar.value[offset]
