"""Recording decisions: states, outbox rows, bodies stored once, keys, and doing it twice."""

from __future__ import annotations

import sqlite3
from dataclasses import replace
from pathlib import Path

from engine.journal.reading import JournalReader
from engine.journal.records import Decided, HeldPart, RoutePart, Verdict
from engine.journal.schema import DATABASE
from engine.journal.sqlite import SqliteJournal
from tests.engine.journal.journal_rig import START, arrival, copy, decided, message, store


def bodies(folder: Path) -> list[bytes]:
    """All bodies stored, in order."""
    connection = sqlite3.connect(folder / DATABASE)
    found = [row[0] for row in connection.execute("SELECT bytes FROM body ORDER BY id")]
    connection.close()
    return found


async def test_waiting_messages_come_in_order_and_within_the_limits(journal: SqliteJournal) -> None:
    await store(journal, *(arrival(number) for number in range(1, 30)))
    size = len(message(1))
    assert [one.id for one in await journal.waiting(0, 5, 10**6)] == [1, 2, 3, 4, 5]
    assert [one.id for one in await journal.waiting(5, 100, 3 * size)] == [6, 7, 8]
    assert [one.id for one in await journal.waiting(20, 100, 0)] == [21]
    assert (await journal.waiting(3, 1, 10**6))[0].body == message(4)


async def test_a_decision_makes_outbox_rows_with_their_bodies(journal: SqliteJournal) -> None:
    await store(journal, arrival(1))
    rows = await journal.record([decided(1, copy(), copy("archive", "", b"changed"))])
    first, second = rows[0]
    assert (first.channel, first.address, first.body, first.state) == (
        "gp_mllp",
        "Y06601",
        message(1),
        "waiting",
    )
    assert (second.body, second.feed, second.type, second.config) == (
        b"changed",
        "northfield_lims",
        "ORU^R01",
        "c0ffee",
    )
    assert list(await journal.deliveries([second.id, 99, first.id])) == [second, first]
    assert await journal.waiting(0, 10, 10**6) == []


async def test_equal_bytes_of_one_decision_are_stored_once(journal: SqliteJournal, tmp_path: Path) -> None:
    await store(journal, arrival(1), arrival(1))
    same = bytes(bytearray(message(1)))
    await journal.record([
        decided(1, copy(body=None), copy(address="B", body=same), copy(address="C", body=b"new"),
                copy(address="D", body=b"ne" + b"w")),
    ])  # fmt: skip
    assert bodies(tmp_path) == [message(1), b"new"]


async def test_the_callers_bytes_are_used_where_it_has_them(journal: SqliteJournal) -> None:
    await store(journal, arrival(1))
    inbound = message(1)
    ((row,),) = await journal.record([replace(decided(1, copy()), inbound=inbound)])
    assert row.body is inbound


async def test_a_decision_recorded_twice_is_recorded_once(journal: SqliteJournal) -> None:
    await store(journal, arrival(1), arrival(2))
    first = await journal.record([decided(1, copy()), decided(1, copy())])
    assert [len(rows) for rows in first] == [1, 0]
    again = await journal.record([decided(1, copy()), decided(2, copy()), decided(77, copy())])
    assert [len(rows) for rows in again] == [0, 1, 0]
    assert [lane.open for lane in await journal.lanes()] == [2]


async def test_what_a_decision_says_is_all_there_to_be_shown(journal: SqliteJournal, tmp_path: Path) -> None:
    await store(journal, arrival(1, verdict=None))
    decision = Decided(
        1,
        "c0ffee",
        START + 5,
        parts=(RoutePart("gp_results", "sent"), RoutePart("letters", "not_wanted", "not_a_letter")),
        deliveries=(copy(),),
        held=(HeldPart("gp_results", "no_practice", "no such practice", "routes/gp_results.yaml:12", True),),
        warnings=("Local test code not in the national list",),
        keys={"nhs_number": ("9990000018",), "patient": ("A1", "B2")},
        verdict=Verdict("ok", "routed"),
    )
    await journal.record([decision])
    with JournalReader(tmp_path) as reader:
        story = reader.show(1)
    assert story is not None
    assert (story.message.state, story.message.verdict, story.message.words) == ("decided", "ok", "routed")
    assert (story.message.config, story.message.decided) == ("c0ffee", START + 5)
    assert story.parts == decision.parts
    held = [(one.route, one.tray, one.reason, one.where, one.entry) for one in story.held]
    part = decision.held[0]
    assert held == [(part.route, part.tray, part.reason, part.where, part.entry)]
    assert story.findings == decision.warnings
    assert story.keys == (("nhs_number", "9990000018"), ("patient", "A1"), ("patient", "B2"))
    assert [event.kind for event in story.events] == ["accepted", "decided", "held", "made"]


async def test_a_message_held_before_routing_is_held(journal: SqliteJournal, tmp_path: Path) -> None:
    await store(journal, arrival(1))
    await journal.record([Decided(1, "c", START, held=(HeldPart("", "doubtful_date", "not a date"),))])
    with JournalReader(tmp_path) as reader:
        assert [one.id for one in reader.find(state="held")] == [1]
        assert reader.balance().feeds["northfield_lims"].parts == {"held": 1}


async def test_what_a_sender_was_told_stays_what_it_was_told(journal: SqliteJournal, tmp_path: Path) -> None:
    await store(journal, arrival(1, verdict=Verdict("ok")))
    await journal.record([Decided(1, "c", START, verdict=Verdict("error", "too late"))])
    with JournalReader(tmp_path) as reader:
        assert reader.recent()[0].verdict == "ok"


async def test_a_long_batch_is_recorded_while_messages_go_on_arriving(journal: SqliteJournal) -> None:
    await store(journal, *(arrival(number) for number in range(1, 401)))
    recording = journal.record([decided(number, copy()) for number in range(1, 401)])
    stored: list[int] = []
    for number in range(401, 501):
        journal.append(arrival(number), lambda result: stored.append(getattr(result, "id", 0)))
    rows = await recording
    assert [len(one) for one in rows] == [1] * 400
    assert [one[0].id for one in rows] == list(range(1, 401))
    await store(journal, arrival(501))
    assert stored == list(range(401, 501))
