"""One tree over another: keys are merged, other values replaced, another kind replaces all."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from engine.site.overlay import OPTIONS, lay_over, tree_of
from routes.language.problems import Problems
from routes.language.source import Block, Items, Node, Scalar, read_yaml


def _read(text: str) -> Node:
    node = read_yaml("x.yaml", text, Problems())
    assert node is not None
    return node


def _plain(node: Node) -> object:
    if isinstance(node, Scalar):
        return node.value
    if isinstance(node, Items):
        return [_plain(item) for item in node.items]
    return {key.value: _plain(value) for key, value in node.entries}


def test_keys_are_merged_at_every_level() -> None:
    base = _read("a: 1\nb: {c: 2, d: {e: 3, f: 4}}")
    over = _read("b: {d: {e: 5}, g: 6}")

    assert _plain(lay_over(base, over)) == {"a": "1", "b": {"c": "2", "d": {"e": "5", "f": "4"}, "g": "6"}}


def test_lists_are_replaced() -> None:
    assert _plain(lay_over(_read("a: [1, 2]"), _read("a: [3]"))) == {"a": ["3"]}


def test_an_entry_of_another_kind_is_replaced_as_a_whole() -> None:
    base = _read("gp: {kind: mllp, send_to: 'h:1', directory: d}")
    over = _read("gp: {kind: amqp, directory: d}")

    assert _plain(lay_over(base, over)) == {"gp": {"kind": "amqp", "directory": "d"}}


def test_a_value_keeps_the_place_where_it_was_written() -> None:
    base = read_yaml("base.yaml", "a: 1\nb: 2", Problems())
    over = read_yaml("over.yaml", "\nb: 3", Problems())
    assert over is not None

    merged = lay_over(base, over)

    assert isinstance(merged, Block)
    places = {key.value: (value.spot.file, value.spot.line) for key, value in merged.entries}
    assert places == {"a": ("base.yaml", 1), "b": ("over.yaml", 2)}


def test_options_with_dots_make_a_tree() -> None:
    tree = tree_of(
        {"broker": "embedded", "feeds.pas.listen": "127.0.0.1:0", "feeds.pas.senders": ["10.0.0.1"]}
    )

    assert _plain(tree) == {
        "broker": "embedded",
        "feeds": {"pas": {"listen": "127.0.0.1:0", "senders": ["10.0.0.1"]}},
    }
    assert tree.spot.file == OPTIONS


def test_an_option_below_a_plain_value_is_refused() -> None:
    with pytest.raises(ValueError, match=r"feeds\.pas"):
        tree_of({"feeds": "x", "feeds.pas": "y"})


_trees = st.recursive(
    st.text("ab", max_size=2),
    lambda inner: st.dictionaries(st.sampled_from("abc"), inner, min_size=1, max_size=3),
    max_leaves=8,
).filter(lambda tree: isinstance(tree, dict))


@given(_trees)
def test_a_tree_laid_over_itself_changes_nothing(tree: dict[str, object]) -> None:
    node = tree_of({"x": tree})

    assert _plain(lay_over(node, node)) == _plain(node)


@given(_trees, _trees)
def test_what_the_overlay_says_holds_and_nothing_of_the_base_is_lost(
    base: dict[str, object], over: dict[str, object]
) -> None:
    merged = _plain(lay_over(tree_of({"x": base}), tree_of({"x": over})))

    assert isinstance(merged, dict)
    assert set(merged["x"]) == set(base) | set(over)
