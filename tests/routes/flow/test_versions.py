"""A late preliminary never follows a final: it is held for those who were sent the final, and no others."""

from __future__ import annotations

from collections.abc import Callable

import pytest

from routes.flow.decide import decide
from routes.flow.decision import Known
from routes.flow.versions import of_final, version_of
from routes.hl7.message import Message
from routes.language.plan import Plan
from tests.routes.flow.orders import order

MakeSite = Callable[..., Plan]

ROUTE = """\
route: r
from: [lims]
send:
  - to: gp_message
    address: PV1-3
  - to: earlier_recipients
    same: [MSH-4, OBR-3.1]
    when: any OBX[*]-11 = 'C'
  - to: archive
"""


def result(*statuses: str, report: str = "", practice: str = "Y06601") -> bytes:
    obr = "OBR|1|P1|26L001" + "|" * 22 + report
    return order(f"PV1|1||{practice}", obr, *(f"OBX|1|NM|HB||63||||||{status}" for status in statuses))


@pytest.mark.parametrize(
    ("message", "version"),
    [
        (result("P"), "preliminary"),
        (result("P", "R", report="P"), "preliminary"),
        (result("", report="A"), "preliminary"),
        (result("F"), "final"),
        (result("C", "F"), "final"),
        (result("W", report="C"), "final"),
        (result("P", "F"), ""),
        (result("F", report="P"), ""),
        (result(""), ""),
        (result("N"), ""),
    ],
)
def test_what_its_statuses_say_is_what_a_message_is(message: bytes, version: str) -> None:
    assert version_of(Message.parse(message)) == version


def test_a_final_leaves_a_key_of_its_own_and_a_preliminary_asks_by_it(make_site: MakeSite) -> None:
    site = make_site(ROUTE)
    final, early = (decide(site, "lims", result(status), Known(0)) for status in "FP")
    (digest,) = early.same
    mixed = decide(site, "lims", result("F", "P"), Known(0))

    assert final.same == (digest, of_final(digest))
    assert final.asked == ()
    assert early.asked == (("r", of_final(digest)),)
    assert (mixed.same, mixed.asked) == ((digest,), ())


def test_only_whom_the_final_was_sent_to_does_not_get_the_late_preliminary(make_site: MakeSite) -> None:
    site = make_site(ROUTE)
    (asked,) = decide(site, "lims", result("P"), Known(0)).asked
    known = Known(0, earlier_of={asked: (("gp_message", "Y06601"), ("duty_desk", ""))})
    late = decide(site, "lims", result("P"), known).routes[0]
    moved = decide(site, "lims", result("P", practice="Y06603"), known).routes[0]

    assert [(copy.channel, copy.address) for copy in late.copies] == [("archive", "")]
    (held,) = late.held
    assert (held.tray, held.entry, held.where) == ("overtaken", True, "routes/r.yaml:1")
    assert "Y06601" not in held.reason
    assert [copy.channel for copy in moved.copies] == ["gp_message", "archive"]
    assert moved.held == ()
    final = decide(site, "lims", result("F"), known).routes[0]
    assert [copy.channel for copy in final.copies] == ["gp_message", "archive"]
