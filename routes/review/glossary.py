"""What an explanation refers to: the tables, hours and patterns that its sentences name, in a table.

Must not know how a page is written.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from routes.language.files import Origin
from routes.language.source import Block, Node, Scalar
from routes.review.document import Phrase, Section, Sentence, Table, name, path, phrase, said

__all__ = ["glossary"]


def glossary(sections: Sequence[Section], origin: Origin) -> Section | None:
    """One row for each table, for hours and for patterns that are named; None where there is none."""
    rows: dict[str, tuple[Phrase, Phrase, Phrase]] = {}
    for section in sections:
        for words in _phrases(section):
            for run in words:
                if run.text in rows:
                    continue
                if run.kind == "table":
                    rows[run.text] = _table(run.text, origin)
                elif run.kind == "hours":
                    told = _hours(origin.settings.hours.get(run.text))
                    rows[run.text] = (phrase(run, " (hours)"), told, ())
                elif run.kind == "pattern":
                    told = _pattern(origin.settings.patterns.get(run.text))
                    rows[run.text] = (phrase(run, " (pattern)"), told, ())
    if not rows:
        return None
    head = ("Name", "What it is", "Who keeps it")
    return Section(
        phrase("What these sentences refer to"), table=Table(head, tuple(rows.values()), middle=True)
    )


def _phrases(section: Section) -> Iterator[Phrase]:
    if section.table is not None:
        for row in section.table.rows:
            yield from row
    for sentence in section.sentences:
        yield from _of_sentence(sentence)


def _of_sentence(sentence: Sentence) -> Iterator[Phrase]:
    yield sentence.words
    for point in sentence.points:
        yield from _of_sentence(point)


def _table(table: str, origin: Origin) -> tuple[Phrase, Phrase, Phrase]:
    shown = phrase(name(table, "table"), " (table)")
    found = origin.files.tables.get(table)
    if found is None:
        return shown, phrase("a table that only the feeds' dialects put in place"), ()
    number = sum(1 for _ in found.rows())
    what = phrase(said(found.description), " ") if found.description else phrase("")
    what = phrase(what, f"{number:,} row{'s' * (number != 1)}, looked up by ", name(found.columns[0]), ".")
    if found.follow:
        what = phrase(what, " A row that names a ", name(found.follow), " gives way to that one.")
    if found.suggest:
        what = phrase(
            what, " Nothing is sent to a row that names a ", name(found.suggest), "; a person is told."
        )
    if found.valid_from or found.valid_to:
        what = phrase(what, " Only rows valid on the day count.")
    return shown, what, phrase(name(found.owner, "owner")) if found.owner else ()


def _hours(node: Node | None) -> Phrase:
    """`monday to friday 08:00-18:30, clock of Europe/London, closed on the days of bank_holidays`."""
    if not isinstance(node, Block):
        return ()
    parts: list[Phrase] = []
    for key, value in node.entries:
        text = value.value if isinstance(value, Scalar) else ""
        if key.value == "zone":
            parts.append(phrase(f"clock of {text}"))
        elif key.value == "closed":
            parts.append(phrase("closed on the days of ", name(text, "table")))
        else:
            days = " ".join(_DAYS.get(word, word) for word in key.value.split("_"))
            parts.append(phrase(f"{days} {text}"))
    found: list[Phrase | str] = []
    for part in parts:
        found += ["; " if found else "", part]
    return phrase(*found)


_DAYS = {
    day: day.capitalize()
    for day in ("monday", "tuesday", "wednesday", "thursday", "friday", "saturday", "sunday")
}


def _pattern(node: Node | None) -> Phrase:
    return phrase("texts of the form ", path(node.value)) if isinstance(node, Scalar) else ()
