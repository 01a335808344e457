"""The tables of a fault run: one for the screen, and one for the documentation made of recorded runs.

Pure: rows and records in, Markdown out. Figures in the documentation come from here and are never typed.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import Any

from bench.faults.result import Row

__all__ = ["BEGIN", "END", "documented", "proof_table", "put_into", "table"]

BEGIN = "<!-- figures: python -m bench.faults --table -->"
END = "<!-- end of figures -->"

_HEADS = (
    "fault", "n", "acked", "lost", "doubled", "flagged", "parked", "held", "overtaken", "false acks",
    "recovery s", "", "what",
)  # fmt: skip
_DOCUMENTED = (
    "fault", "n", "acked", "lost", "doubled", "flagged", "parked", "held", "overtaken", "false acks",
    "slowest recovery", "broken", "measured",
)  # fmt: skip
_SUMS = (
    "n", "acked", "lost", "doubled", "flagged", "parked", "held", "reordered", "false_acks",
)  # fmt: skip

Record = Mapping[str, Any]


def table(rows: Iterable[Row]) -> str:
    """A Markdown table, and below it what must be said of single rows."""
    lines = _head(_HEADS)
    below: list[str] = []
    for row in rows:
        verdict = "skipped" if row.skipped else "held" if row.good else "**BROKEN**"
        lines.append(_line((
            row.fault, row.n, row.acked, row.lost, row.doubled, row.flagged, row.parked, row.held,
            row.reordered, row.false_acks, f"{row.recovery:.1f}", verdict, row.what,
        )))  # fmt: skip
        told = [row.skipped, *row.notes] if row.skipped else [*row.broken, *row.notes]
        below.extend(f"- {row.fault} {row.what} (seed {row.seed}): {words}" for words in told)
    return "\n".join([*lines, "", *below])


def proof_table(proofs: Iterable[Mapping[str, Any]]) -> str:
    """Which planted bugs were found, by which fault and because of what."""
    lines = _head(("planted bug", "in", "fault", "found", "because"))
    for proof in proofs:
        because = "; ".join(_plain(words) for words in proof["why"][:2])
        found = "yes" if proof["found"] else "**NO**"
        lines.append(_line((proof["bug"], f"`{proof['file']}`", proof["fault"], found, because)))
    return "\n".join(lines)


def documented(records: Sequence[Record]) -> str:
    """The figures of recorded runs together: which machine, a line for each row, and the proofs."""
    machine = records[0]["machine"]
    seeds = ", ".join(dict.fromkeys(str(record["seed"]) for record in records if record["rows"]))
    load = ", ".join(str(record["machine"]["load"]) for record in records if record["rows"])
    first = min(record["machine"]["began"] for record in records)[:10]
    where = (
        f"Taken on {first}, {machine['system']}, {machine['cores']} cores, Python {machine['python']};"
        f" seeds {seeds}; load of the machine before it began: {load}."
        " Recovery is the longest time from a blow to the next acknowledgement."
    )
    lines = [where, "", *_head(_DOCUMENTED)]
    merged: dict[tuple[str, str], list[Mapping[str, Any]]] = {}
    for record in records:
        for row in record["rows"]:
            merged.setdefault((row["fault"], row["what"]), []).append(row)
    for (fault, what), rows in sorted(merged.items(), key=lambda item: int(item[0][0].lstrip("R") or 0)):
        lines.append(_together(fault, what, rows))
    proofs = [proof for record in records for proof in record["proofs"]]
    if proofs:
        lines += ["", proof_table(proofs)]
    return "\n".join(lines)


def put_into(page: str, figures: str) -> str:
    """The page with these figures between its two marks. Raises ValueError where it has no such marks."""
    before, begin, rest = page.partition(BEGIN)
    _old, end, after = rest.partition(END)
    if not begin or not end:
        raise ValueError(f"the page has no {BEGIN} and {END}")
    return f"{before}{BEGIN}\n\n{figures}\n\n{END}{after}"


def _together(fault: str, what: str, rows: Sequence[Mapping[str, Any]]) -> str:
    played = [row for row in rows if not row["skipped"]]
    name = f"{fault} {what}"
    if not played:
        return _line((name, *[""] * (len(_DOCUMENTED) - 3), "not played", rows[0]["skipped"]))
    bad = [row for row in played if _broken(row)]
    recovery = max(row["recovery"] for row in played)
    sums = [f"{sum(row[key] for row in played):,}" for key in _SUMS]
    verdict = "no" if not bad else "**yes**: " + "; ".join(_plain(w) for w in bad[0]["failures"][:1])
    figure = next((row["figure"] for row in reversed(played) if row["figure"]), "")
    return _line((name, *sums, f"{recovery:.1f} s" if recovery else "", verdict, figure))


def _broken(row: Mapping[str, Any]) -> bool:
    return any(row[key] for key in ("lost", "doubled", "reordered", "false_acks", "failures"))


def _head(names: Sequence[str]) -> list[str]:
    return [_line(names), "|" + "---|" * len(names)]


def _line(cells: Iterable[object]) -> str:
    return "| " + " | ".join(str(cell) for cell in cells) + " |"


def _plain(words: str) -> str:
    """Without what would break a table, and not longer than a line."""
    return words.replace("|", "/").replace("\n", " ")[:120]
