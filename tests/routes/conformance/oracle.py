"""What hl7apy finds in a message and what we find, in the same few words, so that they can be compared."""

from __future__ import annotations

import re
from pathlib import Path

from hl7apy.exceptions import HL7apyException
from hl7apy.parser import parse_message

from routes.conformance.finding import Finding
from routes.conformance.standard import check_message
from routes.hl7.message import Message

__all__ = ["Verdict", "ours", "theirs"]

Verdict = tuple[str, str]
"""What is wrong (missing, excess, extra, table, form, structure, failed), and where: PV1, PID-3, PID-5.2."""

_LINES = {
    "missing": re.compile(r"Error: Missing required child (\w+)\.(\w+)"),
    "excess": re.compile(r"Error: Child limit exceeded (\w+)\.(\w+)"),
    "type": re.compile(r"Error: Datatype \S+ is not correct for (\w+)\.(\w+)"),
    "extra": re.compile(r"Error: Invalid children detected for <Segment ()(\w+)>"),
    "table": re.compile(r"Warning: Value .* not in table \S+ in element (\w+)\.(\w+)"),
}
_OURS = {
    "missing-segment": "missing", "required-field": "missing", "required-component": "missing",
    "excess-segment": "excess", "repetition": "excess", "withdrawn": "excess",
    "extra-component": "type", "extra-subcomponent": "type", "extra-field": "extra",
    "number": "form", "set-id": "form", "date": "form", "time": "form", "date-time": "form",
    "value-type": "form", "code": "table",
}  # fmt: skip


def theirs(text: str, report: Path) -> frozenset[Verdict]:
    """hl7apy's verdict, with all that it writes into its report."""
    try:
        message = parse_message(text.rstrip("\r"), find_groups=True)
        report.write_text("")
        message.validate(report_file=str(report))
    except HL7apyException:
        pass  # it raises the first of what it has written
    except AttributeError:
        return frozenset({("failed", "")})
    lines = report.read_text().splitlines()
    return frozenset(_verdict(line) for line in lines)


def _verdict(line: str) -> Verdict:
    for kind, pattern in _LINES.items():
        match = pattern.match(line)
        if match:
            return kind, _place(match[1], match[2])
    return "other", line


def _place(parent: str, child: str) -> str:
    """PV1, PID-3 or PID-5.2: as we would write it."""
    number = re.fullmatch(r"\w+?_(\d+)", child)
    if number is None or (len(child.split("_")[0]) == 3 and not parent[:1].isdigit() and parent == child[:3]):
        return child.replace("_", "-", 1) if number else child
    if re.fullmatch(r"[A-Z0-9]{3}_\d+", parent):
        return f"{parent.replace('_', '-', 1)}.{number[1]}"
    return f"{parent}.{child}"


def ours(text: str) -> frozenset[Verdict]:
    """Our verdict."""
    findings = check_message(Message.parse(text.encode()))
    return frozenset(_reworded(finding) for finding in findings)


def _reworded(finding: Finding) -> Verdict:
    place = re.sub(r"\[\d+\]", "", finding.path)
    kind = _OURS.get(finding.rule, "structure")
    if kind == "extra":
        place = place[:3]
    if kind == "type":
        place = place.rpartition(".")[0]
    return kind, place
