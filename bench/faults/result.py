"""What a fault run found: one row for each fault.

A row is good where nothing acknowledged was lost, nothing came twice unmarked or overtook, nothing was
acknowledged that the journal does not hold, and no expectation of the fault itself was disappointed.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, field

__all__ = ["Row", "bound", "percentile"]


@dataclass(slots=True)
class Row:
    """One fault. `n`: how often it struck. `flagged` came more than once and is marked, or repeats a control
    id and is marked; `recovery`: seconds, the longest from a blow to the next acknowledgement. `seconds`:
    that it took to play. `figure`: what else was measured, in a few words."""

    fault: str
    what: str
    seed: int
    n: int = 0
    acked: int = 0
    lost: int = 0
    doubled: int = 0
    flagged: int = 0
    parked: int = 0
    held: int = 0
    reordered: int = 0
    false_acks: int = 0
    recovery: float = 0.0
    seconds: float = 0.0
    figure: str = ""
    notes: list[str] = field(default_factory=list)
    failures: list[str] = field(default_factory=list)
    skipped: str = ""

    @property
    def good(self) -> bool:
        """True where the promise held. A fault that was skipped proves nothing, and breaks nothing."""
        return not (self.lost or self.doubled or self.reordered or self.false_acks or self.failures)

    @property
    def broken(self) -> list[str]:
        """What did not hold, in words."""
        counts = {
            "lost": self.lost, "doubled and unmarked": self.doubled, "overtaken": self.reordered,
            "falsely acknowledged": self.false_acks,
        }  # fmt: skip
        return [*(f"{count} {name}" for name, count in counts.items() if count), *self.failures]

    def expect(self, condition: bool, words: str) -> None:
        """Note a disappointed expectation."""
        if not condition:
            self.failures.append(words)


def bound(n: int) -> str:
    """What no failure in n trials says: with 95 % certainty it is rarer than this (the rule of three)."""
    return f"0 in {n}: fewer than {min(100.0, 300 / n):.2g} % (95 %)" if n else "nothing was tried"


def percentile(values: Iterable[float], share: float) -> float:
    """The value below which this share lies; 0.0 of nothing."""
    ordered = sorted(values)
    return ordered[min(len(ordered) - 1, int(len(ordered) * share))] if ordered else 0.0
