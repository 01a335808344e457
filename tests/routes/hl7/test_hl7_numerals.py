"""Numbers and NHS numbers in other people's ways of writing: digit for digit, or not at all."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from routes.hl7.formats import read_number
from routes.hl7.numerals import NumberPicture, nhs_picture, number_picture, read_nhs_number

PICTURES = ["1234.5", "1234,5", "1,234.5", "1.234,5", "1 234,5", "1 234.5", "1'234.5"]


@pytest.mark.parametrize(
    ("picture", "text", "number"),
    [
        ("1.234,5", "1.234,50", "1234.50"),
        ("1.234,5", "-12.345.678", "-12345678"),
        ("1.234,5", "1234,5", "1234.5"),
        ("1.234,5", " 0,5 ", "0.5"),
        ("1.234,5", "7,", "7."),
        ("1,234.5", "+1,234.5", "+1234.5"),
        ("1234,5", "007,40", "007.40"),
        ("1 234,5", "1\u00a0234,5", "1234.5"),
        ("1 234,5", "1\u202f234", "1234"),
    ],
)
def test_a_number_is_read_digit_for_digit(picture: str, text: str, number: str) -> None:
    found = number_picture(picture)

    assert found is not None
    assert found.read(text) == number


@pytest.mark.parametrize(
    ("picture", "text"),
    [
        ("1.234,5", "12.34"), ("1.234,5", "1.2345"), ("1.234,5", "1.234.5"), ("1.234,5", "1,234.5"),
        ("1.234,5", "1234.567"), ("1234,5", "1.5"), ("1234,5", "1,2,3"), ("1234.5", "1,5"),
        ("1,234.5", "<5"), ("1,234.5", ""), ("1,234.5", ","), ("1,234.5", "-"), ("1,234.5", "1e5"),
        ("1,234.5", "12-"), ("1,234.5", "1 234"), ("1234.5", "9" * 61), ("1234.5", "\u0661"),
    ],
)  # fmt: skip
def test_what_is_not_written_so_is_no_number(picture: str, text: str) -> None:
    found = number_picture(picture)

    assert found is not None
    assert found.read(text) is None


@pytest.mark.parametrize(
    ("picture", "number", "text"),
    [
        ("1.234,5", "1234567.80", "1.234.567,80"),
        ("1,234.5", "-123456", "-123,456"),
        ("1 234,5", "999.9999", "999,9999"),
        ("1'234.5", "1000.", "1'000."),
        ("1234,5", ".5", ",5"),
    ],
)
def test_a_number_is_written_digit_for_digit(picture: str, number: str, text: str) -> None:
    found = number_picture(picture)

    assert found is not None
    assert found.write(number) == text


@pytest.mark.parametrize("text", ["1,234,5", "1.234.5", "1234", "12345", "2,345.6", "number", "", "1-234.5"])
def test_what_shows_no_way_of_writing_is_no_example(text: str) -> None:
    assert number_picture(text) is None


@given(
    st.from_regex(r"[+-]?(?:[0-9]{1,12}(?:\.[0-9]{0,6})?|\.[0-9]{1,6})", fullmatch=True),
    st.sampled_from(PICTURES),
)
def test_what_was_written_reads_as_the_very_same_number(number: str, picture: str) -> None:
    found = number_picture(picture)
    assert found is not None
    read = found.read(found.write(number))

    assert read == number
    assert read_number(read) == read_number(number)


@given(st.text("0123456789.,' -+<", max_size=12))
def test_what_is_read_is_always_a_number(text: str) -> None:
    for picture in PICTURES:
        found = number_picture(picture) or NumberPicture()
        read = found.read(text)
        assert read is None or read_number(read) is not None


@pytest.mark.parametrize(
    "text", ["9990000018", "999 000 0018", "999-000-0018", " 999\u00a0000 00 18 ", "9 9 9-0000018"]
)
def test_an_nhs_number_is_read_through_blanks_and_hyphens(text: str) -> None:
    assert read_nhs_number(text) == "9990000018"


@pytest.mark.parametrize(
    "text", ["999 000 0019", "999 000 001", "999.000.0018", "99900000180", "", "1111111111"]
)
def test_what_is_no_nhs_number_stays_none(text: str) -> None:
    assert read_nhs_number(text) is None


@pytest.mark.parametrize(
    ("picture", "written"),
    [("999 999 9999", "999 000 0018"), ("999-000-0018", "999-000-0018"), ("0000000000", "9990000018")],
)
def test_an_nhs_number_is_written_as_the_example_shows(picture: str, written: str) -> None:
    write = nhs_picture(picture)

    assert write is not None
    assert write("9990000018") == written


@pytest.mark.parametrize(
    "text", ["999 999 999", "999  999 9999", "999/999/9999", "nhs_number", " 999 999 9999"]
)
def test_an_example_of_an_nhs_number_has_ten_digits_and_single_gaps(text: str) -> None:
    assert nhs_picture(text) is None
