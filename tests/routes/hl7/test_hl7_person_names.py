"""Names by a pattern: read in one way only, written as asked, and never changed in their letters."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from routes.hl7.person_names import NamePattern, read_name_pattern

PATTERNS = [
    "SURNAME, Forename",
    "Surname, Forename Middle (Title)",
    "Title Forename Surname",
    "Forename; Surname",
]
FULL = "SURNAME, Forename Middle (Title)"


def pattern(text: str) -> NamePattern:
    found = read_name_pattern(text)
    assert isinstance(found, NamePattern), found
    return found


@pytest.mark.parametrize(
    ("written", "text", "parts"),
    [
        ("SURNAME, Forename", "TARRANT, Elspeth", ("TARRANT", "Elspeth", "", "", "")),
        ("SURNAME, Forename", "VAN DER BERG,Anna Maria", ("VAN DER BERG", "Anna Maria", "", "", "")),
        (FULL, "TARRANT, Elspeth", ("TARRANT", "Elspeth", "", "", "")),
        (FULL, "TARRANT, Elspeth Rose Mary (Mrs)", ("TARRANT", "Elspeth", "Rose Mary", "", "Mrs")),
        ("Title Forename Surname", "Dr Anna Berg", ("Berg", "Anna", "", "", "Dr")),
        ("Forename; Surname", "Anna Maria; Berg", ("Berg", "Anna Maria", "", "", "")),
        ("Surname Suffix, Forename", "Berg III, Anna", ("Berg", "Anna", "", "III", "")),
        ("surname", "O'Brien-Smith", ("O'Brien-Smith", "", "", "", "")),
    ],
)
def test_a_name_is_read_into_its_parts(written: str, text: str, parts: tuple[str, ...]) -> None:
    assert pattern(written).read(text) == parts


@pytest.mark.parametrize(
    ("written", "text"),
    [
        ("SURNAME, Forename", "TARRANT Elspeth"),
        ("SURNAME, Forename", "TARRANT,"),
        ("SURNAME, Forename", ", Elspeth"),
        ("SURNAME, Forename", "TARRANT, Elspeth, Mrs"),
        ("SURNAME, Forename", "TARRANT, Elspeth (Mrs)"),
        (FULL, "TARRANT, Elspeth (Mrs"),
        (FULL, "TARRANT, Elspeth ()"),
        (FULL, "TARRANT (Mrs), Elspeth"),
        ("Title Forename Surname", "Anna Berg"),
        ("Title Forename Surname", "Dr Anna Maria Berg"),
        ("Forename Surname", "Anna Maria Berg"),
        ("Surname", ""),
        ("Surname", "x" * 300),
    ],
)
def test_a_name_that_does_not_fit_or_fits_in_two_ways_is_not_read(written: str, text: str) -> None:
    assert pattern(written).read(text) is None


@pytest.mark.parametrize(
    ("written", "parts", "text"),
    [
        ("SURNAME, Forename", ("TARRANT", "Elspeth", "R", "", "Mrs"), "TARRANT, Elspeth"),
        (FULL, ("TARRANT", "Elspeth", "R", "", "Mrs"), "TARRANT, Elspeth R (Mrs)"),
        (FULL, ("TARRANT", "Elspeth", "", "", ""), "TARRANT, Elspeth"),
        ("Title Forename Surname", ("Berg", "Anna", "", "", ""), "Anna Berg"),
        ("Forename; Surname", ("van der Berg", "Anna", "", "", ""), "Anna; van der Berg"),
    ],
)
def test_a_name_is_written_with_the_parts_that_are_there(
    written: str, parts: tuple[str, ...], text: str
) -> None:
    assert pattern(written).write(parts) == text


@pytest.mark.parametrize(
    "parts", [("TARRANT", "", "", "", ""), ("", "Elspeth", "", "", ""), ("TARRANT, Q", "E", "", "", "")]
)
def test_a_name_without_what_is_asked_for_or_with_the_patterns_signs_is_not_written(
    parts: tuple[str, ...],
) -> None:
    assert pattern("SURNAME, Forename").write(parts) is None


@pytest.mark.parametrize("text", ["", "DD/MM/YYYY", "name", "Title", "XPN", "number"])
def test_a_pattern_has_a_surname_or_a_forename(text: str) -> None:
    assert read_name_pattern(text) is None


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("Surname, Vorname", '"Vorname" is not a part'),
        ("Surname, Surname", "twice"),
        ("(Title) Surname", "round brackets"),
        ("Surname, Forename ()", "round brackets"),
        ("Surname,, Forename", "one sign"),
        ("Surname,", "between two parts"),
        ("Surname, Forename, Middle", "not the same one twice"),
        ("Surname1 Forename", "one sign"),
    ],
)
def test_what_is_wrong_with_a_pattern_is_said(text: str, words: str) -> None:
    found = read_name_pattern(text)

    assert isinstance(found, str)
    assert words in found


WORDS = st.from_regex(r"[A-Za-z'-]{1,8}", fullmatch=True)


@given(WORDS, WORDS, st.lists(WORDS, max_size=2), st.one_of(st.just(""), WORDS))
def test_what_was_written_reads_as_the_same_name(
    surname: str, forename: str, middle: list[str], title: str
) -> None:
    parts = (surname, forename, " ".join(middle), "", title)
    written = pattern(FULL).write(parts)

    assert written is not None
    assert pattern(FULL).read(written) == parts


@given(st.text("Ab ,()'-;", max_size=16), st.sampled_from(PATTERNS))
def test_reading_loses_no_letter_and_adds_none(text: str, written: str) -> None:
    parts = pattern(written).read(text)

    if parts is not None:
        assert sorted(filter(str.isalpha, "".join(parts))) == sorted(filter(str.isalpha, text))
