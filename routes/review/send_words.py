"""Send entries in words: to whom a copy goes, under which condition, and what happens where it cannot.

Knows channels by kind and directory, never an address or a port. Must not know feeds or the order of things.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

from routes.flow.answer_codes import REASON_WORDS
from routes.language.facts import ChannelFacts
from routes.language.parser import parse_expression
from routes.language.send_shapes import EARLIER
from routes.language.source import Scalar
from routes.language.steps import FallBack, FirstOf, NothingMore, Otherwise, ReturnRule, SendEntry
from routes.language.syntax import Name, Text
from routes.review.document import Phrase, Sentence, capital, joined, name, phrase, said
from routes.review.outcome_words import Wording, duration, outcome, result_of, waits
from routes.review.step_words import check_sentence, step_sentence

__all__ = ["Way", "channel_words", "send_sentence", "ways"]

_KINDS = {
    "amqp": "into a mailbox on the message broker, which the recipient's own system empties",
    "folder": "as a file in a folder",
    "mllp": "over the network, to the recipient's own system",
}


TAKEN_BACK = "The first copy is taken back where it has surely not arrived"


_SHORT = {"amqp": "into a mailbox on the message broker", "mllp": "over the network"}


@dataclass(frozen=True, slots=True)
class Way:
    """One line of the overview: when, what then, and how or by whom. follows: it goes on from the last."""

    when: Phrase
    then: Phrase
    how: Phrase
    follows: bool = False


def channel_words(kind: str) -> str:
    """How a channel of this kind hands a message over."""
    return _KINDS.get(kind, f"by a channel of the kind {kind}" if kind else "by a channel")


# --- sentences -----------------------------------------------------------------------------------------


def send_sentence(entry: SendEntry | FirstOf, wording: Wording) -> Sentence:
    """What one entry of `send` does."""
    if isinstance(entry, FirstOf):
        return _first_of(entry, wording)
    return _entry(entry, wording)


def _first_of(entry: FirstOf, wording: Wording) -> Sentence:
    points = [_entry(each, wording) for each in entry.entries]
    last = entry.otherwise or NothingMore(entry.spot)
    points.append(Sentence(phrase("If none of these is so, ", outcome(last, wording), ".")))
    return Sentence(
        phrase("Exactly one of these is done, the first that applies:"), tuple(points), where=str(entry.spot)
    )


def _entry(entry: SendEntry, wording: Wording) -> Sentence:
    inside = wording if entry.each is None else wording.within(wording.path(entry.each))
    words = _goes(entry, inside)
    if entry.when is not None:
        words = phrase("when ", inside.condition(entry.when), ", ", words)
    if entry.each is not None:
        words = phrase("for ", wording.place(entry.each, "each"), ": ", words)
    points = (*_own_changes(entry, inside), *_afterwards(entry, inside))
    return Sentence(capital(phrase(words, ".")), points, where=str(entry.spot))


def _goes(entry: SendEntry, wording: Wording) -> Phrase:
    """Where the copy goes, as a clause."""
    if entry.passes:
        return phrase(
            "the message goes on to the route ",
            name(entry.to.value, "route"),
            ", which decides what becomes of it",
        )
    if entry.to.value == EARLIER:
        same = joined([wording.place(path) for path in entry.same])
        return phrase(
            "a copy goes to everyone who was sent an earlier message that is the same in ", same,
            ", by the same channel and to the same address; a preliminary result that comes after its final "
            "one does not go where that went, and waits in the tray ", name("overtaken", "tray"),
        )  # fmt: skip
    words = phrase(
        "a copy goes to ",
        name(entry.to.value, "channel"),
        ", ",
        channel_words(_kind(entry.to.value, wording)),
    )
    if entry.address is None:
        return words
    return phrase(words, _address(entry.address, wording))


def _address(text: Scalar, wording: Wording) -> Phrase:
    """Where the address comes from. A word of the route stands for one; it is nobody who could give one."""
    told = wording.value(text)
    match parse_expression(text.value):
        case Name():
            return phrase(", at the address that ", told, " stands for")
        case Text():
            return phrase(", at the address ", told)
        case _:
            return phrase(", at the address in ", told)


def _own_changes(entry: SendEntry, wording: Wording) -> Iterator[Sentence]:
    """What is done to this copy alone, and what is asked of it."""
    if entry.changes:
        inner = tuple(step_sentence(step, wording) for step in entry.changes)
        yield Sentence(phrase("In this copy alone, this is changed first:"), inner)
    if entry.checks:
        inner = tuple(check_sentence(check, wording, "this copy") for check in entry.checks)
        yield Sentence(phrase("Before this copy goes, this is checked:"), inner)


def _afterwards(entry: SendEntry, wording: Wording) -> Iterator[Sentence]:
    """What happens where the address is not known, and where no proof comes."""
    unreached = _unreached(entry, wording)
    if unreached:
        yield Sentence(capital(phrase("if ", unreached, ", ", _taken(entry, wording), ".")))
    if entry.fall_back is not None:
        yield fall_back_sentence(entry.fall_back, entry, wording)
    if entry.if_returned is not None:
        yield _returned_sentence(entry.if_returned, entry, wording)


def fall_back_sentence(wait: FallBack, entry: SendEntry, wording: Wording) -> Sentence:
    """`If the recipient has not acknowledged it within 3 days, a copy goes to print_room.`"""
    verb = "is not delivered" if wait.proof == "delivered" else "is not acknowledged by the recipient"
    words = phrase(
        f"If this copy {verb} within {duration(wait.after)}, another one goes to ",
        name(wait.then.value, "channel"), ", ", channel_words(_kind(wait.then.value, wording)),
    )  # fmt: skip
    channel = _channel(wait.then.value, wording)
    if entry.address is not None and channel is not None and channel.directory:
        words = phrase(words, ", at the same address")
    return Sentence(phrase(words, f". {TAKEN_BACK}."), where=str(wait.spot))


def _returned_sentence(rule: ReturnRule, entry: SendEntry, wording: Wording) -> Sentence:
    """`If the recipient sends it back because the patient has left, it goes once more, to ...`"""
    to = rule.to or entry.to
    words = phrase(
        f"If its recipient sends it back because {_reasons(rule)}, it goes once more, to ",
        name(to.value, "channel"), ", ", channel_words(_kind(to.value, wording)),
    )  # fmt: skip
    if rule.address is not None:
        words = phrase(words, _address(rule.address, wording))
    return Sentence(
        phrase(words, ". If that is not possible, or it comes back again, it waits for a person."),
        where=str(rule.spot),
    )


def _reasons(rule: ReturnRule) -> str:
    return " or ".join(REASON_WORDS[reason] for reason in rule.reasons)


def _taken(entry: SendEntry, wording: Wording) -> Phrase:
    if entry.otherwise is not None and entry.otherwise.kind == "warn":
        return phrase("no copy goes there, and this is noted, in the words ", said(entry.otherwise.words))
    if entry.otherwise is not None:
        return outcome(entry.otherwise, wording, "this copy")
    return waits("unknown_address", wording, "this copy")


def _unreached(entry: SendEntry, wording: Wording) -> Phrase:
    """When an entry's copy has nowhere to go; nothing where that cannot be."""
    if entry.passes:
        return ()
    if entry.to.value == EARLIER:
        return phrase("one of them can no longer be reached")
    channel = _channel(entry.to.value, wording)
    if entry.address is None:
        return ()
    if channel is None or not channel.directory:
        return phrase("that address is missing")
    return phrase(
        "that address is missing, or the directory ", name(channel.directory, "table"), " does not list it"
    )


def _channel(channel: str, wording: Wording) -> ChannelFacts | None:
    return None if wording.origin is None else wording.origin.channels.get(channel)


def _how(channel: str, wording: Wording) -> Phrase:
    """What a channel is, in the words of its file, and how it hands a message over. Where the file says what
    it is, that need not be guessed from its kind."""
    found = _channel(channel, wording)
    how = channel_words("" if found is None else found.kind)
    if found is None or not found.about:
        return phrase(how)
    return phrase(said(found.about), ", ", _SHORT.get(found.kind, how))


def _kind(channel: str, wording: Wording) -> str:
    found = _channel(channel, wording)
    return "" if found is None else found.kind


# --- the overview --------------------------------------------------------------------------------------

ALWAYS = phrase("always")


def ways(entry: SendEntry | FirstOf, wording: Wording) -> Iterator[Way]:
    """The lines of the overview for one entry, in its order."""
    if isinstance(entry, SendEntry):
        yield from _ways(entry, wording, ALWAYS)
        return
    for number, each in enumerate(entry.entries):
        inside = () if each.when is None else wording.condition(each.when)
        when = phrase("otherwise, if ", inside) if number else phrase("if ", inside)
        yield from _ways(each, wording, when, told=True)
    last = entry.otherwise
    none = phrase("if none of these is so")
    if isinstance(last, Otherwise):
        yield _otherwise_way(none, last, wording)
    else:
        yield Way(none, phrase("nothing more is sent by this choice"), ())


def _ways(entry: SendEntry, wording: Wording, when: Phrase, *, told: bool = False) -> Iterator[Way]:
    inside = wording if entry.each is None else wording.within(wording.path(entry.each))
    if entry.when is not None and not told:
        when = phrase("if ", inside.condition(entry.when))
    if entry.each is not None:
        each = phrase("for ", wording.place(entry.each, "each"))
        when = each if entry.when is None else phrase(each, ", ", when)
    yield Way(when, *_destination(entry, inside))
    unreached = _unreached(entry, inside)
    if unreached:
        taken = entry.otherwise or Otherwise("hold", "unknown_address", entry.spot)
        yield _otherwise_way(phrase("but if ", unreached), taken, inside, follows=True)
    if entry.to.value == EARLIER and not entry.passes:
        early = phrase("if it is a preliminary result, for everyone who had its final one before")
        yield _otherwise_way(early, Otherwise("hold", "overtaken", entry.spot), inside)
    if entry.fall_back is not None:
        yield _late(entry.fall_back, inside)
    if entry.if_returned is not None:
        yield _returned(entry.if_returned, entry, inside)


def _returned(rule: ReturnRule, entry: SendEntry, wording: Wording) -> Way:
    to = (rule.to or entry.to).value
    how = _how(to, wording)
    if rule.address is not None:
        how = phrase(how, _address(rule.address, wording))
    when = phrase(f"but if it comes back because {_reasons(rule)}")
    return Way(when, phrase("sent once more, to ", name(to, "channel")), how, follows=True)


def _late(wait: FallBack, wording: Wording) -> Way:
    verb = "delivered" if wait.proof == "delivered" else "acknowledged by the recipient"
    how = _how(wait.then.value, wording)
    channel = _channel(wait.then.value, wording)
    if channel is not None and channel.directory:
        how = phrase(how, ", at the same address")
    how = phrase(how, f"; {TAKEN_BACK[0].lower()}{TAKEN_BACK[1:]}")
    when = phrase(f"but if it is not {verb} within {duration(wait.after)}")
    return Way(when, phrase("also sent to ", name(wait.then.value, "channel")), how, follows=True)


def _destination(entry: SendEntry, wording: Wording) -> tuple[Phrase, Phrase]:
    if entry.passes:
        return phrase("goes on to the route ", name(entry.to.value, "route")), phrase(
            "see the explanation of that route"
        )
    if entry.to.value == EARLIER:
        same = joined([wording.place(path) for path in entry.same])
        return phrase("sent to all who had an earlier version"), phrase("the same in ", same)
    how = _how(entry.to.value, wording)
    if entry.address is not None:
        how = phrase(how, _address(entry.address, wording))
    return phrase("sent to ", name(entry.to.value, "channel")), how


def _otherwise_way(when: Phrase, taken: Otherwise, wording: Wording, *, follows: bool = False) -> Way:
    then, how = result_of(taken, wording)
    return Way(when, then, how, follows)
