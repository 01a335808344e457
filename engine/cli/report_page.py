"""A reconciliation as a page that a medical director can read and print: one file, nothing fetched.

No content of messages is on it. Everything that comes from outside passes through `_text`. Knows nothing of
how it was counted.
"""

from __future__ import annotations

import base64
import hashlib
from collections.abc import Iterable, Iterator, Sequence
from html import escape

from engine.cli.report_forms import BATCH_COLUMNS, example_words, gap_words
from engine.cli.report_names import NO_NAMES, Names
from engine.cli.report_words import (
    COPY_COLUMNS,
    FATE_WORDS,
    NOT_BALANCED,
    copy_cells,
    local_time,
    message_cells,
    message_columns,
    period_words,
    practice_name,
    problems_of,
)
from engine.reconciliation import CopyLine, Line, Report
from routes.review.page_style import STYLE

__all__ = ["report_page"]

MOST_PRACTICES = 1000
"""Addresses that the page lists; the CSV has all."""

_STYLE = (
    STYLE
    + """\
main { max-width: 76rem; }
.answer { border: 2px solid var(--green); border-radius: .4rem; padding: .9rem 1.2rem; margin: 0 0 1.25rem;
  background: #eef7f1; font-size: 1.1rem; break-inside: avoid; }
.answer.open { border-color: var(--amber); background: #fdf6e6; }
.answer.wrong { border-color: #a3261d; background: #fbecea; }
.answer p:last-child { margin: 0; }
.tiles { display: flex; flex-wrap: wrap; gap: .75rem; margin: 0 0 .5rem; }
.tile { flex: 1 1 8rem; border: 1px solid var(--line); border-radius: .4rem; padding: .5rem .9rem; }
.tile b { display: block; font: 600 1.9rem/1.25 Georgia, "Liberation Serif", serif;
  font-variant-numeric: tabular-nums; }
.tile.person { border-color: var(--amber); background: #fdf6e6; }
.tile span { font-size: .9rem; color: var(--soft); }
table.figures { font-size: .88rem; }
table.figures td:first-child, table.figures td:nth-child(2) { width: auto; }
table.figures th, table.figures td { padding-right: .7rem; overflow-wrap: normal; }
table.figures th { text-transform: none; letter-spacing: 0; }
table.figures th:last-child, table.figures td:last-child { padding-right: 0; }
table.figures td:first-child { white-space: nowrap; }
table.figures th.n, table.figures td.n { text-align: right; font-variant-numeric: tabular-nums; }
table.figures tr.sum td { font-weight: 600; border-top: 1px solid var(--ink); }
table.figures td.zero { color: #b3bbc2; }
table.figures td.person { color: var(--amber); font-weight: 600; }
table.figures td.when { white-space: nowrap; }
table.figures th:last-child, table.figures td.when { padding-left: .9rem; }
small { color: var(--soft); font-size: .85em; }
table.words td:first-child { width: 14rem; font-weight: 600; }
table.words td:nth-child(2) { width: 6rem; text-align: right; padding-right: 1.5rem;
  font-variant-numeric: tabular-nums; }
.scroll { overflow-x: auto; }
footer { color: var(--soft); font-size: .85rem; margin-top: 2.5rem; border-top: 1px solid var(--line);
  padding-top: .75rem; }
@media print { @page { size: A4 landscape; } .scroll { overflow: visible; }
  table.figures { font-size: .8rem; } table.figures tr.sum { break-before: avoid; } }
"""
)
_CONTROLS = {code: 0x2400 + code for code in range(32) if code not in (9, 10)} | {127: 0x2421}


def report_page(report: Report, names: Names = NO_NAMES) -> str:
    """The whole page. names: what people call the feeds and practices."""
    digest = base64.b64encode(hashlib.sha256(_STYLE.encode()).digest()).decode("ascii")
    policy = f"default-src 'none'; style-src 'sha256-{digest}'; base-uri 'none'; form-action 'none'"
    return "\n".join(
        [
            "<!doctype html>",
            '<html lang="en-GB">',
            "<head>",
            '<meta charset="utf-8">',
            f'<meta http-equiv="Content-Security-Policy" content="{policy}">',
            '<meta name="referrer" content="no-referrer">',
            '<meta name="robots" content="noindex, nofollow">',
            '<meta name="viewport" content="width=device-width, initial-scale=1">',
            f"<title>{_text(f'Deliveries of {period_words(report)}: {report.site}')}</title>",
            f"<style>{_STYLE}</style>",
            "</head>",
            "<body>",
            "<main>",
            *_head(report),
            *_answer(report),
            *_tiles(report),
            *_leftovers(report),
            *_fates(report),
            *_days(report),
            *_feeds(report, names),
            *_practices(report, names),
            *_senders(report),
            *_footer(report),
            "</main>",
            "</body>",
            "</html>",
            "",
        ]
    )


def _text(text: str) -> str:
    """Text from anywhere, as text of the page."""
    return escape(text.translate(_CONTROLS))


def _head(report: Report) -> Iterator[str]:
    yield f'<header><p class="site">{_text(report.site)}</p>'
    yield "<h1>Did every message arrive?</h1>"
    yield f'<p class="about">Messages received on {_text(period_words(report))}</p>'
    facts = [("As at", local_time(report.made, report.zone)), ("Time zone", report.zone)]
    facts += [("Feed", report.feed), ("Practice", report.practice)]
    shown = "".join(f"<div><dt>{name}</dt><dd>{_text(value)}</dd></div>" for name, value in facts if value)
    yield f'<dl class="facts">{shown}</dl></header>'


def _answer(report: Report) -> Iterator[str]:
    """The answer to the question of the title, before any figure."""
    total = report.total
    waiting, going = total.count("held", "stopped"), total.count("outstanding", "undecided")
    if not report.balances:
        yield f'<div class="answer wrong"><p><b>{NOT_BALANCED}.</b></p>'
        yield from (f"<p>{_text(words)}</p>" for words in problems_of(report))
    elif waiting or going:
        yield '<div class="answer open"><p><b>Not all of them yet.</b></p><p>'
        parts = [f"{_count(waiting, 'waits', 'wait')} for a person"] if waiting else []
        parts += (
            [f"{_count(going, 'is', 'are')} still on {'its' if going == 1 else 'their'} way"] if going else []
        )
        yield f"{_first_word(' and '.join(parts))}. Every accepted message is accounted for below.</p>"
    elif total.accepted:
        yield '<div class="answer"><p><b>Yes: nothing is outstanding.</b></p>'
        yield "<p>Every accepted message is accounted for below, and none waits for a person.</p>"
    else:
        yield '<div class="answer open"><p><b>No message came in.</b></p>'
    yield "</div>"


def _count(number: int, one: str, many: str) -> str:
    return f"1 message {one}" if number == 1 else f"{number:,} messages {many}"


def _first_word(words: str) -> str:
    return words[:1].upper() + words[1:]


def _tiles(report: Report) -> Iterator[str]:
    total = report.total
    yield '<div class="tiles">'
    yield _tile("", total.accepted, "accepted")
    yield _tile("", total.count("delivered", "acknowledged"), "delivered to everybody")
    going = total.count("outstanding", "undecided")
    yield _tile("", going, "on its way" if going == 1 else "on their way", total.oldest_open, report)
    waiting = total.count("held", "stopped")
    words = "waits for a person" if waiting == 1 else "wait for a person"
    yield _tile("person" if waiting else "", waiting, words, total.oldest_waiting, report)
    yield "</div>"


def _tile(kind: str, number: int, words: str, oldest: int = 0, report: Report | None = None) -> str:
    since = f"<br>the oldest since {local_time(oldest, report.zone)}" if oldest and report else ""
    return f'<div class="tile {kind}"><b>{number:,}</b><span>{_text(words)}{since}</span></div>'


def _leftovers(report: Report) -> Iterator[str]:
    if not report.leftovers:
        return
    yield "<section><h2>Still open from the days before</h2>"
    rows = [
        [_cell(FATE_WORDS[left.fate][0]), _number(left.count), _when(left.oldest, report)]
        for left in report.leftovers
    ]
    yield from _table(["", "messages", "the oldest since"], rows, numbers=(1,))
    yield "</section>"


def _fates(report: Report) -> Iterator[str]:
    total = report.total
    yield "<section><h2>What became of each message</h2>"
    yield '<p class="intro">Every accepted message is in exactly one line, by what needs attention most.</p>'
    yield '<table class="words"><tbody>'
    for fate in FATE_WORDS:
        name, meaning = FATE_WORDS[fate]
        if total.count(fate):
            yield f"<tr><td>{_text(name)}</td><td>{total.count(fate):,}</td><td>{_text(meaning)}</td></tr>"
    yield f"<tr><td>accepted</td><td><b>{total.accepted:,}</b></td><td>Together.</td></tr></tbody></table>"
    refused = sum(report.refused.values())
    if refused:
        yield (
            f'<p class="note">{_count(refused, "was", "were")} not accepted: what came could not be'
            " read, and the sender was told so. The bytes are kept.</p>"
        )
    yield "</section>"


def _days(report: Report) -> Iterator[str]:
    if len(report.days) > 1:
        yield "<section><h2>Day by day</h2>"
        rows = [[_cell(line.day), *_message_row(line, report)] for line in report.by_day()]
        yield from _table(
            ["Day", *message_columns(report), "oldest open"],
            rows,
            numbers=range(1, 1 + len(message_columns(report))),
            summed=report,
        )
        yield "</section>"


def _feeds(report: Report, names: Names) -> Iterator[str]:
    lines = report.by_feed_and_type()
    if not lines:
        return
    yield "<section><h2>By sending system and type of message</h2>"
    rows = [
        [_named(line.feed, names.of_feed(line.feed)), _cell(line.type), *_message_row(line, report)]
        for line in lines
    ]
    rows.append([_cell("together"), _cell(""), *_message_row(report.total, report)])
    yield from _table(
        ["Feed", "Type", *message_columns(report), "oldest open"],
        rows,
        numbers=range(2, 2 + len(message_columns(report))),
        summed=report,
    )
    yield "</section>"


def _message_row(line: Line, report: Report) -> list[str]:
    cells = [_number(number) for number in message_cells(line, report)]
    for place in (4, 5):
        cells[place] = _number(message_cells(line, report)[place], "person")
    oldest = min(filter(None, (line.oldest_open, line.oldest_waiting)), default=0)
    return [*cells, _when(oldest, report)]


def _practices(report: Report, names: Names) -> Iterator[str]:
    lines = report.by_practice()
    waiting = [line for line in lines if line.attention]
    arrived = [line for line in lines if not line.attention]
    if waiting:
        yield "<section><h2>Where not every copy has arrived</h2>"
        yield (
            '<p class="intro">Copies are counted here: a message for two practices is one message, and two'
            " copies. Ended are those that were taken back, or that a person discarded; another may have gone"
            " instead.</p>"
        )
        yield from _copy_table(waiting, report, names)
        yield "</section>"
    if arrived:
        yield f"<section><h2>Where everything has arrived ({len(arrived):,})</h2>"
        yield from _copy_table(arrived, report, names)
        yield "</section>"


def _copy_table(lines: Sequence[CopyLine], report: Report, names: Names) -> Iterator[str]:
    rows = []
    for line in lines[:MOST_PRACTICES]:
        cells = [_number(number) for number in copy_cells(line)]
        for place in (4, 5):
            cells[place] = _number(copy_cells(line)[place], "person")
        rows.append(
            [
                _named(practice_name(line), names.of_practice(line.channel, line.address)),
                _cell(line.channel),
                *cells,
                _when(line.oldest_open, report),
            ]
        )
    yield from _table(["Practice", "Channel", *COPY_COLUMNS, "oldest open"], rows, numbers=range(2, 9))
    if len(lines) > MOST_PRACTICES:
        yield f'<p class="note">{len(lines) - MOST_PRACTICES:,} more are in the CSV.</p>'


def _senders(report: Report) -> Iterator[str]:
    if report.batches:
        yield "<section><h2>What the trailers of batches say</h2>"
        rows = [
            [
                _cell(one.feed), _number(one.batches), _number(one.said), _number(one.came),
                _number(one.differing, "person"), _cell(example_words(one)),
            ]
            for one in report.batches
        ]  # fmt: skip
        yield from _table(["Feed", *BATCH_COLUMNS, "such as"], rows, numbers=range(1, 5))
        yield "</section>"
    if report.differences is not None:
        yield "<section><h2>What the sending systems say they sent</h2>"
        rows = [
            [
                _cell(one.feed), _cell(one.type or "all types"),
                _cell("not said") if one.sent is None else _number(one.sent),
                _number(one.accepted), _number(one.difference, "person", sign=True), _number(one.repeats),
            ]
            for one in report.differences
        ]  # fmt: skip
        yield from _table(
            ["Feed", "Type", "sent", "accepted", "difference", "repeats"], rows, numbers=range(2, 6)
        )
        yield "</section>"
    if report.sequences:
        yield "<section><h2>Sequence numbers of the senders (MSH-13)</h2>"
        rows = [
            [
                _cell(one.feed), _cell(one.sender), _number(one.numbered), _number(one.missing, "person"),
                _number(one.repeats, "person"), _number(one.restarts), _cell(gap_words(one)),
            ]
            for one in report.sequences
        ]  # fmt: skip
        yield from _table(
            ["Feed", "Sender", "numbered", "missing", "repeated", "began anew", "which are missing"], rows,
            numbers=range(2, 6),
        )  # fmt: skip
        yield "</section>"


def _table(
    headings: Sequence[str],
    rows: Sequence[Sequence[str]],
    *,
    numbers: Iterable[int],
    summed: Report | None = None,
) -> Iterator[str]:
    """Rows of ready cells. summed: the last row is a sum, where its first cell says so."""
    right = set(numbers)
    head = "".join(
        f'<th class="n">{_text(name)}</th>' if place in right else f"<th>{_text(name)}</th>"
        for place, name in enumerate(headings)
    )
    yield f'<div class="scroll"><table class="figures"><thead><tr>{head}</tr></thead><tbody>'
    for row in rows:
        last = summed is not None and row[0] == _cell("together")
        yield f"{'<tr class=sum>' if last else '<tr>'}{''.join(row)}</tr>"
    yield "</tbody></table></div>"


def _cell(text: str) -> str:
    return f"<td>{_text(text)}</td>"


def _named(text: str, called: str) -> str:
    """A code, with what people call it below."""
    return f"<td>{_text(text)}<br><small>{_text(called)}</small></td>" if called else _cell(text)


def _number(number: int, kind: str = "", *, sign: bool = False) -> str:
    words = f"{number:+,}" if sign and number else f"{number:,}"
    kinds = "n zero" if not number else f"n {kind}".strip()
    return f'<td class="{kinds}">{words}</td>'


def _when(moment: int, report: Report) -> str:
    return f'<td class="when">{local_time(moment, report.zone)}</td>'


def _footer(report: Report) -> Iterator[str]:
    yield (
        "<footer>Counted from Gatepost's record by gatepost report, without the content of any message."
        f" Figures of an open day change until its last message is settled: as at"
        f" {local_time(report.made, report.zone)}.</footer>"
    )
