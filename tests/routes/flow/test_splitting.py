"""`split`: which segments each piece gets, what stays together, and what happens to the pieces."""

from __future__ import annotations

from collections.abc import Callable

import pytest
from hypothesis import given
from hypothesis import strategies as st

from routes.flow.decision import Decision
from routes.flow.splitting import Uncut, cut_by
from routes.hl7.message import Message
from routes.hl7.path import compile_path, parse_path
from tests.routes.flow.orders import MSH, names_of, order, orders

Run = Callable[..., Decision]

SPLIT = "route: r\nfrom: [lims]\nchange:\n  - split: OBR\n{more}send:\n  - to: archive\n"
TWO = order(
    "PID|1||9990001006", "PV1|1|O", "ORC|RE|P1", "OBR|1|P1", "OBX|1|NM|HB||62", "NTE|1||low",
    "ORC|RE|P2", "OBR|2|P2", "OBX|1|NM|NA||140",
)  # fmt: skip


def pieces(run: Run, message: bytes, more: str = "") -> list[list[str]]:
    decision = run(SPLIT.format(more=more), message)
    return [copy.body.decode().rstrip("\r").split("\r") for copy in decision.routes[0].copies]


def numbers(run: Run, message: bytes, more: str = "") -> list[list[str]]:
    """OBR-1 of the OBRs in each piece."""
    return [
        [line.split("|")[1] for line in piece if line.startswith("OBR|")]
        for piece in pieces(run, message, more)
    ]


def test_each_piece_has_the_heading_one_obr_its_orc_and_all_up_to_the_next_order(run: Run) -> None:
    first, second = pieces(run, TWO)

    assert first == [
        MSH.decode(), "PID|1||9990001006", "PV1|1|O",
        "ORC|RE|P1", "OBR|1|P1", "OBX|1|NM|HB||62", "NTE|1||low",
    ]  # fmt: skip
    assert second == [
        MSH.decode(),
        "PID|1||9990001006",
        "PV1|1|O",
        "ORC|RE|P2",
        "OBR|2|P2",
        "OBX|1|NM|NA||140",
    ]


def test_pieces_are_numbered_in_the_order_of_their_obr_and_copies_say_which(run: Run) -> None:
    decision = run(SPLIT.format(more=""), order("OBR|1", "OBR|2", "OBR|3"))

    assert [copy.piece for copy in decision.routes[0].copies] == ["1", "2", "3"]


@pytest.mark.parametrize("segments", [("PID|1",), ("PID|1", "OBR|1", "OBX|1"), ("ORC|RE", "OBR|1")])
def test_a_message_with_one_obr_or_none_stays_whole_byte_for_byte(
    run: Run, segments: tuple[str, ...]
) -> None:
    message = order(*segments)
    copy = run(SPLIT.format(more=""), message).routes[0].copies[0]

    assert copy.body is message
    assert copy.piece == ""


def test_what_equals_another_in_keep_together_stays_with_the_first_of_them(run: Run) -> None:
    message = order(
        "ORC|RE|||G1",
        "OBR|1",
        "ORC|RE|||G2",
        "OBR|2",
        "ORC|RE|||G1",
        "OBR|3",
        "OBX|3",
        "ORC|RE|||G2",
        "OBR|4",
    )

    assert numbers(run, message, "    keep_together: ORC-4.1\n") == [["1", "3"], ["2", "4"]]


def test_absent_values_keep_nothing_together(run: Run) -> None:
    message = order("ORC|RE|||G1", "OBR|1", "ORC|RE", "OBR|2", "OBR|3", "ORC|RE|||G1", "OBR|4")

    assert numbers(run, message, "    keep_together: ORC-4.1\n") == [["1", "4"], ["2"], ["3"]]


def test_where_all_is_kept_together_the_message_stays_whole_and_unnumbered(run: Run) -> None:
    message = order("ORC|RE|||G1", "OBR|1", "ORC|RE|||G1", "OBR|2")
    copy = (
        run(SPLIT.format(more="    keep_together: ORC-4.1\n    number: MSH-10\n"), message)
        .routes[0]
        .copies[0]
    )

    assert copy.body is message


def test_number_is_appended_where_there_is_more_than_one_piece(run: Run) -> None:
    found = pieces(run, TWO, "    number: MSH-10\n")

    assert [piece[0].split("|")[9] for piece in found] == ["M1-1", "M1-2"]


def test_number_can_go_into_a_field_of_each_group(run: Run) -> None:
    found = pieces(run, order("OBR|1||F1^LAB", "OBR|2"), "    number: OBR-3.1\n")

    assert [piece[-1] for piece in found] == ["OBR|1||F1-1^LAB", "OBR|2||-2"]


def test_an_orc_without_an_obr_goes_with_the_next_one_and_the_last_with_the_last(run: Run) -> None:
    message = order("ORC|RE|A", "OBR|1", "ORC|XO|B", "ORC|RE|C", "OBR|2", "ORC|CA|D")

    assert [names_of(piece) for piece in pieces(run, message)] == [
        ["MSH", "ORC", "OBR"],
        ["MSH", "ORC", "ORC", "OBR", "ORC"],
    ]


def test_each_patient_of_a_message_has_a_heading_of_their_own(run: Run) -> None:
    message = order(
        "SFT|1",
        "PID|1||A",
        "NTE|1||about A",
        "OBR|1",
        "OBX|1",
        "PID|2||B",
        "PV1|2",
        "OBR|2",
        "OBR|3",
        "OBX|3",
    )

    assert [piece[1:] for piece in pieces(run, message)] == [
        ["SFT|1", "PID|1||A", "NTE|1||about A", "OBR|1", "OBX|1"],
        ["SFT|1", "PID|2||B", "PV1|2", "OBR|2"],
        ["SFT|1", "PID|2||B", "PV1|2", "OBR|3", "OBX|3"],
    ]


@pytest.mark.parametrize(
    "segments",
    [
        ("PID|1||A", "PID|2||B", "OBR|1", "OBR|2"),
        ("PID|1||A", "OBR|1", "OBR|2", "PID|2||B"),
        ("OBR|1", "PID|1||A", "OBR|2", "PID|2||B", "OBR|3"),
    ],
)
def test_where_it_is_not_clear_whose_results_they_are_the_message_is_held(
    run: Run, segments: tuple[str, ...]
) -> None:
    route = run(SPLIT.format(more=""), order(*segments)).routes[0]

    assert not route.copies
    assert [(held.tray, held.where) for held in route.held] == [("change_failed", "routes/r.yaml:4")]


def test_a_number_that_cannot_be_written_holds_the_message(run: Run) -> None:
    route = run(SPLIT.format(more="    number: OBR/NTE[3]-1\n"), TWO).routes[0]

    assert [(held.tray, held.reason) for held in route.held] == [
        ("change_failed", "OBR/NTE[3]-1 could not be numbered in each piece")
    ]


def test_steps_and_entries_behind_a_split_are_for_each_piece(run: Run) -> None:
    route = (
        "route: r\nfrom: [lims]\nnames:\n  place: OBR-2\nchange:\n  - set: {MSH-5: place}\n  - split: OBR\n"
        "  - set: {MSH-6: place}\nsend:\n  - to: archive\n  - to: duty_desk\n    when: place = 'P2'\n"
    )
    copies = run(route, TWO).routes[0].copies

    assert [(copy.channel, copy.piece) for copy in copies] == [
        ("archive", "1"),
        ("archive", "2"),
        ("duty_desk", "2"),
    ]
    assert [copy.body.split(b"|")[4:6] for copy in copies[:2]] == [[b"P1", b"P1"], [b"P1", b"P2"]]


def test_all_pieces_are_decided_before_any_is_sent(run: Run) -> None:
    more = "  - reformat: OBX-5\n    from: DD/MM/YYYY\n    as: date\n    when: OBR-1 = '2'\n"
    route = run(SPLIT.format(more=more), TWO).routes[0]

    assert not route.copies
    assert [held.tray for held in route.held] == ["unreadable_value"]


def test_a_hold_in_send_holds_that_piece_only_and_says_which(run: Run) -> None:
    route = (
        "route: r\nfrom: [lims]\nchange:\n  - split: OBR\nsend:\n  - first_of:\n      - when: OBR-2 = 'P1'\n"
        "        to: archive\n      - otherwise: {hold: second}\n"
    )
    decided = run(route, TWO).routes[0]

    assert [copy.piece for copy in decided.copies] == ["1"]
    assert [(held.tray, held.piece, held.entry) for held in decided.held] == [("second", "2", True)]


def test_a_piece_can_be_split_again(run: Run) -> None:
    more = "  - split: OBX\n"
    decided = run(SPLIT.format(more=more), order("OBR|1", "OBX|1", "OBX|2", "OBR|2", "OBX|3")).routes[0]

    assert [copy.piece for copy in decided.copies] == ["1.1", "1.2", "2"]


def test_a_warning_in_one_piece_is_told_once_and_stops_nothing(run: Run) -> None:
    more = "  - reformat: OBX-5\n    from: DD/MM/YYYY\n    as: date\n    else: {warn: odd}\n"
    decided = run(SPLIT.format(more=more), TWO).routes[0]

    assert len(decided.copies) == 2
    assert [warning.words for warning in decided.warnings] == ["odd"]


# The second patient has no order: whose results these are is not clear, so the message is not split.
MIXED = order("PID|1||A", "OBR|1", "OBX|1", "PID|2||B", "OBX|1")


def test_a_split_with_a_when_that_is_not_true_leaves_the_message_whole(run: Run) -> None:
    some = "    when: count of OBR[*] > 2\n    number: MSH-10\n"

    assert numbers(run, TWO, some) == [["1", "2"]]
    assert "|M1|" in pieces(run, TWO, some)[0][0]
    assert numbers(run, order("OBR|1", "OBR|2", "OBR|3"), some) == [["1"], ["2"], ["3"]]


@pytest.mark.parametrize(
    ("more", "held", "warned", "copies"),
    [
        ("", ["change_failed"], [], 0),
        ("    else: {hold: by_hand}\n", ["by_hand"], [], 0),
        ("    else: {warn: left whole}\n", [], ["left whole"], 1),
        ("    when: PID-3.1 = 'Z'\n    else: {hold: by_hand}\n", [], [], 1),
    ],
)
def test_a_message_that_cannot_be_split_takes_the_else(
    run: Run, more: str, held: list[str], warned: list[str], copies: int
) -> None:
    decided = run(SPLIT.format(more=more), MIXED).routes[0]

    assert [one.tray for one in decided.held] == held
    assert all("several patients" in one.reason for one in decided.held)
    assert [one.words for one in decided.warnings] == warned
    assert [copy.body for copy in decided.copies] == [MIXED] * copies


def test_a_message_too_large_to_be_split_is_refused_at_once() -> None:
    message = Message.parse(order(*["OBR|1"] * 2_000))

    with pytest.raises(Uncut, match="too many OBR segments"):
        cut_by("OBR", None, None)(message)


@given(orders(), st.booleans())
def test_the_pieces_share_the_heading_and_part_all_other_segments(data: bytes, together: bool) -> None:
    message = Message.parse(data)
    path = compile_path(parse_path("ORC-4.1")) if together else None
    found = [m.to_bytes().rstrip(b"\r").split(b"\r") for m in cut_by("OBR", path, None)(message)]
    lines = data.rstrip(b"\r").split(b"\r")
    first = next((n for n, line in enumerate(lines) if line[:3] in (b"ORC", b"OBR")), len(lines))

    if len(found) > 1:
        assert all(piece[:first] == lines[:first] for piece in found)
        assert sorted(line for piece in found for line in piece[first:]) == sorted(lines[first:])
        assert all(any(line[:3] == b"OBR" for line in piece) for piece in found)
        firsts = [lines.index(next(line for line in piece if line[:3] == b"OBR")) for piece in found]
        assert firsts == sorted(firsts)
        order_within = [[lines.index(line) for line in piece] for piece in found]
        assert all(rows == sorted(rows) for rows in order_within)
    else:
        assert found == [lines]
