"""What RabbitMQ's refusals mean, in words for operators: why a connection failed, what differs in a queue.

Pure: errors and the broker's own texts in, sentences out. No user or password stands in them; of
the client's texts only those parts are passed on that can hold none.
"""

from __future__ import annotations

import re
import socket
import ssl
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from aiormq.exceptions import (
    AuthenticationError,
    ConnectionNotAllowed,
    InvalidFrameError,
    ProbableAuthenticationError,
)

__all__ = [
    "LOST", "SILENT", "UNCONFIRMED", "NotReachedError", "Refusal", "difference", "together",
    "why_not_connected",
]  # fmt: skip


@dataclass(frozen=True, slots=True)
class Refusal:
    """Why the broker is not reached, and what a person can do about it."""

    why: str
    remedy: str

    def __str__(self) -> str:
        return f"{self.why}; {self.remedy}"


class NotReachedError(ConnectionError):
    """No node of the broker could be connected to."""

    def __init__(self, refusal: Refusal) -> None:
        super().__init__(refusal.why)
        self.refusal = refusal


def together(whys: Mapping[str, Refusal]) -> Refusal:
    """Why none of these nodes (host and port) is reached, as one."""
    different = tuple(dict.fromkeys(whys.values()))
    if len(different) == 1 and len(whys) == 1:
        return different[0]
    if len(different) == 1:
        (same,) = different
        return Refusal(f"{same.why} (the same at each of {', '.join(whys)})", same.remedy)
    remedies = dict.fromkeys(why.remedy for why in different)
    return Refusal("; ".join(f"{node}: {why.why}" for node, why in whys.items()), "; ".join(remedies))


_LOGIN = Refusal(
    "the broker refuses this user or password",
    "correct the address in gatepost.yaml, or the secret it names; a reload is enough",
)
_VIRTUAL_HOST = Refusal(
    "the broker knows the user, and closed the connection when the virtual host was opened",
    "it must exist (rabbitmqctl add_vhost), the user must have permissions in it (rabbitmqctl "
    "set_permissions), and no limit on connections may be reached",
)
_NOBODY = Refusal("nothing listens at this address and port", "is the broker running, and the address right?")
_NO_HOST = Refusal("the name of the broker's machine is not known", "is it right, and does name lookup work?")
SILENT = Refusal("the broker did not answer in time", "is it overloaded, or does a firewall stand between?")
UNCONFIRMED = Refusal(
    "the broker did not confirm what was published, and the connection was given up",
    "is it overloaded? In a cluster: are most of its nodes there (rabbitmqctl cluster_status)?",
)
_PLAIN = Refusal(
    "what listens there does not speak TLS",
    "use the broker's port for TLS (5671 as a rule) with amqps://, or amqp:// with the other",
)
_RESET = Refusal(
    "the other side ended the connection before it stood",
    "is this the broker's port, and does it want TLS (amqps://)?",
)
_NAME = Refusal(
    "the broker's certificate is for another name than the one in the address",
    "use a name that the certificate has, or give the broker another certificate",
)
_EXPIRED = Refusal("the broker's certificate has expired", "renew it on the broker")
_UNTRUSTED = Refusal(
    "the broker's certificate is not signed by an authority that is trusted here",
    "name the file of the right authority: amqps://...?cafile=/path/to/authority.pem",
)
_CLIENT = Refusal(
    "the broker does not accept our certificate, or wants one",
    "name both files in the address: ?certfile=...&keyfile=..., signed by an authority that the broker knows",
)
_FILES = Refusal(
    "the file of the authority, or that of our certificate or key, cannot be read as such",
    "look at cafile, certfile and keyfile in the broker's address: PEM, and readable by the engine's user",
)
LOST = Refusal("the connection was lost", "is the broker running?")


def why_not_connected(error: BaseException) -> Refusal:
    """What a failed attempt to connect, or the end of a connection, means."""
    if isinstance(error, NotReachedError):
        return error.refusal
    cause = error.__cause__ or error
    if isinstance(error, ProbableAuthenticationError | AuthenticationError):
        return _LOGIN
    if isinstance(error, ConnectionNotAllowed) or (
        isinstance(error, InvalidFrameError) and "Connection.Close" in str(error.args)
    ):
        return _VIRTUAL_HOST
    if isinstance(cause, ssl.SSLCertVerificationError):
        return _certificate(cause)
    if isinstance(cause, ssl.SSLError):
        return _tls(cause)
    if isinstance(error, FileNotFoundError | PermissionError | IsADirectoryError):
        return _FILES
    if isinstance(cause, socket.gaierror):
        return _NO_HOST
    if isinstance(cause, ConnectionRefusedError):
        return _NOBODY
    if isinstance(cause, TimeoutError):
        return SILENT
    if isinstance(cause, ConnectionResetError):
        return _RESET
    return Refusal(f"{LOST.why} ({type(error).__name__})", LOST.remedy)


def _certificate(cause: ssl.SSLCertVerificationError) -> Refusal:
    text = str(cause.args)
    if "mismatch" in text:
        return _NAME
    return _EXPIRED if "expired" in text else _UNTRUSTED


def _tls(cause: ssl.SSLError) -> Refusal:
    text = str(cause.args).upper()
    if "WRONG_VERSION_NUMBER" in text or "RECORD LAYER" in text:
        return _PLAIN
    return _CLIENT if "ALERT" in text else _FILES


_INEQUIVALENT = re.compile(
    r"inequivalent arg '(?P<name>[^']+)'.*\bcurrent is (?:the value )?(?:'(?P<value>[^']*)'|none)"
)


def difference(text: str, wanted: Mapping[str, Any]) -> str:
    """What the broker's refusal tells of a queue's arguments: it names the first that differs, no more."""
    found = _INEQUIVALENT.search(text)
    if found is None:
        return "it has other arguments than Gatepost gives its queues"
    name, value = found["name"], found["value"]
    ours = _shown("true" if name == "durable" else wanted.get(name))
    return f"{name} should be {ours} and is {_shown(value)} (the broker names the first difference only)"


def _shown(value: Any) -> str:
    if value is None:
        return "absent"
    if isinstance(value, bool):
        return str(value).lower()
    return f'"{value}"' if value == "" else str(value)
