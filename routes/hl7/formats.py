"""The formats that a site file can ask for (`is valid NAME`), and what reads numbers and ranges.

Each check takes decoded text and says yes or no; an empty text is never valid. Dates and times are in
`times` and are named here as well, so that the expression language has one place to look.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from decimal import Decimal
from typing import NamedTuple

from routes.hl7.times import (
    Pattern,
    PatternError,
    When,
    WhenTrouble,
    from_microseconds,
    in_zone,
    is_datetime,
    read_date,
    read_datetime,
    read_pattern,
    read_time,
)

__all__ = [
    "FORMATS", "NO_ADDRESS", "Format", "Pattern", "PatternError", "When", "WhenTrouble", "find_format",
    "formats_for", "from_microseconds", "in_zone", "is_gp_code", "is_issued_nhs_number", "is_nhs_number",
    "is_no_address", "is_ods_code", "is_postcode", "is_practice_code", "read_date", "read_datetime",
    "read_number", "read_pattern", "read_time", "reference_range",
]  # fmt: skip

_NHS_NUMBER = re.compile(r"[0-9]{10}")
_PRACTICE = re.compile(r"[A-Z][0-9]{5}(?:[0-9]{3})?")
_GP = re.compile(r"G[0-9]{7}")
_ODS = re.compile(r"(?=[A-Z0-9]*[A-Z])[A-Z0-9]{3,10}")
_POSTCODE = re.compile(r"(?:GIR ?0AA|[A-Z]{1,2}[0-9][A-Z0-9]? ?[0-9][A-Z]{2})")
_NUMBER = re.compile(r"[+-]?(?:[0-9]+(?:\.[0-9]*)?|\.[0-9]+)")
_SIGNED = r"([+-]?(?:[0-9]+(?:\.[0-9]*)?|\.[0-9]+))"
_RANGE = re.compile(rf" *{_SIGNED} *- *{_SIGNED} *")
_BOUND = re.compile(rf" *([<>]) *{_SIGNED} *")
_WHOLE = re.compile(r"[+-]?[0-9]+")
_LONGEST_NUMBER = 40

# Codes that say that there is no practice or no GP: never an address (facts of the NHS data dictionary).
NO_ADDRESS = frozenset({"V81999", "V81998", "V81997", "X99998", "X99999", "G9999998", "G9999981"})


def is_nhs_number(text: str) -> bool:
    """Ten digits whose last is the check digit by modulus 11, and not one digit ten times over."""
    if not _NHS_NUMBER.fullmatch(text) or text == text[0] * 10:
        return False
    total = sum(int(digit) * weight for digit, weight in zip(text, range(10, 1, -1), strict=False))
    return (11 - total % 11) % 11 == int(text[9])


def is_issued_nhs_number(text: str) -> bool:
    """An NHS number that can be somebody's: those that begin with 9 are made for tests and never issued."""
    return is_nhs_number(text) and text[0] != "9"


def is_no_address(text: str) -> bool:
    """A code that stands for "no practice", "unknown" or "no GP": nothing is ever sent to it."""
    code = text.strip().upper()
    return code in NO_ADDRESS or (code[:6] in NO_ADDRESS and _PRACTICE.fullmatch(code) is not None)


def is_gp_code(text: str) -> bool:
    """A GP's national code: G and seven digits; not one that means "none" or "unknown"."""
    return _GP.fullmatch(text) is not None and text not in NO_ADDRESS


def is_practice_code(text: str) -> bool:
    """A GP practice: a letter and five digits, three more for a branch; not one that means "none"."""
    return _PRACTICE.fullmatch(text) is not None and text[:6] not in NO_ADDRESS


def is_ods_code(text: str) -> bool:
    """An organisation or site of the NHS: three to ten capitals and digits; not one that means "none"."""
    if text in NO_ADDRESS or (_PRACTICE.fullmatch(text) and text[:6] in NO_ADDRESS):
        return False
    return _ODS.fullmatch(text) is not None


def is_postcode(text: str) -> bool:
    """A postcode of the United Kingdom in capitals, with or without its space."""
    return _POSTCODE.fullmatch(text) is not None


def read_number(text: str) -> Decimal | None:
    """A number as HL7's NM: digits with an optional sign and point. `>200` and `1,000` are none; blanks
    around it are passed over, and so are leading zeros."""
    text = text.strip(" ")
    if len(text) > _LONGEST_NUMBER or not _NUMBER.fullmatch(text):
        return None
    return Decimal(text)


def reference_range(text: str) -> tuple[Decimal | None, Decimal | None]:
    """Lower and upper bound of a reference range: `a-b`, `<b`, `>a`; None for a bound that is not there."""
    if len(text) > 2 * _LONGEST_NUMBER:
        return None, None
    match = _RANGE.fullmatch(text)
    if match:
        lower, upper = Decimal(match[1]), Decimal(match[2])
        return (lower, upper) if lower <= upper else (None, None)
    match = _BOUND.fullmatch(text)
    if match:
        return (None, Decimal(match[2])) if match[1] == "<" else (Decimal(match[2]), None)
    return None, None


def _is_number(text: str) -> bool:
    """Whether `read_number` would read it."""
    text = text.strip(" ")
    return len(text) <= _LONGEST_NUMBER and _NUMBER.fullmatch(text) is not None


class Format(NamedTuple):
    """One format: the check, and what it asks for in an analyst's words."""

    check: Callable[[str], bool]
    about: str


FORMATS: Mapping[str, Format] = {
    "date": Format(lambda text: read_date(text) is not None, "a date as YYYY, YYYYMM or YYYYMMDD"),
    "datetime": Format(
        is_datetime,
        "a date or time as YYYYMMDDhhmmss, as far as it is known, with or without an offset such as +0100",
    ),
    "gnc": Format(is_gp_code, "a GP's national code: G and seven digits"),
    "nhs_number": Format(is_nhs_number, "ten digits with the right check digit, without blanks"),
    "number": Format(_is_number, "a number such as -12.5, without < or >"),
    "ods_code": Format(is_ods_code, "an organisation's code, three to ten capitals and digits"),
    "postcode": Format(is_postcode, "a postcode of the United Kingdom in capitals"),
    "practice_code": Format(
        is_practice_code, "a GP practice's code: a letter and five digits, and three more for a branch"
    ),
    "time": Format(lambda text: read_time(text) is not None, "a time as hh, hhmm or hhmmss"),
    "whole_number": Format(
        lambda text: _WHOLE.fullmatch(text) is not None, "a number without decimals such as 12"
    ),
}
"""By the name that a site file uses."""

_LIVE = {
    **FORMATS,
    "nhs_number": Format(
        is_issued_nhs_number,
        "ten digits with the right check digit, without blanks, and not one that begins with 9: those are "
        "for tests and belong to nobody",
    ),
}


_DATE = re.compile("YYYY|DD|hh")


def find_format(name: str, *, live: bool) -> Format | None:
    """A format by its name, or by a date pattern such as YYYYMMDDhhmm; None where it is neither.

    Raises PatternError for a date pattern that cannot be understood.
    """
    known = formats_for(live=live).get(name)
    if known is not None or not _DATE.search(name):
        return known
    read = read_pattern(name).read
    return Format(lambda text: read(text) is not None, f"written as {name}")


def formats_for(*, live: bool) -> Mapping[str, Format]:
    """The formats of a site: in live use a number made for tests is no NHS number."""
    return _LIVE if live else FORMATS
