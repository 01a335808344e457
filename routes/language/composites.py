"""Whole fields that are compared with the value of one component: `MSH-9 = 'ORU'`, which is hardly ever true.

A whole field reads as it is written, components and all. Only fields are known here that nearly always have
components; what a hospital really sends nobody can know, so this is for warnings.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass

from routes.hl7.path import Path
from routes.language.syntax import (
    Compare,
    Expression,
    InList,
    InTable,
    Name,
    PathRead,
    Quantified,
    Span,
    Test,
    Text,
    walk,
)

__all__ = ["WholeField", "find_whole_fields"]

COMPOSITES: Mapping[tuple[str, int], tuple[int, str]] = {
    ("MSH", 9): (1, "ORU^R01"),
    ("PID", 3): (1, "9990000018^^^NHS^NH"),
    ("PID", 5): (1, "SMITH^ANNA"),
    ("PID", 11): (5, "1 High Street^^Northfield^^ZZ99 3VZ"),
    ("PD1", 3): (3, "Ash Lane Surgery^^Y06601"),
    ("PD1", 4): (1, "G9100022^PRIOR^ANNE"),
    ("NK1", 2): (1, "SMITH^BERTA"),
    ("MRG", 1): (1, "H1234^^^NORTHFIELD^MR"),
    ("PV1", 3): (1, "W12^^3^NORTHFIELD"),
    ("PV1", 6): (1, "W11^^2^NORTHFIELD"),
    **{("PV1", number): (1, "C1234567^QUILL^P") for number in (7, 8, 9, 17)},
    ("OBR", 4): (1, "FBC^Full blood count^L"),
    ("OBR", 16): (1, "G9100022^PRIOR^ANNE"),
    ("OBR", 28): (1, "G9100022^PRIOR^ANNE"),
    ("ORC", 12): (1, "G9100022^PRIOR^ANNE"),
    ("OBX", 3): (1, "HB^Haemoglobin^L"),
    ("OBX", 16): (1, "C1234567^QUILL^P"),
    ("DG1", 3): (1, "J18.9^Pneumonia^I10"),
    ("AL1", 3): (1, "PEN^Penicillin^L"),
    ("TXA", 9): (1, "C1234567^QUILL^P"),
}  # fmt: skip
"""For each field the component that a single value mostly means, and an example of the whole."""

_ALONE = {("MSH", 9): {"ACK", "QRY"}}  # what really stands there alone, in the older versions


@dataclass(frozen=True, slots=True)
class WholeField:
    """One such comparison: where it stands in the expression, the path, the component meant, an example."""

    span: Span
    path: str
    meant: str
    example: str


def find_whole_fields(expression: Expression, names: Mapping[str, Expression | None]) -> Iterator[WholeField]:
    """Every comparison of a whole field with a value without components. names: what names stand for."""
    for node in walk(expression):
        if isinstance(node, Quantified) and not node.with_ and isinstance(node.test, Test):
            found = _look(node.test, node.path, node.path_span)
        elif isinstance(node, Test):
            value = node.value
            read = names.get(value.name) if isinstance(value, Name) else value
            found = _look(node, read.path, value.span) if isinstance(read, PathRead) else None
        else:
            continue
        if found is not None:
            yield found


def _look(test: Test, path: Path, span: Span) -> WholeField | None:
    known = COMPOSITES.get((path.segment, path.field))
    if known is None or path.component or not _single(test, _ALONE.get((path.segment, path.field), set())):
        return None
    component, example = known
    return WholeField(span, str(path), f"{path}.{component}", example)


def _single(test: Test, alone: set[str]) -> bool:
    """Whether what it is compared with has no components."""
    if isinstance(test, InTable):
        return True
    if isinstance(test, InList):
        items = test.items
    elif isinstance(test, Compare) and test.sign in ("=", "!="):
        items = (test.other,)
    else:
        return False
    texts = [item.value for item in items if isinstance(item, Text)]
    return bool(texts) and not any("^" in text or "&" in text or text in alone for text in texts)
