"""What a feed, channel or tray still holds up is counted and said in words."""

from __future__ import annotations

from engine.site.difference import Difference
from engine.unfinished import left_behind, unfinished


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


def test_a_channel_that_deadlines_would_fall_back_to_is_not_taken_away() -> None:
    change = Difference(gone_channels=("print_room", "gp"))
    tallies = {("channel", "gp", "waiting"): 1, ("channel", "print_room", "delivered"): 9}
    print_room, gp = unfinished(change, tallies, {}, {}, {"print_room": 1, "gp": 2, "archive": 5})

    assert print_room == (
        "the channel print_room cannot be removed yet: 1 copy goes there where a proof does not come in "
        "time. Put it back with `retired: yes`: what waits is delivered, and it can be removed when no "
        "deadline is open"
    )
    assert gp.startswith(
        "the channel gp cannot be removed yet: 1 delivery open and 2 copies go there where a proof does not "
    )


def test_what_was_removed_while_the_engine_stood_still_is_found_at_the_start() -> None:
    tallies = {
        ("channel", "gp", "queued"): 2,
        ("channel", "old", "delivered"): 4,
        ("feed", "x", "waiting"): 1,
    }

    assert left_behind({"archive"}, tallies, {"print_room": 3, "archive": 1}) == (
        ("gp", "2 deliveries open"),
        ("print_room", "3 copies go there where a proof does not come in time"),
    )
    assert left_behind({"gp", "print_room"}, tallies, {"print_room": 3}) == ()
