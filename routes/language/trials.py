"""A test of a route as its file says it: frozen values with their places. No behaviour.

In code a test of a route is called a trial, so that nobody takes it for a test of this program. Must not
know how a trial is run.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

from routes.flow.answer_codes import ReturnReason
from routes.language.problems import Spot
from routes.language.source import Scalar

__all__ = [
    "Behaviour",
    "Destination",
    "Expected",
    "ExpectedCopy",
    "Pretence",
    "Pretences",
    "TableRow",
    "TableRows",
    "Trial",
]

Behaviour = Literal["silent", "unreachable", "refusing", ReturnReason]


@dataclass(frozen=True, slots=True)
class Destination:
    """`channel @ address`, or a channel alone; then `address` is ""."""

    text: Scalar
    channel: str
    address: str = ""

    def __str__(self) -> str:
        return f"{self.channel} @ {self.address}" if self.address else self.channel


@dataclass(frozen=True, slots=True)
class ExpectedCopy:
    """One copy that must be made. values: what an expression must read at some of its paths; "" is empty
    or absent, the two characters "" are null."""

    to: Destination
    values: tuple[tuple[Scalar, str], ...] = ()


@dataclass(frozen=True, slots=True)
class Expected:
    """All that must happen: what is not here must not. `acks` alone may be empty, and is then not asked.

    acks: one code for every message of the sample, or one for each of them, in order.
    """

    spot: Spot
    acks: tuple[Scalar, ...] = ()
    sent: tuple[ExpectedCopy, ...] = ()
    held: tuple[Scalar, ...] = ()
    rejected: tuple[Scalar, ...] = ()
    not_wanted: tuple[Scalar, ...] = ()
    warned: tuple[Scalar, ...] = ()


@dataclass(frozen=True, slots=True)
class TableRow:
    """One row for this test: cells by column, or (columns None) all cells in the table's order."""

    spot: Spot
    columns: tuple[Scalar, ...] | None
    cells: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class TableRows:
    """Rows that replace those of the same key in one table, or are added to it."""

    table: Scalar
    rows: tuple[TableRow, ...]


@dataclass(frozen=True, slots=True)
class Pretence:
    """How a channel behaves in this test."""

    channel: Scalar
    behaviour: Behaviour


@dataclass(frozen=True, slots=True)
class Pretences:
    """The channels that do not behave, and for how long: microseconds, None for ever."""

    channels: tuple[Pretence, ...] = ()
    lasting: int | None = None


@dataclass(frozen=True, slots=True)
class Trial:
    """One entry of `tests`.

    given: the sample's path within the site. feed: None for the first that the route takes. edits: what is
    written into the message behind the dialect. received: microseconds since 1970, None for the usual
    moment of tests. expected is None only where the file has a problem.
    """

    spot: Spot
    name: Scalar
    given: Scalar
    expected: Expected | None
    feed: Scalar | None = None
    received: int | None = None
    edits: tuple[tuple[Scalar, str], ...] = ()
    tables: tuple[TableRows, ...] = ()
    earlier: tuple[Destination, ...] = ()
    final: tuple[Destination, ...] = ()
    pretences: Pretences = Pretences()
