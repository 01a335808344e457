"""How `send` is written: entries to channels, to other routes and to earlier recipients, and first_of.

Knows how a file is laid out; must not know which channels, tables, names or routes there are.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Literal

from routes.flow.answer_codes import REASON_WORDS, RETURN_REASONS
from routes.language.kinds import Choice, Duration, Expression, Name, PathText
from routes.language.nearest import nearest
from routes.language.nested_kinds import ListOf, Nested
from routes.language.outcome_shapes import WHEN, ElseKind
from routes.language.problems import Problems, Spot
from routes.language.shapes import Field, Record, Shape
from routes.language.source import Block, Node, Scalar
from routes.language.step_shapes import CHECK, ChangeStep, check_entry
from routes.language.steps import FallBack, FirstOf, NothingMore, Otherwise, ReturnRule, SendEntry

__all__ = ["EARLIER", "RETURNED", "SEND", "SendKind"]

EARLIER = "earlier_recipients"
"""What stands in place of a channel where everyone is meant who was sent an earlier version."""

_LONGEST = 90 * 86_400.0  # seconds; who waits longer for a proof has forgotten that he does

_CHECKS = ListOf(Nested(CHECK, check_entry), or_one=False)
_CHANGES = ListOf(ChangeStep(), or_one=False)

_TO = Field(
    "to", Name("the name of a channel"), "the channel, or earlier_recipients", "to: archive", required=True
)
_PASS_TO = Field(
    "pass_to", Name("the name of a route"), "another route, which goes on with the message", required=True
)
_ADDRESS = Field("address", Expression(), "a key of the channel's directory", "address: requester")
_SEND_ELSE = Field("else", ElseKind(), "what happens where the address is absent or unknown")
_EACH = Field("each", PathText(), "one copy for each of these", "each: OBR[*]-28[*]")
_CHANGE = Field("change", _CHANGES, "changes to this copy alone")
_CHECK = Field("check", _CHECKS, "checks of this copy alone, after its changes")
_NOT_DELIVERED = Field(
    "if_not_delivered_in",
    Duration(),
    "how long to wait for the technical acknowledgement before `then`",
    "if_not_delivered_in: 4h",
)
_NOT_ACKNOWLEDGED = Field(
    "if_not_acknowledged_in",
    Duration(),
    "how long to wait for the practice's own acknowledgement before `then`",
    "if_not_acknowledged_in: 3d",
)
_THEN = Field("then", Name("the name of a channel"), "the channel that gets it instead", "then: print_room")
_REASONS: Field[Iterable[str]] = Field(
    "reasons",
    ListOf(Choice(RETURN_REASONS, about=REASON_WORDS)),
    "why it came back",
    "reasons: [left]",
    required=True,
)
_INSTEAD_TO = Field("to", Name("the name of a channel"), "another channel; the entry's own unless said")
_INSTEAD_ADDRESS = Field("address", Expression(), "a key of that channel's directory", "address: PD1-3.3")
RETURNED = Shape("if_returned", (_REASONS, _INSTEAD_TO, _INSTEAD_ADDRESS))


def _return_rule(record: Record, problems: Problems) -> ReturnRule | None:
    to, address = record.get(_INSTEAD_TO), record.get(_INSTEAD_ADDRESS)
    if to is None and address is None and _INSTEAD_TO not in record and _INSTEAD_ADDRESS not in record:
        problems.add(
            record.spot,
            'This says for which reasons, and not where it goes then: write "address", "to", or both '
            "(example: address: PD1-3.3).",
            "missing-key",
        )
        return None
    return ReturnRule(record.spot, tuple(record[_REASONS]), to, address)


_RETURNED = Field(
    "if_returned",
    Nested(RETURNED, _return_rule),
    "where it goes, once, if its recipient sends it back for one of these reasons",
    "if_returned: {reasons: [left], address: PD1-3.3}",
)
_SAME: Field[tuple[Scalar, ...]] = Field(
    "same",
    ListOf(PathText()),
    "for earlier_recipients: the fields by which an earlier message is the same one",
    "same: [MSH-4, OBR-3.1]",
)
_FIELDS = (
    _TO, WHEN, _ADDRESS, _SEND_ELSE, _NOT_DELIVERED, _NOT_ACKNOWLEDGED, _THEN, _RETURNED, _SAME, _CHANGE,
    _CHECK,
)  # fmt: skip
_PASSING = (_PASS_TO, WHEN, _CHANGE, _CHECK)
_OTHERWISE_HINT = '"otherwise" is the last entry of a first_of list, with a dash of its own.'
_FOR_A_CHANNEL = "This belongs to an entry with a channel; a route that gets the message has its own send."

_NEEDS = {"if_not_delivered_in": "then", "if_not_acknowledged_in": "then"}

SEND = Shape("a send entry", (_EACH, *_FIELDS), misplaced={"otherwise": _OTHERWISE_HINT}, needs=_NEEDS)
_CHOICE = Shape("an entry of first_of", _FIELDS, needs=_NEEDS, misplaced={
    "each": '"each" makes several copies, and first_of chooses one. Write it as a send entry of its own.',
    "first_of": "There is one level of choice only.",
})  # fmt: skip
_PASS = Shape("an entry with pass_to", _PASSING, misplaced={
    "to": "An entry either sends to a channel or passes to a route. Give each a dash of its own.",
    "address": _FOR_A_CHANNEL,
    "else": _FOR_A_CHANNEL,
    "each": "A message is passed on whole; the route that gets it may have an entry with each.",
    "then": _FOR_A_CHANNEL,
    "if_not_delivered_in": _FOR_A_CHANNEL,
    "if_not_acknowledged_in": _FOR_A_CHANNEL,
    "if_returned": _FOR_A_CHANNEL,
    "same": _FOR_A_CHANNEL,
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
        return _entry(node, _CHOICE, problems)

    def schema(self) -> dict[str, object]:
        to, passing = _CHOICE.schema(), _PASS.schema()
        to["required"], passing["required"] = ["to", "when"], ["pass_to", "when"]
        return {"anyOf": [to, passing, _LAST.schema()]}


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
        return _entry(node, SEND, problems)

    def schema(self) -> dict[str, object]:
        return {"anyOf": [SEND.schema(), _PASS.schema(), _FIRST_OF_SHAPE.schema()]}


def _entry(node: Node, shape: Shape, problems: Problems) -> SendEntry | None:
    """An entry with a channel, or with the route that the message is passed to."""
    if isinstance(node, Block) and _means(node, "pass_to", shape):
        record = _PASS.read(node, problems)
        return None if record is None or not record.whole else _pass_entry(record)
    record = shape.read(node, problems)
    if record is None or not record.usable or (record.meant & {_EACH.key, WHEN.key}) - set(record.keys):
        return None  # with a misspelt `each`, whatever says `it` would be a mistake as well
    return _send_entry(record, problems)


def _pass_entry(record: Record) -> SendEntry:
    return SendEntry(
        record.spot,
        record[_PASS_TO],
        record.get(WHEN),
        changes=record.get(_CHANGE) or (),
        checks=record.get(_CHECK) or (),
        passes=True,
    )


def _send_entry(record: Record, problems: Problems) -> SendEntry | None:
    to = record[_TO]
    if _ADDRESS in record and record.get(_ADDRESS) is None:
        return None  # it has been told that it says nothing
    earlier = to.value == EARLIER
    if not _fits_earlier(record, problems, earlier=earlier):
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
        fall_back=_fall_back(record, problems),
        same=record.get(_SAME) or (),
        if_returned=record.get(_RETURNED),
    )


def _fits_earlier(record: Record, problems: Problems, *, earlier: bool) -> bool:
    """Whether the keys are those of an entry to earlier recipients, or those of one to a channel."""
    if not earlier:
        if _SAME in record and nearest(record[_TO].value, [EARLIER]):
            message = f'There is no channel "{record[_TO].value}"; did you mean "{EARLIER}"?'
            problems.add(record[_TO].spot, message, "unknown-channel", fix=EARLIER)
            return False
        if _SAME in record:
            problems.add(
                record.key_spot(_SAME),
                f'"same" says which earlier message is meant, and belongs to an entry with to: {EARLIER}.',
                "misplaced-key",
            )
            return False
        return True
    for key in ("address", "each", "if_not_delivered_in", "if_not_acknowledged_in", "then", "if_returned"):
        if key in record.keys:
            problems.add(
                record.keys[key],
                f'An entry with to: {EARLIER} goes where the earlier message went, and has no "{key}".',
                "misplaced-key",
            )
            return False
    if _SAME not in record:
        problems.add(
            record.spot,
            f'An entry with to: {EARLIER} needs "same": the fields by which an earlier message is the same '
            "one (example: same: [MSH-4, OBR-3.1]).",
            "missing-key",
        )
        return False
    return True


def _fall_back(record: Record, problems: Problems) -> FallBack | None:
    waits = [wanted for wanted in (_NOT_DELIVERED, _NOT_ACKNOWLEDGED) if wanted in record]
    waits.sort(key=record.key_spot)
    if len(waits) > 1:
        problems.add(
            record.key_spot(waits[1]),
            "An entry waits for one proof: for the technical acknowledgement (if_not_delivered_in) or for "
            "the practice's own (if_not_acknowledged_in).",
            "two-deadlines",
        )
        return None
    if not waits:
        if _THEN in record:
            problems.add(
                record.key_spot(_THEN),
                '"then" says what happens when a proof does not come in time: write if_not_delivered_in or '
                "if_not_acknowledged_in with it.",
                "missing-key",
            )
        return None
    wait = waits[0]
    if _THEN not in record:
        problems.add(
            record.key_spot(wait),
            f'"{wait.key}" needs "then": the channel that gets the message instead (example: then: '
            "print_room).",
            "missing-key",
        )
        return None
    seconds, then = record.get(wait), record.get(_THEN)
    if seconds is None or then is None:
        return None
    if not 0 < seconds <= _LONGEST:
        problems.add(record.spot_of(wait), "This must be longer than 0s and at most 90d.", "bad-duration")
        return None
    proof: Literal["delivered", "acknowledged"] = "delivered" if wait is _NOT_DELIVERED else "acknowledged"
    return FallBack(record.key_spot(wait), proof, round(seconds * 1_000_000), then)


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
