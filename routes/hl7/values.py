"""From the text of a field to the value at a place in it: repetitions, components, sub-components, escapes.

A value is decoded text: "" where nothing is there, the two characters "" where the standard's null is. A
text with structure inside (components or sub-components) is given as it stands, delimiters and escapes
included. Knows places, not paths.
"""

from __future__ import annotations

from collections.abc import Callable

from routes.hl7.message import Message
from routes.hl7.notation import Place
from routes.hl7.separators import decode

__all__ = ["Cutter", "compile_cutter", "leaf", "part", "raw_at", "value_at"]

Cutter = Callable[[Message, str], str]
"""Takes a field's text to the value of one of its parts."""


def part(text: str, cut: str, number: int) -> str:
    """The part of a text with that number, counting from one; a text without the cut is its only part."""
    if cut in text:
        parts = text.split(cut, number)
        return parts[number - 1] if number <= len(parts) else ""
    return text if number == 1 else ""


def leaf(message: Message, text: str) -> str:
    """The meaning of a text: decoded, unless there is structure inside."""
    _, component, subcomponent, escape = message.separators.cuts
    if component in text or subcomponent in text:
        return text if text.strip(component + subcomponent) else ""  # nothing but delimiters is nothing
    if escape not in text:
        return text
    return decode(text, message.separators, message.codec)


def raw_at(message: Message, place: Place) -> str:
    """What stands at a place, undecoded; "" where nothing does."""
    segment, field, repetition, component, subcomponent = place
    if not field:
        return message.text(segment)
    text = message.field(segment, field)
    if component and not repetition:
        repetition = 1
    if not text or not repetition or message.is_delimiters(segment, field):
        return text if component < 2 and repetition < 2 and subcomponent < 2 else ""
    return _narrowed(message, text, repetition, component, subcomponent)


def _narrowed(message: Message, text: str, repetition: int, component: int, subcomponent: int) -> str:
    cuts = message.separators.cuts
    text = part(text, cuts[0], repetition)
    if component:
        text = part(text, cuts[1], component)
        if subcomponent:
            text = part(text, cuts[2], subcomponent)
    return text


def value_at(message: Message, place: Place) -> str:
    """The value at a place."""
    text = raw_at(message, place)
    if not text or not place.field or message.is_delimiters(place.segment, place.field):
        return text
    return leaf(message, text)


def compile_cutter(repetition: int, component: int, subcomponent: int) -> Cutter:
    """The way from a field's text to the value of one repetition, component and sub-component of it."""

    def cut(message: Message, text: str) -> str:
        cut_repetition, cut_component, cut_subcomponent, escape = message.separators.cuts
        if cut_repetition in text:
            parts = text.split(cut_repetition, repetition)
            if repetition > len(parts):
                return ""
            text = parts[repetition - 1]
        elif repetition > 1:
            return ""
        if component:
            if cut_component in text:
                parts = text.split(cut_component, component)
                if component > len(parts):
                    return ""
                text = parts[component - 1]
            elif component > 1:
                return ""
            if subcomponent:
                text = part(text, cut_subcomponent, subcomponent)
        if escape in text or text[:1] in (cut_component, cut_subcomponent):
            return leaf(message, text)
        return text

    return cut
