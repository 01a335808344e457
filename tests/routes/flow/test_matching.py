"""A reply is credited to the copy that it speaks of, or to none: never to another."""

from __future__ import annotations

from dataclasses import dataclass, replace

from hypothesis import given
from hypothesis import strategies as st

from routes.flow.matching import NEAR, Candidate, Matched, Spoken, Unmatched, which

AT = 1_773_600_000_000_000
HOUR = 3_600_000_000


def copy(id_: int, **values: object) -> Candidate:
    usual = Candidate(id_, id_, "gp", "Y06601", "delivered", AT + id_, content=b"%d" % id_)
    return replace(usual, **values)  # type: ignore[arg-type]


def spoken(address: str | None = "Y06601", **values: object) -> Spoken:
    return replace(Spoken(b"M1", {"gp": address}), **values)  # type: ignore[arg-type]


def test_the_copy_that_carries_the_control_id_and_went_to_the_speaker_is_meant() -> None:
    assert which(spoken(), [copy(1), copy(2, address="Y06602")]) == Matched(1)
    assert which(spoken("Y06602"), [copy(1), copy(2, address="Y06602")]) == Matched(2)


def test_nothing_is_credited_to_another_practice_or_channel() -> None:
    assert isinstance(which(spoken("Y06602"), [copy(1)]), Unmatched)
    assert isinstance(which(spoken(None), [copy(1)]), Unmatched), "who speaks is not in the directory"
    assert isinstance(which(spoken(), [copy(1, channel="wards")]), Unmatched)
    assert isinstance(which(spoken(), []), Unmatched)
    assert isinstance(which(spoken(control_id=b""), [copy(1)]), Unmatched)


def test_a_channel_without_addresses_needs_no_speaker() -> None:
    westmoor = copy(1, channel="westmoor", address="")
    assert which(Spoken(b"M1", {"gp": None, "westmoor": ""}), [westmoor]) == Matched(1)


def test_two_messages_with_one_control_id_are_not_told_apart() -> None:
    assert isinstance(which(spoken(), [copy(1), copy(2)]), Unmatched)
    answered = copy(1, state="acknowledged")
    assert isinstance(which(spoken(), [answered, copy(2)]), Unmatched), "it may be the first one's, again"
    long_ago = replace(answered, created=AT - NEAR - HOUR)
    assert which(spoken(), [long_ago, copy(2)]) == Matched(2), "a sender's counter began anew"


def test_copies_of_the_same_bytes_are_one_and_the_latest_that_went_out_has_the_answer() -> None:
    first = copy(1, content=b"same", message=7)
    again = copy(2, content=b"same", message=7)
    assert which(spoken(), [first, again]) == Matched(2)
    assert which(spoken(), [first, replace(again, unsent=True, state="waiting")]) == Matched(1)
    assert which(spoken(), [replace(first, state="refused_by_recipient"), again]) == Matched(2)
    edited = replace(again, content=b"edited")
    assert isinstance(which(spoken(), [first, edited]), Unmatched)
    assert isinstance(which(spoken(), [first, replace(again, piece="2")]), Unmatched)


def test_what_has_not_been_sent_cannot_be_answered_unless_it_lies_in_a_mailbox() -> None:
    unsent = copy(1, state="waiting", unsent=True)
    assert isinstance(which(spoken(), [unsent]), Unmatched)
    assert which(spoken(mailboxes=frozenset(("gp",))), [unsent]) == Matched(1)


def test_a_late_reply_finds_its_copy_though_that_has_ended() -> None:
    assert which(spoken(), [copy(1, state="withdrawn")]) == Matched(1)


def test_a_reply_that_names_its_copy_is_believed_where_all_agrees() -> None:
    twins = [copy(1), copy(2)]
    assert which(spoken(claims=2), twins) == Matched(2)
    assert which(spoken(None, claims=2), twins) == Matched(2), "MSH-4 names nobody"
    assert isinstance(which(spoken("Y06602", claims=2), twins), Unmatched), "another practice speaks"
    assert isinstance(which(spoken(claims=3), twins), Unmatched)
    assert isinstance(which(spoken(claims=0), twins), Unmatched)
    assert isinstance(which(spoken(claims=2), [copy(1), copy(2, channel="wards")]), Unmatched)


# Practices that answer what they got, while control ids collide in every way.

PRACTICES = ("Y06601", "Y06602")
CHANNELS = ("gp", "letters", "wards")
IDS = (b"1", b"2")


@dataclass(frozen=True)
class Sent:
    """A copy, and the control id that it carries."""

    copy: Candidate
    control_id: bytes


def sendings() -> st.SearchStrategy[list[Sent]]:
    one = st.tuples(
        st.sampled_from(IDS), st.sampled_from(CHANNELS), st.sampled_from(PRACTICES),
        st.sampled_from(("waiting", "sending", "delivered", "parked", "acknowledged", "withdrawn")),
        st.integers(1, 3), st.sampled_from(("", "1")), st.integers(0, 3 * NEAR), st.booleans(),
    )  # fmt: skip

    def made(rows: list[tuple[bytes, str, str, str, int, str, int, bool]]) -> list[Sent]:
        found = []
        for number, (control, channel, address, state, message, piece, after, fresh) in enumerate(rows, 1):
            content = b"%d %s" % (message, piece.encode())
            unsent = fresh and state == "waiting"
            one = Candidate(number, message, channel, address, state, AT + after, piece, content, unsent)
            found.append(Sent(one, control))
        return found

    return st.lists(one, max_size=8).map(made)


@given(sendings(), st.data())
def test_no_reply_is_ever_credited_to_another_message_or_recipient(
    sent: list[Sent], data: st.DataObject
) -> None:
    """Whoever speaks, of whatever it was sent (or of nothing): a match is that very message and recipient.

    The engine sees what the reply says, and not what is meant. Copies of other messages that ended more than
    a week before the one that waits are the only ones that a reply is taken not to speak of.
    """
    feed = data.draw(st.sampled_from((("gp",), ("gp", "letters"))))
    can = [one for one in sent if one.copy.channel in feed and not one.copy.unsent]
    meant = data.draw(st.sampled_from(can)) if can else None
    speaker = data.draw(st.sampled_from(PRACTICES)) if meant is None else meant.copy.address
    control = data.draw(st.sampled_from(IDS)) if meant is None else meant.control_id
    named = data.draw(st.booleans()) and meant is not None
    said = Spoken(control, dict.fromkeys(feed, speaker), claims=meant.copy.id if named and meant else None)
    found = which(said, [one.copy for one in sent if one.control_id == control])
    if isinstance(found, Unmatched):
        assert not named, "a reply that names its copy truthfully is always matched"
        return
    copy_ = next(one.copy for one in sent if one.copy.id == found.id)
    assert copy_.channel in feed
    assert copy_.address == speaker
    assert not copy_.unsent
    if meant is not None and not (
        meant.copy.ended and not copy_.ended and abs(meant.copy.created - copy_.created) >= NEAR
    ):
        assert (copy_.message, copy_.piece, copy_.channel) == (
            meant.copy.message, meant.copy.piece, meant.copy.channel,
        )  # fmt: skip


@given(sendings(), st.sampled_from(IDS), st.integers(0, 9))
def test_a_false_claim_is_never_believed(sent: list[Sent], control: bytes, claims: int) -> None:
    said = Spoken(control, {"gp": "Y06601"}, claims=claims)
    found = which(said, [one.copy for one in sent if one.control_id == control])
    if isinstance(found, Matched):
        (copy_,) = [one for one in sent if one.copy.id == claims]
        assert found.id == claims
        assert copy_.control_id == control
        assert (copy_.copy.channel, copy_.copy.address) == ("gp", "Y06601")
