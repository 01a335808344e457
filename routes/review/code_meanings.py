"""What the best-known codes of HL7 mean, in a few plain words, for people who do not know HL7.

Only codes whose meaning nobody disputes; a hospital's own codes are never guessed at. Keys are places as in
`MSH-9.1`; the words follow HL7's tables. Must not know routes or messages.
"""

from __future__ import annotations

from collections.abc import Mapping

__all__ = ["meaning"]

_STATUS = {
    "C": "corrected", "D": "deleted", "F": "final", "I": "still to come", "N": "not asked for",
    "O": "order details only", "P": "preliminary", "R": "not yet verified", "S": "partial",
    "U": "final, without a new result", "W": "posted wrongly, such as to another patient",
    "X": "no result could be had",
}  # fmt: skip
_REPORT_STATUS = {
    "A": "some results are there", "C": "corrected", "F": "final", "I": "still to come",
    "O": "order received", "P": "preliminary", "R": "not yet verified", "S": "scheduled", "X": "cancelled",
}  # fmt: skip
_FLAGS = {
    "A": "abnormal", "AA": "critically abnormal", "H": "above the normal range", "HH": "critically high",
    "I": "intermediate", "L": "below the normal range", "LL": "critically low", "N": "normal",
    "R": "resistant", "S": "susceptible",
}  # fmt: skip
_TYPES = {
    "ACK": "an acknowledgement", "ADT": "admissions, transfers, discharges and patients' details",
    "BAR": "billing", "DFT": "charges", "MDM": "letters and documents", "MFN": "master files",
    "OML": "laboratory orders", "ORM": "orders", "ORU": "results", "QRY": "queries", "RDE": "medicine orders",
    "SIU": "appointments", "VXU": "vaccinations",
}  # fmt: skip
_EVENTS = {
    "A01": "an admission", "A02": "a transfer", "A03": "a discharge", "A04": "a registration",
    "A05": "a pre-admission", "A08": "changed details of a patient", "A11": "a cancelled admission",
    "A12": "a cancelled transfer", "A13": "a cancelled discharge", "A28": "a new person",
    "A31": "changed details of a person", "A40": "patients merged", "R01": "a result",
    "T01": "notice of a document", "T02": "a new document, with its content",
    "T06": "an addition, with its content", "T08": "an edited document, with its content",
    "T10": "a replacement, with its content", "T11": "a document cancelled",
}  # fmt: skip
_MEANINGS: Mapping[str, Mapping[str, str]] = {
    "MSH-9": _TYPES,
    "MSH-9.1": _TYPES,
    "MSH-9.2": _EVENTS,
    "EVN-1": _EVENTS,
    "MSH-11": {"P": "production", "T": "training", "D": "debugging"},
    "PID-8": {"F": "female", "M": "male", "O": "other", "U": "unknown"},
    "PID-3.5": {"NH": "NHS number", "MR": "medical record number", "PI": "hospital's own number"},
    "PV1-2": {"E": "emergency", "I": "inpatient", "O": "outpatient", "P": "pre-admission"},
    "OBR-25": _REPORT_STATUS,
    "OBX-2": {
        "ED": "an enclosed document", "FT": "formatted text", "NM": "a number", "ST": "a short text",
        "TX": "text", "CE": "a code", "CWE": "a code", "SN": "a number with a sign", "DT": "a date",
        "TS": "a time", "RP": "a pointer to a document",
    },
    "OBX-8": _FLAGS,
    "OBX-11": _STATUS,
    "TXA-17": {
        "AU": "authenticated", "DI": "dictated", "DO": "documented", "IN": "incomplete",
        "IP": "in progress", "LA": "legally authenticated", "PA": "pre-authenticated",
    },
}  # fmt: skip


def meaning(place: str, code: str) -> str:
    """What a code means at a place such as `OBX-8`, in a few words; "" where that is not certain."""
    found = _MEANINGS.get(place) or _MEANINGS.get(place.removesuffix(".1"))
    return "" if found is None else found.get(code, "")
