"""Which codec reads a message: MSH-18 by table 0211 where it says, else the feed's own default.

Bytes are always decoded with `surrogateescape`: what is not valid in the character set survives reading
and writing unchanged. The host's own character set is never used. Knows nothing of messages.
"""

from __future__ import annotations

import codecs
from dataclasses import dataclass
from functools import lru_cache

__all__ = ["BOM", "Charset", "choose_charset", "codec_of"]

BOM = b"\xef\xbb\xbf"
"""A UTF-8 byte order mark. Stepped over when a message is read; it goes out with the untouched bytes."""

_JAPANESE = "iso2022_jp_ext"

# HL7 table 0211, written without blanks, dashes and underscores and in capitals; and what real senders
# write instead. UNICODE without more is UTF-8: UTF-16 and UTF-32 cannot travel in MLLP frames.
_NAMES = {
    "ASCII": "ascii", "USASCII": "ascii", "ISOIR6": "ascii",
    "UNICODE": "utf-8", "UNICODEUTF8": "utf-8", "UTF8": "utf-8",
    "ISOIR87": _JAPANESE, "ISOIR159": _JAPANESE, "ISOIR14": _JAPANESE, "ISOIR13": _JAPANESE,
    "ISO2022JP": _JAPANESE,
    "ISOIR100": "iso8859-1", "LATIN1": "iso8859-1",
    "WINDOWS1252": "cp1252", "CP1252": "cp1252", "WIN1252": "cp1252", "1252": "cp1252", "ANSI": "cp1252",
    "GB180302000": "gb18030", "GB18030": "gb18030", "GBK": "gbk", "GB2312": "gb2312",
    "KSX1001": "euc_kr", "EUCKR": "euc_kr", "CNS116431992": "euc_tw", "BIG5": "big5",
    "SHIFTJIS": "shift_jis", "SJIS": "shift_jis", "CP932": "cp932", "EUCJP": "euc_jp",
}  # fmt: skip
for _part in (*range(1, 12), 13, 14, 15, 16):
    for _name in ("8859/{0}", "ISO8859/{0}", "8859{0}", "ISO8859{0}"):
        _NAMES[_name.format(_part)] = f"iso8859-{_part}"
_WIDE = frozenset({_JAPANESE, "gb18030", "gbk", "gb2312", "euc_kr", "big5", "shift_jis", "cp932", "euc_jp"})


@dataclass(frozen=True, slots=True)
class Charset:
    """How the bytes of one message are read.

    codec: a Python codec name. known: False where MSH-18 names something unknown and the feed's default
    was taken, which deserves a warning. transparent: True where a byte below 0x80 is always that ASCII
    character and decoding loses nothing, so that fields may be cut as bytes.
    """

    codec: str
    known: bool = True
    transparent: bool = True


def codec_of(name: str) -> str | None:
    """The codec for a character set name, by table 0211 or as commonly written; None where unknown.

    Only sets that can travel in MLLP and keep CR and the delimiters as they are: UTF-16 is unknown here.
    """
    short = name.strip().upper().replace(" ", "").replace("-", "").replace("_", "")
    codec = _NAMES.get(short)
    if codec is None or codec == "euc_tw":  # euc_tw has no codec in Python
        return None
    return codecs.lookup(codec).name


@lru_cache(maxsize=256)
def choose_charset(declared: bytes, repetition: bytes, default: str) -> Charset:
    """The charset for a message whose MSH-18 is `declared`; `default` is the feed's, a name or a codec.

    The first repetition of MSH-18 is the message's own set, later ones may be switched to by ISO 2022
    escapes (HL7 v2.5, 2.9.2 and 2.15.9.18): a Japanese one anywhere means that it must be reckoned with.
    """
    parts = declared.split(repetition) if repetition else [declared]
    names = [part.decode("latin-1").strip() for part in parts]
    codecs_found = [codec_of(name) for name in names if name and name != '""']
    if _JAPANESE in codecs_found:
        return Charset(_JAPANESE, True, False)
    if codecs_found and codecs_found[0] is not None:
        return _charset(codecs_found[0], True)
    return _charset(codec_of(default) or "utf-8", not codecs_found)


def _charset(codec: str, known: bool) -> Charset:
    # `ascii` with bytes beyond 0x7f is somebody's mistake; surrogateescape carries them.
    return Charset(codec, known, codec not in _WIDE)
