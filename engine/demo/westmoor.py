"""How Westmoor General writes: HL7 2.5.1 by the book, UTF-8 said in MSH-18, times with their zone.

The NHS number is the PID-3 repetition with `^^^NHS^NH`, the practice that asked stands in PV1-3.10, the
registered practice in PD1-3.10. Discharge letters are MDM^T02 with a PDF in OBX-5. Pure.
"""

from __future__ import annotations

import base64
from datetime import datetime, timedelta

from engine.demo.laboratory import Order
from engine.demo.people import Doctor, Person
from engine.demo.wards import Consultant, Letter, Stay

__all__ = ["admission", "letter", "result"]


def result(order: Order, control: str, now: datetime) -> bytes:
    """A laboratory report as ORU^R01."""
    taken, done = now - timedelta(hours=3), now - timedelta(minutes=20)
    request = f"WM-{order.number:05d}|26W{order.number:06d}"
    asked = _xcn(order.requester)
    copies = "~".join(_xcn(doctor) for doctor in order.copies)
    lines = [
        _msh("WMLIMS", "ORU^R01^ORU_R01", control, now),
        _pid(order.person),
        f"PV1|1|O|^^^^^^^^^{order.requester.practice}",
        f"ORC|RE|{request}|||||||||{asked}",
        f"OBR|1|{request}|{order.panel.code}^{order.panel.name}^NATLAB|||{_time(taken)}|||||||||{asked}"
        f"||||||{_time(now)}|||{order.stage}" + (f"|||{copies}" if copies else ""),
    ]
    lines += [
        f"OBX|{place}|NM|{reading.test.national}^{reading.test.name}^NATLAB||{reading.value}|"
        f"{reading.test.unit}|{reading.range}|{reading.flag}|||{order.stage}|||{_time(done)}"
        for place, reading in enumerate(order.readings, 1)
    ]
    if any(reading.flag != "N" for reading in order.readings):
        lines.append("NTE|1|L|Outside the reference range\\T\\ please review with the patient.")
    return _written(lines)


def admission(stay: Stay, control: str, now: datetime) -> bytes:
    """An admission, amendment or discharge as ADT."""
    return _written([
        _msh("WMPAS", f"ADT^{stay.event}^{'ADT_A03' if stay.event == 'A03' else 'ADT_A01'}", control, now),
        f"EVN|{stay.event}|{_time(now)}",
        _pid(stay.person),
        _pd1(stay.person),
        f"PV1|1|I|{stay.ward}^{stay.room}^{stay.bed}^WESTMOOR||||{_consultant(stay.consultant)}",
    ])  # fmt: skip


def letter(letter: Letter, control: str, now: datetime) -> bytes:
    """A discharge letter as MDM^T02, its PDF in base64 (HL7 v2.5.1, 2.A.24, data type ED)."""
    consultant = _consultant(letter.consultant)
    document = base64.b64encode(letter.document).decode("ascii")
    return _written([
        _msh("WMDOCS", "MDM^T02^MDM_T02", control, now),
        f"EVN|T02|{_time(now)}",
        _pid(letter.person),
        _pd1(letter.person),
        f"PV1|1|I|HERON^4^2^WESTMOOR||||{consultant}",
        (f"TXA|1|DS^Discharge summary|AP|{_time(now)}|{consultant}|||||||WM-DOC-{letter.number:05d}|||||"
        f"{'AU' if letter.signed else 'IP'}"),
        f"OBX|1|ED|DISCH^Discharge summary^L||^AP^PDF^Base64^{document}||||||F",
    ])  # fmt: skip


def _msh(sender: str, kind: str, control: str, now: datetime) -> str:
    return (
        f"MSH|^~\\&|{sender}|WESTMOOR|GATEPOST|GP|{_time(now)}||{kind}|{control}|P|2.5.1||||||UNICODE UTF-8"
    )


def _pid(person: Person) -> str:
    number = f"{person.nhs}^^^NHS^NH~" if person.nhs else ""
    title = "MR" if person.sex == "M" else "MS"
    name = f"{person.family}^{person.given}^{person.middle}".upper()
    restricted = "|" * 21 + "RES" if person.restricted else ""
    return (
        f"PID|1||{number}W{person.hospital}^^^WESTMOOR^MR||{name}^^{title}||{person.born:%Y%m%d}|{person.sex}|||"
        f"{person.street}^^{person.town}^^{person.postcode}^GBR{restricted}"
    )


def _pd1(person: Person) -> str:
    return f"PD1|||^^^^^^^^^{person.doctor.practice}"


def _xcn(doctor: Doctor) -> str:
    return f"{doctor.code}^{doctor.family.upper()}^{doctor.initial}^^^DR"


def _consultant(doctor: Consultant) -> str:
    return f"{doctor.code}^{doctor.family.upper()}^{doctor.given.upper()}"


def _time(moment: datetime) -> str:
    return f"{moment:%Y%m%d%H%M%S%z}"


def _written(lines: list[str]) -> bytes:
    return ("\r".join(lines) + "\r").encode("utf-8")
