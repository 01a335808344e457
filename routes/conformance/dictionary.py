"""The standard's own tables for one version: its structures, segments, fields, data types and code tables.

They are hl7apy's; this is the only file that knows how hl7apy writes them. What it does with their traps
(facts of the tables, not of the standard):
- A withdrawn field is left out, so a field's number is read from its name and never counted.
- A child that is not written as children are (2.1's ORO) is passed over.
- ANYHL7SEGMENT is no segment: in a structure it stands for any segment of the version.
- TS is a DTM and a precision in every version, and the precision is never required.
- A table without values, or with "..." among them, is no list of codes. Of those that are, the standard lets
  sites add to some (OPEN); only closed ones are asked.
- Some fields are required in them and not in the chapters (CONDITIONAL).
- There are no maximum lengths in them (all are -1), so none are known here.

A version is read when its first message comes (about 20 ms), its segments and structures when they are first
met. Knows nothing of messages.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property, lru_cache
from importlib import import_module
from typing import Any

__all__ = [
    "ANY_SEGMENT", "UNLIMITED", "VERSIONS", "Composite", "Dictionary", "FieldRule", "Leaf", "Part",
    "SegmentRule", "Spec", "Table", "read_dictionary",
]  # fmt: skip

VERSIONS: Mapping[str, str] = {
    "2.1": "hl7apy.v2_1", "2.2": "hl7apy.v2_2", "2.3": "hl7apy.v2_3", "2.3.1": "hl7apy.v2_3_1",
    "2.4": "hl7apy.v2_4", "2.5": "hl7apy.v2_5", "2.5.1": "hl7apy.v2_5_1", "2.6": "hl7apy.v2_6",
    "2.7": "hl7apy.v2_7", "2.8": "hl7apy.v2_8", "2.8.1": "hl7apy.v2_8_1", "2.8.2": "hl7apy.v2_8_2",
}  # fmt: skip
"""The versions that there are tables for, by MSH-12."""

UNLIMITED = 1_000_000_000
ANY_SEGMENT = "ANYHL7SEGMENT"

OPEN = frozenset({
    "0003", "0076", "0354",  # event, message type, structure: judged together, as the message's structure
    "0104",  # versions: MSH-12 is judged by the tables there are
    "0125",  # value types: OBX-2 is judged by the data types of the version
    "0061", "0203", "0301", "0363", "0396",  # schemes, identifier types, coding systems: "suggested values"
    "0191", "0291", "0834",  # what a document is: MIME types beside the listed ones
    "0211",  # character sets: the message has been read by then
    "0399", "0347",  # countries and states: ISO 3166 in one spelling or another
    "0338", "0333", "0335", "0527",  # licences; languages (ISO 639); times that a prescriber writes
})  # fmt: skip
"""Tables whose type is ID but which sites extend, by the standard's own words or by its references to
lists of others, or which another rule judges."""

CONDITIONAL: Mapping[str, frozenset[str]] = {
    "2.1": frozenset({"OBR_8", "OBR_9", "OBR_14", "OBR_22"}),
    "2.3": frozenset({"ORC_7", "OBR_27"}),
    "2.3.1": frozenset({"OBX_4"}),
    "2.7": frozenset({"OBX_2", "OBX_4"}),
    "2.8": frozenset({"OBX_4"}),
}
"""Fields that the tables of a version call required, and the text of its chapters optional or conditional."""

AS_TEXT = frozenset({"XON_3"})
"""Components that the tables have as NM and everybody fills with letters: the identifier of an organisation,
which is an ODS code in this country; 2.7 withdrew it for one that is text."""

_FIELD = re.compile(r"[A-Z][A-Z0-9]{2}_([0-9]{1,3})")
_PART = re.compile(r".+_([0-9]{1,3})")
_TEXTS = frozenset({"ST", "TX", "FT", "IS", "ID", "GTS", "TN", "SNM"})
_LEAVES = _TEXTS | {"NM", "SI", "DT", "TM", "DTM"}
_TABLE = re.compile(r"HL7([0-9]{4})")
_LEGACY = {"CE": "CWE"}
"""Types that a later version no longer defines, by the one that took their place and begins like them."""
_FORMER = frozenset({
    "AD", "CE", "CK", "CM", "CN", "CQ", "ELD", "LA1", "LA2", "NR", "OSD", "PN", "PPN", "QIP", "RI", "SCV",
    "TQ", "TS",
})  # fmt: skip
"""Types that some version has and a later one has not."""


@dataclass(frozen=True, slots=True)
class Table:
    """A code table that a value must be in. number: 0085. title: its name in the standard."""

    number: str
    title: str
    codes: frozenset[str]


@dataclass(frozen=True, slots=True)
class Leaf:
    """A data type without components. datatype: NM, DTM, ST …; table: where only its codes are right."""

    datatype: str
    table: Table | None = None


@dataclass(frozen=True, slots=True)
class Part:
    """One component of a composite. spec None: the standard says nothing of its inside."""

    number: int
    title: str
    spec: Leaf | Composite | None
    required: bool = False
    withdrawn: bool = False


@dataclass(frozen=True, slots=True)
class Composite:
    """A data type with components; parts[n - 1] is component n."""

    datatype: str
    parts: tuple[Part, ...]


Spec = Leaf | Composite


@dataclass(frozen=True, slots=True)
class FieldRule:
    """What the standard says of one field. most: how often it may repeat. spec None: anything may stand
    there (`varies`, and the CM types of old versions that have no parts)."""

    number: int
    title: str
    spec: Spec | None
    required: bool = False
    most: int = UNLIMITED
    withdrawn: bool = False


@dataclass(frozen=True, slots=True)
class SegmentRule:
    """fields[n - 1] is field n; a number that the version has withdrawn is there as withdrawn."""

    name: str
    fields: tuple[FieldRule, ...]


@dataclass(frozen=True, slots=True)
class Member:
    """One child of a structure or group: a segment (members empty) or a group of more.

    choice: the group is one of its members, not all of them in a row.
    """

    name: str
    least: int
    most: int
    members: tuple[Member, ...] = ()
    choice: bool = False


class Dictionary:
    """One version's tables, read as they are asked for and kept."""

    def __init__(self, version: str, elements: Mapping[str, Any]) -> None:
        """elements: the tables as hl7apy's module of the version has them."""
        self.version = version
        self._elements = elements
        self._types: dict[str, Spec | None] = {}
        self._segments: dict[str, SegmentRule | None] = {}
        self._tables: dict[str, Table | None] = {}

    @cached_property
    def segment_names(self) -> frozenset[str]:
        """Every segment of the version."""
        return frozenset(name for name in self._elements["Segment"] if name != ANY_SEGMENT)

    def segment(self, name: str) -> SegmentRule | None:
        """A segment's fields; None where the version has no such segment."""
        if name not in self._segments:
            self._segments[name] = self._read_segment(name) if name in self.segment_names else None
        return self._segments[name]

    @property
    def structure_names(self) -> list[str]:
        """Every message structure of the version."""
        return list(self._elements["Message"])

    def has_structure(self, name: str) -> bool:
        """Whether the version has a message structure of this name."""
        return name in self._elements["Message"]

    def structure(self, name: str) -> Member:
        """A message structure, groups and all."""
        return _member(name, self._elements["Message"][name], 1, 1)

    def datatype(self, name: str) -> Spec | None:
        """A data type; None where nothing is known of its inside."""
        if name not in self._types:
            self._types[name] = self._read_type(name)
        return self._types[name]

    def knows_type(self, name: str) -> bool:
        """Whether the version has this data type, or lists it as a type of OBX-5 (table 0125)."""
        listed = self._elements.get("Table", {}).get("HL70125", ("", ()))[1]
        return name in _LEAVES or name in self._elements["Datatypes_Structs"] or name in listed

    @staticmethod
    def was_type(name: str) -> bool:
        """Whether another version has this data type."""
        return name in _FORMER

    def table(self, name: str | None) -> Table | None:
        """A closed code table by hl7apy's name for it; None where any code may be right."""
        if not name:
            return None
        if name not in self._tables:
            self._tables[name] = self._read_table(name)
        return self._tables[name]

    # --- reading -----------------------------------------------------------------------------------

    def _read_segment(self, name: str) -> SegmentRule:
        found: dict[int, FieldRule] = {}
        for child_name, reference, least, most in _children(self._elements["Segment"][name]):
            match = _FIELD.fullmatch(child_name)
            if match:
                number = int(match[1])
                conditional = child_name in CONDITIONAL.get(self.version, ())
                found[number] = self._field(number, reference, 0 if conditional else least, most)
        last = max(found, default=0)
        gone = (FieldRule(number, "", None, withdrawn=True) for number in range(1, last + 1))
        return SegmentRule(name, tuple(found.get(rule.number, rule) for rule in gone))

    def _field(self, number: int, reference: Any, least: int, most: int) -> FieldRule:
        datatype, title = str(reference[2] or ""), _title(reference[3])
        if most == 0 or datatype.upper() == "WD":
            return FieldRule(number, title, None, withdrawn=True)
        spec = self._spec(datatype, reference[4])
        return FieldRule(number, title, spec, least > 0, UNLIMITED if most < 0 else most)

    def _spec(self, datatype: str, table: str | None) -> Spec | None:
        if datatype in _LEAVES:
            return Leaf(datatype, self.table(table) if datatype == "ID" else None)
        return self.datatype(datatype)

    def _read_type(self, name: str) -> Spec | None:
        if name in _LEAVES:
            return Leaf(name)
        if name == "TS":
            precision = Part(2, "degree of precision", Leaf("ST"))
            return Composite("TS", (Part(1, "time", Leaf("DTM")), precision))
        structs = self._elements["Datatypes_Structs"]
        if name not in structs:
            return self.datatype(_LEGACY[name]) if _LEGACY.get(name) in structs else None
        found: dict[int, Part] = {}
        for child_name, reference, least, most in _children(("sequence", structs[name])):
            match = _PART.fullmatch(child_name)
            if match:
                number, datatype = int(match[1]), str(reference[2] or "")
                gone = most == 0 or datatype.upper() == "WD"
                if child_name in AS_TEXT:
                    datatype = "ST"
                spec = None if gone or datatype == name else self._spec(datatype, reference[4])
                found[number] = Part(number, _title(reference[3]), spec, least > 0 and not gone, gone)
        last = max(found, default=0)
        gaps = (Part(number, "", None, withdrawn=True) for number in range(1, last + 1))
        return Composite(name, tuple(found.get(part.number, part) for part in gaps))

    def _read_table(self, name: str) -> Table | None:
        match = _TABLE.fullmatch(name)
        entry = self._elements.get("Table", {}).get(name)
        if not match or entry is None or match[1] in OPEN:
            return None
        title, codes = entry[0], frozenset(str(code) for code in entry[1])
        if not codes or any("..." in code or " " in code for code in codes):
            return None  # "...", "L, M, N": a remark and no code, so this is no list to go by
        return Table(match[1], str(title), codes)


@lru_cache(maxsize=len(VERSIONS))
def read_dictionary(version: str) -> Dictionary:
    """The tables of a version of VERSIONS. Read once for all; raises KeyError for another version."""
    return Dictionary(version, import_module(VERSIONS[version]).ELEMENTS)


def _children(reference: Sequence[Any]) -> Iterator[tuple[str, Any, int, int]]:
    """The well-formed children of a reference: name, reference, least, most."""
    for child in reference[1] if len(reference) > 1 else ():
        if len(child) == 4 and isinstance(child[0], str) and child[1] is not None:
            least, most = child[2]
            yield child[0], child[1], least, most


def _member(name: str, reference: Sequence[Any], least: int, most: int) -> Member:
    members = []
    for child in reference[1]:
        least_of, most_of = child[2]
        if child[3] == "GRP":
            members.append(_member(child[0], child[1], least_of, most_of))
        else:
            members.append(Member(child[0], least_of, most_of))
    return Member(name, least, most, tuple(members), reference[0] == "choice")


def _title(name: object) -> str:
    """PATIENT_IDENTIFIER_LIST as people read it."""
    return " ".join(str(name or "").replace("_", " ").lower().split())
