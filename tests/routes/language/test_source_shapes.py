"""Shapes: declarations that read nodes into values, and say what does not fit."""

from __future__ import annotations

import pytest

from routes.language.kinds import (
    Choice,
    Decimal,
    Duration,
    HostPort,
    Integer,
    Marked,
    Name,
    Secret,
    Size,
    Text,
    YesNo,
)
from routes.language.nested_kinds import ListOf, MappingOf, Nested
from routes.language.problems import Problems
from routes.language.shapes import Field, Kind, Record, Shape
from routes.language.source import Block, read_yaml

KIND = Field("kind", Choice(("mllp", "folder")), "what it is", "kind: mllp", required=True)
WAIT = Field("wait", Duration(), "how long to wait", default=5.0)
NOTE = Field("note", Text(), "for people")
PEERS = Field("peers", ListOf(Name()), "who may connect")
SHAPE = Shape(
    "a channel",
    (KIND, WAIT, NOTE, PEERS),
    order=("kind", "wait"),
    not_yet=("split",),
    misplaced={"port": "A port stands in feeds.yaml."},
)


FIRST_DASH = (
    "1:1 Here must stand a channel: keys with values (kind, wait, note, peers), not a list. Take the dash "
    "away. [wrong-kind]"
)
WRONG_ORDER = (
    '2:1 "kind" must stand before "wait": a channel is carried out from top to bottom, always in the order '
    "kind, wait. [order]"
)


def read_shape(text: str) -> tuple[Record | None, list[str]]:
    problems = Problems()
    node = read_yaml("f.yaml", text, problems)
    assert node is not None
    record = SHAPE.read(node, problems)
    return record, [f"{p.spot.line}:{p.spot.column} {p.message} [{p.rule}]" for p in problems.in_order()]


def read_kind(kind: Kind[object], text: str) -> tuple[object, list[str]]:
    problems = Problems()
    node = read_yaml("f.yaml", f"k: {text}\n", problems)
    assert isinstance(node, Block)
    value = kind.read(node.entries[0][1], problems)
    return value, [problem.rule for problem in problems.in_order()]


def test_values_and_defaults_are_asked_for_with_the_shapes_own_fields() -> None:
    record, problems = read_shape("kind: mllp\npeers: a\n")

    assert problems == []
    assert record is not None
    assert record.whole
    assert (record[KIND], record[WAIT], record.get(NOTE), record[PEERS][0].value) == ("mllp", 5.0, None, "a")
    assert WAIT not in record
    assert (record.spot_of(PEERS).line, record.key_spot(PEERS).column) == (2, 1)
    with pytest.raises(KeyError):
        record[NOTE]


@pytest.mark.parametrize(
    ("text", "problem"),
    [
        (
            "kind: mllp\nwayt: 5s\n",
            '2:1 "wayt" is not a key of a channel; did you mean "wait"? [unknown-key]',
        ),
        (
            "kind: mllp\nxyz: 5s\n",
            '2:1 "xyz" is not a key of a channel; allowed: kind, note, peers, wait. [unknown-key]',
        ),
        ("kind: mllp\nsplit: x\n", '2:1 "split" is not available in this version. [not-yet]'),
        ("kind: mllp\nport: 1\n", "2:1 A port stands in feeds.yaml. [misplaced-key]"),
        ("wait: 5s\n", '1:1 A channel needs "kind": what it is (example: kind: mllp). [missing-key]'),
        ("kind: mlp\n", '1:7 This must be one of mllp, folder; did you mean "mllp"? [wrong-choice]'),
        (
            "kind:\n",
            '1:1 "kind" has no value; this must be one of mllp, folder (example: kind: mllp). [empty-value]',
        ),
        ("- kind\n", FIRST_DASH),
        ("kind:mllp\n", '1:5 Put a space after the colon: "kind: …". [missing-space]'),
        ("wait: 5s\nkind: mllp\n", WRONG_ORDER),
    ],
)
def test_what_does_not_fit_is_explained_once(text: str, problem: str) -> None:
    _, problems = read_shape(text)

    assert problems == [problem]


def test_a_misspelt_required_key_is_one_mistake_and_not_two() -> None:
    assert [line.rsplit("[", 1)[1] for line in read_shape("kinnd: mllp\n")[1]] == ["unknown-key]"]


@pytest.mark.parametrize(
    ("kind", "text", "value"),
    [
        (Duration(), "5s", 5.0),
        (Duration(), "10m", 600.0),
        (Duration(), "3d", 259200.0),
        (Duration(), "1.5h", 5400.0),
        (Duration(), "250ms", 0.25),
        (Size(), "32MiB", 33554432),
        (Size(), "10 kB", 10000),
        (Size(), "7", 7),
        (YesNo(), "no", False),
        (YesNo(), "yes", True),
        (Integer(1, 9), "9", 9),
        (Decimal(), "2.5", 2.5),
        (HostPort(), "127.0.0.1:2575", ("127.0.0.1", 2575)),
        (HostPort(), '"[::1]:1"', ("::1", 1)),
        (Text(), "12:30", "12:30"),
    ],
)
def test_kinds_read_what_they_should(kind: Kind[object], text: str, value: object) -> None:
    assert read_kind(kind, text) == (value, [])


@pytest.mark.parametrize(
    ("kind", "text", "rule"),
    [
        (Duration(), "5", "wrong-kind"),
        (Duration(), "5 weeks", "wrong-kind"),
        (Duration(), "-5s", "wrong-kind"),
        (Size(), "32 MegaByte", "wrong-kind"),
        (YesNo(), "maybe", "wrong-kind"),
        (Integer(1, 9), "10", "wrong-kind"),
        (Integer(), "٣", "wrong-kind"),
        (Integer(), "1e3", "wrong-kind"),
        (Decimal(), "nan", "wrong-kind"),
        (HostPort(), "localhost", "wrong-kind"),
        (HostPort(), "h:99999", "wrong-kind"),
        (Name(), "GP Results", "bad-name"),
        (Text(), "[a]", "wrong-kind"),
        (ListOf(Name()), "[]", "empty-value"),
        (ListOf(Name(), or_one=False), "a", "wrong-kind"),
        (MappingOf(Text(), Marked()), "{}", "empty-value"),
        (MappingOf(Text(), Marked()), "a", "wrong-kind"),
        (Nested(SHAPE, lambda r, _: r), "a", "wrong-kind"),
    ],
)
def test_kinds_refuse_what_they_should(kind: Kind[object], text: str, rule: str) -> None:
    _, rules = read_kind(kind, text)

    assert rules == [rule]


def test_a_bad_entry_of_a_list_does_not_hide_the_others() -> None:
    problems = Problems()
    node = read_yaml("f.yaml", "[a, B b, c, D d]\n", problems)
    assert node is not None
    found = ListOf(Name()).read(node, problems)

    assert [name.value for name in found or ()] == ["a", "c"]
    assert len(problems.in_order()) == 2


def test_secrets_are_read_as_they_stand_for_the_loader_to_fill_in() -> None:
    value, rules = read_kind(Secret(), "amqp://u:${env:PW}@h/")

    assert rules == []
    assert getattr(value, "value", "") == "amqp://u:${env:PW}@h/"


def test_a_shape_can_be_written_as_json_schema() -> None:
    schema = SHAPE.schema()

    assert schema["required"] == ["kind"]
    assert schema["additionalProperties"] is False
    assert isinstance(schema["properties"], dict)
    kind = schema["properties"]["kind"]
    assert (kind["enum"], kind["description"]) == (["mllp", "folder"], "What it is.")
    assert kind["markdownDescription"].startswith("What it is.\n")
