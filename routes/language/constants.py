"""Conditions whose answer is known before any message comes: never true, or always true.

For the linter. Sees the obvious only, such as `MSH-9.1 = 'ORU' and MSH-9.1 = 'ADT'` and the classic slip
`X != 'A' or X != 'B'`; None means that it depends on the message, or that this file cannot tell. Knows
nothing of tables or messages, and never says yes or no where a message could say otherwise.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from decimal import Decimal

from routes.hl7.formats import read_number
from routes.language.closures import NULL, SIGNS, is_plain_text
from routes.language.readings import Moment, compare_moments, read_literal_moment
from routes.language.syntax import (
    And,
    Compare,
    Count,
    Element,
    Expression,
    InList,
    Is,
    Not,
    Number,
    Or,
    Quantified,
    Test,
    Text,
    TextTest,
)

__all__ = ["can_all_hold", "constant_truth"]


def constant_truth(expression: Expression) -> bool | None:
    """False where a condition can never be true, True where it always is, None where it depends."""
    if isinstance(expression, Not):
        inner = constant_truth(expression.of)
        return None if inner is None else not inner
    if isinstance(expression, And):
        return _conjunction([(part, True) for part in expression.parts])
    if isinstance(expression, Or):
        opposite = _conjunction([(part, False) for part in expression.parts])
        return None if opposite is None else not opposite
    if isinstance(expression, Quantified):
        return _quantified(expression)
    if isinstance(expression, Test):
        return _test(expression)
    return None


def can_all_hold(wanted: Sequence[Expression], denied: Sequence[Expression] = ()) -> bool:
    """False where the first can surely never be true together while none of the others is."""
    parts = [*((each, True) for each in wanted), *((each, False) for each in denied)]
    return _conjunction(parts) is not False


def _quantified(node: Quantified) -> bool | None:
    """Only what holds whether or not there are elements: any and all of the impossible are no, and no
    element is ever impossible. `all` of the certain is still no over nothing."""
    if constant_truth(node.test) is False:
        return node.quantifier == "no"
    return None


def _test(node: Test) -> bool | None:
    value = node.value
    if isinstance(node, InList):
        if not node.items:
            return False
        if isinstance(value, Text) and all(is_plain_text(item) for item in (value, *node.items)):
            return value.value != "" and value in node.items
        return None
    if isinstance(node, Is) and isinstance(value, Text):
        return {
            "present": value.value != "",
            "empty": value.value == "",
            "null": value.value == NULL,
            "blank": value.value in ("", NULL),
        }[node.state]
    if isinstance(node, TextTest) and isinstance(value, Text) and isinstance(node.other, Text):
        return _text_test(node.kind, value.value, node.other.value)
    return _compared(node) if isinstance(node, Compare) else None


def _text_test(kind: str, value: str, part: str) -> bool:
    if value in ("", NULL) or part in ("", NULL):
        return False
    if kind == "contains":
        return part in value
    return value.startswith(part) if kind == "starts with" else value.endswith(part)


def _compared(node: Compare) -> bool | None:
    one, other, sign = node.value, node.other, node.sign
    if sign == "!=":
        same = _compared(Compare(one, "=", other))
        return None if same is None else not same
    if sign == "=" and any(isinstance(side, Text) and not side.value for side in (one, other)):
        return False
    if isinstance(one, Number) and isinstance(other, Number):
        return bool(SIGNS[sign](one.value, other.value))
    if isinstance(one, Count) and isinstance(other, Number):
        return _counted(sign, other.value)
    if isinstance(one, Text) and isinstance(other, Text):
        day, other_day = read_literal_moment(one.value), read_literal_moment(other.value)
        if day is not None and other_day is not None:
            return compare_moments(sign, day, other_day)
        return one.value == other.value if sign == "=" else None
    if one == other and sign in ("<", ">") and not isinstance(one, Element):
        return False
    return None


def _counted(sign: str, number: Decimal) -> bool | None:
    """How many there are compared with a number: a count is whole, and none or more."""
    if sign == "=" and (number < 0 or number != int(number)):
        return False
    if (sign == "<" and number <= 0) or (sign == "<=" and number < 0):
        return False
    if (sign == ">=" and number <= 0) or (sign == ">" and number < 0):
        return True
    return None


# --- several conditions at once ------------------------------------------------------------------


@dataclass(slots=True)
class _Facts:
    """What a row of conditions says of one value, all of them together."""

    equal: frozenset[str] | None = None  # it is one of these texts
    unequal: set[str] = field(default_factory=set)  # it is none of these
    lowest: tuple[Decimal, bool] | None = None  # a number above this; True: or equal to it
    highest: tuple[Decimal, bool] | None = None
    earliest: list[Moment] = field(default_factory=list)  # a time not before these
    latest: list[Moment] = field(default_factory=list)  # and not behind these
    there: bool | None = None  # present, or empty
    null: bool | None = None

    def impossible(self) -> bool:
        if self.equal is not None and not {text for text in self.equal - self.unequal if self.fits(text)}:
            return True
        if any(compare_moments(">", early, late) for early in self.earliest for late in self.latest):
            return True
        if self.there is False and (self.equal is not None or self.null or self.lowest or self.highest):
            return True
        if self.null is True and (self.lowest or self.highest or (self.equal and NULL not in self.equal)):
            return True
        if self.null is False and self.equal == frozenset({NULL}):
            return True
        if self.lowest is None or self.highest is None:
            return False
        low, high = self.lowest, self.highest
        return low[0] > high[0] or (low[0] == high[0] and not (low[1] and high[1]))

    def fits(self, text: str) -> bool:
        """Whether a text lies within the bounds for numbers."""
        if self.lowest is None and self.highest is None:
            return True
        number = read_number(text)
        if number is None:
            return False
        low, high = self.lowest, self.highest
        above = low is None or number > low[0] or (low[1] and number == low[0])
        return above and (high is None or number < high[0] or (high[1] and number == high[0]))


def _conjunction(parts: Iterable[tuple[Expression, bool]]) -> bool | None:
    """Whether these can all hold at once, each as it stands (True) or denied (False)."""
    literals = list(_flattened(parts))
    truths = [(constant_truth(part), wanted) for part, wanted in literals]
    if any(truth is not None and truth is not wanted for truth, wanted in truths):
        return False
    if all(truth is not None for truth, _ in truths):
        return True
    wanted_of: dict[str, bool] = {}
    facts: dict[str, _Facts] = {}
    for part, wanted in literals:
        if wanted_of.setdefault(str(part), wanted) is not wanted:
            return False
        if isinstance(part, Test) and not _note(facts.setdefault(str(part.value), _Facts()), part, wanted):
            return False
    if any(fact.impossible() for fact in facts.values()):
        return False
    return None if _some_way_is_open(literals) else False


def _some_way_is_open(literals: Sequence[tuple[Expression, bool]]) -> bool:
    """False where every part of an `or` (or of a denied `and`) contradicts what else must hold."""
    single = [(part, wanted) for part, wanted in literals if not isinstance(part, And | Or)]
    return all(
        any(_conjunction([*single, (inner, wanted)]) is not False for inner in part.parts)
        for part, wanted in literals
        if isinstance(part, And | Or)
    )


def _flattened(parts: Iterable[tuple[Expression, bool]]) -> Iterable[tuple[Expression, bool]]:
    """Conditions joined by and, brackets and denials dissolved where that is sound."""
    for part, wanted in parts:
        if isinstance(part, Not):
            yield from _flattened([(part.of, not wanted)])
        elif (isinstance(part, And) and wanted) or (isinstance(part, Or) and not wanted):
            yield from _flattened([(inner, wanted) for inner in part.parts])
        elif isinstance(part, Compare) and part.sign == "!=":
            yield Compare(part.value, "=", part.other, span=part.span), not wanted
        else:
            yield part, wanted


def _note(facts: _Facts, test: Test, wanted: bool) -> bool:
    """Add what a test says of its value. False where it contradicts what was said."""
    if isinstance(test, Compare):
        return _note_comparison(facts, test, wanted)
    if isinstance(test, InList) and all(
        isinstance(item, Text) and is_plain_text(item) for item in test.items
    ):
        _note_texts(facts, {item.value for item in test.items if isinstance(item, Text)}, wanted)
    if isinstance(test, Is):
        return _note_state(facts, test, wanted)
    return True


def _note_comparison(facts: _Facts, test: Compare, wanted: bool) -> bool:
    other = test.other
    if isinstance(other, Text) and test.sign == "=" and is_plain_text(other):
        _note_texts(facts, {other.value}, wanted)
    elif isinstance(other, Number) and wanted:
        inclusive = test.sign in ("=", "<=", ">=")
        if test.sign in ("=", ">", ">="):
            bounds = [bound for bound in (facts.lowest, (other.value, inclusive)) if bound is not None]
            facts.lowest = max(bounds, key=lambda bound: (bound[0], not bound[1]))
        if test.sign in ("=", "<", "<="):
            bounds = [bound for bound in (facts.highest, (other.value, inclusive)) if bound is not None]
            facts.highest = min(bounds, key=lambda bound: (bound[0], bound[1]))
    elif isinstance(other, Text) and wanted and (moment := read_literal_moment(other.value)) is not None:
        if test.sign in (">", ">="):
            facts.earliest.append(moment)
        elif test.sign in ("<", "<="):
            facts.latest.append(moment)
    return True


def _note_texts(facts: _Facts, texts: set[str], wanted: bool) -> None:
    if wanted:
        facts.equal = frozenset(texts) if facts.equal is None else facts.equal & texts
    else:
        facts.unequal |= texts


def _note_state(facts: _Facts, test: Is, wanted: bool) -> bool:
    if test.state in ("present", "empty"):
        there = (test.state == "present") is wanted
        if facts.there is (not there):
            return False
        facts.there = there
    elif test.state == "null":
        if facts.null is (not wanted):
            return False
        facts.null = wanted
    elif not wanted:  # not blank: present, and not null
        if facts.there is False or facts.null is True:
            return False
        facts.there, facts.null = True, False
    return True
