"""The rules of `conforms_to: standard`: the id of each, whether its findings count as failed, its meaning.

An error is what a receiver that goes by the standard would stumble over. A warning is what the standard tells
receivers to live with (more fields or components than they know, what has been withdrawn), so that a site
which turns the check on is not drowned. Knows nothing else.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import NamedTuple

from routes.conformance.finding import Severity

__all__ = ["RULES", "Meaning"]


class Meaning(NamedTuple):
    """Of one rule: how bad it is, and what is wrong, in a sentence."""

    severity: Severity
    words: str


RULES: Mapping[str, Meaning] = {
    "version": Meaning("error", "MSH-12 names no version that there are rules for; nothing else is judged."),
    "unknown-structure": Meaning(
        "error", "The version has no structure for this type and event; segments and fields are judged still."
    ),
    "structure-name": Meaning(
        "warning", "MSH-9.3 names no structure, or not the one of this type and event."
    ),
    "second-message": Meaning("error", "Another MSH: what follows is not judged."),
    "segment-ends": Meaning(
        "error", "Line feeds end the segments, and the feed does not say so; nothing else is judged."
    ),
    "missing-segment": Meaning("error", "A segment that the structure requires is not there."),
    "misplaced-segment": Meaning("error", "The structure has this segment, but at another place."),
    "excess-segment": Meaning("error", "The segment stands there once more than it may."),
    "unexpected-segment": Meaning("error", "The structure of the message does not have this segment."),
    "unknown-segment": Meaning(
        "error", "The version has no such segment, and its name does not begin with Z."
    ),
    "segment-name": Meaning("error", "The line does not begin with a segment's name."),
    "required-field": Meaning("error", "The field is required and empty."),
    "required-component": Meaning(
        "error", "The component is required, and the field has a value without it."
    ),
    "repetition": Meaning("error", "The field repeats more often than it may."),
    "extra-field": Meaning("warning", "The segment has more fields than the version knows."),
    "extra-component": Meaning(
        "warning", "The field has more components than its type; often a separator that was not escaped."
    ),
    "extra-subcomponent": Meaning(
        "warning", "The component has more sub-components than its type; often an & that was not escaped."
    ),
    "withdrawn": Meaning("warning", "The version has withdrawn this field, component or data type."),
    "value-type": Meaning("error", "OBX-2 is empty while OBX-5 has a value, or names no data type."),
    "number": Meaning("error", "Not a number (NM)."),
    "set-id": Meaning("error", "Not a sequence number (SI)."),
    "date": Meaning("error", "Not a date (DT), or not on the calendar."),
    "time": Meaning("error", "Not a time of day (TM)."),
    "date-time": Meaning("error", "Not a date or time (TS, DTM), or not on the calendar."),
    "code": Meaning("error", "Not a code of the HL7 table, which is closed."),
}
