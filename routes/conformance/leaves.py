"""The data types without components: whether a text is a number, a date, a time, a code.

Knows texts and data types, nothing of where they stand. A text here is never empty and never null.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from typing import NamedTuple

from routes.conformance.dictionary import Leaf, Table
from routes.hl7.times import read_date, read_datetime, read_time

__all__ = ["Kind", "check_of", "kind_of"]

Check = Callable[[str], object]
"""Truthy where a text is as it should be."""


class Kind(NamedTuple):
    """A data type that has a form: the rule that speaks of it, what it asks in words, and the check."""

    rule: str
    words: str
    check: Check


# The usual ways to write a date and a time, told by one expression each; the rest is asked of the calendar.
_USUAL_DAY = "[12][0-9]{3}(?:0[1-9]|1[0-2])(?:0[1-9]|1[0-9]|2[0-8])"
_USUAL_TIME = r"(?:[01][0-9]|2[0-3])[0-5][0-9](?:[0-5][0-9](?:\.[0-9]{1,4})?)?"
_OFFSET = "(?:[+-](?:0[0-9]|1[0-3])[0-5][0-9])?"
_usual_day = re.compile(_USUAL_DAY).fullmatch
_usual_moment = re.compile(f"{_USUAL_DAY}(?:{_USUAL_TIME}{_OFFSET})?").fullmatch
_usual_time = re.compile(_USUAL_TIME + _OFFSET).fullmatch
_number = re.compile(r"[+-]?(?:[0-9]+(?:\.[0-9]*)?|\.[0-9]+)").fullmatch
_set_id = re.compile(r"[0-9]+").fullmatch


def _is_date(text: str) -> object:
    return _usual_day(text) or read_date(text)


def _is_moment(text: str) -> object:
    return _usual_moment(text) or read_datetime(text)


def _is_time(text: str) -> object:
    return _usual_time(text) or read_time(text)


_KINDS = {
    "NM": Kind("number", "this must be a number: digits, at most one sign before and one point", _number),
    "SI": Kind("set-id", "this must be a sequence number: digits only", _set_id),
    "DT": Kind("date", "this must be a date: YYYY, YYYYMM or YYYYMMDD, on the calendar", _is_date),
    "TM": Kind("time", "this must be a time of day: hh, hhmm or hhmmss, with .ffff and +zzzz", _is_time),
    "DTM": Kind(
        "date-time", "this must be a date or a time: YYYY to YYYYMMDDhhmmss.ffff, with +zzzz", _is_moment
    ),
}


def kind_of(leaf: Leaf) -> Kind | None:
    """The form that a data type asks for; None where any text will do."""
    if leaf.table is not None:
        return _coded(leaf.table)
    return _KINDS.get(leaf.datatype)


def check_of(leaf: Leaf) -> Check | None:
    """The check alone, for where speed counts."""
    if leaf.table is not None:
        return leaf.table.codes.__contains__
    kind = _KINDS.get(leaf.datatype)
    return None if kind is None else kind.check


def _coded(table: Table) -> Kind:
    words = f"this must be a code of HL7 table {table.number} ({table.title})"
    return Kind("code", words, table.codes.__contains__)
