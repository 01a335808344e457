"""How SQLite goes about the journal's questions: none that somebody waits for reads the whole journal.

Times differ from machine to machine; plans do not. A table's step `SCAN` reads all of its rows, or of an
index; only a partial index, which holds what is open or waits, may be read so, and the few small tables.
"""

from __future__ import annotations

import re
import sqlite3
from collections.abc import Callable, Iterable
from contextlib import closing
from pathlib import Path
from typing import Any

import pytest

from engine.deadlines import judge
from engine.journal.changes import put_claims_back
from engine.journal.deadlines import Look
from engine.journal.entries import Counters, Entries
from engine.journal.reading import JournalReader
from engine.journal.records import Awaited, Decided, HeldPart, NewDelivery, RoutePart, Stored
from engine.journal.schema import DATABASE, open_writing
from engine.journal.search import STATES
from engine.journal.sqlite import SqliteJournal
from tests.engine.journal.journal_rig import START, arrival, changed, store

# Tables that grow with the traffic. Others hold a row for each configuration, counter or tray.
GROWING = "body|message|part|held|finding|key|delivery|deadline|event|audit|[mdhbepk]"
WHOLE = re.compile(rf"SCAN (?:{GROWING})\b")
# These indexes hold what is open, waits for a person, or is not decided.
PARTIAL = re.compile(
    r"USING (?:COVERING )?INDEX (?:delivery_open|held_tray|deadline_open|delivery_stuck|message_state)\b"
)


def whole_tables(folder: Path, statements: Iterable[str]) -> list[str]:
    """The steps of these statements that read something from end to end, each with its statement."""
    found: list[str] = []
    with closing(sqlite3.connect(folder / DATABASE)) as connection:
        for text in statements:
            if text.startswith(("SELECT", "WITH", "UPDATE", "DELETE")):
                steps = [row[3] for row in connection.execute(f"EXPLAIN QUERY PLAN {text}")]
                found += [
                    f"{step}: {text}" for step in steps if WHOLE.match(step) and not PARTIAL.search(step)
                ]
    return found


def asked(folder: Path, question: Callable[[JournalReader], Any]) -> list[str]:
    """The statements that a question to a reader comes to."""
    statements: list[str] = []
    with JournalReader(folder) as reader:
        reader._connection.set_trace_callback(statements.append)
        question(reader)
    assert statements
    return statements


def a_decision(stored: Stored) -> Decided:
    awaited = Awaited("delivered", START, "archive", "")
    copies = (
        NewDelivery("gp_results", "gp_mllp", "Y06601", b"MSH|^~\\&|changed", b"1", awaited=awaited),
        NewDelivery("gp_results", "archive", "", None, b"1"),
    )
    return Decided(
        stored.id, "c0ffee", START, parts=(RoutePart("gp_results", "sent"),), deliveries=copies,
        held=(HeldPart("gp_results", "unknown_code", "not in the table", ""),),
        keys={"nhs_number": ("9990000018",)}, same=("ab12",),
    )  # fmt: skip


async def play(journal: SqliteJournal) -> list[Stored]:
    """Accepted, repeated, decided, claimed, delivered, parked, overdue: everything that the hot path does."""
    stored = await store(journal, *[arrival(number) for number in (1, 2, 3)])
    stored += await store(journal, arrival(1), arrival(2, "other content"))
    rows = [row for some in await journal.record([a_decision(one) for one in stored[:3]]) for row in some]
    await journal.claim([changed(row, "sending") for row in rows])
    await journal.change([changed(rows[0], "delivered"), changed(rows[1], "parked")])
    await journal.carry_out_deadlines(
        Look(START + 1, "c0ffee", lambda due: judge(due, START + 1, {"gp_mllp", "archive"}))
    )
    return stored


async def test_nothing_that_the_engine_writes_reads_a_table_from_end_to_end(
    journal: SqliteJournal, tmp_path: Path
) -> None:
    statements: list[str] = []
    journal._writer._connection.set_trace_callback(statements.append)
    await play(journal)
    journal._writer._connection.set_trace_callback(None)

    assert any("UPDATE delivery" in text for text in statements)
    assert any("FROM deadline" in text for text in statements)
    assert not whole_tables(tmp_path, statements)


async def test_nothing_that_the_engine_reads_at_work_reads_a_table_from_end_to_end(
    journal: SqliteJournal, tmp_path: Path
) -> None:
    await play(journal)
    statements: list[str] = []
    journal._reader.set_trace_callback(statements.append)
    await journal.waiting(0, 10, 1000)
    await journal.lanes()
    await journal.open_deliveries("gp_mllp", "Y06601", 0, 10, 1000)
    await journal.deliveries([1, 2])
    await journal.earlier_copies(["ab12"], 10)
    await journal.held("northfield_lims")
    await journal.next_deadline()

    assert len(statements) >= 7
    assert not whole_tables(tmp_path, statements)


async def test_a_start_reads_what_is_open_and_no_more(journal: SqliteJournal, tmp_path: Path) -> None:
    await play(journal)
    await journal.close()
    statements: list[str] = []
    connection = open_writing(tmp_path)
    connection.set_trace_callback(statements.append)
    Counters(connection)
    connection.execute("BEGIN")
    assert put_claims_back(connection, Entries(Counters(connection)), START) > 0
    connection.close()

    assert not whole_tables(tmp_path, statements)


@pytest.mark.parametrize("given", [
    {"id": 1}, {"control_id": "1"}, {"nhs_number": "9990000018"}, {"address": "Y06601"},
    {"address": "Y06601", "channel": "gp_mllp"}, {"type": "ORU^R01"}, {"type": "ORU"},
    {"type": "ORU", "feed": "northfield_lims", "since": START, "until": START + 1},
    {"control_id": "1", "type": "ORU", "since": START}, {"nhs_number": "9990000018", "state": "delivered"},
], ids=str)  # fmt: skip
async def test_a_search_by_what_is_indexed_uses_the_index(
    journal: SqliteJournal, tmp_path: Path, given: dict[str, Any]
) -> None:
    await play(journal)
    statements = asked(tmp_path, lambda reader: reader.find(**given))

    assert not whole_tables(tmp_path, statements)


# What most messages are in leads nowhere: these go through the messages, newest first, until enough is found.
COMMON = {"decided", "conflict", "rejected", "delivered", "acknowledged"}


@pytest.mark.parametrize("state", STATES)
async def test_a_search_by_a_state_that_few_are_in_reads_those_few(
    journal: SqliteJournal, tmp_path: Path, state: str
) -> None:
    await play(journal)
    steps = whole_tables(tmp_path, asked(tmp_path, lambda reader: reader.find(state=state)))

    assert [step.split(":")[0] for step in steps] == (["SCAN m"] if state in COMMON else [])


async def test_a_journey_and_what_people_look_at_are_found_by_index(
    journal: SqliteJournal, tmp_path: Path
) -> None:
    stored = await play(journal)
    one = stored[1].id
    questions: list[Callable[[JournalReader], Any]] = [
        lambda reader: reader.show(one),
        lambda reader: reader.audit(message=one),
        lambda reader: reader.body(one),
        lambda reader: reader.delivery_body(1),
        lambda reader: reader.known_of(one),
        lambda reader: reader.recent(one),
        lambda reader: reader.last_id(),
        lambda reader: reader.trays(),
        lambda reader: reader.held_parts(tray="unknown_code"),
        lambda reader: reader.held_parts(messages=[one]),
        lambda reader: reader.parked(address="Y06601"),
        lambda reader: reader.parked(messages=[one]),
        lambda reader: reader.parked_groups(),
        lambda reader: reader.returned(),
        lambda reader: reader.returned(message=one),
    ]  # fmt: skip
    statements = [text for question in questions for text in asked(tmp_path, question)]

    assert not whole_tables(tmp_path, statements)


@pytest.mark.parametrize(("question", "index"), [
    (lambda reader: reader.held_parts(messages=[1]), "held_message"),
    (lambda reader: reader.parked(messages=[1]), "delivery_message"),
    (lambda reader: reader.returned(message=1), "delivery_message"),
])  # fmt: skip
async def test_what_waits_of_one_message_is_found_by_the_message(
    journal: SqliteJournal, tmp_path: Path, question: Callable[[JournalReader], Any], index: str
) -> None:
    """Not by going through all that waits, of all messages."""
    await play(journal)
    asks = [text for text in asked(tmp_path, question) if text.startswith(("SELECT d.id", "SELECT h.id"))]
    with closing(sqlite3.connect(tmp_path / DATABASE)) as connection:
        steps = [row[3] for text in asks for row in connection.execute(f"EXPLAIN QUERY PLAN {text}")]

    assert index in steps[0] + steps[1], steps


@pytest.mark.parametrize("only", [{}, {"feed": "northfield_lims"}, {"practice": "Y06601"}], ids=str)
async def test_a_report_reads_its_days_and_no_others(
    journal: SqliteJournal, tmp_path: Path, only: dict[str, str]
) -> None:
    await play(journal)

    def reckon(reader: JournalReader) -> None:
        with reader.reckoning(**only).moment() as reckoning:
            reckoning.fates(START, START + 1)
            reckoning.copies(START, START + 1)
            reckoning.refused(START, START + 1)
            reckoning.missing(START, START + 1)
            reckoning.open_before(START)

    assert not whole_tables(tmp_path, asked(tmp_path, reckon))


async def test_the_watch_over_plans_sees_a_table_that_is_read_whole(
    journal: SqliteJournal, tmp_path: Path
) -> None:
    await play(journal)
    assert whole_tables(tmp_path, ["SELECT count(*) FROM message WHERE peer='a'"])
    assert whole_tables(tmp_path, ["SELECT 1 FROM delivery d WHERE d.reason='a'"])
    assert not whole_tables(tmp_path, ["SELECT 1 FROM delivery WHERE closed IS NULL AND channel='a'"])
