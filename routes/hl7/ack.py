"""Builds acknowledgements and reads them (HL7 v2 chapter 2, 2.9.2 original and 2.9.3 enhanced mode).

An acknowledgement is never acknowledged. Texts in it are ours or the route author's literal words; the
only bytes of the message that come back are those of MSH that the standard asks for. The time and our own
control id come from the caller.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Literal

from routes.hl7.charset import BOM, choose_charset, codec_of
from routes.hl7.cutting import cut_segments
from routes.hl7.header import CONDITIONS, Header
from routes.hl7.separators import Separators, Unreadable, Unwritable, encode, read_separators

__all__ = ["Answer", "Outcome", "answer", "answer_words", "fixed_refusal", "read_answer"]

Outcome = Literal["ok", "error", "reject"]

WORDS_LIMIT = 80
"""Characters of text in MSA-3 or ERR-8, before escaping (ST 80 in MSA-3)."""

_ORIGINAL: dict[Outcome, bytes] = {"ok": b"AA", "error": b"AE", "reject": b"AR"}
_ENHANCED: dict[Outcome, bytes] = {"ok": b"CA", "error": b"CE", "reject": b"CR"}
_CODES = frozenset({*_ORIGINAL.values(), *_ENHANCED.values()})

# Table 0357, message error condition codes: those that an engine has use for.
_CONDITIONS = {
    "100": "Segment sequence error", "101": "Required field missing", "102": "Data type error",
    "103": "Table value not found", "200": "Unsupported message type", "201": "Unsupported event code",
    "202": "Unsupported processing id", "203": "Unsupported version id", "204": "Unknown key identifier",
    "205": "Duplicate key identifier", "206": "Application record locked",
    "207": "Application internal error",
}  # fmt: skip
_UNSPECIFIC = "207"
_RULE = "rule"
"""Not of table 0357, which has no code for it: a rule of the receiver's refused the message."""
# Where segments have run together, MSH-11 and 12 can hold anything; what cannot be one is not repeated.
_PROCESSING = re.compile(rb".{0,3}", re.DOTALL)
_DIGIT = re.compile(rb"\d[^\n]{0,40}|")
_EVENT = re.compile(rb"[A-Za-z0-9]{1,5}")
_ENCODING = re.compile(rb"[!-/:-@\[-`{-~]{0,5}")
_VERSION = re.compile(rb"2\.(\d{1,2})")


@dataclass(frozen=True, slots=True)
class Answer:
    """An acknowledgement that came back. code: AA, AE, AR, CA, CE or CR. control_id: MSA-2, raw."""

    code: str
    control_id: bytes
    words_length: int = 0


def answer(
    header: Header,
    outcome: Outcome,
    *,
    words: str = "",
    error_code: str = "",
    location: str = "",
    now: datetime,
    own_id: str,
    always: bool = False,
) -> bytes | None:
    """The acknowledgement of a message, ready to be framed; None where none is due.

    words: for MSA-3 (before 2.7) and ERR; cut at 80 characters. error_code: of table 0357, 207 unless
    given, or the local code `rule` where there are words. location: segment, its occurrence and the
    field, as `MSH^1^10`. now: aware; written in UTC with its offset. own_id: MSH-10 of the answer.
    always: where MSH-15 and 16 ask for silence, answer all the same, in the original codes; an
    acknowledgement is not answered even then.
    """
    code = _due_code(header, outcome)
    if code is None:
        if not always or header.is_acknowledgement:
            return None
        code = _ORIGINAL[outcome]
    writer = _Writer(header)
    lines = [writer.msh(now, own_id), writer.msa(code, words)]
    if outcome != "ok":
        lines.append(writer.err(error_code or (_RULE if words else _UNSPECIFIC), location, words))
    text = b"".join(line + b"\r" for line in lines)
    # A copied field that ends in FS would end the frame too early, were it the last of its segment.
    return text.replace(b"\x1c\r", b"\x1c" + header.field_separator + b"\r")


def fixed_refusal(
    now: datetime, own_id: str, words: str = "The bytes do not hold a readable MSH segment"
) -> bytes:
    """AR for bytes that could not be read: standard delimiters, and an empty MSA-2."""
    text = encode(words[:WORDS_LIMIT], Separators())
    lines = f"MSH|^~\\&|||||{_timestamp(now)}||ACK|{own_id}|P|2.5\rMSA|AR||{text}\r"
    return lines.encode("ascii", "replace")


def read_answer(data: bytes) -> Answer | None:
    """What a peer answered; None where the bytes are no acknowledgement that can be understood.

    LF and CRLF are taken as segment ends as well. MSA-2 is given raw: the caller compares it exactly.
    """
    start = 3 if data.startswith(BOM) else 0
    if data[start : start + 3] != b"MSH":
        return None
    try:
        separator = read_separators(data[start : start + 64]).field.encode()
    except Unreadable:
        return None
    wanted = b"MSA" + separator
    for begin, end in zip(*cut_segments(data, start, "any"), strict=True):
        if data.startswith(wanted, begin):
            fields = data[begin:end].split(separator)
            if fields[1] not in _CODES:
                return None
            control_id = fields[2] if len(fields) > 2 else b""
            return Answer(fields[1].decode("ascii"), control_id, len(fields[3]) if len(fields) > 3 else 0)
    return None


def answer_words(data: bytes) -> bytes:
    """What a peer said in words: MSA-3, or the first ERR-8 where that is empty. Raw, and not ours: it may
    hold anything, so it goes to a person who asked for it and never into a log."""
    start = 3 if data.startswith(BOM) else 0
    try:
        separator = read_separators(data[start : start + 64]).field.encode()
    except Unreadable:
        return b""
    found = {b"MSA": b"", b"ERR": b""}
    places = {b"MSA": 3, b"ERR": 8}
    for begin, end in zip(*cut_segments(data, start, "any"), strict=True):
        name, *fields = data[begin:end].split(separator)
        if name in places and len(fields) >= places[name] and not found[name]:
            found[name] = fields[places[name] - 1]
    return found[b"MSA"] or found[b"ERR"]


def _due_code(header: Header, outcome: Outcome) -> bytes | None:
    """MSA-1 by what MSH-15 and MSH-16 ask for, or None where they ask for silence.

    Both empty (or unknown): original mode. MSH-15 valued: an accept acknowledgement as it says; NE leaves
    it to MSH-16, which asks for an application acknowledgement in the original codes.
    """
    if header.is_acknowledgement:
        return None
    accept, application = header.accept_ack, header.application_ack
    if accept in CONDITIONS and accept != b"NE":
        return _ENHANCED[outcome] if _wanted(accept, outcome) else None
    if accept and accept != b"NE":  # unknown: as if the sender had asked for nothing special
        return _ORIGINAL[outcome]
    if application in CONDITIONS:
        return _ORIGINAL[outcome] if _wanted(application, outcome) else None
    return None if accept == b"NE" else _ORIGINAL[outcome]


def _wanted(condition: bytes, outcome: Outcome) -> bool:
    return condition == b"AL" or condition == (b"SU" if outcome == "ok" else b"ER")


def _timestamp(now: datetime) -> str:
    return now.astimezone(UTC).strftime("%Y%m%d%H%M%S+0000")


class _Writer:
    """Writes the segments of one answer with the sender's delimiters and character set."""

    def __init__(self, header: Header) -> None:
        self.header = header
        self.seps = header.separators
        self.field = header.field_separator
        declared = header.charset
        repetition = self._repetition()
        names = declared.split(repetition) if repetition else [declared]
        known = all(codec_of(name.decode("latin-1")) for name in names if name)
        self.declared = declared if known else b""  # what is no character set's name is not repeated
        self.codec = choose_charset(self.declared, repetition, "utf-8").codec
        self.version = _version(header.version)

    def msh(self, now: datetime, own_id: str) -> bytes:
        """MSH: sender and receiver change places; time and id are new; MSH-11, 12 and 18 are copied."""
        h = self.header
        columns = [
            b"MSH", _line(h.encoding, _ENCODING), h.field(5), h.field(6), h.field(3), h.field(4),
            _timestamp(now).encode("ascii"), b"", self._type(), own_id.encode("ascii", "replace"),
            _line(h.processing_id, _PROCESSING), _line(h.version, _DIGIT),
        ]  # fmt: skip
        if self.declared:
            columns += [b"", b"", b"", b"", b"", self.declared]
        return self.field.join(columns)

    def msa(self, code: bytes, words: str) -> bytes:
        """MSA: the code, the sender's control id byte for byte, and before 2.7 the words."""
        columns = [b"MSA", code, self.header.control_id]
        if words and self.version < 7:
            columns.append(self._text(words))
        return self.field.join(columns)

    def err(self, code: str, location: str, words: str) -> bytes:
        """ERR, in its shape of 2.5 (location, code, severity, words) or in the one before it."""
        meaning, table = _CONDITIONS.get(code, ""), "HL70357"
        if code == _RULE:
            meaning, table = "Refused by a rule of the receiver", "L"
        component, subcomponent = self.seps.component, self.seps.subcomponent
        places = location.split("^") if location else []
        if self.version < 5:
            cause = subcomponent.join((code, meaning, table)) if subcomponent else code
            text = component.join([*[*places, "", "", ""][:3], cause]) if component else code
            return self.field.join((b"ERR", text.encode("ascii", "replace")))
        where = component.join(places) if component else "".join(places[:1])
        cause = component.join((code, meaning, table)) if component else code
        columns = (b"ERR", b"", where.encode(), cause.encode(), b"E", b"", b"", b"", self._text(words))
        return self.field.join(columns)

    def _type(self) -> bytes:
        component = self.seps.component.encode()
        parts = self.header.message_type.split(component) if component else []
        event = parts[1] if len(parts) > 1 else b""
        if not _EVENT.fullmatch(event):
            return b"ACK"
        return component.join((b"ACK", event, b"ACK") if self.version >= 4 else (b"ACK", event))

    def _repetition(self) -> bytes:
        return self.seps.repetition.encode()

    def _text(self, words: str) -> bytes:
        words = words[:WORDS_LIMIT]
        try:
            text = encode(words, self.seps)
        except Unwritable:  # no escape character: a blank for each delimiter still says what is meant
            taken = {self.seps.field, self.seps.component, self.seps.repetition, self.seps.subcomponent}
            text = "".join(" " if c in taken or c in "\r\n" else c for c in words)
        return text.encode(self.codec, "replace")


def _line(value: bytes, allowed: re.Pattern[bytes]) -> bytes:
    """The value up to a line feed, which may be a segment end that this feed does not know; b"" where it
    is not what the field may hold."""
    line = value.split(b"\n", 1)[0]
    return line if allowed.fullmatch(line) else b""


def _version(declared: bytes) -> int:
    """The minor version of HL7 v2 that MSH-12 names; 3 where it names none."""
    match = _VERSION.match(declared)
    return int(match[1]) if match else 3
