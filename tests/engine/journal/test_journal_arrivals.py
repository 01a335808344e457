"""Storing arrivals: ids, duplicates, twins, conflicts, refused evidence, and what cannot be stored."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from engine.journal.fingerprints import control_id_range, fingerprint
from engine.journal.reading import JournalReader
from engine.journal.records import Decided, HeldPart, Verdict
from engine.journal.sqlite import SqliteJournal
from tests.engine.journal.journal_rig import (
    OK,
    START,
    JournalFull,
    append_all,
    arrival,
    decided,
    message,
    open_journal,
    store,
)

DAY = 86_400_000_000


async def test_ids_are_the_order_of_the_calls(journal: SqliteJournal) -> None:
    stored = await store(journal, *(arrival(number) for number in range(1, 200)))
    assert [one.id for one in stored] == list(range(1, 200))
    assert {one.kind for one in stored} == {"new"}


async def test_a_message_sent_again_is_a_duplicate_with_the_originals_verdict(
    journal: SqliteJournal, tmp_path: Path
) -> None:
    (first,) = await store(journal, arrival(1))
    (again,) = await store(journal, arrival(1, at=START + DAY))
    assert (again.kind, again.original, again.verdict) == ("duplicate", first.id, OK)
    assert [one.id for one in await journal.waiting(0, 10, 10**6)] == [first.id]
    with JournalReader(tmp_path) as reader:
        assert reader.body(again.id) == message(1)


async def test_twins_in_one_commit_are_one_message(journal: SqliteJournal) -> None:
    stored = await store(journal, *(arrival(1) for _ in range(50)))
    assert [one.kind for one in stored] == ["new"] + ["duplicate"] * 49
    assert {one.original for one in stored[1:]} == {stored[0].id}
    assert {one.verdict for one in stored[1:]} == {OK}


async def test_a_duplicate_of_an_undecided_message_has_no_verdict_yet(journal: SqliteJournal) -> None:
    (first, twin) = await store(journal, arrival(1, verdict=None), arrival(1, verdict=None))
    assert twin.verdict is None
    await journal.record([Decided(first.id, "c0ffee", START, verdict=Verdict("ok", "thank you"))])
    (later,) = await store(journal, arrival(1, verdict=None))
    assert (later.kind, later.verdict) == ("duplicate", Verdict("ok", "thank you"))


async def test_a_rejected_message_sent_again_is_decided_again(journal: SqliteJournal) -> None:
    for _ in range(3):
        (one,) = await store(journal, arrival(1, verdict=None))
        assert one.kind == "new"
        verdict = Verdict("error", "no NHS number")
        await journal.record([Decided(one.id, "c0ffee", START, verdict=verdict, rejected=True)])


async def test_a_duplicate_of_a_message_rejected_later_does_not_hide_it(journal: SqliteJournal) -> None:
    first, twin = await store(journal, arrival(1, verdict=None), arrival(1, verdict=None))
    assert twin.kind == "duplicate"
    await journal.record([Decided(first.id, "c", START, verdict=Verdict("reject"), rejected=True)])
    (again,) = await store(journal, arrival(1, verdict=None))
    assert again.kind == "new"


async def test_refused_evidence_is_never_decided_and_never_an_original(journal: SqliteJournal) -> None:
    (evidence,) = await store(journal, arrival(1, refused="no readable MSH"))
    assert evidence.kind == "refused"
    (again,) = await store(journal, arrival(1, refused="no readable MSH"))
    assert again.kind == "refused"
    (good,) = await store(journal, arrival(1))
    assert good.kind == "new"
    assert [one.id for one in await journal.waiting(0, 10, 10**6)] == [good.id]


async def test_the_same_control_id_with_other_bytes_is_a_conflict(journal: SqliteJournal) -> None:
    (first,) = await store(journal, arrival(1, "glucose 5.1"))
    (other,) = await store(journal, arrival(1, "glucose 7.9"))
    assert (other.kind, other.original) == ("conflict", first.id)
    back, = await store(journal, arrival(1, "glucose 5.1"))  # fmt: skip
    assert (back.kind, back.original) == ("duplicate", first.id)
    assert len(await journal.waiting(0, 10, 10**6)) == 2


async def test_conflicts_inside_one_commit_are_flagged_too(journal: SqliteJournal) -> None:
    one, other = await store(journal, arrival(1, "a"), arrival(1, "b"))
    assert (other.kind, other.original) == ("conflict", one.id)


async def test_other_feeds_and_other_senders_may_use_the_same_control_id(journal: SqliteJournal) -> None:
    mine = arrival(1)
    stored = await store(journal, mine, replace(mine, feed="westmoor_lims"), replace(mine, sender=b"X\rY\r1"))
    assert [one.kind for one in stored] == ["new"] * 3


async def test_the_window_ends_a_duplicate(journal: SqliteJournal) -> None:
    stored = [
        (await store(journal, arrival(1, at=START + at, window=DAY)))[0].kind
        for at in (0, DAY, DAY + 1, 2 * DAY)
    ]
    assert stored == ["new", "duplicate", "new", "duplicate"]


async def test_a_window_of_nothing_means_that_nothing_is_a_duplicate(journal: SqliteJournal) -> None:
    stored = await store(journal, *(arrival(1, window=0) for _ in range(3)))
    assert [one.kind for one in stored] == ["new"] * 3


async def test_a_message_without_a_key_is_never_a_duplicate(journal: SqliteJournal) -> None:
    bare = replace(arrival(1), sender=b"", control_id="")
    assert [one.kind for one in await store(journal, bare, bare)] == ["new", "new"]


async def test_duplicates_are_known_after_a_restart(tmp_path: Path) -> None:
    journal = open_journal(tmp_path)
    (first,) = await store(journal, arrival(1))
    await journal.close()
    journal = open_journal(tmp_path)
    again, new = await store(journal, arrival(1), arrival(2))
    await journal.close()
    assert (again.kind, again.original, new.id) == ("duplicate", first.id, 3)


async def test_a_sender_with_one_control_id_for_everything_stays_quick_and_exact(
    journal: SqliteJournal,
) -> None:
    for batch in range(4):
        texts = [f"{batch} {number}" for number in range(200)]
        stored = await store(journal, *(arrival(1, text) for text in texts))
        assert {one.kind for one in stored[1:]} == {"conflict"}
    again = await store(journal, *(arrival(1, f"2 {number}") for number in range(200)))
    assert [one.original for one in again] == list(range(401, 601))


async def test_a_message_held_as_it_came_in_waits_in_its_tray(journal: SqliteJournal, tmp_path: Path) -> None:
    (one,) = await store(journal, arrival(1, hold="batch_count"))
    assert await journal.waiting(0, 10, 10**6) == []
    assert list(await journal.record([decided(one.id)])) == [()]
    with JournalReader(tmp_path) as reader:
        story = reader.show(one.id)
    assert story is not None
    assert story.message.state == "held"
    assert [(part.route, part.tray) for part in story.held] == [("", "batch_count")]
    assert HeldPart("", "batch_count", story.held[0].reason).reason == "held as it came in"


async def test_unencodable_text_from_a_sender_is_stored_with_replacements(
    journal: SqliteJournal, tmp_path: Path
) -> None:
    odd = replace(arrival(1), control_id="caf\udce9", type="ORU\udce9")
    again = replace(odd, received=START + 1)
    assert [one.kind for one in await store(journal, odd, again)] == ["new", "duplicate"]
    with JournalReader(tmp_path) as reader:
        assert reader.recent()[0].control_id == "caf?"


async def test_one_unstorable_message_does_not_keep_its_neighbours_out(tmp_path: Path) -> None:
    troubles: list[tuple[str, str]] = []
    journal = open_journal(tmp_path, troubles)
    bad = replace(arrival(2), peer="lone \udce9 surrogate")
    results = await append_all(journal, arrival(1), bad, arrival(3))
    await journal.close()
    assert isinstance(results[1], JournalFull)
    assert "surrogate" not in str(results[1])
    assert [getattr(one, "id", None) for one in (results[0], results[2])] == [1, 2]
    assert [kind for kind, _ in troubles] == ["unstorable"]


async def test_fingerprints_that_coincide_confuse_no_messages(
    journal: SqliteJournal, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("engine.journal.arrivals.fingerprint", lambda *_: 5)
    mine = arrival(1)
    others = [replace(mine, feed="westmoor_lims"), replace(mine, sender=b"X\rY\r1"), arrival(2)]
    kinds = []
    for one in [mine, *others, arrival(1, "other"), mine, *others, arrival(1, "other")]:
        kinds += [stored.kind for stored in await store(journal, one)]
    assert kinds == ["new"] * 4 + ["conflict"] + ["duplicate"] * 5


async def test_content_is_compared_by_the_whole_sha256(journal: SqliteJournal) -> None:
    mine = arrival(1)
    near = replace(arrival(1, "other"), sha256=mine.sha256[:31] + bytes([mine.sha256[31] ^ 1]))
    kinds = [(await store(journal, one))[0].kind for one in (mine, near, mine, near)]
    assert kinds == ["new", "conflict", "duplicate", "duplicate"]


@given(st.text(), st.binary(), st.text(), st.binary(min_size=32, max_size=32))
def test_a_fingerprint_lies_in_the_range_of_its_control_id(
    feed: str, sender: bytes, control_id: str, sha: bytes
) -> None:
    number = fingerprint(feed, sender, control_id, sha)
    low, high = control_id_range(control_id)
    assert -(2**63) <= low <= number <= high < 2**63
