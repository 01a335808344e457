"""What an explanation consists of: headings, numbered sentences with their points, tables, notes.

Values only. `wording` fills them, and a writer each for plain text, Markdown and HTML turns them into a page.
A phrase keeps apart what is ours and what somebody's file says, so that each writer can show which is which;
nothing is escaped here. Must not know routes, messages or files.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Literal

__all__ = [
    "Document",
    "Kind",
    "Phrase",
    "Run",
    "Section",
    "Sentence",
    "Table",
    "capital",
    "joined",
    "name",
    "path",
    "phrase",
    "plain",
    "said",
]

Kind = Literal[
    "plain", "path", "said", "name", "tray", "channel", "table", "hours", "pattern", "route", "feed", "owner"
]  # fmt: skip


@dataclass(frozen=True, slots=True)
class Run:
    """A stretch of text.

    kind: `plain` is ours. `path` is a place in a message, as analysts write it. `said` is a text of the
    site's files, word for word. All others are names that the site gives, by what they name; `name` itself is
    an analyst's own word.
    """

    text: str
    kind: Kind = "plain"


Phrase = tuple[Run, ...]
Part = str | Run | Phrase


def phrase(*parts: Part) -> Phrase:
    """One phrase of several parts; a str is a plain part."""
    found: list[Run] = []
    for part in parts:
        for run in _runs(part):
            if found and found[-1].kind == run.kind == "plain":
                found[-1] = Run(found[-1].text + run.text)
            elif run.text:
                found.append(run)
    return tuple(found)


def _runs(part: Part) -> Phrase:
    if isinstance(part, str):
        return (Run(part),)
    return (part,) if isinstance(part, Run) else part


def name(text: str, kind: Kind = "name") -> Run:
    """A name that the site gives."""
    return Run(text, kind)


def path(text: str) -> Run:
    """A place in a message."""
    return Run(text, "path")


def said(text: str) -> Run:
    """A text of the site's files, word for word."""
    return Run(text, "said")


def plain(words: Phrase) -> str:
    """A phrase as a plain text."""
    return "".join(f"“{run.text}”" if run.kind == "said" else run.text for run in words)


def joined(items: Iterable[Part], word: str = "and") -> Phrase:
    """`a, b and c`."""
    parts = list(items)
    if len(parts) < 2:
        return phrase(*parts)
    found: list[Part] = [parts[0]]
    for part in parts[1:-1]:
        found += [", ", part]
    return phrase(*found, f" {word} ", parts[-1])


def capital(words: Phrase) -> Phrase:
    """With a capital at the front, where that is ours to write."""
    if words and words[0].kind == "plain" and words[0].text:
        first = words[0].text
        return (Run(first[0].upper() + first[1:]), *words[1:])
    return words


@dataclass(frozen=True, slots=True)
class Sentence:
    """One numbered sentence, with points below it. number 0: it has none. where: its line in the site."""

    words: Phrase
    points: tuple[Sentence, ...] = ()
    number: int = 0
    where: str = ""


@dataclass(frozen=True, slots=True)
class Table:
    """Rows of phrases under a head. follows: the places of rows that go on from the one above them.
    middle: most of the words stand in the middle column.
    """

    head: tuple[str, ...]
    rows: tuple[tuple[Phrase, ...], ...]
    follows: frozenset[int] = frozenset()
    middle: bool = False


@dataclass(frozen=True, slots=True)
class Section:
    """A heading with what stands below it: an introduction, a table, sentences, and a note at the end."""

    title: Phrase
    intro: Phrase = ()
    table: Table | None = None
    sentences: tuple[Sentence, ...] = ()
    note: Phrase = ()


@dataclass(frozen=True, slots=True)
class Document:
    """The explanation of one route.

    title: the route's name. about, owner: word for word, or "". site, version: what it was made from;
    version is the site's hash. environment: the overlay, or "".
    """

    title: str
    about: str
    owner: str
    summary: Sequence[Phrase]
    sections: tuple[Section, ...]
    site: str = ""
    version: str = ""
    environment: str = ""
