"""Invented messages for the tests of the standard's rules, right in every version from 2.3 to 2.6."""

from __future__ import annotations

from routes.conformance.standard import check_message
from routes.hl7.message import Message

HEADER = "MSH|^~\\&|PAS|NORTHFIELD|GATEPOST|TRUST|20260105093000||{kind}|MSG00001|P|{version}"
PATIENT = "PID|1||9990000018^^^NHS^NH||TEST^ANN^B||19800101|F|||1 HIGH ST^^TOWN^^XX1 1XX||0123456789"
VISIT = "PV1|1|I|WARD1^BAY2^BED3||||C123^WARD^SISTER"


def build(*segments: str, kind: str, version: str = "2.5") -> str:
    """A message of these segments behind an MSH."""
    return "\r".join([HEADER.format(kind=kind, version=version), *segments]) + "\r"


def admission(version: str = "2.5", kind: str = "ADT^A01^ADT_A01") -> str:
    """An ADT that nothing is wrong with."""
    return build(f"EVN|{kind[4:7]}|20260105093000", PATIENT, VISIT, kind=kind, version=version)


def result(version: str = "2.5", observations: int = 3) -> str:
    """An ORU that nothing is wrong with."""
    rows = [
        f"OBX|{n}|NM|WBC{n}^White count^L||{n}.5|10*9/L^^L|4.0-11.0|N|||F|||20260105083000"
        for n in range(1, observations + 1)
    ]
    order = "OBR|1|ORD1|LAB1|FBC^Full blood count^L|||20260105083000|||||||||D1^DOCTOR|||||||||F"
    return build(PATIENT, VISIT, "ORC|RE|ORD1|LAB1", order, *rows, kind="ORU^R01^ORU_R01", version=version)


def letter(document: str = "JVBERi0xLjQK", version: str = "2.5") -> str:
    """An MDM with a document, that nothing is wrong with."""
    return build(
        "EVN|T02|20260105093000",
        PATIENT,
        VISIT,
        "TXA|1|CN|TX|20260105093000||||||||DOC1|||||AU",
        f"OBX|1|ED|LETTER^Letter^L||^application^pdf^Base64^{document}||||||F",
        kind="MDM^T02^MDM_T02",
        version=version,
    )


def found(text: str) -> list[tuple[str, str, str]]:
    """Path, rule and severity of every finding on a message."""
    findings = check_message(Message.parse(text.encode()))
    return [(finding.path, finding.rule, finding.severity) for finding in findings]
