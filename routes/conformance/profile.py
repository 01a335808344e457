"""A site's profile at work: its constraints asked of one message, and a finding for each that does not hold.

A profile is compiled once to a row of closures. Fields that are as they should be cost a look each; a `when`
is asked only where something would be found. Knows messages and places; nothing of files or of outcomes.

What a path means here:
- required, length, values, format read it as an expression does: the first of a bare path, each of `[*]`,
  and each one that a selector picks. Where there is none, `required` finds that.
- forbidden and count read it as `remove` does: a path without numbers means all.
- A value that is absent is asked for `required` only. Null is a value: it is present, and it has any length
  and any format; `values` admits it where it is listed.
One place has one finding at most from one constraint: the first of required, values, format, length.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass

from routes.conformance.finding import MOST, Finding, Severity, describe_shape, name_place
from routes.conformance.walking import Element, Missing, compile_walk, counted
from routes.hl7.message import Message
from routes.hl7.notation import EVERY, Path, Place
from routes.hl7.values import compile_cutter
from routes.language.scope import Scope

__all__ = ["Profile", "Question", "Rule", "compile_rule"]

NULL = '""'
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

    questions: asked of each value that is there, in this order; the first that does not hold is the finding.
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


class Sheet:
    """The findings on one message so far; past MOST they are only counted."""

    __slots__ = ("findings", "more")

    def __init__(self) -> None:
        self.findings: list[Finding] = []
        self.more = 0

    def add(self, finding: Finding) -> None:
        """Note one."""
        if len(self.findings) < MOST:
            self.findings.append(finding)
        else:
            self.more += 1

    def whole(self) -> tuple[Finding, ...]:
        """All of them, and a last one that says how many more there are."""
        if self.more:
            words = f"{self.more:,} more findings are not listed"
            self.findings.append(Finding("the message", "more", words, "", "warning"))
        return tuple(self.findings)


Asked = Callable[[Scope, Sheet], None]


@dataclass(frozen=True, slots=True)
class Profile:
    """A profile, ready to be asked."""

    name: str
    rules: tuple[Asked, ...]

    def check(self, scope: Scope) -> tuple[Finding, ...]:
        """Every finding on the message, in the order of the profile."""
        sheet = Sheet()
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
            value = element.value
            fault = judge(value, scope)
            if fault is not None and _applies(rule, scope, element):
                shape = _shape(fault, value) if element.place or value else "none"
                sheet.add(_finding(rule, scope.message, element, fault, shape))

    return ask


def _is_plain(path: Path) -> bool:
    """`OBX[*]-3.1`, `PID-5`: one segment told by its name alone, and a first repetition."""
    step = path.steps[0]
    told = len(path.steps) == 1 and (step.pick is None or step.pick == EVERY)
    text = path.field > 2 if step.name == "MSH" else path.field > 0 and step.name not in HEADERS
    return told and text and path.repetition is None


def _column(rule: Rule) -> Asked:
    """The short way for plain paths, which most constraints have: nothing is made before a fault is found."""
    path = rule.path
    name, every, number = path.segment.encode(), path.many, path.field
    component, subcomponent = path.component, path.subcomponent
    cut = compile_cutter(1, component, subcomponent)
    judge, missing = _judge(rule), Missing(path, ())

    def ask(scope: Scope, sheet: Sheet) -> None:
        message = scope.message
        rows, field = message.rows(name), message.field
        if not every:
            if not rows:
                if rule.required and _applies(rule, scope, missing):
                    sheet.add(_finding(rule, message, missing, REQUIRED, "none"))
                return
            rows = rows[:1]
        for row in rows:
            text = field(row, number)
            value = cut(message, text) if text else ""
            fault = judge(value, scope)
            if fault is not None:
                element = Element(value, Place(row, number, 1, component, subcomponent))
                if _applies(rule, scope, element):
                    sheet.add(_finding(rule, message, element, fault, _shape(fault, value)))

    return ask


def _judge(rule: Rule) -> Callable[[str, Scope], Question | None]:
    """What is wrong with a value: the question that does not hold, or None."""
    missing = REQUIRED if rule.required else None
    questions, null_listed = rule.questions, rule.null_listed
    listed = next((question for question in questions if question.kind == "values"), None)
    if not questions:
        return lambda value, _scope: None if value else missing
    only, holds = questions[0], questions[0].holds
    many = len(questions) > 1

    def judge(value: str, scope: Scope) -> Question | None:
        if not value:
            return missing
        if value == NULL:
            return None if null_listed else listed
        if not many:
            return None if holds(value, scope) else only
        for question in questions:
            if not question.holds(value, scope):
                return question
        return None

    return judge


REQUIRED = Question("required", lambda value, _: bool(value), "a value is required here")


def _shape(fault: Question, value: str) -> str:
    return f"{len(value):,} characters" if fault.kind == "length" else describe_shape(value)


def _applies(rule: Rule, scope: Scope, element: Element | Missing) -> bool:
    """Whether the constraint holds here: its `when`, asked of the element where it speaks of `it`."""
    when = rule.when
    if when is None:
        return True
    if not rule.each:
        return when(scope)
    if element.place is None:
        return False  # there is no element that `it` could be
    before = scope.it
    scope.it = element.place
    try:
        return when(scope)
    finally:
        scope.it = before


def _finding(
    rule: Rule, message: Message, element: Element | Missing, fault: Question, shape: str
) -> Finding:
    place = element.place
    where = element.where(message) if place is None else name_place(message, place)
    return Finding(where, fault.kind, rule.words or fault.words, shape, rule.severity)


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
