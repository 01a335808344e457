"""How Northfield Infirmary writes: HL7 2.3, lines that end with LF, Windows-1252.

The NHS number stands in PID-2, dates are 31/12/1970, names are in capitals, test codes are its own, and
the practice that asked stands in PV1-3.1. Pure; the moment of writing is given.
"""

from __future__ import annotations

from datetime import datetime, timedelta

from engine.demo.laboratory import Order
from engine.demo.people import Person
from engine.demo.wards import Stay

__all__ = ["admission", "result"]


def result(order: Order, control: str, now: datetime) -> bytes:
    """A laboratory report as ORU^R01."""
    taken = now - timedelta(hours=3)
    lines = [
        _msh("NFLIMS", "ORU^R01", control, now),
        _pid(order.person),
        f"PV1|1|O|{order.requester.practice}||||||||||||||||",
        (
            f"OBR|1|NF-R-{order.number:05d}|26L{order.number:07d}|{order.panel.code}^{order.panel.name}^L|||"
            f"{taken:%Y%m%d%H%M%S}||||||||BLOOD|||||||{now:%Y%m%d%H%M}||HAEM|{order.stage}"
        ),
    ]
    lines += [
        f"OBX|{place}|NM|{reading.test.local}^{reading.test.name}^L||{reading.value}|{reading.test.unit}|"
        f"{reading.range}|{reading.flag}|||{order.stage}"
        for place, reading in enumerate(order.readings, 1)
    ]
    if order.stage == "C":
        lines.append("NTE|1|L|Corrected: the sample was measured again.")
    lines.append(f"NTE|{2 if order.stage == 'C' else 1}|INTERNAL|Rack {order.number % 40} kept for repeat.")
    return _written(lines)


def admission(stay: Stay, control: str, now: datetime) -> bytes:
    """An admission, amendment or discharge as ADT."""
    doctor = stay.consultant
    name = f"{doctor.code}^{doctor.family.upper()}^{doctor.given.upper()}"
    return _written([
        _msh("NFPAS", f"ADT^{stay.event}", control, now),
        f"EVN|{stay.event}|{now:%Y%m%d%H%M%S}",
        _pid(stay.person),
        f"PV1|1|I|{stay.ward}^{stay.room}^{stay.bed}||||{name}|||MED|||||||||NF{stay.number:08d}",
    ])  # fmt: skip


def _msh(sender: str, kind: str, control: str, now: datetime) -> str:
    return f"MSH|^~\\&|{sender}|NORTHFIELD|GATEPOST|GP|{now:%Y%m%d%H%M%S}||{kind}|{control}|P|2.3"


def _pid(person: Person) -> str:
    name = f"{person.family}^{person.given}^{person.middle}".upper()
    restricted = "|" * 21 + "RES" if person.restricted else ""
    return (
        f"PID|1|{person.nhs}|NF{person.hospital}||{name}||{person.born:%d/%m/%Y}|{person.sex}|||"
        f"{person.street}^^{person.town}^^{person.postcode}{restricted}"
    )


def _written(lines: list[str]) -> bytes:
    return ("\n".join(lines) + "\n").encode("cp1252")
