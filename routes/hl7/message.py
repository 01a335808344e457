"""The lazy message: source bytes, cut into segments; a segment is decoded and cut only when it is touched.

What is not changed goes out byte for byte: an unchanged message gives back the very object that came in,
a changed one is the source with the changed segments replaced. Positions of segments count from zero and
stay valid when a segment is removed; fields count as the standard counts them (MSH-1 is the separator).
This file knows nothing of paths, repetitions or escapes: a field here is the text between two separators.
"""

from __future__ import annotations

from collections.abc import Collection, Sequence
from typing import Literal

from routes.hl7.charset import BOM, Charset, choose_charset
from routes.hl7.cutting import FieldCuts, cut_fields, cut_header, cut_segments
from routes.hl7.segment_text import HEADERS, check_field, fields_of, joined
from routes.hl7.separators import Separators, Unreadable, Unwritable, read_separators

__all__ = ["WIDE", "Message", "SegmentEnds", "Unreadable", "Unwritable"]

SegmentEnds = Literal["cr", "any"]

CHANGED, INSERTED, REMOVED = 1, 2, 3
"""What may have become of a segment; both behind CHANGED are no segments of the source."""
WIDE = 16 * 1024
"""From this many bytes on, a segment's fields are cut one by one and never all at once (documents)."""


class Message:
    """One HL7 v2 message.

    source: the bytes that came in. separators: its delimiters. charset, codec: how its bytes are read.
    envelope: the FHS and BHS segments of the batch that it came in, or b"".
    """

    __slots__ = (
        "_cuts", "_ends", "_envelope_message", "_fields", "_index", "_names", "_names_shared", "_owned",
        "_shared", "_starts", "_touched", "_welcome", "charset", "codec", "envelope", "separators", "source",
    )  # fmt: skip

    source: bytes
    envelope: bytes
    separators: Separators
    charset: Charset
    codec: str
    _welcome: SegmentEnds
    _starts: list[int]  # where each segment begins in `source`; an inserted one has start == end
    _ends: list[int]  # where it ends, its terminator not counted
    _fields: list[list[str | None] | None]  # None: untouched; within: None where still only in `source`
    _cuts: dict[int, FieldCuts]  # for the segments that hold such None
    _touched: bytearray  # for each position what became of it: nothing yet (0), or one of the codes below
    _owned: bytearray  # 1 for the rows of _fields that no copy shares
    _shared: bool  # whether the lists of positions are shared with a copy
    _names: list[bytes] | None
    _names_shared: bool  # whether a copy may have the same list of names
    _index: dict[bytes, list[int]] | None
    _envelope_message: Message | None

    def __init__(
        self,
        source: bytes,
        envelope: bytes,
        separators: Separators,
        charset: Charset,
        welcome: SegmentEnds,
        starts: list[int],
        ends: list[int],
        fields: list[list[str | None] | None],
    ) -> None:
        """For `parse` and `copy` only: the parts must fit together."""
        self.source = source
        self.envelope = envelope
        self.separators = separators
        self.charset = charset
        self.codec = charset.codec
        self._welcome: SegmentEnds = welcome
        self._starts = starts
        self._ends = ends
        self._fields = fields
        self._cuts = {}
        self._touched = bytearray(len(starts))
        self._owned = bytearray(len(starts))
        self._shared = False
        self._names = None
        self._names_shared = False
        self._index = None
        self._envelope_message = None

    @classmethod
    def parse(
        cls, data: bytes, *, charset: str = "utf-8", segment_ends: SegmentEnds = "cr", envelope: bytes = b""
    ) -> Message:
        """Read a message. Costs one search for segment ends; nothing is decoded yet.

        charset: the feed's, used where MSH-18 is empty or unknown. segment_ends: `any` takes LF and CRLF
        as well as CR. Raises Unreadable where the bytes do not begin with an MSH segment (a UTF-8 byte
        order mark before it is stepped over).
        """
        start = 3 if data.startswith(BOM) else 0
        if data[start : start + 3] != b"MSH":
            raise Unreadable("the bytes do not begin with an MSH segment")
        return cls._read(data, start, charset, segment_ends, envelope)

    @classmethod
    def _read(cls, data: bytes, start: int, charset: str, ends: SegmentEnds, envelope: bytes) -> Message:
        starts, stops = cut_segments(data, start, ends)
        first = data[start : stops[0]]
        seps = read_separators(first)
        columns = cut_header(first, seps.field.encode())
        declared = columns[17] if len(columns) > 17 else b""
        chosen = choose_charset(declared, seps.repetition.encode(), charset)
        return cls(data, envelope, seps, chosen, ends, starts, stops, [None] * len(starts))

    def copy(self) -> Message:
        """An independent message with the same content; costs a few list copies, never the bytes."""
        twin = Message(
            self.source, self.envelope, self.separators, self.charset, self._welcome, self._starts,
            self._ends, self._fields.copy(),
        )  # fmt: skip
        self._owned = bytearray(len(self._owned))
        self._shared = self._names_shared = True
        twin._inherit(self._cuts, self._touched, self._names, self._index, self._envelope_message)
        return twin

    def _inherit(
        self,
        cuts: dict[int, FieldCuts],
        touched: bytearray,
        names: list[bytes] | None,
        index: dict[bytes, list[int]] | None,
        envelope_message: Message | None,
    ) -> None:
        self._cuts, self._touched = cuts.copy(), touched.copy()
        self._names, self._index = names, index
        self._shared = self._names_shared = True
        self._envelope_message = envelope_message

    @property
    def charset_known(self) -> bool:
        """False where MSH-18 names something unknown and the feed's default was taken: worth a warning."""
        return self.charset.known

    # -- looking ---------------------------------------------------------------------------------------

    @property
    def changed(self) -> bool:
        """Whether anything differs from the source."""
        return any(self._touched)

    @property
    def segments(self) -> int:
        """How many positions there are, removed segments included."""
        return len(self._starts)

    def names(self) -> list[str]:
        """The segments' names by position; "" for a removed one and for a blank line."""
        return [name.decode("latin-1") for name in self.raw_names()]

    def raw_names(self) -> list[bytes]:
        """The segments' names by position, as bytes. Not to be changed by the caller."""
        names = self._names
        if names is None:
            separator = self.separators.field.encode()
            source = self.source
            names = [
                source[start : start + 3]
                if source[start + 3 : start + 4] == separator
                else source[start : min(end, start + 64)].partition(separator)[0]
                for start, end in zip(self._starts, self._ends, strict=True)
            ]
            for position, how in enumerate(self._touched):
                if how > CHANGED:
                    row = self._fields[position]
                    names[position] = (row[0] or "").encode("latin-1", "replace") if row else b""
            self._names, self._names_shared = names, False
        return names

    def name(self, segment: int) -> str:
        """The name of one segment; "" where it was removed or is a blank line."""
        return self.raw_names()[segment].decode("latin-1")

    def rows(self, name: bytes) -> list[int]:
        """The positions of the segments of this name, in order. Not to be changed by the caller."""
        index = self._index
        if index is None:
            index = self._index = {}
            for position, found in enumerate(self.raw_names()):
                if found in index:
                    index[found].append(position)
                else:
                    index[found] = [position]
        return index.get(name, [])

    def is_delimiters(self, segment: int, number: int) -> bool:
        """Whether this field holds delimiters, which are no text: MSH-1, MSH-2, and those of BHS, FHS."""
        return number < 3 and self.raw_names()[segment] in HEADERS

    def field(self, segment: int, number: int) -> str:
        """The text of one field as it stands, repetitions and escapes included; "" where there is none.

        Number 0 is the segment's name. For MSH, FHS and BHS number 1 is the field separator itself.
        """
        fields = self._fields[segment]
        if fields is None:
            fields = self._open(segment)
        if number >= len(fields):
            return ""
        text = fields[number]
        return text if text is not None else self._cut_text(segment, number)

    def fields(self, segment: int) -> list[str]:
        """All fields of a segment, its name first. Decodes the whole segment, however large."""
        row = self._fields[segment]
        if row is None:
            row = self._open(segment)
        return [self._cut_text(segment, n) if text is None else text for n, text in enumerate(row)]

    def texts(self, segment: int) -> Sequence[str | None]:
        """The fields as `fields` gives them, but None where a field of a large segment (a document, mostly)
        is still only in the source. Nothing is copied; not to be changed by the caller."""
        row = self._fields[segment]
        return self._open(segment) if row is None else row

    def head(self, segment: int, number: int, most: int) -> str:
        """The beginning of a field, at most `most` bytes of it; costs the same however long the field is."""
        row = self.texts(segment)
        if number >= len(row):
            return ""
        text = row[number]
        if text is not None:
            return text[:most]
        first, end = self._cut(segment, number)
        return self._show(self.source[first : min(end, first + most)])

    def text(self, segment: int) -> str:
        """A whole segment as it stands, without its terminator; "" where it was removed."""
        if not self._touched[segment]:
            return self._show(self.source[self._starts[segment] : self._ends[segment]])
        return joined(self.fields(segment), self.separators.field)

    def parted_from(self, other: Message) -> tuple[range, range]:
        """Where it may differ from another state of itself: positions here, and positions there. Outside
        both every segment is the very same; compares no text. All, where the other came in as other bytes."""
        here, there, mine, its = self._fields, other._fields, self._starts, other._starts
        most = min(len(here), len(there)) if self.source is other.source else 0
        start = end = 0
        while start < most and here[start] is there[start] and mine[start] == its[start]:
            start += 1
        while end < most - start and here[-1 - end] is there[-1 - end] and mine[-1 - end] == its[-1 - end]:
            end += 1
        return range(start, len(here) - end), range(start, len(there) - end)

    def envelope_message(self) -> Message | None:
        """The batch headers that the message came in, readable as a message of two segments."""
        if self._envelope_message is None and self.envelope[:3] in HEADERS:
            self._envelope_message = Message._read(self.envelope, 0, self.codec, "any", b"")
        return self._envelope_message

    # -- changing --------------------------------------------------------------------------------------

    def set_field(self, segment: int, number: int, text: str) -> None:
        """Replace the text of one field as it stands; missing fields before it are filled in, empty.

        Setting what is there already changes nothing. Raises Unwritable where the text holds a field
        separator or a segment end, where its characters do not exist in the message's character set, and
        for the parts that cannot be written: segment names, MSH-1 and MSH-2.
        """
        if self.field(segment, number) == text:
            return
        check_field(text, self.separators.field, self.codec, lf_ends=self._welcome == "any")
        if number < 1 or (number < 3 and self.raw_names()[segment] in HEADERS):
            raise Unwritable("a segment's name and its delimiters cannot be written")
        fields = self._fields[segment]
        if fields is None:
            fields = self._open(segment)
        elif not fields:
            raise Unwritable("a removed segment cannot be written")
        if not self._owned[segment]:
            fields = self._fields[segment] = fields.copy()
            self._owned[segment] = 1
        if number >= len(fields):
            fields.extend([""] * (number + 1 - len(fields)))
        fields[number] = text
        self._touched[segment] = self._touched[segment] or CHANGED

    def replace(self, segment: int, text: str) -> None:
        """Put a whole segment of the same name in the place of this one, as it stands."""
        fields = fields_of(text, self.separators.field, self.codec, lf_ends=self._welcome == "any")
        if self.raw_names()[segment] != text[:3].encode() or segment == 0:
            raise Unwritable("a segment can only be replaced by one of the same name, and MSH not at all")
        self._fields[segment] = fields
        self._owned[segment] = 1
        if self._touched[segment] != INSERTED:
            self._touched[segment] = CHANGED

    def insert(self, at: int, text: str) -> int:
        """Insert a whole segment before position `at`; those from there on move by one. Returns `at`.

        Raises Unwritable before MSH, without a name of three characters, or with a segment end inside.
        """
        if not 0 < at <= len(self._starts):
            raise Unwritable("a segment can only be inserted behind MSH")
        fields = fields_of(text, self.separators.field, self.codec, lf_ends=self._welcome == "any")
        if self._shared:
            self._starts, self._ends, self._shared = self._starts.copy(), self._ends.copy(), False
        offset = self._starts[at] if at < len(self._starts) else len(self.source)
        self._starts.insert(at, offset)
        self._ends.insert(at, offset)
        self._fields.insert(at, fields)
        self._touched.insert(at, INSERTED)
        self._owned.insert(at, 1)
        if self._cuts:
            self._cuts = {p + (p >= at): cuts for p, cuts in self._cuts.items()}
        if self._names is not None:
            names = self._own_names()
            names.insert(at, text[:3].encode())
        self._index = None
        return at

    def append(self, text: str) -> int:
        """Add a whole segment at the end. Returns its position."""
        return self.insert(len(self._starts), text)

    def remove(self, segment: int) -> None:
        """Remove a segment with its terminator; the positions of the others stay as they are."""
        if segment == 0:
            raise Unwritable("the MSH segment cannot be removed")
        names = self._own_names()  # those of the untouched rows: read before the row is emptied
        self._touched[segment] = REMOVED
        self._fields[segment] = []
        self._owned[segment] = 1
        self._cuts.pop(segment, None)
        names[segment] = b""
        self._index = None

    def _own_names(self) -> list[bytes]:
        """The names as a list that no copy shares."""
        names = self.raw_names()
        if self._names_shared:
            names = self._names = names.copy()
            self._names_shared = False
        return names

    def keep_only(self, segments: Collection[int]) -> None:
        """Remove every segment but MSH and those at `segments`, in one go."""
        names = self._own_names()
        for segment in range(1, len(names)):
            if segment in segments or not names[segment]:
                continue
            names[segment] = b""
            self._touched[segment] = REMOVED
            self._fields[segment] = []
            self._owned[segment] = 1
            self._cuts.pop(segment, None)
        self._index = None

    # -- writing ---------------------------------------------------------------------------------------

    def to_bytes(self) -> bytes:
        """The message to send: `source` itself where nothing changed, else with the changes put in."""
        if not any(self._touched):
            return self.source
        chunks: list[bytes | memoryview] = []
        # A view of a large source spares one copy of the untouched parts.
        source = memoryview(self.source) if len(self.source) > WIDE else self.source
        done = 0
        for segment, how in enumerate(self._touched):
            if not how:
                continue
            start, end = self._starts[segment], self._ends[segment]
            if start > done:
                chunks.append(source[done:start])
            if how == REMOVED:
                done = max(done, end + (len(self._terminator(end)) if end > start else 0))
            elif how == INSERTED:
                ends = (b"\r", b"\n") if self._welcome == "any" else (b"\r",)
                if bytes(chunks[-1][-1:]) not in ends:
                    chunks.append(self._own_terminator())  # the last segment came without one
                chunks.append(self._encoded(segment) + self._own_terminator())
                done = max(done, start)
            else:
                chunks.append(self._encoded(segment))
                done = end
        chunks.append(source[done:])
        return b"".join(chunks)

    def _terminator(self, end: int) -> bytes:
        """What ends the segment whose content stops at `end` in the source."""
        two = self.source[end : end + 2]
        return two if two == b"\r\n" and self._welcome == "any" else two[:1]

    def _own_terminator(self) -> bytes:
        """What ends a segment that did not come in: the same as behind MSH."""
        return self._terminator(self._ends[0]) or b"\r"

    def _encoded(self, segment: int) -> bytes:
        row = self._fields[segment] or []
        if segment not in self._cuts:
            return joined(row, self.separators.field).encode(self.codec, "surrogateescape")
        pieces = [
            text.encode(self.codec, "surrogateescape") if text is not None else self._cut_bytes(segment, n)
            for n, text in enumerate(row)
        ]
        separator = self.separators.field.encode()
        if pieces[0] in HEADERS and len(pieces) > 1:
            return pieces[0] + separator + separator.join(pieces[2:])
        return separator.join(pieces)

    # -- inside ----------------------------------------------------------------------------------------

    def _open(self, segment: int) -> list[str | None]:
        """Decode a segment and cut it into fields, at its first touch."""
        start, end = self._starts[segment], self._ends[segment]
        separator = self.separators.field
        row: list[str | None]
        if end - start < WIDE or not self.charset.transparent:
            raw = self.source[start:end]
            try:
                whole = raw.decode(self.codec, "surrogateescape")
                faithful = self.charset.transparent or whole.encode(self.codec, "surrogateescape") == raw
            except UnicodeError:
                faithful = False
            if faithful:
                row = [*whole.split(separator)]
                if self._is_header(start, end):
                    row.insert(1, separator)
                self._fields[segment] = row
                return row
        cuts = cut_fields(
            self.source, start, end, separator.encode(), "" if self.charset.transparent else self.codec
        )
        self._cuts[segment] = cuts
        row = [None] * len(cuts)
        if self._is_header(start, end):
            row.insert(1, separator)
        self._fields[segment] = row
        return row

    def _is_header(self, start: int, end: int) -> bool:
        """Whether a segment of the source is named MSH, FHS or BHS, and not only begins so."""
        if self.source[start : start + 3] not in HEADERS:
            return False
        return end == start + 3 or self.source[start + 3 : start + 4] == self.separators.field.encode()

    def _cut(self, segment: int, number: int) -> tuple[int, int]:
        if number > 1 and self._is_header(self._starts[segment], self._ends[segment]):
            number -= 1  # the separator itself is a field there, and no cut
        return self._cuts[segment][number]

    def _cut_bytes(self, segment: int, number: int) -> bytes:
        start, end = self._cut(segment, number)
        return self.source[start:end]

    def _cut_text(self, segment: int, number: int) -> str:
        return self._show(self._cut_bytes(segment, number))

    def _show(self, raw: bytes) -> str:
        try:
            return raw.decode(self.codec, "surrogateescape")
        except UnicodeDecodeError:
            # Not valid in its own multi-byte set: shown byte by byte, and sent as it came.
            return raw.decode("latin-1")
