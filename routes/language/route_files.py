"""Reads route, dialect and guard files into `steps`, with a problem for whatever is out of place.

Knows how a file is laid out; must not know which feeds, channels, tables or names there are.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from routes.language.kinds import Expression, Name, Text
from routes.language.nested_kinds import ListOf, MappingOf, Nested
from routes.language.problems import Problems
from routes.language.regrouping import regroup
from routes.language.send_shapes import SEND, SendKind
from routes.language.shapes import Field, Record, Shape
from routes.language.source import Node, Scalar, read_yaml
from routes.language.step_shapes import (
    ACCEPT,
    CHECK,
    ChangeStep,
    accept_entry,
    check_entry,
)
from routes.language.steps import (
    DialectFile,
    FirstOf,
    GuardFile,
    RouteFile,
    SendEntry,
)
from routes.language.stray_dashes import rejoin
from routes.language.trial_shapes import TrialKind
from routes.language.trials import Trial

__all__ = ["DIALECT", "GUARD", "ROUTE", "SEND", "read_dialect", "read_guard", "read_route"]

_CHECKS = ListOf(Nested(CHECK, check_entry), or_one=False)
_CHANGES = ListOf(ChangeStep(), or_one=False)


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
_FROM: Field[tuple[Scalar, ...]] = Field(
    "from",
    ListOf(Name("the name of a feed"), least=0),
    "the feeds it takes; left out where it only gets what other routes pass to it",
    "from: [a_lims]",
)
_GUARDS = Field("guards", ListOf(Name("the name of a guard")), "shared checks", "guards: [safe_to_send]")
_ACCEPT = Field("accept", ListOf(Nested(ACCEPT, accept_entry), or_one=False), "what the route wants")
_CHECK_LIST = Field("check", _CHECKS, "what must be so, and what happens otherwise")
_CHANGE_LIST = Field("change", _CHANGES, "what is changed, step by step")
_SEND_LIST: Field[tuple[SendEntry | FirstOf, ...]] = Field(
    "send", ListOf(SendKind(), or_one=False), "where copies go", "send: [{to: archive}]", required=True
)
_TESTS: Field[tuple[Trial, ...]] = Field(
    "tests", ListOf(TrialKind(), or_one=False), "samples, and what must become of them"
)
_ORDER = ("from", "guards", "accept", "names", "check", "change", "send", "tests")

ROUTE = Shape(
    "a route",
    (_ROUTE, _ABOUT, _OWNER, _FROM, _GUARDS, _ACCEPT, _NAMES, _CHECK_LIST, _CHANGE_LIST, _SEND_LIST, _TESTS),
    order=_ORDER,
    misplaced={
        "to": 'Channels stand under "send": send: [{to: archive}].',
        "conforms_to": 'This is an entry of "check": - conforms_to: NAME, with an else.',
        "pass_to": 'This is an entry of "send": send: [{pass_to: letters}].',
    },
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
    if not record.usable or _unreadable(record, _NAMES):
        return None
    return RouteFile(
        name=record[_ROUTE],
        spot=record.key_spot(_ROUTE),
        about=record[_ABOUT],
        owner=record[_OWNER],
        feeds=record.get(_FROM) or (),
        guards=record.get(_GUARDS) or (),
        accept=record.get(_ACCEPT) or (),
        names=record.get(_NAMES) or (),
        checks=record.get(_CHECK_LIST) or (),
        changes=record.get(_CHANGE_LIST) or (),
        sends=record[_SEND_LIST],
        tests=record.get(_TESTS) or (),
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
    return (
        None if node is None else shape.read(regroup(rejoin(node, problems), shape.order, problems), problems)
    )
