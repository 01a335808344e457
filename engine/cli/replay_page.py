"""A replay as a page that an analyst can send to a clinician: one file, no scripts, nothing fetched.

Everything that comes from outside passes through `_text`. Knows nothing of how a replay is made.
"""

from __future__ import annotations

import base64
import hashlib
import re
from collections.abc import Iterator
from html import escape

from engine.cli.journal_view import clock_time
from engine.cli.replay_shown import Asked, config_words, skipped_words, stretch_words, told_together
from engine.replay import ConfigShown, Differing, Group, Replay
from routes.review.field_differences import FieldDifference
from routes.review.file_differences import FileChange
from routes.review.outcome_differences import Change
from routes.review.standard_names import component_name, field_name, segment_name

__all__ = ["in_words", "replay_page"]

OPEN = 5
"""Messages of each group that stand open when the page is opened; the others open with a click."""

_STYLE = """
:root { --ink: #1b2733; --soft: #5a6875; --line: #d5dce3; --then: #fbeeea; --now: #e8f4ec; --blue: #1d4f7c; }
* { box-sizing: border-box; }
body { margin: 0; background: #f2f4f7; color: var(--ink); font: 16px/1.5 "Segoe UI", "Helvetica Neue",
  Helvetica, Arial, "Liberation Sans", sans-serif; }
main { max-width: 62rem; margin: 0 auto; padding: 1.5rem; }
h1 { font-size: 1.7rem; line-height: 1.25; margin: 0 0 .25rem; }
h2 { font-size: 1.25rem; margin: 0 0 .75rem; }
h3 { font-size: 1rem; margin: 1.25rem 0 .5rem; }
p { margin: .25rem 0; }
.soft { color: var(--soft); }
.banner { background: #fff3cd; border: 2px solid #b88a00; border-radius: .4rem; padding: .75rem 1rem;
  margin: 0 0 1.25rem; }
.banner.plain { background: #e7eef5; border-color: var(--blue); }
section { background: #fff; border: 1px solid var(--line); border-radius: .5rem; padding: 1.25rem 1.5rem;
  margin: 1.25rem 0; }
.tiles { display: flex; flex-wrap: wrap; gap: .75rem; margin: 1rem 0; }
.tile { flex: 1 1 9rem; border: 1px solid var(--line); border-radius: .4rem; padding: .6rem .9rem;
  background: #fff; }
.tile b { display: block; font-size: 1.7rem; line-height: 1.2; font-variant-numeric: tabular-nums; }
.tile.differ { border-color: #b8562f; background: var(--then); }
.tile.same { background: var(--now); }
table { border-collapse: collapse; width: 100%; margin: .5rem 0; }
th, td { text-align: left; vertical-align: top; padding: .4rem .6rem; border-bottom: 1px solid var(--line);
  overflow-wrap: anywhere; }
th { font-size: .8rem; letter-spacing: .03em; color: var(--soft); font-weight: 600; }
table.fields, table.short { table-layout: fixed; }
th.place { width: 14rem; }
th.number { width: 6.5rem; text-align: right; }
td.number { text-align: right; font-variant-numeric: tabular-nums; }
td.place, td.then, td.now { font-family: ui-monospace, Consolas, monospace; font-size: .9rem;
  white-space: pre-wrap; }
td.place .name { display: block; color: var(--soft); font: .85rem/1.35 "Segoe UI", Arial, sans-serif;
  white-space: normal; }
td.then { background: var(--then); }
td.now { background: var(--now); }
.none { color: var(--soft); font-family: "Segoe UI", Helvetica, Arial, sans-serif; font-style: italic; }
details { border: 1px solid var(--line); border-radius: .4rem; margin: .6rem 0; padding: 0 .9rem; }
summary { cursor: pointer; padding: .55rem 0; font-weight: 600; }
details[open] { padding-bottom: .6rem; }
.change { margin: .6rem 0 .2rem; }
.arrow { color: var(--soft); padding: 0 .3rem; }
pre { overflow-x: auto; background: #fafbfc; border: 1px solid var(--line); border-radius: .4rem;
  padding: .5rem 0; margin: .4rem 0 1rem; font: .85rem/1.45 ui-monospace, Consolas, monospace; }
pre span { display: block; padding: 0 .75rem; white-space: pre-wrap; }
pre .gone { background: var(--then); }
pre .new { background: var(--now); }
pre .at { color: var(--soft); }
ul { margin: .25rem 0 .75rem; padding-left: 1.3rem; }
code { font-family: ui-monospace, Consolas, monospace; font-size: .92em; }
a { color: var(--blue); }
footer { color: var(--soft); font-size: .9rem; margin: 1.5rem 0 2rem; }
@media print {
  @page { margin: 15mm; }
  body { background: #fff; font-size: 10.5pt; }
  main { max-width: none; padding: 0; }
  section { border: 0; padding: 0; margin: 1rem 0; }
  h2 { border-bottom: 1px solid var(--line); }
  h2, h3, summary, .change { break-after: avoid; }
  tr, .tile, .banner, details { break-inside: avoid; }
  details::details-content { content-visibility: visible; display: block; height: auto; }
  a { color: inherit; text-decoration: none; }
  * { print-color-adjust: exact; -webkit-print-color-adjust: exact; }
}
"""

_THEN = {
    "sent": "were sent",
    "held": "were held for a person",
    "not wanted": "were not wanted by any route",
    "rejected": "were rejected",
    "sent nowhere": "were sent nowhere",
}
_NOW = {
    "sent": "would be sent",
    "held": "would wait for a person",
    "not wanted": "would not be wanted by any route",
    "rejected": "would be rejected",
    "sent nowhere": "would be sent nowhere",
}
_PATH = re.compile(r"([A-Z][A-Z0-9]{2})(?:\[\d+\])?(?:-(\d+)(?:\[\d+\])?(?:\.(\d+)(?:\.(\d+))?)?)?")
_LABELS = {"tray": "Tray", "answer": "Answer to the sender", "rule": "Rule", "warning": "Warning"}
_CONTROLS = {code: 0x2400 + code for code in range(32) if code not in (9, 10)} | {127: 0x2421}


def replay_page(asked: Asked, result: Replay) -> str:
    """The whole page."""
    digest = base64.b64encode(hashlib.sha256(_STYLE.encode()).digest()).decode("ascii")
    policy = f"default-src 'none'; style-src 'sha256-{digest}'; base-uri 'none'; form-action 'none'"
    title = f"What would change: {asked.subject}"
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
            f"<title>{_text(title)}</title>",
            f"<style>{_STYLE}</style>",
            "</head>",
            "<body>",
            "<main>",
            *_body(asked, result),
            "</main>",
            "</body>",
            "</html>",
            "",
        ]
    )


def _text(text: str) -> str:
    """Text from anywhere, as text of the page."""
    return escape(text.translate(_CONTROLS))


def _body(asked: Asked, result: Replay) -> Iterator[str]:
    yield _banner(asked)
    yield f"<h1>What would change: {_text(asked.subject)}</h1>"
    yield f'<p class="soft">Site {_text(asked.site)}; messages {_text(stretch_words(asked))}.</p>'
    yield (
        "<p>Real messages of this time were decided once more, by the files as they are now. This page says"
        " what would have become of them, and how that differs from what did. Nothing was sent.</p>"
    )
    yield from _tiles(result)
    yield from _summary(result)
    for number, group in enumerate(result.groups, 1):
        yield from _group(number, group)
    yield from _files(asked, result)
    yield from _footer(asked)


def _banner(asked: Asked) -> str:
    if asked.values:
        return (
            '<p class="banner"><strong>This page holds patient data.</strong> Send it only to those who need'
            " it for their work, by a way that is approved for patient data, and delete it when it is"
            " read.</p>"
        )
    return (
        '<p class="banner plain"><strong>Values are hidden.</strong> Where messages differ, the shape of what'
        " stands there is shown, such as “10 digits”. The page still names practices and control ids.</p>"
    )


def _tiles(result: Replay) -> Iterator[str]:
    yield '<div class="tiles">'
    yield _tile("", result.messages, "looked at")
    yield _tile("same", result.same, "treated the same")
    yield _tile("differ" if result.differ else "", result.differ, "treated differently")
    yield "</div>"
    if result.skipped:
        yield f'<p class="soft">Passed over: {_text(skipped_words(result))}.</p>'
    if result.released:
        yield (
            f'<p class="soft">{result.released:,} of them were released by a person since; what was decided'
            " first is compared.</p>"
        )
    if result.untold:
        yield f'<p class="soft">{result.untold:,} of those that differ are counted only, not listed.</p>'


def _tile(kind: str, number: int, words: str) -> str:
    return f'<div class="tile {kind}"><b>{number:,}</b>{_text(words)}</div>'


def _summary(result: Replay) -> Iterator[str]:
    yield "<section><h2>In short</h2>"
    if not result.groups:
        yield "<p>Every message would be treated as it was.</p></section>"
        return
    yield (
        '<table class="short"><thead><tr><th class="number">Messages</th><th>What would be different</th>'
        "<th>Concerns</th></tr></thead><tbody>"
    )
    for number, group in enumerate(result.groups, 1):
        details = "; ".join(f"{_called(what)} ({count:,})" for what, count in group.details.most_common(8))
        yield (
            f'<tr><td class="number">{group.count:,}</td>'
            f'<td><a href="#group-{number}">{_text(in_words(group.kind))}</a></td>'
            f"<td>{_text(details)}</td></tr>"
        )
    yield "</tbody></table></section>"


def in_words(kind: str) -> str:
    """`print_room → gp_message`, as a sentence."""
    left, arrow, right = kind.partition(" → ")
    if not arrow:
        return kind[:1].upper() + kind[1:]
    before = _THEN.get(left) or (f"were {left}" if left.startswith("held in ") else f"went to {left}")
    after = _NOW.get(right) or (
        f"would be {right}" if right.startswith("held in ") else f"would go to {right}"
    )
    before, after = (part.replace(" + ", " and ") for part in (before, after))
    return f"{before[:1].upper()}{before[1:]}; {after}"


def _files(asked: Asked, result: Replay) -> Iterator[str]:
    if not result.configs:
        return
    yield "<section><h2>What has changed in the files</h2>"
    for config in result.configs:
        yield from _config(asked, config)
    if result.differ and all(config.hash == asked.config for config in result.configs if config.differ):
        yield (
            "<p>The files are those that decided. What differs comes from the program itself, or from what a"
            " decision knew beside the message.</p>"
        )
    yield "</section>"


def _config(asked: Asked, config: ConfigShown) -> Iterator[str]:
    yield f"<p>{_text(config_words(config, asked.config))}</p>"
    for change in config.changes:
        yield from _file(change)


def _file(change: FileChange) -> Iterator[str]:
    yield f"<h3>{_text(change.kind.capitalize())} <code>{_text(change.path)}</code>: {_text(change.how)}</h3>"
    if change.rows is not None:
        yield f"<p>{_text(str(change.rows).capitalize())}.</p><ul>"
        yield from (f"<li>{_text(told)}</li>" for told in change.rows.told)
        if change.rows.changed + change.rows.added + change.rows.removed > len(change.rows.told):
            yield "<li>and more</li>"
        yield "</ul>"
    if change.lines:
        yield f"<pre>{''.join(map(_line, change.lines))}</pre>"


def _line(line: str) -> str:
    kind = {"-": "gone", "+": "new", "@": "at", "…": "at"}.get(line[:1], "")
    return f'<span class="{kind}">{_text(line) or " "}</span>'


def _group(number: int, group: Group) -> Iterator[str]:
    noun = "message" if group.count == 1 else "messages"
    yield f'<section id="group-{number}"><h2>{group.count:,} {noun}: {_text(in_words(group.kind))}</h2>'
    for place, message in enumerate(group.messages):
        yield from _message(message, is_open=place < OPEN)
    if group.count > len(group.messages):
        yield f'<p class="soft">{group.count - len(group.messages):,} more are not listed.</p>'
    yield "</section>"


def _message(message: Differing, *, is_open: bool) -> Iterator[str]:
    yield "<details open>" if is_open else "<details>"
    title = f"Message {message.id}: {message.type} {message.control_id}"
    released = "; released by a person since" if message.released else ""
    yield (
        f'<summary>{_text(title)} <span class="soft">by {_text(message.feed)},'
        f" {_text(clock_time(message.received)[:16])}{released}</span></summary>"
    )
    for change in told_together(message.difference.changes):
        yield from _change(change)
    yield "</details>"


def _change(change: Change) -> Iterator[str]:
    label = f"{_LABELS[change.what]}: " if change.what in _LABELS else "Copy "
    before = _text(change.before) if change.before else '<span class="none">none</span>'
    after = _text(change.after) if change.after else '<span class="none">none</span>'
    if change.before == change.after:
        words = f"to {after}, with other content"
    else:
        words = f'{before}<span class="arrow">→</span>{after}'
    yield f'<p class="change">{_text(label)}{words}</p>'
    if change.fields:
        yield (
            '<table class="fields"><thead><tr><th class="place">Place</th><th>Then</th><th>Now</th></tr>'
            "</thead><tbody>"
        )
        yield from map(_field, change.fields)
        yield "</tbody></table>"


def _field(place: FieldDifference) -> str:
    missing = ("no such segment", "no such segment") if place.segment else ("empty", "empty")
    before, after = (
        _text(value) if value else f'<span class="none">{word}</span>'
        for value, word in zip((place.before, place.after), missing, strict=True)
    )
    return (
        f'<tr><td class="place">{_text(place.path)}{_named(place.path)}</td><td class="then">{before}</td>'
        f'<td class="now">{after}</td></tr>'
    )


def _called(what: str) -> str:
    """A place with its name behind it, or anything else as it is."""
    name = _name(what)
    return f"{what}, {name}" if name else what


def _named(path: str) -> str:
    """What the standard calls a place, below its path: for readers who do not know HL7."""
    words = _name(path)
    return f'<span class="name">{_text(words)}</span>' if words else ""


def _name(path: str) -> str:
    """What the standard calls a place; "" where it is none, or has no name."""
    found = _PATH.fullmatch(path)
    if found is None:
        return ""
    segment, *numbers = found.groups()
    field, component, subcomponent = (int(number or 0) for number in numbers)
    if not field:
        words = segment_name(segment).noun
    else:
        inner = component_name(segment, field, component, subcomponent) if component else ""
        words = ", ".join(word for word in (field_name(segment, field), inner) if word)
    return words


def _footer(asked: Asked) -> Iterator[str]:
    who = f" by {asked.by}" if asked.by else ""
    environment = f", environment {asked.environment}" if asked.environment else ""
    yield (
        f"<footer>Run{_text(who)} on {_text(clock_time(asked.at)[:16])}, with configuration"
        f" <code>{_text(asked.config[:12])}</code>{_text(environment)}."
        " Written by gatepost replay, which delivers nothing.</footer>"
    )
