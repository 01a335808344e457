"""A profile in words: for each constraint one sentence. Must not know how constraints are asked."""

from __future__ import annotations

from routes.hl7.path import Path
from routes.language.profile_files import Constraint, ProfileFile
from routes.language.profile_kinds import Bounds
from routes.language.source import Scalar
from routes.review.document import Phrase, Sentence, capital, joined, name, phrase, said
from routes.review.expression_words import valid_words
from routes.review.outcome_words import Wording
from routes.review.path_words import literal, place_of, things

__all__ = ["constraint_sentence", "constraints"]


def constraints(profile: ProfileFile, wording: Wording) -> tuple[Sentence, ...]:
    """Every constraint of a profile, in the order of its file."""
    inside = Wording(origin=wording.origin)
    found = [
        constraint_sentence(path, constraint, inside)
        for path, of_path in profile.paths
        for constraint in of_path
    ]
    about = [Sentence(phrase("The profile is for: ", said(profile.about)))] if profile.about else []
    return (*about, *found)


def constraint_sentence(path: Scalar, constraint: Constraint, wording: Wording) -> Sentence:
    """What one place must be like."""
    place = wording.path(path)
    demands = _demands(constraint, place_of(place))
    if not demands:
        words = _count(place, constraint)
    else:
        known = constraint.required or constraint.forbidden
        words = phrase(
            wording.place(path), "" if known else ", where it is filled in,", " must ", joined(demands)
        )
        if constraint.count is not None:
            words = phrase(words, "; ", _count(place, constraint))
    if constraint.when is not None:
        words = phrase("when ", wording.within(place).condition(constraint.when), ": ", words)
    if constraint.severity == "warning":
        words = phrase(words, "; if not, this is only noted")
    if constraint.words:
        words = phrase(words, "; the words for it are ", said(constraint.words))
    return Sentence(capital(phrase(words, ".")), where=str(constraint.spot))


def _demands(constraint: Constraint, place: str) -> list[Phrase]:
    """What is asked of a value, each behind `must`."""
    found: list[Phrase] = []
    if constraint.required:
        found.append(phrase("be filled in"))
    if constraint.forbidden:
        found.append(phrase("not be there"))
    if constraint.length is not None:
        found.append(phrase("have ", str(constraint.length), " characters"))
    if constraint.values is not None:
        values = joined([literal(value.value, place) for value in constraint.values], "or")
        found.append(phrase("be ", values))
    if constraint.table is not None:
        found.append(phrase("be listed in the table ", name(constraint.table.value, "table")))
    if constraint.formats:
        found.append(phrase("be ", joined([valid_words(form.value) for form in constraint.formats], "or")))
    return found


def _count(place: Path, constraint: Constraint) -> Phrase:
    """`result lines (OBX) must be there at least once`."""
    count = constraint.count
    return phrase(things(place), " must be there ", _times(count)) if count is not None else ()


_TIMES = {(1, 1): "once", (0, 1): "at most once", (1, None): "at least once"}


def _times(count: Bounds) -> str:
    return _TIMES.get((count.least, count.most), f"{count} times")
