"""`each` with an entry's own change and check: `it` is the element in all of them."""

from __future__ import annotations

from collections.abc import Callable

from routes.flow.decision import Decision
from tests.routes.flow.orders import order

Run = Callable[..., Decision]

ORU = order("OBR|1|P1|" + "|" * 25 + "G1^ONE~G2^TWO~~G3", "OBR|2|P2")
ENTRY = (
    "route: r\nfrom: [lims]\nsend:\n  - each: OBR[*]-28[*]\n    to: gp_message\n"
    "    address: gp_of_doctor[it.1].practice\n{}  - to: archive\n"
)


def test_a_check_of_an_each_entry_may_ask_about_it_and_holds_that_copy_only(run: Run) -> None:
    own = "    check:\n      - that: it.2 = 'TWO'\n        else: {hold: not_two}\n"
    route = run(ENTRY.format(own), ORU).routes[0]

    assert [(copy.channel, copy.address) for copy in route.copies] == [
        ("gp_message", "Y06602"),
        ("archive", ""),
    ]
    assert [(held.tray, held.entry) for held in route.held] == [("not_two", True), ("unknown_address", True)]


def test_a_change_of_an_each_entry_may_write_what_it_is(run: Run) -> None:
    own = "    change:\n      - set: {MSH-5: it.2}\n"
    route = run(ENTRY.format(own), ORU).routes[0]

    assert [copy.body.split(b"|")[4] for copy in route.copies] == [b"ONE", b"TWO", b"X"]


def test_without_the_last_star_the_first_repetition_of_each_segment_is_taken(run: Run) -> None:
    entry = ENTRY.replace("28[*]", "28").format("")

    assert [copy.address for copy in run(entry, ORU).routes[0].copies] == ["Y06601", ""]


def test_an_else_that_warns_leaves_the_other_copies_alone(run: Run) -> None:
    entry = ENTRY.format("    else: {warn: unknown doctor}\n")
    route = run(entry, ORU).routes[0]

    assert [copy.address for copy in route.copies] == ["Y06601", "Y06602", ""]
    assert [warning.words for warning in route.warnings] == ["unknown doctor"]
