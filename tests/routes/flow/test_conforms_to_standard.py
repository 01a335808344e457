"""`conforms_to: standard` in a check: errors take its `else`, warnings are noted and the message goes on."""

from __future__ import annotations

from collections.abc import Callable

from routes.flow.decision import Decision

Run = Callable[..., Decision]

RIGHT = (
    b"MSH|^~\\&|LIMS|NFD|X|Y|20260105||ORU^R01^ORU_R01|M1|P|2.5\rPID|1||9990000018^^^NHS^NH||TESTER^ANN\r"
    b"OBR|1||F12|FBC\rOBX|1|NM|HB^Hb^L||120||||||F\r"
)
ROUTE = """route: r
from: [lims]
check:
  - conforms_to: standard
    else: {hold: does_not_conform}
send:
  - to: archive
"""


def test_a_message_that_conforms_goes_on_without_a_word(run: Run) -> None:
    decision = run(ROUTE, RIGHT)

    assert [copy.channel for copy in decision.routes[0].copies] == ["archive"]
    assert decision.routes[0].warnings == ()


def test_a_message_that_does_not_is_held_with_all_its_findings(run: Run) -> None:
    decision = run(ROUTE, RIGHT.replace(b"120", b"many").replace(b"OBR|1||F12|FBC", b"OBR|1||F12|"))

    (held,) = decision.routes[0].held
    assert held.tray == "does_not_conform"
    assert held.reason == "does not conform to standard: 2 findings"
    assert [finding.words.partition(":")[0] for finding in decision.routes[0].warnings] == ["OBR-4", "OBX-5"]
    assert not any("many" in finding.words for finding in decision.routes[0].warnings)


def test_warnings_alone_do_not_hold_it(run: Run) -> None:
    decision = run(ROUTE, RIGHT.replace(b"TESTER^ANN", b"TESTER^ANN&B"))

    assert [copy.channel for copy in decision.routes[0].copies] == ["archive"]
    (finding,) = decision.routes[0].warnings
    assert finding.words.startswith("PID-5.2.2: ")
    assert finding.words.endswith("[extra-subcomponent] (warning)")
