"""Where segments and fields begin and end in the source bytes. Only offsets; nothing is decoded for keeps.

CR, LF and the delimiters are ASCII and never occur inside a multi-byte character of the sets we take,
except for field separators in ISO-2022, Shift-JIS, Big5 and GB: those are cut with their decoder's help.
"""

from __future__ import annotations

import codecs
import re
from typing import Literal

__all__ = ["FieldCuts", "cut_fields", "cut_header", "cut_segments", "first_segment"]

FieldCuts = list[tuple[int, int]]
"""Start and end of each field of one segment, as offsets in the source."""

_ANY_END = re.compile(rb"\r\n|\r|\n")


def cut_segments(data: bytes, start: int, ends: Literal["cr", "any"]) -> tuple[list[int], list[int]]:
    """Where the segments of `data` start and end, from `start` on; terminators lie between them."""
    starts: list[int] = []
    stops: list[int] = []
    if ends == "any" and b"\n" in data:
        for match in _ANY_END.finditer(data, start):
            starts.append(start)
            stops.append(match.start())
            start = match.end()
    else:
        find, end = data.find, data.find(b"\r", start)
        while end >= 0:
            starts.append(start)
            stops.append(end)
            start = end + 1
            end = find(b"\r", start)
    if start < len(data) or not starts:
        starts.append(start)
        stops.append(len(data))
    return starts, stops


def first_segment(data: bytes, start: int, ends: Literal["cr", "any"]) -> tuple[int, int]:
    """Where the segment that begins at `start` ends, and where the next begins."""
    end = data.find(b"\r", start)
    if end < 0:
        end = len(data)
    if ends == "any":
        line_feed = data.find(b"\n", start, end)
        if line_feed >= 0:
            return line_feed, line_feed + 1
        if data[end + 1 : end + 2] == b"\n":
            return end, end + 2
    return end, min(end + 1, len(data))


def cut_header(segment: bytes, separator: bytes) -> list[bytes]:
    """The pieces of an MSH, BHS or FHS segment: piece n - 1 is field n; MSH-21 and later stay in one.

    The character set is not known yet; where there is an ISO 2022 escape, the Japanese sets are reckoned
    with, since their bytes may look like separators.
    """
    if b"\x1b" not in segment:
        return segment.split(separator, 20)
    cuts = cut_fields(segment, 0, len(segment), separator, "iso2022_jp_ext")
    return [segment[start:end] for start, end in cuts]


def cut_fields(data: bytes, start: int, end: int, separator: bytes, codec: str) -> FieldCuts:
    """Where the fields of the segment data[start:end] start and end.

    codec: "" where the separator byte is always a separator, else the multi-byte codec to ask.
    """
    cuts: FieldCuts = []
    for found in _separators_at(data, start, end, separator, codec):
        cuts.append((start, found))
        start = found + 1
    cuts.append((start, end))
    return cuts


def _separators_at(data: bytes, start: int, end: int, separator: bytes, codec: str) -> list[int]:
    if codec:
        try:
            return _decoded_separators(data, start, end, separator, codec)
        except UnicodeError:
            # Not valid in its own set (UnicodeError: a long escape without an end): the bytes decide.
            pass
    places = []
    found = data.find(separator, start, end)
    while found >= 0:
        places.append(found)
        found = data.find(separator, found + 1, end)
    return places


def _decoded_separators(data: bytes, start: int, end: int, separator: bytes, codec: str) -> list[int]:
    """The offsets of those bytes at which the decoder puts out a separator of its own."""
    decoder = codecs.getincrementaldecoder(codec)("surrogateescape")
    wanted = separator.decode("ascii")
    places = [
        place for place in range(start, end) if decoder.decode(data[place : place + 1]).endswith(wanted)
    ]
    decoder.decode(b"", True)
    return places
