"""Numbers and NHS numbers as people and other systems write them, told by an example: `1.234,5`.

A picture says how a number is written; reading and writing keep every digit and the sign, and what does
not fit the picture is no number. Knows nothing of messages or routes.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import dataclass

from routes.hl7.formats import is_nhs_number, read_number

__all__ = ["NumberPicture", "nhs_picture", "number_picture", "read_nhs_number"]

_PICTURE = re.compile(r"1(?P<group>[,. ']?)234(?P<point>[.,])5")
_NHS_PICTURE = re.compile(r"[0-9]{1,10}(?:[ -][0-9]+)*")
_BLANKS = "[ \u00a0\u202f\u2009]"  # also the narrow and the unbreakable ones, which programs put there
_LONGEST = 60


@dataclass(frozen=True, slots=True)
class NumberPicture:
    """How numbers are written. point: before the decimals. group: between thousands, or ""."""

    point: str = "."
    group: str = ""

    def read(self, text: str) -> str | None:
        """The number as HL7's NM has it, digit for digit; None where it is not written so.

        Where thousands are grouped they may also stand without; but a group has three digits.
        """
        text = text.strip(" ")
        group = _BLANKS if self.group == " " else re.escape(self.group)
        whole = rf"[0-9]{{1,3}}(?:{group}[0-9]{{3}})+|[0-9]*" if self.group else "[0-9]*"
        found = re.fullmatch(rf"([+-]?)({whole})(?:{re.escape(self.point)}([0-9]*))?", text[: _LONGEST + 1])
        if found is None or len(text) > _LONGEST:
            return None
        sign, digits, decimals = found[1], re.sub("[^0-9]", "", found[2]), found[3]
        number = f"{sign}{digits}" + (f".{decimals}" if decimals is not None else "")
        return number if read_number(number) is not None else None

    def write(self, number: str) -> str:
        """A number of HL7's NM in this way, digit for digit."""
        sign = number[:1] if number[:1] in ("+", "-") else ""
        whole, point, decimals = number[len(sign) :].partition(".")
        if self.group:
            first = len(whole) % 3
            groups = ([whole[:first]] if first else []) + [
                whole[at : at + 3] for at in range(first, len(whole), 3)
            ]
            whole = self.group.join(groups)
        return f"{sign}{whole}{self.point}{decimals}" if point else f"{sign}{whole}"


def number_picture(text: str) -> NumberPicture | None:
    """The way of writing that an example such as `1,234.5`, `1.234,5` or `1234,5` shows; None: no example."""
    found = _PICTURE.fullmatch(text)
    if found is None or found["group"] == found["point"]:
        return None
    return NumberPicture(found["point"], found["group"])


def read_nhs_number(text: str) -> str | None:
    """The ten digits of an NHS number that is written with or without blanks and hyphens; None where they
    are not ten, or the check digit is wrong."""
    digits = re.sub(rf"{_BLANKS}|-", "", text[:_LONGEST])
    return digits if is_nhs_number(digits) else None


def nhs_picture(text: str) -> Callable[[str], str] | None:
    """Writes ten digits as the example does that shows blanks or hyphens, such as `999 999 9999`."""
    if not _NHS_PICTURE.fullmatch(text) or sum(character.isdigit() for character in text) != len(
        "9990000018"
    ):
        return None
    places = [number for number, character in enumerate(text) if character.isdigit()]

    def write(digits: str) -> str:
        written = list(text)
        for place, digit in zip(places, digits, strict=True):
            written[place] = digit
        return "".join(written)

    return write
