"""Reads the files of `profiles/` into frozen values, with a problem for whatever is out of place.

Knows how a profile is laid out, and what in one constraint contradicts itself; must not know which tables,
patterns or formats there are, nor what a path leads to.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Any, Literal, cast

from routes.language.kinds import NAMES, Choice, Expression, Marked, Name, PathText, Text, YesNo
from routes.language.nested_kinds import ListOf, MappingOf
from routes.language.problems import Problems, Spot
from routes.language.profile_kinds import Bounds, BoundsKind, TableName, ValuesKind
from routes.language.shapes import Field, Record, Shape
from routes.language.source import SAY_YES_ALONE, Block, Items, Node, Scalar, read_yaml
from routes.language.vocabulary import looks_like_segment

__all__ = ["CONSTRAINT", "PROFILE", "STANDARD", "Constraint", "ProfileFile", "read_profile"]

STANDARD = "standard"
"""The name that `conforms_to` takes for the version's own rules; no profile can have it."""


@dataclass(frozen=True, slots=True)
class Constraint:
    """What one path must be like, perhaps only `when` something is true.

    values: the allowed texts; table: the name of a table whose keys are allowed instead. formats: one of
    these must be the value's. words: shown instead of our own.
    """

    spot: Spot
    required: bool = False
    forbidden: bool = False
    length: Bounds | None = None
    values: tuple[Scalar, ...] | None = None
    table: Scalar | None = None
    formats: tuple[Scalar, ...] = ()
    count: Bounds | None = None
    when: Scalar | None = None
    severity: Literal["error", "warning"] = "error"
    words: str = ""


@dataclass(frozen=True, slots=True)
class ProfileFile:
    """One file of `profiles/`: constraints by path, in the order of the file."""

    name: Scalar
    spot: Spot
    about: str
    owner: str
    paths: tuple[tuple[Scalar, tuple[Constraint, ...]], ...]


@dataclass(frozen=True, slots=True)
class _Format(Marked):
    """A text that names a format."""

    def schema(self) -> dict[str, object]:
        return {"type": "string", NAMES: "format"}


# --- the shape of a constraint ------------------------------------------------------------------------

_REQUIRED = Field(
    "required", YesNo(), "a value must be there; null counts as one", "required: yes", default=False
)
_FORBIDDEN = Field(
    "forbidden", YesNo(), "nothing may be there, null neither", "forbidden: yes", default=False
)
_LENGTH = Field(
    "length",
    BoundsKind("a number of characters", "most"),
    "how many characters a value has; a number alone is the most",
    "length: 1-20",
)
_VALUES: Field[tuple[Scalar, ...] | TableName] = Field(
    "values", ValuesKind(), "what a value may be", "values: [F, M, O, U]"
)
_FORMAT: Field[tuple[Scalar, ...]] = Field(
    "format",
    ListOf(_Format("a format such as nhs_number, a pattern of the site, or a date such as YYYYMMDD")),
    "how a value is written; of several, one is enough",
    "format: nhs_number",
)
_COUNT = Field(
    "count",
    BoundsKind("a number", "exactly"),
    "how many repetitions or segments there are; a number alone is exact",
    "count: 1-3",
)
_WHEN = Field(
    "when",
    Expression(),
    "only when this is true; `it` is the value looked at, `it-2` field 2 of its segment",
    "when: it-2 = 'NM'",
)
_SEVERITY = Field(
    "severity",
    Choice(
        ("error", "warning"),
        {"warn": "Write warning.", "info": "Write warning."},
        {"error": "the check fails", "warning": "it is only listed"},
    ),
    "error fails the check; warning is only listed",
    default="error",
)
_WORDS = Field("words", Text("a sentence"), "what to show, instead of our own words", default="")

CONSTRAINT = Shape(
    "a constraint",
    (_REQUIRED, _FORBIDDEN, _LENGTH, _VALUES, _FORMAT, _COUNT, _WHEN, _SEVERITY, _WORDS),
    misplaced={
        "else": 'What happens to a message that does not conform stands at the check: "else" beside '
        '"conforms_to".',
        "optional": "What is not required is optional; take this away.",
    },
    help="What one path must be like. Several for one path are a list.",
)


@dataclass(frozen=True, slots=True)
class _Constraints:
    """One constraint, a list of them, or the one word `required` or `forbidden`."""

    words: str = "keys such as required, length, values and format, or a list of these"

    def read(self, node: Node, problems: Problems) -> tuple[Constraint, ...] | None:
        if isinstance(node, Items):
            found = [self._one(item, problems) for item in node.items]
            if not found:
                problems.add(node.spot, f"This list is empty; it must be {self.words}.", "empty-value")
                return None
            return tuple([each for each in found if each is not None])
        one = self._one(node, problems)
        return None if one is None else (one,)

    def _one(self, node: Node, problems: Problems) -> Constraint | None:
        if isinstance(node, Scalar) and node.value in SAY_YES_ALONE:
            return _as_alone(node.value, node.spot)
        if isinstance(node, Block) and node.flow:
            node = replace(node, entries=tuple([_with_yes(key, value) for key, value in node.entries]))
        record = CONSTRAINT.read(node, problems)
        return None if record is None else _constraint(record, problems)

    def schema(self) -> dict[str, object]:
        one: dict[str, object] = {"anyOf": [CONSTRAINT.schema(), {"enum": sorted(SAY_YES_ALONE)}]}
        return {"anyOf": [one, {"type": "array", "items": one, "minItems": 1}]}


def _as_alone(word: str, spot: Spot) -> Constraint:
    return Constraint(spot, required=word == "required", forbidden=word == "forbidden")


def _with_yes(key: Scalar, value: Node) -> tuple[Scalar, Node]:
    """`{required, length: 10}`: a word alone in braces says yes."""
    if (
        key.value in SAY_YES_ALONE
        and isinstance(value, Scalar)
        and value.style == "plain"
        and not value.value
    ):
        return key, Scalar("yes", key.spot, flow=True)
    return key, value


def _constraint(record: Record, problems: Problems) -> Constraint | None:
    values = record.get(_VALUES)
    found = Constraint(
        record.spot,
        record[_REQUIRED],
        record[_FORBIDDEN],
        record.get(_LENGTH),
        values if isinstance(values, tuple) else None,
        values.name if isinstance(values, TableName) else None,
        record.get(_FORMAT) or (),
        record.get(_COUNT),
        record.get(_WHEN),
        cast("Literal['error', 'warning']", record[_SEVERITY]),
        record[_WORDS],
    )
    _find_contradiction(record, found, problems)
    asked = (_REQUIRED, _FORBIDDEN, _LENGTH, _VALUES, _FORMAT, _COUNT)
    if record.whole and not record.torn and not any(each in record for each in asked):
        problems.add(
            record.spot,
            "This constrains nothing; it needs one of required, forbidden, length, values, format, count.",
            "no-constraint",
        )
    return found


def _find_contradiction(record: Record, found: Constraint, problems: Problems) -> None:
    """What can never be so, within one constraint: reported once, at the second of the two keys."""
    for first, second, words in _contradictions(found):
        spot = max(record.key_spot(first), record.key_spot(second))
        problems.add(spot, f"{words} Take one of the two away.", "contradiction")
        return
    length = found.length
    for value in found.values or ():
        if length is not None and value.value != '""' and not length.hold(len(value.value)):
            problems.add(
                value.spot,
                f"This value has {len(value.value)} characters, and length allows {length}: it could never "
                "be right.",
                "contradiction",
            )


def _contradictions(found: Constraint) -> list[tuple[Field[Any], Field[Any], str]]:
    pairs: list[tuple[Field[Any], Field[Any], str]] = []
    if found.forbidden:
        if found.required:
            pairs.append((_REQUIRED, _FORBIDDEN, "It cannot be required and forbidden."))
        for key, there in (
            (_LENGTH, found.length),
            (_VALUES, found.values or found.table),
            (_FORMAT, found.formats),
        ):
            if there:
                words = f'What is forbidden is never there, so "{key.key}" asks nothing.'
                pairs.append((_FORBIDDEN, key, words))
        if found.count is not None:
            pairs.append((_FORBIDDEN, _COUNT, 'What is forbidden is never there, so "count" asks nothing.'))
    if found.required and found.count is not None and found.count.most == 0:
        pairs.append((_REQUIRED, _COUNT, "It is required, and count allows none."))
    return pairs


# --- the file ----------------------------------------------------------------------------------------

_PROFILE = Field("profile", Name(), "the profile's name", "profile: oru_r01_uk", required=True)
_ABOUT = Field("about", Text("a sentence", one_line=False), "what it is for, in a sentence", default="")
_OWNER = Field("owner", Text(), "who answers for it", default="")
_PATHS: Field[tuple[tuple[Scalar, tuple[Constraint, ...]], ...]] = Field(
    "paths",
    MappingOf(_Constraints(), PathText()),
    "the constraints, by path",
    "paths: {PID-7: {required: yes, format: date}}",
    required=True,
)
_ELSEWHERE = "A profile only says what a message must be like; what happens to it stands in a route."

PROFILE = Shape(
    "a profile",
    (_PROFILE, _ABOUT, _OWNER, _PATHS),
    misplaced={
        "check": _ELSEWHERE,
        "else": _ELSEWHERE,
        "names": "A profile has no names of its own; write the path.",
    },
    help="What messages must be like beyond the standard; asked by `conforms_to` in a check.",
)


def read_profile(file: str, text: str, problems: Problems) -> ProfileFile | None:
    """One file of `profiles/`; None after problems."""
    node = read_yaml(file, text, problems)
    if node is None or _stands_too_far_left(node, problems):
        return None
    record = PROFILE.read(node, problems)
    if record is None or not record.usable:
        return None
    name = record[_PROFILE]
    if name.value == STANDARD:
        problems.add(
            name.spot,
            '"standard" means the rules of HL7 itself; give this profile another name.',
            "bad-name",
        )
        return None
    _find_opposites(record[_PATHS], problems)
    return ProfileFile(name, record.key_spot(_PROFILE), record[_ABOUT], record[_OWNER], record[_PATHS])


def _stands_too_far_left(node: Node, problems: Problems) -> bool:
    """Constraints beside `profile` that should stand under `paths`: one problem, at the first."""
    if not isinstance(node, Block) or any(key.value == _PATHS.key for key, _ in node.entries):
        return False
    for key, _ in node.entries:
        if looks_like_segment(key.value[:3]):
            problems.add(
                key.spot,
                f'Constraints stand under "paths:", further to the right: "paths:" on a line of its own, and '
                f"{key.value} below it, indented.",
                "misplaced-key",
            )
            return True
    return False


def _find_opposites(paths: tuple[tuple[Scalar, tuple[Constraint, ...]], ...], problems: Problems) -> None:
    """Two constraints of one path that always hold, of which one requires and one forbids."""
    for _, constraints in paths:
        always = [each for each in constraints if each.when is None]
        if any(each.required for each in always):
            for each in always:
                if each.forbidden and not each.required:
                    problems.add(
                        each.spot,
                        "The same path is required above or below, always. Give one of them a when.",
                        "contradiction",
                    )
