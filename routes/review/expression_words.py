"""Expressions in words: a condition becomes a clause, a value a noun, for people who do not know HL7.

`describe_expression` gives a plain text; `clause` and `noun` give phrases. Reads the very tree that is
compiled, so that the words cannot speak of another condition. Names, tables, hours and patterns keep the
names that the site gives them. Must not know steps, channels or messages.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, replace

from routes.hl7.path import Path
from routes.language.readings import read_literal_moment
from routes.language.syntax import (
    And,
    Compare,
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
    Received,
    Test,
    Text,
    TextTest,
)
from routes.review.document import Phrase, joined, name, phrase, plain
from routes.review.path_words import literal, noun_of_path, place_of, short_name, things
from routes.review.standard_names import is_plural

__all__ = ["NO_NAMES", "Naming", "clause", "describe_expression", "is_condition", "noun", "valid_words"]


@dataclass(frozen=True, slots=True)
class Naming:
    """What the words of one file mean, as far as a sentence depends on it.

    names: the file's names and what they stand for. it: the path whose element `it` is, inside each,
    for_each and with; None elsewhere.
    """

    names: Mapping[str, Expression] = field(default_factory=dict)
    it: Path | None = None

    def within(self, path: Path) -> Naming:
        """The same words where `it` is an element of a path."""
        return replace(self, it=path)


NO_NAMES = Naming()


def describe_expression(tree: Expression, naming: Naming = NO_NAMES) -> str:
    """An expression as a plain text: a clause for a condition, a noun for a value."""
    return plain(clause(tree, naming) if is_condition(tree, naming) else noun(tree, naming))


def is_condition(tree: Expression, naming: Naming = NO_NAMES) -> bool:
    """Whether an expression is true or not true, rather than a value."""
    if isinstance(tree, Name):
        meant = naming.names.get(tree.name)
        return meant is not None and is_condition(meant, naming)
    return isinstance(tree, Test | And | Or | Not | Quantified)


# --- conditions ----------------------------------------------------------------------------------------


def clause(tree: Expression, naming: Naming = NO_NAMES, *, holds: bool = True) -> Phrase:
    """A condition as a clause, such as `the patient's family name (PID-5.1) begins with “XXTEST”`.

    holds: False for its opposite.
    """
    match tree:
        case Not():
            return clause(tree.of, naming, holds=not holds)
        case And() | Or():
            return _several(tree, naming, holds)
        case Quantified():
            return _quantified(tree, naming, holds)
        case Name():
            return phrase(name(tree.name), " is true" if holds else " is not true")
        case Test():
            return _test(tree, tree.value, naming, holds)
        case _:
            return phrase(noun(tree, naming), " is true" if holds else " is not true")


def _several(tree: And | Or, naming: Naming, holds: bool) -> Phrase:
    """A and B; its opposite is that one of the two is not so."""
    both = isinstance(tree, And) is holds
    parts: list[Phrase] = []
    for part in tree.parts:
        words = clause(part, naming, holds=holds)
        mixed = isinstance(part, And | Or) or (isinstance(part, Not) and isinstance(part.of, And | Or))
        parts.append(phrase("(", words, ")") if mixed else words)
    found: list[Phrase | str] = []
    for number, told in enumerate(parts):
        found += [(" and " if both else ", or ") if number else "", told]
    return phrase(*found)


def _quantified(tree: Quantified, naming: Naming, holds: bool) -> Phrase:
    """`no entry … is`, `at least one … is`; the opposite of any is no, and that of all that one is not so."""
    quantifier = tree.quantifier
    good = holds or quantifier != "all"
    if not holds:
        quantifier = "no" if quantifier == "any" else "any"
    which = {"any": "at least one", "all": "each", "no": "no"}[quantifier]
    tail = " (and there is at least one)" if quantifier == "all" else "" if good else ", or there is none"
    if tree.with_:
        inner = clause(tree.test, naming.within(tree.path), holds=good)
        who = noun_of_path(tree.path, naming.it, which)
        return phrase(who, " is such that ", inner, tail)
    subject = noun_of_path(tree.path, naming.it, which)
    if isinstance(tree.test, Test):
        asked = _asked(
            tree.test, naming, good, place_of(tree.path, naming.it), plural=_several_flags(subject)
        )
        return phrase(subject, " ", asked, tail)
    return phrase(subject, " ", clause(tree.test, naming, holds=good), tail)


def _several_flags(subject: Phrase) -> bool:
    """`the abnormal flags … are`, but `every flag is`."""
    text = subject[0].text if subject else ""
    return text.startswith("the ") and is_plural(text.removeprefix("the "))


def _test(tree: Test, value: Expression, naming: Naming, holds: bool) -> Phrase:
    if isinstance(tree, InHours) and isinstance(value, Received):
        comes = "the message comes in" if holds else "the message does not come in"
        return phrase(comes, " within the hours ", name(tree.hours, "hours"))
    if isinstance(tree, Is) and isinstance(value, PathRead) and not value.path.field and value.path.steps:
        return _segment_is(tree, value.path, holds)
    if isinstance(tree, Is) and isinstance(value, Lookup) and value.column is None:
        there = (tree.state == "present") is holds
        has = " has a row for " if there else " has no row for "
        return phrase("the table ", name(value.table, "table"), has, noun(value.key, naming))
    subject = noun(value, naming)
    place = _place(value, naming)
    return phrase(subject, " ", _asked(tree, naming, holds, place, plural=_several_flags(subject)))


def _segment_is(tree: Is, path: Path, holds: bool) -> Phrase:
    """`NTE is present`: there is a note."""
    there = (tree.state == "present") is holds
    return phrase(
        "there is a " if there else "there is no ", short_name(path), " (", name(str(path), "path"), ")"
    )


def _place(value: Expression, naming: Naming) -> str:
    """The place that a value is read from, for the meaning of codes."""
    seen: set[str] = set()
    while isinstance(value, Name) and value.name in naming.names and value.name not in seen:
        seen.add(value.name)
        value = naming.names[value.name]
    return place_of(value.path, naming.it) if isinstance(value, PathRead) else ""


def _asked(tree: Test, naming: Naming, holds: bool, place: str, *, plural: bool = False) -> Phrase:
    """What is asked of a value, as a predicate."""
    be = ("are" if plural else "is") + ("" if holds else " not")
    match tree:
        case Compare(sign="!="):
            denied = replace(tree, sign="=")
            return _asked(denied, naming, not holds, place, plural=plural)
        case Compare():
            return phrase(be, " ", _compared(tree, naming, place))
        case InList():
            items = [_item(item, naming, place) for item in tree.items]
            if not items:
                return phrase(be, " one of nothing")
            if holds or len(items) == 1:
                return phrase(be, " ", joined(items, "or"))
            return phrase("are" if plural else "is", " none of ", joined(items, "and"))
        case InTable():
            return phrase(be, " listed in the table ", name(tree.table, "table"))
        case InHours():
            return phrase(
                "falls" if holds else "does not fall", " within the hours ", name(tree.hours, "hours")
            )
        case Is():
            return phrase(_state(tree, holds, plural))
        case IsValid():
            return phrase(be, " ", valid_words(tree.format))
        case Matches():
            return phrase("fits" if holds else "does not fit", " the pattern ", name(tree.pattern, "pattern"))
        case TextTest():
            verb = {"starts with": "begin with", "ends with": "end with", "contains": "contain"}[tree.kind]
            if not holds:
                verb = f"does not {verb}"
            elif not plural:
                first, *rest = verb.split(" ")
                verb = " ".join([f"{first}s", *rest])
            return phrase(verb, " ", _item(tree.other, naming, ""))
        case _:
            raise TypeError(f"no words for {type(tree).__name__}")


def _item(tree: Expression, naming: Naming, place: str) -> Phrase:
    return literal(tree.value, place) if isinstance(tree, Text) else noun(tree, naming)


_SIGNS = {"=": "", "<": "less than ", "<=": "at most ", ">": "greater than ", ">=": "at least "}
_MOMENTS = {"<": "before ", "<=": "at or before ", ">": "after ", ">=": "at or after "}


def _compared(tree: Compare, naming: Naming, place: str) -> Phrase:
    other = tree.other
    moment = any(_is_moment(side) for side in (tree.value, other))
    sign = (_MOMENTS if moment and tree.sign in _MOMENTS else _SIGNS)[tree.sign]
    return phrase(sign, _item(other, naming, place))


def _is_moment(tree: Expression) -> bool:
    return isinstance(tree, Received) or (
        isinstance(tree, Text) and read_literal_moment(tree.value) is not None
    )


_STATES: Mapping[str, tuple[str, str]] = {
    "present": ("filled in", "empty"),
    "empty": ("empty", "filled in"),
    "null": ('set to the HL7 null ("")', 'not set to the HL7 null ("")'),
    "blank": ("empty or set to the HL7 null", "filled in, and not with the HL7 null"),
}


def _state(tree: Is, holds: bool, plural: bool) -> str:
    good, bad = _STATES[tree.state]
    return f"{'are' if plural else 'is'} {good if holds else bad}"


_FORMATS: Mapping[str, str] = {
    "date": "a valid date",
    "datetime": "a valid date or time",
    "gnc": "a valid GP code",
    "nhs_number": "a valid NHS number",
    "number": "a number",
    "ods_code": "a valid code of an NHS organisation",
    "postcode": "a valid postcode",
    "practice_code": "a valid code of a GP practice",
    "time": "a valid time of day",
    "whole_number": "a whole number",
}


def valid_words(form: str) -> Phrase:
    """`a valid NHS number`; the name of the format is said only where it has no words."""
    if form in _FORMATS:
        return phrase(_FORMATS[form])
    return phrase("written as ", name(form)) if "YYYY" in form else phrase("valid as ", name(form))


# --- values --------------------------------------------------------------------------------------------


def noun(tree: Expression, naming: Naming = NO_NAMES) -> Phrase:
    """A value as a noun, such as `the sending facility (MSH-4)`."""
    match tree:
        case Text():
            return literal(tree.value)
        case Number():
            return phrase(str(tree))
        case Received():
            return phrase("the time at which the message came in")
        case PathRead():
            return noun_of_path(tree.path, naming.it)
        case Element():
            return phrase("it")
        case Name():
            return phrase(name(tree.name))
        case Lookup():
            return _looked_up(tree, naming)
        case Join():
            return phrase(joined([noun(part, naming) for part in tree.parts]), ", put together")
        case RangeEnd():
            return phrase(f"the {tree.end} end of the range in ", noun(tree.of, naming))
        case Count():
            return phrase("the number of ", things(tree.path))
        case Test() | And() | Or() | Not() | Quantified():
            return phrase("whether ", clause(tree, naming))
        case _:
            raise TypeError(f"no words tell of {type(tree).__name__}")


def _looked_up(tree: Lookup, naming: Naming) -> Phrase:
    key = noun(tree.key, naming)
    if tree.column is None:
        return phrase("the row for ", key, " in the table ", name(tree.table, "table"))
    return phrase("the ", name(tree.column), " entry for ", key, " in the table ", name(tree.table, "table"))
