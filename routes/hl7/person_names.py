"""People's names as HL7 writes them (XPN, XCN) and as people do, told by a pattern: `SURNAME, Forename`.

A pattern is made of the words Surname, Forename, Middle, Suffix and Title with what stands between them. A
name that does not fit it, or that fits in more than one way, is not read. Letters are never changed.
Knows nothing of messages or routes.
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from itertools import pairwise

__all__ = ["PARTS", "NamePattern", "read_name_pattern"]

PARTS: Mapping[str, int] = {"surname": 0, "forename": 1, "middle": 2, "suffix": 3, "title": 4}
"""The parts of a name, by the order in which XPN has them (family, given, further, suffix, prefix)."""

_WORD = re.compile(r"[A-Za-z]+")
_LONGEST = 250


@dataclass(frozen=True, slots=True)
class _Stretch:
    """Words of a pattern with blanks between them, and the sign that ends them: `Forename Middle (`.

    optional: it stands in round brackets, and may be absent with them.
    """

    words: tuple[str, ...]
    optional: bool = False


@dataclass(frozen=True, slots=True)
class NamePattern:
    """How names are written. Made by `read_name_pattern`."""

    stretches: tuple[_Stretch, ...]
    between: tuple[str, ...]  # the signs between two stretches; one less than there are

    def read(self, text: str) -> tuple[str, ...] | None:
        """Family, given, further names, suffix and prefix, "" for what is absent; None: not written so."""
        if len(text) > _LONGEST:
            return None
        parts = [""] * len(PARTS)
        rest = text.strip()
        bracket = self.stretches[-1]
        if bracket.optional:
            rest, inner = _without_bracket(rest)
            if inner is None or (inner and not _fill(parts, bracket.words, inner)):
                return None
        plain = [stretch for stretch in self.stretches if not stretch.optional]
        pieces = self._cut(rest, len(plain))
        if pieces is None:
            return None
        if not all(_fill(parts, s.words, piece) for s, piece in zip(plain, pieces, strict=True)):
            return None
        return tuple(parts)

    def _cut(self, text: str, count: int) -> Sequence[str] | None:
        """The text at the signs between stretches; None where they are missing, or stand there again."""
        pieces: list[str] = []
        for sign in self.between[: count - 1]:
            head, found, text = text.partition(sign)
            if not found:
                return None
            pieces.append(head.strip())
        pieces.append(text.strip())
        signs = set(self.between[: count - 1]) | {"(", ")"}
        return None if any(sign in piece for sign in signs for piece in pieces) else pieces

    def write(self, parts: Sequence[str]) -> str | None:
        """The name in this way; None where its surname or forename is asked for and absent, or where a part
        holds a sign of the pattern."""
        texts: list[str] = []
        for stretch in self.stretches:
            values = [parts[PARTS[word]] for word in stretch.words]
            for word, value in zip(stretch.words, values, strict=True):
                if not value and word in ("surname", "forename"):
                    return None
                if any(sign in value for sign in (*self.between, "(", ")")):
                    return None
            text = " ".join(value for value in values if value)
            texts.append(f"({text})" if stretch.optional and text else text)
        written = texts[0]
        for text, sign in zip(texts[1:], (*self.between, " "), strict=False):
            gap = "" if sign == " " else sign
            written += f"{gap} {text}" if text else gap
        return written


def _without_bracket(text: str) -> tuple[str, str | None]:
    """The text without `(…)` at its end, and what stood in it; None where brackets stand otherwise."""
    if "(" not in text and ")" not in text:
        return text, ""
    head, _, inner = text.partition("(")
    if not inner.endswith(")") or "(" in inner or ")" in inner[:-1] or ")" in head or not inner[:-1].strip():
        return text, None
    return head.strip(), inner[:-1].strip()


def _fill(parts: list[str], words: Sequence[str], text: str) -> bool:
    """One word of the text for each word of the stretch; a word alone takes all, and Middle what is left,
    which may be nothing. False where that does not come out even."""
    values = text.split()
    if not values:
        return list(words) == ["middle"]
    if len(words) == 1:
        parts[PARTS[words[0]]] = " ".join(values)
        return True
    spare = len(values) - len(words) + (1 if "middle" in words else 0)
    if spare < 0 or (spare and "middle" not in words):
        return False
    for word in words:
        count = spare if word == "middle" else 1
        parts[PARTS[word]] = " ".join(values[:count])
        values = values[count:]
    return True


def read_name_pattern(text: str) -> NamePattern | str | None:
    """The pattern; a sentence that says what is wrong with it; None where it is none at all."""
    words = [word.lower() for word in _WORD.findall(text)]
    if not words or not any(word in ("surname", "forename") for word in words):
        return None
    odd = next((word for word in _WORD.findall(text) if word.lower() not in PARTS), "")
    if odd:
        return f'"{odd}" is not a part of a name; there are Surname, Forename, Middle, Suffix and Title'
    if len(set(words)) < len(words):
        return "a part of the name stands in the pattern twice"
    bare, bracket = _without_bracket(text.strip())
    if bracket is None:
        return "round brackets stand at the end of a pattern, once"
    stretches, signs = [], []
    for piece in re.split(r"([^A-Za-z ]+)", bare):
        if re.fullmatch(r"[A-Za-z ]+", piece):
            stretches.append(_Stretch(tuple(word.lower() for word in piece.split())))
        else:
            signs.append(piece)
    if len(signs) != len(stretches) - 1 or any(not stretch.words for stretch in stretches):
        return (
            "a sign such as the comma stands between two parts of a name, with nothing but blanks around it"
        )
    if any(len(sign) != 1 or sign.isalnum() for sign in signs) or any(
        one == other for one, other in pairwise(signs)
    ):
        return "between two parts of a name stands one sign, such as a comma, and not the same one twice"
    if bracket:
        stretches.append(_Stretch(tuple(word.lower() for word in bracket.split()), optional=True))
    return NamePattern(tuple(stretches), tuple(signs))
