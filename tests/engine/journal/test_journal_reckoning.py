"""Every accepted message has one fate; what the record contradicts, or lost, is named."""

from __future__ import annotations

import sqlite3
from collections import Counter
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from random import Random

import pytest

from engine.journal.reading import JournalReader
from engine.journal.reckoning import Fate
from engine.journal.records import Decided, DeliveryState, HeldPart, NewDelivery, RoutePart, Verdict
from engine.journal.schema import DATABASE
from engine.journal.sqlite import SqliteJournal
from tests.engine.journal.journal_rig import START, arrival, changed, copy, decided, open_journal, store
from tests.engine.journal.test_journal_balance import Ledger

HOUR = 3_600_000_000
END = START + 24 * HOUR
TRAY = HeldPart("gp_results", "no_practice", "no such practice")


def fates(folder: Path, *, feed: str = "", practice: str = "") -> dict[str, int]:
    found: Counter[str] = Counter()
    with (
        JournalReader(folder) as reader,
        reader.reckoning(feed=feed, practice=practice).moment() as reckoning,
    ):
        for one in reckoning.fates(START, END):
            found[one.fate] += one.count
    return dict(found)


def unaccounted(folder: Path) -> Sequence[int]:
    with JournalReader(folder) as reader, reader.reckoning().moment() as reckoning:
        return reckoning.unaccounted(START, END, 10)


def missing(folder: Path) -> Sequence[tuple[int, int]]:
    with JournalReader(folder) as reader, reader.reckoning().moment() as reckoning:
        return reckoning.missing(START, END)


def spoil(folder: Path, statement: str) -> None:
    """What no program of ours does: change the record behind its back."""
    with sqlite3.connect(folder / DATABASE) as connection:
        connection.execute(statement)
    connection.close()


async def one(journal: SqliteJournal, number: int, *copies: NewDelivery) -> list[int]:
    """A message with these copies; the copies' ids."""
    (stored,) = await store(journal, arrival(number))
    (rows,) = await journal.record([decided(stored.id, *copies)])
    return [row.id for row in rows]


@pytest.mark.parametrize(
    ("states", "fate"),
    [
        (("delivered", "delivered"), "delivered"),
        (("delivered", "acknowledged"), "delivered"),
        (("acknowledged", "acknowledged"), "acknowledged"),
        (("delivered", "waiting"), "outstanding"),
        (("queued", "sending"), "outstanding"),
        (("parked", "waiting"), "stopped"),
        (("delivered", "refused_by_recipient"), "stopped"),
        (("delivered", "discarded"), "ended"),
        (("withdrawn", "withdrawn"), "ended"),
        (("withdrawn", "waiting"), "outstanding"),
    ],
)
async def test_the_fate_is_what_needs_attention_most(
    journal: SqliteJournal, tmp_path: Path, states: tuple[DeliveryState, ...], fate: Fate
) -> None:
    ids = await one(journal, 1, copy(), copy(address="Y06602"))
    for state, id_ in zip(states, ids, strict=True):
        if state != "waiting":
            await journal.change([changed(id_, "delivered")] if state == "acknowledged" else [])
            await journal.change([changed(id_, state)])

    assert fates(tmp_path) == {fate: 1}


async def test_messages_without_copies_have_their_fates_too(journal: SqliteJournal, tmp_path: Path) -> None:
    ids = [row.id for row in await store(journal, *(arrival(number) for number in range(6)))]
    await store(journal, arrival(0), arrival(7, refused="no readable MSH"), arrival(8, hold="batch_count"))
    not_wanted = (RoutePart("gp_results", "not_wanted", "not a result"),)
    rejected = (RoutePart("gp_results", "rejected", "no NHS number"),)
    before_routes = HeldPart("", "doubtful_date", "not a date")
    held = (RoutePart("gp_results", "held", "no_practice"),)
    await journal.record([
        Decided(ids[0], "c1", START, parts=not_wanted),
        Decided(ids[1], "c1", START, parts=rejected, verdict=Verdict("error", "no"), rejected=True),
        Decided(ids[2], "c1", START, held=(before_routes,)),
        Decided(ids[3], "c1", START, parts=held, held=(TRAY,), deliveries=(copy(),)),
        Decided(ids[4], "c1", START),
    ])  # fmt: skip

    assert fates(tmp_path) == {"not_wanted": 2, "rejected": 1, "held": 3, "undecided": 1, "duplicate": 1}
    assert unaccounted(tmp_path) == []


async def test_a_copy_that_another_has_taken_the_place_of_counts_by_the_other(
    journal: SqliteJournal, tmp_path: Path
) -> None:
    (first,) = await one(journal, 1, copy())
    await journal.change([changed(first, "parked")])
    assert fates(tmp_path) == {"stopped": 1}

    (second,) = await one(journal, 2, replace(copy("print_room"), parent=first, kind="fallback"))
    spoil(tmp_path, f"UPDATE delivery SET message=1 WHERE id={second}")
    spoil(tmp_path, "DELETE FROM part WHERE message=2")

    assert fates(tmp_path) == {"outstanding": 1, "not_wanted": 1}


async def test_a_record_that_contradicts_itself_is_named(journal: SqliteJournal, tmp_path: Path) -> None:
    for number in range(1, 4):
        await one(journal, number, copy())
    assert unaccounted(tmp_path) == []

    spoil(tmp_path, "DELETE FROM delivery WHERE message=2")

    assert fates(tmp_path) == {"outstanding": 2, "unaccounted": 1}
    assert unaccounted(tmp_path) == [2]


async def test_a_tray_that_lost_what_lay_in_it_is_named(journal: SqliteJournal, tmp_path: Path) -> None:
    await store(journal, arrival(1, hold="batch_count"))
    spoil(tmp_path, "DELETE FROM held")

    assert unaccounted(tmp_path) == [1]


async def test_a_duplicate_of_nothing_is_named(journal: SqliteJournal, tmp_path: Path) -> None:
    await store(journal, arrival(1), arrival(2))
    await store(journal, arrival(1))
    spoil(tmp_path, "DELETE FROM message WHERE id=1")

    assert unaccounted(tmp_path) == [3]


@pytest.mark.parametrize(
    ("lost", "told"), [((1,), []), ((3, 4), [(3, 4)]), ((2, 3), [(2, 3)]), ((4,), [(4, 4)])]
)
async def test_numbers_that_were_given_out_and_have_no_record_are_named(
    journal: SqliteJournal, tmp_path: Path, lost: tuple[int, ...], told: list[tuple[int, int]]
) -> None:
    await store(journal, *(arrival(number, at=START - HOUR) for number in (1, 2)))
    await store(journal, *(arrival(number) for number in (3, 4)))
    await store(journal, arrival(5, at=END + HOUR))
    assert missing(tmp_path) == ()

    for id_ in lost:
        spoil(tmp_path, f"DELETE FROM message WHERE id={id_}")

    assert list(missing(tmp_path)) == told


async def test_what_is_open_from_before_is_told(journal: SqliteJournal, tmp_path: Path) -> None:
    ids = await one(journal, 1, copy(), copy(address="Y06602"), copy(address="Y06603"))
    await journal.change([changed(ids[0], "parked"), changed(ids[1], "delivered")])
    await store(journal, arrival(2, hold="batch_count"), arrival(3), arrival(4, at=END))

    with JournalReader(tmp_path) as reader, reader.reckoning().moment() as reckoning:
        told = {left.fate: (left.count, left.oldest) for left in reckoning.open_before(END)}
        assert reckoning.open_before(START) == []

    assert told == dict.fromkeys(("outstanding", "undecided", "held", "stopped"), (1, START))


async def test_one_feed_or_one_practice_only(journal: SqliteJournal, tmp_path: Path) -> None:
    await one(journal, 1, copy(), copy(address="Y06602"))
    await store(journal, arrival(2, feed="st_annes_tie"), arrival(3, feed="st_annes_tie", refused="no MSH"))

    assert fates(tmp_path, feed="st_annes_tie") == {"undecided": 1}
    assert fates(tmp_path, practice="Y06602") == {"outstanding": 1}
    assert fates(tmp_path, practice="Y06603") == {}
    with JournalReader(tmp_path) as reader, reader.reckoning(practice="Y06602").moment() as reckoning:
        assert [line.address for line in reckoning.copies(START, END)] == ["Y06602"]
    with JournalReader(tmp_path) as reader, reader.reckoning(feed="st_annes_tie").moment() as reckoning:
        assert reckoning.refused(START, END) == {"st_annes_tie": 1}


@pytest.mark.parametrize("seed", range(4))
async def test_after_random_work_every_message_has_one_fate(tmp_path: Path, seed: int) -> None:
    random = Random(seed)
    ledger = Ledger(open_journal(tmp_path), random)
    for _ in range(50):
        await random.choice((ledger.arrive, ledger.decide, ledger.change, ledger.change))()
    await ledger.journal.close()

    found = fates(tmp_path)
    assert sum(found.values()) == sum(ledger.accepted.values())
    assert found.get("duplicate", 0) == ledger.duplicates
    assert "unaccounted" not in found
    assert missing(tmp_path) == ()
    with JournalReader(tmp_path) as reader, reader.reckoning().moment() as reckoning:
        copies = reckoning.copies(START, END)
        by_state = Counter(ledger.states.values())
        for line in copies:
            by_state[line.state] -= line.count  # type: ignore[index]
        assert not any(by_state.values())
