"""Delimiters and escapes: any legal set is read, and reading after writing gives the value."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from routes.hl7.separators import Separators, Unreadable, Unwritable, decode, encode, read_separators

COMMON = Separators()


@pytest.mark.parametrize(
    ("msh", "expected"),
    [
        (b"MSH|^~\\&|A", Separators()),
        (b"MSH|^~\\&", Separators()),
        (b"MSH|^~|A", Separators(escape="", subcomponent="")),
        (b"MSH|^~\\&#|A", Separators(truncation="#")),
        (b"MSH|@~\\&|A", Separators(component="@")),
        (b"MSH:;~\\&:A", Separators(field=":", component=";")),
        (b"MSH||A", Separators(component="", repetition="", escape="", subcomponent="")),
        (b"MSH|^^\\&|A", Separators(repetition="")),
        (b"MSH|^~\\&\rPID|1", Separators()),
        (b"MSH|^~\\&amp;|A", Separators()),
    ],
)
def test_every_legal_set_of_delimiters_is_read(msh: bytes, expected: Separators) -> None:
    assert read_separators(msh) == expected
    assert read_separators(msh.decode()) == expected


@pytest.mark.parametrize("msh", [b"MSH", b"MSHA^~\\&A", b"MSH \x07", b"MSH\r", b"MSH\xe9^~", b"MSH\x1b^~"])
def test_a_header_without_a_field_separator_is_unreadable(msh: bytes) -> None:
    with pytest.raises(Unreadable):
        read_separators(msh)


@pytest.mark.parametrize(
    ("text", "value"),
    [
        (r"a\F\b\S\c\T\d\R\e\E\f", "a|b^c&d~e\\f"),
        (r"\X7C\\X0D\\X0d0A\ ", "|\r\r\n "),
        (r"\XC3A9\ and \XE9\ ", "é and é "),
        (
            r"\.br\ \.sp+3\ \H\x\N\ \C2842\ \MAABBCC\ \Zx1\ ",
            r"\.br\ \.sp+3\ \H\x\N\ \C2842\ \MAABBCC\ \Zx1\ ",
        ),
        (r"C:\temp\file \Q\ \X7\ \Xzz\ 5\ ", r"C:\temp\file \Q\ \X7\ \Xzz\ 5\ "),
        (r"5\6 \T\ 7", r"5\6 & 7"),
        (r"\P\ ", r"\P\ "),
    ],
)
def test_escapes_are_decoded_or_left_standing(text: str, value: str) -> None:
    assert decode(text, COMMON) == value


def test_the_truncation_character_is_escaped_only_where_there_is_one() -> None:
    with_truncation = Separators(truncation="#")

    assert decode(r"\P\ ", with_truncation) == "# "
    assert encode("#", with_truncation) == r"\P\ ".strip()
    assert encode("#", COMMON) == "#"


def test_what_would_break_the_structure_is_escaped_on_writing() -> None:
    assert encode("a|b^c&d~e\\f\r\n\t", COMMON) == r"a\F\b\S\c\T\d\R\e\E\f\X0D\\X0A\\X09" + "\\"


def test_a_formatting_sequence_that_was_read_is_written_as_it_was() -> None:
    text = r"line one\.br\line two\H\bold\N\ \.sp+3\ \.in-2\ \C2842\ \M1A2B\ \MAABBCC\ \Zx1\ "

    assert encode(decode(text, COMMON), COMMON) == text


def test_a_formatting_sequence_is_escaped_where_it_would_hold_a_delimiter() -> None:
    dots = Separators(component=".")

    assert encode(r"\.br" + "\\", dots) == r"\E\\S\br\E" + "\\"
    assert decode(encode(r"\.br" + "\\", dots), dots) == r"\.br" + "\\"


def test_without_an_escape_character_only_harmless_values_can_be_written() -> None:
    bare = Separators(escape="", subcomponent="")

    assert encode("Wing A & B", bare) == "Wing A & B"
    for value in ("a|b", "a^b", "a~b", "a\rb"):
        with pytest.raises(Unwritable):
            encode(value, bare)


def test_errors_hold_no_content() -> None:
    with pytest.raises(Unwritable) as caught:
        encode("CANARY|X", Separators(escape=""))

    assert "CANARY" not in str(caught.value)


delimiters = st.lists(st.sampled_from("|^~\\&#@:;$%*+.-!/?"), min_size=6, max_size=6, unique=True).map(
    lambda c: Separators(*c)
)
tricky = st.text(
    st.one_of(st.sampled_from("\\.brHNXFETSRPCMZ09|^~&#+- \r\n\t"), st.characters(exclude_categories=["Cs"]))
)


@given(tricky)
def test_reading_after_writing_gives_the_value(value: str) -> None:
    text = encode(value, COMMON)

    assert decode(text, COMMON) == value
    assert not set(text) & set("|^~&\r\n")


@given(delimiters, tricky)
def test_reading_after_writing_gives_the_value_with_any_delimiters(seps: Separators, value: str) -> None:
    text = encode(value, seps)

    assert decode(text, seps) == value
    assert not set(text) & {seps.field, seps.component, seps.repetition, seps.subcomponent, "\r", "\n"}


@given(st.text())
def test_decoding_never_fails(text: str) -> None:
    decode(text, COMMON)
