"""Keeps the texts that configurations were made of: each text once, compressed, under its SHA-256.

Knows texts by their paths, and nothing of what stands in them or of who decided by them. Ten configurations
with one large table among their files cost that table once.
"""

from __future__ import annotations

import sqlite3
import zlib
from collections.abc import Collection, Mapping
from dataclasses import dataclass
from hashlib import sha256

__all__ = ["Kept", "Packed", "digest_of", "known_texts", "pack", "read_digests", "read_sources"]


@dataclass(frozen=True, slots=True)
class Packed:
    """One text: its SHA-256, its size in bytes, and itself, compressed."""

    sha256: bytes
    size: int
    packed: bytes


@dataclass(frozen=True, slots=True)
class Kept:
    """One configuration to be kept: which text stands at each path, and the texts not kept yet."""

    hash: str
    files: tuple[tuple[str, bytes], ...]
    new: tuple[Packed, ...]


def digest_of(text: str) -> bytes:
    """What a text is known by."""
    return sha256(_encoded(text)).digest()


def pack(
    hash_: str, digests: Mapping[str, bytes], sources: Mapping[str, str], known: Collection[bytes]
) -> Kept:
    """Compress what is not known. Takes about a second for a table of 50 MB: not for the event loop.

    digests: of `sources`, by path.
    """
    new: dict[bytes, Packed] = {}
    for path, text in sources.items():
        digest = digests[path]
        if digest not in known and digest not in new:
            data = _encoded(text)
            new[digest] = Packed(digest, len(data), zlib.compress(data))
    return Kept(hash_, tuple(sorted(digests.items())), tuple(new.values()))


def known_texts(connection: sqlite3.Connection) -> frozenset[bytes]:
    """The SHA-256 of every text that is kept."""
    return frozenset(bytes(digest) for (digest,) in connection.execute("SELECT sha256 FROM source"))


def read_digests(connection: sqlite3.Connection, hash_: str) -> dict[str, bytes]:
    """The SHA-256 of each text of a configuration, by path; empty where it was not kept."""
    rows = connection.execute(
        "SELECT s.path, s.sha256 FROM config c CROSS JOIN config_source s ON s.config=c.id WHERE c.hash=?"
        " ORDER BY s.path",
        (hash_,),
    )
    return {path: bytes(digest) for path, digest in rows}


def read_sources(
    connection: sqlite3.Connection, hash_: str, only: Collection[str] | None = None
) -> dict[str, str]:
    """The texts of a configuration by path, or those of some paths; empty where it was not kept."""
    rows = connection.execute(
        "SELECT s.path, t.bytes FROM config c CROSS JOIN config_source s ON s.config=c.id"
        " CROSS JOIN source t ON t.sha256=s.sha256 WHERE c.hash=? ORDER BY s.path",
        (hash_,),
    )
    return {path: _decoded(zlib.decompress(data)) for path, data in rows if only is None or path in only}


def _encoded(text: str) -> bytes:
    return text.encode("utf-8", "surrogatepass")


def _decoded(data: bytes) -> str:
    return data.decode("utf-8", "surrogatepass")
