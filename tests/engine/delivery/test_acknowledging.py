"""The recipient's application says what it made of a delivery: recorded once, its words kept, not logged."""

from __future__ import annotations

import io
from pathlib import Path

import pytest

from engine.delivery.acknowledging import MOST_WORDS, acknowledge
from engine.journal.reading import JournalReader
from engine.journal.records import DeliveryState
from engine.journal.sqlite import SqliteJournal
from engine.observe.log import configure
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

LATER = START + 3_000_000


async def acknowledged_from(journal: SqliteJournal, state: DeliveryState) -> bool:
    await store(journal, arrival(1))
    (row,) = await deliver(journal, 1, copy())
    if state != "waiting":
        await journal.change([changed(row, state, 3)])
    return await acknowledge(journal, row.id, "acknowledged", at=LATER)


@pytest.mark.parametrize("state", ["waiting", "queued", "sending", "delivered", "parked"])
async def test_an_acknowledgement_counts_wherever_the_delivery_may_have_got_to(
    state: DeliveryState, tmp_path: Path
) -> None:
    journal = open_journal(tmp_path)
    assert await acknowledged_from(journal, state)
    await journal.close()
    with JournalReader(tmp_path) as reader:
        shown = reader.delivery(1)
    assert shown is not None
    assert (shown.state, shown.closed) == ("acknowledged", LATER)
    assert shown.attempts == (0 if state == "waiting" else 3), "an answer takes no attempt back"
    assert counters_agree(tmp_path)


@pytest.mark.parametrize("state", ["withdrawn", "discarded", "refused_by_recipient", "acknowledged"])
async def test_what_has_ended_otherwise_stays_as_it_is(state: DeliveryState, tmp_path: Path) -> None:
    journal = open_journal(tmp_path)
    assert not await acknowledged_from(journal, state)
    assert [row.state for row in await journal.deliveries([1])] == [state]
    assert not await acknowledge(journal, 99, "acknowledged")
    await journal.close()


async def test_a_refusals_words_are_kept_within_bounds_and_logged_nowhere(tmp_path: Path) -> None:
    stream = io.StringIO()
    lines = configure(stream, pretty=False)
    journal = open_journal(tmp_path)
    await store(journal, arrival(1))
    (row,) = await deliver(journal, 1, copy())
    await journal.change([changed(row, "delivered")])
    words = "Canary Longfellow\ris not our patient " + "x" * 2 * MOST_WORDS
    assert await acknowledge(journal, row.id, "refused_by_recipient", words)
    await journal.close()
    lines.flush()

    with JournalReader(tmp_path) as reader:
        story = reader.show(1)
    assert story is not None
    (copy_,) = story.deliveries
    assert copy_.state == "refused_by_recipient"
    assert copy_.reason.startswith("Canary Longfellow is not our patient x")
    assert len(copy_.reason) == MOST_WORDS
    assert story.events[-1].detail == copy_.reason
    assert "delivery.refused" in stream.getvalue()
    assert "Canary" not in stream.getvalue()
