"""Paths in words: `PID-3[5='NH'].1` is the NHS number, `OBX[*]-8` the abnormal flags of every result line.

The path itself follows in brackets, so that analysts need not trust the words. Knows the notation of paths
and the standard's names; must not know routes, expressions or messages.
"""

from __future__ import annotations

import re

from routes.hl7.notation import EVERY, Comparison, Path, Pick, Selector, Step
from routes.review.code_meanings import meaning
from routes.review.document import Phrase, path, phrase, said
from routes.review.standard_names import component_name, field_name, is_plural, segment_name

__all__ = ["describe_path", "literal", "noun_of_path", "own_name", "place_of", "short_name", "things"]

_KNOWN = {
    "PID-3[5='NH'].1": "the NHS number",
    "PID-3[4='NHS'].1": "the NHS number",
    "PID-3[4='NHS' and 5='NH'].1": "the NHS number",
}
"""Places that have a name in everyday language."""

_EVERYDAY = {
    "MSH-9.1": "message type",
    "MSH-9.2": "trigger event",
    "MSH-11.1": "processing ID",
    "OBR-4.1": "test code",
    "OBR-22": "date/time of the report",
    "OBR-28": "doctor to copy to",
    "OBX-3.1": "test code",
    "PID-5.1": "patient's family name",
    "PID-5.2": "patient's given name",
}
"""Places whose name in the standard would not be understood, or would take a line of its own."""


def describe_path(place: Path, it: Path | None = None) -> str:
    """A path as a plain text, with the path in brackets."""
    return "".join(run.text for run in noun_of_path(place, it))


def noun_of_path(place: Path, it: Path | None = None, which: str = "every") -> Phrase:
    """`the patient's name (PID-5)`. it: the path whose element `it` is. which: the word for `[*]`."""
    known = _KNOWN.get(str(place))
    if known:
        one = known if which == "every" else f"{which} {known.removeprefix('the ')}"
        return phrase(one, " (", path(str(place)), ")")
    if place.relative and place == Path((), relative=True):
        return phrase("it") if it is None else phrase(f"that {short_name(it)}")
    owner = _owner(place, it, which)
    if not place.field and not place.component:
        return phrase(owner, " (", path(str(place)), ")")
    noun = _own_noun(place, it, which)
    if place.relative and not place.steps:
        return phrase("its ", noun, " (", path(str(place)), ")")
    article = _article(noun, which)
    return phrase(article, noun, " of " if owner else "", owner, " (", path(str(place)), ")")


def own_name(place: Path, it: Path | None = None) -> str:
    """The name of a field or component by itself: `identifier type code`, `date/time of birth`."""
    known = _KNOWN.get(str(place))
    if known:
        return known.removeprefix("the ")
    segment, field = place.segment, place.field
    if place.relative and not place.steps and it is not None:
        segment, field = it.segment, place.field or it.field
    everyday = _EVERYDAY.get(f"{segment}-{field}.{place.component}")
    return everyday or _component(place, segment, field) or _field(segment, field)


def short_name(place: Path) -> str:
    """What one element of a path is called, without an article: `result line`, `result copies to`."""
    if place.field:
        return _field(place.segment, place.field)
    return segment_name(place.segment).noun if place.segment else "element"


def things(place: Path) -> Phrase:
    """The elements of a path in the plural, such as `result lines (OBX[*])`."""
    if place.field:
        noun = phrase(
            "entries of ",
            _article(phrase(_field(place.segment, place.field)), "every"),
            _field(place.segment, place.field),
        )
    else:
        noun = phrase(segment_name(place.segment).plural)
    step = place.steps[-1] if place.steps else None
    pick = place.repetition if place.field else (None if step is None else step.pick)
    if isinstance(pick, Selector):
        noun = phrase(noun, " whose ", _selected(pick, place.segment, place.field))
    elif len(place.steps) > 1:
        noun = phrase(noun, " of ", _segment(place.steps[-2], "every", bare=False))
    return phrase(noun, " (", path(str(place)), ")")


def place_of(place: Path, it: Path | None = None) -> str:
    """The place without occurrences, as `OBX-8` or `PID-3.5`: the key of what codes mean there."""
    segment = place.segment or (it.segment if it else "")
    field = place.field or (it.field if it else 0)
    return f"{segment}-{field}" + (f".{place.component}" if place.component else "")


def literal(text: str, place: str = "") -> Phrase:
    """A text in quotes, and in brackets what it means at that place, where that is well known."""
    known = meaning(place, text) if place else ""
    return phrase(said(text), f" ({known})") if known else phrase(said(text) if text else "an empty text")


# --- the parts -----------------------------------------------------------------------------------------


def _own_noun(place: Path, it: Path | None, which: str) -> Phrase:
    """Field, repetition, component: without the segment."""
    segment, field = place.segment, place.field
    if place.relative and not place.steps and it is not None:
        segment, field = it.segment, place.field or it.field
    noun = phrase(_field(segment, field))
    everyday = _EVERYDAY.get(f"{segment}-{field}.{place.component}")
    if everyday and place.repetition is None and not place.subcomponent:
        return phrase(everyday)
    inner = _component(place, segment, field)
    if place.repetition is not None:
        noun = _entry(noun[0].text, place.repetition, segment, field, which)
    elif place.relative and not place.field and inner:
        return phrase(inner)  # `it.1`, of one repetition
    if not inner or inner == noun[0].text:
        return noun
    return phrase(f"{inner} of {_article(noun, which)}", noun)


_OF_SEVERAL = {
    "every": "each of",
    "each": "each of",
    "no": "none of",
    "any": "any of",
    "at least one": "at least one of",
}


def _article(noun: Phrase, which: str) -> str:
    """`the `, where that is English."""
    text = noun[0].text if noun else ""
    numbered = re.match(r"(field|entry|component|sub-component) [0-9]", text)
    counted = (f"{which} ", "every ", *(f"{each} " for each in _OF_SEVERAL.values()))
    return "" if numbered or text.startswith(counted) else "the "


def _field(segment: str, field: int) -> str:
    return _EVERYDAY.get(f"{segment}-{field}") or field_name(segment, field) or f"field {field}"


def _component(place: Path, segment: str, field: int) -> str:
    if not place.component:
        return ""
    name = component_name(segment, field, place.component, place.subcomponent, _type_of(place))
    if name:
        return name
    if place.component == 1 and not place.subcomponent:
        return ""  # the first component of a plain field is the field
    sub = f"sub-component {place.subcomponent} of " if place.subcomponent else ""
    return f"{sub}component {place.component}"


def _type_of(place: Path) -> str:
    """`OBX[2='ED']-5.5`: what the selector says of the type of OBX-5."""
    if place.segment != "OBX" or place.field != 5 or not place.steps:
        return ""
    pick = place.steps[-1].pick
    if not isinstance(pick, Selector) or len(pick.alternatives) != 1:
        return ""
    return next((test.value for test in pick.alternatives[0] if test.numbers == (2,) and test.equal), "")


def _entry(noun: str, pick: Pick, segment: str, field: int, which: str) -> Phrase:
    """One of a field's repetitions."""
    if pick == EVERY:
        if is_plural(noun):
            return phrase(f"{_OF_SEVERAL.get(which, which)} the {noun}")
        return phrase(f"{which} entry of the {noun}" if noun.endswith(" list") else f"{which} {noun}")
    if isinstance(pick, Selector):
        one = "" if which == "every" else f"{which} "
        return phrase(f"{one}{noun} entry whose ", _selected(pick, segment, field))
    return phrase(f"entry {pick} of the {noun}")


def _owner(place: Path, it: Path | None, which: str) -> Phrase:
    """The segment, behind those that it belongs to; nothing where a message holds one only."""
    if place.relative and not place.steps:
        return ()
    parts: list[Phrase] = []
    for step in reversed(place.steps):
        last = step is place.steps[-1]
        alone = last and not place.field
        noun = _segment(step, which, bare=not alone)
        if noun:
            parts.append(noun if last else phrase("that belongs to ", noun))
    if place.relative:
        owner = "it" if it is None else f"that {short_name(it)}"
        parts.append(phrase(f"that belongs to {owner}"))
    found: list[Phrase | str] = []
    for part in parts:
        found += [" " if found else "", part]
    return phrase(*found)


def _segment(step: Step, which: str, *, bare: bool) -> Phrase:
    """`the first result line`; nothing for a segment that there is once, unless it is spoken of itself."""
    known = segment_name(step.name)
    if step.pick == EVERY:
        return phrase(f"{which} {known.noun}")
    if isinstance(step.pick, Selector):
        one = which if which != "every" else "the" if bare else "each"
        return phrase(f"{one} {known.noun} whose ", _selected(step.pick, step.name, 0))
    if step.pick is not None:
        return phrase(f"{known.noun} {step.pick}")
    if known.several:
        return phrase(f"the first {known.noun}")
    return () if bare else phrase(f"the {known.noun}")


def _selected(pick: Selector, segment: str, field: int) -> Phrase:
    """What a selector asks, as `identifier type code is “NH”`."""
    alternatives: list[Phrase] = []
    for tests in pick.alternatives:
        asked = [_comparison(test, segment, field) for test in tests]
        alternatives.append(_chained(asked, " and its "))
    return _chained(alternatives, ", or whose ")


def _chained(parts: list[Phrase], between: str) -> Phrase:
    found: list[Phrase | str] = []
    for part in parts:
        found += [between if found else "", part]
    return phrase(*found)


def _comparison(test: Comparison, segment: str, field: int) -> Phrase:
    numbers = test.numbers
    if field:
        names = component_name(segment, field, *numbers[:2]) or f"component {'.'.join(map(str, numbers))}"
        place = f"{segment}-{field}.{numbers[0]}"
    else:
        component, subcomponent = (*numbers[1:3], 0, 0)[:2]
        inside = Path((Step(segment),), numbers[0], None, component, subcomponent)
        names = "".join(run.text for run in _own_noun(inside, None, "every"))
        place = place_of(inside)
    return phrase(names, " is " if test.equal else " is not ", literal(test.value, place))
