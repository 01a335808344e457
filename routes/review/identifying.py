"""What may identify somebody in a message: by the data type that the standard gives each place.

Rather one place too many than one too few: a place of which the standard says nothing counts as identifying.
Codes, numbers, units, ranges and times of what was done stay. Changes nothing.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Literal

from routes.conformance.dictionary import VERSIONS, Composite, Dictionary, Spec, read_dictionary

__all__ = ["Kind", "field_kinds", "observation_kinds", "tables_for"]

Kind = Literal[
    "keep", "surname", "given", "doctor", "street", "town", "postcode", "phone", "number",
    "organisation", "birthday", "text", "short", "words", "unknown", "document",
]  # fmt: skip
"""short: a text that is kept where it is a code of a few characters. words: text beside a code, kept where
the code is there. unknown: nobody knows what stands there."""

Places = Mapping[tuple[int, int], Kind]
"""Kinds by component and sub-component; 0 stands for all that are not listed."""

_PERSON: Places = {(1, 0): "surname", (1, 1): "surname", (2, 0): "given", (3, 0): "given", (0, 0): "keep"}
_DOCTOR: Places = {
    (1, 0): "doctor", (2, 0): "surname", (3, 0): "given", (4, 0): "given", (0, 0): "keep",
}  # fmt: skip
_ADDRESS: Places = {
    (1, 0): "street", (2, 0): "street", (3, 0): "town", (4, 0): "town", (5, 0): "postcode",
    (8, 0): "street", (9, 0): "town", (10, 0): "number", (0, 0): "keep",
}  # fmt: skip
_CODED: Places = {(2, 0): "words", (5, 0): "words", (9, 0): "text", (0, 0): "keep"}
_NUMBER: Places = {(1, 0): "number", (2, 0): "short", (0, 0): "keep"}
_KEPT: Places = {(0, 0): "keep"}
_COMPOSITES: Mapping[str, Places] = {
    **dict.fromkeys(("XPN", "PN", "FN"), _PERSON),
    **dict.fromkeys(("XCN", "CN", "PPN", "CNN"), _DOCTOR),
    "NDL": {(1, 1): "doctor", (1, 2): "surname", (1, 3): "given", (1, 4): "given", (0, 0): "keep"},
    **dict.fromkeys(("XAD", "AD", "SAD"), _ADDRESS),
    "XTN": {
        (1, 0): "phone", (4, 0): "phone", (7, 0): "phone", (8, 0): "number", (9, 0): "text",
        (10, 0): "number", (12, 0): "phone", (0, 0): "keep",
    },
    **dict.fromkeys(("CX", "CK", "DLN"), _NUMBER),
    "EI": {(1, 0): "number", (0, 0): "keep"},
    "EIP": {(1, 1): "number", (2, 1): "number", (0, 0): "keep"},
    "XON": {(1, 0): "organisation", (0, 0): "keep"},
    **dict.fromkeys(("CE", "CWE", "CNE", "CF"), _CODED),
    "ED": {(5, 0): "document", (0, 0): "keep"},
    "RP": {(1, 0): "text", (0, 0): "keep"},
    **dict.fromkeys(
        ("PL", "HD", "MSG", "VID", "PT", "CQ", "SN", "NR", "DR", "RI", "CP", "MO", "TQ", "MOC", "FC", "DLD",
         "DDI", "DTN", "OSD", "PRL", "PIP", "AUI", "TS", "CM_EIP", "CM_MSG", "CM_PAT_ID"),
        _KEPT,
    ),
}  # fmt: skip
_LEAVES: Mapping[str, Kind] = {
    "ST": "short", "TX": "text", "FT": "text", "TN": "phone", "NM": "keep", "SI": "keep", "ID": "keep",
    "IS": "keep", "DT": "keep", "TM": "keep", "DTM": "keep", "TS": "keep", "GTS": "keep", "SNM": "keep",
}  # fmt: skip
_TITLES: tuple[tuple[str, Kind], ...] = (
    ("social security", "number"), ("ssn", "number"), ("driver", "number"), ("policy number", "number"),
    ("account number", "number"), ("birth place", "town"), ("file name", "text"),
)  # fmt: skip
_DAYS = ("birth", "death")
_OF_A_DAY = ("TS", "DTM", "DT")
_OWN: Mapping[tuple[str, int], Places] = {
    ("OBX", 4): _KEPT, ("OBX", 7): _KEPT,
    ("PID", 2): _NUMBER, ("PID", 3): _NUMBER, ("PID", 4): _NUMBER,
}  # fmt: skip
"""What is known better than by the type alone: sub-ids and reference ranges are texts that identify nobody;
identifiers of a patient are such in every version, whatever type it gives them."""
_UNKNOWN: Places = {(0, 0): "unknown"}


def tables_for(version: str) -> Dictionary:
    """The standard's tables for what MSH-12 says; those of 2.5.1 where it says nothing that there are."""
    return read_dictionary(version if version in VERSIONS else "2.5.1")


def field_kinds(tables: Dictionary, segment: str, number: int) -> Places:
    """What may stand in a field; OBX-5 is asked of `observation_kinds`."""
    own = _OWN.get((segment, number))
    if own is not None:
        return own
    rule = tables.segment(segment)
    if rule is None or number > len(rule.fields):
        return _UNKNOWN
    field = rule.fields[number - 1]
    title = field.title.casefold().replace("_", " ")
    for word, kind in _TITLES:
        if word in title:
            return {(0, 0): kind}
    kinds = _of(field.spec)
    if any(word in title for word in _DAYS) and getattr(field.spec, "datatype", "") in _OF_A_DAY:
        return {(1, 0): "birthday", (0, 0): "keep"}
    return kinds


def observation_kinds(tables: Dictionary, datatype: str) -> Places:
    """What may stand in OBX-5, by the type that OBX-2 gives."""
    if datatype in ("ST", "IS", "ID"):
        return {(0, 0): "short"}
    return _of(tables.datatype(datatype)) if datatype else {(0, 0): "short"}


def _of(spec: Spec | None) -> Places:
    if spec is None:
        return _UNKNOWN
    if not isinstance(spec, Composite):
        return {(0, 0): _LEAVES.get(spec.datatype, "text")}
    known = _COMPOSITES.get(spec.datatype)
    if known is not None:
        return known
    found: dict[tuple[int, int], Kind] = {(0, 0): "unknown"}
    for part in spec.parts:
        # A component may be a composite itself; what stands first in it decides for all of it.
        inner = _of(part.spec)
        found[part.number, 0] = inner.get((1, 0), inner.get((0, 0), "unknown"))
        for (component, _), kind in inner.items():
            if component:
                found[part.number, component] = kind
    return found
