"""Answers that can never come are told before: a fallback that would always go out, no way back."""

from __future__ import annotations

import pytest

from routes.flow.delivery import Policy, Ruling
from routes.language.facts import ChannelFacts, FeedFacts, SiteFacts
from routes.language.plan import compile_plan
from routes.language.problems import Problems, Spot

ROUTE = """\
route: results
from: [lims]
send:
  - first_of:
      - when: PID-8 = 'F'
        to: gp
        if_not_{proof}_in: 3d
        then: paper
      - otherwise: nothing_more
  - to: paper
"""


def told(kind: str, answers_for: str = "", proof: str = "acknowledged") -> list[str]:
    """The words of the problems, those of this rule alone."""
    problems = Problems()
    answered = ((answers_for, Spot("feeds.yaml", 9)),) if answers_for else ()
    compile_plan(
        {"routes/results.yaml": ROUTE.format(proof=proof)},
        {"lims": FeedFacts("lims"), "replies": FeedFacts("replies", answers_for=answered)},
        {
            "gp": ChannelFacts("gp", kind=kind),
            "paper": ChannelFacts("paper", kind="folder"),
            "old": ChannelFacts("old", kind="amqp"),
        },
        SiteFacts(),
        problems,
        {},
    )
    return [one.message for one in problems.in_order() if one.rule == "never-acknowledged"]


@pytest.mark.parametrize(
    ("kind", "remedy"),
    [
        ("folder", "if_not_delivered_in"),
        ("amqp", "answers_for: [gp]"),
    ],
)
def test_a_channel_that_nothing_acknowledges_is_named_with_the_remedy_of_its_kind(
    kind: str, remedy: str
) -> None:
    (words,) = told(kind)

    assert words.startswith(
        'Nothing acknowledges what goes to channel "gp", so "paper" would get every message'
    )
    assert remedy in words


def test_a_feed_that_answers_is_enough_and_a_peer_may_always_acknowledge_after_its_ca() -> None:
    assert told("mllp") == []
    assert told("amqp", answers_for="gp") == []
    assert len(told("amqp", answers_for="old")) == 1, "another channel's replies are none of this one's"


def test_a_delivery_needs_no_acknowledgement() -> None:
    assert told("folder", proof="delivered") == []


RETURNED = """\
route: results
from: [lims]
send:
  - to: gp
    if_returned: {reasons: [left], to: paper}
  - to: paper
"""


def told_of_returns(kind: str, answers_for: str = "", ar: Ruling = "park") -> list[str]:
    """The warnings of a rule that nothing could set off."""
    problems = Problems()
    answered = ((answers_for, Spot("feeds.yaml", 9)),) if answers_for else ()
    compile_plan(
        {"routes/results.yaml": RETURNED},
        {"lims": FeedFacts("lims"), "replies": FeedFacts("replies", answers_for=answered)},
        {
            "gp": ChannelFacts("gp", kind=kind, policy=Policy(replies={"AR": ar})),
            "paper": ChannelFacts("paper", kind="folder"),
            "old": ChannelFacts("old", kind="amqp"),
        },
        SiteFacts(),
        problems,
        {},
    )
    return [one.message for one in problems.in_order() if one.rule == "never-returned"]


@pytest.mark.parametrize(
    ("kind", "remedy"),
    [("folder", "take if_returned away"), ("amqp", "answers_for: [gp]"), ("mllp", "mean refuse")],
)
def test_a_channel_from_which_nothing_comes_back_is_named_with_the_remedy_of_its_kind(
    kind: str, remedy: str
) -> None:
    (words,) = told_of_returns(kind)

    assert words.startswith('Nothing says how a copy on channel "gp" would come back. ')
    assert remedy in words


def test_a_feed_that_answers_or_a_code_that_means_refuse_is_a_way_back() -> None:
    assert told_of_returns("amqp", answers_for="gp") == []
    assert told_of_returns("mllp", answers_for="gp") == []
    assert told_of_returns("mllp", ar="refuse") == []
    assert len(told_of_returns("amqp", ar="refuse")) == 1, "no code comes from a mailbox"
    assert len(told_of_returns("amqp", answers_for="old")) == 1
