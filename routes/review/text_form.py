"""Writes an explanation as plain text, for terminals.

Lines are as long as their sentences, unless a width is asked for. Must not know where the words come from.
"""

from __future__ import annotations

import textwrap
from collections.abc import Iterator
from dataclasses import replace

from routes.review.document import Document, Phrase, Section, Sentence, Table, plain

__all__ = ["write_text"]


def write_text(document: Document, width: int = 0) -> str:
    """The whole explanation. width: columns to break lines at, or 0 for none."""
    lines = [f"Route {document.title}", "=" * (6 + len(document.title)), ""]
    if document.about:
        lines += [*_wrapped(document.about, width), ""]
    lines += [
        line for line in (_line("Owner: ", document.owner), _line("Site: ", _version(document))) if line
    ]
    for words in document.summary:
        lines += ["", *_wrapped(_plain(words), width)]
    for section in document.sections:
        lines += ["", "", *_section(section, width)]
    return "\n".join(_shown(line) for line in lines) + "\n"


def _plain(words: Phrase) -> str:
    """A phrase with an analyst's own words in quotes: else the word `practice` would read as a practice."""
    return plain(tuple(replace(run, text=f"‘{run.text}’") if run.kind == "name" else run for run in words))


def _line(label: str, text: str) -> str:
    return f"{label}{text}" if text else ""


def _version(document: Document) -> str:
    environment = f", environment {document.environment}" if document.environment else ""
    version = f", version {document.version[:12]}" if document.version else ""
    return f"{document.site}{environment}{version}" if document.site else ""


def _section(section: Section, width: int) -> Iterator[str]:
    title = _plain(section.title)
    yield title
    yield "-" * len(title)
    yield ""
    if section.intro:
        yield from _wrapped(_plain(section.intro), width)
        yield ""
    if section.table is not None:
        yield from _table(section.table, width)
    for sentence in section.sentences:
        yield from _sentence(sentence, width)
    if section.note:
        yield ""
        yield from _wrapped(_plain(section.note), width)


def _table(table: Table, width: int) -> Iterator[str]:
    """Each row as a line, with what belongs to it indented below: cells are too long to stand in columns."""
    for place, (first, *others) in enumerate(table.rows):
        lead = "    " if place in table.follows else ""
        yield from _hanging(lead, _plain(first), width)
        told = " – ".join(_plain(cell) for cell in others if cell)
        yield from _hanging(f"{lead}    → ", told, width)


def _sentence(
    sentence: Sentence, width: int, lead: str = "", mark: str = "", depth: int = 0
) -> Iterator[str]:
    mark = mark or (f"{sentence.number:>3}. " if sentence.number else "  –  ")
    yield from _hanging(f"{lead}{mark}", _plain(sentence.words), width)
    for place, point in enumerate(sentence.points):
        yield from _sentence(point, width, f"{lead}     ", f"{letters(place, depth)}) ", depth + 1)


def letters(place: int, depth: int = 0) -> str:
    """a, b, … z, aa, ab: the mark of a point; i, ii, iii that of a point's own points, and so in turn."""
    if depth % 2:
        return _roman(place + 1)
    found = ""
    place += 1
    while place:
        place, rest = divmod(place - 1, 26)
        found = chr(ord("a") + rest) + found
    return found


_ROMAN = ((100, "c"), (90, "xc"), (50, "l"), (40, "xl"), (10, "x"), (9, "ix"), (5, "v"), (4, "iv"), (1, "i"))


def _roman(number: int) -> str:
    found = ""
    for value, sign in _ROMAN:
        times, number = divmod(number, value)
        found += sign * times
    return found


def _hanging(mark: str, text: str, width: int) -> Iterator[str]:
    """A text behind its mark, with further lines as far to the right."""
    if not width:
        yield f"{mark}{text}"
        return
    blank = " " * len(mark)
    yield from textwrap.wrap(
        text,
        max(width, len(mark) + 20),
        initial_indent=mark,
        subsequent_indent=blank,
        break_on_hyphens=False,
        break_long_words=False,
    )


def _wrapped(text: str, width: int) -> Iterator[str]:
    yield from _hanging("", text, width)


def _shown(line: str) -> str:
    """Without control characters: what a file holds must not steer a terminal."""
    return "".join(char if char.isprintable() else " " for char in line).rstrip()
