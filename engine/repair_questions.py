"""What a person asks of repair, read from the question at the control socket.

Knows no journal and no site: whether the things asked for exist, and may be done, is `repair`'s matter.
"""

from __future__ import annotations

import base64
import binascii
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Literal

from engine.journal.repairs import By
from engine.releasing import Answer
from routes.hl7.header import Unreadable, read_header

__all__ = ["MOST", "Asked", "Unasked", "read_question"]

MOST = 200
"""Items of one question."""

What = Literal["release", "resend", "redirect", "discard"]


class Unasked(Exception):
    """A question that makes no sense: its words are for whoever asked."""


@dataclass(frozen=True, slots=True)
class Asked:
    """A question at the control socket, read."""

    what: What
    held: tuple[int, ...]
    copies: tuple[int, ...]
    by: By
    preview: bool
    old: bool
    role: str
    as_then: bool
    answer: Answer


def read_question(question: Mapping[str, Any], now: int) -> Asked:
    """The question in our own terms. Raises Unasked."""
    what = question.get("what")
    if what not in ("release", "resend", "redirect", "discard"):
        raise Unasked("what is asked must be release, resend, redirect or discard")
    held, copies = (_ids(question.get(key, ())) for key in ("held", "copies"))
    if len(held) + len(copies) > MOST:
        raise Unasked(f"at most {MOST} at a time")
    texts = {key: question.get(key, "") for key in ("who", "why", "role", "channel", "address", "edited")}
    if not all(isinstance(text, str) for text in texts.values()):
        raise Unasked("who, why, role, channel and address are texts")
    preview = bool(question.get("preview"))
    if not preview and not (texts["who"].strip() and texts["why"].strip()):
        raise Unasked("it takes who does it, and why")
    edited = _edited(texts["edited"]) if texts["edited"] else None
    if edited is not None and len(held) + len(copies) != 1:
        raise Unasked("an edited message stands for one thing only")
    answer = Answer(bool(question.get("unchanged")), texts["channel"], texts["address"], edited)
    return Asked(
        what, held, copies, By(texts["who"].strip()[:200], texts["why"].strip()[:1000], now), preview,
        bool(question.get("old")), texts["role"], bool(question.get("as_then")), answer,
    )  # fmt: skip


def _ids(given: object) -> tuple[int, ...]:
    if not isinstance(given, list | tuple) or not all(isinstance(id_, int) for id_ in given):
        raise Unasked("held and copies are lists of numbers")
    return tuple(dict.fromkeys(given))


def _edited(text: str) -> bytes:
    """The edited message. It must be one: what cannot be read would come back from every peer."""
    try:
        body = base64.b64decode(text, validate=True)
        read_header(body, segment_ends="any")
    except (binascii.Error, Unreadable) as why:
        raise Unasked(f"the edited message cannot be read: {why}") from None
    return body
