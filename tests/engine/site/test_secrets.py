"""Secret references are followed, and what they stand for never appears in anything shown."""

from __future__ import annotations

import contextlib
from pathlib import Path
from urllib.parse import quote

import pytest
from hypothesis import given
from hypothesis import strategies as st

from engine.site.secrets import SecretError, files_of, fill_in


def test_an_environment_variable_is_filled_in_and_masked() -> None:
    filled = fill_in("amqp://gp:${env:PASSWORD}@host/", {"PASSWORD": "tr0ut"})

    assert filled.value == "amqp://gp:tr0ut@host/"
    assert filled.shown == "amqp://gp:***@host/"


def test_a_file_is_read_without_its_line_end(tmp_path: Path) -> None:
    secret = tmp_path / "rabbit"
    secret.write_text("tr0ut\n", encoding="utf-8")

    filled = fill_in(f"${{file:{secret}}}", {})

    assert filled.value == "tr0ut"
    assert filled.shown == "***"


def test_a_secret_that_is_part_of_an_address_is_quoted_and_one_that_is_all_of_it_is_not() -> None:
    environ = {"PASSWORD": "a@/b", "URL": "amqp://x:y@host/"}

    assert fill_in("amqp://gp:${env:PASSWORD}@host/", environ, quote=lambda s: quote(s, safe="")).value == (
        "amqp://gp:a%40%2Fb@host/"
    )
    assert fill_in("${env:URL}", environ, quote=lambda s: quote(s, safe="")).value == "amqp://x:y@host/"


@pytest.mark.parametrize(
    "text",
    [
        "${env:ABSENT}",
        "${env:}",
        "${env}",
        "${vault:x}",
        "${env:OPEN",
        "${file:relative}",
        "${file:/no/such/file}",
    ],
)
def test_a_reference_that_leads_nowhere_says_where_it_stands(text: str) -> None:
    with pytest.raises(SecretError) as caught:
        fill_in(f"before {text}", {})

    assert caught.value.offset == len("before ")
    assert caught.value.length == len(text)


@given(st.text(max_size=40).filter(lambda text: "$" not in text), st.text(min_size=1, max_size=40))
def test_the_text_around_a_secret_stays_and_the_secret_is_never_shown(text: str, secret: str) -> None:
    secret = f"<{secret}>"

    filled = fill_in(f"{text}${{env:S}}", {"S": secret})

    assert filled.value == text + secret
    assert filled.shown == text + "***"


@given(st.text("${}:envfil/ S", max_size=40))
def test_no_text_makes_it_fail_otherwise(text: str) -> None:
    with contextlib.suppress(SecretError):
        assert fill_in(text, {"S": "x"}).value == text.replace("${env:S}", "x")


def test_the_files_of_a_text_are_found_and_nothing_else() -> None:
    text = "amqp://${env:NAME}:${file:/run/secrets/a}@host/${file:/run/secrets/b}"

    assert files_of(text) == (Path("/run/secrets/a"), Path("/run/secrets/b"))
    assert files_of("embedded") == ()
