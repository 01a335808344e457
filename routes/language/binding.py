"""Binds the expressions and paths of one file to the words that it may use, and reports what does not fit.

Text with a place goes in, closures come out; a mistake becomes one problem at its character. Remembers
which names and tables were used. Knows nothing of steps or outcomes.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field, replace

from routes.hl7.path import CompiledPath, Path, PathError, Purpose, compile_path, parse_path
from routes.language.compiler import compile_condition, compile_text
from routes.language.composites import find_whole_fields
from routes.language.constants import constant_truth
from routes.language.nearest import did_you_mean, nearest
from routes.language.parser import parse_expression
from routes.language.problems import Edit, Problems
from routes.language.scope import Scope
from routes.language.source import Scalar
from routes.language.syntax import Expression, ExpressionError, KnownMistake, Name, PathRead
from routes.language.types import check_types, define_names, misread_element, names_in, tables_in
from routes.language.vocabulary import Kind, Vocabulary, name_problem
from routes.tables.table import Table

__all__ = ["Binder"]


@dataclass(slots=True)
class Binder:
    """The words of one route, dialect or guard file, for the messages of one feed.

    vocabulary: tables, hours, patterns and the feed's zone; `define` adds the file's own names.
    used: the names that anything asked for. tables: the tables that anything named. unknown: names that
    were asked for and are not there.
    """

    vocabulary: Vocabulary
    problems: Problems
    used: set[str] = field(default_factory=set)
    tables: set[str] = field(default_factory=set)
    unknown: set[str] = field(default_factory=set)
    element: Path | None = None  # whose element `it` is, where that is known
    _within: Vocabulary | None = None

    def define(self, entries: tuple[tuple[Scalar, Scalar], ...]) -> None:
        """The file's `names`. They may refer to one another."""
        expressions: dict[str, Expression | None] = {}
        texts: dict[str, Scalar] = {}
        for key, text in entries:
            fault = name_problem(key.value)
            if not fault and key.value in self.vocabulary.tables:
                fault = f'"{key.value}" is the name of a table already; choose another'
            if fault:
                self.problems.add(key.spot, f"{fault}.", "bad-name")
            expressions[key.value] = self._parse(text) if text.value else None
            texts[key.value] = text
        self.vocabulary, errors = define_names(expressions, self.vocabulary)
        for name, error in errors.items():
            self._report(texts[name], error)
        for name, expression in expressions.items():
            if expression is not None and name not in errors:
                self._look_for_whole_fields(texts[name], expression)

    def condition(
        self, text: Scalar, *, it: bool = False, always: str = ""
    ) -> Callable[[Scope], bool] | None:
        """A condition, ready to be asked; None after a problem.

        always: what to say where the condition can never be false, or "" where that is no mistake.
        """
        expression = self._expression(text, Kind.YES_NO, it=it)
        if expression is None:
            return None
        truth = constant_truth(expression)
        if truth is False:
            self.problems.add(text.spot, "This condition can never be true.", "never-true")
        elif truth is True and always:
            self.problems.add(
                text.spot, f"This condition is always true{always}.", "always-true", warning=True
            )
        return compile_condition(expression, self._vocabulary(it=it))

    def value(self, text: Scalar, *, it: bool = False) -> Callable[[Scope], str] | None:
        """An expression as a text to write; None after a problem."""
        expression = self._expression(text, Kind.TEXT, it=it)
        return None if expression is None else compile_text(expression, self._vocabulary(it=it))

    def structure(self, text: Scalar) -> Path | None:
        """The path, where an expression is exactly one, or a name for one; then its structure is copied."""
        try:
            expression = parse_expression(text.value)
        except ExpressionError:
            return None  # `value` reports it
        for _ in range(len(self.vocabulary.names) + 1):
            if not isinstance(expression, Name):
                break
            named = self.vocabulary.names.get(expression.name)
            if named is None or named.expression is None:
                return None
            self.used.add(expression.name)
            expression = named.expression
        return expression.path if isinstance(expression, PathRead) else None

    def meant(self, text: Scalar | None) -> Path | None:
        """The path of an `each` or a `for_each`, for those who speak of its elements. Tells no problem."""
        if text is None:
            return None
        named = self.vocabulary.names.get(text.value)
        if named is not None:
            return named.expression.path if isinstance(named.expression, PathRead) else None
        try:
            return parse_path(text.value)
        except PathError:
            return None

    def path(self, text: Scalar, purpose: Purpose = "read", *, it: bool = False) -> CompiledPath | None:
        """A path, ready to be used; None after a problem. A name that stands for a path will do."""
        try:
            path = self._path(text)
            if path is None:
                return None
            if path.relative and not it:
                self.problems.add(
                    text.spot, '"it" is the current element of each or for_each; there is none here.', "no-it"
                )
                return None
            message, better = misread_element(path, self.element) if it else ("", "")
            if message:
                self.problems.add(text.spot, message, "it-misread", fix=better)
                return None
            return compile_path(path, purpose)
        except PathError as error:
            edit = text.edited(0, len(text.value), error.fix) if error.fix else None
            spot = text.at(error.offset, error.length)
            self.problems.add(spot, _sentence(error.message), error.rule, edit=edit)
            return None

    def table(self, text: Scalar) -> Table | None:
        """A table by its name; None after a problem."""
        self.tables.add(text.value)
        found = self.vocabulary.tables.get(text.value)
        if found is None and text.value not in self.vocabulary.broken_tables:
            known = self.vocabulary.tables
            message = f'There is no table "{text.value}"{did_you_mean(text.value, known)}'
            self.problems.add(text.spot, message, "unknown-table", fix=nearest(text.value, known))
        return found

    def _path(self, text: Scalar) -> Path | None:
        named = self.vocabulary.names.get(text.value)
        if named is None:
            near = nearest(text.value, self.vocabulary.names) if text.value.islower() else ""
            if near and text.value != "it":
                self.problems.add(
                    text.spot,
                    f'"{text.value}" is not a name here; did you mean "{near}"?',
                    "unknown-name",
                    fix=near,
                )
                return None
            return parse_path(text.value)
        self.used.add(text.value)
        if named.expression is None:
            return None
        if not isinstance(named.expression, PathRead):
            self.problems.add(
                text.spot,
                f'A path must stand here, and "{text.value}" is the name of an expression.',
                "not-a-path",
            )
            return None
        return named.expression.path

    def _expression(self, text: Scalar, expect: Kind | None, *, it: bool) -> Expression | None:
        expression = self._parse(text)
        if expression is None:
            return None
        kind = self._check(expression, text, expect, self._vocabulary(it=it))
        if kind is None or kind is Kind.UNKNOWN:
            return None
        self._look_for_whole_fields(text, expression)
        return expression

    def _parse(self, text: Scalar) -> Expression | None:
        try:
            expression = parse_expression(text.value)
        except ExpressionError as error:
            self._report(text, error)
            return None
        self.used |= names_in(expression)
        self.tables |= tables_in(expression)
        return expression

    def _look_for_whole_fields(self, text: Scalar, expression: Expression) -> None:
        names = {name: known.expression for name, known in self.vocabulary.names.items()}
        for found in find_whole_fields(expression, names):
            self.problems.add(
                text.at(found.span.offset, found.span.length),
                f"{found.path} is the whole field as it is written, such as {found.example}. A single value "
                f"is compared with one of its components: {found.meant}.",
                "whole-field",
                warning=True,
                fix=found.meant,
            )

    def _check(
        self, expression: Expression, text: Scalar, expect: Kind | None, vocabulary: Vocabulary
    ) -> Kind | None:
        try:
            return check_types(expression, vocabulary, expect)
        except ExpressionError as error:
            self._report(text, error)
            return None

    def _report(self, text: Scalar, error: ExpressionError) -> None:
        if isinstance(error, KnownMistake):
            return
        if error.rule == "unknown-name":
            word = text.value[error.offset : error.offset + error.length]
            if word in self.unknown:
                return  # told already; a misspelt name is one mistake, wherever it is read
            self.unknown.add(word)
        spot = text.at(error.offset, error.length)
        self.problems.add(spot, _sentence(error.message), error.rule, edit=_mending(text, error))

    def _vocabulary(self, *, it: bool) -> Vocabulary:
        if not it:
            return self.vocabulary
        known = self._within
        if known is None or known.names is not self.vocabulary.names or known.element != self.element:
            self._within = replace(self.vocabulary, in_each=True, element=self.element)
        return self._within or self.vocabulary

    @contextmanager
    def within(self, element: Path | None) -> Iterator[None]:
        """What is bound meanwhile speaks of the elements of this path as `it`."""
        outer, self.element = self.element, element
        try:
            yield
        finally:
            self.element = outer


def _mending(text: Scalar, error: ExpressionError) -> Edit | None:
    """The change that an error offers, where the expression can be read with it at least that far."""
    if not error.fix:
        return None
    if error.rule == "round-list":  # the closing bracket changes with the opening one
        inside, closed, rest = text.value[error.offset + 1 :].partition(")")
        length = len(text.value) - error.offset
        return text.edited(error.offset, length, f"[{inside}]{rest}") if closed else None
    value = text.value[: error.offset] + error.fix + text.value[error.offset + error.length :]
    try:
        parse_expression(value)
    except ExpressionError as further:
        if further.offset < error.offset + len(error.fix):
            return None
    return text.edited(error.offset, error.length, error.fix)


def _sentence(text: str) -> str:
    """A problem's message as it is printed: a capital at the front, a full stop or question mark behind."""
    if not text:
        return text
    first = text[0].upper() if text[:2].islower() else text[0]
    end = "" if text.endswith((".", "?", "!", "…")) else "."
    return f"{first}{text[1:]}{end}"


def column_of(table: Table, text: Scalar, problems: Problems) -> int | None:
    """The place of a column in the rows of a table; None after a problem."""
    place = table.column(text.value)
    if place is None:
        known: Mapping[str, None] = dict.fromkeys(table.columns)
        message = f'Table "{table.name}" has no column "{text.value}"{did_you_mean(text.value, known)}'
        problems.add(text.spot, message, "no-such-column", fix=nearest(text.value, known))
    return place
