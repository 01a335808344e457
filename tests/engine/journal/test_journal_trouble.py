"""A full disk, a broken one, and closing: nothing is promised that is not kept, and nobody waits for ever."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from pathlib import Path
from time import monotonic

import pytest

from engine.journal.contract import JournalBroken, JournalFull
from engine.journal.records import Stored
from engine.journal.sqlite import SqliteJournal
from tests.engine.journal.journal_rig import (
    DEADLINE,
    append_all,
    arrival,
    copy,
    counters_agree,
    decided,
    open_journal,
    store,
)


async def until(condition: Callable[[], bool]) -> None:
    """Wait for a condition, with a deadline."""
    end = monotonic() + DEADLINE
    while not condition():
        assert monotonic() < end, "it never came about"
        await asyncio.sleep(0.005)


def limit_pages(journal: SqliteJournal, more: int) -> None:
    """Let the database file grow by so many pages only: SQLite then says SQLITE_FULL, as for ENOSPC."""
    connection = journal._writer._connection
    used = int(connection.execute("PRAGMA page_count").fetchone()[0])
    connection.execute(f"PRAGMA max_page_count={used + more}")


def lift_limit(journal: SqliteJournal) -> None:
    """Space again."""
    journal._writer._connection.execute("PRAGMA max_page_count=1000000")


async def test_a_full_disk_refuses_arrivals_and_recovers_by_itself(tmp_path: Path) -> None:
    troubles: list[tuple[str, str]] = []
    journal = open_journal(tmp_path, troubles)
    await store(journal, arrival(1))
    limit_pages(journal, 4)
    big = "x" * 100_000
    results = await append_all(journal, *(arrival(number, big) for number in range(2, 12)))
    assert {type(result) for result in results} == {JournalFull}
    assert troubles[0][0] == "full"
    lift_limit(journal)
    await until(lambda: "recovered" in [kind for kind, _ in troubles])
    stored = await store(journal, *(arrival(number, big) for number in range(2, 12)))
    assert [one.id for one in stored] == list(range(2, 12))
    await journal.close()
    assert counters_agree(tmp_path)


async def test_background_work_waits_for_space_and_is_then_done(tmp_path: Path) -> None:
    troubles: list[tuple[str, str]] = []
    journal = open_journal(tmp_path, troubles)
    await store(journal, *(arrival(number) for number in range(1, 41)))
    limit_pages(journal, 2)
    big = b"y" * 50_000
    recording = asyncio.ensure_future(
        journal.record([decided(number, copy(body=big + b"%d" % number)) for number in range(1, 41)])
    )
    await until(lambda: bool(troubles))
    assert troubles[0][0] == "full"
    assert not recording.done()
    lift_limit(journal)
    rows = await asyncio.wait_for(recording, DEADLINE)
    assert [one[0].id for one in rows] == list(range(1, 41))
    await journal.close()
    assert counters_agree(tmp_path)


async def test_an_error_in_one_batch_of_work_reaches_its_caller_only(tmp_path: Path) -> None:
    journal = open_journal(tmp_path)
    await store(journal, arrival(1), arrival(2))
    good, bad, also_good = await asyncio.gather(
        journal.record([decided(1, copy())]),
        journal.record([decided(2, copy(address="lone \udce9 surrogate"))]),
        store(journal, arrival(3)),
        return_exceptions=True,
    )
    assert not isinstance(good, BaseException)
    assert isinstance(bad, UnicodeEncodeError)
    assert not isinstance(also_good, BaseException)
    assert [one.id for one in await journal.waiting(0, 9, 10**6)] == [2, 3]
    await journal.close()
    assert counters_agree(tmp_path)


async def test_a_failing_callback_does_not_keep_others_from_hearing(tmp_path: Path) -> None:
    heard: list[int] = []
    reported: list[str] = []
    loop = asyncio.get_running_loop()
    loop.set_exception_handler(lambda _, context: reported.append(context["message"]))
    journal = open_journal(tmp_path)

    def done(result: object) -> None:
        assert isinstance(result, Stored)
        heard.append(result.id)
        if result.id == 2:
            raise RuntimeError("a mistake elsewhere")

    for number in range(1, 5):
        journal.append(arrival(number), done)
    await until(lambda: len(heard) == 4)
    await journal.close()
    loop.set_exception_handler(None)
    assert heard == [1, 2, 3, 4]
    assert reported == ["a journal callback failed"]


async def test_after_closing_everything_is_refused_and_what_was_queued_is_kept(tmp_path: Path) -> None:
    journal = open_journal(tmp_path)
    results: list[object] = []
    for number in range(1, 1201):
        journal.append(arrival(number), results.append)
    await journal.close()
    await until(lambda: len(results) == 1200)
    assert {type(result) for result in results} == {Stored}
    late = await append_all(journal, arrival(9999))
    assert isinstance(late[0], JournalBroken)
    with pytest.raises(JournalBroken, match="closed"):
        await journal.record([decided(1)])


async def test_a_message_that_comes_just_before_the_writer_rests_is_not_forgotten(tmp_path: Path) -> None:
    journal = open_journal(tmp_path)
    heard: list[object] = []
    take = journal._writer._take

    def take_and_be_overtaken() -> list[object]:
        taken = take()
        if not taken and not heard:
            heard.append("overtaken")
            journal.append(arrival(2), heard.append)  # as the loop's thread might at this very moment
        return list(taken)

    journal._writer._take = take_and_be_overtaken  # type: ignore[method-assign,assignment]  # on purpose
    await store(journal, arrival(1))
    await until(lambda: len(heard) == 2)
    await journal.close()


async def test_under_steady_load_the_log_is_begun_anew_and_stays_bounded(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("engine.journal.checkpoint.PAGES", 64)
    monkeypatch.setattr("engine.journal.checkpoint.TOO_LONG", 256)
    journal = open_journal(tmp_path)
    largest = 0
    for first in range(0, 8000, 40):
        await store(journal, *(arrival(first + number, "x" * 1000) for number in range(40)))
        largest = max(largest, (tmp_path / "journal.db-wal").stat().st_size)
    await journal.close()
    assert largest < 12 * 1024 * 1024  # of about 24 MiB written, on however busy a machine
    assert counters_agree(tmp_path)


async def test_a_cancelled_caller_disturbs_nobody(tmp_path: Path) -> None:
    journal = open_journal(tmp_path)
    await store(journal, arrival(1), arrival(2))
    abandoned = asyncio.ensure_future(journal.record([decided(1, copy())]))
    await asyncio.sleep(0)
    abandoned.cancel()
    await journal.record([decided(2, copy())])
    assert [lane.open for lane in await journal.lanes()] == [2]
    await journal.close()
