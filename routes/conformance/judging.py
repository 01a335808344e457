"""Yes or no: whether one repetition of a field is as its data type asks. The fast half of two.

Most of every message is right, so right values are told with as little work as can be; what is wrong, and
where, is found by `explaining` afterwards. The two halves must agree: a value is judged right exactly when
nothing is found in it. Knows data types and texts; nothing of messages.
"""

from __future__ import annotations

from collections.abc import Callable

from routes.conformance.dictionary import Composite, Leaf, Part, Spec
from routes.conformance.explaining import explain
from routes.conformance.leaves import Check, check_of

__all__ = ["Judge", "compile_judge"]

Judge = Callable[[str, str, str], object]
"""Asked with a text that is neither empty nor null, and the component and sub-component separators (one
character each, never empty): truthy where it is right."""


def compile_judge(spec: Spec) -> Judge:
    """What a data type asks of one repetition."""
    if isinstance(spec, Leaf):
        return _leaf(spec, check_of(spec))
    return _composite(spec)


def _leaf(spec: Leaf, check: Check | None) -> Judge:
    def judge(text: str, component: str, subcomponent: str) -> object:
        if component in text or subcomponent in text:
            return not any(explain(spec, text, component, subcomponent))
        return check is None or check(text)

    return judge


def _composite(spec: Composite) -> Judge:
    count = len(spec.parts)
    asked = tuple((part.number - 1, check) for part in spec.parts if (check := _check(part)) is not None)
    required = tuple(part.number - 1 for part in spec.parts if part.required)

    def slowly(text: str, component: str, subcomponent: str) -> bool:
        return not any(explain(spec, text, component, subcomponent))

    if not asked and not required:
        return lambda text, component, subcomponent: (
            (text.count(component) < count and subcomponent not in text)
            or slowly(text, component, subcomponent)
        )
    first = next((check for index, check in asked if index == 0), None)
    alone = all(index == 0 for index in required)

    def judge(text: str, component: str, subcomponent: str) -> object:
        if subcomponent in text:
            return slowly(text, component, subcomponent)
        if component not in text:
            return (alone and (first is None or first(text))) or slowly(text, component, subcomponent)
        parts = text.split(component)
        there = len(parts)
        if there > count:
            return slowly(text, component, subcomponent)
        for index, check in asked:
            if index >= there:
                break
            part = parts[index]
            if part and not check(part):
                return slowly(text, component, subcomponent)
        for index in required:
            if index >= there or not parts[index]:
                return slowly(text, component, subcomponent)
        return True

    return judge


def _check(part: Part) -> Check | None:
    """What a component without sub-components in it is asked: at once, where it is a leaf."""
    if part.withdrawn:
        return lambda _text: False
    spec = part.spec
    if spec is None:
        return None
    while isinstance(spec, Composite):
        inner = spec.parts
        if any(sub.required for sub in inner[1:]) or not inner or inner[0].withdrawn:
            return lambda _text: False  # only the slow half can tell
        if inner[0].spec is None:
            return None
        spec = inner[0].spec
    return check_of(spec)
