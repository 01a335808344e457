"""TLS for MLLP: contexts for listeners and senders, and the names in a peer's certificate.

TLS 1.2 and newer. Knows nothing of frames or of HL7. Who may send is decided by the certificate's chain
(here) and by its names (here, asked by the connection).
"""

from __future__ import annotations

import ssl
from collections.abc import Collection, Mapping
from pathlib import Path
from typing import Any

__all__ = ["client_context", "is_named", "peer_names", "server_context"]


def server_context(certificate: Path, key: Path, client_ca: Path | None = None) -> ssl.SSLContext:
    """A listener's side. With `client_ca`, clients must show a certificate from it (mutual TLS).

    OpenSSL refuses expired certificates, and those whose extended key usage does not include client
    authentication. Raises OSError or ssl.SSLError where a file cannot be read.
    """
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.minimum_version = ssl.TLSVersion.TLSv1_2
    context.load_cert_chain(certificate, key)
    if client_ca is not None:
        context.load_verify_locations(client_ca)
        context.verify_mode = ssl.CERT_REQUIRED
    return context


def client_context(
    ca: Path | None = None, certificate: Path | None = None, key: Path | None = None
) -> ssl.SSLContext:
    """A sender's side. `ca` verifies the peer (the system's own authorities where it is None), and the
    peer's name is checked. `certificate` and `key` are our own, for peers that want mutual TLS.

    Raises OSError or ssl.SSLError where a file cannot be read.
    """
    context = ssl.create_default_context(ssl.Purpose.SERVER_AUTH, cafile=ca)
    context.minimum_version = ssl.TLSVersion.TLSv1_2
    if certificate is not None:
        context.load_cert_chain(certificate, key)
    return context


def peer_names(certificate: Mapping[str, Any] | None) -> tuple[str, ...]:
    """The subject's common names and the DNS names of a verified certificate, as `getpeercert` gives it.

    The common name comes first: it is what operators know the sender by. () without a certificate.
    """
    if not certificate:
        return ()
    names = [
        value for relative in certificate.get("subject", ()) for key, value in relative if key == "commonName"
    ]
    names += [value for kind, value in certificate.get("subjectAltName", ()) if kind == "DNS"]
    return tuple(dict.fromkeys(names))


def is_named(names: Collection[str], allowed: Collection[str]) -> bool:
    """True where one of a certificate's names is allowed, in whatever case. No wildcards."""
    wanted = {name.casefold() for name in allowed}
    return any(name.casefold() in wanted for name in names)
