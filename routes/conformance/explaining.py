"""What is wrong with one repetition of a field, and where inside it. The slow half of two: see `judging`.

Knows data types and texts; nothing of messages. What is found holds the text that was there only for its
shape to be described; the text itself goes nowhere.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import NamedTuple

from routes.conformance.dictionary import Composite, Leaf, Part, Spec
from routes.conformance.leaves import kind_of

__all__ = ["NULL", "Fault", "explain"]

NULL = '""'


class Fault(NamedTuple):
    """One thing wrong inside a repetition. component, subcomponent: 0 where it is the whole."""

    component: int
    subcomponent: int
    rule: str
    words: str
    text: str


def explain(spec: Spec, text: str, component: str, subcomponent: str) -> Iterator[Fault]:
    """Everything that is wrong with a text which should be of this data type; nothing where it is null or
    nothing but separators.

    component, subcomponent: the separators, one character each, never empty.
    """
    if text == NULL or not text.strip(component + subcomponent):
        return
    parts = text.split(component)
    if isinstance(spec, Leaf):
        yield from _component(Part(1, "", spec), parts[0], subcomponent, inside=False)
        yield from _extra(parts, 1, "component")
        return
    for part in spec.parts:
        found = parts[part.number - 1] if part.number <= len(parts) else ""
        yield from _component(part, found, subcomponent, inside=True)
    yield from _extra(parts, len(spec.parts), "component")


def _component(part: Part, text: str, subcomponent: str, *, inside: bool) -> Iterator[Fault]:
    """One component; inside: it is one of several, and so has a number."""
    number = part.number if inside else 0
    if not text.strip(subcomponent):
        if part.required:
            yield Fault(number, 0, "required-component", _required(part), "")
        return
    if text == NULL:
        return
    if part.withdrawn:
        yield _gone(number, 0, text)
        return
    if part.spec is None:
        return
    parts = text.split(subcomponent)
    if isinstance(part.spec, Leaf):
        yield from _leaf(part.spec, parts[0], number, 0)
        yield from _extra(parts, 1, "sub-component", number)
        return
    for sub in part.spec.parts:
        found = parts[sub.number - 1] if sub.number <= len(parts) else ""
        yield from _subcomponent(sub, found, number)
    yield from _extra(parts, len(part.spec.parts), "sub-component", number)


def _subcomponent(part: Part, text: str, component: int) -> Iterator[Fault]:
    if not text:
        if part.required:
            yield Fault(component, part.number, "required-component", _required(part), "")
        return
    if text == NULL:
        return
    if part.withdrawn:
        yield _gone(component, part.number, text)
        return
    leaf = _first_leaf(part.spec)
    if leaf is not None:
        yield from _leaf(leaf, text, component, part.number)


def _first_leaf(spec: Spec | None) -> Leaf | None:
    """What stands where a composite has no room for its parts: the first of them."""
    while isinstance(spec, Composite):
        spec = spec.parts[0].spec if spec.parts else None
    return spec


def _leaf(leaf: Leaf, text: str, component: int, subcomponent: int) -> Iterator[Fault]:
    kind = kind_of(leaf)
    if kind is not None and text and text != NULL and not kind.check(text):
        yield Fault(component, subcomponent, kind.rule, kind.words, text)


def _extra(parts: list[str], most: int, what: str, component: int = 0) -> Iterator[Fault]:
    """What stands behind the last part that the type has; once, however many there are."""
    for number, text in enumerate(parts[most:], most + 1):
        if text:
            words = (
                f"this has one {what} only; is a separator not escaped?"
                if most == 1
                else f"this has {most} {what}s only"
            )
            place = (component, number) if component or what == "sub-component" else (number, 0)
            yield Fault(*place, f"extra-{what.replace('-', '')}", words, text)
            return


def _required(part: Part) -> str:
    return f"a value is required here ({part.title})" if part.title else "a value is required here"


def _gone(component: int, subcomponent: int, text: str) -> Fault:
    words = "the version of this message has withdrawn this component"
    return Fault(component, subcomponent, "withdrawn", words, text)
