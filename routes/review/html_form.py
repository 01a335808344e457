"""Writes an explanation as one HTML page: to be read on a screen, printed and signed.

One file with its own style, no script, nothing fetched. What the site's files say can hold any character and
is always escaped. Must not know where the words come from.
"""

from __future__ import annotations

from collections.abc import Iterator
from html import escape

from routes.review.document import Document, Phrase, Run, Section, Sentence, Table
from routes.review.page_style import STYLE
from routes.review.text_form import letters

__all__ = ["write_html"]

SIGNATURES = ("Clinical lead", "Route owner", "Information governance")
"""Who signs; the last line is left open."""


def write_html(document: Document, picture: str = "") -> str:
    """The whole explanation as one page. picture: an SVG of the route, or ""."""
    title = escape(f"Route {document.title}")
    body = "\n".join([*_head(document), *_picture(picture), *_sections(document), *_signatures(document)])
    return (
        '<!DOCTYPE html>\n<html lang="en-GB">\n<head>\n<meta charset="utf-8">\n'
        '<meta name="viewport" content="width=device-width, initial-scale=1">\n'
        f"<title>{title}</title>\n<style>\n{STYLE}</style>\n</head>\n<body>\n<main>\n{body}\n</main>\n</body>\n</html>\n"
    )


def _head(document: Document) -> Iterator[str]:
    yield "<header>"
    yield f'<p class="site">{escape(document.site or "Gatepost")}</p>'
    yield f'<h1><span class="kind">Route</span> {_text(document.title)}</h1>'
    if document.about:
        yield f'<p class="about">{_text(document.about)}</p>'
    facts = [
        ("Owner", document.owner),
        ("Environment", document.environment),
        ("Version", document.version[:12]),
    ]
    shown = "".join(f"<div><dt>{label}</dt><dd>{_text(text)}</dd></div>" for label, text in facts if text)
    yield f'<dl class="facts">{shown}</dl>'
    yield "</header>"
    yield '<div class="summary">'
    for words in document.summary:
        yield f"<p>{_phrase(words)}</p>"
    yield "</div>"


def _picture(picture: str) -> Iterator[str]:
    if picture:
        yield f'<figure class="picture">{picture}</figure>'


def _sections(document: Document) -> Iterator[str]:
    for section in document.sections:
        yield "<section>"
        yield f"<h2>{_phrase(section.title)}</h2>"
        if section.intro:
            yield f'<p class="intro">{_phrase(section.intro)}</p>'
        if section.table is not None:
            yield from _table(section.table)
        if section.sentences:
            yield from _sentences(section)
        if section.note:
            yield f'<p class="note">{_phrase(section.note)}</p>'
        yield "</section>"


def _table(table: Table) -> Iterator[str]:
    yield '<table class="middle">' if table.middle else "<table>"
    yield "<thead><tr>" + "".join(f"<th>{escape(each)}</th>" for each in table.head) + "</tr></thead>"
    yield "<tbody>"
    for place, row in enumerate(table.rows):
        yield (
            ('<tr class="follows">' if place in table.follows else "<tr>")
            + "".join(f"<td>{_phrase(cell)}</td>" for cell in row)
            + "</tr>"
        )
    yield "</tbody></table>"


def _sentences(section: Section) -> Iterator[str]:
    yield '<div class="sentences">'
    for sentence in section.sentences:
        number = str(sentence.number) if sentence.number else "–"
        where = f'<span class="where">{_text(_line(sentence))}</span>' if sentence.where else ""
        yield f'<div class="sentence"><span class="number">{number}</span><div>'
        yield f"<p>{_phrase(sentence.words)}{where}</p>"
        yield from _points(sentence.points)
        yield "</div></div>"
    yield "</div>"


def _line(sentence: Sentence) -> str:
    """`gp_results.yaml:24`: where an analyst finds it."""
    return sentence.where.rsplit("/", 1)[-1]


def _points(points: tuple[Sentence, ...], depth: int = 0) -> Iterator[str]:
    if not points:
        return
    yield '<div class="points">'
    for place, point in enumerate(points):
        yield f'<div class="point"><span class="letter">{letters(place, depth)}</span><div>'
        yield f"<p>{_phrase(point.words)}</p>"
        yield from _points(point.points, depth + 1)
        yield "</div></div>"
    yield "</div>"


def _signatures(document: Document) -> Iterator[str]:
    version = f" of version {escape(document.version[:12])}" if document.version else ""
    yield '<section class="signatures">'
    yield "<h2>Signatures</h2>"
    yield f"<p>I have read sentences 1 to {_last(document)}{version}. This is what we want.</p>"
    yield "<table><thead><tr><th>Name</th><th>Role</th><th>Date</th><th>Signature</th></tr></thead><tbody>"
    for role in (*SIGNATURES, ""):
        yield f"<tr><td></td><td>{role}</td><td></td><td></td></tr>"
    yield "</tbody></table>"
    if document.version:
        yield f'<p class="version">Site {_text(document.site)}, version {escape(document.version)}</p>'
    yield "</section>"


def _last(document: Document) -> int:
    return max((each.number for section in document.sections for each in section.sentences), default=0)


def _phrase(words: Phrase) -> str:
    return "".join(_run(run) for run in words)


def _run(run: Run) -> str:
    text = _text(run.text)
    match run.kind:
        case "plain":
            return text
        case "said":
            return f"“<q>{text}</q>”"
        case "path":
            return f"<code>{text}</code>"
        case "owner":
            return f"<b>{text}</b>"
        case _:
            return f'<span class="{run.kind}">{text}</span>'


def _text(text: str) -> str:
    """Text between tags; control characters have no place in a page."""
    return escape("".join(char if char.isprintable() or char == "\n" else " " for char in text), quote=False)
