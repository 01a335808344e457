"""Which kind of value an expression gives, and how names refer to names."""

from __future__ import annotations

import pytest

from routes.language.parser import parse_expression
from routes.language.syntax import Expression, ExpressionError
from routes.language.types import check_types, define_names, names_in, tables_in
from routes.language.vocabulary import Kind, Named, Vocabulary
from routes.tables import Table

VOCABULARY = Vocabulary(
    names={"broken": Named(None), "abnormal": Named(parse_expression("MSH-3 is present"), Kind.YES_NO)},
    tables={"gp": Table("gp", ("code", "accepts"))},
    zone="Europe/London",
)


def parsed(**texts: str) -> dict[str, Expression | None]:
    return {name: parse_expression(text) for name, text in texts.items()}


@pytest.mark.parametrize(
    ("text", "kind"),
    [
        ("PID-8", Kind.TEXT),
        ("'x'", Kind.TEXT),
        ("PID-8 & 7", Kind.TEXT),
        ("gp[PID-8].accepts", Kind.TEXT),
        ("gp[PID-8]", Kind.ROW),
        ("7", Kind.NUMBER),
        ("count of OBX[*]", Kind.NUMBER),
        ("upper of OBX-7", Kind.NUMBER),
        ("received", Kind.TIME),
        ("PID-8 = 'F'", Kind.YES_NO),
        ("abnormal", Kind.YES_NO),
        ("not abnormal and any OBX[*]-8 = 'H'", Kind.YES_NO),
        ("broken", Kind.UNKNOWN),
    ],
)
def test_kinds(text: str, kind: Kind) -> None:
    assert check_types(parse_expression(text), VOCABULARY) is kind


@pytest.mark.parametrize(
    "text",
    [
        "broken",
        "broken = 'x'",
        "broken > 5",
        "broken and abnormal",
        "not broken",
        "broken is null",
        "broken in gp",
    ],
)
def test_what_could_not_be_read_causes_no_second_complaint(text: str) -> None:
    assert check_types(parse_expression(text), VOCABULARY, Kind.YES_NO) in (Kind.YES_NO, Kind.UNKNOWN)


def test_what_could_not_be_read_may_stand_for_any_kind() -> None:
    for kind in Kind:
        assert check_types(parse_expression("broken"), VOCABULARY, kind) is Kind.UNKNOWN


def test_a_number_may_stand_where_a_text_is_written() -> None:
    assert check_types(parse_expression("count of OBX[*]"), VOCABULARY, Kind.TEXT) is Kind.NUMBER


def test_it_is_allowed_in_each_and_behind_with() -> None:
    inside = Vocabulary(in_each=True)
    assert check_types(parse_expression("it-5"), inside) is Kind.TEXT
    assert check_types(parse_expression("any OBX[*] with (it-5 = 'x')"), Vocabulary()) is Kind.YES_NO
    with pytest.raises(ExpressionError, match="`it` is nothing here"):
        check_types(parse_expression("it-5"), Vocabulary())


def test_names_may_refer_to_one_another_in_any_order() -> None:
    vocabulary, errors = define_names(
        parsed(
            urgent="abnormal_result and final",
            final="OBX-11 = 'F'",
            abnormal_result="flag = 'H'",
            flag="OBX-8",
        ),
        VOCABULARY,
    )

    assert not errors
    kinds = {name: named.kind for name, named in vocabulary.names.items()}
    assert kinds["urgent"] is kinds["final"] is kinds["abnormal_result"] is Kind.YES_NO
    assert kinds["flag"] is Kind.TEXT
    assert "abnormal" in vocabulary.names


def test_a_circle_of_names_is_told_once() -> None:
    vocabulary, errors = define_names(parsed(a="b & 'x'", b="c", c="a", d="a & 'y'"), Vocabulary())

    assert list(errors) == ["c"]
    assert errors["c"].message == "A name cannot be defined by itself: a → b → c → a."
    assert vocabulary.names["c"].kind is Kind.UNKNOWN


def test_a_name_that_is_itself_is_a_circle() -> None:
    _, errors = define_names(parsed(a="a = 'x'"), Vocabulary())

    assert errors["a"].message == "A name cannot be defined by itself: a → a."


def test_a_mistake_in_a_name_is_told_where_it_is_made_and_not_where_it_is_used() -> None:
    vocabulary, errors = define_names(parsed(a="PID-8 = 7 and nonsense", b="a or a"), Vocabulary())

    assert list(errors) == ["a"]
    assert vocabulary.names["a"].kind is Kind.UNKNOWN
    assert check_types(parse_expression("b and a"), vocabulary, Kind.YES_NO) is Kind.YES_NO


def test_it_is_nothing_inside_a_name() -> None:
    _, errors = define_names(parsed(a="it-5"), Vocabulary(in_each=True))

    assert errors["a"].rule == "it-outside"


@pytest.mark.parametrize("backwards", [False, True])
def test_a_chain_of_names_is_capped(backwards: bool) -> None:
    texts = {"n0": "PID-8"} | {f"n{i}": f"n{i - 1}" for i in range(1, 400)}
    ordered = dict(reversed(texts.items())) if backwards else texts
    _, errors = define_names({n: parse_expression(t) for n, t in ordered.items()}, Vocabulary())

    assert errors
    assert {error.rule for error in errors.values()} == {"too-deep"}


def test_what_an_expression_reads_is_known_for_lints() -> None:
    tree = parse_expression("a and gp[b].accepts = c and PID-8 in lab_codes")

    assert names_in(tree) == {"a", "b", "c"}
    assert tables_in(tree) == {"gp", "lab_codes"}
