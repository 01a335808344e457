"""Changes as acts: writing, copying, moving, removing, replacing, adding, and working on each element.

Each function makes one closure from paths and expressions that were compiled when the site was loaded. A
step that cannot be done takes its `else`; where the `else` is a warning, the message stays as it was before
the step. Knows nothing of how a step is written in a file.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import replace

from routes.flow.decision import Finding, Held
from routes.flow.running import Act, Otherwise, Outcome, Run, Test, Undone, run_all
from routes.hl7.message import Message, Unwritable
from routes.hl7.path import CompiledPath, NoSuchPlace, Place, compile_path, parse_path
from routes.hl7.separators import Separators, decode, edit_around, encode
from routes.language.scope import Scope

__all__ = [
    "Step",
    "Writer",
    "add_segment",
    "as_act",
    "copy_structure",
    "each_element",
    "each_or_else",
    "edit_texts",
    "move_structure",
    "remove_all",
    "write_together",
    "write_value",
]

Step = Callable[[Run], bool]
"""Does its work on the run; False where it cannot be done."""

Writer = tuple[Callable[[Scope], str], Callable[[Message, str, Place | None], object]]
"""What computes a value, and what writes it."""

_IT = compile_path(parse_path("it"))


def as_act(step: Step, when: Test | None, otherwise: Otherwise) -> Act:
    """A step with its `when` and its `else`. Afterwards names are read anew."""
    if isinstance(otherwise, Finding):
        return _restoring(step, when, otherwise)

    def act(run: Run) -> Outcome | None:
        if when is not None and not when(run.scope):
            return None
        try:
            done = step(run)
        except (Unwritable, NoSuchPlace):
            done = False
        run.scope.forget()
        return None if done else run.take(otherwise, change=True)

    return act


def _restoring(step: Step, when: Test | None, otherwise: Finding) -> Act:
    """Like `as_act`, for an `else` that goes on: then a step is done wholly or not at all."""

    def act(run: Run) -> Outcome | None:
        if when is not None and not when(run.scope):
            return None
        before = run.message.copy()
        try:
            done = step(run)
        except (Unwritable, NoSuchPlace):
            done = False
        if done:
            run.scope.forget()
            return None
        run.put(before)
        return run.take(otherwise)

    return act


def write_value(path: CompiledPath, *, every: bool) -> Callable[[Message, str, Place | None], object]:
    """Writes a text, escaped; to all places of a path with [*]."""
    return path.write_all if every else path.write


def write_together(writers: Sequence[Writer], *, needed: bool) -> Step:
    """`set`: computes all values first and writes them then. With `needed`, an absent value is a failure."""
    if len(writers) == 1:
        read, write = writers[0]

        def write_one(run: Run) -> bool:
            value = read(run.scope)
            if needed and not value:
                return False
            write(run.message, value, run.scope.it)
            return True

        return write_one

    def write_several(run: Run) -> bool:
        scope = run.scope
        values = [read(scope) for read, _ in writers]
        if needed and not all(values):
            return False
        for value, (_, write) in zip(values, writers, strict=True):
            write(run.message, value, scope.it)
        return True

    return write_several


def copy_structure(source: CompiledPath, target: CompiledPath) -> Step:
    """`copy`: everything at the source, components and all. From an absent place it does nothing."""

    def copy(run: Run) -> bool:
        it = run.scope.it
        text = source.raw(run.message, it)
        if text:
            target.write_raw(run.message, text, it)
        return True

    return copy


def move_structure(source: CompiledPath, target: CompiledPath) -> Step:
    """`move`: the same, and the source is emptied (a repetition is taken out)."""

    def move(run: Run) -> bool:
        message, it = run.message, run.scope.it
        text = source.raw(message, it)
        if text:
            target.write_raw(message, text, it)
            source.remove_first(message, it)
        return True

    return move


def remove_all(paths: Sequence[CompiledPath]) -> Step:
    """`remove`: every match of each path."""

    def remove(run: Run) -> bool:
        for path in paths:
            path.remove(run.message, run.scope.it)
        return True

    return remove


def edit_texts(paths: Sequence[CompiledPath], edit: Callable[[str], str], *, around: bool = False) -> Step:
    """`replace`, `trim`, `upper`, `lower`: each value within a place by itself, delimiters left alone.

    around: what stands in a value for its form (`\\.br\\`) is left alone as well.
    """

    def edit_all(run: Run) -> bool:
        message = run.message
        for path in paths:
            for place in path.places(message, run.scope.it):
                before = _IT.raw(message, place)
                after = _edited(before, message.separators, edit, around)
                if after != before:
                    _IT.write_raw(message, after, place)
        return True

    return edit_all


def _edited(raw: str, seps: Separators, edit: Callable[[str], str], around: bool) -> str:
    """The text with `edit` done to every sub-component; null and empty values are left as they are."""
    for separator in (seps.repetition, seps.component, seps.subcomponent):
        if separator and separator in raw:
            return separator.join(_edited(part, seps, edit, around) for part in raw.split(separator))
    if not raw or raw == '""':
        return raw
    value = decode(raw, seps)
    changed = edit_around(value, seps, edit) if around else edit(value)
    return raw if changed == value else encode(changed, seps)


def add_segment(
    name: str,
    beside: CompiledPath | None,
    *,
    behind: bool,
    writers: Sequence[Writer],
) -> Step:
    """`add`: a new segment behind or before a place (None: `it`). False where the place is absent.

    writers: what each reads is computed first, and written then with the new segment as `it`.
    """

    def add(run: Run) -> bool:
        message, scope = run.message, run.scope
        texts = [(read(scope), write) for read, write in writers]
        if beside is None:
            place = scope.it
        else:
            found = beside.places(message, scope.it)
            place = found[0] if found else None
        if place is None:
            return False
        row = place.segment + (1 if behind else 0)
        message.insert(row, name)
        for text, write in texts:
            write(message, text, Place(row))
        return True

    return add


def each_element(path: CompiledPath, when: Test | None, acts: Sequence[Act], *, backwards: bool) -> Act:
    """`for_each`: acts on each element, which is `it`; `when` is asked for each.

    backwards: from the last element to the first, where an act adds or removes: so the places of the
    elements that are still to come stay where they are.
    """

    def each(run: Run) -> Outcome | None:
        scope = run.scope
        outer = scope.it
        places = path.places(run.message, outer)
        try:
            for place in reversed(places) if backwards else places:
                scope.it = place
                scope.forget()
                if when is not None and not when(scope):
                    continue
                outcome = run_all(acts, run)
                if outcome is not None:
                    return outcome
        finally:
            scope.it = outer
            scope.forget()
        return None

    return each


def each_or_else(each: Act, otherwise: Otherwise) -> Act:
    """A `for_each` with an `else` of its own: taken where a step within cannot be done and has none.

    Where the `else` is a warning, the message stays as it was before the first element.
    """
    going_on = isinstance(otherwise, Finding)

    def act(run: Run) -> Outcome | None:
        before = run.message.copy() if going_on else run.message
        outcome = each(run)
        if not isinstance(outcome, Undone):
            return outcome
        if going_on:
            run.put(before)
        if isinstance(otherwise, Held):
            return replace(otherwise, reason=outcome.reason)
        return run.take(otherwise)

    return act
