"""What people are told about mistakes in expressions, word for word: golden/*.txt.

A golden file holds blocks with a blank line between: the expression, the caret, the message with its rule,
and, where there is a fix, the expression after it.
"""

from __future__ import annotations

from pathlib import Path

import pytest

from routes.language.hours import read_hours
from routes.language.parser import parse_expression
from routes.language.syntax import ExpressionError
from routes.language.types import check_types, define_names
from routes.language.vocabulary import Kind, Pattern, Vocabulary
from routes.tables import Table

GOLDEN = Path(__file__).parent / "golden"


class AnyPattern:
    """Stands for a pattern where only its name matters."""

    def fullmatch(self, text: str) -> object | None:
        return text


CAPITALS: Pattern = AnyPattern()
VOCABULARY, _ = define_names(
    {
        "nhs_number": parse_expression("PID-3[5='NH'].1"),
        "abnormal": parse_expression("any OBX[*]-8 = 'H'"),
        "practice": parse_expression("gp_directory[PV1-3.10]"),
        "broken": None,
    },
    Vocabulary(
        tables={
            "gp_directory": Table("gp_directory", ("code", "accepts")),
            "lab_codes": Table("lab_codes", ("code", "national")),
        },
        hours={"working": read_hours({"zone": "Europe/London", "monday": "09:00-17:00"})},
        patterns={"capitals": CAPITALS},
    ),
)


def complaint(expression: str, kind: Kind) -> ExpressionError | None:
    try:
        check_types(parse_expression(expression), VOCABULARY, kind)
    except ExpressionError as error:
        return error
    return None


def block(expression: str, kind: Kind) -> str:
    error = complaint(expression, kind)
    if error is None:
        return f"{expression}\n(no complaint)"
    lines = [
        expression,
        " " * error.offset + "^" + "~" * (error.length - 1),
        f"{error.message} [{error.rule}]",
    ]
    if error.fix:
        lines.append("fix: " + fixed(expression, error))
    return "\n".join(lines)


def fixed(expression: str, error: ExpressionError) -> str:
    return expression[: error.offset] + error.fix + expression[error.offset + error.length :]


def blocks(name: str) -> list[str]:
    return (GOLDEN / name).read_text(encoding="utf-8").rstrip("\n").split("\n\n")


@pytest.mark.parametrize("expected", [*blocks("spelling.txt"), *blocks("conditions.txt")])
def test_a_mistake_in_a_condition_is_told_word_for_word(expected: str) -> None:
    assert block(expected.split("\n")[0], Kind.YES_NO) == expected


@pytest.mark.parametrize("expected", blocks("values.txt"))
def test_a_mistake_in_a_value_is_told_word_for_word(expected: str) -> None:
    assert block(expected.split("\n")[0], Kind.TEXT) == expected


@pytest.mark.parametrize("expected", [*blocks("spelling.txt"), *blocks("conditions.txt")])
def test_a_fix_mends_what_it_marks(expected: str) -> None:
    """After the fix there is no complaint, or one about another mistake."""
    expression = expected.split("\n")[0]
    error = complaint(expression, Kind.YES_NO)
    assert error is not None
    if error.fix:
        after = complaint(fixed(expression, error), Kind.YES_NO)
        assert after is None or (after.offset, after.rule) != (error.offset, error.rule)
