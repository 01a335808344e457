"""What a feed, channel or tray still holds up is counted and said in words."""

from __future__ import annotations

from engine.site.difference import Difference
from engine.unfinished import unfinished


def test_nothing_left_is_nothing_said() -> None:
    change = Difference(gone_feeds=("ward",), gone_channels=("gp",), gone_trays=("a",), mailboxes=("m",))

    assert unfinished(change, {("feed", "ward", "decided"): 5}, {}, {"ward": 0}) == ()


def test_what_is_left_of_others_does_not_count() -> None:
    tallies = {("feed", "lab", "waiting"): 1, ("channel", "x", "waiting"): 1, ("tray", "b", "held"): 1}
    change = Difference(gone_feeds=("ward",), gone_channels=("gp",), gone_trays=("a",), mailboxes=("m",))

    assert unfinished(change, tallies, {"lab": 1}, {"lab": 1}) == ()


def test_each_thing_that_is_left_is_said_with_its_count_and_what_to_do() -> None:
    tallies = {
        ("feed", "ward", "waiting"): 1_500,
        ("channel", "gp", "waiting"): 1,
        ("channel", "gp", "queued"): 1,
        ("channel", "gp", "sending"): 1,
        ("channel", "gp", "parked"): 40,
        ("tray", "restricted", "held"): 2,
        ("channel", "box", "made"): 1,
    }
    change = Difference(
        gone_feeds=("ward",), gone_channels=("gp",), gone_trays=("restricted",), mailboxes=("box",)
    )
    feed, channel, tray, mailbox = unfinished(change, tallies, {"ward": 3}, {"ward": 1})

    assert feed.startswith(
        "the feed ward cannot be removed yet: 1,503 messages wait for a decision and 1 part lies in trays. "
    )
    assert channel.startswith("the channel gp cannot be removed yet: 3 deliveries open. ")
    assert tray.startswith("the tray restricted cannot be removed yet: 2 parts lie in it, ")
    assert all("`retired: yes`" in words for words in (feed, channel, tray))
    assert mailbox.startswith("the channel box cannot change its kind to or from amqp: ")
