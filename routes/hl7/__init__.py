"""HL7 v2 messages: bytes in, values and bytes out. Pure: no sockets, files, clock or logging."""

from __future__ import annotations

from routes.hl7.message import Message, SegmentEnds
from routes.hl7.path import CompiledPath, NoSuchPlace, Path, PathError, Place, compile_path, parse_path
from routes.hl7.separators import Separators, Unreadable, Unwritable

__all__ = [
    "CompiledPath", "Message", "NoSuchPlace", "Path", "PathError", "Place", "SegmentEnds", "Separators",
    "Unreadable", "Unwritable", "compile_path", "parse_path",
]  # fmt: skip
