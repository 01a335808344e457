"""Checks and changes in words: for each kind of step a sentence, with points where it has parts.

The conditions, places and tables of a step are told by `expression_words` and `path_words`; what happens
where a step cannot be done by `outcome_words`. Must not know channels, or the order in which steps stand.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence

from routes.language.profile_files import STANDARD
from routes.language.source import Scalar
from routes.language.steps import (
    Accept,
    Add,
    Arrange,
    Check,
    CopyStep,
    ForEach,
    Join,
    Plugin,
    Recase,
    Reformat,
    Remove,
    Renumber,
    Replace,
    Set,
    SetText,
    Split,
    Step,
    Translate,
)
from routes.review.document import Phrase, Sentence, capital, joined, name, path, phrase, said
from routes.review.outcome_words import Wording, outcome, waits
from routes.review.path_words import literal, place_of, short_name
from routes.review.profile_words import constraints
from routes.review.standard_names import component_name, field_name, segment_name

__all__ = ["accept_sentence", "check_sentence", "form_words", "step_sentence", "stopped"]


# --- what is wanted, and what is checked ---------------------------------------------------------------


def accept_sentence(accept: Accept, wording: Wording) -> Sentence:
    """What the route wants, and how others are counted."""
    text = accept.that or accept.unless
    wanted = () if text is None else wording.condition(text, holds=accept.that is not None)
    words = phrase("It takes messages of which this is so: ", wanted, ". Others are counted as ")
    return Sentence(phrase(words, name(accept.rule), "."), where=str(accept.spot))


def check_sentence(check: Check, wording: Wording, subject: str = "the message") -> Sentence:
    """What must be so, and what happens otherwise."""
    taken = outcome(check.otherwise, wording, subject)
    when = () if check.when is None else phrase("when ", wording.condition(check.when), ", ")
    where = str(check.spot)
    if check.unless is not None:
        condition = wording.condition(check.unless)
        if check.when is None:
            return Sentence(phrase("If ", condition, ", ", taken, "."), where=where)
        words = phrase("when ", wording.condition(check.when), " and ", condition, ", ", taken, ".")
        return Sentence(capital(words), where=where)
    points: tuple[Sentence, ...] = ()
    if check.profile is not None:
        asked, points = _conforms(check.profile, wording)
    else:
        asked = () if check.that is None else wording.condition(check.that)
    return Sentence(
        capital(phrase(when, "it is checked that ", asked, ". If not, ", taken, ".")), points, where=where
    )


def stopped(check: Check, wording: Wording) -> Phrase:
    """When a check takes its `else`, as a clause."""
    when = () if check.when is None else phrase(wording.condition(check.when), " and ")
    if check.profile is not None:
        return phrase(when, "the message does not conform to ", _profile_name(check.profile))
    text = check.that or check.unless
    return () if text is None else phrase(when, wording.condition(text, holds=check.that is None))


def _profile_name(profile: Scalar) -> Phrase:
    if profile.value == STANDARD:
        return phrase("the HL7 standard of its version")
    return phrase("the profile ", name(profile.value))


def _conforms(profile: Scalar, wording: Wording) -> tuple[Phrase, tuple[Sentence, ...]]:
    """What a profile asks, constraint by constraint."""
    words = phrase("the message conforms to ", _profile_name(profile))
    if profile.value == STANDARD:
        return phrase(words, ": its segments in their order, and its fields with their types"), ()
    found = None if wording.origin is None else wording.origin.files.profiles.get(profile.value)
    return words, () if found is None else constraints(found, wording)


# --- changes -------------------------------------------------------------------------------------------


def step_sentence(step: Step, wording: Wording) -> Sentence:
    """What a step does to the message. TypeError: a kind of step that has no sentence."""
    words, points = _told(step, wording)
    if step.when is not None and not isinstance(step, ForEach):
        words = phrase("When ", wording.condition(step.when), ": ", words)
    tail = _otherwise(step, wording)
    end = ":" if isinstance(step, ForEach | Set | SetText) and points and not tail else "."
    return Sentence(capital(phrase(words, end, " " if tail else "", tail)), points, where=str(step.spot))


def _told(step: Step, wording: Wording) -> tuple[Phrase, tuple[Sentence, ...]]:
    match step:
        case Set():
            return _written([(target, wording.value(text)) for target, text in step.values], wording)
        case SetText():
            texts = [(target, _text(target, text, wording)) for target, text in step.values]
            return _written(texts, wording)
        case CopyStep():
            return _copied(step, wording), ()
        case Remove():
            return phrase("take out ", _places(step.paths, wording, "each")), ()
        case Translate():
            return _translated(step, wording)
        case Reformat():
            return _reformatted(step, wording), ()
        case Replace():
            places = _places(step.paths, wording)
            found = phrase(said(step.find), " (a blank)") if step.find == " " else phrase(said(step.find))
            if not step.by:
                return phrase("take every ", found, " out of ", places), ()
            return phrase("in ", places, ", put ", literal(step.by), " wherever ", found, " stands"), ()
        case Recase():
            return _recased(step, wording), ()
        case Add():
            return _added(step, wording)
        case ForEach():
            return _for_each(step, wording)
        case Join():
            return _joined(step, wording), ()
        case Renumber():
            return _renumbered(step, wording), ()
        case Arrange():
            return _arranged(step, wording), ()
        case Split():
            return _split(step, wording), ()
        case Plugin():
            return _plugged(step, wording)
        case _:
            raise TypeError(f"no sentence tells of {type(step).__name__}")


_FAILURES: dict[type[Step], tuple[str, str]] = {
    Set: ("there is nothing to write", ""),
    Translate: ("the table does not list a code", "unknown_code"),
    Reformat: ("it is written in another way", "unreadable_value"),
    Add: ("there is no such place", "change_failed"),
    Plugin: ("the step fails, or takes too long", "change_failed"),
}
"""What may go wrong in a step so often that it is said, and the tray where it then waits."""


def _otherwise(step: Step, wording: Wording) -> Phrase:
    """What happens where the step cannot be done."""
    failure, tray = _FAILURES.get(type(step), ("that cannot be done", ""))
    if isinstance(step, Join) and step.base64:
        failure, tray = "the parts do not fit together", "change_failed"
    if isinstance(step, Translate):
        found = None if wording.origin is None else wording.origin.files.tables.get(step.table.value)
        if found is not None and found.on_miss == "keep":
            return phrase("A code that the table does not list stays as it came.")
        if found is not None and found.on_miss == "default":
            return phrase("For a code that the table does not list, its default row is taken.")
    if step.otherwise is not None:
        return phrase(f"If {failure}, ", outcome(step.otherwise, wording), ".")
    return phrase(f"If {failure}, ", waits(tray, wording), ".") if tray else ()


def _text(target: Scalar, text: str, wording: Wording) -> Phrase:
    place = place_of(wording.path(target), wording.naming.it)
    return phrase("the text ", literal(text, place)) if text else phrase("nothing, so that it is empty,")


def _written(
    values: Sequence[tuple[Scalar, Phrase]], wording: Wording
) -> tuple[Phrase, tuple[Sentence, ...]]:
    """`set` and `set_text`: one in a sentence, several as points."""
    told = [phrase("write ", value, " into ", wording.place(target)) for target, value in values]
    if len(told) == 1:
        return told[0], ()
    return phrase("write these together, each as the message was before"), tuple(
        Sentence(capital(phrase(*each, "."))) for each in told
    )


def _places(paths: Iterable[Scalar], wording: Wording, which: str = "every") -> Phrase:
    return joined([wording.place(each, which) for each in paths])


def _copied(step: CopyStep, wording: Wording) -> Phrase:
    source, target = wording.place(step.source), wording.place(step.target)
    if step.move:
        return phrase(
            "move ",
            source,
            " to ",
            target,
            ", so that the first place is empty; where there is nothing to move, nothing happens",
        )
    return phrase("copy ", source, " to ", target, "; where there is nothing to copy, nothing happens")


def _column(step: Translate, component: int, wording: Wording) -> str:
    place = wording.path(step.path)
    owner = wording.naming.it if place.relative and wording.naming.it is not None else place
    return component_name(owner.segment, place.field or owner.field, component) or f"component {component}"


_ORIGINALS = {
    "alternate": "The code that came stays beside it, as the alternate code in components 4 to 6.",
    "note": "The code that came is kept in a note (NTE-3) right behind.",
    "drop": "The code that came is not kept.",
}


def _translated(step: Translate, wording: Wording) -> tuple[Phrase, tuple[Sentence, ...]]:
    words = phrase("translate ", wording.place(step.path), " by the table ", name(step.table.value, "table"))
    points = [
        Sentence(
            capital(
                phrase(
                    _column(step, number, wording),
                    f" (component {number}) becomes what the table says under ",
                    name(column.value),
                    ".",
                )
            )
        )
        for number, column in step.into
    ]
    return words, (*points, Sentence(phrase(_ORIGINALS[step.original])))


_FORMS = {
    "XCN": "a doctor's code and name in the components of HL7",
    "XPN": "a person's name in the components of HL7",
    "date": "a date in the form of HL7 (YYYYMMDD)",
    "datetime": "a date and time in the form of HL7 (YYYYMMDDhhmmss)",
    "nhs_number": "the ten digits of an NHS number",
    "number": "a number in the form of HL7 (1234.5)",
}


def form_words(form: str) -> Phrase:
    """How `reformat` reads or writes a value; a pattern stands as it is."""
    return phrase(_FORMS[form]) if form in _FORMS else phrase(said(form))


def _reformatted(step: Reformat, wording: Wording) -> Phrase:
    source, target = form_words(step.source.value), form_words(step.target.value)
    words = phrase("write ", wording.place(step.path), ", which comes as ", source, ", as ", target)
    if step.zone is None:
        return words
    clock = (
        phrase("the feed's clock")
        if step.zone.value == "feed"
        else phrase("the clock of ", name(step.zone.value))
    )
    return phrase(words, ", with times read by ", clock)


def _recased(step: Recase, wording: Wording) -> Phrase:
    places = _places(step.paths, wording)
    match step.how:
        case "trim":
            return phrase("take away blanks before and behind ", places)
        case "upper":
            return phrase("write ", places, " in capitals")
        case "lower":
            return phrase("write ", places, " in small letters")


def _added(step: Add, wording: Wording) -> tuple[Phrase, tuple[Sentence, ...]]:
    beside = step.after or step.before
    side = "behind" if step.after is not None else "before"
    place = phrase("it") if beside is None else _beside(beside, wording)
    noun = segment_name(step.name.value).noun
    words = phrase(f"add a new {noun} (", path(step.name.value), f") {side} ", place)
    values = [(target, wording.value(text)) for target, text in step.values]
    values += [(target, _text(target, text, wording)) for target, text in step.texts]
    points = [Sentence(phrase("Its ", _own(target, wording), " is ", value, ".")) for target, value in values]
    return words, tuple(points)


def _beside(beside: Scalar, wording: Wording) -> Phrase:
    if beside.value == "it":
        return phrase("it") if wording.naming.it is None else phrase(f"that {short_name(wording.naming.it)}")
    return wording.place(beside)


def _own(target: Scalar, wording: Wording) -> Phrase:
    found = wording.path(target)
    return phrase(
        field_name(found.segment, found.field) or f"field {found.field}", " (", path(target.value), ")"
    )


def _for_each(step: ForEach, wording: Wording) -> tuple[Phrase, tuple[Sentence, ...]]:
    inside = wording.within(wording.path(step.path))
    words = phrase("for ", wording.place(step.path, "each"))
    if step.when is not None:
        words = phrase(words, ", when ", inside.condition(step.when))
    return phrase(words, ", do this"), tuple(step_sentence(each, inside) for each in step.steps)


_BETWEEN = {"line_break": "a line break", "repetition": "a repetition mark"}


def _joined(step: Join, wording: Wording) -> Phrase:
    words = phrase("join ", wording.place(step.path, "each"), " into the first of them")
    if step.within is not None:
        words = phrase(
            words,
            f", for every {segment_name(step.within.value).noun} (",
            path(step.within.value),
            ") by itself",
        )
    if step.same:
        fields = joined([str(number) for number in step.same])
        plural = "s" if len(step.same) > 1 else ""
        words = phrase(words, f", only where they are equal in field{plural} ", fields)
    if step.base64:
        words = phrase(words, "; they are the parts of one document")
    else:
        between = phrase(_BETWEEN[step.between]) if step.between in _BETWEEN else phrase(said(step.between))
        words = phrase(words, ", with ", between, " between two of them") if step.between else words
    if step.wrap:
        words = phrase(words, f"; lines are broken at blanks after {step.wrap} characters at most")
    if step.type is not None:
        words = phrase(
            words, "; their type (", path("OBX-2"), ") becomes ", literal(step.type.value, "OBX-2")
        )
    return phrase(words, ". The others are taken out")


def _renumbered(step: Renumber, wording: Wording) -> Phrase:
    place = wording.path(step.path)
    known = segment_name(place.segment)
    number = field_name(place.segment, place.field) or f"field {place.field}"
    words = phrase(f"number the {number} of all {known.plural} (", path(step.path.value), ") anew")
    if step.group is None:
        words = phrase(words, ", 1, 2, 3 and so on")
    else:
        forms = {
            "group.item": "as group and item (1.1, 1.2, 2.1)",
            "group": "by group",
            "item": "within each group",
        }
        words = phrase(
            words,
            ", ",
            forms.get(step.form, "by group"),
            "; a group is what is equal in ",
            wording.place(step.group),
        )
    if step.within is None:
        return words
    return phrase(
        words,
        f", beginning again for every {segment_name(step.within.value).noun} (",
        path(step.within.value),
        ")",
    )


def _arranged(step: Arrange, wording: Wording) -> Phrase:
    place = wording.path(step.path)
    by = component_name(place.segment, place.field, step.by) or f"component {step.by}"
    order = joined([literal(value, f"{place_of(place)}.{step.by}") for value in step.order], "then")
    others = "and then all others as they stood" if step.others == "keep" else "and take all others out"
    return phrase(
        "put the entries of ", wording.place(step.path), f" in order by their {by}: ", order, ", ", others
    )


def _split(step: Split, wording: Wording) -> Phrase:
    known = segment_name(step.segment.value)
    words = phrase(
        f"cut the message into pieces, one for each {known.noun} (", path(step.segment.value),
        "), each with everything that stands before the first of them",
    )  # fmt: skip
    if step.keep_together is not None:
        words = phrase(
            words, "; those that are equal in ", wording.place(step.keep_together), " stay in one piece"
        )
    if step.number is not None:
        words = phrase(
            words, "; where there are several pieces, ", wording.place(step.number), " gets -1, -2 and so on"
        )
    return phrase(words, ". All that follows is done for each piece by itself")


def _plugged(step: Plugin, wording: Wording) -> tuple[Phrase, tuple[Sentence, ...]]:
    plugins = {} if wording.origin is None else wording.origin.settings.plugins
    facts = plugins.get(step.name.value)
    words = phrase("the plugin step ", name(step.name.value), " changes the message")
    points: list[Sentence] = []
    if facts is not None and facts.sentence:
        points.append(Sentence(phrase("It says of itself: ", said(facts.sentence))))
    written = joined([path(each.value) for each in step.writes])
    points += [Sentence(phrase("Only these segments are taken over from it: ", written, "."))]
    points += [
        Sentence(phrase("Its setting ", name(key), " is ", literal(value), "."))
        for key, value in step.settings
    ]
    return words, tuple(points)
