"""Sample files as people keep them: one message, several or a batch, with the line ends of their editor.

In a sample file LF and CRLF stand for CR, unless CR itself is in use: then a LF may be part of a text. Bytes
in, bytes out; nothing is decoded or judged. Must not know where a sample is kept.
"""

from __future__ import annotations

import re

from routes.hl7.batch import Batch, Piece, split_batch
from routes.hl7.charset import BOM

__all__ = ["read_sample"]

_BARE_CR = re.compile(rb"\r(?!\n)")
_BLANK_LINES = re.compile(rb"\r[\r \t]*\r")


def read_sample(data: bytes) -> Batch:
    """The messages of a sample, in order; none where it holds nothing.

    A batch (FHS, BHS) has its envelope beside each message; a file that does not begin with MSH, FHS or BHS
    is one message as it stands, so that what cannot be read can be tested too.
    """
    text = _with_cr(data.removeprefix(BOM))
    batch = split_batch(text)
    if batch is not None:
        return batch
    return Batch((Piece(text, b""),) if text.strip() else ())


def _with_cr(data: bytes) -> bytes:
    if not _BARE_CR.search(data):
        data = data.replace(b"\r\n", b"\r").replace(b"\n", b"\r")
    return _BLANK_LINES.sub(b"\r", data)
