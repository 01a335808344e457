"""Writes a test of a route that expects what happens now: YAML to be put behind `tests:`.

Of each copy the first values are expected that dialect and route changed. Knows no files and no journal.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterable, Iterator
from dataclasses import dataclass

from routes.hl7.message import Message, SegmentEnds
from routes.hl7.path import compile_path, parse_path
from routes.review.happening import Happened
from routes.review.playing import Made

__all__ = ["Sampled", "changed_values", "outcome_of", "write_stanza"]

MAX_VALUES = 8
"""Of a copy: more than so many changes nobody would read, and the first ones show what is meant."""

_PLAIN = re.compile(r"[A-Za-z0-9][A-Za-z0-9 _./+-]*[A-Za-z0-9_.+-]|[A-Za-z0-9]")


@dataclass(frozen=True, slots=True)
class Sampled:
    """What a stanza says besides its expectations. received: ISO 8601 with its offset, or "". earlier, final:
    who was sent an earlier version, and a final one, as `channel @ address`."""

    name: str
    given: str
    feed: str
    received: str = ""
    earlier: tuple[str, ...] = ()
    final: tuple[str, ...] = ()


def write_stanza(sampled: Sampled, happened: Happened, before: Message, ends: SegmentEnds) -> str:
    """The stanza, indented as an entry of `tests:`. before: the sample, which copies are compared with."""
    lines = [
        f"  - name: {_scalar(sampled.name)}",
        f"    given: {_scalar(sampled.given)}",
        f"    feed: {sampled.feed}",
        *([f"    received: {sampled.received}"] if sampled.received else []),
        *([f"    earlier: [{', '.join(map(_scalar, sampled.earlier))}]"] if sampled.earlier else []),
        *([f"    earlier_final: [{', '.join(map(_scalar, sampled.final))}]"] if sampled.final else []),
        "    expect:",
        *(f"      {line}" for line in _expect(happened, before, ends)),
    ]
    return "".join(f"{line}\n" for line in lines)


def outcome_of(happened: Happened) -> tuple[object, ...]:
    """What is the same of two samples that take the same way: everything but the content."""
    return (
        happened.acks,
        sorted(made.where for made in happened.sent),
        sorted(held.tray for held in happened.held),
        happened.rejected,
        happened.not_wanted,
        [finding.words for finding in happened.warned],
    )


def changed_values(before: Message, after: Message) -> list[tuple[str, str]]:
    """The paths at which two messages differ, each with what an expression reads in the second.

    Segments of one name are compared in their order, where there are as many of them in both.
    """
    found: list[tuple[str, str]] = []
    for name in dict.fromkeys(each for each in after.names() if each):
        raw = name.encode("latin-1", "replace")
        pairs = list(zip(before.rows(raw), after.rows(raw), strict=False))
        if len(before.rows(raw)) != len(after.rows(raw)):
            continue
        for count, (old, new) in enumerate(pairs, 1):
            segment = f"{name}[{count}]" if len(pairs) > 1 else name
            for number in range(3 if name == "MSH" else 1, _width(before, old, after, new)):
                texts = before.field(old, number), after.field(new, number)
                if texts[0] != texts[1]:
                    paths = _parts(f"{segment}-{number}", *texts, after)
                    found += [(path, compile_path(parse_path(path)).first(after)) for path in paths]
    return found


def _width(before: Message, old: int, after: Message, new: int) -> int:
    return max(len(before.fields(old)), len(after.fields(new)))


def _parts(path: str, old: str, new: str, message: Message) -> Iterator[str]:
    """The paths of the components that differ."""
    repetition_cut, component_cut, _, _ = message.separators.cuts
    olds, news = old.split(repetition_cut), new.split(repetition_cut)
    for place in range(max(len(olds), len(news))):
        one, other = (texts[place] if place < len(texts) else "" for texts in (olds, news))
        if one == other:
            continue
        here = f"{path}[{place + 1}]" if len(news) > 1 or len(olds) > 1 else path
        ones, others = one.split(component_cut), other.split(component_cut)
        if len(ones) == len(others) == 1:
            yield here
            continue
        for number in range(max(len(ones), len(others))):
            parts = [texts[number] if number < len(texts) else "" for texts in (ones, others)]
            if parts[0] != parts[1]:
                yield f"{here}.{number + 1}"


def _expect(happened: Happened, before: Message, ends: SegmentEnds) -> Iterator[str]:
    yield f"ack: {_one_or_list(dict.fromkeys(happened.acks) if _same(happened.acks) else happened.acks)}"
    if happened.sent:
        yield "sent:"
        places = [made.where for made in happened.sent]
        twice = len(set(places)) < len(places)
        for made in happened.sent:
            yield from (f"  {line}" for line in _copy(made, before, ends, dash=twice))
    named = {
        "held": [held.tray for held in happened.held],
        "rejected": happened.rejected,
        "not_wanted": happened.not_wanted,
        "warned": [finding.words for finding in happened.warned],
    }
    for key, values in named.items():
        if values:
            yield f"{key}: {_one_or_list(dict.fromkeys(values))}"


def _copy(made: Made, before: Message, ends: SegmentEnds, *, dash: bool) -> Iterator[str]:
    after = Message.parse(made.copy.body, charset=before.codec, segment_ends=ends)
    values = changed_values(before, after)
    first, more = ("- ", "    ") if dash else ("", "  ")
    yield f"{first}{made.where}:"
    yield from (f"{more}{path}: {_scalar(value)}" for path, value in values[:MAX_VALUES])


def _same(texts: list[str]) -> bool:
    return len(set(texts)) == 1


def _one_or_list(texts: Iterable[str]) -> str:
    written = [_scalar(text) for text in texts]
    return written[0] if len(written) == 1 else f"[{', '.join(written)}]"


def _scalar(text: str) -> str:
    """A text as YAML reads it back."""
    if not text:
        return "''"
    return text if _PLAIN.fullmatch(text) else json.dumps(text, ensure_ascii=False)
