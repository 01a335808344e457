"""A family of messages for comparing: kinds of message, versions, and what can be wrong with them.

Each base is right, or nearly so, in the versions it is made for; each fault is one edit. People are invented.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator
from typing import NamedTuple

from tests.routes.conformance.samples import PATIENT, VISIT, build, letter, result

VERSIONS = ("2.3", "2.3.1", "2.4", "2.5", "2.5.1", "2.6", "2.8.2")
_ORDER = "OBR|1|ORD1|LAB1|FBC^Full blood count^L"
_SCHEDULE = (
    "SCH|A1|A2|||||ROUTINE^Routine|NORMAL|30|MIN|^^^20260105093000||||||C123^CLERK||||C123^CLERK||||BOOKED"
)


class Case(NamedTuple):
    """One message. fault: what was done to it, "" for nothing."""

    kind: str
    version: str
    fault: str
    text: str

    @property
    def name(self) -> str:
        """For test ids and failures."""
        return f"{self.kind} {self.version} {self.fault or 'as it should be'}"


def _fitted(text: str, version: str) -> str:
    """What changed between versions: MSH-9.3 came with 2.3.1, and 2.6 withdrew the number in XTN.1."""
    if version == "2.3":
        return re.sub(r"\|(\w{3}\^\w{3})\^\w{7}\|", r"|\1|", text, count=1)
    if version < "2.6":
        return text
    return text.replace("|0123456789", "|^PRN^PH^^^^0123456789")


def _adt(event: str, structure: str) -> Callable[[str], str]:
    def make(version: str) -> str:
        rows = [f"EVN|{event}|20260105093000", PATIENT, "PD1|||PRACTICE", "NK1|1|TEST^BOB", VISIT]
        rows += ["AL1|1|DA|PEN^Penicillin", "DG1|1||I10^Hypertension|||A"]
        return build(*rows, kind=f"ADT^{event}^{structure}", version=version)

    return make


def _merge(version: str) -> str:
    rows = ["EVN|A40|20260105093000", PATIENT, "MRG|9990000026^^^NHS^NH"]
    return build(*rows, kind="ADT^A40^ADT_A39", version=version)


def _order(version: str) -> str:
    rows = [PATIENT, VISIT, "ORC|NW|ORD1", _ORDER, "NTE|1|L|Fasting", "OBX|1|ST|Q1^Fasting^L||Yes||||||F"]
    return build(*rows, kind="ORM^O01^ORM_O01", version=version)


def _appointment(version: str) -> str:
    rows = [_SCHEDULE, PATIENT, VISIT, "RGS|1", "AIP|1||D1^DOCTOR"]
    return build(*rows, kind="SIU^S12^SIU_S12", version=version)


def _answer(version: str) -> str:
    return build("MSA|AA|MSG00001", kind="ACK" if version == "2.3" else "ACK^A01^ACK", version=version)


BASES: dict[str, Callable[[str], str]] = {
    "ADT^A01": _adt("A01", "ADT_A01"),
    "ADT^A08": _adt("A08", "ADT_A01"),
    "ADT^A40": _merge,
    "ORU^R01": result,
    "MDM^T02": lambda version: letter(version=version),
    "ORM^O01": _order,
    "SIU^S12": _appointment,
    "ACK": _answer,
}


def _without(name: str) -> Callable[[str], str]:
    return lambda text: "\r".join(row for row in text.split("\r") if not row.startswith(name))


def _before(name: str, row: str) -> Callable[[str], str]:
    return lambda text: text.replace(f"\r{name}|", f"\r{row}\r{name}|", 1)


def _instead(old: str, new: str) -> Callable[[str], str]:
    return lambda text: text.replace(old, new)


FAULTS: dict[str, Callable[[str], str]] = {
    "no PID": _without("PID"),
    "no PV1": _without("PV1"),
    "no EVN": _without("EVN"),
    "no OBR": _without("OBR"),
    "no ORC": _without("ORC"),
    "no MRG": _without("MRG"),
    "no TXA": _without("TXA"),
    "no SCH": _without("SCH"),
    "no MSA": _without("MSA"),
    "PID twice": _before("PV1", PATIENT),
    "PV1 before PID": lambda text: _before("PID", VISIT)(_without("PV1")(text)),
    "a segment that the structure lacks": lambda text: text + "UB1|1\r",
    "a segment that no version has": lambda text: text + "QQQ|1\r",
    "a Z segment in the middle": _before("PV1", "ZPI|1|X^Y&Z"),
    "a required field is empty": _instead("9990000018^^^NHS^NH", ""),
    "a required field is null": _instead("9990000018^^^NHS^NH", '""'),
    "an empty OBX-11": _instead("||F", "||"),
    "a field repeats": _instead("|F|||1 HIGH", "|F~M|||1 HIGH"),
    "no such day": _instead("19800101", "19800230"),
    "a date as people write it": _instead("19800101", "01/01/1980"),
    "a set id in words": _instead("PID|1|", "PID|one|"),
    "a number with a sign before it": _instead("||1.5|", "||>1.5|"),
    "a code that is none": _instead("||F", "||?"),
    "a sex that no list has": _instead("|F|||1 HIGH", "|Q|||1 HIGH"),
    "a component too many": _instead("BED3||||C123", "BED3|R^X|||C123"),
    "a sub-component too many": _instead("TEST^ANN", "TEST^ANN&B"),
    "a field too many": _instead("C123^WARD^SISTER", "C123^WARD^SISTER" + "|" * 60 + "X"),
    "a type that is none": _instead("|NM|", "|NUM|"),
}


def cases() -> Iterator[Case]:
    """Every kind and version as it should be; each fault in each kind that it changes, in two versions."""
    for number, (kind, make) in enumerate(BASES.items()):
        for version in VERSIONS:
            yield Case(kind, version, "", _fitted(make(version), version))
        for turn, (fault, edit) in enumerate(FAULTS.items(), number):
            for version in (VERSIONS[turn % len(VERSIONS)], VERSIONS[(turn + 3) % len(VERSIONS)]):
                text = _fitted(make(version), version)
                edited = edit(text)
                if edited != text:
                    yield Case(kind, version, fault, edited)
