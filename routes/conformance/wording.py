"""The findings of the standard's rules in words: where, what should be, and the shape of what was there.

Only names that the version knows come into the words, never what a message holds. Knows messages for the
places in them; nothing of how anything is judged.
"""

from __future__ import annotations

from collections.abc import Sequence

from routes.conformance.dictionary import ANY_SEGMENT, VERSIONS
from routes.conformance.finding import Finding, describe_shape, name_place
from routes.conformance.grammar import Grammar
from routes.conformance.mending import Misfit
from routes.conformance.rules import RULES
from routes.conformance.segments import FieldFault
from routes.hl7.message import Message
from routes.hl7.notation import Place

__all__ = [
    "in_field", "line_feeds", "make_finding", "nameless", "out_of_order", "second_message",
    "unknown_segment", "unknown_version",
]  # fmt: skip


def make_finding(path: str, name: str, words: str, shape: str = "") -> Finding:
    """One finding by a rule of RULES."""
    return Finding(path, name, words, shape, RULES[name].severity)


def unknown_version(message: Message, version: str) -> Finding:
    """MSH-12 names a version without rules."""
    known = [*VERSIONS]
    words = f"there are rules for {known[0]} to {known[-1]}, and none for the version that stands here"
    return make_finding(name_place(message, Place(0, 12)), "version", words, describe_shape(version))


def line_feeds() -> Finding:
    """Segments are ended by line feeds that the feed does not expect."""
    words = "line feeds end the segments here: set segment_ends: any for the feed"
    return make_finding("the message", "segment-ends", words)


def second_message(message: Message) -> Finding:
    """Another MSH stands in the message."""
    place = name_place(message, Place(message.rows(b"MSH")[1]))
    words = "a second message begins here; this and what follows was not judged"
    return make_finding(place, "second-message", words)


def unknown_segment(message: Message, at: int, version: str) -> Finding:
    """A segment of a good name that the version does not have."""
    words = f"version {version} has no segment of this name"
    return make_finding(name_place(message, Place(at)), "unknown-segment", words)


def nameless(message: Message, at: int) -> Finding:
    """A line without a segment's name."""
    # What stands where a name should be may be a piece of somebody's text: only its shape is shown.
    words = "a segment begins with a name of three capital letters or digits; is a line cut in two?"
    return make_finding(f"line {at + 1}", "segment-name", words, describe_shape(message.name(at)))


def in_field(message: Message, at: int, found: FieldFault) -> Finding:
    """A fault inside a segment, with its place in the message."""
    fault = found.fault
    place = Place(at, found.field, found.repetition, fault.component, fault.subcomponent)
    shape = fault.text if fault.rule == "repetition" else describe_shape(fault.text)
    return make_finding(name_place(message, place), fault.rule, fault.words, shape)


def out_of_order(message: Message, grammar: Grammar, rows: Sequence[int], misfit: Misfit) -> Finding:
    """A segment that is missing, or stands where it may not.

    rows: where the segments are in the message that the misfit counts.
    """
    name = _called(misfit.name)
    if misfit.kind == "missing":
        others = f" (or {', '.join(map(_called, misfit.others))})" if misfit.others else ""
        words = f"{name}{others} is required here, {_between(message, rows, misfit.at)}"
        return make_finding(name, "missing-segment", words, "none")
    where = name_place(message, Place(rows[misfit.at]))
    if misfit.kind == "unexpected":
        return make_finding(where, "unexpected-segment", f"{grammar.name} has no place for {name}")
    if misfit.kind == "excess":
        return make_finding(where, "excess-segment", f"one {name} is allowed here, and this is one more")
    words = f"{name} may not stand here in {grammar.name}"
    if misfit.belongs >= 0:
        words += f"; it belongs {_between(message, rows, misfit.belongs)}"
    return make_finding(where, "misplaced-segment", words)


def _between(message: Message, rows: Sequence[int], at: int) -> str:
    if at < len(rows):
        return f"before {name_place(message, Place(rows[at]))}"
    return f"behind {name_place(message, Place(rows[-1]))}, at the end" if rows else "in the message"


def _called(name: bytes) -> str:
    return "any segment" if name.decode() == ANY_SEGMENT else name.decode()
