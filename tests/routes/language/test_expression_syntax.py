"""Reading expressions: precedence, canonical text, and that no text at all upsets the reader."""

from __future__ import annotations

from decimal import Decimal
from typing import get_args

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from routes.hl7.path import parse_path
from routes.language.lexer import MAX_LENGTH
from routes.language.parser import MAX_DEPTH, parse_expression
from routes.language.syntax import (
    And,
    Compare,
    CompareSign,
    Count,
    Element,
    Expression,
    ExpressionError,
    InHours,
    InList,
    InTable,
    Is,
    IsValid,
    Join,
    Lookup,
    Matches,
    Name,
    Not,
    Number,
    Or,
    PathRead,
    Quantified,
    Quantifier,
    RangeEnd,
    Received,
    State,
    Text,
    TextTest,
    TextTestKind,
    walk,
)
from routes.language.vocabulary import RESERVED, name_problem

PATHS = [
    "MSH-9.1",
    "PID-3[5='NH'].1",
    "PID-3[4='N''S]' and 5='NH'].1.2",
    "OBX[*]-8",
    "OBR[1]/OBX[*]-5",
    "OBX[3.1='HB']-5",
    "NTE[2='INTERNAL']",
    "OBR[*]-28[*]",
    "ZAL-1",
    "it",
    "it-5",
    "it-3[2].1",
    "it.1.2",
]

words = st.from_regex(r"[a-z_][a-z0-9_]{0,8}", fullmatch=True).filter(lambda word: not name_problem(word))
paths = st.sampled_from(PATHS).map(parse_path)
numbers = st.decimals(-99999, 99999, places=2).map(lambda number: Number(number + 0))
leaves: st.SearchStrategy[Expression] = st.one_of(
    st.text(max_size=8).map(Text),
    numbers,
    st.just(Received()),
    paths.map(PathRead),
    words.map(Name),
    paths.map(Count),
)


def questions_about(value: Expression, inner: st.SearchStrategy[Expression]) -> st.SearchStrategy[Expression]:
    return st.one_of(
        st.builds(Compare, st.just(value), st.sampled_from(get_args(CompareSign)), inner),
        st.builds(InList, st.just(value), st.lists(inner, max_size=3).map(tuple)),
        st.builds(InTable, st.just(value), words.filter(lambda word: word != "hours")),
        st.builds(InHours, st.just(value), words),
        st.builds(Is, st.just(value), st.sampled_from(get_args(State))),
        st.builds(IsValid, st.just(value), words),
        st.builds(Matches, st.just(value), words),
        st.builds(TextTest, st.just(value), st.sampled_from(get_args(TextTestKind)), inner),
    )


def bigger(inner: st.SearchStrategy[Expression]) -> st.SearchStrategy[Expression]:
    several = st.lists(inner, min_size=2, max_size=3).map(tuple)
    quantifiers = st.sampled_from(get_args(Quantifier))
    return st.one_of(
        several.map(And),
        several.map(Or),
        several.map(Join),
        inner.map(Not),
        inner.flatmap(lambda value: questions_about(value, inner)),
        st.builds(RangeEnd, st.sampled_from(["upper", "lower"]), inner),
        st.builds(Lookup, words, inner, st.none() | words),
        st.builds(Quantified, quantifiers, paths, inner, st.just(True)),
        st.builds(Quantified, quantifiers, paths, questions_about(Element(), inner)),
    )


expressions = st.recursive(leaves, bigger, max_leaves=8)


@given(expressions)
def test_the_canonical_text_of_a_tree_reads_as_the_same_tree(tree: Expression) -> None:
    assert parse_expression(str(tree)) == tree


FRAGMENTS = [
    *PATHS,
    *sorted(RESERVED),
    "'x'",
    "'",
    '"',
    "name",
    "table[",
    "]",
    ".column",
    "(",
    ")",
    "[",
    "=",
    "!=",
]
FRAGMENTS += [
    "<",
    ">",
    "&",
    ",",
    "is",
    "valid",
    "hours",
    "7",
    "-",
    "7.5",
    "²",
    "\u00a0",
    "‘",
    "/",
    "*",
    "msg['PID']",
]


def refusal(text: str) -> ExpressionError | None:
    try:
        parse_expression(text)
    except ExpressionError as error:
        return error
    return None


@given(st.one_of(st.text(max_size=40), st.lists(st.sampled_from(FRAGMENTS), max_size=12).map(" ".join)))
@example("OBX-5 = ²")
@example("-²")
@example("PID-3[")
@example("/")
@example("any")
@example("is")
@example("a not")
@example("'" * 3)
@example("x" * (MAX_LENGTH + 1))
def test_any_text_is_read_or_refused_with_a_place_inside_it(text: str) -> None:
    error = refusal(text)
    if error is None:
        for node in walk(parse_expression(text)):
            assert 0 <= node.span.offset <= node.span.offset + node.span.length <= len(text)
        return
    assert 0 <= error.offset <= len(text)
    assert error.length >= 1
    assert error.message[0].isupper() or not error.message[0].isalpha()
    assert error.message.endswith((".", "?"))
    assert error.rule


@given(st.lists(st.sampled_from(FRAGMENTS), max_size=12).map("".join))
def test_what_is_read_has_a_canonical_text_that_reads_the_same(text: str) -> None:
    if refusal(text) is None:
        tree = parse_expression(text)
        assert parse_expression(str(tree)) == tree


@pytest.mark.parametrize(
    ("text", "canonical"),
    [
        ("a or b and c", "a or (b and c)"),
        ("a and b or c", "(a and b) or c"),
        ("not a = 'x'", "not (a = 'x')"),
        ("not a and b", "not a and b"),
        ("a and not b or c", "(a and not b) or c"),
        ("a & 'x' = 'y'", "a & 'x' = 'y'"),
        ("upper of OBX-7 & 'x'", "upper of OBX-7 & 'x'"),
        ("a='x'and(b)", "a = 'x' and b"),
        ("  any   OBX[*]-8\n=\t'H' ", "any OBX[*]-8 = 'H'"),
        ("gp[ PV1-3.10 ].accepts = 'x'", "gp[PV1-3.10].accepts = 'x'"),
        ("t[t[a].b].c is present", "t[t[a].b].c is present"),
        ("t[a].in = 'x'", "t[a].in = 'x'"),
        ("t[a].NHS = 'x'", "t[a].NHS = 'x'"),
        ("OBX-5 = -7.50", "OBX-5 = -7.50"),
        ("x in hours", "x in hours"),
        ("x in hours working", "x in hours working"),
        ("a = 'it''s'", "a = 'it''s'"),
        ("PID-3[4='a]b'].1 = 'x'", "PID-3[4='a]b'].1 = 'x'"),
        ("any OBX[*] with (any it-8[*] = 'H')", "any OBX[*] with (any it-8[*] = 'H')"),
    ],
)
def test_how_expressions_are_understood(text: str, canonical: str) -> None:
    assert str(parse_expression(text)) == canonical


def test_each_node_knows_its_place() -> None:
    text = "nhs_number is present and gp[PV1-3.10].accepts = 'paper'"
    found = {text[n.span.offset : n.span.offset + n.span.length] for n in walk(parse_expression(text))}

    assert found == {
        text,
        "nhs_number is present",
        "nhs_number",
        "gp[PV1-3.10].accepts = 'paper'",
        "gp[PV1-3.10].accepts",
        "PV1-3.10",
        "'paper'",
    }


def test_numbers_keep_their_exact_value() -> None:
    assert parse_expression("7.10") == Number(Decimal("7.1"))
    assert str(parse_expression("0.0000001")) == "0.0000001"


@pytest.mark.parametrize("opening", ["(", "not ", "t[", "upper of ", "any OBX[*] with ("])
def test_nesting_is_capped(opening: str) -> None:
    with pytest.raises(ExpressionError, match="nested too deeply"):
        parse_expression(opening * (MAX_DEPTH + 1) + "a")


def test_length_is_capped() -> None:
    longest = "a = '" + "x" * (MAX_LENGTH - 6) + "'"
    assert parse_expression(longest)
    with pytest.raises(ExpressionError, match="at most 4000 characters") as caught:
        parse_expression(longest + " ")
    assert caught.value.offset == MAX_LENGTH


def test_a_long_flat_condition_is_no_deep_one() -> None:
    assert isinstance(parse_expression(" or ".join(["a = 'x'"] * 300)), Or)


@pytest.mark.parametrize("text", ["", "   ", "\n"])
def test_an_empty_expression_is_refused(text: str) -> None:
    with pytest.raises(ExpressionError, match="missing"):
        parse_expression(text)


@pytest.mark.parametrize(
    ("name", "problem"),
    [
        ("nhs_number", ""),
        ("A1", ""),
        ("and", "word of the language"),
        ("Or", "word of the language"),
        ("PID", "segment"),
        ("PID3", "segment"),
        ("nhs-number", "letters, digits"),
        ("1st", "letters, digits"),
        ("", "letters, digits"),
        ("größe", "letters, digits"),
    ],
)
def test_which_words_may_be_names(name: str, problem: str) -> None:
    assert problem in name_problem(name)
    assert bool(problem) is bool(name_problem(name))
