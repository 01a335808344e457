"""The cheap look at the door: what MSH says, in bytes, before anything is decoded.

Reads the first segment only, whatever the size of the message. Knows nothing of paths or routes.
"""

from __future__ import annotations

from dataclasses import dataclass

from routes.hl7.charset import BOM
from routes.hl7.cutting import cut_header, first_segment
from routes.hl7.message import SegmentEnds
from routes.hl7.separators import Separators, Unreadable, read_separators

__all__ = ["Header", "Unreadable", "read_header"]

CONDITIONS = frozenset({b"AL", b"NE", b"ER", b"SU"})
"""When an acknowledgement is wanted (table 0155): always, never, on error, on success."""
ACKNOWLEDGEMENTS = frozenset({b"ACK", b"MCF"})


@dataclass(frozen=True, slots=True)
class Header:
    """The MSH segment of one message; every value is the raw bytes of its field, b"" where absent.

    columns: the pieces of MSH between field separators; columns[n - 1] is MSH-n.
    second: the first bytes of the second segment.
    """

    field_separator: bytes
    columns: tuple[bytes, ...]
    second: bytes = b""

    def field(self, number: int) -> bytes:
        """MSH-`number`, from 2 to 20, as it stands."""
        return self.columns[number - 1] if number <= len(self.columns) else b""

    @property
    def encoding(self) -> bytes:
        """MSH-2, the encoding characters."""
        return self.field(2)

    @property
    def sending_application(self) -> bytes:
        """MSH-3."""
        return self.field(3)

    @property
    def sending_facility(self) -> bytes:
        """MSH-4."""
        return self.field(4)

    @property
    def receiving_application(self) -> bytes:
        """MSH-5."""
        return self.field(5)

    @property
    def receiving_facility(self) -> bytes:
        """MSH-6."""
        return self.field(6)

    @property
    def message_type(self) -> bytes:
        """MSH-9, all components."""
        return self.field(9)

    @property
    def control_id(self) -> bytes:
        """MSH-10, byte for byte: what MSA-2 of the answer repeats."""
        return self.field(10)

    @property
    def processing_id(self) -> bytes:
        """MSH-11."""
        return self.field(11)

    @property
    def version(self) -> bytes:
        """MSH-12."""
        return self.field(12)

    @property
    def accept_ack(self) -> bytes:
        """MSH-15: when an accept acknowledgement (CA, CE, CR) is wanted."""
        return self.field(15)

    @property
    def application_ack(self) -> bytes:
        """MSH-16: when an application acknowledgement (AA, AE, AR) is wanted."""
        return self.field(16)

    @property
    def charset(self) -> bytes:
        """MSH-18, the declared character set."""
        return self.field(18)

    @property
    def separators(self) -> Separators:
        """The message's delimiters."""
        return read_separators(b"MSH" + self.field_separator + self.encoding)

    @property
    def type_text(self) -> str:
        """Message type and event as `ORU^R01`, whatever the message's own component separator is."""
        parts = self._type_parts()
        return b"^".join(parts[:2]).decode("latin-1")

    @property
    def is_acknowledgement(self) -> bool:
        """Whether the message answers another, and so is never answered itself (2.9.2, 2.9.3).

        MSH-9.1 says so, or MSA comes second, as in every acknowledgement and query response.
        """
        return self._type_parts()[0] in ACKNOWLEDGEMENTS or self.second == b"MSA" + self.field_separator

    @property
    def only_acknowledges(self) -> bool:
        """Whether MSH-9.1 says that the message is an acknowledgement and nothing else (ACK, MCF)."""
        return self._type_parts()[0] in ACKNOWLEDGEMENTS

    @property
    def enhanced(self) -> bool:
        """Whether the sender asks for enhanced acknowledgement: MSH-15 or 16 holds AL, NE, ER or SU."""
        return self.accept_ack in CONDITIONS or self.application_ack in CONDITIONS

    @property
    def unknown_condition(self) -> bool:
        """Whether MSH-15 or 16 holds something else, which counts as not valued and deserves a warning."""
        return any(value and value not in CONDITIONS for value in (self.accept_ack, self.application_ack))

    @property
    def sender_key(self) -> bytes:
        """MSH-3, MSH-4 and MSH-10 joined by CR: with the feed and the content, what tells a duplicate."""
        return b"\r".join((self.field(3), self.field(4), self.field(10)))

    def _type_parts(self) -> list[bytes]:
        component = self.encoding[:1]
        return self.message_type.split(component) if component else [self.message_type]


def read_header(data: bytes, *, segment_ends: SegmentEnds = "cr") -> Header:
    """Look at a message's MSH segment. A UTF-8 byte order mark before it is stepped over, knowingly.

    Raises Unreadable where the bytes do not begin with MSH and a field separator.
    """
    start = 3 if data.startswith(BOM) else 0
    if data[start : start + 3] != b"MSH":
        raise Unreadable("the bytes do not begin with an MSH segment")
    end, following = first_segment(data, start, segment_ends)
    segment = data[start:end]
    read_separators(segment)  # raises where there is no field separator
    separator = segment[3:4]
    return Header(separator, tuple(cut_header(segment, separator)), data[following : following + 4])
