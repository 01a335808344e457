"""What is held or on its way of a merged patient is marked, and found under the surviving one."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest

from engine.journal.reading import JournalReader
from engine.journal.records import Decided, HeldPart, MergedKeys
from engine.journal.sqlite import SqliteJournal
from tests.engine.journal.journal_rig import arrival, changed, copy, counters_agree, decided, store

OLD, NEW = "9990000026", "9990000018"
BY_NHS: MergedKeys = ((("nhs_number", OLD),), (("nhs_number", NEW), ("patient", "H1")))
BY_LOCAL: MergedKeys = ((("patient", "H2"),), (("patient", "H1"),))


def of_patient(decision: Decided, nhs: str = OLD, local: str = "H2") -> Decided:
    return replace(decision, keys={"nhs_number": (nhs,), "patient": (local,)})


def held(id_: int) -> Decided:
    return replace(decided(id_), held=(HeldPart("gp_results", "no_practice", "no practice"),))


def marked(folder: Path) -> list[int]:
    with JournalReader(folder) as reader:
        stories = [reader.show(id_) for id_ in range(1, reader.last_id() + 1)]
    return [
        story.message.id
        for story in stories
        if story is not None and any(event.kind == "patient_merged" for event in story.events)
    ]


@pytest.mark.parametrize("together", [False, True])
async def test_what_is_held_parked_or_on_its_way_is_marked_and_what_has_arrived_is_not(
    journal: SqliteJournal, tmp_path: Path, together: bool
) -> None:
    await store(journal, *(arrival(number) for number in range(1, 7)))
    work = [of_patient(held(1)), of_patient(decided(2, copy())), of_patient(decided(3, copy()))]
    work += [of_patient(decided(4, copy())), of_patient(held(5), nhs="9990000034", local="H9")]
    merge = replace(decided(6), merges=(BY_NHS,))
    if together:
        await journal.record([*work, merge])
        assert marked(tmp_path) == [1, 2, 3, 4], "nothing of it can have arrived yet"
    else:
        await journal.record(work)
        await journal.change([changed(1, "parked"), changed(2, "delivered")])
        await journal.record([merge])
        assert marked(tmp_path) == [1, 2, 4]
    with JournalReader(tmp_path) as reader:
        assert [one.id for one in reader.find(nhs_number=NEW)] == list(reversed(marked(tmp_path)))
        assert 1 in [one.id for one in reader.find(nhs_number=OLD)]
        story = reader.show(1)
    assert story is not None
    assert story.events[-1].detail == "by message 6"
    assert counters_agree(tmp_path)


@pytest.mark.parametrize("together", [False, True])
async def test_a_hospitals_own_number_is_another_patient_elsewhere(
    journal: SqliteJournal, tmp_path: Path, together: bool
) -> None:
    await store(journal, arrival(1), arrival(2, feed="westmoor_lims"), arrival(3))
    work, merge = [of_patient(held(1)), of_patient(held(2))], replace(decided(3), merges=(BY_LOCAL,))
    for batch in [[*work, merge]] if together else [work, [merge]]:
        await journal.record(batch)
    assert marked(tmp_path) == [1]


async def test_a_merge_that_is_held_itself_merges_nobody(journal: SqliteJournal, tmp_path: Path) -> None:
    await store(journal, arrival(1), arrival(2))
    await journal.record([of_patient(held(1))])
    merge = replace(decided(2), held=(HeldPart("", "restricted", "a guard"),), merges=(BY_NHS,))
    await journal.record([merge])
    assert marked(tmp_path) == []
