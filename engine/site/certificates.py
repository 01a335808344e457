"""Looks at TLS files when the site is checked, so that a wrong one is not found out at the first start.

Must not know feeds or channels.
"""

from __future__ import annotations

import hashlib
import ssl
from pathlib import Path

from routes.language.problems import Problems, Spot
from routes.language.source import Scalar

__all__ = ["check_certificates", "existing_file", "fingerprint"]

MOST = 4_000_000  # bytes of one file that count; the largest bundles of authorities have a tenth of it


def existing_file(name: Scalar | None, folder: Path, problems: Problems) -> Path | None:
    """The file that a setting names (a relative path starts at the site folder), if it can be read."""
    if name is None:
        return None
    path = folder / name.value
    try:
        with path.open("rb"):
            return path
    except OSError as why:
        problems.add(
            name.spot,
            f"This file cannot be read ({why.strerror}). A relative path starts at the site folder.",
            "missing-tls-file",
        )
        return None


def check_certificates(
    certificate: Path | None, key: Path | None, authority: Path | None, spot: Spot, problems: Problems
) -> None:
    """A problem where OpenSSL would not take these PEM files, or the key belongs to another certificate."""
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    try:
        if certificate is not None and key is not None:
            # Without this OpenSSL would ask for a pass phrase on the terminal, and wait.
            context.load_cert_chain(certificate, key, password=lambda: "")
        if authority is not None:
            context.load_verify_locations(authority)
    except (OSError, ValueError) as why:
        reason = getattr(why, "reason", None) or "not PEM, or a key with a pass phrase"
        words = str(reason).replace("_", " ").lower()
        problems.add(
            spot,
            f"These TLS files cannot be used ({words}). They must be PEM; the key must belong to the "
            "certificate and have no pass phrase.",
            "bad-tls-file",
        )


def fingerprint(*files: Path | None) -> str:
    """SHA-256 of what these files hold: tells a renewed certificate under its old name from the one before.
    A file that cannot be read has a problem of its own already."""
    digest = hashlib.sha256()
    for file in files:
        try:
            if file is not None:
                with file.open("rb") as opened:
                    digest.update(opened.read(MOST))
        except OSError:
            return ""
        digest.update(b"\0")
    return digest.hexdigest()
