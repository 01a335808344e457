"""Judges an expression before any message comes: what kind of value it gives, and whether it makes sense.

Knows what the site names (the vocabulary) and nothing of messages. One mistake gives one complaint: what
could not be read has an unknown kind, and nothing is said about it again. Comparisons that would silently
be always no, or compare texts where numbers or dates were meant, are refused with the right spelling.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace

from routes.hl7.formats import FORMATS, PatternError, find_format
from routes.hl7.notation import Path, Selector
from routes.language.misfits import refuse_misfit
from routes.language.nearest import did_you_mean, nearest
from routes.language.syntax import (
    And,
    Compare,
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
    KnownMistake,
    Lookup,
    Matches,
    Name,
    Not,
    Number,
    Or,
    PathRead,
    Quantified,
    RangeEnd,
    Received,
    Span,
    Text,
    TextTest,
    quoted,
    walk,
)
from routes.language.vocabulary import Kind, Named, Vocabulary

__all__ = ["check_types", "define_names", "kind_of", "misread_element", "names_in", "tables_in"]

MAX_NAME_CHAIN = 50  # names that refer to names that refer to names


def check_types(expression: Expression, vocabulary: Vocabulary, expect: Kind | None = None) -> Kind:
    """The kind of value that an expression gives. ExpressionError: the first thing that cannot be.

    expect: what the place needs. A number may stand where a text is needed, and so may the time of receipt;
    they are written as they read.
    """
    checker = _Checker(vocabulary, vocabulary.in_each, vocabulary.element)
    if expect is Kind.YES_NO:
        return checker.yes_no(expression)
    found = checker.kind(expression)
    if expect is None or Kind.UNKNOWN in (found, expect) or found is expect:
        return found
    if expect is Kind.TEXT and found in (Kind.NUMBER, Kind.TIME):
        return found
    raise _unexpected(expression, found, expect)


def define_names(
    expressions: Mapping[str, Expression | None], vocabulary: Vocabulary
) -> tuple[Vocabulary, dict[str, ExpressionError]]:
    """A vocabulary in which these names are defined, beside those it has, and what is wrong with which.

    Names may refer to one another in any order, not in a circle. An expression None did not parse; its
    name, and each name with a mistake, has an unknown kind. `it` is nothing inside a name.
    """
    order = _Order(expressions)
    known = dict(vocabulary.names)
    known.update({name: Named(expression) for name, expression in expressions.items()})
    errors = dict(order.errors)
    for name in order.found:
        expression = expressions[name]
        if expression is None or name in errors:
            known[name] = Named(None)
            continue
        try:
            kind = check_types(expression, replace(vocabulary, names=known, in_each=False, element=None))
            known[name] = Named(expression, kind)
        except ExpressionError as error:
            errors[name] = error
            known[name] = Named(None)
    return replace(vocabulary, names=known), errors


def names_in(expression: Expression) -> frozenset[str]:
    """The names that an expression reads, directly."""
    return frozenset(node.name for node in walk(expression) if isinstance(node, Name))


def tables_in(expression: Expression) -> frozenset[str]:
    """The tables that an expression looks into, directly."""
    return frozenset(node.table for node in walk(expression) if isinstance(node, Lookup | InTable))


class _Order:
    """Names in an order in which each comes behind those it refers to; circles are errors."""

    def __init__(self, expressions: Mapping[str, Expression | None]) -> None:
        self.expressions = expressions
        self.found: dict[str, int] = {}  # each name, with the length of its longest chain
        self.errors: dict[str, ExpressionError] = {}
        for name in expressions:
            if name not in self.found:
                self.visit(name, ())

    def visit(self, name: str, above: tuple[str, ...]) -> int:
        longest = 0
        expression = self.expressions[name]
        for node in () if expression is None else walk(expression):
            if not isinstance(node, Name) or node.name not in self.expressions:
                continue
            if node.name in (*above, name):
                circle = " → ".join(
                    [*above[above.index(node.name) :], name] if node.name in above else [name]
                )
                message = f"A name cannot be defined by itself: {circle} → {node.name}."
                self.errors.setdefault(name, node.error(message, "name-circle"))
            elif len(above) >= MAX_NAME_CHAIN:
                message = f"More than {MAX_NAME_CHAIN} names refer to one another in a chain."
                self.errors.setdefault(name, node.error(message, "too-deep"))
            else:
                below = self.found.get(node.name)
                longest = max(
                    longest, 1 + (self.visit(node.name, (*above, name)) if below is None else below)
                )
        if longest > MAX_NAME_CHAIN and expression is not None:
            message = f"More than {MAX_NAME_CHAIN} names refer to one another in a chain."
            self.errors.setdefault(name, expression.error(message, "too-deep"))
        self.found.setdefault(name, longest)
        return longest


class _Checker:
    def __init__(self, vocabulary: Vocabulary, in_each: bool, element: Path | None = None) -> None:
        self.vocabulary = vocabulary
        self.in_each = in_each
        self.element = element

    def kind(self, node: Expression) -> Kind:
        """The kind of any node; conditions check their parts and are yes or no."""
        if isinstance(node, Text | Element):
            return Kind.TEXT
        if isinstance(node, Number):
            return Kind.NUMBER
        if isinstance(node, Received):
            return Kind.TIME
        if isinstance(node, PathRead):
            return self.read(node)
        if isinstance(node, Name):
            return self.name(node)
        if isinstance(node, Lookup):
            return self.lookup(node)
        if isinstance(node, Join):
            return self.join(node)
        if isinstance(node, RangeEnd):
            self.value(node.of, (Kind.TEXT,), "A reference range is a text such as 3.5-5.0.")
            return Kind.NUMBER
        if isinstance(node, Count):
            self.elements(node.path, node.path_span, "count of")
            return Kind.NUMBER
        self.condition(node)
        return Kind.YES_NO

    # --- values ----------------------------------------------------------------------------------

    def read(self, node: PathRead) -> Kind:
        path = node.path
        self.look_at_it(path, node.span)
        if path.many:
            example = f"count of {path} > 0" if _whole_segment(path) else f"any {path} = 'text'"
            message = f"[*] means every one; ask with any, all or no, or count: {example}."
            raise node.error(message, "needs-quantifier")
        if _whole_segment(path):
            word = str(path)
            raise node.error(
                f"{word} is a whole segment; a value is read from a field, such as {word}-1, and a text goes "
                f"in single quotes: {quoted(word)}.",
                "whole-segment",
                quoted(word),
            )
        return Kind.TEXT

    def look_at_it(self, path: Path, span: Span) -> None:
        if path.relative and not self.in_each:
            message = "`it` is nothing here; it is the element in each, for_each, and behind with."
            raise ExpressionError(message, span.offset, span.length, "it-outside")
        message, better = misread_element(path, self.element)
        if message:
            raise ExpressionError(message, span.offset, span.length, "it-misread", better)

    def elements(self, path: Path, span: Span, word: str) -> None:
        """The path of any, all, no and count of: it must lead to several."""
        self.look_at_it(path, span)
        if path.many or isinstance(path.repetition, Selector):
            return
        if any(isinstance(step.pick, Selector) for step in path.steps):
            return
        better = _with_star(path)
        message = f'"{word}" goes over several; say of what with [*]: {better}.'
        raise ExpressionError(message, span.offset, span.length, "needs-star", better)

    def name(self, node: Name) -> Kind:
        named = self.vocabulary.names.get(node.name)
        if named is not None:
            return Kind.UNKNOWN if named.expression is None else named.kind
        if node.name in self.vocabulary.tables or node.name in self.vocabulary.broken_tables:
            message = f"{node.name} is a table; write {node.name}[key].column, or: X in {node.name}."
            raise node.error(message, "table-alone")
        near = nearest(node.name, self.vocabulary.names)
        if near:
            raise node.error(f'There is no name "{node.name}"; did you mean "{near}"?', "unknown-name", near)
        message = f'There is no name "{node.name}"; a text goes in single quotes: {quoted(node.name)}.'
        # A word in small letters may as well be a name that is still to be defined.
        raise node.error(message, "unknown-name", "" if node.name.islower() else quoted(node.name))

    def lookup(self, node: Lookup) -> Kind:
        self.table(node.table, node.table_span)
        self.value(node.key, (Kind.TEXT,), "A key is a text.")
        if node.column is None:
            return Kind.ROW
        columns = self.vocabulary.tables[node.table].columns
        if node.column not in columns:
            hint = did_you_mean(node.column, columns, allowed_words="it has")
            message = f'The table {node.table} has no column "{node.column}"{hint}'
            span = node.column_span
            fix = nearest(node.column, columns)
            raise ExpressionError(message, span.offset, span.length, "no-such-column", fix)
        return Kind.TEXT

    def table(self, name: str, span: Span) -> None:
        if name in self.vocabulary.broken_tables:
            raise KnownMistake("")
        self.known(name, span, self.vocabulary.tables, "table", "unknown-table")

    def known(self, name: str, span: Span, names: Mapping[str, object], what: str, rule: str) -> None:
        if name not in names:
            if name in self.vocabulary.broken_words and what in ("hours", "pattern"):
                raise KnownMistake("")
            none = "There are no" if what == "hours" else "There is no"
            message = f'{none} {what} "{name}"{did_you_mean(name, names, allowed_words="there are")}'
            raise ExpressionError(message, span.offset, span.length, rule, nearest(name, names))

    def format(self, node: IsValid) -> None:
        """A format by its name, or a date pattern."""
        span = node.format_span
        try:
            found = find_format(node.format, live=self.vocabulary.live)
        except PatternError as error:
            words = str(error)
            message = f"{words[:1].upper()}{words[1:]}."
            raise ExpressionError(message, span.offset, span.length, "bad-format") from None
        if found is None:
            self.known(node.format, span, FORMATS, "format", "unknown-format")

    def join(self, node: Join) -> Kind:
        for part in node.parts:
            self.value(part, (Kind.TEXT, Kind.NUMBER, Kind.TIME), "Texts and numbers can be joined.")
        return Kind.TEXT

    def value(self, node: Expression, kinds: tuple[Kind, ...], words: str) -> Kind:
        """A value of one of these kinds, or unknown."""
        found = self.kind(node)
        if found is Kind.UNKNOWN or found in kinds:
            return found
        if isinstance(node, Number) and Kind.TEXT in kinds:
            raise node.error(f"{words} Put this in single quotes.", "wrong-kind", quoted(str(node)))
        raise node.error(f"{words} This is {found.value}.", "wrong-kind")

    # --- conditions ------------------------------------------------------------------------------

    def condition(self, node: Expression) -> None:
        """Anything that is yes or no."""
        if isinstance(node, And | Or):
            for part in node.parts:
                self.yes_no(part)
        elif isinstance(node, Not):
            self.yes_no(node.of)
        elif isinstance(node, Quantified):
            self.quantified(node)
        elif isinstance(node, Compare):
            self.compare(node)
        elif isinstance(node, InList):
            self.in_list(node)
        elif isinstance(node, InTable):
            self.in_table(node)
        elif isinstance(node, InHours):
            self.value(node.value, (Kind.TEXT, Kind.TIME, Kind.DATE), "Hours are asked about a time.")
            self.known(node.hours, node.hours_span, self.vocabulary.hours, "hours", "unknown-hours")
        elif isinstance(node, Is):
            self.state(node)
        elif isinstance(node, IsValid):
            self.value(node.value, (Kind.TEXT,), "A format is asked about a text.")
            self.format(node)
        elif isinstance(node, Matches):
            self.value(node.value, (Kind.TEXT,), "A pattern is asked about a text.")
            self.known(
                node.pattern, node.pattern_span, self.vocabulary.patterns, "pattern", "unknown-pattern"
            )
        elif isinstance(node, TextTest):
            for side in (node.value, node.other):
                self.value(side, (Kind.TEXT,), f'"{node.kind}" asks about texts.')
                if isinstance(side, Text) and not side.value:
                    raise side.error(
                        "Say which text; there is none between these quotes.", "compare-with-nothing"
                    )

    def yes_no(self, node: Expression) -> Kind:
        if isinstance(node, PathRead) and _whole_segment(node.path):
            raise node.error(
                f"Say what is asked: {node} is present.", "not-a-condition", f"{node} is present"
            )
        found = self.kind(node)
        if found not in (Kind.YES_NO, Kind.UNKNOWN):
            raise _unexpected(node, found, Kind.YES_NO)
        return found

    def quantified(self, node: Quantified) -> None:
        self.elements(node.path, node.path_span, node.quantifier)
        if node.with_:
            _Checker(self.vocabulary, True, node.path).yes_no(node.test)
        elif _whole_segment(node.path) and not isinstance(node.test, Is):
            span = node.path_span
            example = f"{node.quantifier} {node.path} with (it-8 = 'H')"
            message = f"{node.path} is a whole segment; ask about its fields: {example}."
            raise ExpressionError(message, span.offset, span.length, "whole-segment")
        else:
            self.condition(node.test)

    def in_table(self, node: InTable) -> None:
        self.value(node.value, (Kind.TEXT,), "A key is a text.")
        if node.table in self.vocabulary.names and node.table not in self.vocabulary.tables:
            span = node.table_span
            message = f'"{node.table}" is a name, not a table; equal is written "=".'
            raise ExpressionError(message, span.offset, span.length, "unknown-table")
        self.table(node.table, node.table_span)

    def in_list(self, node: InList) -> None:
        self.kind(node.value)
        if not node.items:
            message = "Nothing is in an empty list; say which values: in ['A', 'B']."
            raise node.error(message, "compare-with-nothing")
        for item in node.items:
            if isinstance(item, Text) and not item.value:
                raise item.error("Nothing is ever equal to ''; ask also: is empty.", "compare-with-nothing")
            self.compare(Compare(node.value, "=", item, span=item.span))

    def state(self, node: Is) -> None:
        value = node.value
        if isinstance(value, PathRead) and _whole_segment(value.path) and not value.path.many:
            self.look_at_it(value.path, value.span)
            found = Kind.ROW
        else:
            found = self.kind(value)
        if found is Kind.YES_NO:
            raise value.error("What is yes or no stands by itself, or behind not.", "wrong-kind")
        if found is Kind.TIME:
            raise value.error("The time of receipt is always there.", "wrong-kind")
        if found in (Kind.ROW, Kind.NUMBER) and node.state in ("null", "blank"):
            message = f'Only a text can be {node.state}; write "is present" or "is empty".'
            raise node.error(message, "wrong-kind")

    # --- comparing -------------------------------------------------------------------------------

    def compare(self, node: Compare) -> None:
        one, sign, other = node.value, node.sign, node.other
        kind, other_kind = self.comparable(one), self.comparable(other)
        self.refuse_nothing(node)
        if Kind.UNKNOWN not in (kind, other_kind):
            refuse_misfit(one, kind, other_kind, sign, self.vocabulary.zone)
            refuse_misfit(other, other_kind, kind, sign, self.vocabulary.zone)

    def comparable(self, side: Expression) -> Kind:
        found = self.kind(side)
        if found is Kind.YES_NO:
            raise side.error(
                "What is yes or no stands by itself, or behind not; it is not compared.", "wrong-kind"
            )
        if found is Kind.ROW:
            raise side.error("A row is not compared; name a column of it, or ask: is present.", "wrong-kind")
        return found

    def refuse_nothing(self, node: Compare) -> None:
        """Against '' every comparison is no (and != is yes), whatever the message holds."""
        for side, facing in ((node.value, node.other), (node.other, node.value)):
            if isinstance(side, Text) and not side.value:
                state = "is present" if node.sign == "!=" else "is empty"
                if isinstance(facing, Element):  # it has no spelling of its own
                    raise side.error(f"Nothing is ever equal to ''; write: {state}.", "compare-with-nothing")
                better = f"{facing.within(Join.level)} {state}"
                raise node.error(
                    f"Nothing is ever equal to ''; write: {better}.", "compare-with-nothing", better
                )


def _whole_segment(path: Path) -> bool:
    return not path.field and bool(path.steps)


def _with_star(path: Path) -> str:
    """The path with [*] where it was probably meant: at the segment if that repeats, else at the field."""
    if path.steps and path.segment not in ("PID", "MSH", "PV1", "PD1") and path.steps[-1].pick is None:
        steps = (*path.steps[:-1], replace(path.steps[-1], pick="*"))
        return str(replace(path, steps=steps))
    if path.field:
        return str(replace(path, repetition="*"))
    return str(path)


def _unexpected(node: Expression, found: Kind, expect: Kind) -> ExpressionError:
    if expect is Kind.YES_NO and found is Kind.ROW:
        return node.error(
            f"A row is no condition by itself; write: {node} is present.",
            "not-a-condition",
            f"{node} is present",
        )
    if expect is Kind.YES_NO:
        asked = {Kind.TIME: "in hours NAME", Kind.NUMBER: "> 0"}.get(found, "is present")
        example = f"{_shown(node)} {asked}"
        message = f"This is {found.value}, not a condition; say what is asked of it, such as: {example}."
        return node.error(message, "not-a-condition")
    if found is Kind.ROW:
        return node.error("This is a whole row; name one of its columns behind a dot.", "wrong-kind")
    return node.error(f"This gives {found.value}; here stands {expect.value}.", "wrong-kind")


def _shown(node: Expression) -> str:
    text = str(node)
    return text if len(text) <= 40 else "X"


def misread_element(path: Path, element: Path | None) -> tuple[str, str]:
    """What is wrong with a path that begins with `it`, given the path whose element that is; and the path as
    it is meant. Two empty texts where nothing is."""
    if element is None or not path.relative or path.steps:
        return "", ""
    if element.field and path.field:
        better = f"it.{path.field}"
        return (
            f"`it` is a part of the field {element} here; its components are written {better}.",
            better,
        )
    if not element.field and element.steps and path.component and not path.field:
        better = f"it-{path.component}"
        return f"`it` is a whole segment here ({element}); its fields are written {better}.", better
    return "", ""


def kind_of(node: Expression, vocabulary: Vocabulary) -> Kind:
    """The kind of a node that `check_types` passed, wherever in an expression it stands."""
    return _Checker(vocabulary, True).kind(node)
