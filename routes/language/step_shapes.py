"""How checks, changes and send entries are written: the shapes that read them into `steps`.

One shape for each verb, so that a problem can say what this verb wants. Must not know tables, channels or
expressions: only how a file is laid out.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Literal, cast

from routes.language.kinds import Choice, Expression, Marked, Name, PathText
from routes.language.nearest import did_you_mean, nearest
from routes.language.nested_kinds import ListOf, MappingOf, Nested
from routes.language.outcome_shapes import ELSE, WHEN, ElseKind, step_shape
from routes.language.problems import Problems
from routes.language.segment_shapes import SEGMENT_SHAPES
from routes.language.shapes import Field, Kind, Record, Shape, describe
from routes.language.source import Block, Items, Node, Scalar
from routes.language.steps import (
    Accept,
    Add,
    Check,
    CopyStep,
    ForEach,
    Original,
    Recase,
    Reformat,
    Remove,
    Replace,
    Set,
    SetText,
    Step,
    Translate,
)

__all__ = [
    "ACCEPT",
    "CHANGE_SHAPES",
    "CHECK",
    "ChangeStep",
    "accept_entry",
    "check_entry",
]

_ELSE_NEEDED = Field(
    "else",
    ElseKind(),
    "what happens to a message that fails it",
    "else: {hold: no_nhs_number}",
    required=True,
)
_THAT = Field("that", Expression(), "what must be true", "that: MSH-11 = 'P'")
_UNLESS = Field("unless", Expression(), "what must not be true", "unless: PID-32 = 'RES'")
_RULE = Field(
    "rule",
    Name("the name by which it is counted"),
    "the name of the rule",
    "rule: not_a_result",
    required=True,
)

_CONFORMS_TO = Field(
    "conforms_to",
    Name("the name of a profile, or standard"),
    "the profile that the message must conform to, or standard for the rules of HL7 itself",
    "conforms_to: oru_r01_uk",
)

CHECK = Shape(
    "a check",
    (_THAT, _UNLESS, _CONFORMS_TO, WHEN, _ELSE_NEEDED),
    either=("that", "unless", "conforms_to"),
)
ACCEPT = Shape("an entry of accept", (_THAT, _UNLESS, _RULE), either=("that", "unless"), misplaced={
    "else": 'An entry of accept has no "else": what it does not want is counted by its rule. To '
    'hold or reject, write a check.',
})  # fmt: skip


def check_entry(record: Record, problems: Problems) -> Check | None:
    """One entry of `check`."""
    if _CONFORMS_TO in record:
        return _profile_entry(record, problems)
    if not _one_question(record, problems):
        return None
    return Check(record.spot, record.get(_THAT), record.get(_UNLESS), record.get(WHEN), record[_ELSE_NEEDED])


def _profile_entry(record: Record, problems: Problems) -> Check | None:
    """An entry with `conforms_to`, which asks nothing else."""
    for other in (_THAT, _UNLESS):
        if other in record:
            problems.add(
                max(record.key_spot(other), record.key_spot(_CONFORMS_TO)),
                f'This has both "{other.key}" and "conforms_to". Give each a dash and an else of its own.',
                "two-questions",
            )
            return None
    profile = record.get(_CONFORMS_TO)
    if profile is None:
        return None  # it stands there and could not be read
    return Check(record.spot, None, None, record.get(WHEN), record[_ELSE_NEEDED], profile)


def accept_entry(record: Record, problems: Problems) -> Accept | None:
    """One entry of `accept`."""
    if not _one_question(record, problems):
        return None
    return Accept(record.spot, record.get(_THAT), record.get(_UNLESS), record[_RULE].value)


def _one_question(record: Record, problems: Problems) -> bool:
    if (_THAT in record) != (_UNLESS in record):
        return True
    if _THAT in record:
        problems.add(
            record.key_spot(_UNLESS),
            'This has both "that" and "unless". Write one condition: that: A and not (B); or, where '
            "it must not be asked at all, add when: not (B).",
            "two-questions",
        )
    elif not record.meant & {_THAT.key, _UNLESS.key, _CONFORMS_TO.key}:
        problems.add(
            record.spot,
            f'{record.shape.name[:1].upper()}{record.shape.name[1:]} needs "that" (what must be true) '
            'or "unless" (what must not be true)'
            + (', or "conforms_to" (a profile).' if record.shape is CHECK else "."),
            "missing-key",
        )
    return False


# --- changes -----------------------------------------------------------------------------------------

_VALUES = MappingOf(Expression(), PathText(), ("when", "else"), "set")
_TEXTS = MappingOf(Marked(), PathText(), ("when", "else"), "set_text")
_SET = Field(
    "set", _VALUES, "places and the expressions to write there", "set: {MSH-6: requester}", required=True
)
_SET_TEXT = Field("set_text", _TEXTS, "places and plain texts", "set_text: {MSH-5: GP}", required=True)
_FROM = Field("from", PathText(), "the place to read", "from: PID-2.1", required=True)
_TO = Field("to", PathText(), "the place to write", "to: PID-3[5='NH'].1", required=True)
_ENDS = Shape("a copy or move", (_FROM, _TO), misplaced={
    "when": '"when" belongs to the step: move it to the left, under "copy" or "move".',
    "else": '"else" belongs to the step: move it to the left, under "copy" or "move".',
})  # fmt: skip


def _both_ends(record: Record, _: Problems) -> tuple[Scalar, Scalar]:
    return record[_FROM], record[_TO]


_COPY = Field(
    "copy",
    Nested(_ENDS, _both_ends),
    "from one place to another",
    "copy: {from: PID-3, to: PID-2}",
    required=True,
)
_MOVE = Field("move", Nested(_ENDS, _both_ends), "the same, and the first place is emptied", required=True)
_PATHS = ListOf(PathText())
_REMOVE = Field("remove", _PATHS, "every match of a path", "remove: NTE[2='INTERNAL']", required=True)
_TRANSLATE = Field("translate", PathText(), "the coded field", "translate: OBX[*]-3", required=True)
_USING = Field("using", Name("the name of a table"), "the table", "using: lab_codes", required=True)
_COMPONENT = Marked("a component's number")
_COLUMN = Marked("the name of a column")
_INTO = Field(
    "into",
    MappingOf(_COLUMN, _COMPONENT),
    "component numbers and columns",
    "into: {1: national_code}",
    required=True,
)
_ORIGINAL = Field(
    "original",
    Choice(
        ("alternate", "note", "drop"),
        about={
            "alternate": "it moves to components 4 to 6 of the field",
            "note": "it stands in an NTE directly behind the segment",
            "drop": "it is gone",
        },
    ),
    "what becomes of the code that came",
    default="drop",
)
_REFORMAT = Field("reformat", PathText(), "the field", "reformat: PID-7", required=True)
_WRITTEN = Field(
    "from",
    Marked("how it is written: a word such as date, number or XPN, or an example such as DD/MM/YYYY"),
    "how it is written now",
    required=True,
)
_AS = Field(
    "as",
    Marked("how it is written: a word such as date, number or XPN, or an example such as YYYYMMDDhhmm"),
    "how it shall be written",
    required=True,
)
_ZONE = Field("zone", Marked("feed, or a time zone such as Europe/London"), "whose clock the times are of")
_REPLACE = Field("replace", _PATHS, "the places", "replace: PID-5.1", required=True)
_FIND = Field("find", Marked("a text"), "the literal text to look for", required=True)
_BY = Field("with", Marked("a text"), "the literal text to put there instead", required=True)
_FOR_EACH = Field(
    "for_each", PathText(), "the elements, each of which is `it`", "for_each: OBX[*]", required=True
)
_ADD = Field("add", PathText(), "the new segment's name", "add: NTE", required=True)
_AFTER = Field("after", PathText(), "the place behind which it goes", "after: OBX[1]")
_BEFORE = Field("before", PathText(), "the place before which it goes", "before: OBR[1]")
_ADD_SET = Field("set", _VALUES, "its fields, as expressions")
_ADD_TEXT = Field("set_text", _TEXTS, "its fields, as plain text")


@dataclass(frozen=True, slots=True)
class ChangeStep:
    """One entry of `change`: exactly one verb, and what belongs to it."""

    words: str = "a change such as set: {MSH-6: requester}"

    def read(self, node: Node, problems: Problems) -> Step | None:
        if not isinstance(node, Block):
            hint = " Take one dash away." if isinstance(node, Items) else ""
            problems.add(
                node.spot, f"Here must stand {self.words}, not {describe(node)}.{hint}", "wrong-kind"
            )
            return None
        verbs = [key for key, _ in node.entries if key.value in CHANGE_SHAPES]
        # `set` inside `add`, and `from`/`to` inside `copy`, are not verbs of a step of their own.
        if any(key.value == "add" for key in verbs):
            verbs = [key for key in verbs if key.value == "add"]
        if len(verbs) == 1:
            shape, build = CHANGE_SHAPES[verbs[0].value]
            record = shape.read(node, problems)
            return None if record is None or not record.usable else build(record, problems)
        if verbs:
            problems.add(
                verbs[1].spot,
                f'A step does one thing, and this one has "{verbs[0].value}" already. Give '
                f'"{verbs[1].value}" a dash of its own.',
                "two-verbs",
            )
            return None
        _no_verb(node, problems)
        return None

    def schema(self) -> dict[str, object]:
        return {"$ref": "#/definitions/step"}  # for_each holds steps, so it must be one


def _no_verb(node: Block, problems: Problems) -> None:
    options = {key for shape, _ in CHANGE_SHAPES.values() for key in shape.keys}
    odd = [key for key, _ in node.entries if key.value not in options]
    for key in odd:
        near = nearest(key.value, CHANGE_SHAPES)
        if near or key is odd[-1]:
            message = f'"{key.value}" is not a change' + did_you_mean(key.value, CHANGE_SHAPES)
            problems.add(key.spot, message, "unknown-key", fix=near)
            return
    spot = node.entries[0][0].spot if node.entries else node.spot
    problems.add(
        spot,
        f"This step has no verb; it needs one of {', '.join(CHANGE_SHAPES)}. Where it belongs to the step "
        "above, take the dash away.",
        "no-verb",
    )


_STEPS = ListOf(ChangeStep(), or_one=False)
_STEP_LIST = Field("change", _STEPS, "the steps, in which `it` is the element", required=True)

Builder = Callable[[Record, Problems], Step | None]


def _set(r: Record, _: Problems) -> Step:
    return Set(r.spot, r.get(WHEN), r.get(ELSE), r[_SET])


def _set_text(r: Record, _: Problems) -> Step:
    return SetText(r.spot, r.get(WHEN), r.get(ELSE), _plain(r[_SET_TEXT]))


def _copy(r: Record, _: Problems) -> Step:
    return CopyStep(r.spot, r.get(WHEN), r.get(ELSE), *r[_COPY], move=False)


def _move(r: Record, _: Problems) -> Step:
    return CopyStep(r.spot, r.get(WHEN), r.get(ELSE), *r[_MOVE], move=True)


def _remove(r: Record, _: Problems) -> Step:
    return Remove(r.spot, r.get(WHEN), r.get(ELSE), r[_REMOVE])


def _translate(r: Record, problems: Problems) -> Step | None:
    into: list[tuple[int, Scalar]] = []
    for key, column in r[_INTO]:
        if not key.value.isascii() or not key.value.isdigit() or not 1 <= int(key.value) <= 99:
            problems.add(
                key.spot,
                "The keys of into are numbers of components, counted from 1: {1: column}.",
                "bad-component",
            )
            return None
        into.append((int(key.value), column))
    original = cast("Original", r[_ORIGINAL])
    return Translate(r.spot, r.get(WHEN), r.get(ELSE), r[_TRANSLATE], r[_USING], tuple(into), original)


def _reformat(r: Record, _: Problems) -> Step:
    return Reformat(r.spot, r.get(WHEN), r.get(ELSE), r[_REFORMAT], r[_WRITTEN], r[_AS], r.get(_ZONE))


def _replace(r: Record, problems: Problems) -> Step | None:
    if not r[_FIND].value:
        problems.add(r.spot_of(_FIND), "The text to look for is empty.", "empty-value")
        return None
    return Replace(r.spot, r.get(WHEN), r.get(ELSE), r[_REPLACE], r[_FIND].value, r[_BY].value)


def _for_each(r: Record, _: Problems) -> Step:
    return ForEach(r.spot, r.get(WHEN), r.get(ELSE), r[_FOR_EACH], r[_STEP_LIST])


def _add(r: Record, problems: Problems) -> Step | None:
    if (_AFTER in r) == (_BEFORE in r):
        problems.add(
            r.spot, 'A step with "add" needs "after" or "before", and only one of them.', "missing-key"
        )
        return None
    if r.get(_AFTER) is None and r.get(_BEFORE) is None:
        return None  # it stands there and could not be read
    texts = _plain(r.get(_ADD_TEXT) or ())
    return Add(
        r.spot, r.get(WHEN), r.get(ELSE), r[_ADD], r.get(_AFTER), r.get(_BEFORE), r.get(_ADD_SET) or (), texts
    )


def _plain(values: tuple[tuple[Scalar, Scalar], ...]) -> tuple[tuple[Scalar, str], ...]:
    return tuple((path, text.value) for path, text in values)


def _recase_shape(how: Literal["trim", "upper", "lower"]) -> tuple[Shape, Builder]:
    verb = Field(how, _PATHS, "the places", f"{how}: PID-5.1", required=True)

    def build(r: Record, _: Problems) -> Step:
        return Recase(r.spot, r.get(WHEN), r.get(ELSE), r[verb], how)

    return step_shape(verb), build


CHANGE_SHAPES: Mapping[str, tuple[Shape, Builder]] = {
    "set": (step_shape(_SET), _set),
    "set_text": (step_shape(_SET_TEXT), _set_text),
    "copy": (step_shape(_COPY), _copy),
    "move": (step_shape(_MOVE), _move),
    "remove": (step_shape(_REMOVE), _remove),
    "translate": (step_shape(_TRANSLATE, _USING, _INTO, _ORIGINAL), _translate),
    "reformat": (step_shape(_REFORMAT, _WRITTEN, _AS, _ZONE), _reformat),
    "replace": (step_shape(_REPLACE, _FIND, _BY), _replace),
    "trim": _recase_shape("trim"),
    "upper": _recase_shape("upper"),
    "lower": _recase_shape("lower"),
    "add": (step_shape(_ADD, _AFTER, _BEFORE, _ADD_SET, _ADD_TEXT, either=("after", "before")), _add),
    "for_each": (step_shape(_FOR_EACH, _STEP_LIST), _for_each),
    **SEGMENT_SHAPES,
}
"""Each change verb with its shape and what makes a step of it."""

_: Kind[Step] = ChangeStep()
