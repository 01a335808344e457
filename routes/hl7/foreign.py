"""Paths written as other engines write them, recognised only to say how they are written here.

HAPI's Terser counts repetitions from zero in round brackets; Mirth indexes JavaScript objects; Rhapsody
separates with dots or slashes; InterSystems writes a colon and counts from one; python-hl7 writes F, R and
C. Pure text in, text out.
"""

from __future__ import annotations

import re

__all__ = ["translate"]

_SEG = r"(?P<seg>[A-Za-z][A-Za-z0-9]{2})"
_MIRTH = re.compile(
    r"\s*(?:msg|tmp)\s*(?P<keys>(?:\[[^\]]*\]|\.\w+(?!\w*\())+)\s*(?:\.toString\(\)|\.text\(\))?\s*"
)
_MIRTH_KEY = re.compile(r"\[\s*(?:['\"]?([A-Z][A-Z0-9]{2})((?:\.\d+)*)['\"]?|(\d+))\s*\]")
_TERSER = re.compile(
    rf"/?(?:[A-Za-z_*.()0-9]+/)*\.?{_SEG}(?:\((?P<occ>\d+)\))?-(?P<field>\d+)(?:\((?P<rep>\d+)\))?"
    r"(?:[-.](?P<comp>\d+))?(?:[-.](?P<sub>\d+))?"
)
_RHAPSODY = re.compile(
    rf"/?(?:[A-Za-z_0-9]+[./])*?{_SEG}[./](?P<field>\d+)(?:\[(?P<one>\d+)\])?"
    r"(?:[./](?P<comp>\d+))?(?:[./](?P<sub>\d+))?"
)
_INTERSYSTEMS = re.compile(
    rf"(?:\w+\.)?(?P<brace>\{{)?(?:\w+(?:\(1\))?\.)*{_SEG}(?:\((?P<first>\d+)\))?:(?P<field>\d+)"
    r"(?:\((?P<one>\d+)\))?(?:\.(?P<comp>\d+))?(?:\.(?P<sub>\d+))?(?(brace)\})"
)
_PYTHON_HL7 = re.compile(
    rf"{_SEG}(?P<first>\d+)?\.F(?P<field>\d+)(?:\.R(?P<one>\d+))?(?:\.C(?P<comp>\d+))?(?:\.S(?P<sub>\d+))?"
)
_CLOSE = re.compile(
    rf"{_SEG}[ _:]?-?[ _]?(?P<field>\d+)(?:\[(?P<one>\d+|\*)\])?(?:[.](?P<comp>\d+))?(?:[.](?P<sub>\d+))?"
)

_OTHERS = (
    ("python-hl7", _PYTHON_HL7),
    ("Rhapsody", _RHAPSODY),
    ("Terser", _TERSER),
    ("InterSystems", _INTERSYSTEMS),
)


def translate(text: str) -> tuple[str, str] | None:
    """Whose notation it is and how the path is written here; None where it is nobody's that we know."""
    text = text.strip()
    mirth = _MIRTH.fullmatch(text)
    if mirth:
        path = _from_mirth(mirth["keys"])
        return ("Mirth", path) if path else None
    for owner, pattern in _OTHERS:
        match = pattern.fullmatch(text)
        if match:
            return owner, _written(match.groupdict())
    close = _CLOSE.fullmatch(text)
    return ("", _written(close.groupdict())) if close else None


def _from_mirth(keys: str) -> str:
    name, numbers, occurrence, repetition = "", "", 0, 0
    for found_name, found_numbers, index in _MIRTH_KEY.findall(keys):
        if found_name:
            name, numbers = found_name, found_numbers
        elif numbers.count(".") == 1:
            repetition = int(index) + 1
        elif not numbers:
            occurrence = int(index) + 1
    parts = numbers.split(".")[1:]
    if not name:
        return ""
    text = f"{name}[{occurrence}]" if occurrence > 1 else name
    if parts:
        text += f"-{parts[0]}" + (f"[{repetition}]" if repetition > 1 else "")
    return text + "".join(f".{part}" for part in parts[1:3])


def _written(found: dict[str, str | None]) -> str:
    """The path from what was matched; `occ` and `rep` count from zero, `first` and `one` from one."""
    text = (found["seg"] or "").upper()
    occurrence = _from_zero(found.get("occ")) or found.get("first")
    if occurrence and occurrence != "1":
        text += f"[{occurrence}]"
    text += f"-{int(found['field'] or 0)}"
    repetition = _from_zero(found.get("rep")) or found.get("one")
    if repetition and repetition != "1":
        text += f"[{repetition}]"
    for part in (found["comp"], found["sub"]):
        if part:
            text += f".{int(part)}"
    return text


def _from_zero(number: str | None) -> str:
    return str(int(number) + 1) if number else ""
