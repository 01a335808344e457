"""How a trace is shown: for people on a terminal of 100 columns or more, and as one JSON object.

Long values and documents are shown by their beginning and their length; JSON has them whole. Must not know
where the message came from or how it was decided.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from dataclasses import asdict
from itertools import groupby

from rich.console import Console, Group, RenderableType
from rich.padding import Padding
from rich.rule import Rule
from rich.table import Table
from rich.text import Text

from engine.cli.journal_view import plain
from routes.flow.decision import Copy, Decision, Held, RouteDecision
from routes.flow.tracing import Change, Kind, Moment, Part

__all__ = ["belonging_to", "decision_as_json", "moment_as_json", "show_decision", "show_moments"]

LONGEST = 56
"""Characters of a value that are shown whole."""
SHOWN = 40
_BASE64 = re.compile(r"[A-Za-z0-9+/\s]{200,}={0,2}")
_QUOTED = re.compile(r"'(.*)'", re.DOTALL)

_MARKS: dict[Kind, tuple[str, str]] = {
    "": ("", ""),
    "passed_over": ("–", "dim"),
    "held": ("■", "bold yellow"),
    "rejected": ("✗", "bold red"),
    "warned": ("!", "yellow"),
    "not_wanted": ("–", "cyan"),
    "sent": ("→", "bold green"),
    "passed": ("→", "bold green"),
    "split": ("÷", "cyan"),
    "nothing_more": ("–", "dim"),
    "failed": ("✗", "bold red"),
}


def belonging_to(route: str, decision: Decision, moments: Sequence[Moment]) -> tuple[list[Moment], list[str]]:
    """The moments before any route and those of one route and whatever it passed the message to; and the
    names of these routes. All of both where `route` is ""."""
    if not route:
        return list(moments), list(dict.fromkeys(part.route for part in decision.routes))
    shown = [route]
    for part in decision.routes:
        if part.via in shown and part.route not in shown:
            shown.append(part.route)
    return [moment for moment in moments if not moment.route or moment.route in shown], shown


# --- for people ----------------------------------------------------------------------------------------


def show_moments(moments: Sequence[Moment], out: Console) -> None:
    """Part by part, each entry with its line, its parts, its changes and its outcome."""
    for (part, route, via, piece), group in groupby(
        moments, lambda each: (each.part, each.route, each.via, each.piece)
    ):
        entries = list(group)
        title = Text(part, style="bold")
        if route and part != f"route {route}":
            title.append(f" of route {route}", style="bold")
        if via:
            title.append(f", passed on by {via}")
        if piece:
            title.append(f", piece {piece}")
        title.append(f"  {entries[0].where.rpartition(':')[0]}", style="dim")
        out.print()
        out.print(Rule(title, align="left", style="dim"))
        for moment in entries:
            out.print(_entry(moment))


def _entry(moment: Moment) -> RenderableType:
    line = moment.where.rpartition(":")[2]
    row = Table.grid(padding=(0, 1), expand=True)
    row.add_column(width=5, justify="right", style="dim", no_wrap=True)
    row.add_column(ratio=1)
    head = Text.assemble((f"{moment.verb} ", "dim"), plain(moment.text))
    if moment.element:
        head.append(f"   it = {moment.element}", style="cyan")
    if moment.answer is not None:
        head.append("   ")
        head.append(*(("yes", "bold green") if moment.answer else ("no", "bold red")))
    body: list[RenderableType] = [head]
    if moment.read:
        body.append(_parts(moment.read))
    body += [Text(f"    finding: {words}", style="yellow") for words in moment.findings]
    if moment.changes:
        body.append(_changes(moment.changes))
    if moment.outcome:
        mark, style = _MARKS[moment.kind]
        body.append(Text(f"{mark} " if mark else "  ", style=style).append(plain(moment.outcome)))
    row.add_row(line, Padding(Group(*body), (0, 0, 0, 3 * moment.depth)))
    return row


def _parts(parts: Sequence[Part]) -> Table:
    table = Table.grid(padding=(0, 2))
    table.add_column(max_width=52)
    table.add_column(max_width=46)
    table.add_column(style="dim")
    for part in parts:
        value = plain(_shorten(part.value))
        value.stylize({"yes": "green", "no": "red"}.get(part.value, ""))
        table.add_row(Padding(plain(part.text), (0, 0, 0, 4 + 2 * part.depth)), value, plain(part.note))
    return table


def _changes(changes: Sequence[Change]) -> Table:
    table = Table.grid(padding=(0, 2))
    table.add_column(no_wrap=True, style="bold")
    table.add_column(style="red", max_width=60)
    table.add_column(no_wrap=True, style="dim")
    table.add_column(style="green", max_width=60)
    for change in changes:
        table.add_row(f"    {change.path}", _told(change.before), "→", _told(change.after))
    return table


def _told(value: str) -> Text:
    return (
        plain(f"'{_shape(value)}'" if len(value) <= LONGEST else _shape(value)) if value else Text("(empty)")
    )


def _shorten(value: str) -> str:
    quoted = _QUOTED.fullmatch(value)
    return value if len(value) <= LONGEST or quoted is None else _shape(quoted[1])


def _shape(value: str) -> str:
    """A value that is not too long as it stands; otherwise how it begins, and how long it is."""
    if len(value) <= LONGEST:
        return value
    if _BASE64.fullmatch(value):
        return f"(base64, {len(value):,} characters)"
    return f"'{value[:SHOWN]}…' ({len(value):,} characters)"


def show_decision(decision: Decision, routes: Sequence[str], out: Console) -> None:
    """What became of the message, route by route."""
    out.print()
    out.print(Rule(Text("what becomes of it", style="bold"), align="left", style="dim"))
    table = Table.grid(padding=(0, 2))
    table.add_column(no_wrap=True)
    table.add_column()
    for name, words in _outcomes(decision, routes):
        table.add_row(Text(f"  {name}", style="bold"), plain(words))
    out.print(table)


def _outcomes(decision: Decision, routes: Sequence[str]) -> Iterator[tuple[str, str]]:
    if decision.held_before_routing is not None:
        yield "all routes", _held(decision.held_before_routing)
    if decision.rejected is not None:
        yield "sender", f"is told AE: {decision.rejected.words}. Nothing is sent by any route."
    for part in decision.routes:
        if part.route in routes:
            piece = f" piece {part.piece}" if part.piece else ""
            for words in _of_route(part):
                yield part.route + piece, words


def _of_route(part: RouteDecision) -> Iterator[str]:
    if part.not_wanted is not None:
        yield f"not wanted, by rule {part.not_wanted.rule}"
    if part.copies:
        yield "sends " + ", ".join(_copy(copy) for copy in part.copies)
    for held in part.held:
        yield _held(held)
    if part.passed_to:
        yield "passes it on to " + ", ".join(part.passed_to)
    if part.nothing_more:
        yield "nothing more"


def _copy(copy: Copy) -> str:
    text = f"{copy.channel} @ {copy.address}" if copy.address else copy.channel
    if copy.piece:
        text += f" (piece {copy.piece})"
    return f"{text} (once, of {copy.merged + 1} entries)" if copy.merged else text


def _held(held: Held) -> str:
    piece = f"piece {held.piece} " if held.piece else ""
    return f"{piece}held in {held.tray}: {held.reason}" + (f" ({held.where})" if held.where else "")


# --- for scripts ---------------------------------------------------------------------------------------


def moment_as_json(moment: Moment) -> dict[str, object]:
    """A moment, whole."""
    return asdict(moment)


def decision_as_json(decision: Decision) -> dict[str, object]:
    """A decision without the bytes of its copies."""
    return {
        "held_before_routing": None
        if decision.held_before_routing is None
        else asdict(decision.held_before_routing),
        "rejected": None if decision.rejected is None else asdict(decision.rejected),
        "warnings": [asdict(found) for found in decision.warnings],
        "routes": [_route_as_json(part) for part in decision.routes],
        "misses": [
            {"table": table, "code": code, "count": count} for (table, code), count in decision.misses.items()
        ],
    }


def _route_as_json(part: RouteDecision) -> dict[str, object]:
    return {
        "route": part.route,
        "via": part.via,
        "piece": part.piece,
        "copies": [
            {
                "channel": copy.channel,
                "address": copy.address,
                "piece": copy.piece,
                "merged": copy.merged,
                "bytes": len(copy.body),
                "deadline": None if copy.deadline is None else asdict(copy.deadline),
            }
            for copy in part.copies
        ],
        "held": [asdict(held) for held in part.held],
        "rejected": None if part.rejected is None else asdict(part.rejected),
        "not_wanted": None if part.not_wanted is None else part.not_wanted.rule,
        "warnings": [asdict(found) for found in part.warnings],
        "passed_to": list(part.passed_to),
        "nothing_more": part.nothing_more,
    }
