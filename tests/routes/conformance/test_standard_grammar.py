"""Structures as automata: all that a structure allows is taken, and nothing else; what is wrong is named."""

from __future__ import annotations

import random
import re

import pytest
from hypothesis import given
from hypothesis import strategies as st

from routes.conformance.dictionary import ANY_SEGMENT, VERSIONS, Member, read_dictionary
from routes.conformance.grammar import Grammar, State
from routes.conformance.mending import find_misfits

NAMES = "ABCD"


def written(member: Member, choose: random.Random) -> list[bytes]:
    """A row of segments that a structure allows, by chance."""
    most = member.most if member.most > 0 else member.least + 2
    row: list[bytes] = []
    for _ in range(choose.randint(member.least, max(member.least, most))):
        if not member.members:
            row.append(b"NTE" if member.name == ANY_SEGMENT else member.name.encode())
            continue
        for each in [choose.choice(member.members)] if member.choice else member.members:
            row += written(each, choose)
    return row


def taken(grammar: Grammar, row: list[bytes]) -> bool:
    """Whether a structure takes a row."""
    state: State | None = grammar.start
    for name in row:
        if state is None:
            return False
        state = state[name]
    return state is not None and state.complete


@pytest.mark.parametrize("version", VERSIONS)
def test_every_structure_takes_what_it_allows(version: str) -> None:
    dictionary = read_dictionary(version)
    choose = random.Random(version)
    structures = [name for name in dictionary.structure_names if choose.random() < 0.3]
    assert len(structures) > 5
    for name in structures:
        structure = dictionary.structure(name)
        grammar = Grammar.of(structure)
        for _ in range(3):
            row = written(structure, choose)
            assert taken(grammar, row), (name, row)
            assert find_misfits(grammar, row) == []


CARDINALITIES = st.sampled_from([(0, 1), (1, 1), (0, -1), (1, -1)])


def _member(name: str, bounds: tuple[int, int], members: list[Member], choice: bool) -> Member:
    return Member(name, *bounds, tuple(members), choice and bool(members))


SEGMENTS = st.builds(_member, st.sampled_from(NAMES), CARDINALITIES, st.just([]), st.just(False))
STRUCTURES = st.recursive(
    SEGMENTS,
    lambda inner: st.builds(
        _member, st.just("G"), CARDINALITIES, st.lists(inner, min_size=1, max_size=3), st.booleans()
    ),
    max_leaves=6,
)
ROWS = st.lists(st.sampled_from(NAMES), max_size=7)


def expression(member: Member) -> str:
    """The structure as a regular expression."""
    inner = member.name
    if member.members:
        inner = ("|" if member.choice else "").join(map(expression, member.members))
    return f"(?:{inner})" + {(0, 1): "?", (1, 1): "", (0, -1): "*", (1, -1): "+"}[member.least, member.most]


@given(STRUCTURES, ROWS)
def test_a_structure_takes_exactly_what_its_regular_expression_matches(
    member: Member, row: list[str]
) -> None:
    grammar = Grammar.of(Member("S", 1, 1, (member,)))
    right = re.fullmatch(expression(member), "".join(row)) is not None
    names = [name.encode() for name in row]

    assert taken(grammar, names) == right
    assert (find_misfits(grammar, names) == []) == right


@given(STRUCTURES, ROWS)
def test_a_row_is_right_once_its_misfits_are_mended(member: Member, row: list[str]) -> None:
    grammar = Grammar.of(Member("S", 1, 1, (member,)))
    names: list[bytes | None] = [name.encode() for name in row]
    added: dict[int, list[bytes]] = {}
    for misfit in find_misfits(grammar, [name.encode() for name in row]):
        if misfit.kind == "missing":
            added.setdefault(misfit.at, []).append(misfit.name)
        else:
            names[misfit.at] = None
            if misfit.belongs >= 0:
                added.setdefault(misfit.belongs, []).append(misfit.name)
    # Where several are missing at one place, one of their orders is right.
    assert _mendable(grammar, names, added)


def _mendable(grammar: Grammar, names: list[bytes | None], added: dict[int, list[bytes]]) -> bool:
    states = [grammar.start]
    for at, name in enumerate([*names, None]):
        states = _through(states, added.get(at, []))
        if name is not None:
            states = [after for state in states if (after := state[name]) is not None]
    return any(state.complete for state in states)


def _through(states: list[State], missing: list[bytes]) -> list[State]:
    if not missing:
        return states
    found: list[State] = []
    for index, name in enumerate(missing):
        after = [there for state in states if (there := state[name]) is not None]
        found += _through(after, missing[:index] + missing[index + 1 :])
    return found


def test_many_misfits_are_found_in_short_time() -> None:
    grammar = Grammar.of(read_dictionary("2.5").structure("ORU_R01"))
    row = [b"MSH", b"PID", b"OBR", *[b"OBX", b"PV1"] * 5_000]

    assert len(find_misfits(grammar, row)) == 5_000
