"""Ledgers: what the load client was promised, held against what the receivers got.

A promise ledger holds one acknowledged control id a line. An arrival ledger holds `control id, stream,
practice, number` separated by tabs, one line for each arrival, in order.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, field
from pathlib import Path

__all__ = ["Arrivals", "Balance", "compare"]


@dataclass(slots=True)
class Arrivals:
    """Counts arrivals as they come. `seen` holds the control ids that came, `twice` those that came again,
    `late` those that came after a later one; `wrong` counts messages whose content does not fit where they
    came."""

    received: int = 0
    doubled: int = 0
    reordered: int = 0
    wrong: int = 0
    first: float = 0.0
    last: float = 0.0
    seen: set[str] = field(default_factory=set)
    twice: set[str] = field(default_factory=set)
    late: set[str] = field(default_factory=set)
    newest: dict[tuple[str, str], int] = field(default_factory=dict)

    def add(self, control: str, stream: str, address: str, number: int, at: float) -> None:
        """Count one arrival; `at` in Unix time. A repeat counts as doubled, never as reordered."""
        self.received += 1
        self.last = at
        self.first = self.first or at
        if control in self.seen:
            self.doubled += 1
            self.twice.add(control)
            return
        self.seen.add(control)
        lane = (stream, address)
        if number < self.newest.get(lane, 0):
            self.reordered += 1
            self.late.add(control)
        else:
            self.newest[lane] = number

    def as_json(self) -> dict[str, float | int]:
        """The figures of a receiver."""
        return {
            "received": self.received,
            "distinct": len(self.seen),
            "doubled": self.doubled,
            "reordered": self.reordered,
            "wrong": self.wrong,
            "first": self.first,
            "last": self.last,
        }


@dataclass(frozen=True, slots=True)
class Balance:
    """Promises against arrivals. `unpromised` arrived although no acknowledgement was seen: that is allowed,
    since an acknowledgement may be lost on its way; the others must be nought."""

    acked: int
    received: int
    lost: int
    doubled: int
    reordered: int
    unpromised: int

    @property
    def good(self) -> bool:
        """Nothing lost, doubled or overtaken."""
        return not (self.lost or self.doubled or self.reordered)


def compare(promised: Iterable[Path], arrived: Iterable[Path]) -> Balance:
    """Read the ledgers and count. A last line without its end, from a killed writer, is left out."""
    acked = {line for path in promised for line in _lines(path)}
    arrivals = Arrivals()
    for path in arrived:
        for line in _lines(path):
            control, stream, address, number = line.split("\t")
            arrivals.add(control, stream, address, int(number), 1.0)
    return Balance(
        acked=len(acked),
        received=arrivals.received,
        lost=len(acked - arrivals.seen),
        doubled=arrivals.doubled,
        reordered=arrivals.reordered,
        unpromised=len(arrivals.seen - acked),
    )


def _lines(path: Path) -> list[str]:
    return path.read_text(encoding="ascii").split("\n")[:-1] if path.exists() else []
