"""A code that says "no practice" or "unknown" is never an address, whatever a directory lists."""

from __future__ import annotations

from collections.abc import Callable

import pytest

from routes.flow.decide import decide
from routes.flow.decision import Decision, Known
from routes.language.plan import Plan

LISTED = "practice,accepts,since\nY06601,electronic,2020-01-01\n{code},electronic,2020-01-01\n"
SEND = "route: r\nfrom: [lims]\nsend:\n  - to: archive\n  - to: gp_message\n    address: PV1-3\n"
NOBODY = ["V81999", "V81998", "V81997", "X99998", "X99999", "V81999001"]

Run = Callable[..., Decision]


def message(address: str) -> bytes:
    return f"MSH|^~\\&|L|N|||20260309||ORU^R01|A1|P|2.5\rPV1|1|O|{address}\rOBR|1|R-1\r".encode()


@pytest.mark.parametrize("sidecar", ["", "case: ignore\n", "valid_from: since\n"])
@pytest.mark.parametrize("code", NOBODY)
def test_it_is_held_as_an_unknown_address(run: Run, code: str, sidecar: str) -> None:
    tables = {"tables/gp_directory.csv": LISTED.format(code=code)}
    if sidecar:
        tables["tables/gp_directory.yaml"] = sidecar
    received = 1_773_063_000_000_000

    nobody = run(SEND, message(code), received, tables=tables).routes[0]
    somebody = run(SEND, message("Y06601"), received, tables=tables).routes[0]

    assert [copy.channel for copy in nobody.copies] == ["archive"]
    assert [held.tray for held in nobody.held] == ["unknown_address"]
    assert [copy.address for copy in somebody.copies] == ["", "Y06601"]


def test_small_letters_do_not_make_it_somebody(run: Run) -> None:
    tables = {
        "tables/gp_directory.csv": LISTED.format(code="v81999"),
        "tables/gp_directory.yaml": "case: ignore\n",
    }

    assert [held.tray for held in run(SEND, message("V81999"), tables=tables).routes[0].held] == [
        "unknown_address"
    ]


def test_a_correction_to_earlier_recipients_does_not_reach_it(make_site: Callable[..., Plan]) -> None:
    tables = {"tables/gp_directory.csv": LISTED.format(code="V81999")}
    earlier = "  - to: earlier_recipients\n    same: [OBR-2]\n"
    plan = make_site(SEND + earlier, tables=tables)
    known = Known(0, earlier=(("gp_message", "V81999"), ("gp_message", "Y06601")))

    route = decide(plan, "lims", message("Y06601"), known).routes[0]

    assert [(copy.channel, copy.address) for copy in route.copies] == [
        ("archive", ""),
        ("gp_message", "Y06601"),
    ]
    assert [held.tray for held in route.held] == ["unknown_address"]
