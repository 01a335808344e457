"""Who was sent an earlier version: found by a digest that is shown nowhere, and kept with the decision."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

from engine.journal.earlier import EarlierCopy, known_text, read_known
from engine.journal.past import Stretch
from engine.journal.reading import JournalReader
from engine.journal.records import NewDelivery
from engine.journal.sqlite import SqliteJournal
from tests.engine.journal.journal_rig import arrival, changed, copy, counters_agree, decided, store


async def record(journal: SqliteJournal, id_: int, digest: str, *copies: NewDelivery) -> None:
    await journal.record([replace(decided(id_, *copies), same=(digest,))])


async def test_the_copies_of_older_messages_with_the_same_digest_are_found_once_each_in_order(
    journal: SqliteJournal, tmp_path: Path
) -> None:
    await store(journal, *(arrival(number) for number in range(1, 5)))
    await record(journal, 1, "aa", copy("gp", "B"), replace(copy("archive", ""), also=("letters", "other")))
    await record(journal, 2, "bb", copy("gp", "C"))
    await record(journal, 3, "aa", copy("gp", "B"), copy("gp", "A"))
    await record(journal, 4, "aa", copy("gp", "D"))

    found = await journal.earlier_copies({"aa", "cc"}, 4)
    assert found == {
        "aa": [
            EarlierCopy(("gp_results",), "gp", "B"),
            EarlierCopy(("gp_results", "letters", "other"), "archive", ""),
            EarlierCopy(("gp_results",), "gp", "A"),
        ]
    }
    assert await journal.earlier_copies({"aa"}, 1) == {}
    with JournalReader(tmp_path) as reader:
        story = reader.show(1)
        assert reader.earlier_copies({"aa"}, 4) == found
    assert story is not None
    assert story.keys == (), "a digest is not shown"
    assert counters_agree(tmp_path)


async def test_what_was_taken_back_or_refused_was_not_sent_unless_it_may_have_arrived(
    journal: SqliteJournal,
) -> None:
    await store(journal, arrival(1))
    states = ("withdrawn", "discarded", "refused_by_recipient", "parked", "acknowledged", "delivered")
    await record(journal, 1, "aa", *(copy("gp", state) for state in states), copy("gp", "in doubt"))
    await journal.change([changed(number, state) for number, state in enumerate(states, 1)])  # type: ignore[arg-type]
    await journal.change([replace(changed(7, "withdrawn"), in_doubt=True)])

    found = await journal.earlier_copies({"aa"}, 9)
    assert [one.address for one in found["aa"]] == ["parked", "acknowledged", "delivered", "in doubt"]


async def test_what_a_decision_was_told_is_kept_with_it(journal: SqliteJournal, tmp_path: Path) -> None:
    told = {("gp_results", "aa"): (("gp", "A"), ("archive", ""))}
    await store(journal, arrival(1), arrival(2))
    await journal.record([replace(decided(1, copy()), known=known_text(told)), decided(2, copy())])

    with JournalReader(tmp_path) as reader:
        assert read_known(reader.known_of(1)) == told
        assert (reader.known_of(2), reader.known_of(3)) == ("", "")
        assert [read_known(past.known) for past in reader.past(Stretch()).messages()] == [told, {}]
