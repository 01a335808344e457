"""A reconciliation for the screen, as CSV for a spreadsheet, and as JSON for scripts.

Knows nothing of how it was counted, nor of its page.
"""

from __future__ import annotations

import csv
import io
from collections.abc import Iterable, Sequence

from rich.box import SIMPLE_HEAD
from rich.console import Console
from rich.table import Table

from engine.cli.journal_view import iso_time, plain
from engine.cli.report_words import (
    COPY_COLUMNS,
    FATE_WORDS,
    NOT_BALANCED,
    balance_words,
    copy_cells,
    local_time,
    message_cells,
    message_columns,
    period_words,
    practice_name,
    problems_of,
)
from engine.journal.reckoning import FATES, Batches
from engine.reconciliation import CopyLine, Line, Report
from engine.sent_counts import Difference, Sequenced

__all__ = ["print_report", "report_as_csv", "report_as_json"]

MOST_PRACTICES = 20
"""Addresses with something open that the screen shows; the CSV and the page have more."""
BATCH_COLUMNS = ("batches", "messages by trailers", "came", "not as said")
STATES = (
    "waiting", "queued", "sending", "delivered", "acknowledged", "parked", "refused_by_recipient",
    "withdrawn", "discarded",
)  # fmt: skip


# -- screen ---------------------------------------------------------------------------------------------


def print_report(console: Console, report: Report) -> None:
    """The report in a page or two of text."""
    about = [f"feed {report.feed}"] if report.feed else []
    about += [f"practice {report.practice}"] if report.practice else []
    console.print(plain(f"{report.site}: {period_words(report)}, {report.zone}{_and(about)}"), style="bold")
    console.print(f"{balance_words(report)}.")
    if report.balances:
        console.print("It balances: every accepted message is accounted for.")
    else:
        console.print(f"{NOT_BALANCED}.", style="bold red")
        for words in problems_of(report):
            console.print(words, style="red", markup=False)
    if report.lines:
        console.print(_message_table(report))
    _print_practices(console, report)
    _print_refused(console, report)
    for left in report.leftovers:
        since = local_time(left.oldest, report.zone)
        console.print(f"From before: {left.count:,} {FATE_WORDS[left.fate][0]}, the oldest since {since}.")
    if report.batches:
        console.print(_batches(report.batches))
    if report.differences is not None:
        console.print(_differences(report.differences))
    if report.sequences is not None:
        console.print(
            _sequences(report.sequences) if report.sequences else "No message has a number in MSH-13."
        )


def _new_table(title: str = "") -> Table:
    return Table(
        header_style="bold", title=title or None, title_justify="left", box=SIMPLE_HEAD, padding=(0, 1, 0, 0)
    )


def _and(words: Sequence[str]) -> str:
    return "".join(f", {word}" for word in words)


def _message_table(report: Report) -> Table:
    table = _new_table()
    if len(report.days) > 1:
        table.add_column("Day", no_wrap=True)
    table.add_column("Feed", no_wrap=True)
    table.add_column("Type", no_wrap=True)
    for column in message_columns(report):
        table.add_column(column, justify="right")
    table.add_column("oldest open", no_wrap=True)
    for line in report.lines:
        days = [line.day] if len(report.days) > 1 else []
        table.add_row(
            *days,
            plain(line.feed),
            plain(line.type),
            *_numbers(message_cells(line, report)),
            _oldest(line, report),
        )
    if len(report.lines) > 1:
        days = [""] if len(report.days) > 1 else []
        total = report.total
        table.add_section()
        table.add_row(*days, "together", "", *_numbers(message_cells(total, report)), _oldest(total, report))
    return table


def _oldest(line: Line, report: Report) -> str:
    return local_time(min(filter(None, (line.oldest_open, line.oldest_waiting)), default=0), report.zone)


def _numbers(numbers: Iterable[int]) -> list[str]:
    return [f"{number:,}" if number else "·" for number in numbers]


def _print_practices(console: Console, report: Report) -> None:
    lines = report.by_practice()
    shown = [line for line in lines if line.attention or report.practice]
    whole = len(lines) - len(shown)
    if shown:
        table = _new_table("Where not every copy has arrived")
        table.add_column("Practice", no_wrap=True)
        table.add_column("Channel", no_wrap=True)
        for column in COPY_COLUMNS:
            table.add_column(column, justify="right")
        table.add_column("oldest open", no_wrap=True)
        for line in shown[:MOST_PRACTICES]:
            oldest = local_time(line.oldest_open, report.zone)
            table.add_row(plain(practice_name(line)), line.channel, *_numbers(copy_cells(line)), oldest)
        console.print(table)
        if len(shown) > MOST_PRACTICES:
            console.print(f"{len(shown) - MOST_PRACTICES:,} more are in the CSV and on the page.")
    if whole:
        what = "address" if whole == 1 else "addresses"
        console.print(f"{whole:,} {what} got everything that was meant for {'it' if whole == 1 else 'them'}.")


def _print_refused(console: Console, report: Report) -> None:
    count = sum(report.refused.values())
    if count:
        console.print(
            f"{count:,} could not be accepted and were refused; their bytes are kept."
            " Find them with: gatepost messages --state refused"
        )


def _differences(differences: Sequence[Difference]) -> Table:
    table = _new_table("What the senders say they sent")
    for heading in ("Feed", "Type"):
        table.add_column(heading, no_wrap=True)
    for heading in ("sent", "accepted", "difference", "repeats"):
        table.add_column(heading, justify="right")
    for one in differences:
        sent = "not said" if one.sent is None else f"{one.sent:,}"
        table.add_row(
            plain(one.feed), plain(one.type or "all"), sent, f"{one.accepted:,}", f"{one.difference:+,}",
            f"{one.repeats:,}", style="red" if one.difference else None,
        )  # fmt: skip
    return table


def _batches(batches: Sequence[Batches]) -> Table:
    table = _new_table("What the trailers of batches say")
    table.add_column("Feed", no_wrap=True)
    for heading in BATCH_COLUMNS:
        table.add_column(heading, justify="right")
    table.add_column("such as", overflow="fold")
    for one in batches:
        table.add_row(
            plain(one.feed), f"{one.batches:,}", f"{one.said:,}", f"{one.came:,}", f"{one.differing:,}",
            example_words(one), style="red" if one.differing else None,
        )  # fmt: skip
    return table


def example_words(one: Batches) -> str:
    """Where the first batches that do not fit begin: `message 12, 40`."""
    more = " …" if one.differing > len(one.examples) else ""
    return f"message {', '.join(map(str, one.examples))}{more}" if one.examples else ""


def _sequences(sequences: Sequence[Sequenced]) -> Table:
    table = _new_table("Sequence numbers (MSH-13)")
    for heading in ("Feed", "Sender"):
        table.add_column(heading, no_wrap=True)
    for heading in ("numbered", "missing", "repeated", "began anew"):
        table.add_column(heading, justify="right")
    table.add_column("which are missing", overflow="fold")
    for one in sequences:
        table.add_row(
            plain(one.feed), plain(one.sender), f"{one.numbered:,}", f"{one.missing:,}", f"{one.repeats:,}",
            f"{one.restarts:,}", gap_words(one), style="red" if one.missing or one.repeats else None,
        )  # fmt: skip
    return table


def gap_words(one: Sequenced) -> str:
    """The first gaps: `12, 20 to 25`."""
    ranges = [str(first) if first == last else f"{first} to {last}" for first, last in one.gaps[:8]]
    told = sum(last - first + 1 for first, last in one.gaps[:8])
    return ", ".join(ranges) + (" …" if told < one.missing else "")


# -- CSV ------------------------------------------------------------------------------------------------


def report_as_csv(report: Report) -> str:
    """One line for each day, feed and type (`messages`), and for each of these and each address (`copies`).

    Texts that a spreadsheet would take for a formula are given an apostrophe before them.
    """
    out = io.StringIO()
    writer = csv.writer(out, lineterminator="\r\n")
    writer.writerow([
        "what", "day", "feed", "type", "channel", "practice", "accepted", *FATES, "oldest_open",
        "oldest_waiting", "copies", *(f"copies_{state}" for state in STATES),
    ])  # fmt: skip
    for line in report.lines:
        oldest = (iso_time(line.oldest_open) or "", iso_time(line.oldest_waiting) or "")
        counts = (line.count(fate) for fate in FATES)
        texts = map(_safe, (line.day, line.feed, line.type))
        writer.writerow(
            ["messages", *texts, "", "", line.accepted, *counts, *oldest, *[""] * (1 + len(STATES))]
        )
    for copy in report.copies:
        texts = map(_safe, (copy.day, copy.feed, copy.type, copy.channel, copy.address))
        blank = [""] * (1 + len(FATES))
        oldest = (iso_time(copy.oldest_open) or "", "")
        states = (copy.count(state) for state in STATES)
        writer.writerow(["copies", *texts, *blank, *oldest, copy.made, *states])
    return out.getvalue()


def _safe(text: str) -> str:
    """Text from outside, as text also for a spreadsheet."""
    return f"'{text}" if text[:1] in ("=", "+", "-", "@", "\t", "\r", "\n", "'") else text


# -- JSON -----------------------------------------------------------------------------------------------


def report_as_json(report: Report) -> dict[str, object]:
    """The whole report for a script; no content of messages."""
    answer: dict[str, object] = {
        "site": report.site,
        "zone": report.zone,
        "days": list(report.days),
        "made": iso_time(report.made),
        "feed": report.feed or None,
        "practice": report.practice or None,
        "balances": report.balances,
        "unaccounted": list(report.unaccounted),
        "missing": [list(ids) for ids in report.missing],
        "total": _line_as_json(report.total),
        "messages": [
            {"day": line.day, "feed": line.feed, "type": line.type, **_line_as_json(line)}
            for line in report.lines
        ],
        "copies": [_copies_as_json(line) for line in report.copies],
        "refused": [
            {"day": day, "feed": feed, "count": count}
            for (day, feed), count in sorted(report.refused.items())
        ],
        "open_from_before": [
            {"fate": left.fate, "count": left.count, "oldest": iso_time(left.oldest)}
            for left in report.leftovers
        ],
    }
    if report.batches:
        answer["batches"] = [
            {
                "feed": one.feed, "batches": one.batches, "telling": one.telling, "said": one.said,
                "came": one.came, "differing": one.differing, "examples": list(one.examples),
            }
            for one in report.batches
        ]  # fmt: skip
    if report.differences is not None:
        answer["sent"] = [
            {
                "feed": one.feed, "type": one.type or None, "sent": one.sent, "accepted": one.accepted,
                "repeats": one.repeats, "difference": one.difference,
            }
            for one in report.differences
        ]  # fmt: skip
    if report.sequences is not None:
        answer["sequences"] = [
            {
                "feed": one.feed, "sender": one.sender, "numbered": one.numbered, "missing": one.missing,
                "repeats": one.repeats, "restarts": one.restarts, "gaps": [list(gap) for gap in one.gaps],
            }
            for one in report.sequences
        ]  # fmt: skip
    return answer


def _line_as_json(line: Line) -> dict[str, object]:
    return {
        "accepted": line.accepted,
        **{fate: line.count(fate) for fate in FATES},
        "oldest_open": iso_time(line.oldest_open),
        "oldest_waiting": iso_time(line.oldest_waiting),
    }


def _copies_as_json(line: CopyLine) -> dict[str, object]:
    return {
        "day": line.day,
        "feed": line.feed,
        "type": line.type,
        "channel": line.channel,
        "practice": line.address,
        "made": line.made,
        **{state: line.count(state) for state in STATES},
        "oldest_open": iso_time(line.oldest_open),
    }
