"""A site's profile at work: its constraints asked of one message, and a finding for each that does not hold.

A profile is compiled once to a row of closures. Fields that are as they should be cost a look each; a `when`
is asked only where something would be found. Knows messages and places; nothing of files or of outcomes.

What a path means here:
- required, length, values, format read it as an expression does: the first of a bare path, each of `[*]`,
  and each one that a selector picks. Where there is none, `required` finds that.
- forbidden and count read it as `remove` does: a path without numbers means all.
- A value that is absent is asked for `required` only. Null is a value: it is present, and it has any length
  and any format; `values` admits it where it is listed.
Each question that does not hold is a finding of its own, in the order required, values, format, length. In
a `when`, `it` is the value that is looked at, also one that is missing from a segment that is there.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass

from routes.conformance.finding import Finding, Findings, Severity, describe_shape
from routes.conformance.walking import Element, Missing, compile_walk, counted
from routes.hl7.message import WIDE, Message
from routes.hl7.notation import EVERY, Path, Place
from routes.hl7.values import compile_cutter
from routes.language.scope import Scope

__all__ = ["Profile", "Question", "Rule", "compile_rule"]

NULL = '""'
LONG = 2_000  # characters; shorter fields are decoded as quickly as they are looked up
HEADERS = frozenset({"MSH", "BHS", "FHS"})  # some of their fields are delimiters, or stand elsewhere


@dataclass(frozen=True, slots=True)
class Question:
    """Something that a value is asked, and what the answer should have been, in words."""

    kind: str
    holds: Callable[[str, Scope], bool]
    words: str


@dataclass(frozen=True, slots=True)
class Rule:
    """One constraint of one path.

    questions: asked of each value that is there, in this order; each that does not hold is a finding.
    counts: from, to (None: without end) and words. when: asked before anything is found; each: of every
    element, which is `it` there. severity, words: of the findings; "" for our own words.
    """

    path: Path
    required: bool = False
    forbidden: bool = False
    questions: tuple[Question, ...] = ()
    null_listed: bool = True
    counts: tuple[int, int | None, str] | None = None
    when: Callable[[Scope], bool] | None = None
    each: bool = False
    severity: Severity = "error"
    words: str = ""


class Sheet(Findings):
    """The findings on one message so far.

    field: reads a field of the message; of a large message each document once, however many constraints ask
    for it.
    """

    __slots__ = ("field",)

    def __init__(self, message: Message) -> None:
        super().__init__()
        self.field = message.field if len(message.source) < WIDE else _reads_once(message)


def _reads_once(message: Message) -> Callable[[int, int], str]:
    """`Message.field`, which decodes a document anew at each call, with a memory for long fields."""
    known: dict[tuple[int, int], str] = {}
    read = message.field

    def field(row: int, number: int) -> str:
        text = known.get((row, number))
        if text is None:
            text = read(row, number)
            if len(text) > LONG:
                known[row, number] = text
        return text

    return field


Asked = Callable[[Scope, Sheet], None]


@dataclass(frozen=True, slots=True)
class Profile:
    """A profile, ready to be asked."""

    name: str
    rules: tuple[Asked, ...]

    def check(self, scope: Scope) -> tuple[Finding, ...]:
        """Every finding on the message, in the order of the profile."""
        sheet = Sheet(scope.message)
        for ask in self.rules:
            ask(scope, sheet)
        return sheet.whole() if sheet.findings else ()


def compile_rule(rule: Rule) -> Iterable[Asked]:
    """What a constraint asks, as closures: of its values, of what is forbidden, and of how many there are."""
    if rule.required or rule.questions:
        yield _values(rule)
    if rule.forbidden:
        yield _forbidden(rule)
    if rule.counts is not None:
        yield _counts(rule, *rule.counts)


# --- values ------------------------------------------------------------------------------------------


def _values(rule: Rule) -> Asked:
    if _is_plain(rule.path):
        return _column(rule)
    walk = compile_walk(rule.path)
    judge = _judge(rule)

    def ask(scope: Scope, sheet: Sheet) -> None:
        for element in walk(scope.message):
            faults = judge(element.value, scope)
            if faults and _applies(rule, scope, element):
                _note(rule, scope.message, element, faults, sheet)

    return ask


def _is_plain(path: Path) -> bool:
    """`OBX[*]-3.1`, `PID-5`, `PID-32[*]`: one segment told by its name alone, and the first repetition or
    each."""
    step = path.steps[0]
    told = len(path.steps) == 1 and (step.pick is None or step.pick == EVERY)
    text = path.field > 2 if step.name == "MSH" else path.field > 0 and step.name not in HEADERS
    return told and text and (path.repetition is None or path.repetition == EVERY)


def _column(rule: Rule) -> Asked:
    """The short way for plain paths, which most constraints have: nothing is made before a fault is found,
    and a text that was good in the row before is not asked again."""
    path = rule.path
    name, number, first = path.segment.encode(), path.field, path.steps[0].pick is None
    cut = compile_cutter(1, path.component, path.subcomponent)
    judge, missing = _judge(rule), Missing(path, ())
    look = _each_repetition(rule, judge) if path.repetition == EVERY else None

    def ask(scope: Scope, sheet: Sheet) -> None:
        message = scope.message
        rows, field = message.rows(name), sheet.field
        if first:
            if not rows:
                if rule.required and _applies(rule, scope, missing):
                    _note(rule, message, missing, REQUIRED, sheet)
                return
            rows = rows[:1]
        good: str | None = None
        for row in rows:
            text = field(row, number)
            if text == good:
                continue
            if look is not None:
                good = text if look(scope, row, text, sheet) else good
                continue
            value = cut(message, text) if text else ""
            faults = judge(value, scope)
            if not faults:
                good = text
                continue
            element = Element(value, Place(row, number, 1, path.component, path.subcomponent))
            if _applies(rule, scope, element):
                _note(rule, message, element, faults, sheet)

    return ask


def _each_repetition(
    rule: Rule, judge: Callable[[str, Scope], Faults]
) -> Callable[[Scope, int, str, Sheet], bool]:
    """Asks each repetition of a field of one segment; whether all of them are as they should be."""
    path = rule.path
    cut = compile_cutter(1, path.component, path.subcomponent)
    asks_for_one = rule.required and not path.component

    def look(scope: Scope, row: int, text: str, sheet: Sheet) -> bool:
        message = scope.message
        if not text:
            missing = Missing(path, (row,), "", Place(row, path.field, 1))
            if asks_for_one and _applies(rule, scope, missing):
                _note(rule, message, missing, REQUIRED, sheet)
            return not asks_for_one
        separator = message.separators.cuts[0]
        parts = text.split(separator) if separator in text else (text,)
        good = True
        for repetition, part in enumerate(parts, 1):
            value = cut(message, part)
            faults = judge(value, scope)
            if faults:
                good = False
                place = Place(row, path.field, repetition, path.component, path.subcomponent)
                if _applies(rule, scope, element := Element(value, place)):
                    _note(rule, message, element, faults, sheet)
        return good

    return look


def _judge(rule: Rule) -> Callable[[str, Scope], Faults]:
    """What is wrong with a value: the questions that do not hold."""
    missing = () if not rule.required else REQUIRED if rule.path.field else REQUIRED_SEGMENT
    questions = rule.questions
    null = () if rule.null_listed else tuple([each for each in questions if each.kind == "values"])
    if not questions:
        return lambda value, _scope: () if value else missing
    if len(questions) == 1:
        holds = questions[0].holds

        def judge_one(value: str, scope: Scope) -> Faults:
            if value and value != NULL:
                return () if holds(value, scope) else questions
            return null if value else missing

        return judge_one

    def judge(value: str, scope: Scope) -> Faults:
        if value and value != NULL:
            return tuple([each for each in questions if not each.holds(value, scope)])
        return null if value else missing

    return judge


Faults = tuple[Question, ...]
REQUIRED: Faults = (Question("required", lambda value, _: bool(value), "a value is required here"),)
REQUIRED_SEGMENT: Faults = (Question("required", lambda value, _: bool(value), "this segment is required"),)


def _note(rule: Rule, message: Message, element: Element | Missing, faults: Faults, sheet: Sheet) -> None:
    for fault in faults:
        sheet.add(_finding(rule, message, element, fault, _shape(fault, element)))


def _shape(fault: Question, element: Element | Missing) -> str:
    value = element.value
    if not value and isinstance(element, Missing):
        return "none"
    if fault.kind != "length":
        return describe_shape(value)
    return f"{len(value):,} {'character' if len(value) == 1 else 'characters'}"


def _applies(rule: Rule, scope: Scope, element: Element | Missing) -> bool:
    """Whether the constraint holds here: its `when`, asked of the element where it speaks of `it`."""
    when = rule.when
    if when is None:
        return True
    if not rule.each:
        return when(scope)
    it = element.place if isinstance(element, Element) else element.it
    if it is None:
        return False  # there is no element that `it` could be
    before = scope.it
    scope.it = it
    try:
        return when(scope)
    finally:
        scope.it = before


def _finding(
    rule: Rule, message: Message, element: Element | Missing, fault: Question, shape: str
) -> Finding:
    return Finding(element.where(message), fault.kind, rule.words or fault.words, shape, rule.severity)


# --- what must not be there, and how much of it ------------------------------------------------------

FORBIDDEN = Question("forbidden", lambda value, _: not value, "nothing may stand here")


def _forbidden(rule: Rule) -> Asked:
    walk = compile_walk(rule.path, every=True)

    def ask(scope: Scope, sheet: Sheet) -> None:
        for element in walk(scope.message):
            if element.value and _applies(rule, scope, element):
                shape = describe_shape(element.value) if rule.path.field else "one"
                sheet.add(_finding(rule, scope.message, element, FORBIDDEN, shape))

    return ask


def _counts(rule: Rule, least: int, most: int | None, words: str) -> Asked:
    count = counted(rule.path)
    fault = Question("count", lambda _value, _scope: True, words)

    def ask(scope: Scope, sheet: Sheet) -> None:
        for number, element in count(scope.message):
            if least <= number and (most is None or number <= most):
                continue
            if number == 0 and rule.required:
                continue  # that it is missing has been found already
            if _applies(rule, scope, element):
                sheet.add(_finding(rule, scope.message, element, fault, f"{number:,}"))

    return ask
