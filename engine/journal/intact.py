"""Whether stored bytes are still what was stored: each message, and each copy with bytes of its own, has its
SHA-256 beside it.

A disk may change a byte and say nothing. SQLite does not notice where it stands in a message. Bytes are
compared when they are read to be decided or sent; those that come from memory were never on the disk.
"""

from __future__ import annotations

from hashlib import sha256

__all__ = ["SPOILT", "is_spoilt"]

SPOILT = "the stored bytes are not what was received (sha256 differs)"
"""The reason for which it is held or parked."""


def is_spoilt(content: bytes, digest: bytes | None) -> bool:
    """Whether the content is another than that of the digest; False where none was recorded (copies with
    bytes of their own, before format 8)."""
    return digest is not None and sha256(content).digest() != digest
