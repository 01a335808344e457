"""What people see of the demo: a live table on a terminal, plain lines elsewhere, and the balance.

Knows how things are shown and nothing of how they come about. Shows names and counts, never content.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from rich.console import Console, Group, RenderableType
from rich.live import Live
from rich.table import Table
from rich.text import Text

from engine.cli.tables import channel_table, feed_table
from engine.demo.balance import Balance, open_in

__all__ = ["Moment", "Show", "show_balance"]

EVERY = 2.0  # seconds between plain lines


@dataclass(frozen=True, slots=True)
class Moment:
    """How things stand. `sent` and `received` are the hospitals' and the practices' own countings."""

    seconds: float
    act: str
    status: Mapping[str, Any]
    sent: int
    received: int
    notes: tuple[str, ...] = ()


class Show:
    """A context in which moments are shown: redrawn in place, or a line every other second."""

    def __init__(self, console: Console) -> None:
        self._console = console
        self._live = Live(console=console, auto_refresh=False) if console.is_terminal else None
        self._next_line = 0.0

    def __enter__(self) -> Show:
        if self._live is not None:
            self._live.start()
        return self

    def __exit__(self, *_: object) -> None:
        if self._live is not None:
            self._live.stop()

    def say(self, moment: Moment) -> None:
        """Show this moment, if it is time to."""
        if self._live is not None:
            self._live.update(_picture(moment), refresh=True)
        elif moment.seconds >= self._next_line:
            self._next_line = moment.seconds + EVERY
            self._console.print(_line(moment), highlight=False, soft_wrap=True)


def show_balance(console: Console, balance: Balance) -> None:
    """The sums, line by line, and what they say together."""
    table = Table(title="The balance", title_justify="left", header_style="bold")
    for column in ("", "what", "one side", "other", "sum"):
        table.add_column(column, justify="right" if column in ("one side", "other") else "left")
    for entry in balance.entries:
        mark = Text("✓", "green") if entry.good else Text("✗", "bold red")
        table.add_row(mark, entry.what, str(entry.left), str(entry.right), entry.words)
    console.print(table)
    console.print(
        f"{balance.sent} messages answered to the hospitals, {balance.accepted} in the journal; "
        f"{balance.copies} copies made, {balance.arrived} counted where they were to go; "
        f"{balance.held} wait in trays for a person.",
        highlight=False,
        soft_wrap=True,
    )
    if balance.elsewhere:
        console.print(f"{balance.elsewhere} of them came from elsewhere.", highlight=False)
    if balance.repeats:
        console.print(f"{balance.repeats} arrived twice, which at-least-once allows.", highlight=False)
    if balance.still_open:
        console.print(f"[bold red]{balance.still_open} were still on their way when the time was up.[/]")
    if balance.good:
        console.print("[bold green]It balances: nothing lost.[/]")
    else:
        console.print("[bold red]It does not balance.[/]")


def _picture(moment: Moment) -> RenderableType:
    status = moment.status
    head = Text.assemble(
        (f"Gatepost demo: {moment.act}", "bold"),
        f"   {moment.seconds:.0f} s   queue {status.get('broker', '?')}",
        f"   {status.get('memory_mb', 0):.0f} MB",
    )
    hospitals = f"hospitals: {moment.sent} answered   practices: {moment.received} received"
    return Group(
        head,
        feed_table(status.get("feeds", {})),
        channel_table(status.get("channels", {})),
        Text(hospitals),
        *(Text(note, "yellow") for note in moment.notes),
    )


def _line(moment: Moment) -> str:
    feeds, channels = moment.status.get("feeds", {}), moment.status.get("channels", {})

    def total(counts: Mapping[str, Mapping[str, Any]], state: str) -> int:
        return sum(int(one.get(state, 0)) for one in counts.values())

    return (
        f"{moment.seconds:5.0f} s  {moment.act}: {moment.sent} answered, "
        f"{total(feeds, 'accepted')} accepted, "
        f"{total(channels, 'delivered')} delivered, {open_in(channels)} on their way, "
        f"{total(channels, 'parked')} parked, practices received {moment.received}"
        + "".join(f"; {note}" for note in moment.notes)
    )
