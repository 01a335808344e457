"""What an entry of a file says, on one line: for traces. Near to how it is written, never a second language.

Knows the values that the files were read into, and nothing of messages.
"""

from __future__ import annotations

from collections.abc import Iterable

from routes.language.source import Scalar
from routes.language.steps import (
    Accept,
    Add,
    Arrange,
    Check,
    CopyStep,
    ForEach,
    Join,
    Otherwise,
    Plugin,
    Recase,
    Reformat,
    Remove,
    Renumber,
    Replace,
    SendEntry,
    Set,
    SetText,
    Split,
    Step,
    Translate,
)
from routes.language.syntax import quoted

__all__ = ["say_check", "say_entry", "say_otherwise", "say_step"]


def say_check(said: Check | Accept) -> str:
    """An entry of `check` or `accept`, without its `when` and its `else`."""
    if said.that is not None:
        return f"that: {_one_line(said.that)}"
    if said.unless is not None:
        return f"unless: {_one_line(said.unless)}"
    profile = said.profile if isinstance(said, Check) else None
    return f"conforms_to: {profile.value}" if profile is not None else ""


def say_entry(said: SendEntry) -> str:
    """An entry of `send`: where it goes."""
    text = f"{'pass_to' if said.passes else 'to'}: {said.to.value}"
    if said.each is not None:
        text = f"each: {said.each.value}, {text}"
    return text if said.address is None else f"{text}, address: {_one_line(said.address)}"


def say_otherwise(said: Otherwise) -> str:
    """An `else` or `otherwise`."""
    return f"{said.kind}: {said.words}"


def say_step(said: Step) -> str:
    """A step of `change`, without its `when` and its `else`."""
    match said:
        case Set():
            return f"set: {_pairs((path.value, _one_line(text)) for path, text in said.values)}"
        case SetText():
            return f"set_text: {_pairs((path.value, text) for path, text in said.values)}"
        case CopyStep():
            return f"{'move' if said.move else 'copy'}: from {said.source.value} to {said.target.value}"
        case Remove():
            return f"remove: {_paths(said.paths)}"
        case Translate():
            into = _pairs((str(number), column.value) for number, column in said.into)
            return f"translate: {said.path.value} using {said.table.value} into {into}"
        case Reformat():
            return f"reformat: {said.path.value} from {said.source.value} as {said.target.value}"
        case Replace():
            return f"replace: {_paths(said.paths)}, {quoted(said.find)} by {quoted(said.by)}"
        case Recase():
            return f"{said.how}: {_paths(said.paths)}"
        case ForEach():
            return f"for_each: {said.path.value}"
        case Add():
            return _add(said)
        case _:
            return _segments(said)


def _segments(said: Step) -> str:
    """The steps that work on whole segments, and plugins."""
    match said:
        case Join():
            return f"join: {said.path.value}{_within(said.within)}"
        case Renumber():
            return f"renumber: {said.path.value}{_within(said.within)}"
        case Arrange():
            return f"arrange: {said.path.value} by {said.by}, order {', '.join(said.order)}"
        case Split():
            return f"split: {said.segment.value}"
        case Plugin():
            return f"step: {said.name.value}"
        case _:
            raise TypeError(f"nothing is said of {type(said).__name__}")


def _add(said: Add) -> str:
    side = "after" if said.after is not None else "before"
    beside = said.after or said.before
    place = "" if beside is None else f" {side} {beside.value}"
    values = [(path.value, _one_line(text)) for path, text in said.values]
    texts = [(path.value, quoted(text)) for path, text in said.texts]
    return f"add: {said.name.value}{place}" + (
        f" with {_pairs([*values, *texts])}" if values or texts else ""
    )


def _within(segment: Scalar | None) -> str:
    return "" if segment is None else f" within {segment.value}"


def _paths(paths: Iterable[Scalar]) -> str:
    return ", ".join(path.value for path in paths)


def _pairs(pairs: Iterable[tuple[str, str]]) -> str:
    return ", ".join(f"{key}: {value}" for key, value in pairs)


def _one_line(text: Scalar) -> str:
    return " ".join(text.value.split())
