"""Files of messages, as analysts keep them: one message or several, with CR, LF or CRLF, framed or not.

Bytes in, bytes out; nothing is decoded or judged. Must not know sockets.
"""

from __future__ import annotations

import re

from channels.mllp.framer import Frame, Framer

__all__ = ["renew_control_id", "split_messages"]

_MESSAGE = re.compile(rb"(?:\A|(?<=[\r\n]))(?=MSH[^\w\s])")
_BATCH = (b"FHS", b"BHS")
_BOM = b"\xef\xbb\xbf"


def split_messages(data: bytes, *, as_is: bool = False) -> list[bytes]:
    """The messages of a file, in order.

    A file of MLLP frames gives the frames' bodies. A batch (it begins with FHS or BHS) is one message, as
    it would travel. Otherwise a message begins at each line that begins with MSH, and blank lines between
    messages are dropped. Unless `as_is`, a file without any bare CR gets CR as its segment ends: that is
    what an editor made of them.
    """
    if data.startswith(b"\x0b"):
        events = Framer(len(data)).receive(data)
        return [event.body for event in events if isinstance(event, Frame)]
    data = data.removeprefix(_BOM)
    if not as_is:
        data = _with_cr(data)
    if data[:3] in _BATCH:
        return [data]
    starts = [found.start() for found in _MESSAGE.finditer(data)]
    if not starts:
        return [data] if data.strip() else []
    ends = [*starts[1:], len(data)]
    return [_trim(data[start:end]) for start, end in zip(starts, ends, strict=True)]


def _with_cr(data: bytes) -> bytes:
    if re.search(rb"\r(?!\n)", data):
        return data  # CR is in use, so a LF may be part of a text
    return data.replace(b"\r\n", b"\r").replace(b"\n", b"\r")


def _trim(message: bytes) -> bytes:
    """One segment end at the end, as it stands, and no blank lines after it."""
    body = message.rstrip(b"\r\n")
    rest = message[len(body) :]
    return body + (rest[:2] if rest[:2] == b"\r\n" else rest[:1])


def renew_control_id(message: bytes, control_id: bytes) -> bytes:
    """The message with another MSH-10; one without MSH stays as it is."""
    if not message.startswith(b"MSH") or len(message) < 5:
        return message
    separator = message[3:4]
    end = re.search(rb"[\r\n]|\Z", message)
    stop = end.start() if end else len(message)
    fields = message[:stop].split(separator)
    fields += [b""] * (10 - len(fields))
    fields[9] = control_id
    return separator.join(fields) + message[stop:]
