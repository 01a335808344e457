"""The past is read decision by decision, with what the decision itself made, and nothing that came later."""

from __future__ import annotations

import sqlite3
from contextlib import closing
from pathlib import Path

import pytest

from engine.journal import past as past_module
from engine.journal.past import Past, PastCopy, Stretch
from engine.journal.reading import JournalReader
from engine.journal.records import Decided, HeldPart, NewDelivery, RoutePart, Verdict
from engine.journal.schema import DATABASE
from engine.journal.sqlite import SqliteJournal
from tests.engine.journal.journal_rig import START, arrival, copy, decided, message, store

HOUR = 3600 * 10**6


async def fill(journal: SqliteJournal) -> None:
    """1 to 4: decided, an hour apart. 5: a duplicate. 6: waits. 7: refused. 8: held as it came in."""
    await store(
        journal,
        *(arrival(n, feed="lims" if n != 3 else "pas", at=START + n * HOUR) for n in range(1, 5)),
        arrival(1, feed="lims", at=START + 5 * HOUR),
        arrival(6, feed="lims", at=START + 6 * HOUR),
        arrival(7, feed="lims", at=START + 7 * HOUR, refused="no MSH"),
        arrival(8, feed="lims", at=START + 8 * HOUR, hold="batch_count"),
    )
    await journal.record(
        [
            Decided(
                1, "one", START + HOUR + 5,
                parts=(RoutePart("results", "sent"), RoutePart("letters", "not_wanted", "no_letter")),
                deliveries=(
                    NewDelivery("results", "gp", "Y1", b"changed", piece="1"),
                    NewDelivery("results", "archive", "", None),
                ),
                warnings=("routes/results.yaml:9: odd",),
            ),
            Decided(2, "one", START + 2 * HOUR, parts=(RoutePart("results", "held", "by_hand"),),
                    held=(HeldPart("results", "by_hand", "why", "routes/results.yaml:3", True, "2"),)),
            Decided(3, "two", START + 3 * HOUR, held=(HeldPart("", "doubtful_date", "no date"),)),
            Decided(4, "two", START + 4 * HOUR, parts=(RoutePart("letters", "rejected", "no letter"),),
                    verdict=Verdict("error", "no letter"), rejected=True),
        ]
    )  # fmt: skip


def read(folder: Path, stretch: Stretch | None = None) -> list[Past]:
    with JournalReader(folder) as reader:
        return list(reader.past(stretch or Stretch()).messages())


async def test_a_decision_is_read_as_it_was_made(journal: SqliteJournal, tmp_path: Path) -> None:
    await fill(journal)
    first, second, third, fourth = read(tmp_path)

    assert (first.id, first.feed, first.received, first.type) == (1, "lims", START + HOUR, "ORU^R01")
    assert (first.body, first.config, first.rejected) == (message(1), "one", None)
    assert first.copies == (
        PastCopy("results", "gp", "Y1", "1", b"changed"),
        PastCopy("results", "archive", "", "", message(1)),
    )
    assert first.copies[1].body is first.body
    assert first.parts[1] == RoutePart("letters", "not_wanted", "no_letter")
    assert first.warnings == ("routes/results.yaml:9: odd",)
    assert second.held == (HeldPart("results", "by_hand", "why", "routes/results.yaml:3", True, "2"),)
    assert [one.tray for one in third.held] == ["doubtful_date"]
    assert (fourth.rejected, fourth.copies) == ("no letter", ())
    assert not any(one.released for one in (first, second, third, fourth))


async def test_what_no_route_decided_on_is_counted_and_not_read(
    journal: SqliteJournal, tmp_path: Path
) -> None:
    await fill(journal)
    with JournalReader(tmp_path) as reader:
        counts = reader.past(Stretch()).counts()
    assert counts == {"decided": 4, "duplicate": 1, "waiting": 1, "refused": 1, "held": 1}


@pytest.mark.parametrize(
    ("stretch", "ids"),
    [
        (Stretch(since=START + 2 * HOUR), [2, 3, 4]),
        (Stretch(since=START + 2 * HOUR + 1), [3, 4]),
        (Stretch(until=START + 3 * HOUR), [1, 2]),
        (Stretch(since=START + 2 * HOUR, until=START + 4 * HOUR), [2, 3]),
        (Stretch(feed="pas"), [3]),
        (Stretch(feeds=("pas",)), [3]),
        (Stretch(feeds=("pas",), routes=("letters",)), [1, 3, 4]),
        (Stretch(feeds=(), routes=("results",)), [1, 2]),
        (Stretch(feed="lims", feeds=("pas",), routes=("letters",)), [1, 4]),
        (Stretch(newest=2), [3, 4]),
        (Stretch(newest=2, until=START + 4 * HOUR), [2, 3]),
        (Stretch(newest=9), [1, 2, 3, 4]),
    ],
)
async def test_a_stretch_is_what_was_asked_for(
    journal: SqliteJournal, tmp_path: Path, stretch: Stretch, ids: list[int]
) -> None:
    await fill(journal)
    assert [one.id for one in read(tmp_path, stretch)] == ids
    with JournalReader(tmp_path) as reader:
        assert reader.past(stretch).counts()["decided"] == len(ids)


async def test_copies_that_came_later_are_no_part_of_the_decision(
    journal: SqliteJournal, tmp_path: Path
) -> None:
    await store(journal, arrival(1), arrival(2))
    await journal.record([decided(1, copy()), decided(2, copy())])
    with closing(sqlite3.connect(tmp_path / DATABASE)) as connection, connection:
        for id_, message_id, channel, parent in ((98, 1, "fallback", 1), (99, 2, "released", 0)):
            connection.execute(
                "INSERT INTO delivery SELECT ?, message, route, ?, address, state, 0, 0, created+9, NULL,"
                " body, control_id, 0, ?, config, 0, '', '', '', '', 0 FROM delivery WHERE message=?",
                (id_, channel, parent, message_id),
            )
    first, second = read(tmp_path)
    assert [one.channel for one in first.copies] == ["gp_mllp"]
    assert not first.released
    assert [one.channel for one in second.copies] == ["gp_mllp"]
    assert second.released


async def test_what_a_person_released_is_marked(journal: SqliteJournal, tmp_path: Path) -> None:
    await fill(journal)
    with closing(sqlite3.connect(tmp_path / DATABASE)) as connection, connection:
        connection.execute("UPDATE held SET state='released' WHERE message=2")
    assert [one.id for one in read(tmp_path) if one.released] == [2]
    assert [len(one.held) for one in read(tmp_path)] == [0, 1, 1, 0]


async def test_pages_hold_few_messages_and_few_bytes(
    journal: SqliteJournal, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """However long the stretch: what is in memory at a time is a page, and each page is some statements."""
    monkeypatch.setattr(past_module, "PAGE", 10)
    monkeypatch.setattr(past_module, "PAGE_BYTES", 5000)
    numbers = range(1, 91)
    large = "x" * 4000
    await store(journal, *(arrival(n, large if n > 80 else "", at=START + n // 7) for n in numbers))
    await journal.record([decided(n, copy()) for n in numbers])
    statements: list[str] = []
    with JournalReader(tmp_path) as reader:
        reader._connection.set_trace_callback(statements.append)
        traffic = reader.past(Stretch())
        seen = [next(ahead := iter(traffic.messages())).id]
        begun = statements.count("BEGIN")
        seen += [one.id for one in ahead]
    assert begun == 1, "the first message costs the first page and no more"
    assert sorted(seen) == list(numbers)
    assert len(seen) == len(set(seen))
    # 80 small ones by tens, ten large ones by twos, and the empty page that ends it.
    pages = statements.count("BEGIN")
    assert pages == 8 + 5 + 1
    assert len(statements) <= 7 * pages


async def test_the_past_is_found_by_its_time_without_sorting(journal: SqliteJournal, tmp_path: Path) -> None:
    await fill(journal)
    statements: list[str] = []
    with JournalReader(tmp_path) as reader:
        reader._connection.set_trace_callback(statements.append)
        list(reader.past(Stretch(since=START, feeds=("lims",), routes=("letters",))).messages())
    (question, *_) = [text for text in statements if "FROM message m" in text]
    with closing(sqlite3.connect(tmp_path / DATABASE)) as connection:
        plan = [row[3] for row in connection.execute(f"EXPLAIN QUERY PLAN {question}")]
    assert any("USING INDEX message_received" in step for step in plan), plan
    assert not any("TEMP B-TREE" in step for step in plan), plan


def test_an_older_journals_past_is_read_too(tmp_path: Path) -> None:
    with closing(sqlite3.connect(tmp_path / DATABASE)) as connection:
        connection.executescript(Path(__file__).with_name("journal_v1.sql").read_text(encoding="utf-8"))
    first, second, third = read(tmp_path)
    assert [(one.channel, one.piece, one.body) for one in first.copies] == [
        ("gp_mllp", "", message(1)),
        ("archive", "", message(1, "changed")),
    ]
    assert [one.tray for one in (*second.held, *third.held)] == ["no_practice", "doubtful_date"]
