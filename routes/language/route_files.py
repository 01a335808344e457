"""Reads route, dialect and guard files into `steps`, with a problem for whatever is out of place.

Knows how a file is laid out; must not know which feeds, channels, tables or names there are.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from routes.language.kinds import Anything, Expression, ListOf, MappingOf, Name, Nested, PathText, Text
from routes.language.nearest import nearest
from routes.language.problems import Problems, Spot
from routes.language.shapes import Field, Record, Shape
from routes.language.source import Block, Node, Scalar, read_yaml
from routes.language.step_shapes import (
    ACCEPT,
    CHECK,
    NOT_YET,
    WHEN,
    ChangeStep,
    ElseKind,
    accept_entry,
    check_entry,
)
from routes.language.steps import (
    DialectFile,
    FirstOf,
    GuardFile,
    NothingMore,
    Otherwise,
    RouteFile,
    SendEntry,
)

__all__ = ["DIALECT", "GUARD", "ROUTE", "SEND", "read_dialect", "read_guard", "read_route"]

_CHECKS = ListOf(Nested(CHECK, check_entry), or_one=False)
_CHANGES = ListOf(ChangeStep(), or_one=False)
_LATER_SEND = ("if_not_acknowledged_in", "then", "same", "pass_to")


# --- send --------------------------------------------------------------------------------------------

_TO = Field("to", Name("the name of a channel"), "the channel", "to: archive", required=True)
_ADDRESS = Field("address", Expression(), "a key of the channel's directory", "address: requester")
_SEND_ELSE = Field("else", ElseKind(), "what happens where the address is absent or unknown")
_EACH = Field("each", PathText(), "one copy for each of these", "each: OBR[*]-28[*]")
_CHANGE = Field("change", _CHANGES, "changes to this copy alone")
_CHECK = Field("check", _CHECKS, "checks of this copy alone, after its changes")
_FIELDS = (_TO, WHEN, _ADDRESS, _SEND_ELSE, _CHANGE, _CHECK)
_OTHERWISE_HINT = '"otherwise" is the last entry of a first_of list, with a dash of its own.'

SEND = Shape("a send entry", (_EACH, *_FIELDS), not_yet=_LATER_SEND, misplaced={"otherwise": _OTHERWISE_HINT})
_CHOICE = Shape("an entry of first_of", _FIELDS, not_yet=_LATER_SEND, misplaced={
    "each": '"each" makes several copies, and first_of chooses one. Write it as a send entry of its own.',
    "first_of": "There is one level of choice only.",
})  # fmt: skip


@dataclass(frozen=True, slots=True)
class _Last:
    """`- otherwise: …`, the end of first_of."""

    value: Otherwise | NothingMore
    spot: Spot


@dataclass(frozen=True, slots=True)
class _OtherwiseKind:
    words: str = "{hold: TRAY}, or nothing_more where another entry always sends"

    def read(self, node: Node, problems: Problems) -> Otherwise | NothingMore | None:
        if isinstance(node, Scalar):
            if node.value == "nothing_more":
                return NothingMore(node.spot)
            problems.add(node.spot, f"This must be {self.words}.", "wrong-kind")
            return None
        found = ElseKind().read(node, problems)
        if found is not None and found.kind == "warn":
            problems.add(
                found.spot, "A warning is no outcome: the message would be lost. Hold it, or write "
                "nothing_more where another entry always sends.", "no-outcome",
            )  # fmt: skip
            return None
        return found

    def schema(self) -> dict[str, object]:
        return {"anyOf": [{"const": "nothing_more"}, ElseKind().schema()]}


_OTHERWISE: Field[Otherwise | NothingMore] = Field(
    "otherwise", _OtherwiseKind(), "what happens where none of the entries is true", required=True
)
_LAST = Shape("the end of first_of", (_OTHERWISE,), misplaced={
    "to": 'The end of first_of holds or adds nothing_more; a channel needs an entry with "when" above it.',
})  # fmt: skip


def _means(node: Block, word: str, other: Shape) -> bool:
    """Whether an entry is of the kind that `word` begins, also where it is misspelt; of two kinds of entry
    the other one has a channel."""
    if node.get(word) is not None:
        return True
    keys = [key.value for key, _ in node.entries if key.value not in other.keys]
    return node.get("to") is None and any(nearest(key, (*other.keys, word)) == word for key in keys)


@dataclass(frozen=True, slots=True)
class _ChoiceKind:
    words: str = "a choice: when, to, address; or the last one, otherwise"

    def read(self, node: Node, problems: Problems) -> SendEntry | _Last | None:
        if isinstance(node, Block) and _means(node, "otherwise", _CHOICE):
            record = _LAST.read(node, problems)
            found = None if record is None else record.get(_OTHERWISE)
            # One that cannot be read has been reported, and is the end of first_of all the same.
            return _Last(found or NothingMore(node.spot), node.spot)
        record = _CHOICE.read(node, problems)
        return None if record is None or not record.usable else _send_entry(record, problems)

    def schema(self) -> dict[str, object]:
        return {"anyOf": [_CHOICE.schema(), _LAST.schema()]}


_FIRST_OF = Field("first_of", ListOf(_ChoiceKind(), or_one=False), "exactly one of these", required=True)
_FIRST_OF_SHAPE = Shape("a choice", (_FIRST_OF,), misplaced={
    "otherwise": "Give otherwise a dash of its own and indent it like the entries of first_of.",
    "when": "Each entry of first_of has its own when.",
})  # fmt: skip


@dataclass(frozen=True, slots=True)
class SendKind:
    """One entry of `send`."""

    words: str = "a send entry (to, when, address …) or first_of"

    def read(self, node: Node, problems: Problems) -> SendEntry | FirstOf | None:
        if isinstance(node, Block) and _means(node, "first_of", SEND):
            record = _FIRST_OF_SHAPE.read(node, problems)
            return None if record is None or not record.usable else _first_of(record, problems)
        record = SEND.read(node, problems)
        return None if record is None or not record.usable else _send_entry(record, problems)

    def schema(self) -> dict[str, object]:
        return {"anyOf": [SEND.schema(), _FIRST_OF_SHAPE.schema()]}


def _send_entry(record: Record, problems: Problems) -> SendEntry | None:
    to = record[_TO]
    if to.value == "earlier_recipients":
        problems.add(to.spot, '"earlier_recipients" is not available in this version.', "not-yet")
        return None
    return SendEntry(
        record.spot,
        to,
        record.get(WHEN),
        record.get(_ADDRESS),
        record.get(_SEND_ELSE),
        record.get(_EACH) if _EACH in record else None,
        record.get(_CHANGE) or (),
        record.get(_CHECK) or (),
    )


def _first_of(record: Record, problems: Problems) -> FirstOf | None:
    found = record[_FIRST_OF]
    entries = tuple(each for each in found if isinstance(each, SendEntry))
    ends = [each for each in found if isinstance(each, _Last)]
    if ends and found[-1] is not ends[0]:
        problems.add(
            ends[0].spot,
            '"otherwise" must be the last entry of first_of, and stand there once.',
            "otherwise-last",
        )
        return None
    if not ends:
        problems.add(
            record.key_spot(_FIRST_OF),
            "first_of must end in otherwise, so that no message is lost: - otherwise: {hold: TRAY}, or "
            "- otherwise: nothing_more where another entry always sends.",
            "no-otherwise",
        )
        return None
    open_ended = next((entry for entry in entries if entry.when is None), None)
    if open_ended is not None:
        problems.add(
            open_ended.spot,
            'An entry of first_of needs "when": without it, nothing behind it could ever happen.',
            "missing-key",
        )
        return None
    return FirstOf(record.key_spot(_FIRST_OF), entries, ends[0].value)


# --- files -------------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class _Defined:
    """What a name stands for. One that cannot be read is an empty text: the name stays known, so that its
    uses are no second mistake."""

    words: str = Expression().words

    def read(self, node: Node, problems: Problems) -> Scalar:
        return Expression().read(node, problems) or Scalar("", node.spot)

    def schema(self) -> dict[str, object]:
        return Expression().schema()


def _unreadable(record: Record, wanted: Field[Any]) -> bool:
    """Whether a key stands there and nothing of its value could be read."""
    return wanted in record and record.get(wanted) is None


_ABOUT = Field("about", Text("a sentence", one_line=False), "what it is for, in a sentence", default="")
_OWNER = Field("owner", Text(), "who answers for it", default="")
_NAMES: Field[tuple[tuple[Scalar, Scalar], ...]] = Field(
    "names",
    MappingOf(_Defined(), Name()),
    "the analyst's own words, each for an expression",
    "nhs_number: PID-3[5='NH'].1",
)
_ROUTE = Field("route", Name(), "the route's name", "route: gp_results", required=True)
_FROM = Field(
    "from", ListOf(Name("the name of a feed")), "the feeds it takes", "from: [a_lims]", required=True
)
_GUARDS = Field("guards", ListOf(Name("the name of a guard")), "shared checks", "guards: [safe_to_send]")
_ACCEPT = Field("accept", ListOf(Nested(ACCEPT, accept_entry), or_one=False), "what the route wants")
_CHECK_LIST = Field("check", _CHECKS, "what must be so, and what happens otherwise")
_CHANGE_LIST = Field("change", _CHANGES, "what is changed, step by step")
_SEND_LIST: Field[tuple[SendEntry | FirstOf, ...]] = Field(
    "send", ListOf(SendKind(), or_one=False), "where copies go", "send: [{to: archive}]", required=True
)
_TESTS = Field("tests", Anything(), "tests of this route")
_ORDER = ("from", "guards", "accept", "names", "check", "change", "send", "tests")

ROUTE = Shape(
    "a route",
    (_ROUTE, _ABOUT, _OWNER, _FROM, _GUARDS, _ACCEPT, _NAMES, _CHECK_LIST, _CHANGE_LIST, _SEND_LIST, _TESTS),
    order=_ORDER,
    not_yet=NOT_YET,
    misplaced={"to": 'Channels stand under "send": send: [{to: archive}].'},
    help="What happens to the messages of some feeds.",
)

_DIALECT = Field("dialect", Name(), "the dialect's name", "dialect: northfield", required=True)
_TABLES = Field(
    "tables",
    MappingOf(Name("the name of a table"), Name("the name of a table")),
    "tables to read instead of those that routes name",
    "tables: {lab_codes: northfield_lab_codes}",
)
_NOT_IN_DIALECT = "A dialect brings messages to the common form; what is sent, and where, stands in a route."

DIALECT = Shape(
    "a dialect",
    (_DIALECT, _ABOUT, _OWNER, _NAMES, _CHECK_LIST, _CHANGE_LIST, _TABLES),
    order=("names", "check", "change"),
    not_yet=NOT_YET,
    misplaced={"send": _NOT_IN_DIALECT, "accept": _NOT_IN_DIALECT, "from": _NOT_IN_DIALECT},
    help="One hospital's habits, brought to the common form before any route.",
)

_GUARD = Field("guard", Name(), "the guard's name", "guard: safe_to_send", required=True)
_GUARD_CHECKS = Field("check", _CHECKS, "the checks", required=True)

GUARD = Shape(
    "a guard",
    (_GUARD, _ABOUT, _OWNER, _GUARD_CHECKS),
    misplaced={"change": "A guard only checks; changes stand in a dialect or a route."},
    help="Checks shared by routes and feeds.",
)


def read_route(file: str, text: str, problems: Problems) -> RouteFile | None:
    """One file of `routes/`; None after problems."""
    record = _read(file, text, ROUTE, problems)
    if record is None:
        return None
    if _TESTS in record:
        problems.add(
            record.key_spot(_TESTS),
            "The tests of this route are read, but this version does not run them.",
            "tests-not-run",
            warning=True,
        )
    if not record.usable or _unreadable(record, _NAMES):
        return None
    return RouteFile(
        name=record[_ROUTE],
        spot=record.key_spot(_ROUTE),
        about=record[_ABOUT],
        owner=record[_OWNER],
        feeds=record[_FROM],
        guards=record.get(_GUARDS) or (),
        accept=record.get(_ACCEPT) or (),
        names=record.get(_NAMES) or (),
        checks=record.get(_CHECK_LIST) or (),
        changes=record.get(_CHANGE_LIST) or (),
        sends=record[_SEND_LIST],
    )


def read_dialect(file: str, text: str, problems: Problems) -> DialectFile | None:
    """One file of `dialects/`; None after problems."""
    record = _read(file, text, DIALECT, problems)
    if record is None or not record.usable or _unreadable(record, _NAMES):
        return None
    return DialectFile(
        name=record[_DIALECT],
        spot=record.key_spot(_DIALECT),
        about=record[_ABOUT],
        names=record.get(_NAMES) or (),
        checks=record.get(_CHECK_LIST) or (),
        changes=record.get(_CHANGE_LIST) or (),
        tables=record.get(_TABLES) or (),
    )


def read_guard(file: str, text: str, problems: Problems) -> GuardFile | None:
    """One file of `guards/`; None after problems."""
    record = _read(file, text, GUARD, problems)
    if record is None or not record.usable:
        return None
    return GuardFile(record[_GUARD], record.key_spot(_GUARD), record[_ABOUT], record[_GUARD_CHECKS])


def _read(file: str, text: str, shape: Shape, problems: Problems) -> Record | None:
    node = read_yaml(file, text, problems)
    return None if node is None else shape.read(node, problems)
