"""Deadlines in the journal: what goes out instead, what becomes of the first copy, all in one transaction."""

from __future__ import annotations

import sqlite3
from collections.abc import Sequence
from contextlib import closing
from dataclasses import replace
from pathlib import Path
from typing import Literal

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from engine.deadlines import judge
from engine.journal.answers import MessageStory
from engine.journal.changes import Changer
from engine.journal.deadlines import Look, Overdue, carry_out
from engine.journal.entries import Counters, Entries
from engine.journal.reading import JournalReader
from engine.journal.records import Awaited, Changed, DeliveryState, NewDelivery
from engine.journal.schema import DATABASE
from engine.journal.sqlite import SqliteJournal
from tests.engine.journal.journal_rig import (
    START,
    arrival,
    changed,
    copy,
    counters_agree,
    deliver,
    open_journal,
    store,
)

DUE = START + 1000
CHANNELS = {"gp_mllp", "print_room"}


def awaiting(
    proof: Literal["delivered", "acknowledged"] = "acknowledged",
    channel: str = "print_room",
    address: str | None = "Y06601",
    **values: object,
) -> NewDelivery:
    return replace(copy(), awaited=Awaited(proof, DUE, channel, address), **values)  # type: ignore[arg-type]


async def look(journal: SqliteJournal, now: int = DUE) -> Sequence[Overdue]:
    return await journal.carry_out_deadlines(Look(now, "c0ffee", lambda due: judge(due, now, CHANNELS)))


def story(folder: Path, id_: int = 1) -> MessageStory:
    with JournalReader(folder) as reader:
        found = reader.show(id_)
    assert found is not None
    return found


async def one_copy(journal: SqliteJournal, new: NewDelivery, *states: DeliveryState) -> None:
    await store(journal, arrival(1))
    (row,) = await deliver(journal, 1, new)
    for state in states:
        await journal.change([changed(row, state)])


@pytest.mark.parametrize("state", ["waiting", "queued", "parked"])
async def test_a_copy_that_did_not_go_out_is_withdrawn_and_another_made(
    journal: SqliteJournal, tmp_path: Path, state: DeliveryState
) -> None:
    await one_copy(journal, awaiting(piece="2", body=b"changed"), *(() if state == "waiting" else (state,)))
    assert await journal.next_deadline() == DUE
    assert await look(journal, DUE - 1) == []
    (done,) = await look(journal)
    assert (done.ending, done.copy, done.first) == ("missed", 2, "withdraw")
    first, other = story(tmp_path).deliveries
    assert (first.state, first.in_doubt) == ("withdrawn", False)
    assert first.reason == "not acknowledged in time: copy 2 goes out instead"
    assert (other.state, other.channel, other.address) == ("waiting", "print_room", "Y06601")
    assert (other.kind, other.parent, other.piece, other.route) == ("fallback", 1, "2", first.route)
    assert not other.in_doubt
    (row,) = await journal.deliveries([2])
    assert (row.body, row.control_id) == (b"changed", b"1")
    assert await journal.next_deadline() == 0
    assert await look(journal, DUE + 10**9) == [], "at most once"
    assert [lane.channel for lane in await journal.lanes()] == ["print_room"]
    assert counters_agree(tmp_path)


async def test_where_the_recipient_has_it_both_copies_say_so(journal: SqliteJournal, tmp_path: Path) -> None:
    await one_copy(journal, awaiting(), "delivered")
    (done,) = await look(journal)
    assert done.first == "mark"
    first, other = story(tmp_path).deliveries
    assert (first.state, first.in_doubt, other.in_doubt) == ("delivered", True, True)
    kinds = [(event.delivery, event.kind) for event in story(tmp_path).events][-3:]
    assert sorted(kinds) == [(1, "deadline_missed"), (1, "in_doubt"), (2, "made")]
    await journal.change([changed(1, "acknowledged")])
    assert story(tmp_path).deliveries[0].state == "acknowledged", "it may still say so"
    assert counters_agree(tmp_path)


async def test_a_copy_for_a_mailbox_goes_on_and_both_say_so(journal: SqliteJournal, tmp_path: Path) -> None:
    await one_copy(journal, awaiting())
    one_look = Look(DUE, "c0ffee", lambda due: judge(due, DUE, CHANNELS), mailboxes={"gp_mllp"})
    (done,) = await journal.carry_out_deadlines(one_look)
    assert done.first == "mark"
    assert [(copy.state, copy.in_doubt) for copy in story(tmp_path).deliveries] == [("waiting", True)] * 2
    assert counters_agree(tmp_path)


@pytest.mark.parametrize("state", ["waiting", "queued", "parked"])
async def test_a_copy_that_was_tried_in_vain_and_may_have_arrived_is_not_tried_again_and_both_say_so(
    journal: SqliteJournal, tmp_path: Path, state: DeliveryState
) -> None:
    await one_copy(journal, awaiting(), "sending")
    await journal.change([replace(changed(1, state, next_try=DUE + 5), in_doubt=True)])
    (done,) = await look(journal)
    assert done.first == "stop"
    first, other = story(tmp_path).deliveries
    assert (first.state, first.in_doubt) == ("withdrawn", True)
    assert first.reason == (
        "not acknowledged in time: copy 2 goes out instead; the recipient may have this one too"
    )
    assert (other.state, other.in_doubt) == ("waiting", True)
    assert await journal.claim([changed(1, "sending")]) == frozenset(), "whoever has its ticket lets it be"
    assert [lane.channel for lane in await journal.lanes()] == ["print_room"]
    assert counters_agree(tmp_path)


@pytest.mark.parametrize("outcome", ["delivered", "acknowledged", "refused_by_recipient"])
async def test_a_copy_on_the_wire_at_its_deadline_is_not_tried_again_but_what_comes_of_it_counts(
    journal: SqliteJournal, tmp_path: Path, outcome: DeliveryState
) -> None:
    await one_copy(journal, awaiting(), "sending")
    (done,) = await look(journal)
    assert done.first == "stop"
    assert await journal.claim([changed(1, "waiting", next_try=DUE + 5)]) == frozenset(), "not again"
    assert await journal.claim([changed(1, outcome)]) == {1}
    first, other = story(tmp_path).deliveries
    assert (first.state, first.in_doubt, other.in_doubt) == (outcome, True, True)
    assert counters_agree(tmp_path)


async def test_what_surely_did_not_go_out_and_was_withdrawn_stays_so(
    journal: SqliteJournal, tmp_path: Path
) -> None:
    await one_copy(journal, awaiting())
    await look(journal)
    assert await journal.claim([changed(1, "acknowledged")]) == frozenset()
    assert story(tmp_path).deliveries[0].state == "withdrawn"


async def test_a_copy_that_goes_to_that_place_anyway_says_that_there_may_be_two(
    journal: SqliteJournal, tmp_path: Path
) -> None:
    await store(journal, arrival(1), arrival(2))
    await deliver(journal, 1, awaiting(), copy("print_room"))
    # One that is made in this very look, for one that surely did not go out, then for one that may have.
    await deliver(journal, 2, awaiting(), replace(awaiting(), address="Y06602"))
    await journal.change([changed(row, "delivered") for row in (1, 4)])
    assert [one.copy for one in await look(journal)] == [0, 5, 0]
    first, paper = story(tmp_path).deliveries
    assert (first.in_doubt, paper.in_doubt) == (True, True)
    kinds = [event.detail for event in story(tmp_path).events if event.kind == "in_doubt"]
    assert kinds == ["copy 2 goes out too", "copy 1 may be there too"]
    assert [one.in_doubt for one in story(tmp_path, 2).deliveries] == [False, True, True]
    assert counters_agree(tmp_path)


@pytest.mark.parametrize(
    ("proof", "states", "ending"),
    [
        ("delivered", ("sending", "delivered"), "kept"),
        ("delivered", ("delivered", "refused_by_recipient"), "kept"),
        ("delivered", ("acknowledged",), "kept"),
        ("acknowledged", ("delivered", "acknowledged"), "kept"),
        ("acknowledged", ("withdrawn",), "ended"),
        ("delivered", ("discarded",), "ended"),
    ],
)
async def test_nothing_goes_out_where_the_proof_came_or_nobody_waits(
    journal: SqliteJournal,
    tmp_path: Path,
    proof: Literal["delivered", "acknowledged"],
    states: Sequence[DeliveryState],
    ending: str,
) -> None:
    await one_copy(journal, awaiting(proof), *states)
    (done,) = await look(journal)
    assert (done.ending, done.copy) == (ending, 0)
    found = story(tmp_path)
    assert [one.ending for one in found.deadlines] == [ending]
    assert len(found.deliveries) == 1
    assert await journal.next_deadline() == 0


@pytest.mark.parametrize("state", ["refused_by_recipient", "parked"])
async def test_a_refused_copy_has_not_been_proved(
    journal: SqliteJournal, tmp_path: Path, state: DeliveryState
) -> None:
    await one_copy(journal, awaiting("delivered"), state)
    (done,) = await look(journal)
    assert done.copy == 2


async def test_a_fallback_without_an_address_or_channel_is_held_and_the_first_goes_on(
    journal: SqliteJournal, tmp_path: Path
) -> None:
    await store(journal, arrival(1))
    await deliver(journal, 1, awaiting(address=None), awaiting(channel="gone"))
    assert [(one.tray, one.copy) for one in await look(journal)] == [("unknown_address", 0)] * 2
    found = story(tmp_path)
    assert [one.state for one in found.deliveries] == ["waiting", "waiting"]
    assert [(one.tray, one.entry, one.route) for one in found.held] == [
        ("unknown_address", True, "gp_results")
    ] * 2
    assert "gone" in found.held[1].reason
    assert counters_agree(tmp_path)


async def test_one_place_gets_one_copy_however_many_fall_back_to_it(
    journal: SqliteJournal, tmp_path: Path
) -> None:
    await store(journal, arrival(1), arrival(2))
    await deliver(journal, 1, awaiting(), replace(awaiting(), address="Y06602"), copy("archive", ""))
    await deliver(journal, 2, awaiting(channel="gp_mllp"), copy("print_room"))
    found = await look(journal)
    assert [one.copy for one in found] == [6, 0, 0]
    assert [one.kind for one in story(tmp_path).deliveries] == ["", "", "", "fallback"]
    assert counters_agree(tmp_path)


async def test_an_acknowledgement_of_what_a_person_sent_again_counts_and_a_fallbacks_does_not(
    journal: SqliteJournal, tmp_path: Path
) -> None:
    await store(journal, arrival(1))
    again = NewDelivery("gp_results", "gp_mllp", "Y06601", None, b"1", kind="resend", parent=1)
    other = replace(copy("archive"), awaited=Awaited("acknowledged", DUE, "print_room", "B"))
    fallback = replace(copy("gp_mllp", "Z"), kind="fallback", parent=3)
    await deliver(journal, 1, awaiting(), again, other, fallback)
    await journal.change([changed(row, "parked") for row in (1, 3)])
    await journal.change([changed(row, "acknowledged") for row in (2, 4)])
    assert [one.ending for one in await look(journal)] == ["kept", "missed"]


async def test_outcomes_of_the_very_same_commit_count(journal: SqliteJournal, tmp_path: Path) -> None:
    await one_copy(journal, awaiting(), "sending")
    acknowledged = journal.change([changed(1, "acknowledged")])
    looked = look(journal)
    await acknowledged
    (done,) = await looked
    assert done.ending == "kept"


async def test_a_clock_that_was_put_back_takes_no_proof_away(journal: SqliteJournal) -> None:
    await one_copy(journal, awaiting())
    await journal.change([Changed(1, "acknowledged", DUE + 5000, 1)])
    (done,) = await look(journal, DUE + 1)
    assert done.ending == "kept"


class PowerGone(Exception):
    """What a connection raises when its time is up."""


class Doomed:
    """A connection whose power goes after so many statements."""

    def __init__(self, connection: sqlite3.Connection, statements: int) -> None:
        self._connection = connection
        self._left = statements

    def execute(self, sql: str, values: Sequence[object] = ()) -> sqlite3.Cursor:
        self._left -= 1
        if self._left < 0:
            raise PowerGone
        return self._connection.execute(sql, values)


def write_until(folder: Path, statements: int) -> bool:
    """Carry the deadline out, and lose power while writing after so many statements. Whether it was done."""
    with closing(sqlite3.connect(folder / DATABASE, isolation_level=None)) as connection:
        entries = Entries(Counters(connection))
        changer = Changer(connection, entries)
        connection.execute("BEGIN IMMEDIATE")
        carry_out(connection, entries, changer, Look(DUE, "c0ffee", lambda due: judge(due, DUE, CHANNELS)))
        changer.finish()
        try:
            entries.write(Doomed(connection, statements))  # type: ignore[arg-type]
        except PowerGone:
            return False
        connection.execute("COMMIT")
        return True


async def test_a_crash_between_any_two_writes_leaves_the_one_or_the_other(tmp_path: Path) -> None:
    journal = open_journal(tmp_path)
    await one_copy(journal, awaiting(), "parked")
    await journal.close()
    statements = 0
    while not write_until(tmp_path, statements):
        found = story(tmp_path)
        assert [(one.id, one.state) for one in found.deliveries] == [(1, "parked")]
        assert [one.ending for one in found.deadlines] == [""]
        assert counters_agree(tmp_path)
        statements += 1
    assert statements > 4
    found = story(tmp_path)
    assert [(one.id, one.state) for one in found.deliveries] == [(1, "withdrawn"), (2, "waiting")]
    assert counters_agree(tmp_path)


STEPS = st.lists(
    st.one_of(
        st.sampled_from(
            ["queued", "sending", "delivered", "acknowledged", "parked", "waiting", "refused_by_recipient",
             "withdrawn", "discarded"]
        ),
        st.integers(-2000, 2000),  # the clock moves, or jumps back
    ),
    max_size=12,
)  # fmt: skip


@settings(max_examples=40, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(proof=st.sampled_from(["delivered", "acknowledged"]), steps=STEPS)
async def test_whatever_happens_there_is_one_fallback_at_most_and_every_copy_has_one_end(
    tmp_path_factory: pytest.TempPathFactory,
    proof: Literal["delivered", "acknowledged"],
    steps: Sequence[DeliveryState | int],
) -> None:
    folder = tmp_path_factory.mktemp("journal")
    journal = open_journal(folder)
    await one_copy(journal, awaiting(proof))
    now, proven, latest = START, False, START
    for step in steps:
        if isinstance(step, int):
            now += step
            latest = max(latest, now)
            await look(journal, now)
            continue
        await journal.change([Changed(1, step, now, 1)])
    await look(journal, max(latest, DUE))
    await journal.close()
    found = story(folder)
    first, *others = found.deliveries
    ends = [event.kind for event in found.events if event.delivery == 1]
    proven = "acknowledged" in ends or (proof == "delivered" and "delivered" in ends)
    assert len(others) <= 1
    assert [one.ending != "" for one in found.deadlines] == [True]
    assert (found.deadlines[0].ending == "missed") == bool(others)
    assert others or proven or first.state in ("withdrawn", "discarded")
    for other in others:
        assert (other.kind, other.parent) == ("fallback", 1)
        assert first.state not in ("waiting", "queued", "sending"), "it is not tried again"
    lasting = [end for end in ends if end in ("withdrawn", "discarded", "refused_by_recipient")]
    if lasting[-2:] == ["refused_by_recipient", "discarded"]:
        lasting.pop()  # what came back was given up by a person
    assert len(lasting) <= 1 or (first.in_doubt and lasting == ["withdrawn", "refused_by_recipient"])
    assert counters_agree(folder)
