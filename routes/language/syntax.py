"""The tree of an expression: frozen values, each with its place in the text and its canonical spelling.

Knows nothing of messages, tables or types; the parser builds the tree, `types` judges it and `compiler`
turns it into closures. `str(node)` is the canonical text, which parses back to an equal tree, so that
lints, traces and explanations can show a condition as the analyst would write it. Equality looks at the
meaning only, never at the place.

    Expression
    ├── Text, Number, Received, PathRead, Element, Name, Lookup, Join, RangeEnd, Count      values
    ├── Test: Compare, InList, InTable, InHours, Is, IsValid, Matches, TextTest             one value asked
    └── Or, And, Not, Quantified                                                            conditions
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field, fields
from decimal import Decimal
from typing import ClassVar, Literal

from routes.hl7.path import Path

__all__ = [
    "And",
    "Compare",
    "CompareSign",
    "Count",
    "Element",
    "Expression",
    "ExpressionError",
    "InHours",
    "InList",
    "InTable",
    "Is",
    "IsValid",
    "Join",
    "KnownMistake",
    "Lookup",
    "Matches",
    "Name",
    "Not",
    "Number",
    "Or",
    "PathRead",
    "Quantified",
    "Quantifier",
    "RangeEnd",
    "Received",
    "Span",
    "State",
    "Test",
    "Text",
    "TextTest",
    "TextTestKind",
    "quoted",
    "walk",
]

CompareSign = Literal["=", "!=", "<", "<=", ">", ">="]
State = Literal["present", "empty", "null", "blank"]
TextTestKind = Literal["starts with", "ends with", "contains"]
Quantifier = Literal["any", "all", "no"]

# How tightly a node binds; brackets are written around an operand that binds less tightly than its place.
_OR, _AND, _NOT, _TEST, _JOIN, _PREFIX, _SINGLE = range(1, 8)


class ExpressionError(Exception):
    """A mistake in an expression: what is wrong and what to write instead.

    offset, length: where, in characters of the expression text; inside it, or just behind its end.
    rule: the stable id of the kind of mistake. fix: a replacement for the marked text, or "".
    """

    def __init__(self, message: str, offset: int = 0, length: int = 1, rule: str = "", fix: str = "") -> None:
        super().__init__(message)
        self.message = message
        self.offset = offset
        self.length = max(1, length)
        self.rule = rule or "bad-expression"
        self.fix = fix


class KnownMistake(ExpressionError):
    """What the expression needs is broken, and that has been told at its own place: say no more here."""


@dataclass(frozen=True, slots=True)
class Span:
    """A stretch of the expression text, in characters."""

    offset: int = 0
    length: int = 1

    def to(self, last: Span) -> Span:
        """From here to the end of another stretch."""
        return Span(self.offset, max(1, last.offset + last.length - self.offset))


NOWHERE = Span()


def quoted(text: str) -> str:
    """A text as it is written in an expression: in single quotes, a quote inside doubled."""
    return "'" + text.replace("'", "''") + "'"


@dataclass(frozen=True, slots=True)
class Expression:
    """Any node. `str()` is its canonical text."""

    span: Span = field(default=NOWHERE, compare=False, repr=False, kw_only=True)
    level: ClassVar[int] = _SINGLE

    def within(self, level: int) -> str:
        """The text for a place where something that binds at least as tightly as `level` must stand."""
        return str(self) if self.level >= level else f"({self})"

    def error(self, message: str, rule: str, fix: str = "") -> ExpressionError:
        """A complaint about this node, at its place."""
        return ExpressionError(message, self.span.offset, self.span.length, rule, fix)


@dataclass(frozen=True, slots=True)
class Text(Expression):
    """A text in quotes."""

    value: str

    def __str__(self) -> str:
        return quoted(self.value)


@dataclass(frozen=True, slots=True)
class Number(Expression):
    """A number without quotes."""

    value: Decimal

    def __str__(self) -> str:
        return format(self.value, "f")


@dataclass(frozen=True, slots=True)
class Received(Expression):
    """When the message was accepted."""

    def __str__(self) -> str:
        return "received"


@dataclass(frozen=True, slots=True)
class PathRead(Expression):
    """What stands at a path; the first occurrence."""

    path: Path

    def __str__(self) -> str:
        return str(self.path)


@dataclass(frozen=True, slots=True)
class Element(Expression):
    """The value that `any`, `all` or `no` is just looking at. It has no spelling of its own."""

    def __str__(self) -> str:
        return "(each)"


@dataclass(frozen=True, slots=True)
class Name(Expression):
    """A name that the file defines under `names`."""

    name: str

    def __str__(self) -> str:
        return self.name


@dataclass(frozen=True, slots=True)
class Lookup(Expression):
    """`table[key].column`, or with column None the row itself."""

    table: str
    key: Expression
    column: str | None
    table_span: Span = field(default=NOWHERE, compare=False, repr=False)
    column_span: Span = field(default=NOWHERE, compare=False, repr=False)

    def __str__(self) -> str:
        row = f"{self.table}[{self.key.within(_JOIN)}]"
        return row if self.column is None else f"{row}.{self.column}"


@dataclass(frozen=True, slots=True)
class Join(Expression):
    """Texts one behind the other."""

    level: ClassVar[int] = _JOIN
    parts: tuple[Expression, ...]

    def __str__(self) -> str:
        return " & ".join(part.within(_PREFIX) for part in self.parts)


@dataclass(frozen=True, slots=True)
class RangeEnd(Expression):
    """The upper or lower end of a reference range such as `3.5-5.0`, `<5` or `>3`."""

    level: ClassVar[int] = _PREFIX
    end: Literal["upper", "lower"]
    of: Expression

    def __str__(self) -> str:
        return f"{self.end} of {self.of.within(_PREFIX)}"


@dataclass(frozen=True, slots=True)
class Count(Expression):
    """How many elements a path with `[*]` or a selector has."""

    level: ClassVar[int] = _PREFIX
    path: Path
    path_span: Span = field(default=NOWHERE, compare=False, repr=False)

    def __str__(self) -> str:
        return f"count of {self.path}"


@dataclass(frozen=True, slots=True)
class Test(Expression):
    """A question about one value; `tail()` is everything behind that value."""

    __test__: ClassVar[bool] = False  # the name is the field's; pytest must not collect it
    level: ClassVar[int] = _TEST
    value: Expression

    def tail(self) -> str:
        raise TypeError("a bare Test is not an expression")

    def __str__(self) -> str:
        return f"{self.value.within(_JOIN)} {self.tail()}"


@dataclass(frozen=True, slots=True)
class Compare(Test):
    """Two values compared. A comparison with something absent is no; `a != b` is `not (a = b)`."""

    sign: CompareSign
    other: Expression

    def tail(self) -> str:
        return f"{self.sign} {self.other.within(_JOIN)}"


@dataclass(frozen=True, slots=True)
class InList(Test):
    """`in ['A', 'B']`: yes where the value is equal to one of them."""

    items: tuple[Expression, ...]

    def tail(self) -> str:
        return f"in [{', '.join(item.within(_JOIN) for item in self.items)}]"


@dataclass(frozen=True, slots=True)
class InTable(Test):
    """`in TABLE`: yes where the value is a key of the table."""

    table: str
    table_span: Span = field(default=NOWHERE, compare=False, repr=False)

    def tail(self) -> str:
        return f"in {self.table}"


@dataclass(frozen=True, slots=True)
class InHours(Test):
    """`in hours NAME`: yes where the moment lies in these opening hours."""

    hours: str
    hours_span: Span = field(default=NOWHERE, compare=False, repr=False)

    def tail(self) -> str:
        return f"in hours {self.hours}"


@dataclass(frozen=True, slots=True)
class Is(Test):
    """`is present`, `is empty`, `is null` (the two characters `""`), `is blank` (empty or null)."""

    state: State

    def tail(self) -> str:
        return f"is {self.state}"


@dataclass(frozen=True, slots=True)
class IsValid(Test):
    """`is valid FORMAT`."""

    format: str
    format_span: Span = field(default=NOWHERE, compare=False, repr=False)

    def tail(self) -> str:
        return f"is valid {self.format if self.format.isidentifier() else quoted(self.format)}"


@dataclass(frozen=True, slots=True)
class Matches(Test):
    """`matches PATTERN_NAME`: the whole value fits a pattern that the site names."""

    pattern: str
    pattern_span: Span = field(default=NOWHERE, compare=False, repr=False)

    def tail(self) -> str:
        return f"matches {self.pattern}"


@dataclass(frozen=True, slots=True)
class TextTest(Test):
    """`starts with`, `ends with`, `contains`: exact text, upper and lower case differ."""

    kind: TextTestKind
    other: Expression

    def tail(self) -> str:
        return f"{self.kind} {self.other.within(_JOIN)}"


@dataclass(frozen=True, slots=True)
class Quantified(Expression):
    """`any|all|no PATH[*]` and a question about each.

    `with_` false: `test` asks about `Element()`, the value of each element. `with_` true: `test` is a
    condition in which `it` is the element. Over nothing, any and all are no, and no is yes.
    """

    level: ClassVar[int] = _TEST
    quantifier: Quantifier
    path: Path
    test: Expression
    with_: bool = False
    path_span: Span = field(default=NOWHERE, compare=False, repr=False)

    def __str__(self) -> str:
        head = f"{self.quantifier} {self.path}"
        if self.with_:
            return f"{head} with ({self.test})"
        return f"{head} {self.test.tail() if isinstance(self.test, Test) else self.test}"


@dataclass(frozen=True, slots=True)
class Not(Expression):
    """The opposite of a condition."""

    level: ClassVar[int] = _NOT
    of: Expression

    def __str__(self) -> str:
        # `not a = b` may be written, but brackets leave nobody in doubt what is denied.
        return f"not {self.of.within(_SINGLE)}"


@dataclass(frozen=True, slots=True)
class And(Expression):
    """All of several conditions, asked from left to right until one is no."""

    level: ClassVar[int] = _AND
    parts: tuple[Expression, ...]

    def __str__(self) -> str:
        return " and ".join(part.within(_NOT) for part in self.parts)


@dataclass(frozen=True, slots=True)
class Or(Expression):
    """At least one of several conditions, asked from left to right until one is yes."""

    level: ClassVar[int] = _OR
    parts: tuple[Expression, ...]

    def __str__(self) -> str:
        # `and` binds tighter and needs no brackets; they are written so that nobody has to know.
        return " or ".join(part.within(_NOT) for part in self.parts)


def walk(expression: Expression) -> Iterator[Expression]:
    """The node and everything in it, outermost first."""
    yield expression
    for each in fields(expression):
        inner = getattr(expression, each.name)
        for part in inner if isinstance(inner, tuple) else (inner,):
            if isinstance(part, Expression):
                yield from walk(part)
