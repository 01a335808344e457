"""The delimiters of one message, and its escape sequences (HL7 v2 chapter 2, delimiters and escaping).

MSH-1 and MSH-2 name the delimiters; nothing here assumes `|^~\\&`. MSH-2 may be short (`^~`: no escape
character and no sub-components), have a fifth character (truncation, from 2.7), or hold other characters.
This file knows nothing of segments, paths or files; it works on text that is already decoded.
"""

from __future__ import annotations

import dataclasses
import re
from collections.abc import Callable
from dataclasses import dataclass
from functools import lru_cache

__all__ = [
    "NEVER", "Separators", "Unreadable", "Unwritable", "decode", "edit_around", "encode",
    "read_separators",
]  # fmt: skip

NEVER = "\r"
"""Stands for an absent delimiter where text is searched: CR ends segments, so no text holds it."""


class Unreadable(Exception):
    """These bytes cannot be read as an HL7 message. The reason is a fixed sentence without content."""


class Unwritable(Exception):
    """A value cannot be written in this message. The reason is a fixed sentence without content."""


@dataclass(frozen=True, slots=True)
class Separators:
    """The delimiters of a message, one character each; "" where the message has none.

    cuts: repetition, component, subcomponent and escape for searching: never "", `NEVER` if absent.
    """

    field: str = "|"
    component: str = "^"
    repetition: str = "~"
    escape: str = "\\"
    subcomponent: str = "&"
    truncation: str = ""
    cuts: tuple[str, str, str, str] = dataclasses.field(init=False, repr=False, compare=False)

    def __post_init__(self) -> None:
        wanted = (self.repetition, self.component, self.subcomponent, self.escape)
        object.__setattr__(self, "cuts", tuple(character or NEVER for character in wanted))


def read_separators(msh: bytes | str) -> Separators:
    """The delimiters that a header segment (MSH, BHS, FHS) declares; `msh` begins with its name.

    Raises Unreadable where no field separator follows the name. Characters of MSH-2 that cannot be
    delimiters (letters, digits, blanks, the ESC of ISO 2022, repeated ones) count as absent, so that no
    character ever has two meanings; those after the fifth are ignored.
    """
    head = msh[:64].encode("latin-1", "replace") if isinstance(msh, str) else msh[:64]
    return _declared(head[3:9] if head[8:9] == head[3:4] else head[3:])


@lru_cache(maxsize=256)
def _declared(head: bytes) -> Separators:
    """From the bytes behind the segment's name; where MSH-2 has four characters, only as far as needed."""
    separator = head[:1]
    if not _may_delimit(separator):
        raise Unreadable("no field separator follows the name of the header segment")
    end = head.find(separator, 1)
    declared = head[1 : end if end >= 0 else len(head)]
    for stop in (b"\r", b"\n"):
        declared = declared.partition(stop)[0]
    return _separators(separator, declared[:5])


def _may_delimit(character: bytes) -> bool:
    return (
        len(character) == 1 and character.isascii() and not (character.isalnum() or character in b" \r\n\x1b")
    )


def _separators(separator: bytes, declared: bytes) -> Separators:
    seen = {separator}
    found: list[str] = []
    for position in range(5):
        character = declared[position : position + 1]
        if _may_delimit(character) and character not in seen:
            seen.add(character)
            found.append(character.decode("ascii"))
        else:
            found.append("")
    component, repetition, escape, subcomponent, truncation = found
    return Separators(separator.decode("ascii"), component, repetition, escape, subcomponent, truncation)


# The sequences that are not ours to interpret: highlighting (H, N), character set switches (C, M), local
# ones (Z) and the formatting commands of FT (.br, .sp, .in+4 ...). They stand in a value as they came.
_STANDING = (
    r"H|N|\.[A-Za-z]{2}[ ]?[+-]?[0-9]*|C[0-9A-Fa-f]{4}"
    r"|M[0-9A-Fa-f]{4}(?:[0-9A-Fa-f]{2})?|Z[A-Za-z0-9]*"
)


@dataclass(frozen=True, slots=True)
class _Escapes:
    """What is compiled once for a set of delimiters."""

    sequence: re.Pattern[str]  # every well-formed sequence, standing ones included
    letters: dict[str, str]  # F -> |
    special: re.Pattern[str]  # what a value may not hold as it is, and standing sequences
    written: dict[str, str]  # | -> \F\
    standing: re.Pattern[str]  # a standing sequence, as a group


@lru_cache(maxsize=256)
def _escapes(seps: Separators) -> _Escapes:
    named = {
        "F": seps.field, "S": seps.component, "T": seps.subcomponent, "R": seps.repetition,
        "E": seps.escape, "P": seps.truncation,
    }  # fmt: skip
    letters = {letter: character for letter, character in named.items() if character}
    mark = re.escape(seps.escape)
    known = "".join(letters)
    sequence = re.compile(f"{mark}(?:([{known}])|X((?:[0-9A-Fa-f]{{2}})+)|(?:{_STANDING})){mark}")
    written = {chr(code): f"{seps.escape}X{code:02X}{seps.escape}" for code in range(32)}
    written.update(
        {character: f"{seps.escape}{letter}{seps.escape}" for letter, character in letters.items()}
    )
    special = re.compile(f"{mark}(?:{_STANDING}){mark}|[{re.escape(''.join(written))}]")
    standing = re.compile(f"({mark}(?:{_STANDING}){mark})")
    return _Escapes(sequence, letters, special, written, standing)


def decode(text: str, seps: Separators, charset: str = "utf-8") -> str:
    """The value that an escaped leaf of a message means.

    F, S, T, R, E and (where the message has a truncation character) P become their delimiter; X.. becomes
    the bytes it names, read in `charset` (a codec name), or as code points where they do not fit. The
    other sequences of the standard and malformed ones stay as they are.
    """
    if not seps.escape or seps.escape not in text:
        return text
    escapes = _escapes(seps)

    def meaning(match: re.Match[str]) -> str:
        letter, digits = match.groups()
        if letter:
            return escapes.letters[letter]
        return _from_hex(digits, charset) if digits else match.group()

    return escapes.sequence.sub(meaning, text)


def edit_around(value: str, seps: Separators, edit: Callable[[str], str]) -> str:
    """A decoded value with `edit` done to its text, and not to the sequences that stand in it (`\\.br\\`)."""
    if not seps.escape or seps.escape not in value:
        return edit(value)
    texts = _escapes(seps).standing.split(value)
    return "".join(text if odd % 2 else edit(text) for odd, text in enumerate(texts))


def _from_hex(digits: str, charset: str) -> str:
    data = bytes.fromhex(digits)
    try:
        return data.decode(charset)
    except UnicodeDecodeError:
        return data.decode("latin-1")


def encode(value: str, seps: Separators) -> str:
    """`value` as a leaf of a message: delimiters, the escape character and control characters escaped.

    Well-formed sequences of the kinds that `decode` leaves standing are left standing here too, so that a
    text read with `\\.br\\` in it comes out with `\\.br\\` in it. Reading what was written always gives
    the value. Raises Unwritable where the message has no escape character and the value would need one.
    """
    return value if value.isalnum() else _writer(seps)(value)


@lru_cache(maxsize=256)
def _writer(seps: Separators) -> Callable[[str], str]:
    """What `encode` does for these delimiters."""
    if not seps.escape:
        return _bare_writer(seps)
    escapes = _escapes(seps)
    written, special = escapes.written, escapes.special
    # A delimiter such as `.` or `+` makes a formatting command unsafe to leave standing.
    unsafe = [character for character in written if character != seps.escape]

    def write(match: re.Match[str]) -> str:
        text = match.group()
        if len(text) == 1:
            return written[text]
        if any(character in text for character in unsafe):
            return "".join(written.get(character, character) for character in text)
        return text

    return lambda value: special.sub(write, value)


def _bare_writer(seps: Separators) -> Callable[[str], str]:
    """Writing where there is no escape character: only what needs none."""
    delimiters = seps.field + seps.component + seps.repetition + seps.subcomponent + seps.truncation
    needing = re.compile(f"[{re.escape(delimiters)}\r\n]")

    def write(value: str) -> str:
        if needing.search(value):
            raise Unwritable("the message has no escape character, and the value holds a delimiter")
        return value

    return write
