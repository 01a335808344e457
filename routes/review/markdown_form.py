"""Writes an explanation as Markdown, for repositories and wikis.

What the site's files say can hold any character, and none of it may become markup. Must not know where the
words come from.
"""

from __future__ import annotations

import re
from collections.abc import Iterator

from routes.review.document import Document, Phrase, Run, Section, Sentence, Table
from routes.review.text_form import letters

__all__ = ["write_markdown"]

_SPECIAL = re.compile(
    r"[\\`*\[\]|~]|<(?=[A-Za-z/!?])|&(?=#?[A-Za-z0-9]+;)|(?<![A-Za-z0-9])_|_(?![A-Za-z0-9])"
)
"""What would be markup; all else stays as it is, so that words can be found word for word."""
_BLANKS = re.compile(r"\s+")
_AT_FRONT = re.compile(r"^([#+\-=>]|[0-9]+[.)])")


def write_markdown(document: Document) -> str:
    """The whole explanation as one page."""
    lines = [f"# Route {_escaped(document.title)}", ""]
    if document.about:
        lines += [_front(document.about), ""]
    facts = [("Owner", document.owner), ("Site", document.site), ("Environment", document.environment)]
    facts.append(("Version", document.version[:12]))
    lines += [f"- {label}: {_escaped(text)}" for label, text in facts if text]
    for words in document.summary:
        lines += ["", _front_phrase(words)]
    for section in document.sections:
        lines += ["", *_section(section)]
    return "\n".join(lines) + "\n"


def _section(section: Section) -> Iterator[str]:
    yield f"## {_phrase(section.title)}"
    yield ""
    if section.intro:
        yield _front_phrase(section.intro)
        yield ""
    if section.table is not None:
        yield from _table(section.table)
    for sentence in section.sentences:
        yield from _sentence(sentence, "", f"{sentence.number}. " if sentence.number else "- ")
    if section.note:
        yield ""
        yield _front_phrase(section.note)


def _table(table: Table) -> Iterator[str]:
    yield "| " + " | ".join(_escaped(each) for each in table.head) + " |"
    yield "|" + "---|" * len(table.head)
    for row in table.rows:
        yield "| " + " | ".join(_phrase(cell, cell=True) for cell in row) + " |"


def _sentence(sentence: Sentence, lead: str, mark: str) -> Iterator[str]:
    yield f"{lead}{mark}{_front_phrase(sentence.words)}"
    inside = lead + " " * len(mark)
    for place, point in enumerate(sentence.points):
        yield from (
            _sentence(point, inside, f"- ({letters(place)}) ")
            if not point.points
            else _nested(point, inside, place)
        )


def _nested(point: Sentence, lead: str, place: int, depth: int = 0) -> Iterator[str]:
    """A point with points of its own, which stand two characters further in, behind its dash."""
    yield f"{lead}- ({letters(place, depth)}) {_phrase(point.words)}"
    for number, inner in enumerate(point.points):
        if inner.points:
            yield from _nested(inner, f"{lead}  ", number, depth + 1)
        else:
            yield f"{lead}  - ({letters(number, depth + 1)}) {_phrase(inner.words)}"


def _phrase(words: Phrase, *, cell: bool = False) -> str:
    return "".join(_run(run, cell=cell) for run in words)


def _front_phrase(words: Phrase) -> str:
    """A phrase at the beginning of a line, where a character may mean a list or a heading."""
    return _AT_FRONT.sub(lambda found: f"\\{found[1]}", _phrase(words))


def _front(text: str) -> str:
    return _AT_FRONT.sub(lambda found: f"\\{found[1]}", _escaped(text))


def _run(run: Run, *, cell: bool) -> str:
    if run.kind in ("plain", "owner"):
        return _escaped(run.text)
    if run.kind == "said":
        return f"“{_escaped(run.text)}”"
    text = _code(run.text, cell=cell)
    return f"**{text}**" if run.kind in ("tray", "channel", "route") else text


def _escaped(text: str) -> str:
    """A text of which no character is markup. On one line, since a break could begin a block."""
    return _SPECIAL.sub(lambda found: f"\\{found[0]}", _BLANKS.sub(" ", text))


def _code(text: str, *, cell: bool) -> str:
    """A text as code, in as many back ticks as it needs."""
    text = _BLANKS.sub(" ", text)
    longest = max((len(ticks) for ticks in re.findall("`+", text)), default=0)
    fence = "`" * (longest + 1)
    blank = " " if text.startswith("`") or text.endswith("`") else ""
    if cell:
        text = text.replace("|", "\\|")
    return f"{fence}{blank}{text}{blank}{fence}"
