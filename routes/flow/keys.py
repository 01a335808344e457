"""What a message can be found by: NHS number, patient identifiers, order numbers.

Read after the dialect, where they stand in the common form. Bounded, so that no message can fill the index.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from routes.hl7.formats import is_nhs_number
from routes.hl7.message import Message
from routes.hl7.separators import decode

__all__ = ["Merge", "find_keys", "find_merges"]

MAX_KEYS = 10  # of each kind
MAX_LENGTH = 64  # characters; a longer value is no identifier
NULL = '""'
MERGES = ("A40", "A34", "A18", "A30", "A36", "A39", "A46", "A47")
"""Trigger events that name a patient anew: MRG-1 is no longer used, PID is (HL7 2.5, 3.3.18 to 3.3.47). A40
and, before 2.4, A34 merge patients; A18, A30, A36 and A39 are older or wider forms; A46 and A47 change an
identifier. Merges of accounts and visits (A35, A41, A42) and moves (A43) are none."""

Key = tuple[str, str]  # kind and value, as find_keys has them


@dataclass(frozen=True, slots=True)
class Merge:
    """One patient of two: by which keys the prior one was found, and by which the surviving one is."""

    prior: tuple[Key, ...]
    surviving: tuple[Key, ...]


def find_keys(message: Message) -> Mapping[str, tuple[str, ...]]:
    """The search keys: `nhs_number`, `patient` (PID-3.1 of other kinds), `order` (OBR-3.1, ORC-3.1)."""
    nhs: list[str] = []
    patient: list[str] = []
    for segment in message.rows(b"PID")[:MAX_KEYS]:
        _read_patient(message, segment, nhs, patient)
    found: dict[str, tuple[str, ...]] = {}
    if nhs:
        found["nhs_number"] = tuple(dict.fromkeys(nhs))[:MAX_KEYS]
    if patient:
        found["patient"] = tuple(dict.fromkeys(patient))[:MAX_KEYS]
    orders = _orders(message)
    if orders:
        found["order"] = orders
    return found


def find_merges(message: Message) -> tuple[Merge, ...]:
    """What a merge says: for each MRG (MRG-1), the PID before it is the patient that survives."""
    if not message.rows(b"MRG") or _event(message) not in MERGES:
        return ()
    found: list[Merge] = []
    patients = message.rows(b"PID")
    for row in message.rows(b"MRG")[:MAX_KEYS]:
        before = [patient for patient in patients if patient < row]
        if not before:
            continue
        nhs: list[str] = []
        patient: list[str] = []
        _read_identifiers(message, message.field(row, 1), nhs, patient)
        prior = _keys(nhs, patient)
        nhs, patient = [], []
        _read_patient(message, before[-1], nhs, patient)
        surviving = _keys(nhs, patient)
        if prior and surviving:
            found.append(Merge(prior, surviving))
    return tuple(found)


def _event(message: Message) -> str:
    """MSH-9.2, the trigger event."""
    rows = message.rows(b"MSH")
    component = message.separators.component
    parts = message.field(rows[0], 9).split(component) if rows and component else []
    return parts[1] if len(parts) > 1 else ""


def _keys(nhs: list[str], patient: list[str]) -> tuple[Key, ...]:
    return (
        *(("nhs_number", value) for value in dict.fromkeys(nhs)),
        *(("patient", value) for value in dict.fromkeys(patient)),
    )


def _read_patient(message: Message, segment: int, nhs: list[str], patient: list[str]) -> None:
    _read_identifiers(message, message.field(segment, 3), nhs, patient)
    other = _value(message, _first(message.field(segment, 2), message.separators.component))
    if other and is_nhs_number(_digits(other)):
        nhs.append(_digits(other))


def _read_identifiers(message: Message, identifiers: str, nhs: list[str], patient: list[str]) -> None:
    """Every repetition of a field of type CX."""
    seps = message.separators
    if identifiers:
        repetitions = identifiers.split(seps.repetition) if seps.repetition else [identifiers]
        for repetition in repetitions[: 2 * MAX_KEYS]:
            components = repetition.split(seps.component) if seps.component else [repetition]
            value = _value(message, components[0])
            if not value:
                continue
            if _is_nhs(components, seps.subcomponent):
                nhs.append(_digits(value))
            else:
                patient.append(value)


def _is_nhs(components: list[str], subcomponent: str) -> bool:
    """Whether an identifier is typed NH, or its authority is NHS; senders write the latter in CX-4 or 5."""
    kind = components[4] if len(components) > 4 else ""
    if kind in ("NH", "NHS"):
        return True
    authority = components[3] if len(components) > 3 else ""
    return authority == "NHS" or (bool(subcomponent) and authority.split(subcomponent, 1)[0] == "NHS")


def _orders(message: Message) -> tuple[str, ...]:
    component = message.separators.component
    found: dict[str, None] = {}
    for name in (b"OBR", b"ORC"):
        for segment in message.rows(name)[:MAX_KEYS]:
            value = _value(message, _first(message.field(segment, 3), component))
            if value:
                found[value] = None
    return tuple(found)[:MAX_KEYS]


def _first(field: str, component: str) -> str:
    """A field's first component; MSH-2 may declare no component separator."""
    return field.split(component, 1)[0] if component else field


def _value(message: Message, raw: str) -> str:
    if not raw or raw == NULL or len(raw) > MAX_LENGTH:
        return ""
    escape = message.separators.escape
    value = decode(raw, message.separators) if escape and escape in raw else raw
    return value.strip()


def _digits(value: str) -> str:
    return value.replace(" ", "").replace("-", "")
