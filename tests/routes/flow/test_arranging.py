"""`arrange`: repetitions of a field in another order, none lost unless it says so."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable

from hypothesis import given
from hypothesis import strategies as st

from routes.flow.arranging import arrange_repetitions
from routes.flow.decision import Decision
from routes.flow.running import Run as Running
from routes.hl7.message import Message
from routes.hl7.path import compile_path, parse_path
from routes.language.scope import Scope
from tests.routes.flow.orders import order

Change = Callable[..., str]
Run = Callable[..., Decision]


def identifiers(change: Change, pid3: str, others: str = "keep", order_: str = "[NH, MR]") -> str:
    step = f"  - arrange: PID-3\n    by: 5\n    order: {order_}\n    others: {others}"
    return change(step, order(f"PID|1||{pid3}|x")).split("\n")[1].split("|")[3]


def test_repetitions_stand_in_the_order_wished_and_the_others_behind_as_they_came(change: Change) -> None:
    got = identifiers(change, "Z^^^^PI~M1^^^^MR~Y^^^^XX~N^^^^NH~M2^^^^MR")

    assert got == "N^^^^NH~M1^^^^MR~M2^^^^MR~Z^^^^PI~Y^^^^XX"


def test_others_are_kept_unless_they_shall_go(change: Change) -> None:
    assert change("  - arrange: PID-3\n    by: 5\n    order: NH", order("PID|1||Z~N^^^^NH")).endswith(
        "N^^^^NH~Z"
    )
    assert identifiers(change, "Z^^^^PI~M^^^^MR~N^^^^NH", "remove") == "N^^^^NH~M^^^^MR"


def test_values_are_compared_as_they_are_meant(change: Change) -> None:
    assert identifiers(change, r"Z~N^^^^N\T\H", order_="[N&H]") == r"N^^^^N\T\H~Z"


def test_null_says_something_of_the_whole_field_and_stays(change: Change) -> None:
    assert identifiers(change, '""', "remove") == '""'


def test_every_segment_of_a_starred_path_is_arranged(change: Change) -> None:
    step = "  - arrange: OBX[*]-3\n    by: 3\n    order: [SCT]"
    got = change(step, order("OBX|1||a^^L~b^^SCT", "OBX|2||c^^L~d^^SCT")).split("\n")[1:]

    assert got == ["OBX|1||b^^SCT~a^^L", "OBX|2||d^^SCT~c^^L"]


def test_what_is_in_order_goes_out_as_it_came(run: Run) -> None:
    message = order("PID|1||N^^^^NH~M^^^^MR~Z")
    change = "change:\n  - arrange: PID-3\n    by: 5\n    order: [NH, MR]\n"
    route = f"route: r\nfrom: [lims]\n{change}send:\n  - to: archive\n"

    assert run(route, message).routes[0].copies[0].body is message


@given(st.lists(st.sampled_from(["N", "M", "Z", "", "N^x", "M^y"]), min_size=1, max_size=7))
def test_arranging_loses_nothing_and_keeps_the_order_of_equals(found: list[str]) -> None:
    message = Message.parse(order(f"PID|1||{'~'.join(found)}|end"))
    path = compile_path(parse_path("PID-3"), "write")
    arrange_repetitions(path, 1, ["N", "M"], keep=True)(Running(message, Scope(message), []))
    after = message.field(1, 3).split("~")

    assert Counter(after) == Counter(found)
    for kind in ("N", "M"):
        assert [x for x in after if x[:1] == kind] == [x for x in found if x[:1] == kind]
    ranks = ["NM".find(x[:1]) % 3 if x else 2 for x in after]
    assert ranks == sorted(ranks)
