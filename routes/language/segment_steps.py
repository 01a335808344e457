"""Builds the steps that work on many segments: join, renumber, arrange and split, from what a file says.

Knows the words of the file through its binder; no outcome and no channel.
"""

from __future__ import annotations

from collections.abc import Callable

from routes.flow import arranging, joining
from routes.flow.changing import Step as Made
from routes.flow.splitting import Cut, cut_by
from routes.hl7.message import Message
from routes.hl7.path import CompiledPath, Path, Place, Selector, compile_path, parse_path
from routes.language.binding import Binder
from routes.language.problems import Edit, Problems
from routes.language.source import Scalar
from routes.language.steps import Arrange, Join, Renumber, Split

__all__ = ["build_arrange", "build_cut", "build_join", "build_renumber", "every_one"]

_HEADERS = ("MSH", "BHS", "FHS", "BTS", "FTS")


def every_one(path: Scalar) -> Edit | None:
    """[*] behind the segment of a path that is written as `OBX` or `OBX-5`."""
    segment, dash, field = path.value.partition("-")
    plain = len(segment) == 3 and segment.isalnum() and (field.isdigit() or not dash)
    return path.edited(len(segment), 0, "[*]") if plain else None


def build_join(step: Join, binder: Binder, problems: Problems, *, it: bool) -> Made | None:
    """`join`; None after a problem."""
    path = binder.path(step.path, "write", it=it)
    within, good = _segment(step.within, binder, problems)
    if path is None or not good or not _has_field(path.path, step.path, problems):
        return None
    if step.type is not None and path.path.segment not in ("OBX", ""):
        problems.add(
            step.type.spot,
            f"The data type stands in OBX-2; {path.path.segment} has none. Take it away.",
            "misplaced-key",
        )
        return None
    picked = any(isinstance(each.pick, Selector) for each in path.path.steps)
    if not path.path.many and not picked and not path.path.relative:
        problems.add(
            step.path.spot,
            f"join needs several segments: write [*], such as {path.path.segment}[*]-5.",
            "needs-many",
            edit=every_one(step.path),
        )
        return None
    kind = "" if step.type is None else step.type.value
    how = joining.Joining(within, step.between, step.wrap, kind, step.base64, step.same)
    return joining.join_segments(path, how)


def build_renumber(step: Renumber, binder: Binder, problems: Problems) -> Made | None:
    """`renumber`; None after a problem."""
    path = binder.path(step.path, "write")
    within, good = _segment(step.within, binder, problems)
    if path is None or not good or not _is_plain_field(path.path, step.path, problems):
        return None
    group: Callable[[Message, Place], str] | None = None
    if step.group is not None:
        found = binder.path(step.group)
        if found is None:
            return None
        if found.path.segment != path.path.segment or not found.path.field:
            problems.add(
                step.group.spot,
                f"The group must be a field of the same segment, such as {path.path.segment}-3.1.",
                "needs-field",
            )
            return None
        group = _of_segment(found.path)
    return arranging.renumber_each(
        path.path.segment.encode(), path.path.field, within, group, _FORMS[step.form]
    )


_FORMS: dict[str, Callable[[int, int], str]] = {
    "item": lambda _group, item: str(item),
    "group": lambda group, _item: str(group),
    "group.item": lambda group, item: f"{group}.{item}",
}


def _of_segment(path: Path) -> Callable[[Message, Place], str]:
    """Reads the same field of whichever segment it is given."""
    below = str(path).removeprefix(str(Path(path.steps)))
    return compile_path(parse_path(f"it{below}")).first


def build_arrange(step: Arrange, binder: Binder, problems: Problems, *, it: bool) -> Made | None:
    """`arrange`; None after a problem."""
    path = binder.path(step.path, "write", it=it)
    if path is None or not _has_field(path.path, step.path, problems):
        return None
    if path.path.component or path.path.repetition is not None:
        problems.add(
            step.path.spot,
            "arrange puts the repetitions of a whole field in order, such as PID-3.",
            "needs-field",
        )
        return None
    return arranging.arrange_repetitions(path, step.by, step.order, keep=step.others == "keep")


def build_cut(step: Split, binder: Binder, problems: Problems) -> Cut | None:
    """`split`; None after a problem."""
    together = None if step.keep_together is None else binder.path(step.keep_together)
    number = None if step.number is None else binder.path(step.number, "write")
    name, _ = _segment(step.segment, binder, problems)
    if (
        number is not None
        and step.number is not None
        and not _is_one_place(number.path, step.number, problems)
    ):
        return None
    if (step.keep_together is None) != (together is None) or (step.number is None) != (number is None):
        return None
    return cut_by(name.decode(), together, number) if name else None


def _segment(text: Scalar | None, binder: Binder, problems: Problems) -> tuple[bytes, bool]:
    """The name of a segment; False after a problem."""
    if text is None:
        return b"", True
    path: CompiledPath | None = binder.path(text)
    if path is None:
        return b"", False
    plain = len(path.path.steps) == 1 and str(path.path) == path.path.segment
    if not plain or path.path.segment in _HEADERS:
        problems.add(text.spot, "This must be the name of a segment, such as OBR.", "needs-segment")
        return b"", False
    return path.path.segment.encode(), True


def _has_field(path: Path, text: Scalar, problems: Problems) -> bool:
    if path.field or path.relative:
        return True
    problems.add(
        text.spot, "This names a whole segment; name one of its fields, such as OBX-5.", "needs-field"
    )
    return False


def _is_one_place(path: Path, text: Scalar, problems: Problems) -> bool:
    if path.field and not path.many:
        return True
    problems.add(
        text.spot, "The number goes to one field of each piece: write it without [*], such as MSH-10.", "many"
    )
    return False


def _is_plain_field(path: Path, text: Scalar, problems: Problems) -> bool:
    plain = len(path.steps) == 1 and path.field and not path.component and path.repetition is None
    if plain and path.steps[0].pick in (None, "*"):
        return True
    problems.add(
        text.spot, "renumber counts a whole field of every such segment, such as OBX-1.", "needs-field"
    )
    return False
