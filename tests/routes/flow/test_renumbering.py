"""`renumber`: set IDs and sub-IDs counted anew; what is right already is left alone."""

from __future__ import annotations

from collections.abc import Callable

from hypothesis import given
from hypothesis import strategies as st

from routes.flow.arranging import renumber_each
from routes.flow.decision import Decision
from routes.flow.running import Run as Running
from routes.hl7.message import Message
from routes.language.scope import Scope
from tests.routes.flow.orders import order, orders

Change = Callable[..., str]
Run = Callable[..., Decision]


def firsts(change: Change, message: bytes, step: str, name: str, field: int) -> list[str]:
    """A field of every segment of a name after a step."""
    lines = change(step, message).split("\n")
    return [line.split("|")[field] for line in lines if line.startswith(name)]


def test_set_ids_count_from_one_through_the_message(change: Change) -> None:
    message = order("OBX|7", "NTE|1", "OBX|9", "OBX")

    assert firsts(change, message, "  - renumber: OBX-1", "OBX", 1) == ["1", "2", "3"]


def test_within_begins_anew_for_each_group(change: Change) -> None:
    message = order("OBX|9", "OBR|1", "OBX|5", "OBX|6", "OBR|2", "OBX|7", "OBX|8")

    assert firsts(change, message, "  - renumber: OBX-1\n    within: OBR", "OBX", 1) == [
        "1",
        "1",
        "2",
        "1",
        "2",
    ]


def test_notes_within_obx_begin_anew_behind_the_next_order_too(change: Change) -> None:
    message = order("NTE|9", "OBR|1", "NTE|9", "OBX|1", "NTE|9", "NTE|9", "OBR|2", "NTE|9", "NTE|9", "OBX|1")

    assert firsts(change, message, "  - renumber: NTE-1\n    within: OBX", "NTE", 1) == [
        "1", "2", "1", "2", "1", "2",
    ]  # fmt: skip


def test_group_and_item_are_numbered_in_the_order_of_first_appearance(change: Change) -> None:
    message = order("OBX|1||B", "OBX|2||A", "OBX|3||B", "OBX|4||A", "OBX|5||C")
    step = "  - renumber: OBX-4\n    group: OBX-3.1\n    as: group.item"

    assert firsts(change, message, step, "OBX", 4) == ["1.1", "2.1", "1.2", "2.2", "3.1"]


def test_groups_count_anew_within_each_order(change: Change) -> None:
    message = order("OBR|1", "OBX|1||A", "OBX|2||B", "OBR|2", "OBX|1||B", "OBX|2||A", "OBX|3||B")
    step = "  - renumber: OBX-4\n    within: OBR\n    group: OBX-3.1\n    as: {}"

    assert firsts(change, message, step.format("group.item"), "OBX", 4) == ["1.1", "2.1", "1.1", "2.1", "1.2"]
    assert firsts(change, message, step.format("group"), "OBX", 4) == ["1", "2", "1", "2", "1"]
    assert firsts(change, message, step.format("item"), "OBX", 4) == ["1", "1", "1", "1", "2"]


def test_a_group_is_told_by_the_segment_itself_and_not_by_the_first_of_its_name(change: Change) -> None:
    message = order("OBX|1||A^x", "OBX|2||B^x", "OBX|3||A^y")
    step = "  - renumber: OBX-4\n    group: OBX[*]-3.1"

    assert firsts(change, message, step, "OBX", 4) == ["1.1", "2.1", "1.2"]


def test_what_is_numbered_rightly_goes_out_as_it_came(run: Run) -> None:
    message = order("OBX|1|NM", "OBX|2|NM")
    route = "route: r\nfrom: [lims]\nchange:\n  - renumber: OBX-1\nsend:\n  - to: archive\n"

    assert run(route, message).routes[0].copies[0].body is message


def test_removed_segments_leave_no_gap_in_the_numbers(change: Change) -> None:
    message = order("OBX|1||A", "OBX|2||B", "OBX|3||A")

    assert firsts(change, message, "  - remove: OBX[3.1='B']\n  - renumber: OBX-1", "OBX", 1) == ["1", "2"]


@given(orders(), st.sampled_from([b"", b"OBR", b"ORC"]))
def test_only_the_numbers_change_and_each_group_counts_from_one(data: bytes, within: bytes) -> None:
    message = Message.parse(data)
    renumber_each(b"OBX", 1, within, None, lambda _group, item: str(item))(
        Running(message, Scope(message), [])
    )
    before, after = data.split(b"\r"), message.to_bytes().split(b"\r")

    assert [line.split(b"|")[2:] for line in before] == [line.split(b"|")[2:] for line in after]
    last = 0
    for line in after:
        name, *fields = line.split(b"|")
        if name == b"OBX":
            number = int(fields[0])
            assert number in (1, last + 1)
            last = number
