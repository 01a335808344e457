"""A proposal for what came back names a practice that something can be sent to, and says who says so."""

from __future__ import annotations

import pytest

from routes.flow.suggesting import NO_IDEA, Suggestion, registered_practices, suggest
from routes.tables.table import Table, build_table

MODEL = Table("practices", ("code", "successor"), follow="successor")
PRACTICES = build_table(
    MODEL, [("Y06601", ""), ("Y06602", ""), ("Y06620", "Y06603"), ("Y06603", ""), ("Y06604", "")]
)


def message(pd1: str) -> bytes:
    return f"MSH|^~\\&|PAS|NF|||20260105||ADT^A08|1|P|2.4\rPID|1\r{pd1}".encode()


@pytest.mark.parametrize(
    ("pd1", "codes"),
    [
        ("PD1|||Beacon Hill^^Y06602\r", ("Y06602", "Beacon Hill")),
        ("PD1|||Y06602~Y06601\r", ("Y06602",)),
        ("PD1|||^^V81999\r", ()),
        ("PD1|||\r", ()),
        ("", ()),
    ],
)
def test_the_registered_practice_is_read_where_senders_write_it(pd1: str, codes: tuple[str, ...]) -> None:
    assert registered_practices(message(pd1)) == codes


def test_the_newest_word_of_the_patient_decides() -> None:
    told = [("message 9", ("Beacon Hill", "Y06602")), ("message 8", ("Y06604",))]
    found = suggest("Y06601", "left", told, PRACTICES)
    assert found == Suggestion("Y06602", "registered there, says message 9")


def test_nothing_older_counts_where_the_newest_says_that_the_patient_is_there() -> None:
    told = [("message 9", ("Y06601",)), ("message 8", ("Y06604",))]
    assert suggest("Y06601", "left", told, PRACTICES) == Suggestion("", NO_IDEA)


def test_what_is_no_address_is_not_proposed() -> None:
    told = [("message 9", ("Z99999",)), ("message 8", ("V81999",))]
    assert suggest("Y06601", "left", told, PRACTICES) == Suggestion("", NO_IDEA)
    assert suggest("Y06601", "left", told, None) == Suggestion("", NO_IDEA)


def test_a_closed_practice_is_followed_to_its_successor() -> None:
    found = suggest("Y06620", "misdirected", [], PRACTICES)
    assert found == Suggestion("Y06603", "the directory names it as the successor of Y06620")
    moved = suggest("Y06601", "left", [("message 9", ("Y06620",))], PRACTICES)
    assert moved.address == "Y06603", "a practice that closed since gets nothing"


def test_nothing_is_proposed_for_the_dead() -> None:
    assert not suggest("Y06601", "deceased", [("message 9", ("Y06602",))], PRACTICES).address
