"""Changes of codes and of how values are written as steps: `translate` by a table, `reformat`.

Codes only: no number or date is changed in what it says. A code that the table lacks follows the table's
own policy. Knows nothing of how a step is written in a file.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence

from routes.flow.changing import Step
from routes.flow.running import Run
from routes.hl7.message import Message
from routes.hl7.path import CompiledPath, Place, compile_path, parse_path
from routes.hl7.separators import NEVER, encode
from routes.hl7.values import leaf, part, raw_at
from routes.hl7.writing import put_raw
from routes.language.steps import Original
from routes.tables.table import Table

__all__ = ["Convert", "ConvertName", "reformat_all", "reformat_names", "translate_all"]

Convert = Callable[[str], str | None]
"""A value written anew; None where it cannot be read, or where the clock was ambiguous."""

ConvertName = Callable[[Sequence[str]], Sequence[str] | None]
"""The five components of a name (family, given, further, suffix, prefix) written anew; None as above."""

NULL = '""'
_IT = compile_path(parse_path("it"))


def translate_all(
    path: CompiledPath,
    table: Table,
    into: Sequence[tuple[int, int]],
    original: Original,
) -> Step:
    """`translate`: `into` pairs component numbers with places in a row. False on a miss that must not pass.

    The key is component 1; an absent or null one is no miss.
    """
    dated = bool(table.valid_from or table.valid_to)

    def translate(run: Run) -> bool:
        message, scope = run.message, run.scope
        day = scope.day if dated else ""
        cut = message.separators.cuts[1]
        places = path.places(message, scope.it)
        # From the last to the first: a note goes behind its segment and moves those that follow.
        for place in reversed(places) if original == "note" else places:
            raw = raw_at(message, place)
            components = raw.split(cut)
            key = leaf(message, components[0])
            if not key or key == NULL:
                continue
            row = table.row(key, day)
            if row is None:
                scope.missed(table.name, key)
                if table.on_miss == "hold":
                    return False
                if table.on_miss == "keep" or table.default_row is None:
                    continue
                row = table.default_row
            if original == "alternate":
                came = [*components, "", ""][:3]
                # Its coding system moves: the new code is not of that one.
                _fill(components, {3: "", 4: came[0], 5: came[1], 6: came[2]})
            elif original == "note":
                _add_note(message, place, components[0])
            _fill(components, {number: _written(message, components, number, row[c]) for number, c in into})
            if len(components) > 1 and cut == NEVER:
                return False  # the message has no delimiter to make components
            text = cut.join(components)
            if text != raw:
                put_raw(message, place, text)
        return True

    return translate


def _fill(components: list[str], values: Mapping[int, str]) -> None:
    """Put texts into components, as they stand; an empty one makes no component where there is none."""
    for number, text in values.items():
        if number <= len(components):
            components[number - 1] = text
        elif text:
            components.extend([""] * (number - 1 - len(components)))
            components.append(text)


def _written(message: Message, components: Sequence[str], number: int, value: str) -> str:
    """A value as it is written; where what stands there means the same, as it stands."""
    here = components[number - 1] if number <= len(components) else ""
    if here == value or (here and leaf(message, here) == value and message.separators.cuts[2] not in here):
        return here
    return encode(value, message.separators)


def _add_note(message: Message, place: Place, code: str) -> None:
    """An NTE behind the segment, with the code that came."""
    # NTE-3 takes text: what stands there is put in as one escaped value of the message's own.
    field = message.separators.field
    message.insert(place.segment + 1, field.join(("NTE", "", "", code)))


def reformat_all(path: CompiledPath, convert: Convert) -> Step:
    """`reformat`: every match; an empty or null value stays. False where one cannot be read."""

    def reformat(run: Run) -> bool:
        message = run.message
        for place in path.places(message, run.scope.it):
            value = _IT.first(message, place)
            if not value or value == NULL:
                continue
            written = convert(value)
            if written is None:
                return False
            if written != value:
                _IT.write(message, written, place)
        return True

    return reformat


def reformat_names(path: CompiledPath, first: int, convert: ConvertName) -> Step:
    """`reformat` of names: every match. first: the component of the family name, 1 in XPN and 2 in XCN.

    Components before and behind the five of the name stay. Of a family name with sub-components the first
    is taken, which holds all of it.
    """

    def reformat(run: Run) -> bool:
        message = run.message
        seps = message.separators
        for place in path.places(message, run.scope.it):
            raw = _IT.raw(message, place)
            components = raw.split(seps.cuts[1])
            own = components[first - 1 : first + 4]
            texts = [leaf(message, part(text, seps.cuts[2], 1)) for text in own]
            if raw == NULL or not any(texts):
                continue
            written = convert([*texts, *[""] * (5 - len(texts))])
            if written is None or (len(written) > 1 and not seps.component):
                return False
            components += [""] * (first + 4 - len(components))
            components[first - 1 : first + 4] = [encode(text, seps) for text in written]
            _IT.write_raw(message, seps.component.join(components).rstrip(seps.component), place)
        return True

    return reformat
