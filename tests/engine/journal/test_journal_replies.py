"""Replies are matched in the journal: one commit with what they change, once, and never to another copy."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import get_args

import pytest

from engine.journal.answered import Answered
from engine.journal.answers import MessageStory
from engine.journal.reading import JournalReader
from engine.journal.records import (
    Awaited,
    Changed,
    Decided,
    DeliveryState,
    NewDelivery,
    Onward,
    Said,
)
from engine.journal.sqlite import SqliteJournal
from engine.journal.told import AnswerTold
from routes.flow.answer_codes import ReturnReason
from routes.flow.matching import Spoken
from tests.engine.journal.journal_rig import (
    START,
    arrival,
    changed,
    copy,
    counters_agree,
    decided,
    deliver,
    open_journal,
    store,
)

LATER = START + 3_000_000
WORDS = "Canary Longfellow is not our patient"


def says(
    code: str, control_id: bytes = b"1", *, address: str = "Y06601", reason: ReturnReason | None = None
) -> Answered:
    """A reply of the practice."""
    words = WORDS if reason else ""
    return Answered(code, reason or "", words, Spoken(control_id, {"gp_mllp": address}))


async def reply(
    journal: SqliteJournal, answered: Answered, number: int = 900, claims: int | None = None
) -> AnswerTold:
    """A reply comes in as a message of its own."""
    came = replace(arrival(number, feed="replies", type_="ACK"), claims=claims)
    (stored,) = await store(journal, came)
    (told,) = await journal.answer([Decided(stored.id, "c0ffee", LATER, answer=answered)])
    return told


async def sent(journal: SqliteJournal, state: DeliveryState = "delivered", number: int = 1) -> int:
    """A copy in some state."""
    (stored,) = await store(journal, arrival(number))
    (row,) = await deliver(journal, stored.id, copy())
    if state != "waiting":
        await journal.change([changed(row, state)])
    return row.id


def story_of(folder: Path, id_: int) -> MessageStory:
    with JournalReader(folder) as reader:
        story = reader.show(id_)
    assert story is not None
    return story


async def test_an_acknowledgement_is_recorded_with_its_copy_in_one_commit(tmp_path: Path) -> None:
    journal = open_journal(tmp_path)
    id_ = await sent(journal)
    before = journal.commits
    (stored,) = await store(journal, arrival(900, feed="replies", type_="ACK"))
    told = await journal.answer([Decided(stored.id, "c0ffee", LATER, answer=says("AA"))])
    assert journal.commits <= before + 2
    await journal.close()

    assert told == [AnswerTold(2, "has_it", id_, 1, "gp_mllp", "Y06601")]
    story = story_of(tmp_path, 1)
    (shown,) = story.deliveries
    assert (shown.state, shown.closed) == ("acknowledged", LATER)
    (said,) = story.said
    assert (said.code, said.message, said.feed, said.counts) == ("AA", 2, "replies", 1)
    answer = story_of(tmp_path, 2)
    assert (answer.message.state, answer.answers) == ("answer", (id_, 1))
    assert counters_agree(tmp_path)


async def test_a_rejection_is_a_return_whose_words_stand_in_no_reason_and_no_event(tmp_path: Path) -> None:
    journal = open_journal(tmp_path)
    await sent(journal)
    told = await reply(journal, says("AE", reason="left"))
    await journal.close()

    assert (told.outcome, told.reason) == ("returned", "left")
    story = story_of(tmp_path, 1)
    (shown,) = story.deliveries
    assert (shown.state, shown.reason) == (
        "refused_by_recipient", "came back: the patient has left the recipient",
    )  # fmt: skip
    assert [said.words for said in story.said] == [WORDS]
    assert not any("Canary" in event.detail for event in story.events + story_of(tmp_path, 2).events)
    assert counters_agree(tmp_path)


@pytest.mark.parametrize("state", get_args(DeliveryState))
@pytest.mark.parametrize("code", ["AA", "AR"])
async def test_a_reply_changes_what_is_open_or_parked_and_nothing_that_has_ended(
    state: DeliveryState, code: str, tmp_path: Path
) -> None:
    journal = open_journal(tmp_path)
    await sent(journal, state)
    told = await reply(journal, says(code, reason="rejected" if code == "AR" else None))
    await journal.close()
    story = story_of(tmp_path, 1)
    (shown,) = story.deliveries
    if state == "waiting":
        assert told.outcome == "unmatched", "it has not been sent"
        assert shown.state == state
    elif state in ("acknowledged", "refused_by_recipient", "withdrawn", "discarded"):
        assert told.outcome == "late"
        assert shown.state == state
        assert story.events[-1].kind == "answered_late"
        assert [said.counts for said in story.said] == [0]
    else:
        assert shown.state == ("acknowledged" if code == "AA" else "refused_by_recipient")
        assert shown.attempts == 1, "an answer takes no attempt back"
    assert counters_agree(tmp_path)


async def test_a_commit_acknowledgement_proves_the_delivery_and_no_more(tmp_path: Path) -> None:
    journal = open_journal(tmp_path)
    await sent(journal, "sending")
    assert (await reply(journal, says("CA"))).outcome == "committed"
    assert (await reply(journal, says("AA"), 901)).outcome == "has_it"
    assert (await reply(journal, says("CA"), 902)).outcome == "late"
    await journal.close()
    story = story_of(tmp_path, 1)
    assert story.deliveries[0].state == "acknowledged"
    assert [(said.code, said.counts) for said in story.said] == [("CA", 1), ("AA", 1), ("CA", 0)]


async def test_what_nobody_knows_waits_in_a_tray_and_changes_nothing(tmp_path: Path) -> None:
    journal = open_journal(tmp_path)
    await sent(journal)
    other = await reply(journal, says("AA", address="Y06602"))
    unknown = await reply(journal, says("AA", b"2"), 901)
    unreadable = await reply(journal, Answered(problem="it holds no MSA segment"), 902)
    await journal.close()
    assert [told.outcome for told in (other, unknown, unreadable)] == ["unmatched"] * 3
    assert story_of(tmp_path, 1).deliveries[0].state == "delivered"
    held = story_of(tmp_path, 2)
    assert (held.message.state, held.held[0].tray) == ("held", "unmatched")
    assert "not to the address" in held.held[0].reason
    assert counters_agree(tmp_path)


async def test_two_messages_with_one_control_id_are_told_apart_by_the_copy_that_the_reply_names(
    tmp_path: Path,
) -> None:
    journal = open_journal(tmp_path)
    await store(journal, arrival(1), arrival(1, feed="westmoor_lims"))
    (first,) = await deliver(journal, 1, copy())
    (second,) = await deliver(journal, 2, copy(body=b"MSH|^~\\&|other"))
    await journal.change([changed(first, "delivered"), changed(second, "delivered")])
    assert (await reply(journal, says("AA"))).outcome == "unmatched"
    named = await reply(journal, says("AA"), 901, claims=second.id)
    assert (named.outcome, named.delivery) == ("has_it", second.id)
    false = await reply(journal, says("AA", address="Y06602"), 902, claims=first.id)
    assert false.outcome == "unmatched"
    await journal.close()
    assert story_of(tmp_path, 1).deliveries[0].state == "delivered"
    assert counters_agree(tmp_path)


async def test_a_copy_is_found_under_the_control_id_that_went_out(tmp_path: Path) -> None:
    journal = open_journal(tmp_path)
    await store(journal, arrival(1))
    pieces = [NewDelivery("r", "gp_mllp", "Y06601", b"MSH|%d" % n, b"1-%d" % n, piece=str(n)) for n in (1, 2)]
    rows = await deliver(journal, 1, *pieces)
    await journal.change([changed(row, "delivered") for row in rows])
    told = await reply(journal, says("AA", b"1-2"))
    assert (told.outcome, told.delivery) == ("has_it", rows[1].id)
    assert (await reply(journal, says("AA", b"1"), 901)).outcome == "unmatched"
    await journal.close()
    assert counters_agree(tmp_path)


async def test_a_reply_is_recorded_once_however_often_it_is_decided(tmp_path: Path) -> None:
    journal = open_journal(tmp_path)
    await sent(journal)
    (stored,) = await store(journal, arrival(900, feed="replies", type_="ACK"))
    decision = Decided(stored.id, "c0ffee", LATER, answer=says("AA"))
    assert len(await journal.answer([decision])) == 1
    assert not await journal.answer([decision])
    await journal.close()
    assert len(story_of(tmp_path, 1).said) == 1


async def test_a_response_that_is_routed_too_is_decided_and_matched_in_one(tmp_path: Path) -> None:
    journal = open_journal(tmp_path)
    id_ = await sent(journal)
    (stored,) = await store(journal, arrival(900, feed="replies", type_="ORR^O02"))
    answer = replace(says("AA"), routed=True)
    (told,) = await journal.answer([replace(decided(stored.id, copy("wards", "")), answer=answer)])
    assert (told.delivery, [row.channel for row in told.rows]) == (id_, ["wards"])
    (lost,) = await store(journal, arrival(901, feed="replies", type_="ORR^O02"))
    stray = replace(says("AA", b"77"), routed=True)
    await journal.answer([replace(decided(lost.id, copy("wards", "")), answer=stray)])
    await journal.close()
    assert story_of(tmp_path, stored.id).message.state == "decided"
    story = story_of(tmp_path, lost.id)
    assert story.message.state == "decided"
    assert "taken for none" in story.findings[0]
    assert counters_agree(tmp_path)


# -- what comes back goes out once more, by the rule of its entry -------------------------------------


def onward(address: str | None = "Y06602", late: str | None = "Y06602") -> NewDelivery:
    return replace(
        copy(),
        onward=Onward(("left", "misdirected"), "gp_mllp", address, late),
        awaited=Awaited("acknowledged", START + 1_000_000, "print_room", "Y06601"),
    )


async def back(
    journal: SqliteJournal, address: str, number: int, reason: ReturnReason = "left"
) -> AnswerTold:
    return await reply(journal, says("AR", address=address, reason=reason), number)


async def test_what_comes_back_goes_once_to_the_address_of_its_rule_and_never_on(tmp_path: Path) -> None:
    journal = open_journal(tmp_path)
    await store(journal, arrival(1))
    (row,) = await deliver(journal, 1, onward())
    await journal.change([changed(row, "delivered")])
    told = await back(journal, "Y06601", 900)
    assert (told.outcome, told.made, told.due) == ("returned", 2, LATER + 1_000_000)
    await journal.change([changed(2, "delivered")])
    again = await back(journal, "Y06602", 901)
    assert (again.outcome, again.made) == ("returned", 0)
    await journal.close()
    story = story_of(tmp_path, 1)
    assert [(one.address, one.state, one.kind, one.parent) for one in story.deliveries] == [
        ("Y06601", "refused_by_recipient", "", 0),
        ("Y06602", "refused_by_recipient", "re-addressed", 1),
    ]
    assert [(one.delivery, one.ending, one.address) for one in story.deadlines] == [
        (1, "ended", "Y06601"), (2, "", "Y06602"),
    ]  # fmt: skip
    with JournalReader(tmp_path) as reader:
        assert [one.id for one in reader.returned()] == [2], "the first was dealt with"
    assert counters_agree(tmp_path)


@pytest.mark.parametrize("reason", ["deceased", "rejected"])
async def test_for_other_reasons_or_without_an_address_it_waits_for_a_person(
    reason: ReturnReason, tmp_path: Path
) -> None:
    journal = open_journal(tmp_path)
    await store(journal, arrival(1), arrival(2))
    (row,) = await deliver(journal, 1, onward())
    (other,) = await deliver(journal, 2, replace(onward(None), control_id=b"2"))
    await journal.change([changed(row, "delivered"), changed(other, "delivered")])
    assert (await back(journal, "Y06601", 900, reason)).made == 0
    lost = await reply(journal, says("AR", b"2", reason="left"), 901)
    assert (lost.outcome, lost.made) == ("returned", 0)
    await journal.close()
    with JournalReader(tmp_path) as reader:
        assert [one.id for one in reader.returned()] == [row.id, other.id]
    assert counters_agree(tmp_path)


async def test_a_copy_that_is_there_already_is_not_made_twice(tmp_path: Path) -> None:
    journal = open_journal(tmp_path)
    await store(journal, arrival(1))
    rows = await deliver(journal, 1, onward(), copy(address="Y06602"))
    await journal.change([changed(row, "delivered") for row in rows])
    assert (await back(journal, "Y06601", 900)).made == 0
    await journal.close()
    assert len(story_of(tmp_path, 1).deliveries) == 2


async def refused(journal: SqliteJournal, delivery: int, code: str, reason: ReturnReason | None) -> None:
    """A recipient refuses a copy on the connection by which it came."""
    said = Said(code, reason or "", WORDS)
    await journal.claim([Changed(delivery, "refused_by_recipient", LATER, 1, said=said)])


async def test_a_refusal_on_its_own_connection_is_re_addressed_in_the_commit_of_the_outcome(
    tmp_path: Path,
) -> None:
    journal = open_journal(tmp_path)
    told: list[AnswerTold] = []
    journal.on_passed_on = told.extend
    await store(journal, arrival(1))
    (row,) = await deliver(journal, 1, onward())
    await journal.change([changed(row, "sending")])
    before = journal.commits
    await refused(journal, row.id, "AR", "left")
    assert journal.commits == before + 1
    assert told == [
        AnswerTold(0, "returned", 1, 1, "gp_mllp", "Y06601", "left", made=2, due=LATER + 1_000_000)
    ]
    await journal.change([changed(2, "sending")])
    await refused(journal, 2, "AR", "left")
    assert len(told) == 1, "once, and never on"
    await journal.close()
    story = story_of(tmp_path, 1)
    assert [(one.address, one.state, one.kind, one.parent) for one in story.deliveries] == [
        ("Y06601", "refused_by_recipient", "", 0),
        ("Y06602", "refused_by_recipient", "re-addressed", 1),
    ]
    assert not any("Canary" in event.detail for event in story.events)
    assert counters_agree(tmp_path)


async def test_a_refusal_that_is_recorded_twice_or_for_another_reason_makes_nothing(tmp_path: Path) -> None:
    journal = open_journal(tmp_path)
    told: list[AnswerTold] = []
    journal.on_passed_on = told.extend
    await store(journal, arrival(1), arrival(2), arrival(3))
    (row,) = await deliver(journal, 1, onward())
    (other,) = await deliver(journal, 2, onward())
    (plain,) = await deliver(journal, 3, copy())
    await journal.change([changed(each, "sending") for each in (row, other, plain)])
    for _ in range(2):
        await refused(journal, row.id, "AE", "left")
    await refused(journal, other.id, "AE", "deceased")
    await refused(journal, plain.id, "AE", "left")
    await journal.close()
    assert [one.delivery for one in told] == [row.id]
    with JournalReader(tmp_path) as reader:
        assert [one.id for one in reader.returned()] == [other.id, plain.id]
    assert counters_agree(tmp_path)
