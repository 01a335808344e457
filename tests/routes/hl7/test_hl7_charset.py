"""MSH-18 by table 0211 and as senders really write it; the feed's default otherwise."""

from __future__ import annotations

import pytest

from routes.hl7.charset import choose_charset, codec_of


@pytest.mark.parametrize(
    ("name", "codec"),
    [
        ("8859/1", "iso8859-1"), ("8859/15", "iso8859-15"), ("ISO 8859-2", "iso8859-2"), ("ASCII", "ascii"),
        ("UNICODE UTF-8", "utf-8"), ("UNICODE", "utf-8"), ("utf-8", "utf-8"), ("latin-1", "iso8859-1"),
        ("windows-1252", "cp1252"), ("cp1252", "cp1252"), ("ISO IR87", "iso2022_jp_ext"),
        ("ISO IR159", "iso2022_jp_ext"), ("GB 18030-2000", "gb18030"), ("KS X 1001", "euc_kr"),
        ("BIG-5", "big5"), ("UTF-16", None), ("EBCDIC", None), ("", None),
    ],
)  # fmt: skip
def test_names_lead_to_codecs(name: str, codec: str | None) -> None:
    assert codec_of(name) == codec


@pytest.mark.parametrize("default", ["ISO IR87", "GB 18030-2000", "BIG-5"])
def test_a_feeds_multi_byte_default_is_reckoned_with(default: str) -> None:
    assert not choose_charset(b"", b"~", default).transparent
    assert choose_charset(b"", b"~", "cp1252").transparent


@pytest.mark.parametrize(
    ("declared", "default", "codec", "known"),
    [
        (b"", "windows-1252", "cp1252", True),
        (b'""', "utf-8", "utf-8", True),
        (b"8859/1", "utf-8", "iso8859-1", True),
        (b"HOUSE STYLE", "8859/1", "iso8859-1", False),
        (b"ASCII~ISO IR87", "utf-8", "iso2022_jp_ext", True),
        (b"~ISO IR87", "utf-8", "iso2022_jp_ext", True),
        (b"8859/1~8859/5", "utf-8", "iso8859-1", True),
    ],
)
def test_the_message_decides_and_else_the_feed(
    declared: bytes, default: str, codec: str, known: bool
) -> None:
    chosen = choose_charset(declared, b"~", default)

    assert (chosen.codec, chosen.known) == (codec, known)
