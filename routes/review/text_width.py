"""How wide a text is drawn, so that a picture can be laid out without a browser.

The widths are those of Helvetica, which Arial and Liberation Sans share, in thousandths of the font's size.
Must not know what is drawn.
"""

from __future__ import annotations

import unicodedata

__all__ = ["cut_to", "text_width"]

_WIDTHS = {
    191: "'", 222: "ijl", 260: "|", 278: " !,./:;I[\\]ft", 333: "()-`r", 334: "{}", 355: '"', 389: "*",
    469: "^", 500: "Jcksvxyz", 556: "#$0123456789?L_abdeghnopqu", 584: "+<=>~", 611: "FTZ",
    667: "&ABEKPSVXY", 722: "CDHNRUw", 778: "GOQ", 833: "Mm", 889: "%", 944: "W", 1015: "@",
}  # fmt: skip
_OF = {char: width for width, chars in _WIDTHS.items() for char in chars}
_OTHERS, _WIDE = 650, 1050
_SAFE = 1.06  # another font than the one wished for may be a little wider
_BOLD = 1.08


def text_width(text: str, size: float, *, bold: bool = False) -> float:
    """The width of a text in pixels, rather too much than too little."""
    total = sum(_width(char) for char in text)
    return total * size / 1000 * _SAFE * (_BOLD if bold else 1)


def _width(char: str) -> int:
    found = _OF.get(char)
    if found is not None:
        return found
    if unicodedata.combining(char):
        return 0
    return _WIDE if unicodedata.east_asian_width(char) in ("W", "F") or ord(char) > 0xFFFF else _OTHERS


def cut_to(text: str, width: float, size: float, *, bold: bool = False) -> str:
    """The text, or as much of its beginning as fits, with an ellipsis."""
    if text_width(text, size, bold=bold) <= width:
        return text
    kept = text
    while kept and text_width(f"{kept}…", size, bold=bold) > width:
        kept = kept[:-1]
    return f"{kept.rstrip()}…"
