"""Retries are one line of a message's journey, and nothing else of it is left out."""

from __future__ import annotations

from itertools import count

from engine.cli.episodes import told_in_episodes
from engine.journal.answers import EventShown

SECOND = 1_000_000
_times = count()


def event(copy: int, kind: str, detail: str = "") -> EventShown:
    at = next(_times)
    return EventShown(at, copy, kind, at * SECOND, detail, "")


def attempt(copy: int, why: str, rest: str = "waiting") -> list[EventShown]:
    return [event(copy, "sending"), event(copy, rest, why)]


def told(*parts: list[EventShown]) -> list[tuple[int, str, str]]:
    events = [one for part in parts for one in part]
    return [
        (one.delivery, one.kind, detail.partition(" until ")[0]) for one, detail in told_in_episodes(events)
    ]


def test_attempts_that_came_to_nothing_are_told_once_with_their_number() -> None:
    refused = [attempt(1, "connection refused") for _ in range(300)]
    begun, ended = [event(0, "accepted"), event(1, "made")], [event(1, "sending"), event(1, "delivered")]
    assert told(begun, *refused, ended) == [
        (0, "accepted", ""), (1, "made", ""),
        (1, "sending", ""), (1, "waiting", "connection refused; 300 times"),
        (1, "sending", ""), (1, "delivered", ""),
    ]  # fmt: skip


def test_the_line_says_when_it_ended_and_what_the_last_one_came_to() -> None:
    events = [*attempt(1, "connection refused"), *attempt(1, "AE: try later")]
    ((_, _), (_, detail)) = told_in_episodes(events)
    assert detail.startswith("connection refused; 2 times until 1970-01-01 ")
    assert detail.endswith(", at last: AE: try later")


def test_one_attempt_is_told_as_it_is() -> None:
    events = [*attempt(1, "no answer", "queued"), event(1, "sending"), event(1, "delivered")]
    assert told_in_episodes(events) == [(one, one.detail) for one in events]


def test_copies_that_are_tried_at_the_same_time_have_a_line_each() -> None:
    both = [attempt(copy, f"why {copy}") for _ in range(5) for copy in (1, 2)]
    assert told(*both) == [
        (1, "sending", ""), (1, "waiting", "why 1; 5 times"),
        (2, "sending", ""), (2, "waiting", "why 2; 5 times"),
    ]  # fmt: skip


def test_what_happens_between_two_attempts_ends_an_episode_and_is_told() -> None:
    first, second = ([attempt(1, "down") for _ in range(3)] for _ in range(2))
    between = [event(1, "parked", "down"), event(1, "waiting", "released by ann")]
    assert told(*first, between, *second) == [
        (1, "sending", ""), (1, "waiting", "down; 3 times"),
        (1, "parked", "down"), (1, "waiting", "released by ann"),
        (1, "sending", ""), (1, "waiting", "down; 3 times"),
    ]  # fmt: skip
