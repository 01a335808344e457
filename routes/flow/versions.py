"""Which earlier message is the same one: the values that `same` names, as one digest.

Messages whose digests are equal are versions of one another: a preliminary result, the final one, its
correction. A digest tells nothing of the values, so it may be stored and compared anywhere. Which of them is
final, a message says itself, in OBR-25 and OBX-11. Knows no route.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from hashlib import sha256
from typing import Literal

from routes.hl7.message import Message
from routes.language.scope import Scope

__all__ = ["Same", "is_of_final", "of_final", "version_of"]

_EARLY = frozenset("PRSAI")  # HL7 2.5, tables 0123 and 0085: preliminary, unverified, partial, in process
_LATE = frozenset("FCWDXU")  # final, corrected, wrong, deleted, cannot be obtained, turned final

_NOTHING = ("", '""')
_FINAL = ".final"
_BYTES = 16  # of the digest: none is met twice by chance


@dataclass(frozen=True, slots=True)
class Same:
    """What an entry to earlier recipients compares: paths as its author wrote them, and how they are read."""

    paths: tuple[str, ...]
    reads: tuple[Callable[[Scope], str], ...]

    def digest(self, scope: Scope) -> str:
        """32 hexadecimal digits; "" where one of the values is absent, empty or null.

        What lacks a value is the same as nothing: else every message without a number would be a version of
        every other, and corrections would go to strangers.
        """
        values = [read(scope).strip() for read in self.reads]
        if any(value in _NOTHING for value in values):
            return ""
        digest = sha256()
        for text in (*self.paths, *values):
            data = text.encode("utf-8", "surrogatepass")
            digest.update(len(data).to_bytes(4, "big") + data)
        return digest.digest()[:_BYTES].hex()


def of_final(digest: str) -> str:
    """By which key the final versions of a report are found, where `digest` stands for all its versions."""
    return f"{digest}{_FINAL}"


def is_of_final(digest: str) -> bool:
    """Whether it is such a key."""
    return digest.endswith(_FINAL)


def version_of(message: Message) -> Literal["preliminary", "final", ""]:
    """What all statuses of a message (OBR-25, OBX-11) say; "" where they disagree, or say nothing.

    A correction, and the withdrawal of a result, count as final.
    """
    found: set[str] = set()
    for name, number in ((b"OBR", 25), (b"OBX", 11)):
        found.update([message.field(row, number).strip() for row in message.rows(name)])
    if found & _EARLY:
        return "" if found & _LATE else "preliminary"
    return "final" if found & _LATE else ""
