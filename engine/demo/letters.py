"""Discharge letters of the simulated hospitals: a small, valid PDF for each.

Pure. One page, one font, plain lines; nothing that a PDF reader could complain of (ISO 32000-1, 7.5).
"""

from __future__ import annotations

from collections.abc import Sequence

__all__ = ["pdf"]


def pdf(lines: Sequence[str]) -> bytes:
    """A one-page A5 document that shows these lines. Characters outside Latin-1 become question marks."""
    shown = b"".join(b"(" + _text(line) + b") Tj T*\n" for line in lines)
    stream = b"BT /F1 11 Tf 14 TL 40 550 Td\n" + shown + b"ET"
    objects = (
        b"<</Type/Catalog/Pages 2 0 R>>",
        b"<</Type/Pages/Kids[3 0 R]/Count 1>>",
        b"<</Type/Page/Parent 2 0 R/MediaBox[0 0 420 595]/Contents 4 0 R/Resources<</Font<</F1 5 0 R>>>>>>",
        b"<</Length %d>>stream\n%s\nendstream" % (len(stream), stream),
        b"<</Type/Font/Subtype/Type1/BaseFont/Helvetica/Encoding/WinAnsiEncoding>>",
    )
    document = bytearray(b"%PDF-1.4\n")
    places = []
    for number, content in enumerate(objects, 1):
        places.append(len(document))
        document += b"%d 0 obj\n%s\nendobj\n" % (number, content)
    table = len(document)
    document += b"xref\n0 %d\n0000000000 65535 f \n" % (len(objects) + 1)
    for place in places:
        document += b"%010d 00000 n \n" % place
    document += b"trailer<</Size %d/Root 1 0 R>>\nstartxref\n%d\n%%%%EOF\n" % (len(objects) + 1, table)
    return bytes(document)


def _text(line: str) -> bytes:
    """A string object's content: backslash and brackets escaped."""
    escaped = line.replace("\\", "\\\\").replace("(", "\\(").replace(")", "\\)")
    return escaped.encode("latin-1", "replace")
