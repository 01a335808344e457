"""How the steps that work on many segments are written: split, join, renumber, arrange, and plugin steps.

Must not know tables, channels or expressions: only how a file is laid out.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Literal

from routes.language.kinds import Choice, Integer, Marked, PathText, Text
from routes.language.nested_kinds import ListOf, MappingOf
from routes.language.outcome_shapes import ELSE, WHEN, step_shape
from routes.language.problems import Problems
from routes.language.shapes import Field, Record, Shape
from routes.language.source import Scalar
from routes.language.steps import Arrange, Join, Plugin, Renumber, Split, Step

__all__ = ["SEGMENT_SHAPES"]

_LONGEST_LINE = 100_000

_SPLIT = Field("split", PathText(), "the segment; one piece for each of it", "split: OBR", required=True)
_KEEP_TOGETHER = Field(
    "keep_together",
    PathText(),
    "groups with an equal value here stay in one piece",
    "keep_together: ORC-4.1",
)
_NUMBER = Field("number", PathText(), "gets -1, -2 … when there is more than one piece", "number: MSH-10")


def _split(r: Record, _: Problems) -> Step | None:
    if not r.whole:
        return None
    return Split(r.spot, r.get(WHEN), r.get(ELSE), r[_SPLIT], r.get(_KEEP_TOGETHER), r.get(_NUMBER))


_JOIN = Field("join", PathText(), "the field of each segment", "join: OBX[*]-5", required=True)
_WITHIN = Field("within", PathText(), "each of these has a group of its own", "within: OBR")
_WITH: Field[str] = Field(
    "with",
    Text("line_break, repetition or a text", one_line=True),
    "what stands between two values",
    "with: line_break",
)
_WRAP = Field("wrap", Integer(1, _LONGEST_LINE), "the longest line, in characters", "wrap: 70")
_TYPE = Field("type", Marked("a data type, such as FT"), "what OBX-2 becomes", "type: FT")
_AS_BASE64 = Field("as", Choice(("base64",)), "the values are chunks of one document", "as: base64")
_SAME = Field("same", ListOf(Integer(1, 999)), "only segments that are equal in these fields", "same: [3, 4]")


def _join(r: Record, problems: Problems) -> Step | None:
    if not r.whole:
        return None
    base64 = _AS_BASE64 in r
    for wanted in (_WITH, _WRAP):
        if base64 and wanted in r:
            problems.add(
                r.key_spot(wanted),
                f'A document is put together as it was cut: "{wanted.key}" would spoil it.',
                "misplaced-key",
            )
            return None
    return Join(
        r.spot, r.get(WHEN), r.get(ELSE), r[_JOIN], r.get(_WITHIN), r.get(_WITH) or "line_break",
        r.get(_WRAP) or 0, r.get(_TYPE), base64, r.get(_SAME) or (),
    )  # fmt: skip


_RENUMBER = Field("renumber", PathText(), "the field that is counted anew", "renumber: OBX-1", required=True)
_GROUP = Field("group", PathText(), "segments with an equal value here are one group", "group: OBX-3.1")
_FORM = Field("as", Choice(("group.item", "item", "group")), "how the number is written", "as: group.item")


def _renumber(r: Record, problems: Problems) -> Step | None:
    if not r.whole:
        return None
    if _FORM in r and _GROUP not in r and r.get(_FORM) != "item":
        problems.add(
            r.key_spot(_FORM),
            'There is no group to number: add "group", such as group: OBX-3.1.',
            "missing-key",
        )
        return None
    form = r.get(_FORM) or ("group.item" if _GROUP in r else "item")
    return Renumber(r.spot, r.get(WHEN), r.get(ELSE), r[_RENUMBER], r.get(_WITHIN), r.get(_GROUP), form)


_ARRANGE = Field(
    "arrange", PathText(), "the field whose repetitions are put in order", "arrange: PID-3", required=True
)
_BY = Field("by", Integer(1, 999), "the component that says what a repetition is", "by: 5", required=True)
_ORDER = Field("order", ListOf(Text()), "its values in the order wanted", "order: [NH, MR]", required=True)
_OTHERS = Field(
    "others",
    Choice(("keep", "remove"), about={"keep": "behind the others, as they stood", "remove": "taken out"}),
    "what becomes of the others: behind, or taken out",
    default="keep",
)


def _arrange(r: Record, _: Problems) -> Step | None:
    if not r.whole:
        return None
    others: Literal["keep", "remove"] = "remove" if r[_OTHERS] == "remove" else "keep"
    return Arrange(r.spot, r.get(WHEN), r.get(ELSE), r[_ARRANGE], r[_BY], r[_ORDER], others)


_STEP = Field(
    "step",
    Marked("package.name@1.2"),
    "a plugin step, with its version",
    "step: trust.tidy@1.2",
    required=True,
)
_SETTINGS: Field[tuple[tuple[Scalar, str], ...]] = Field(
    "with", MappingOf(Text(), Marked("the name of a setting")), "the plugin's own settings, plain texts"
)
_WRITES = Field(
    "writes",
    ListOf(Marked("the name of a segment")),
    "only these segments are taken over",
    "writes: [PID]",
    required=True,
)


def _plugin(r: Record, _: Problems) -> Step | None:
    if not r.whole:
        return None
    settings = tuple([(key.value, value) for key, value in r.get(_SETTINGS) or ()])
    return Plugin(r.spot, r.get(WHEN), r.get(ELSE), r[_STEP], r[_WRITES], settings)


SEGMENT_SHAPES: Mapping[str, tuple[Shape, Callable[[Record, Problems], Step | None]]] = {
    "split": (step_shape(_SPLIT, _KEEP_TOGETHER, _NUMBER), _split),
    "join": (step_shape(_JOIN, _WITHIN, _WITH, _WRAP, _TYPE, _AS_BASE64, _SAME), _join),
    "renumber": (step_shape(_RENUMBER, _WITHIN, _GROUP, _FORM), _renumber),
    "arrange": (step_shape(_ARRANGE, _BY, _ORDER, _OTHERS), _arrange),
    "step": (step_shape(_STEP, _SETTINGS, _WRITES), _plugin),
}
"""Each of these verbs with its shape and what makes a step of it."""
