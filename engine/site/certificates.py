"""Looks at TLS files when the site is checked, so that a wrong one is not found out at the first start.

Must not know feeds or channels.
"""

from __future__ import annotations

import hashlib
import ssl
import time
from pathlib import Path

from routes.language.problems import Problems, Spot
from routes.language.source import Scalar

__all__ = ["check_certificates", "existing_file", "fingerprint", "readable_file"]

_CERT_HAS_EXPIRED = 10  # X509_V_ERR_CERT_HAS_EXPIRED
MOST = 4_000_000  # bytes of one file that count; the largest bundles of authorities have a tenth of it


def existing_file(name: Scalar | None, folder: Path, problems: Problems) -> Path | None:
    """The file that a setting names (a relative path starts at the site folder), if it can be read."""
    return None if name is None else readable_file(folder / name.value, name.spot, problems)


def readable_file(path: Path, spot: Spot, problems: Problems) -> Path | None:
    """The file, if it can be read; a problem and None otherwise."""
    try:
        with path.open("rb"):
            return path
    except OSError as why:
        problems.add(
            spot,
            f"This file cannot be read ({why.strerror}). A relative path starts at the site folder.",
            "missing-tls-file",
        )
        return None


def check_certificates(
    certificate: Path | None, key: Path | None, authority: Path | None, spot: Spot, problems: Problems
) -> None:
    """A problem where OpenSSL would not take these PEM files, or the key belongs to another certificate; a
    warning where one has expired."""
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
        return
    expired = []
    if certificate is not None and key is not None and _expired(certificate, key):
        expired.append(certificate)
    if authority is not None and _authorities_expired(context):
        expired.append(authority)
    for file in expired:
        problems.add(
            spot,
            f"The certificate in {file.name} has expired: whoever checks it will not connect. Renew it.",
            "expired-certificate",
            warning=True,
        )


def _expired(certificate: Path, key: Path) -> bool:
    """Whether OpenSSL, shown this certificate in a handshake (which nobody else sees), finds it expired."""
    shower = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    shower.load_cert_chain(certificate, key, password=lambda: "")
    looker = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    looker.check_hostname = False
    looker.verify_flags |= ssl.VERIFY_X509_PARTIAL_CHAIN  # only its own time counts
    looker.load_verify_locations(certificate)
    one, other = ssl.MemoryBIO(), ssl.MemoryBIO()
    shown, looking = shower.wrap_bio(one, other, server_side=True), looker.wrap_bio(other, one)
    for side in (looking, shown, looking):
        try:
            side.do_handshake()
        except ssl.SSLWantReadError:
            continue
        except ssl.SSLCertVerificationError as why:
            return why.verify_code == _CERT_HAS_EXPIRED
        except ssl.SSLError:
            return False  # wrong in another way, which its peers will tell
    return False


def _authorities_expired(context: ssl.SSLContext) -> bool:
    """Whether no authority of those loaded is valid any more."""
    ends = [ssl.cert_time_to_seconds(str(found["notAfter"])) for found in context.get_ca_certs()]
    return bool(ends) and max(ends) < time.time()


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
