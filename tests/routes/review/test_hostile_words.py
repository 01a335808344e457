"""What the site's files say can hold any character: none of it becomes markup, or steers a terminal."""

from __future__ import annotations

import re
from html.parser import HTMLParser

import pytest
from hypothesis import given
from hypothesis import strategies as st

from routes.language.facts import TrayFacts
from routes.review.document import Document, Section, Sentence, Table, name, phrase, said
from routes.review.explaining import explain_route
from routes.review.html_form import write_html
from routes.review.markdown_form import write_markdown
from routes.review.text_form import write_text
from tests.routes.review.whole_site import ROUTE, compiled, with_tray

HOSTILE = "<script>alert(1)</script> | `x` **bold** [a](javascript:b) <img src=x onerror=y> &amp;"


class _Tags(HTMLParser):
    def __init__(self) -> None:
        super().__init__(convert_charrefs=True)
        self.tags: set[str] = set()
        self.open: list[str] = []
        self.text: list[str] = []

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.add(tag)
        if tag != "meta":
            self.open.append(tag)

    def handle_endtag(self, tag: str) -> None:
        assert self.open.pop() == tag

    def handle_data(self, data: str) -> None:
        self.text.append(data)


def read(page: str) -> _Tags:
    tags = _Tags()
    tags.feed(page)
    assert tags.open == []
    return tags


def explained(words: str) -> Document:
    """The whole site with the words in an about, an owner and an else."""
    quoted = '"' + words.replace("\\", "\\\\").replace('"', '\\"') + '"'
    route = ROUTE.replace('"Not in production"', quoted).replace(
        "All that the language has, in one route.", quoted
    )
    origin = compiled({"routes/everything.yaml": route}, with_tray(TrayFacts("odd", owner=words)))
    return explain_route(origin, "everything")


def test_hostile_words_stay_words_in_html() -> None:
    calm = read(write_html(explained("calm")))
    hostile = read(write_html(explained(HOSTILE)))

    assert hostile.tags == calm.tags
    assert "script" not in hostile.tags
    assert HOSTILE in "".join(hostile.text)


def test_hostile_words_stay_words_in_markdown() -> None:
    page = write_markdown(explained(HOSTILE))
    without_code = re.sub(r"(`+).+?\1", "", re.sub(r"\\.", "", page))

    assert "<" not in without_code
    assert "[a]" not in without_code
    rows = [line for line in page.splitlines() if line.startswith("|")]
    assert {len(re.findall(r"(?<!\\)\|", row)) for row in rows} == {4}


def test_a_terminal_is_never_steered() -> None:
    document = Document(
        "r",
        "\x1b[2Jgone",
        "o\x07",
        (),
        (Section(phrase("t"), sentences=(Sentence(phrase(said("\x9b31m"))),)),),
    )

    assert not re.search(r"[\x00-\x09\x0b-\x1f\x7f-\x9f]", write_text(document))


anything = st.text(max_size=40)


@given(anything)
def test_any_text_is_well_formed_html_and_shows_itself(text: str) -> None:
    table = Table(("Head",), ((phrase(said(text)),),))
    section = Section(phrase(name(text)), phrase(said(text)), table, (Sentence(phrase(said(text))),))
    tags = read(write_html(Document(text, text, text, (), (section,))))
    visible = "".join(char if char.isprintable() or char == "\n" else " " for char in text)

    assert visible in "".join(tags.text).replace("\r", "\n")


@given(anything)
@pytest.mark.parametrize("kind", ["said", "name", "tray"])
def test_any_text_in_a_markdown_table_stays_in_its_cell(kind: str, text: str) -> None:
    cell = phrase(said(text) if kind == "said" else name(text, "tray" if kind == "tray" else "name"))
    page = write_markdown(
        Document("r", "", "", (), (Section(phrase("t"), table=Table(("A", "B"), ((cell, cell),))),))
    )
    last = page.rstrip("\n").splitlines()[-1]

    assert len(re.findall(r"(?<!\\)(?:\\\\)*\|", last)) == 3
