"""`reformat` of numbers, NHS numbers and names: what is written, what stays, and what takes the else."""

from __future__ import annotations

from collections.abc import Callable

import pytest

from routes.flow.decision import Decision
from tests.routes.flow.orders import order

Change = Callable[..., str]
Run = Callable[..., Decision]

HOLD = (
    "route: r\nfrom: [lims]\nchange:\n  - reformat: {}\n    from: {}\n    as: {}\n{}send:\n  - to: archive\n"
)


def reformatted(change: Change, path: str, source: str, target: str, message: bytes) -> list[str]:
    step = f'  - reformat: {path}\n    from: "{source}"\n    as: "{target}"'
    return change(step, message).split("\n")[1:]


def test_numbers_change_their_signs_and_no_digit(change: Change) -> None:
    message = order("OBX|1|NM|A||1.234,50", "OBX|2|NM|B||-7,0", 'OBX|3|NM|C||""', "OBX|4|NM|D||")

    assert reformatted(change, "OBX[*]-5", "1.234,5", "number", message) == [
        "OBX|1|NM|A||1234.50", "OBX|2|NM|B||-7.0", 'OBX|3|NM|C||""', "OBX|4|NM|D||",
    ]  # fmt: skip
    assert reformatted(change, "OBX-5", "number", "1,234.5", order("OBX|1|NM|A||1234567.5")) == [
        "OBX|1|NM|A||1,234,567.5"
    ]


def test_a_selector_spares_what_is_no_number(change: Change) -> None:
    message = order("OBX|1|ST|A||see note, 5", "OBX|2|NM|B||1,5")

    assert reformatted(change, "OBX[2='NM']-5", "1234,5", "number", message)[1] == "OBX|2|NM|B||1.5"


def test_nhs_numbers_lose_and_get_their_blanks(change: Change) -> None:
    message = order("PID|1||H1^^^H^MR~999 000 0018^^^NHS^NH")

    assert reformatted(change, "PID-3[5='NH'].1", "nhs_number", "nhs_number", message) == [
        "PID|1||H1^^^H^MR~9990000018^^^NHS^NH"
    ]
    assert reformatted(change, "PID-2", "nhs_number", "999 999 9999", order("PID|1|9990000018")) == [
        "PID|1|999 000 0018"
    ]


def test_a_name_goes_into_its_components_and_back(change: Change) -> None:
    text = order("PID|1||||O'BRIEN, Anna Maria^^^^^^L|x")
    assert reformatted(change, "PID-5", "SURNAME, Forename Middle", "XPN", text) == [
        "PID|1||||O'BRIEN^Anna^Maria^^^^L|x"
    ]

    parts = order(r"PID|1||||VAN DER BERG&VAN DER&BERG^Anna^\T\ Co^^MRS^^L|x")
    assert reformatted(change, "PID-5", "XPN", "Surname, Forename Middle (Title)", parts) == [
        r"PID|1||||VAN DER BERG, Anna \T\ Co (MRS)^^^^^^L|x"
    ]


def test_a_doctors_code_stays_before_the_name(change: Change) -> None:
    message = order("PV1|1|" + "|" * 5 + "G9100022^SMITH, Dr J~G2^JONES, P")

    assert reformatted(change, "PV1-7", "Surname, Title Forename", "XCN", message)[0].endswith(
        "|G9100022^SMITH^J^^^Dr~G2^JONES, P"
    )


def test_every_repetition_and_it_can_be_reformatted(change: Change) -> None:
    message = order("PID|1||||A, B~C, D")
    assert reformatted(change, "PID-5[*]", "Surname, Forename", "XPN", message) == ["PID|1||||A^B~C^D"]

    step = "  - for_each: PID-5[*]\n    change:\n      - reformat: it\n"
    step += '        from: "Surname, Forename"\n        as: XPN'
    assert change(step, message).split("\n")[1] == "PID|1||||A^B~C^D"


@pytest.mark.parametrize(
    ("path", "source", "target", "message"),
    [
        ("OBX-5", '"1.234,5"', "number", order("OBX|1|NM|A||>1,5")),
        ("OBX-5", '"1.234,5"', "number", order("OBX|1|NM|A||1,5^2")),
        ("PID-2", "nhs_number", "nhs_number", order("PID|1|999 000 0019")),
        ("PID-5", "Surname, Forename", "XPN", order("PID|1||||TARRANT Elspeth")),
        ("PID-5", "Surname, Forename", "XPN", order("PID|1||||TARRANT, Elspeth^Q")),
        ("PID-5", "XPN", "Surname, Forename", order("PID|1||||TARRANT")),
        ("PID-5", "XPN", "Surname, Forename", order('PID|1||||TARRANT^""')),
    ],
)
def test_what_cannot_be_read_takes_the_else_and_its_content_is_never_told(
    run: Run, path: str, source: str, target: str, message: bytes
) -> None:
    held = run(HOLD.format(path, source, target, ""), message).routes[0].held

    assert [(each.tray, each.reason) for each in held] == [
        ("unreadable_value", f"{path} is not written as {source}".replace('"', ""))
    ]
    warned = run(HOLD.format(path, source, target, "    else: {warn: odd}\n"), message).routes[0]
    assert warned.copies[0].body == message
    assert [warning.words for warning in warned.warnings] == ["odd"]


def test_what_is_written_so_already_goes_out_as_it_came(run: Run) -> None:
    message = order("PID|1|9990000018|||TARRANT^ELSPETH")

    assert (
        run(HOLD.format("PID-2", "nhs_number", "nhs_number", ""), message).routes[0].copies[0].body is message
    )
    assert run(HOLD.format("PID-7", "number", '"1.234,5"', ""), message).routes[0].copies[0].body is message


def test_a_message_without_components_cannot_hold_a_name_in_parts(run: Run) -> None:
    message = order("PID|1||||TARRANT, Elspeth").replace(rb"|^~\&|", b"||")
    held = run(HOLD.format("PID-5", "Surname, Forename", "XPN", ""), message).routes[0].held

    assert [each.tray for each in held] == ["unreadable_value"]
