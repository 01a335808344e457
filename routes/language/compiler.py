"""Turns a checked expression into closures, so that asking it of a message interprets nothing.

Everything that can be settled when the site is loaded is: paths are compiled, columns found, literals read
as what they are compared with. The closures touch the message through the Scope only. Expects expressions
that `check_types` passed; in one that it did not, an unknown name is absent and nothing worse happens.

Absent is "" for texts and None for numbers, moments and rows; null is the two characters `""`. A question
about something absent is no, whatever it asks, `is empty` and `is blank` aside.
"""

from __future__ import annotations

from collections.abc import Callable
from decimal import Decimal
from typing import Any, TypeAlias

from routes.hl7.formats import find_format, read_number
from routes.hl7.path import compile_path
from routes.language.closures import (
    NOTHING,
    NULL,
    SIGNS,
    Condition,
    Figure,
    Read,
    all_of,
    always,
    any_of,
    ask,
    checked,
    is_iso_date,
    is_plain_text,
    joined,
    matcher,
    range_end,
    text_test,
    written,
)
from routes.language.readings import (
    Moment,
    compare_moments,
    instant_of,
    moment_of,
    read_literal_moment,
    read_moment,
    write_moment,
)
from routes.language.scope import Scope, day_of
from routes.language.syntax import (
    And,
    Compare,
    CompareSign,
    Count,
    Element,
    Expression,
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
    RangeEnd,
    Text,
    TextTest,
)
from routes.language.types import kind_of
from routes.language.vocabulary import Kind, Vocabulary
from routes.tables.table import Row

__all__ = [
    "NULL", "Condition", "Scope", "Value", "compile_condition", "compile_expression", "compile_text",
    "day_of",
]  # fmt: skip

Value: TypeAlias = "str | int | Decimal | bool | Row | None"

_UNREAD = object()


def compile_expression(expression: Expression, vocabulary: Vocabulary) -> Callable[[Scope], Value]:
    """A closure that gives the expression's value: a text, a number (None: absent), yes or no as a bool, a
    row (None: no such key), for `received` the microseconds since 1970-01-01T00:00Z."""
    return _Compiler(vocabulary).value(expression)


def compile_text(expression: Expression, vocabulary: Vocabulary) -> Read:
    """A closure that gives the value as a text to be written or sent to: "" where it is absent."""
    return _Compiler(vocabulary).text(expression)


def compile_condition(expression: Expression, vocabulary: Vocabulary) -> Condition:
    """A closure that says yes or no."""
    return _Compiler(vocabulary).truth(expression)


class _Compiler:
    def __init__(self, vocabulary: Vocabulary) -> None:
        self.vocabulary = vocabulary

    def kind(self, node: Expression) -> Kind:
        return kind_of(node, self.vocabulary)

    def value(self, node: Expression) -> Callable[[Scope], Any]:
        """The value in its own kind."""
        kind = self.kind(node)
        if kind is Kind.YES_NO:
            return self.truth(node)
        if kind is Kind.NUMBER:
            return self.number(node)
        if kind is Kind.ROW:
            return self.row(node)
        if kind is Kind.TIME:
            return lambda scope: scope.received
        return self.text(node)

    # --- values ----------------------------------------------------------------------------------

    def text(self, node: Expression) -> Read:
        if isinstance(node, Text):
            return always(node.value)
        if isinstance(node, PathRead):
            first = compile_path(node.path).first
            if node.path.relative:
                return lambda scope: first(scope.message, scope.it)
            return lambda scope: first(scope.message)
        if isinstance(node, Element):
            return lambda scope: scope.element
        if isinstance(node, Join):
            return joined([self.text(part) for part in node.parts])
        if isinstance(node, Lookup) and node.column is not None:
            return self.cell(node, node.column)
        if self.kind(node) is Kind.NUMBER:
            figure = self.number(node)
            return lambda scope: written(figure(scope))
        if self.kind(node) is Kind.TIME:
            zone = self.vocabulary.zone
            return lambda scope: write_moment(scope.received, scope.zone or zone)
        if isinstance(node, Name):
            read = self.name(node)
            return read if self.kind(node) is Kind.TEXT else always("")
        return always("")

    def number(self, node: Expression) -> Callable[[Scope], Figure]:
        if isinstance(node, Number):
            return always(node.value)
        if isinstance(node, Count):
            places = compile_path(node.path).places
            return lambda scope: len(places(scope.message, scope.it))
        if isinstance(node, RangeEnd):
            of, end = self.text(node.of), 1 if node.end == "upper" else 0
            return lambda scope: range_end(of(scope), end)
        if isinstance(node, Name) and self.kind(node) is Kind.NUMBER:
            return self.name(node)
        text = self.text(node)
        return lambda scope: read_number(text(scope))

    def moment(self, node: Expression) -> Callable[[Scope], Moment | None]:
        if isinstance(node, Text):
            return always(read_literal_moment(node.value))
        if self.kind(node) is Kind.TIME:
            return lambda scope: moment_of(scope.received)
        text = self.text(node)
        return lambda scope: read_moment(text(scope))

    def row(self, node: Expression) -> Callable[[Scope], Row | None]:
        """The row itself, for `is present`: a default row is not there."""
        if isinstance(node, Name):
            return self.name(node)
        if not isinstance(node, Lookup):
            return always(None)
        table, key = self.vocabulary.tables[node.table], self.text(node.key)
        if table.dated:
            return lambda scope: table.row(key(scope), day_of(scope))
        return lambda scope: table.row(key(scope))

    def cell(self, node: Lookup, column: str) -> Read:
        table, key = self.vocabulary.tables[node.table], self.text(node.key)
        place, name, dated = table.columns.index(column), table.name, bool(table.dated)
        row_of, default = table.row, table.default_row

        def read(scope: Scope) -> str:
            code = key(scope)
            if code in NOTHING:
                return ""
            row = row_of(code, day_of(scope)) if dated else row_of(code)
            if row is None:
                scope.missed(name, code)
                return "" if default is None else default[place]
            return row[place]

        return read

    def name(self, node: Name) -> Callable[[Scope], Any]:
        """The value of a name, worked out once for each Scope until it forgets."""
        ready = self.vocabulary.compiled.get(node.name)
        if ready is not None:
            return ready
        named = self.vocabulary.names.get(node.name)
        if named is None or named.expression is None:
            return always("")
        name, work_out = node.name, self.value(named.expression)

        def read(scope: Scope) -> Any:
            value = scope.values.get(name, _UNREAD)
            if value is _UNREAD:
                value = scope.values[name] = work_out(scope)
            return value

        self.vocabulary.compiled[name] = read
        return read

    # --- conditions ------------------------------------------------------------------------------

    def truth(self, node: Expression) -> Condition:
        if isinstance(node, And | Or):
            parts = [self.truth(part) for part in node.parts]
            return all_of(parts) if isinstance(node, And) else any_of(parts)
        if isinstance(node, Not):
            of = self.truth(node.of)
            return lambda scope: not of(scope)
        if isinstance(node, Compare):
            return self.compare(node.value, node.sign, node.other)
        if isinstance(node, Is):
            return self.state(node)
        if isinstance(node, InList):
            return self.in_list(node)
        if isinstance(node, InTable):
            return self.in_table(node)
        if isinstance(node, InHours):
            return self.in_hours(node)
        if isinstance(node, IsValid):
            form = find_format(node.format, live=self.vocabulary.live)
            if form is None:
                raise LookupError(f"no format {node.format}")  # the types were not checked
            return checked(self.text(node.value), form.check)
        if isinstance(node, Matches):
            return checked(self.text(node.value), matcher(self.vocabulary.patterns[node.pattern]))
        if isinstance(node, TextTest):
            return text_test(self.text(node.value), self.text(node.other), node.kind)
        if isinstance(node, Quantified):
            return self.with_each(node) if node.with_ else self.quantified(node)
        if isinstance(node, Name):
            named = self.name(node)
            return lambda scope: named(scope) is True
        return always(False)

    def state(self, node: Is) -> Condition:
        value = node.value
        if isinstance(value, PathRead) and not value.path.field and value.path.steps:
            places = compile_path(value.path).places
            if node.state == "present":
                return lambda scope: bool(places(scope.message, scope.it))
            return lambda scope: not places(scope.message, scope.it)
        kind = self.kind(value)
        if kind in (Kind.NUMBER, Kind.ROW):
            held = self.number(value) if kind is Kind.NUMBER else self.row(value)
            if node.state == "present":
                return lambda scope: held(scope) is not None
            return lambda scope: held(scope) is None
        text = self.text(value)
        if node.state == "present":
            return lambda scope: text(scope) != ""
        if node.state == "empty":
            return lambda scope: text(scope) == ""
        if node.state == "null":
            return lambda scope: text(scope) == NULL
        return lambda scope: text(scope) in NOTHING

    def in_list(self, node: InList) -> Condition:
        texts, others = self.split_items(node)
        if not others:
            text = self.text(node.value)
            return lambda scope: text(scope) in texts
        tests = [self.compare(node.value, "=", item) for item in others]
        if texts:
            text = self.text(node.value)
            tests.insert(0, lambda scope: text(scope) in texts)
        return any_of(tests)

    def split_items(self, node: InList) -> tuple[frozenset[str], list[Expression]]:
        """The items that are compared as plain texts, and the rest."""
        if self.kind(node.value) is not Kind.TEXT:
            return frozenset(), list(node.items)
        plain = [item for item in node.items if is_plain_text(item)]
        return (
            frozenset(item.value for item in plain if isinstance(item, Text) and item.value),
            [item for item in node.items if not is_plain_text(item)],
        )

    def in_table(self, node: InTable) -> Condition:
        text, table = self.text(node.value), self.vocabulary.tables[node.table]
        has = table.has
        if table.dated:
            return lambda scope: (key := text(scope)) not in NOTHING and has(key, day_of(scope))
        if table.ignore_case:
            return lambda scope: (key := text(scope)) not in NOTHING and has(key)
        keys = frozenset(table.plain) - {"", NULL}
        return lambda scope: text(scope) in keys

    def in_hours(self, node: InHours) -> Condition:
        hours, zone = self.vocabulary.hours[node.hours], self.vocabulary.zone
        if self.kind(node.value) is Kind.TIME:
            return lambda scope: hours.open_at(scope.received)
        moment = self.moment(node.value)

        def is_open(scope: Scope) -> bool:
            stretch = moment(scope)
            instant = None if stretch is None else instant_of(stretch, scope.zone or zone)
            return instant is not None and hours.open_at(instant)

        return is_open

    # --- comparing -------------------------------------------------------------------------------

    def compare(self, one: Expression, sign: CompareSign, other: Expression) -> Condition:
        if sign == "!=":
            same = self.compare(one, "=", other)
            return lambda scope: not same(scope)
        kinds = (self.kind(one), self.kind(other))
        if Kind.NUMBER in kinds:
            return self.compare_numbers(one, sign, other)
        if Kind.TIME in kinds:
            return self.compare_dates(one, sign, other)
        if sign == "=":
            if is_iso_date(one) or is_iso_date(other):
                return self.compare_dates(one, sign, other)
            return self.same_text(one, other)
        if isinstance(one, Text) or isinstance(other, Text):
            return self.compare_dates(one, sign, other)
        return self.compare_as_found(one, sign, other)

    def same_text(self, one: Expression, other: Expression) -> Condition:
        if isinstance(one, Text):
            one, other = other, one
        left = self.text(one)
        if not isinstance(other, Text):
            right = self.text(other)
            return lambda scope: (text := left(scope)) != "" and text == right(scope)
        value = other.value
        if not value:
            return always(False)
        if isinstance(one, PathRead) and not one.path.relative:
            first = compile_path(one.path).first  # the commonest question of all: one call less
            return lambda scope: first(scope.message) == value
        return lambda scope: left(scope) == value

    def compare_numbers(self, one: Expression, sign: CompareSign, other: Expression) -> Condition:
        left, right, holds = self.number(one), self.number(other), SIGNS[sign]

        def compared(scope: Scope) -> bool:
            first = left(scope)
            if first is None:
                return False
            second = right(scope)
            return second is not None and holds(first, second)

        return compared

    def compare_dates(self, one: Expression, sign: CompareSign, other: Expression) -> Condition:
        left, right, zone = self.moment(one), self.moment(other), self.vocabulary.zone

        def compared(scope: Scope) -> bool:
            first, second = left(scope), right(scope)
            if first is None or second is None:
                return False
            return compare_moments(sign, first, second, scope.zone or zone)

        return compared

    def compare_as_found(self, one: Expression, sign: CompareSign, other: Expression) -> Condition:
        """Two texts of the message: dates where both are written as HL7 dates of a day or finer, numbers
        where both are numbers, and otherwise nobody knows, which is no."""
        left, right, zone, holds = self.text(one), self.text(other), self.vocabulary.zone, SIGNS[sign]

        def compared(scope: Scope) -> bool:
            first, second = left(scope), right(scope)
            if len(first) >= 8 and len(second) >= 8:
                day, other_day = read_moment(first), read_moment(second)
                if day is not None and other_day is not None:
                    return compare_moments(sign, day, other_day, scope.zone or zone)
            figure, other_figure = read_number(first), read_number(second)
            return figure is not None and other_figure is not None and holds(figure, other_figure)

        return compared

    # --- any, all, no ----------------------------------------------------------------------------

    def quantified(self, node: Quantified) -> Condition:
        every = compile_path(node.path).every
        quick = self.quick(node)
        if quick is not None:
            return quick
        test, quantifier = self.truth(node.test), node.quantifier

        def asked(scope: Scope) -> bool:
            values = every(scope.message, scope.it)
            if quantifier == "all":
                return bool(values) and all(ask(scope, test, values))
            return any(ask(scope, test, values)) is (quantifier == "any")

        return asked

    def quick(self, node: Quantified) -> Condition | None:
        """The short way where each element is compared with plain texts only, or None."""
        test = node.test
        texts: frozenset[str] = frozenset()
        if isinstance(test, Compare) and test.sign == "=" and isinstance(test.value, Element):
            if is_plain_text(test.other) and isinstance(test.other, Text):
                texts = frozenset({test.other.value} - {""})
        elif isinstance(test, InList):
            texts, others = self.split_items(test)
            if others:
                return None
        if not texts:
            return None
        every = compile_path(node.path).every
        if node.quantifier == "any":
            return lambda scope: not texts.isdisjoint(every(scope.message, scope.it))
        if node.quantifier == "no":
            return lambda scope: texts.isdisjoint(every(scope.message, scope.it))
        return lambda scope: bool(values := every(scope.message, scope.it)) and texts.issuperset(values)

    def with_each(self, node: Quantified) -> Condition:
        places, test = compile_path(node.path).places, self.truth(node.test)
        quantifier = node.quantifier

        def asked(scope: Scope) -> bool:
            outer = scope.it
            found = places(scope.message, outer)
            wanted = quantifier != "all"  # any and no look for a yes, all looks for a no
            try:
                for place in found:
                    scope.it = place
                    if test(scope) is wanted:
                        return quantifier == "any"
            finally:
                scope.it = outer
            return quantifier == "no" or (quantifier == "all" and bool(found))

        return asked
