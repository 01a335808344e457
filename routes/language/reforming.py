"""Makes `reformat`: dates and times, numbers, NHS numbers and names from one way of writing to another.

Each is told by a word or an example: `date`, `DD/MM/YYYY`, `number`, `1.234,5`, `nhs_number`,
`999 999 9999`, `XPN`, `SURNAME, Forename`. Nothing is made up, and no value changes in what it says.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from typing import Literal
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

from routes.flow.changing import Step as Made
from routes.flow.coding import Convert, ConvertName, reformat_all, reformat_names
from routes.hl7.formats import Pattern, PatternError, When, in_zone, read_pattern
from routes.hl7.numerals import NumberPicture, nhs_picture, number_picture, read_nhs_number
from routes.hl7.path import CompiledPath
from routes.hl7.person_names import PARTS, NamePattern, read_name_pattern
from routes.language.nearest import nearest
from routes.language.problems import Problems
from routes.language.source import Scalar
from routes.language.steps import Reformat

__all__ = ["build_reformat"]

_Way = Literal["number", "NHS number", "name", "date"]
NULL = '""'
_WORDS = ("date", "datetime", "number", "nhs_number", "XPN", "XCN")
_COMPONENTS = {"XPN": 1, "XCN": 2}  # where the family name stands


def build_reformat(step: Reformat, path: CompiledPath, feed_zone: str, problems: Problems) -> Made | None:
    """The step, or None after a problem. `feed_zone` is the feed's `timezone:`, or ""."""
    ways = _way(step.source), _way(step.target)
    if ways[0] != ways[1]:
        told = [text for text, way in zip((step.source, step.target), ways, strict=True) if way == "date"]
        if all(_pattern(text, problems) is not None for text in told):
            problems.add(
                step.target.spot,
                f'"{step.source.value}" is how a {ways[0]} is written, and "{step.target.value}" how a '
                f"{ways[1]} is.",
                "bad-format",
            )
        return None
    if step.zone is not None and ways[0] != "date":
        problems.add(step.zone.spot, f"A {ways[0]} has no time zone; take this away.", "misplaced-key")
        return None
    if ways[0] == "name":
        return _names(step, path, problems)
    convert: Convert | None
    if ways[0] == "number":
        convert = _number(step)
    elif ways[0] == "NHS number":
        convert = _nhs_number(step)
    else:
        convert = _date(step.source, step.target, step.zone, feed_zone, problems)
    return None if convert is None else reformat_all(path, convert)


def _way(text: Scalar) -> _Way:
    """What is written in this way. What is told by no word and no example is taken for a date."""
    if text.value == "number" or number_picture(text.value) is not None:
        return "number"
    if text.value == "nhs_number" or nhs_picture(text.value) is not None:
        return "NHS number"
    if text.value in _COMPONENTS or read_name_pattern(text.value) is not None:
        return "name"
    return "date"


# --- numbers -----------------------------------------------------------------------------------------


def _number(step: Reformat) -> Convert:
    source = number_picture(step.source.value) or NumberPicture()
    target = number_picture(step.target.value) or NumberPicture()

    def convert(text: str) -> str | None:
        number = source.read(text)
        return None if number is None else target.write(number)

    return convert


def _nhs_number(step: Reformat) -> Convert:
    write = nhs_picture(step.target.value)

    def convert(text: str) -> str | None:
        digits = read_nhs_number(text)
        return digits if digits is None or write is None else write(digits)

    return convert


# --- names -------------------------------------------------------------------------------------------


def _names(step: Reformat, path: CompiledPath, problems: Problems) -> Made | None:
    if path.path.component or not (path.path.field or path.path.relative):
        problems.add(
            step.path.spot,
            "A name is reformatted in a whole field, such as PID-5: it has several components.",
            "needs-field",
        )
        return None
    source, target = step.source.value, step.target.value
    if (source in _COMPONENTS) == (target in _COMPONENTS):
        problems.add(
            step.target.spot,
            "One side says where a name stands in HL7, XPN (a person) or XCN (a doctor, with a code before "
            'the name); the other how people write it, such as "SURNAME, Forename".',
            "bad-format",
        )
        return None
    convert: ConvertName | None
    if target in _COMPONENTS:
        pattern = _name_pattern(step.source, problems)
        convert = None if pattern is None else _from_text(pattern)
        first = _COMPONENTS[target]
    else:
        pattern = _name_pattern(step.target, problems)
        convert = None if pattern is None else _to_text(pattern)
        first = _COMPONENTS[source]
    return None if convert is None else reformat_names(path, first, convert)


def _name_pattern(text: Scalar, problems: Problems) -> NamePattern | None:
    found = read_name_pattern(text.value)
    if isinstance(found, NamePattern):
        return found
    words = found or 'a name is written such as "SURNAME, Forename"'
    problems.add(text.spot, f"{words[:1].upper()}{words[1:]}.", "bad-format")
    return None


def _from_text(pattern: NamePattern) -> ConvertName:
    def convert(texts: Sequence[str]) -> Sequence[str] | None:
        if any(texts[1:]):
            return None  # it has components already, so it is not written as the pattern says
        return pattern.read(texts[0])

    return convert


def _to_text(pattern: NamePattern) -> ConvertName:
    def convert(texts: Sequence[str]) -> Sequence[str] | None:
        written = pattern.write(["" if text == NULL else text for text in texts])
        return None if written is None else (written, *[""] * (len(PARTS) - 1))

    return convert


# --- dates and times ---------------------------------------------------------------------------------


def _date(
    source: Scalar, target: Scalar, zone: Scalar | None, feed_zone: str, problems: Problems
) -> Convert | None:
    """The conversion. Precision is kept and no zone is ever guessed: an offset is added only where the
    route says whose clock it is, and a clock time that came twice or never is not converted."""
    read_as, write_as = _pattern(source, problems), _pattern(target, problems)
    where, good = _zone(zone, feed_zone, problems)
    if read_as is None or write_as is None or not good:
        return None
    if write_as.text not in ("date", "datetime") and write_as.precision > read_as.precision:
        problems.add(
            target.spot,
            f'"{target.value}" asks for more than "{source.value}" says; nothing is made up.',
            "bad-format",
        )
        return None
    read, write, to_datetime = read_as.read, write_as.write, write_as.text == "datetime"

    def convert(text: str) -> str | None:
        found: When | None = read(text)
        if found is None:
            return None
        if where is not None and found.offset is None:
            placed = in_zone(found, where)
            if not isinstance(placed, When):
                return None  # repeated or missing: which of the two is the author's decision, by `else`
            found = placed
        return write(found if to_datetime else _whole_day(found, write_as))

    return convert


def _whole_day(when: When, pattern: Pattern) -> When:
    """A time that is written as a date loses its hours, not its day."""
    if pattern.precision <= 3 and when.precision > 3:
        return replace(when, precision=3, offset=None)
    return when


def _pattern(text: Scalar, problems: Problems) -> Pattern | None:
    if not any(token in text.value for token in ("YY", "MM", "DD", "hh", "mm", "ss", "date")):
        near = nearest(text.value, _WORDS)
        meant = f' Did you mean "{near}"?' if near else ""
        problems.add(
            text.spot,
            f'"{text.value}" is no way of writing that is known here. Dates: date, datetime, DD/MM/YYYY; '
            "numbers: number, 1.234,5; NHS numbers: nhs_number, 999 999 9999; names: XPN, XCN, "
            f"SURNAME, Forename.{meant}",
            "bad-format",
            fix=near,
        )
        return None
    try:
        return read_pattern(text.value)
    except PatternError as error:
        words = str(error)
        problems.add(text.spot, f"{words[:1].upper()}{words[1:]}.", "bad-format")
        return None


def _zone(zone: Scalar | None, feed_zone: str, problems: Problems) -> tuple[ZoneInfo | None, bool]:
    if zone is None:
        return None, True
    name = feed_zone if zone.value == "feed" else zone.value
    if not name:
        problems.add(
            zone.spot,
            "A feed that takes this has no time zone; give it one in feeds.yaml: timezone: Europe/London.",
            "no-zone",
        )
        return None, False
    try:
        return ZoneInfo(name), True
    except (ZoneInfoNotFoundError, ValueError, OSError):
        problems.add(
            zone.spot,
            f'"{name}" is not a time zone; write feed, or one such as Europe/London.',
            "unknown-zone",
        )
        return None, False
