"""Every part of a condition or of a value, with what it came to for one message: for traces.

Asks the same compiled closures that decide, node by node, so that a trace cannot disagree with a decision.
What it shows is message content. Must not know steps, outcomes or files.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from decimal import Decimal

from routes.conformance.finding import name_place
from routes.flow.tracing import Part
from routes.hl7.formats import find_format, read_number
from routes.hl7.notation import Path, Place, Selector
from routes.hl7.path import compile_path
from routes.language.closures import is_iso_date, written
from routes.language.compiler import compile_condition, compile_expression, compile_text
from routes.language.readings import read_moment
from routes.language.scope import Scope, day_of
from routes.language.syntax import (
    And,
    Compare,
    Element,
    Expression,
    InList,
    InTable,
    IsValid,
    Join,
    Lookup,
    Name,
    Not,
    Number,
    Or,
    PathRead,
    Quantified,
    RangeEnd,
    Received,
    Test,
    Text,
    TextTest,
    quoted,
)
from routes.language.types import kind_of
from routes.language.vocabulary import Kind, Vocabulary
from routes.tables.table import Table

__all__ = ["tell_parts", "tell_path", "yes_or_no"]

EMPTY = "(empty)"
MOST_ELEMENTS = 8
MOST_OPENED = 4
LONGEST = 40
"""Characters of one of several values on a line."""

_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)


def tell_parts(expression: Expression, vocabulary: Vocabulary, scope: Scope) -> tuple[Part, ...]:
    """The parts of a condition or value, outermost first, without the whole and without literals.

    The scope is the caller's to throw away: asking counts misses and remembers names in it.
    """
    telling = _Telling(vocabulary, scope)
    if kind_of(expression, vocabulary) is not Kind.YES_NO:
        telling.operand(expression, 0)
    elif isinstance(expression, Name):
        telling.condition(expression, 0)
    else:
        telling.inside(expression, 0)
    return tuple(telling.parts)


def tell_path(path: Path, vocabulary: Vocabulary, scope: Scope) -> tuple[Part, ...]:
    """What stands at a path; with [*], at its first few places."""
    telling = _Telling(vocabulary, scope)
    if path.many and path.field:
        values = compile_path(path).every(scope.message, scope.it)
        telling.say(str(path), _listing(values), _counted(len(values)))
    else:
        telling.operand(PathRead(path), 0)
    return tuple(telling.parts)


def yes_or_no(answer: bool) -> str:
    """An answer as the language writes it."""
    return "yes" if answer else "no"


@dataclass(slots=True)
class _Telling:
    vocabulary: Vocabulary
    scope: Scope
    parts: list[Part] = field(default_factory=list)

    def say(self, text: str, value: str, note: str = "", depth: int = 0) -> None:
        self.parts.append(Part(text, value, note, depth))

    def answer(self, node: Expression) -> bool:
        return compile_condition(node, self.vocabulary)(self.scope)

    def text(self, node: Expression) -> str:
        return compile_text(node, self.vocabulary)(self.scope)

    # --- what stands inside a node -----------------------------------------------------------------

    def inside(self, node: Expression, depth: int) -> None:
        """The parts of a node, each with its own below it."""
        match node:
            case And() | Or():
                self.several(node, depth)
            case Not():
                self.condition(node.of, depth)
            case Quantified():
                self.elements(node, depth)
            case Name():
                named = self.vocabulary.names.get(node.name)
                if named is not None and named.expression is not None:
                    self.inside(named.expression, depth)
            case Test():
                for each in (node.value, *_others(node)):
                    self.operand(each, depth, node)
            case Lookup():
                self.operand(node.key, depth)
            case Join():
                for each in node.parts:
                    self.operand(each, depth)
            case RangeEnd():
                self.operand(node.of, depth)

    def several(self, node: And | Or, depth: int) -> None:
        decided = False
        for part in node.parts:
            answer = self.answer(part)
            self.condition(part, depth, "not asked any more" if decided else "")
            decided = decided or answer is isinstance(node, Or)

    def condition(self, node: Expression, depth: int, note: str = "") -> None:
        if isinstance(node, Name):
            note = "; ".join(each for each in (self.stands_for(node), note) if each)
        self.say(str(node), yes_or_no(self.answer(node)), note, depth)
        self.inside(node, depth + 1)

    # --- values ------------------------------------------------------------------------------------

    def operand(self, node: Expression, depth: int, test: Test | None = None) -> None:
        """A value that a condition looks at. What stands there in letters is not repeated."""
        if isinstance(node, Text | Number | Element):
            return
        if isinstance(node, PathRead) and not node.path.field and node.path.steps:
            places = compile_path(node.path).places(self.scope.message, self.scope.it)
            self.say(str(node), _counted(len(places)), depth=depth)
            return
        shown = self.shown(node)
        notes = [self.note(node), "" if test is None else self.misfit(node, test)]
        self.say(str(node), shown, "; ".join(each for each in notes if each), depth)
        self.inside(node, depth + 1)

    def shown(self, node: Expression) -> str:
        if isinstance(node, Received):
            return (_EPOCH + timedelta(microseconds=self.scope.received)).isoformat(timespec="seconds")
        value = compile_expression(node, self.vocabulary)(self.scope)
        if isinstance(value, bool):
            return yes_or_no(value)
        if isinstance(value, str):
            return quoted(value) if value else EMPTY
        if value is None:
            return "(none)"
        return written(value) if isinstance(value, int | Decimal) else "a row"

    def note(self, node: Expression) -> str:
        if isinstance(node, Name):
            return self.stands_for(node)
        if isinstance(node, PathRead):
            return self.place_of(node.path)
        return self.miss(node) if isinstance(node, Lookup) else ""

    def stands_for(self, node: Name) -> str:
        """What a name means, and why it has no value where a table did not give one."""
        named = self.vocabulary.names.get(node.name)
        if named is None or named.expression is None:
            return ""
        note = "" if isinstance(named.expression, Name) else self.note(named.expression)
        return f"= {named.expression}" + (f"; {note}" if note else "")

    def place_of(self, path: Path) -> str:
        """Where a path with a selector found its value."""
        picks = (*(step.pick for step in path.steps), path.repetition)
        if not any(isinstance(pick, Selector) for pick in picks):
            return ""
        places = compile_path(path).places(self.scope.message, self.scope.it)
        return f"at {name_place(self.scope.message, places[0])}" if places else "nothing fits"

    def miss(self, node: Lookup) -> str:
        key, table = self.text(node.key), self.vocabulary.tables[node.table]
        if key in ("", '""'):
            return "nothing to look up"
        counted = Scope(self.scope.message, self.scope.received, self.scope.it, self.scope.zone)
        if node.column is not None:
            counted.element = self.scope.element
            compile_text(node, self.vocabulary)(counted)
            if (table.name, key) not in counted.misses:
                return self.successor(table, key)
        elif compile_expression(node, self.vocabulary)(self.scope) is not None:
            return ""
        return f"{quoted(_short(key))} is no key of {node.table}" + (
            ", its default row is taken" if table.default_row is not None else ""
        )

    def successor(self, table: Table, key: str) -> str:
        """Whose row was read, where the table follows successors."""
        row = table.row(key, day_of(self.scope) if table.dated else "") if table.follow else None
        return f"follows to {quoted(row[0])}" if row and table.folded(row[0]) != table.folded(key) else ""

    def misfit(self, node: Expression, test: Test) -> str:
        """Why a value that is there cannot be what the question is about."""
        if node is not test.value and not isinstance(test, Compare):
            return ""
        if kind_of(node, self.vocabulary) is not Kind.TEXT:
            return ""
        return self.unfit(self.text(node), test)

    def unfit(self, value: str, test: Test) -> str:
        if value in ("", '""'):
            return ""
        if isinstance(test, InTable):
            return "" if self.answer(test) else f"no key of {test.table}"
        if isinstance(test, IsValid):
            form = find_format(test.format, live=self.vocabulary.live)
            return "" if form is None or form.check(value) else f"must be {form.about}"
        if not isinstance(test, Compare):
            return ""
        kinds = {kind_of(test.value, self.vocabulary), kind_of(test.other, self.vocabulary)}
        if Kind.NUMBER in kinds:
            return "not a number" if read_number(value) is None else ""
        dates = Kind.TIME in kinds or is_iso_date(test.value) or is_iso_date(test.other)
        if dates or (test.sign not in ("=", "!=") and isinstance(test.other, Text)):
            return "not a date or time" if read_moment(value) is None else ""
        return ""

    # --- any, all, no ------------------------------------------------------------------------------

    def elements(self, node: Quantified, depth: int) -> None:
        places = compile_path(node.path).places(self.scope.message, self.scope.it)
        if node.with_:
            self.say(str(node.path), _counted(len(places)), depth=depth)
            self.opened(node, places, depth + 1)
            return
        values = compile_path(node.path).every(self.scope.message, self.scope.it)
        self.say(str(node.path), _listing(values), _counted(len(values)), depth)
        decides = node.quantifier != "all"
        for number, value in enumerate(values):
            with self.element(value):
                answer = self.answer(node.test)
                note = self.unfit(value, node.test) if isinstance(node.test, Test) else ""
            if answer is decides:
                where = name_place(self.scope.message, places[number]) if number < len(places) else "element"
                reason = f"; {note}" if note else ""
                self.say(where, _value(value), f"decides: {yes_or_no(answer)}{reason}", depth + 1)
                break
        if isinstance(node.test, Test):
            for each in _others(node.test):
                self.operand(each, depth)

    def opened(self, node: Quantified, places: Sequence[Place], depth: int) -> None:
        """The element that decides, or the first few where none does."""
        decides = node.quantifier != "all"
        found: list[tuple[Place, bool]] = []
        for place in places:
            with self.at(place):
                found.append((place, self.answer(node.test)))
            if found[-1][1] is decides:
                break
        decided = bool(found) and found[-1][1] is decides
        for place, answer in found[-1:] if decided else found[:MOST_OPENED]:
            note = f"decides: {yes_or_no(answer)}" if decided else ""
            with self.at(place):
                self.say(f"it = {name_place(self.scope.message, place)}", yes_or_no(answer), note, depth)
                self.inside(node.test, depth + 1)
        if not decided and len(found) > MOST_OPENED:
            self.say("…", yes_or_no(not decides), f"and {len(found) - MOST_OPENED} more like these", depth)

    @contextmanager
    def at(self, place: Place) -> Iterator[None]:
        outer, self.scope.it = self.scope.it, place
        try:
            yield
        finally:
            self.scope.it = outer

    @contextmanager
    def element(self, value: str) -> Iterator[None]:
        outer, self.scope.element = self.scope.element, value
        try:
            yield
        finally:
            self.scope.element = outer


def _others(test: Test) -> tuple[Expression, ...]:
    """What a value is compared with."""
    if isinstance(test, Compare | TextTest):
        return (test.other,)
    return test.items if isinstance(test, InList) else ()


def _counted(number: int) -> str:
    return "nothing there" if not number else "1 element" if number == 1 else f"{number:,} elements"


def _listing(values: Sequence[str]) -> str:
    shown = ", ".join(_value(_short(value)) for value in values[:MOST_ELEMENTS])
    return f"{shown}, …" if len(values) > MOST_ELEMENTS else shown or EMPTY


def _value(value: str) -> str:
    return quoted(value) if value else EMPTY


def _short(value: str) -> str:
    return value if len(value) <= LONGEST else f"{value[:LONGEST]}…"
