"""The bench's results for people: a table beside the goals of DESIGN.md section 9.

Pure. A goal is a figure, or a share of what a bare durable listener did in the same minute, whichever is
easier: it says what the machine allowed.
"""

from __future__ import annotations

from collections.abc import Iterator

from bench.runs import Backlog, Cell, Outcome

__all__ = ["backlog_lines", "outcome_lines"]

ACKED = {1: 600, 4: 1500, 16: 2500}
P99_MS = {1: 4, 4: 10, 16: 20}
DELIVERED = {"embedded": 800, "rabbitmq": 1000}
WHERE = {"embedded": "embedded queue, one MLLP receiver", "rabbitmq": "RabbitMQ, 100 practices' mailboxes"}
MEMORY_MB = 200
LETTER_MS = 150


def outcome_lines(outcome: Outcome) -> Iterator[str]:
    """One queue kind: a line for each number of connections, then letters, memory and balance."""
    yield ""
    yield f"{WHERE[outcome.queue]} (1 KB ORU^R01, one outstanding message per connection)"
    yield "conns | acked/s   bare  nothing | p50 ms | p99 ms   bare  nothing | delivered/s | CPU ms | goals"
    for cell in outcome.cells:
        yield (
            f"{cell.connections:5} |{cell.acked:8.0f}{cell.bare['per_second']:7.0f}"
            f"{cell.nothing['per_second']:9.0f} |{cell.p50:7.2f} |{cell.p99:7.2f}{cell.bare['p99_ms']:7.2f}"
            f"{cell.nothing['p99_ms']:9.2f} |{cell.delivered:12.0f} |{cell.cpu_ms:7.2f} | "
            + (", ".join(_below(outcome, cell)) or "reached")
        )
    if outcome.letters:
        middle = sorted(outcome.letters)[len(outcome.letters) // 2]
        goal = _mark(middle <= LETTER_MS, f"{LETTER_MS} ms")
        yield f"1.5 MB letter, sent to delivered: {middle:.0f} ms{goal}"
    memory = _mark(outcome.highest_mb <= MEMORY_MB, f"{MEMORY_MB} MB")
    yield f"memory: {outcome.memory_mb:.0f} MB, at most {outcome.highest_mb:.0f} MB{memory}"
    balance = outcome.balance
    yield (
        f"balance: {balance.acked} acknowledged, {balance.received} received; {balance.lost} lost, "
        f"{balance.doubled} doubled, {balance.reordered} out of order, {outcome.wrong} wrong"
    )


def backlog_lines(large: Backlog) -> Iterator[str]:
    """The run with a large backlog."""
    highest = max(large.memory_mb, large.memory_after_restart_mb, large.memory_while_draining_mb)
    yield f"backlog of {large.messages}: taken in at {large.acked:.0f}/s, at most {large.memory_mb:.0f} MB"
    yield (
        f"restart: ready after {large.restart_seconds:.1f} s with {large.memory_after_restart_mb:.0f} MB; "
        f"drained at {large.drained:.0f}/s with at most {large.memory_while_draining_mb:.0f} MB"
        + _mark(highest <= MEMORY_MB, f"{MEMORY_MB} MB")
        + f"; {large.doubled} doubled, {large.reordered} out of order"
    )


def _below(outcome: Outcome, cell: Cell) -> Iterator[str]:
    acked = min(ACKED[cell.connections], cell.bare["per_second"] / 2)
    if cell.acked < acked:
        yield f"acked/s {cell.acked / acked:.0%} of {acked:.0f}"
    p99 = max(P99_MS[cell.connections], cell.bare["p99_ms"] * 3)
    if cell.p99 > p99:
        yield f"p99 {cell.p99 / p99:.1f} × {p99:.1f} ms"
    # At one connection the sender may be slower than the goal for deliveries.
    delivered = min(DELIVERED[outcome.queue], cell.acked * 0.95)
    if cell.delivered < delivered:
        yield f"delivered/s {cell.delivered / delivered:.0%} of {delivered:.0f}"


def _mark(reached: bool, goal: str) -> str:
    return "" if reached else f"   (goal: {goal})"
