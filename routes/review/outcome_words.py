"""Outcomes in words: what waits where and who looks at it, what is refused, what is only noted.

Knows trays by name and owner, and those that the engine keeps itself; must not know what led to an outcome.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace

from routes.hl7.path import Path, parse_path
from routes.language.facts import TrayFacts
from routes.language.files import Origin
from routes.language.parser import parse_expression
from routes.language.source import Scalar
from routes.language.steps import NothingMore, Otherwise
from routes.language.syntax import PathRead
from routes.review.document import Phrase, joined, name, phrase, said
from routes.review.expression_words import NO_NAMES, Naming, clause, noun
from routes.review.path_words import noun_of_path

__all__ = [
    "NO_WORDS",
    "OWN_TRAYS",
    "Wording",
    "duration",
    "looked_after",
    "names_of",
    "outcome",
    "result_of",
    "waits",
]

OPERATIONS = "operations staff"
"""Who looks at a tray that has no owner."""

OWN_TRAYS: Mapping[str, str] = {
    "failed": "what failed unexpectedly, by a fault of a route or of Gatepost",
    "unreadable": "what cannot be read as HL7 at all",
    "change_failed": "messages in which a change could not be made",
    "unknown_code": "messages with a code that its table does not list",
    "unreadable_value": "messages with a date or time that is not written as expected",
    "unknown_address": "copies whose address is missing, or not in the directory",
    "conflicting_copies": "a second copy, with other content, for the same channel and address",
    "overtaken": "a preliminary result, where the final one of the same report was sent before",
    "unmatched": "replies of which nobody knows what they speak of",
    "batch_count": "the messages of a batch that holds more or fewer than it says",
}
"""The engine's own trays, and what waits in each."""


@dataclass(frozen=True, slots=True)
class Wording:
    """What a sentence depends on beside the step that it tells of.

    naming: the file's names. origin: the site; without it owners, tables and plugins are not told of.
    """

    naming: Naming = NO_NAMES
    origin: Origin | None = None

    def within(self, path: Path) -> Wording:
        """The same, where `it` is an element of a path."""
        return replace(self, naming=self.naming.within(path))

    def condition(self, text: Scalar, *, holds: bool = True) -> Phrase:
        """A condition, or its opposite, as a clause."""
        return clause(parse_expression(text.value), self.naming, holds=holds)

    def value(self, text: Scalar) -> Phrase:
        """An expression's value as a noun."""
        return noun(parse_expression(text.value), self.naming)

    def place(self, text: Scalar, which: str = "every") -> Phrase:
        """A path as a noun, or the name that stands for one."""
        if text.value in self.naming.names:
            return phrase(name(text.value))
        return noun_of_path(parse_path(text.value), self.naming.it, which)

    def path(self, text: Scalar) -> Path:
        """A path, also where a name stands for it."""
        found = self.naming.names.get(text.value)
        return found.path if isinstance(found, PathRead) else parse_path(text.value)

    def tray(self, tray: str) -> TrayFacts | None:
        """What the site says of a tray; None where it lists none of this name."""
        return None if self.origin is None else self.origin.settings.trays.get(tray)


NO_WORDS = Wording()


def names_of(names: tuple[tuple[Scalar, Scalar], ...]) -> Naming:
    """The names of one file and what they stand for."""
    return Naming({key.value: parse_expression(text.value) for key, text in names})


def outcome(taken: Otherwise | NothingMore, wording: Wording, subject: str = "the message") -> Phrase:
    """What an `else` or an `otherwise` comes to, as a clause."""
    if isinstance(taken, NothingMore):
        return phrase("nothing more is sent by this choice")
    match taken.kind:
        case "hold":
            return waits(taken.words, wording, subject)
        case "reject":
            return phrase("the message is refused, and its sender is told ", said(taken.words))
        case "warn":
            return phrase("this is noted, in the words ", said(taken.words), ", and ", subject, " goes on")


def waits(tray: str, wording: Wording, subject: str = "the message") -> Phrase:
    """`the message waits in the tray no_practice, for GP liaison`."""
    facts = wording.tray(tray)
    who: Phrase = ()
    if facts is not None and facts.owner:
        who = phrase(", for ", name(facts.owner, "owner"))
    elif wording.origin is not None:
        who = phrase(f", for the {OPERATIONS}")
    return phrase(subject, " waits in the tray ", name(tray, "tray"), who)


def looked_after(tray: str, wording: Wording) -> Phrase:
    """Who looks at a tray, and who may open it."""
    facts = wording.tray(tray)
    owner = phrase(name(facts.owner, "owner")) if facts is not None and facts.owner else phrase(OPERATIONS)
    if facts is None or not facts.open_to:
        return owner
    roles = joined([name(role) for role in facts.open_to], "or")
    return phrase(owner, "; only the role ", roles, " may open it")


def result_of(taken: Otherwise, wording: Wording) -> tuple[Phrase, Phrase]:
    """An outcome as two cells of an overview: what happens, and who or what it concerns."""
    match taken.kind:
        case "hold":
            return phrase("waits in the tray ", name(taken.words, "tray")), looked_after(taken.words, wording)
        case "reject":
            return phrase("is refused"), phrase("its sender is told ", said(taken.words))
        case "warn":
            return phrase("is not sent; this is noted only"), phrase(said(taken.words))


_UNITS = (("day", 86_400), ("hour", 3_600), ("minute", 60), ("second", 1))


def duration(microseconds: int) -> str:
    """A length of time such as `3 days` or `1 hour 30 minutes`."""
    seconds, fraction = divmod(microseconds, 1_000_000)
    parts: list[str] = []
    for unit, size in _UNITS:
        number, seconds = divmod(seconds, size)
        if number:
            parts.append(f"{number} {unit}" if number == 1 else f"{number} {unit}s")
    if fraction and not parts:
        return f"{fraction / 1_000_000:g} seconds"
    return " ".join(parts)
