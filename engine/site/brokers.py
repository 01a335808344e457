"""The broker's addresses in gatepost.yaml: one, or one for each node of a cluster, and their TLS files.

Secrets are filled in here, and masked in what is shown. Nothing is connected to.
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from urllib.parse import SplitResult, parse_qsl, quote, unquote, urlencode, urlsplit, urlunsplit

from engine.site.certificates import check_certificates, readable_file
from engine.site.overlay import OPTIONS
from engine.site.secrets import MASK, SecretError, files_of, fill_in
from routes.language.problems import Problems, Spot
from routes.language.source import Scalar

__all__ = ["EMBEDDED", "Brokers", "read_brokers", "same_cluster"]

_HARMLESS = ("guest",)  # RabbitMQ's own default password, which works from the same machine only
_TLS_FILES = ("cafile", "certfile", "keyfile")


@dataclass(frozen=True, slots=True)
class Brokers:
    """urls: of the nodes of one cluster, secrets filled in; none for the embedded queue. shown: the same, fit
    to be shown. wanted: a broker is asked for, even where its address could not be read. secrets: files that
    hold some."""

    urls: tuple[str, ...] = ()
    shown: str = "embedded"
    wanted: bool = False
    secrets: tuple[Path, ...] = ()


EMBEDDED = Brokers()


@dataclass(frozen=True, slots=True)
class _Address:
    url: str
    shown: str
    virtual_host: str
    spot: Spot


def read_brokers(
    texts: tuple[Scalar, ...], folder: Path, environ: Mapping[str, str], problems: Problems
) -> Brokers:
    """Read what stands behind `broker:`. Where an address is wrong there are no urls, and a problem."""
    if not texts or [text.value for text in texts] == ["embedded"]:
        return EMBEDDED
    read = [_address(text, folder, environ, problems) for text in texts]
    found = [address for address in read if address is not None]
    secrets = tuple(file for text in texts for file in files_of(text.value))
    whole = len(found) == len(texts) and _one_cluster(found, problems)
    if not whole:
        return Brokers(wanted=True, secrets=secrets)
    return Brokers(
        tuple(address.url for address in found), ", ".join(address.shown for address in found), True, secrets
    )


def same_cluster(old: Sequence[str], new: Sequence[str]) -> bool:
    """True where both are brokers, and at least one address leads to the same node and virtual host: then
    deliveries under way find what they left there. Users and passwords do not count."""
    return bool({_place(url) for url in old} & {_place(url) for url in new})


def _place(url: str) -> tuple[str, str | None, int | None, str, str]:
    parts = urlsplit(url)
    return parts.scheme, parts.hostname, parts.port, _virtual_host(parts), parts.query


def _virtual_host(parts: SplitResult) -> str:
    """What stands behind the port; nothing means RabbitMQ's own, which is called /."""
    return unquote(parts.path[1:]) or "/"


def _address(text: Scalar, folder: Path, environ: Mapping[str, str], problems: Problems) -> _Address | None:
    try:
        # A password with @ or / in it must not be read as a part of the address.
        filled = fill_in(text.value, environ, quote=lambda secret: quote(secret, safe=""))
    except SecretError as missing:
        spot = text.at(missing.offset, missing.length)
        problems.add(spot, f"The broker's address cannot be filled in: {missing.message}.", "missing-secret")
        return None
    parts = _split(filled.value)
    if parts is None:
        problems.add(
            text.spot,
            'This must be "embedded" or the address of a RabbitMQ, such as amqp://user:${env:RABBIT_PASSWORD}'
            "@host:5672/",
            "bad-broker",
        )
        return None
    parts = _tls_files(parts, text, folder, problems)
    shown = filled.shown
    if parts.password is not None:
        _warn_of_clear_password(parts.password, text, problems)
        user, at, host = parts.netloc.rpartition("@")
        shown = urlunsplit(parts._replace(netloc=re.sub(r":.*", f":{MASK}", user) + at + host))
    return _Address(urlunsplit(parts), shown, _virtual_host(parts), text.spot)


def _split(url: str) -> SplitResult | None:
    try:
        parts = urlsplit(url)
        good = parts.port is None or parts.port > 0
    except ValueError:
        return None
    return parts if good and parts.scheme in ("amqp", "amqps") and parts.hostname else None


def _warn_of_clear_password(password: str, text: Scalar, problems: Problems) -> None:
    written = password in text.value and password not in _HARMLESS
    if written and text.spot.file != OPTIONS:
        problems.add(
            text.at(text.value.find(password), len(password)),
            "A password stands here in clear. Write ${env:NAME} or ${file:/run/secrets/name} instead.",
            "secret-in-file",
            warning=True,
        )


def _one_cluster(addresses: Sequence[_Address], problems: Problems) -> bool:
    for address in addresses[1:]:
        if address.virtual_host != addresses[0].virtual_host:
            problems.add(
                address.spot,
                "These addresses must lead to nodes of one cluster, and into the same virtual host "
                "(what stands behind the port).",
                "two-clusters",
            )
            return False
    return True


# -- TLS ------------------------------------------------------------------------------------------------


def _tls_files(parts: SplitResult, text: Scalar, folder: Path, problems: Problems) -> SplitResult:
    """The address with its TLS files found from the site folder, and problems where they cannot be used."""
    query = dict(parse_qsl(parts.query, keep_blank_values=True))
    named = {key: query[key] for key in _TLS_FILES if query.get(key)}
    if not named:
        return parts
    if parts.scheme != "amqps":
        problems.add(
            text.spot,
            f'"{next(iter(named))}" has no effect without TLS: write amqps://',
            "bad-broker",
        )
        return parts
    start = Path() if text.spot.file == OPTIONS else folder
    found: dict[str, Path | None] = {}
    for which, name in named.items():
        place = text.value.find(name)
        spot = text.at(place, len(name)) if place >= 0 else text.spot
        found[which] = readable_file(start / name, spot, problems)
    certificate, key = found.get("certfile"), found.get("keyfile")
    if "keyfile" in named and "certfile" not in named:
        problems.add(text.spot, '"keyfile" without "certfile": write both.', "half-a-pair")
    if None not in found.values():
        check_certificates(certificate, key or certificate, found.get("cafile"), text.spot, problems)
    query.update({key: str(path) for key, path in found.items() if path is not None})
    return parts._replace(query=urlencode(query, safe="/:"))
