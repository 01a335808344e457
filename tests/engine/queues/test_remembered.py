"""The list of queues that Gatepost has made: what a restart finds in it."""

from __future__ import annotations

from pathlib import Path

import structlog

from engine.queues.remembered import FILE, Remembered


def test_what_was_made_is_known_after_a_restart_once_each_and_what_is_gone_is_not(tmp_path: Path) -> None:
    list_ = Remembered(tmp_path / FILE)
    for queue in ("gatepost.gp.A", "gatepost.gp.B", "gatepost.gp.A", "gatepost.gp.Ä"):
        list_.add(queue)
    list_.forget(["gatepost.gp.B", "gatepost.gp.never"])

    again = Remembered(tmp_path / FILE)
    assert list(again) == ["gatepost.gp.A", "gatepost.gp.Ä"]
    assert ("gatepost.gp.A" in again, "gatepost.gp.B" in again, len(again)) == (True, False, 2)


def test_a_line_cut_off_by_a_crash_names_no_queue(tmp_path: Path) -> None:
    (tmp_path / FILE).write_text("gatepost.gp.A\ngatepost.gp.B1", encoding="utf-8")
    list_ = Remembered(tmp_path / FILE)

    assert list(list_) == ["gatepost.gp.A"]
    list_.add("gatepost.gp.C")
    assert list(Remembered(tmp_path / FILE)) == ["gatepost.gp.A", "gatepost.gp.C"]


def test_a_list_that_cannot_be_written_is_told_of_and_stops_nothing(tmp_path: Path) -> None:
    with structlog.testing.capture_logs() as lines:
        list_ = Remembered(tmp_path / "nowhere" / FILE)
        list_.add("gatepost.gp.A")

    assert "gatepost.gp.A" in list_
    assert [line["event"] for line in lines] == ["broker.trouble"]
