"""References to secrets: `${env:NAME}` and `${file:/run/secrets/x}`, filled in and shown masked.

The value of a secret is only ever in `Filled.value`; problems name the reference, never what it stands
for. Must not know what the text is used for.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path

__all__ = ["MASK", "Filled", "SecretError", "files_of", "fill_in", "has_reference"]

MASK = "***"
MAX_SECRET = 64 * 1024  # bytes; a secret is a password or a token, not a document

_REFERENCE = re.compile(r"\$\{([^}]*)\}?")


@dataclass(frozen=True, slots=True)
class Filled:
    """A text with its references filled in, and the same text fit to be shown."""

    value: str
    shown: str


class SecretError(Exception):
    """A reference that cannot be followed: where it stands in the text, and what to do about it."""

    def __init__(self, message: str, offset: int, length: int) -> None:
        super().__init__(message)
        self.message = message
        self.offset = offset
        self.length = length


def has_reference(text: str) -> bool:
    """True where the text holds `${`, well formed or not."""
    return "${" in text


def files_of(text: str) -> tuple[Path, ...]:
    """The files that the text's references lead to."""
    kinds = (found[1].partition(":") for found in _REFERENCE.finditer(text))
    return tuple(Path(name) for kind, _, name in kinds if kind == "file" and name)


def fill_in(
    text: str, environ: Mapping[str, str], *, quote: Callable[[str], str] = lambda value: value
) -> Filled:
    """Fill in every reference. `quote` is applied to each secret that is only a part of the text.

    Raises SecretError for the first reference that is written wrongly or leads nowhere.
    """
    value: list[str] = []
    shown: list[str] = []
    at = 0
    for found in _REFERENCE.finditer(text):
        secret = _follow(found, environ)
        part = secret if found[0] == text else quote(secret)
        value += (text[at : found.start()], part)
        shown += (text[at : found.start()], MASK)
        at = found.end()
    value.append(text[at:])
    shown.append(text[at:])
    return Filled("".join(value), "".join(shown))


def _follow(found: re.Match[str], environ: Mapping[str, str]) -> str:
    kind, colon, name = found[1].partition(":")
    if not found[0].endswith("}") or not colon or not name or kind not in ("env", "file"):
        raise _missing(found, "a secret is written ${env:NAME} or ${file:/run/secrets/name}")
    if kind == "env":
        value = environ.get(name, "")
        if not value:
            raise _missing(found, f"the environment variable {name} is not set; set it before starting")
        return value
    return _read(found, Path(name))


def _read(found: re.Match[str], path: Path) -> str:
    if not path.is_absolute():
        raise _missing(found, "the path of a secret's file begins with /, as in ${file:/run/secrets/name}")
    try:
        with path.open("rb") as file:
            data = file.read(MAX_SECRET + 1)
        text = data.decode("utf-8").rstrip("\r\n")
    except OSError as why:
        raise _missing(found, f"the file {path} cannot be read ({why.strerror})") from None
    except UnicodeDecodeError:
        raise _missing(found, f"the file {path} is not UTF-8 text") from None
    if not text or len(data) > MAX_SECRET:
        raise _missing(found, f"the file {path} is empty, or too large to be a secret")
    return text


def _missing(found: re.Match[str], message: str) -> SecretError:
    return SecretError(message, found.start(), len(found[0]))
