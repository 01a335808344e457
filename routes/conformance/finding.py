"""What a check of a message's form found: where, which rule, and the shape of what was there.

Never the content: a finding stands in journals and on screens of people who may not see it. Knows nothing
of what is checked, or by which tables.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import Literal

from routes.hl7.message import Message
from routes.hl7.notation import Place
from routes.hl7.values import raw_at

__all__ = ["MOST", "Finding", "Findings", "Severity", "describe_shape", "name_place"]

Severity = Literal["error", "warning"]

MOST = 200
"""The most findings of one check on one message; a last one says how many more there are."""

_RUNS = re.compile(r"[A-Za-z]+|[0-9]+|[^\W\d_]+|[\s\S]")
_KINDS = 6
_LONG = 64


@dataclass(frozen=True, slots=True)
class Finding:
    """One thing that is not as it should be.

    path: segment occurrence, field, repetition, component: `OBX[3]-5.1`. rule: its stable id. words: what
    should be. shape: what was found, described without its content. severity: whether it counts as failed.
    """

    path: str
    rule: str
    words: str
    shape: str = ""
    severity: Severity = "error"

    def __str__(self) -> str:
        found = f"; found {self.shape}" if self.shape else ""
        return f"{self.path}: {self.words}{found} [{self.rule}]"


class Findings:
    """The findings on one message so far; past MOST they are only counted."""

    __slots__ = ("findings", "more", "worst")

    def __init__(self) -> None:
        self.findings: list[Finding] = []
        self.more = 0
        self.worst: Severity = "warning"  # of those that are only counted

    def add(self, finding: Finding) -> None:
        """Note one."""
        if self.full:
            self.count(finding.severity)
        else:
            self.findings.append(finding)

    @property
    def full(self) -> bool:
        """Whether more are only counted."""
        return len(self.findings) >= MOST

    def count(self, severity: Severity) -> None:
        """Count one that is not listed any more; for where making it would cost something."""
        self.more += 1
        if severity == "error":
            self.worst = "error"

    def whole(self) -> tuple[Finding, ...]:
        """All of them, and a last one that says how many more there are."""
        if self.more:
            words = f"{self.more:,} more {'finding is' if self.more == 1 else 'findings are'} not listed"
            self.findings.append(Finding("the message", "more", words, "", self.worst))
        return tuple(self.findings)


def describe_shape(text: str) -> str:
    """A text's shape: "empty", "null", "3 letters and 2 digits", "1,204 characters"."""
    if not text:
        return "empty"
    if text == '""':
        return "null"
    if len(text) > _LONG:
        return f"{len(text):,} characters"
    runs: list[tuple[str, int]] = []
    for run in _RUNS.findall(text):
        kind = _kind(run)
        if runs and runs[-1][0] == kind:
            runs[-1] = (kind, runs[-1][1] + len(run))
        else:
            runs.append((kind, len(run)))
    if len(runs) > _KINDS:
        return f"{len(text)} characters"
    return _listed([_counted(count, kind) for kind, count in runs])


def name_place(message: Message, place: Place) -> str:
    """A place as people read it: `PID-5.1`, `OBX[3]-5.1`, `PID-3[2].5`. Numbers stand where there are
    several."""
    name = message.name(place.segment)
    rows = message.rows(name.encode("latin-1", "replace"))
    text = f"{name}[{rows.index(place.segment) + 1}]" if len(rows) > 1 and place.segment in rows else name
    if not place.field:
        return text
    text += f"-{place.field}"
    if place.repetition > 1 or (place.repetition and _repeats(message, place)):
        text += f"[{place.repetition}]"
    if place.component:
        text += f".{place.component}"
    if place.subcomponent:
        text += f".{place.subcomponent}"
    return text


def _repeats(message: Message, place: Place) -> bool:
    if message.is_delimiters(place.segment, place.field):
        return False
    return message.separators.cuts[0] in raw_at(message, Place(place.segment, place.field))


def _kind(run: str) -> str:
    if run.isdigit():
        return "digit"
    if run.isalpha():
        return "letter"
    return "blank" if run.isspace() else "sign"


def _counted(count: int, kind: str) -> str:
    return f"{count} {kind}" if count == 1 else f"{count} {kind}s"


def _listed(texts: list[str]) -> str:
    return texts[0] if len(texts) == 1 else f"{', '.join(texts[:-1])} and {texts[-1]}"
