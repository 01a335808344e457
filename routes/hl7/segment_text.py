"""A segment's text and its fields: how one becomes the other, and what may not stand in them.

Fields count as the standard counts them: a header's field 1 is the separator itself. Knows no message, no
source bytes, and no repetitions or escapes.
"""

from __future__ import annotations

from collections.abc import Sequence

from routes.hl7.separators import Unwritable

__all__ = ["HEADERS", "check_field", "fields_of", "joined"]

HEADERS = (b"MSH", b"FHS", b"BHS")
"""The segments that carry delimiters in their first two fields."""
_HEADER_NAMES = tuple(name.decode() for name in HEADERS)


def joined(row: Sequence[str | None], separator: str) -> str:
    """A segment's text from its fields; the separator that is a header's field 1 stands once."""
    texts = [text or "" for text in row]
    if len(texts) > 1 and texts[0] in _HEADER_NAMES:
        return texts[0] + texts[1] + separator.join(texts[2:])
    return separator.join(texts)


def fields_of(text: str, separator: str, codec: str, *, lf_ends: bool) -> list[str | None]:
    """The fields of a whole segment that is to be written, its name first.

    lf_ends: whether LF ends a segment as CR does. Raises Unwritable without a name of three characters,
    with a segment end inside, and where the message's character set lacks a character.
    """
    _check_ends(text, lf_ends=lf_ends)
    if not (text[:3].isalnum() and text[:3].isascii() and len(text[:3]) == 3):
        raise Unwritable("a segment begins with a name of three letters or digits")
    if text[3:4] not in ("", separator):
        raise Unwritable("a field separator follows the name of a segment")
    _check_charset(text, codec)
    row: list[str | None] = [*text.split(separator)]
    if text[:3] in _HEADER_NAMES:
        row.insert(1, separator)
    return row


def check_field(text: str, separator: str, codec: str, *, lf_ends: bool) -> None:
    """Raises Unwritable where this cannot be the text of a field as it stands."""
    if separator in text:
        raise Unwritable("a field cannot hold a field separator as it stands")
    _check_ends(text, lf_ends=lf_ends)
    _check_charset(text, codec)


def _check_ends(text: str, *, lf_ends: bool) -> None:
    if "\r" in text or (lf_ends and "\n" in text):
        raise Unwritable("a segment end cannot stand inside a segment")


def _check_charset(text: str, codec: str) -> None:
    if not text.isascii():
        try:
            text.encode(codec, "surrogateescape")
        except UnicodeEncodeError:
            raise Unwritable("the message's character set lacks a character of the value") from None
