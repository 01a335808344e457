"""Ledgers: a lost, a doubled and an overtaken message are each seen for what they are."""

from __future__ import annotations

from pathlib import Path

from bench.ledger import Balance, compare

GOOD = [("c1", "s", "Y1", 1), ("c2", "s", "Y2", 1), ("c3", "s", "Y1", 2), ("c4", "t", "Y1", 1)]


def held_against(folder: Path, promised: list[str], arrived: list[tuple[str, str, str, int]]) -> Balance:
    promises, arrivals = folder / "promised", folder / "arrived"
    promises.write_text("".join(f"{control}\n" for control in promised))
    arrivals.write_text("".join("\t".join(map(str, line)) + "\n" for line in arrived))
    return compare([promises], [arrivals])


def test_equal_ledgers_are_good(tmp_path: Path) -> None:
    balance = held_against(tmp_path, ["c1", "c2", "c3", "c4"], GOOD)

    assert balance == Balance(acked=4, received=4, lost=0, doubled=0, reordered=0, unpromised=0)
    assert balance.good


def test_a_promised_message_that_did_not_arrive_is_lost(tmp_path: Path) -> None:
    balance = held_against(tmp_path, ["c1", "c2", "c3", "c4", "c5"], GOOD)

    assert balance.lost == 1
    assert not balance.good


def test_a_message_that_arrived_twice_is_doubled_and_not_out_of_order(tmp_path: Path) -> None:
    balance = held_against(tmp_path, ["c1", "c2", "c3", "c4"], [*GOOD, GOOD[0]])

    assert (balance.doubled, balance.reordered) == (1, 0)
    assert not balance.good


def test_an_overtaken_message_of_one_stream_and_practice_is_out_of_order(tmp_path: Path) -> None:
    balance = held_against(tmp_path, ["c1", "c2", "c3", "c4"], [GOOD[2], GOOD[1], GOOD[0], GOOD[3]])

    assert balance.reordered == 1
    assert not balance.good


def test_other_streams_and_practices_may_overtake(tmp_path: Path) -> None:
    balance = held_against(tmp_path, ["c1", "c2", "c3", "c4"], [GOOD[3], GOOD[1], GOOD[0], GOOD[2]])

    assert balance.good


def test_an_arrival_without_a_promise_is_told_and_allowed(tmp_path: Path) -> None:
    balance = held_against(tmp_path, ["c1", "c2", "c3"], GOOD)

    assert balance.unpromised == 1
    assert balance.good


def test_a_line_that_was_cut_short_is_left_out(tmp_path: Path) -> None:
    promises, arrivals = tmp_path / "promised", tmp_path / "arrived"
    promises.write_text("c1\nc2")
    arrivals.write_text("c1\ts\tY1\t1\nc2\ts")

    assert compare([promises], [arrivals]) == Balance(1, 1, 0, 0, 0, 0)
