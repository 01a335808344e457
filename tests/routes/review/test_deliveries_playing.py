"""Deliveries on a fake clock: each behaviour of a channel, by the engine's own rules."""

from __future__ import annotations

import pytest

from routes.flow.decision import Copy, Deadline
from routes.language.trials import Behaviour
from routes.review.playing import Pretended, play
from tests.routes.review.conftest import CHANNELS

HOUR = 3_600_000_000
NOW = 1_767_605_400_000_000


def endings(channel: str, behaviour: Behaviour, hours: int | None) -> tuple[str, str]:
    pretended = (
        Pretended({channel: behaviour})
        if hours is None
        else Pretended({channel: behaviour}, NOW + hours * HOUR)
    )
    (made,), held = play([Copy(channel, "", b"")], CHANNELS, pretended, NOW)
    assert held == []
    return made.ending, made.reason


@pytest.mark.parametrize("channel", ["gp_message", "mailbox", "archive"])
def test_a_channel_that_nothing_is_said_of_delivers_and_acknowledges_at_once(channel: str) -> None:
    assert endings(channel, "silent", 0) == ("acknowledged", "")


@pytest.mark.parametrize(
    ("channel", "behaviour", "hours", "ending"),
    [
        ("gp_message", "silent", None, "parked"),
        ("gp_message", "silent", 48, "acknowledged"),
        ("mailbox", "silent", None, "delivered"),
        ("mailbox", "silent", 1, "acknowledged"),
        ("archive", "silent", None, "delivered"),
        ("gp_message", "unreachable", None, "parked"),
        ("gp_message", "unreachable", 23, "acknowledged"),
        ("gp_message", "unreachable", 25, "parked"),
        ("archive", "unreachable", 23, "acknowledged"),
        ("gp_message", "refusing", 1, "parked"),
        ("mailbox", "refusing", 1, "parked"),
        ("archive", "refusing", 1, "parked"),
        ("refuser", "refusing", 1, "refused_by_recipient"),
    ],
)
def test_a_copy_ends_as_the_rules_of_its_channel_say(
    channel: str, behaviour: Behaviour, hours: int | None, ending: str
) -> None:
    found, reason = endings(channel, behaviour, hours)

    assert found == ending
    assert bool(reason) is (ending not in ("acknowledged", "delivered"))


def test_a_fallback_that_has_a_copy_already_makes_no_second_one() -> None:
    copies = [
        Copy("mailbox", "Y06601", b"", deadline=Deadline("acknowledged", HOUR, "archive")),
        Copy("archive", "", b""),
    ]
    made, _ = play(copies, CHANNELS, Pretended({"mailbox": "silent"}), NOW)

    assert [each.where for each in made] == ["mailbox @ Y06601", "archive"]


@pytest.mark.parametrize(
    ("behaviour", "hours", "after", "ending"),
    [
        ("unreachable", None, 1, "withdrawn"),  # it surely did not go out
        ("unreachable", 3, 1, "withdrawn"),  # and does not, once the other one has gone
        ("silent", None, 1, "withdrawn"),  # it may have arrived, and is not tried again
        ("silent", 3, 1, "acknowledged"),  # it had arrived, and its late answer stands
        ("refusing", None, 1, "withdrawn"),  # parked, and a person need not look at it any more
        ("silent", None, 48, "withdrawn"),
    ],
)
def test_once_another_copy_has_gone_the_first_is_not_tried_again(
    behaviour: Behaviour, hours: int | None, after: int, ending: str
) -> None:
    behaviours: dict[str, Behaviour] = {"gp_message": behaviour}
    pretended = Pretended(behaviours) if hours is None else Pretended(behaviours, NOW + hours * HOUR)
    copies = [Copy("gp_message", "Y06601", b"", deadline=Deadline("acknowledged", after * HOUR, "archive"))]
    (first, fallback), _ = play(copies, CHANNELS, pretended, NOW)

    assert (first.ending, fallback.where) == (ending, "archive")
    assert ("archive" in first.reason) is (ending == "withdrawn")


def test_a_fallback_is_made_when_its_deadline_is_and_without_an_address_it_is_held() -> None:
    silent = Pretended({"mailbox": "silent"})
    (_, fallback), _ = play(
        [Copy("mailbox", "Y06601", b"x", piece="2", deadline=Deadline("acknowledged", HOUR, "archive"))],
        CHANNELS, silent, NOW,
    )  # fmt: skip
    (_,), (held,) = play(
        [Copy("mailbox", "Y06601", b"x", deadline=Deadline("acknowledged", HOUR, "print_room", None))],
        CHANNELS, silent, NOW,
    )  # fmt: skip

    assert (fallback.created, fallback.copy.body, fallback.copy.piece) == (NOW + HOUR, b"x", "2")
    assert fallback.instead_of == "mailbox @ Y06601"
    assert held.tray == "unknown_address"
