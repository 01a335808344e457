"""A plugin step as a change: the message goes out as text, and only what it may write is taken over.

Pure as far as this package goes: what runs the plugin is handed in. Must not know processes or packages.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Mapping, Sequence

from routes.flow.changing import Step
from routes.flow.running import Run
from routes.hl7.message import Message

__all__ = ["RunPlugin", "plug_in", "take_over"]

RunPlugin = Callable[[str, Mapping[str, str]], str | None]
"""Runs a plugin on a message's text with its settings; None where it failed."""


def plug_in(run_plugin: RunPlugin, settings: Mapping[str, str], writes: Collection[str]) -> Step:
    """`step`: False where the plugin failed, or changed segments that it may not write."""

    def step(run: Run) -> bool:
        message = run.message
        text = "".join(message.text(n) + "\r" for n in range(message.segments) if message.name(n))
        changed = run_plugin(text, settings)
        return changed is not None and take_over(message, changed, writes)

    return step


def take_over(message: Message, text: str, writes: Collection[str]) -> bool:
    """Bring the segments named in `writes` into the state that they have in `text`.

    The others must stand there as they stood, in number and order; otherwise nothing is changed and the
    answer is False. Segments that are equal stay byte for byte; MSH keeps its delimiters.
    """
    here = [number for number in range(message.segments) if message.name(number)]
    after = [segment for segment in text.split("\r") if segment]
    fixed = [number for number in here if number == 0 or message.name(number) not in writes]
    kept = [place for place, segment in enumerate(after) if place == 0 or segment[:3] not in writes]
    if [message.text(number).rstrip() for number in fixed[1:]] != [
        after[place].rstrip() for place in kept[1:]
    ]:
        return False
    if not after or not _take_over_header(message, after[0], "MSH" in writes):
        return False
    ends, stops = [*fixed[1:], message.segments], [*kept[1:], len(after)]
    # From the last gap between fixed segments to the first, so that earlier positions stay as they are.
    for begin, end, start, stop in reversed(list(zip(fixed, ends, kept, stops, strict=True))):
        old = [number for number in here if begin < number < end]
        _fill_gap(message, old, end, after[start + 1 : stop])
    return True


def _take_over_header(message: Message, header: str, writes: bool) -> bool:
    """MSH, field by field; False where it is changed and may not be, or where its delimiters are."""
    old = message.text(0)
    if header.rstrip() == old.rstrip():
        return True
    separator = message.separators.field
    fields, now = header.split(separator), old.split(separator)
    if not writes or fields[:2] != now[:2]:
        return False
    for place in range(2, max(len(fields), len(now))):
        value = fields[place] if place < len(fields) else ""
        if value != (now[place] if place < len(now) else ""):
            message.set_field(0, place + 1, value)
    return True


def _fill_gap(message: Message, old: Sequence[int], end: int, new: Sequence[str]) -> None:
    """Make the segments at `old`, which stand before `end`, be those of `new`."""
    same = 0
    for number, segment in zip(old, new, strict=False):
        if message.name(number) != segment[:3]:
            break
        if message.text(number) != segment:
            message.replace(number, segment)
        same += 1
    for segment in reversed(new[same:]):
        message.insert(end, segment)
    for number in old[same:]:
        message.remove(number)
