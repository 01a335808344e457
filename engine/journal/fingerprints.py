"""The number under which a message is indexed: by its control id, its sender and its content.

Knows nothing of tables, nor of what is a duplicate: a fingerprint finds candidates, and whoever asks compares
the real thing.
"""

from __future__ import annotations

from hashlib import blake2b

__all__ = ["CONTENT", "control_id_range", "fingerprint"]

# A fingerprint has 24 bits of the control id, then 20 of feed and sender, then 20 of the content. So one
# index finds by control id (a range of 2**40), by duplicate key (a range of 2**20) and the exact copy.
_CONTENT_BITS = 20
_SENDER_BITS = 20
CONTENT = (1 << _CONTENT_BITS) - 1
"""The bits of a fingerprint that are of the content alone."""


def fingerprint(feed: str, sender: bytes, control_id: str, sha256: bytes) -> int:
    """The signed 64-bit number under which a message is indexed."""
    control = int.from_bytes(blake2b(control_id.encode(), digest_size=3).digest(), "big")
    whom = blake2b(feed.encode() + b"\r" + sender, digest_size=3).digest()
    number = (control << _SENDER_BITS) | (int.from_bytes(whom, "big") >> 4)
    number = (number << _CONTENT_BITS) | (int.from_bytes(sha256[:3], "big") >> 4)
    return number - (1 << 64) if number >> 63 else number


def control_id_range(control_id: str) -> tuple[int, int]:
    """The first and last fingerprint that a message with this control id may have."""
    low = fingerprint("", b"", control_id, b"\0\0\0") >> 40 << 40
    return low, low + (1 << 40) - 1
