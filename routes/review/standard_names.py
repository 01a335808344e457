"""What the standard calls its segments, fields and components, in words for people who do not know HL7.

The names of fields and components are those of version 2.5, from the tables of hl7apy; segments have no
names there, so the usual ones are given words here. Must not know routes or messages.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import cache
from importlib import import_module
from typing import Any

__all__ = ["SegmentName", "component_name", "field_name", "is_plural", "segment_name"]


@dataclass(frozen=True, slots=True)
class SegmentName:
    """What one segment is called. several: whether a message usually holds more than one."""

    noun: str
    plural: str
    several: bool = False


def _once(noun: str) -> SegmentName:
    return SegmentName(noun, noun if noun.endswith("s") else f"{noun}s")


def _often(noun: str, plural: str = "") -> SegmentName:
    return SegmentName(noun, plural or f"{noun}s", several=True)


_SEGMENTS = {
    "AL1": _often("allergy", "allergies"),
    "BHS": _once("batch header"),
    "DG1": _often("diagnosis", "diagnoses"),
    "EVN": _once("event segment"),
    "FHS": _once("file header"),
    "FT1": _often("charge"),
    "GT1": _often("guarantor"),
    "IN1": _often("insurance"),
    "MRG": _once("merged identity", ),
    "MSA": _once("acknowledgement"),
    "MSH": _once("message header"),
    "NK1": _often("next of kin", "next of kin"),
    "NTE": _often("note"),
    "OBR": _often("test order"),
    "OBX": _often("result line"),
    "ORC": _often("order"),
    "PD1": _once("patient's additional details"),
    "PID": _once("patient's details"),
    "PR1": _often("procedure"),
    "PV1": _once("visit"),
    "PV2": _once("visit's additional details"),
    "ROL": _often("role"),
    "RXA": _often("administered medicine"),
    "RXE": _often("encoded medicine order"),
    "RXO": _often("medicine order"),
    "SCH": _once("appointment"),
    "SPM": _often("specimen"),
    "TXA": _once("document header"),
}  # fmt: skip

_CAPITALS = frozenset(
    {"id", "hl7", "dns", "drg", "ssn", "ndc", "vip", "uri", "url", "clia", "ems", "oid", "er", "us", "usa"}
)


@cache
def segment_name(segment: str) -> SegmentName:
    """What a segment is called; one that has no usual name is called by its three letters."""
    found = _SEGMENTS.get(segment)
    return found if found is not None else _often(f"{segment} segment")


@cache
def field_name(segment: str, number: int) -> str:
    """The standard's name of a field, such as `patient identifier list`; "" where it has none."""
    return _worded(_field(segment, number), segment)


@cache
def component_name(
    segment: str, field: int, component: int, subcomponent: int = 0, data_type: str = ""
) -> str:
    """The standard's name of a component or sub-component; "" where it has none.

    data_type: what a field of varying type holds here, such as ED; "" where that is not known.
    """
    entry = _data_type(data_type, component) if data_type else _child(_field(segment, field), component)
    if subcomponent:
        entry = _child(entry, subcomponent)
    return _worded(entry)


def is_plural(noun: str) -> bool:
    """Whether `are` follows: flags, but not status."""
    head = noun.split(" of ")[0].split(" (")[0]
    return head.endswith("s") and not head.endswith(("ss", "us", "is", "series"))


def _field(segment: str, number: int) -> Any:
    fields = _tables("segments").SEGMENTS.get(segment)
    return None if fields is None else _named(fields[1], f"{segment}_{number}")


def _child(entry: Any, number: int) -> Any:
    """One component of a field, or one sub-component of a component."""
    reference = None if entry is None else entry[1]
    if reference is None or reference[0] != "sequence":
        return None  # a plain value has no components
    return next((each for each in reference[1] if each[0].endswith(f"_{number}")), None)


def _data_type(data_type: str, number: int) -> Any:
    reference = _tables("datatypes").DATATYPES.get(f"{data_type}_{number}")
    return None if reference is None else (f"{data_type}_{number}", reference)


def _named(entries: Any, wanted: str) -> Any:
    return next((each for each in entries if each[0] == wanted), None)


def _worded(entry: Any, segment: str = "") -> str:
    """`PATIENT_IDENTIFIER_LIST` in words."""
    words = [] if entry is None or entry[1][3] is None else str(entry[1][3]).lower().split("_")
    if len(words) > 2 and words[-1] == segment.lower():
        words.pop()  # SET_ID_PID
    text = " ".join(word.upper() if word in _CAPITALS else word for word in words)
    return (
        text.replace(" s ", "'s ")
        .replace("date time", "date/time")
        .replace("references range", "reference range")
    )


@cache
def _tables(what: str) -> Any:
    """The tables of 2.5, loaded when the first name is asked for."""
    return import_module(f"hl7apy.v2_5.{what}")
