"""Explanations of whole routes: complete, word for word where they must be, and as they were reviewed.

To renew the golden files after a change that was meant: GATEPOST_GOLDEN=renew pytest tests/routes/review
"""

from __future__ import annotations

from html.parser import HTMLParser

import pytest

from routes.language.files import Origin
from routes.language.problems import Problem, Spot
from routes.review.document import Document, Phrase, Section, Sentence, plain
from routes.review.explaining import Label, explain_route
from routes.review.html_form import write_html
from routes.review.markdown_form import write_markdown
from routes.review.text_form import write_text
from tests.routes.review.golden_files import example_site, held_against
from tests.routes.review.whole_site import ROUTE, compiled, with_tray

FORMS = {"text": write_text, "markdown": write_markdown, "html": write_html}


@pytest.fixture(scope="module")
def example() -> Origin:
    return example_site()


@pytest.mark.parametrize("route", ["gp_results", "gp_letters", "adt_archive"])
def test_the_example_site_is_explained_as_reviewed(example: Origin, route: str) -> None:
    held_against(f"{route}.md", write_markdown(explain_route(example, route)))


def test_everything_that_the_language_has_is_explained_as_reviewed() -> None:
    held_against("everything.txt", write_text(explain_route(compiled(), "everything")))


class _Words(HTMLParser):
    """The words of a page, as a browser shows them."""

    def __init__(self) -> None:
        super().__init__()
        self.parts: list[str] = []

    def handle_data(self, data: str) -> None:
        self.parts.append(data)


def shown(form: str, document: Document) -> str:
    """What a reader sees of an explanation in one form."""
    page = FORMS[form](document)
    if form != "html":
        return page
    words = _Words()
    words.feed(page)
    return "".join(words.parts)


VERBATIM = (
    "All that the language has, in one route.",
    "interfaces@example.nhs.uk",
    "requester",
    "critical",
    "Not in production",
    "It is not as the profile says",
    "Copy-to doctor not in the directory",
    "no_practice",
    "restricted",
    "GP liaison",
    "Information governance",
    "caldicott",
    "Northern habits.",
    "Never by itself.",
    "The practices.",
    "Tidies names.",
    "Only final results",
    "own_number",
    "North, laboratory",
    "the print room, which posts",
)


@pytest.mark.parametrize("form", FORMS)
def test_what_the_files_say_to_people_appears_word_for_word(form: str) -> None:
    page = shown(form, explain_route(compiled(), "everything"))

    assert [words for words in VERBATIM if words not in page] == []


MUTATIONS = {
    "hold: odd": "hold: very_odd_tray",
    "Not in production": "Words that nobody guessed",
    "It is not as the profile says": "Another warning",
    "then: print_room": "then: duty_desk",
    "rule: bedside": "rule: at_the_bed",
    "requester": "practice_asked",
    "MSH-9.1 = 'ORU'": "MSH-9.1 = 'MDM'",
    "OBX[*]-8 in ['HH', 'LL']": "OBX[*]-8 in ['HH', 'LL', 'AA']",
    "PV1-3.10 is blank": "PV1-3.10 is empty",
    "3d": "4d",
    "wrap: 70": "wrap: 60",
    "same: [3]": "same: [3, 4]",
    "order: [NH, MR]": "order: [MR, NH]",
    "as: date": "as: YYYYMM",
    "original: alternate": "original: note",
    "line_break": "repetition",
    "national_name}": "code}",
    "style: short": "style: long",
    "writes: [PID]": "writes: [PV1]",
    "number: MSH-10": "number: ORC-3",
    "after: OBX[1]": "before: OBX[1]",
    "upper: PID-5.1": "upper: PID-5.3",
    "if_not_delivered_in": "if_not_acknowledged_in",
    "same: [MSH-4, OBR-3.1]": "same: [MSH-4]",
    "otherwise: nothing_more": "otherwise: {hold: odd}",
}


@pytest.mark.parametrize("before", MUTATIONS)
def test_no_change_to_a_route_leaves_its_explanation_as_it_was(before: str) -> None:
    changed = ROUTE.replace(before, MUTATIONS[before])
    assert changed != ROUTE

    was = write_text(explain_route(compiled(), "everything"))
    now = write_text(explain_route(compiled({"routes/everything.yaml": changed}), "everything"))

    assert now != was


def test_sentences_are_numbered_through_and_trays_refer_to_them(example: Origin) -> None:
    document = explain_route(example, "gp_results")
    numbers = [each.number for section in document.sections for each in section.sentences if each.number]
    trays = section_named(document, "What waits for a person")
    assert trays.table is not None
    by_tray = {plain(row[0]): plain(row[1]) for row in trays.table.rows}
    number = next(
        each.number
        for section in document.sections
        for each in section.sentences
        if "no_nhs_number" in plain(each.words)
    )

    assert numbers == list(range(1, len(numbers) + 1))
    assert by_tray["no_nhs_number"] == f"See sentence {number}"


def section_named(document: Document, title: str) -> Section:
    return next(section for section in document.sections if plain(section.title).startswith(title))


def test_every_place_where_a_message_can_end_stands_in_the_tables_at_the_front(example: Origin) -> None:
    document = explain_route(example, "gp_results")
    front = [section.table for section in document.sections[:2] if section.table is not None]
    in_front = {run for table in front for row in table.rows for cell in row for run in cell}
    told = {
        run
        for section in document.sections
        for each in section.sentences
        for words in phrases(each)
        for run in words
        if run.kind in ("tray", "channel")
    }

    assert len(front) == 2
    assert told - in_front == set()


def phrases(sentence: Sentence) -> list[Phrase]:
    return [sentence.words, *[words for point in sentence.points for words in phrases(point)]]


def test_a_tray_says_who_looks_at_it_and_who_may_open_it() -> None:
    from routes.language.facts import TrayFacts

    origin = compiled(settings=with_tray(TrayFacts("odd", owner="Dr O'Brien & team", open_to=("a", "b"))))
    page = shown("html", explain_route(origin, "everything"))

    assert "Dr O'Brien & team; only the role a or b may open it" in page


def test_a_route_that_gets_its_messages_from_another_says_so() -> None:
    page = write_text(explain_route(compiled(), "onward"))

    assert "Other routes pass messages to it: everything." in page
    assert "The hospital's dialect: ‘north’" in page
    assert "The senders behind lims and letters are answered when all routes have decided" in page


def test_a_word_of_the_route_is_not_taken_for_somebody_who_gives_an_address() -> None:
    page = write_text(explain_route(compiled(), "everything"))

    assert "at the address that ‘requester’ stands for" in page
    assert "at the address in its ID number (it.1)" in page


def test_a_list_that_cannot_be_read_is_told_of_any_of_its_entries() -> None:
    """`every test order is not written as …` would say that all of them are wrong."""
    page = write_text(explain_route(compiled(), "everything"))

    assert "of any result line (OBX[*]-3) is not listed in the table lab_codes" in page


def test_the_page_is_headed_with_the_version_that_is_signed() -> None:
    label = Label("three-hospitals", "0123456789abcdef" * 4, "live")
    document = explain_route(compiled(), "everything", label)

    assert "version 0123456789ab" in write_text(document)
    assert "- Environment: live" in write_markdown(document)
    assert label.version in write_html(document)


def test_what_the_check_warns_of_in_these_files_is_told() -> None:
    ours = Problem(Spot("routes/everything.yaml", 9), "This is not carried out yet.", "not-yet", "warning")
    other = Problem(Spot("routes/other.yaml", 9), "Of no concern here.", "not-yet", "warning")
    page = write_text(explain_route(compiled(), "everything", problems=[ours, other]))

    assert "This is not carried out yet." in page
    assert "Of no concern here." not in page


def test_an_explanation_is_the_same_each_time() -> None:
    assert write_html(explain_route(compiled(), "everything")) == write_html(
        explain_route(compiled(), "everything")
    )
