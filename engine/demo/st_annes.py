"""How St Anne's writes: HL7 2.4 in the ITK style, UTF-8, all systems behind one engine.

The NHS number is the PID-3 repetition with `^^^NHS`, sex is coded 1 and 2, PID-32 holds the trace status,
the registered practice stands in PD1-3.3 and the doctor who asked in PV1-8. Pure; the moment is given.
"""

from __future__ import annotations

from datetime import datetime, timedelta

from engine.demo.laboratory import Order
from engine.demo.people import Doctor, Person
from engine.demo.wards import Stay

__all__ = ["admission", "result"]

_SEX = {"M": "1", "F": "2"}


def result(order: Order, control: str, now: datetime) -> bytes:
    """A laboratory report as ORU^R01."""
    taken = now - timedelta(hours=3)
    copies = "~".join(_xcn(doctor) for doctor in order.copies)
    lines = [
        _msh("ORU^R01", control, now),
        *_patient(order.person),
        f"PV1|1|O||||||{_xcn(order.requester)}",
        f"OBR|1|SA-{order.number:04d}|26C{order.number:06d}|{order.panel.code}^{order.panel.name}^NATLAB|||"
        f"{taken:%Y%m%d%H%M}||||||||||||||||||{order.stage}" + (f"|||{copies}" if copies else ""),
    ]
    lines += [
        f"OBX|{place}|NM|{reading.test.national}^{reading.test.name}^NATLAB||{reading.value}|"
        f"{reading.test.unit}|{reading.range}|{reading.flag}|||{order.stage}"
        for place, reading in enumerate(order.readings, 1)
    ]
    return _written(lines)


def admission(stay: Stay, control: str, now: datetime) -> bytes:
    """An admission, amendment or discharge as ADT."""
    doctor = stay.consultant
    return _written([
        _msh(f"ADT^{stay.event}", control, now),
        f"EVN|{stay.event}|{now:%Y%m%d%H%M%S}",
        *_patient(stay.person),
        (f"PV1|1|I|{stay.ward}^{stay.room}^{stay.bed}^STANNES||||"
        f"{doctor.code}^{doctor.family.upper()}^{doctor.given.upper()}|||300"),
    ])  # fmt: skip


def _msh(kind: str, control: str, now: datetime) -> str:
    return f"MSH|^~\\&|TIE|STANNES|GATEPOST|GP|{now:%Y%m%d%H%M%S}||{kind}|{control}|P|2.4"


def _patient(person: Person) -> tuple[str, str]:
    number = f"~{person.nhs}^^^NHS" if person.nhs else ""
    trace = "NSTS01~RES" if person.restricted else "NSTS01"
    # A restricted patient's address is not written at all.
    address = "" if person.restricted else f"{person.street}^^{person.town}^^{person.postcode}"
    name = f"{person.family}^{person.given}".upper()
    return (
        (
            f"PID|1||{person.hospital}^^^STANNES^PI{number}||{name}||{person.born:%Y%m%d}|{_SEX[person.sex]}|||"
            f"{address}{'|' * 21}{trace}"
        ),
        f"PD1|||^^{person.doctor.practice}",
    )


def _xcn(doctor: Doctor) -> str:
    return f"{doctor.code}^{doctor.family.upper()}^{doctor.initial}^^^DR"


def _written(lines: list[str]) -> bytes:
    return ("\r".join(lines) + "\r").encode("utf-8")
