"""The messages that the load client sends: a 1 KB result and a letter with a large document.

Every message has a control id of its own and a Z segment with its stream, its practice and its number
within the two, so that a receiver can tell a lost, a doubled and an overtaken message. People are
invented; the NHS numbers begin with 999.
"""

from __future__ import annotations

import base64
from collections.abc import Callable
from zlib import crc32

__all__ = ["Maker", "addresses", "letter_maker", "nhs_number", "result_maker"]

Maker = Callable[[str, str, str, int], bytes]
"""Builds one message from its control id, stream, practice and sequence number."""

_RESULT = (
    "MSH|^~\\&|BENCHLAB|NFD|ENGINE|GATE|20260105093000||ORU^R01|{control}|P|2.3\r"
    "PID|1|{nhs}|L{number:07d}^^^NFD^MR||Marrow^Tobias^Quill||14/03/1961|1|||"
    "7 Fenwick Row^^Northfield^^NF1 2AB||01632960123\r"
    "PV1|1|O|OPD^1^1^^^^^^^{address}||||G9990001^Vale^Ann\r"
    "ORC|RE|R{number:08d}|L{number:08d}|||||||||G9990001^Vale^Ann\r"
    "OBR|1|R{number:08d}|L{number:08d}|FBC^Full blood count^LOCAL|||20260105081500|||||||20260105083000|"
    "|G9990001^Vale^Ann|||||||||F\r"
    "OBX|1|NM|HB^Haemoglobin^LOCAL||138|g/L|130-170|N|||F|||20260105090000\r"
    "OBX|2|NM|WBC^White cell count^LOCAL||6.4|10*9/L|4.0-11.0|N|||F|||20260105090000\r"
    "OBX|3|NM|PLT^Platelets^LOCAL||251|10*9/L|150-400|N|||F|||20260105090000\r"
    "OBX|4|NM|MCV^Mean cell volume^LOCAL||91|fL|80-100|N|||F|||20260105090000\r"
    "NTE|1|L|{pad}\r"
    "NTE|2|INTERNAL|Analyser 2 rack 7\r"
    "ZSQ|{stream}|{address}|{number}\r"
)

_LETTER_HEAD = (
    "MSH|^~\\&|BENCHLET|NFD|ENGINE|GATE|20260105093000||MDM^T02|{control}|P|2.3\r"
    "EVN|T02|20260105093000\r"
    "PID|1|{nhs}|L{number:07d}^^^NFD^MR||Marrow^Tobias^Quill||14/03/1961|1\r"
    "PV1|1|O|OPD^1^1^^^^^^^{address}||||G9990001^Vale^Ann\r"
    "TXA|1|DS|AP|20260105093000||||||||D{number:08d}|||||AU\r"
    "OBX|1|ED|DOC^Letter^LOCAL||^application^pdf^Base64^"
)
_LETTER_TAIL = "||||||F\rZSQ|{stream}|{address}|{number}\r"


def nhs_number(serial: int) -> str:
    """A valid NHS number in the range that is never issued: 999, six digits, check digit."""
    while True:
        nine = f"999{serial % 1_000_000:06d}"
        check = 11 - sum(int(digit) * (10 - place) for place, digit in enumerate(nine)) % 11
        if check != 10:
            return nine + str(check % 11)
        serial += 1


def addresses(count: int) -> list[str]:
    """`count` practice codes, invented: Y90001, Y90002, …"""
    return [f"Y9{number:04d}" for number in range(1, count + 1)]


def result_maker(size: int = 1024, people: int = 64) -> Maker:
    """Builds ORU^R01 messages of `size` bytes, or as small as they come, about so many different people."""
    numbers = [nhs_number(serial) for serial in range(people)]

    def make(control: str, stream: str, address: str, number: int) -> bytes:
        fields = {
            "control": control, "stream": stream, "address": address, "number": number,
            "nhs": numbers[(number + crc32(address.encode())) % people],
        }  # fmt: skip
        short = _RESULT.format(pad="", **fields)
        return short.replace("|L|", "|L|" + "." * (size - len(short)), 1).encode("ascii")

    return make


def letter_maker(size: int = 1_500_000) -> Maker:
    """Builds MDM^T02 messages of about `size` bytes, nearly all of it a base64 document."""
    person = nhs_number(1)
    raw = b"%PDF-1.4\n" + bytes(range(256)) * (size * 3 // 4 // 256)
    document = base64.b64encode(raw)

    def make(control: str, stream: str, address: str, number: int) -> bytes:
        fields = {
            "control": control, "stream": stream, "address": address, "number": number, "nhs": person,
        }  # fmt: skip
        head = _LETTER_HEAD.format(**fields).encode("ascii")
        return head + document + _LETTER_TAIL.format(**fields).encode("ascii")

    return make
