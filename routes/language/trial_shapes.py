"""How `tests:` of a route is written. Declarations first; the kinds of value that only tests have behind.

Knows how a file is laid out; must not know which feeds, channels, tables, trays or samples there are.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import cast

from routes.flow.answer_codes import RETURN_REASONS
from routes.language.kinds import Choice, Duration, Marked, Name, PathText
from routes.language.nested_kinds import ListOf, MappingOf, Nested
from routes.language.problems import Problems
from routes.language.shapes import Field, Kind, Record, Shape, describe
from routes.language.source import Block, Items, Node, Scalar
from routes.language.trials import (
    Behaviour,
    Destination,
    Expected,
    ExpectedCopy,
    Pretence,
    Pretences,
    TableRow,
    TableRows,
    Trial,
)

__all__ = ["EXPECT", "TRIAL", "TrialKind", "read_trial"]

_DESTINATION = re.compile(r"([a-z][a-z0-9_]*)(?:\s*@\s*(\S(?:.*\S)?))?\s*\Z")
_PATH_LIKE = re.compile(r"[A-Z][A-Z0-9]{2}(?:\[[^\]]*\])?-[0-9]")
_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_LONGEST = 366 * 86_400.0  # seconds
_CODES = ("AA", "AE", "AR", "CA", "CE", "CR", "none")
_BEHAVIOURS = ("silent", "unreachable", "refusing", *RETURN_REASONS)


@dataclass(frozen=True, slots=True)
class PlainValue:
    """A value as it stands, with its place; `''` is the empty one."""

    words: str = "a plain value ('' for an empty one, '\"\"' for null)"

    def read(self, node: Node, problems: Problems) -> Scalar | None:
        if isinstance(node, Scalar):
            return node
        problems.add(node.spot, f"This must be {self.words}, not {describe(node)}.", "wrong-kind")
        return None

    def schema(self) -> dict[str, object]:
        return {"type": ["string", "number", "boolean"]}


@dataclass(frozen=True, slots=True)
class DestinationKind:
    """`channel @ address` or `channel`."""

    words: str = "a channel, or channel @ address such as gp_message @ Y06601"

    def read(self, node: Node, problems: Problems) -> Destination | None:
        if not isinstance(node, Scalar):
            problems.add(node.spot, f"This must be {self.words}, not {describe(node)}.", "wrong-kind")
            return None
        found = _DESTINATION.match(node.value)
        if found is None:
            problems.add(node.spot, f"This must be {self.words}.", "bad-destination")
            return None
        return Destination(node, found[1], found[2] or "")

    def schema(self) -> dict[str, object]:
        return {"type": "string", "pattern": r"^[a-z][a-z0-9_]*(\s*@\s*\S.*)?$"}


_VALUES: Kind[tuple[tuple[Scalar, Scalar], ...]] = MappingOf(PlainValue(), PathText())


def _holds_paths(node: Block, problems: Problems) -> bool:
    """True, with a problem, where values stand beside their channel and not below it."""
    path = next((key for key, _ in node.entries if _PATH_LIKE.match(key.value)), None)
    if path is not None:
        problems.add(
            path.spot,
            "This is a place in a copy; it stands below its channel, further to the right.",
            "bad-destination",
        )
    return path is not None


@dataclass(frozen=True, slots=True)
class SentKind:
    """`sent`: destinations, each with the values expected there or none; a list where one gets several."""

    words: str = (
        "destinations with what is expected there (gp_message @ Y06601: {MSH-6: Y06601}), or a list of them"
    )

    def read(self, node: Node, problems: Problems) -> tuple[ExpectedCopy, ...]:
        found: list[ExpectedCopy] = []
        for item in node.items if isinstance(node, Items) else (node,):
            if isinstance(item, Block):
                if _holds_paths(item, problems):
                    continue
                found += [copy for entry in item.entries if (copy := self._copy(*entry, problems))]
            elif (to := DestinationKind().read(item, problems)) is not None:
                found.append(ExpectedCopy(to))
        return tuple(found)

    def _copy(self, key: Scalar, value: Node, problems: Problems) -> ExpectedCopy | None:
        to = DestinationKind().read(key, problems)
        if to is None:
            return None
        nothing = isinstance(value, Block) and not value.entries
        if nothing or (isinstance(value, Scalar) and value.style == "plain" and not value.value):
            return ExpectedCopy(to)
        values = _VALUES.read(value, problems)
        if values is None:
            return None
        return ExpectedCopy(to, tuple([(path, expected.value) for path, expected in values]))

    def schema(self) -> dict[str, object]:
        one: dict[str, object] = {
            "type": "object",
            "additionalProperties": {"anyOf": [{"type": "null"}, {**_VALUES.schema(), "minProperties": 0}]},
        }
        name = DestinationKind().schema()
        return {"anyOf": [one, name, {"type": "array", "items": {"anyOf": [one, name]}}]}


@dataclass(frozen=True, slots=True)
class RowKind:
    """One row of a table."""

    words: str = "a row: column: value, or all its cells as a list"

    def read(self, node: Node, problems: Problems) -> TableRow | None:
        if isinstance(node, Scalar):
            problems.add(node.spot, f"This must be {self.words}, not {describe(node)}.", "wrong-kind")
            return None
        nodes = [value for _, value in node.entries] if isinstance(node, Block) else list(node.items)
        cells = [PlainValue().read(cell, problems) for cell in nodes]
        columns = tuple([key for key, _ in node.entries]) if isinstance(node, Block) else None
        values = tuple([cell.value for cell in cells if cell is not None])
        return TableRow(node.spot, columns, values) if len(values) == len(cells) else None

    def schema(self) -> dict[str, object]:
        cell = PlainValue().schema()
        return {"anyOf": [{"type": "object", "additionalProperties": cell}, {"type": "array", "items": cell}]}


@dataclass(frozen=True, slots=True)
class PretendKind:
    """`pretend: {CHANNEL: silent | unreachable | refusing | left ..., for: 5d}`."""

    words: str = (
        "{CHANNEL: silent}, unreachable, refusing or a reason for which it comes back (left), and for how "
        "long: {for: 5d}"
    )

    def read(self, node: Node, problems: Problems) -> Pretences | None:
        if not isinstance(node, Block):
            problems.add(node.spot, f"This must be {self.words}, not {describe(node)}.", "wrong-kind")
            return None
        channels: list[Pretence] = []
        lasting: int | None = None
        for key, value in node.entries:
            if key.value == "for":
                seconds = Duration().read(value, problems)
                if seconds is not None and not 0 < seconds <= _LONGEST:
                    problems.add(value.spot, "This must be longer than 0s and at most 366d.", "bad-duration")
                lasting = None if seconds is None else round(seconds * 1_000_000)
                continue
            name = Name("the name of a channel").read(key, problems)
            behaviour = Choice(_BEHAVIOURS).read(value, problems)
            if name is not None and behaviour is not None:
                channels.append(Pretence(name, cast("Behaviour", behaviour)))
        if not node.entries or ("for" in {key.value for key, _ in node.entries} and len(node.entries) == 1):
            problems.add(node.spot, f"No channel is named here. This must be {self.words}.", "empty-value")
        return Pretences(tuple(channels), lasting)

    def schema(self) -> dict[str, object]:
        return {
            "type": "object",
            "properties": {"for": {**Duration().schema(), "description": "For how long; then it delivers."}},
            "additionalProperties": {"enum": list(_BEHAVIOURS)},
            "minProperties": 1,
        }


@dataclass(frozen=True, slots=True)
class InstantKind:
    """A moment with its offset, as microseconds since 1970-01-01T00:00Z."""

    words: str = "a moment with its offset, such as 2026-01-05T09:30:00+00:00"

    def read(self, node: Node, problems: Problems) -> int | None:
        if not isinstance(node, Scalar):
            problems.add(node.spot, f"This must be {self.words}, not {describe(node)}.", "wrong-kind")
            return None
        try:
            moment = datetime.fromisoformat(node.value)
        except ValueError:
            moment = None
        if moment is None or moment.tzinfo is None or not 1970 < moment.year < 9999:
            problems.add(node.spot, f"This must be {self.words}.", "bad-moment")
            return None
        return (moment - _EPOCH) // timedelta(microseconds=1)

    def schema(self) -> dict[str, object]:
        return {"type": "string", "format": "date-time"}


@dataclass(frozen=True, slots=True)
class AckKind:
    """An acknowledgement code, or `none` where no answer is due."""

    words: str = "one of AA, AE, AR, CA, CE, CR, none"

    def read(self, node: Node, problems: Problems) -> Scalar | None:
        known = Choice(_CODES).read(node, problems)
        return node if known is not None and isinstance(node, Scalar) else None

    def schema(self) -> dict[str, object]:
        return {"enum": list(_CODES)}


def _names(words: str) -> ListOf[Scalar]:
    return ListOf(Marked(words), least=0)


_ACK: Field[tuple[Scalar, ...]] = Field(
    "ack",
    ListOf(AckKind()),
    "what the sender is told; none for no answer; a list for a sample of several messages",
    "ack: AA",
)
_SENT: Field[tuple[ExpectedCopy, ...]] = Field(
    "sent", SentKind(), "every copy that is made, with some of its values", "sent: {archive: {MSH-5: GP}}"
)
_HELD = Field("held", _names("the name of a tray"), "the trays that something waits in", "held: no_practice")
_REJECTED = Field("rejected", _names("the words of a reject"), "the words that the sender is told")
_NOT_WANTED = Field(
    "not_wanted", _names("a rule"), "the rule of accept by which it is not wanted", "not_wanted: not_a_result"
)
_WARNED = Field("warned", _names("the words of a warning"), "the words of each warning")

EXPECT = Shape(
    "an expectation",
    (_ACK, _SENT, _HELD, _REJECTED, _NOT_WANTED, _WARNED),
    misplaced={
        "hold": 'What a test expects is in the past tense: "held".',
        "reject": 'What a test expects is in the past tense: "rejected".',
        "warn": 'What a test expects is in the past tense: "warned".',
        "send": 'What a test expects is in the past tense: "sent".',
    },
    help="All that must happen to a test's message: what is not listed must not. Only `ack` may be left out.",
)


def _expected(record: Record, problems: Problems) -> Expected | None:  # noqa: ARG001 - what Nested calls
    return Expected(
        record.spot,
        record.get(_ACK) or (),
        record.get(_SENT) or (),
        record.get(_HELD) or (),
        record.get(_REJECTED) or (),
        record.get(_NOT_WANTED) or (),
        record.get(_WARNED) or (),
    )


_NAME = Field(
    "name", Marked("a sentence"), "what it shows, in a sentence", "name: a result goes to the practice",
    required=True,
)  # fmt: skip
_GIVEN = Field(
    "given", Marked("a file in samples/"), "the sample that comes in", "given: samples/result.hl7",
    required=True,
)  # fmt: skip
_FEED = Field("feed", Name("the name of a feed"), "the feed that it comes in by; left out, the first in from")
_RECEIVED = Field(
    "received", InstantKind(), "when it is received; left out, 2026-01-05T09:30:00+00:00, a Monday"
)
_WITH: Field[tuple[tuple[Scalar, Scalar], ...]] = Field(
    "with", _VALUES, "values written into the message behind the dialect", "with: {PV1-3.10: Z99999}"
)
_TABLES: Field[tuple[tuple[Scalar, tuple[TableRow, ...]], ...]] = Field(
    "tables",
    MappingOf(ListOf(RowKind()), Name("the name of a table")),
    "rows for this test, each in place of the one of its key",
    "tables: {gp_directory: [{practice: Y06601, accepts: paper}]}",
)
_EARLIER: Field[tuple[Destination, ...]] = Field(
    "earlier", ListOf(DestinationKind()), "who was sent an earlier version", "earlier: [archive]"
)
_FINAL: Field[tuple[Destination, ...]] = Field(
    "earlier_final",
    ListOf(DestinationKind()),
    "who was sent a final version: a preliminary one that comes later is held for them",
    "earlier_final: [archive]",
)
_PRETEND = Field(
    "pretend",
    PretendKind(),
    "how a channel behaves, and how long",
    "pretend: {archive: unreachable, for: 2h}",
)
_EXPECT: Field[Expected] = Field(
    "expect", Nested(EXPECT, _expected), "all that must happen", "expect: {held: no_practice}"
)

_BELOW_EXPECT = 'This stands inside "expect".'
TRIAL = Shape(
    "a test",
    (_NAME, _GIVEN, _FEED, _RECEIVED, _WITH, _TABLES, _EARLIER, _FINAL, _PRETEND, _EXPECT),
    misplaced={
        **dict.fromkeys(("ack", "sent", "held", "rejected", "not_wanted", "warned"), _BELOW_EXPECT),
        "for": 'This stands inside "pretend": pretend: {CHANNEL: silent, for: 5d}.',
    },
    help="A sample, and all that must become of it.",
)


def read_trial(record: Record, problems: Problems) -> Trial | None:
    """One entry of `tests`; None after problems."""
    expected = record.get(_EXPECT)
    node = record.nodes.get(_EXPECT.key)
    told = record.torn or _EXPECT.key in record.meant or _EXPECT.key in record.keys
    if (node is None and not told) or (isinstance(node, Block) and not node.entries and not node.torn):
        problems.add(
            record.key_spot(_EXPECT),
            'This test tests nothing: it needs "expect", all that must become of its message (example: '
            "expect: {held: no_practice}).",
            "tests-nothing",
        )
    if not record.whole:
        return None
    given = record[_GIVEN]
    return Trial(
        record.spot,
        record[_NAME],
        given,
        expected,
        record.get(_FEED),
        record.get(_RECEIVED),
        tuple([(path, value.value) for path, value in record.get(_WITH) or ()]),
        tuple([TableRows(name, rows) for name, rows in record.get(_TABLES) or ()]),
        record.get(_EARLIER) or (),
        record.get(_FINAL) or (),
        record.get(_PRETEND) or Pretences(),
    )


@dataclass(frozen=True, slots=True)
class TrialKind:
    """One entry of `tests`."""

    words: str = TRIAL.name

    def read(self, node: Node, problems: Problems) -> Trial | None:
        return Nested(TRIAL, read_trial).read(node, problems)

    def schema(self) -> dict[str, object]:
        return TRIAL.schema()
