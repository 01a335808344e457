"""What a recipient's application says of a message that it got: a reply read from its acknowledgement.

Pure: bytes in, a frozen value out (HL7 v2 chapter 2: MSA, ERR; tables 0008 and 0357). Which copy a reply
speaks of is said in `matching`. Must not know feeds, channels or journals, nor guess: what cannot be read is
no reply. The recipient's own words may speak of a patient; everything else here holds no content.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Literal

from routes.flow.answer_codes import DEFAULT_REJECTIONS, MEANING, Meaning, ReturnReason
from routes.hl7.ack import read_answer
from routes.hl7.message import Message
from routes.hl7.separators import Unreadable, decode

__all__ = ["MOST_WORDS", "Reply", "read_reply"]

MOST_WORDS = 500
"""Characters of a recipient's words that are kept."""
_MOST_ERRORS = 20  # ERR segments that are looked at


@dataclass(frozen=True, slots=True)
class Reply:
    """One acknowledgement, read.

    code: MSA-1. control_id: MSA-2, byte for byte. speakers: what MSH-4 names (namespace, universal id).
    reason: why it comes back, where it does. words: what the recipient wrote, for people who may see it.
    """

    code: str
    control_id: bytes
    speakers: tuple[str, ...] = ()
    reason: ReturnReason | Literal[""] = ""
    words: str = ""

    @property
    def meaning(self) -> Meaning:
        """What it says of the copy."""
        return MEANING[self.code]


def read_reply(
    data: bytes,
    rejections: Mapping[str, ReturnReason] = DEFAULT_REJECTIONS,
    *,
    charset: str = "utf-8",
) -> Reply | None:
    """The reply that these bytes hold; None where they hold no MSA with a code of table 0008. LF and CRLF end
    segments too.

    rejections: which code of a rejection (ERR-5.1, MSA-3, ERR-3.1, ERR-1.4 before 2.5, MSA-6.1) means which
    reason. The more specific place decides where two of them are known: an application's own code before
    one of table 0357.
    """
    answer = read_answer(data)  # it compares bytes, as MSA-2 must be
    if answer is None:
        return None
    try:
        message = Message.parse(data, charset=charset, segment_ends="any")
    except Unreadable:
        return None
    msa = message.rows(b"MSA")[0]
    reason: ReturnReason | Literal[""] = ""
    if MEANING[answer.code] == "returned":
        reason = _reason(message, msa, rejections)
    return Reply(answer.code, answer.control_id, _speakers(message), reason, _words(message, msa))


def _reason(message: Message, msa: int, rejections: Mapping[str, ReturnReason]) -> ReturnReason:
    for code in _codes(message, msa):
        found = rejections.get(code) or rejections.get(code.upper())
        if found:
            return found
    return "rejected"


def _codes(message: Message, msa: int) -> Iterator[str]:
    """Codes of an error, the most specific first."""
    errors = message.rows(b"ERR")[:_MOST_ERRORS]
    for row in errors:
        yield from (_component(message, each, 1) for each in _repetitions(message, row, 5))
    words = decode(message.field(msa, 3), message.separators).strip()
    yield words
    yield words.partition(" ")[0].rstrip(":,;.")
    for row in errors:
        yield from (_component(message, each, 1) for each in _repetitions(message, row, 3))
    for row in errors:  # before 2.5: component 4 of ERR-1 is the condition, its parts behind subcomponents
        for each in _repetitions(message, row, 1):
            cause = _component(message, each, 4)
            sub = message.separators.subcomponent
            yield (cause.split(sub)[0] if sub else cause).strip()
    yield _component(message, message.field(msa, 6), 1)


def _words(message: Message, msa: int) -> str:
    """What is said in words: MSA-3, then the texts of ERR (ERR-8, ERR-7, the names of its codes)."""
    said = [decode(message.field(msa, 3), message.separators)]
    for row in message.rows(b"ERR")[:_MOST_ERRORS]:
        for number, component in ((8, 0), (7, 0), (5, 2), (3, 2)):
            text = message.field(row, number)
            text = _component(message, text, component) if component else text
            text = decode(text, message.separators).strip()
            if text:
                said.append(text)
                break
    told = dict.fromkeys(" ".join(text.split()) for text in said)
    return "; ".join(text for text in told if text)[:MOST_WORDS]


def _speakers(message: Message) -> tuple[str, ...]:
    """MSH-4 as an address may be written: its first and its second component."""
    text = message.field(message.rows(b"MSH")[0], 4)
    parts = (_component(message, text, 1), _component(message, text, 2))
    return tuple(dict.fromkeys(part for part in parts if part))


def _repetitions(message: Message, row: int, number: int) -> list[str]:
    text, repetition = message.field(row, number), message.separators.repetition
    return text.split(repetition) if repetition else [text]


def _component(message: Message, text: str, number: int) -> str:
    component = message.separators.component
    parts = text.split(component) if component else [text]
    return decode(parts[number - 1], message.separators).strip() if len(parts) >= number else ""
