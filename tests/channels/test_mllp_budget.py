"""The shared budget: nobody reads past the limit, save the one that must for anything to move on."""

from __future__ import annotations

from dataclasses import dataclass, field
from random import Random

from hypothesis import given, settings
from hypothesis import strategies as st

from channels.mllp.budget import Budget, Share


@dataclass
class Peer:
    """A connection as the budget sees it: reads frames of a given size whenever it may."""

    budget: Budget
    frames: list[int]
    may_read: bool = True
    share: Share = field(init=False)
    got: int = 0
    waiting: list[int] = field(default_factory=list)

    def __post_init__(self) -> None:
        self.share = self.budget.join(self.tell)

    def tell(self, may_read: bool) -> None:
        self.may_read = may_read

    def read(self, count: int) -> None:
        """Take up to so many bytes of the next frame."""
        self.got = min(self.frames[0], self.got + count)
        if self.got == self.frames[0]:
            self.budget.take(self.got)
            self.waiting.append(self.frames.pop(0))
            self.got = 0
        self.share.hold(self.got)

    def answer(self) -> None:
        self.budget.release(self.waiting.pop(0))


def test_past_the_limit_nobody_reads_until_enough_is_released() -> None:
    budget = Budget(800)
    first, second = Peer(budget, [700]), Peer(budget, [200])
    first.read(700)
    assert (first.may_read, second.may_read) == (True, True)

    second.read(200)
    assert (first.may_read, second.may_read) == (False, False)

    second.answer()
    assert (first.may_read, second.may_read) == (True, True)


def test_reading_starts_again_only_at_seven_eighths_of_the_limit() -> None:
    budget = Budget(800)
    peer = Peer(budget, [10] * 100)
    for _ in range(81):
        peer.read(10)
    assert not peer.may_read

    for _ in range(10):
        peer.answer()
        assert not peer.may_read
    peer.answer()

    assert peer.may_read


def test_where_all_is_unfinished_exactly_one_reads_on_and_it_is_the_fullest() -> None:
    budget = Budget(1000)
    peers = [Peer(budget, [5000]) for _ in range(3)]
    for peer, count in zip(peers, (300, 500, 201), strict=True):
        peer.read(count)

    assert [peer.may_read for peer in peers] == [False, True, False]


def test_the_chosen_one_stays_chosen_though_another_grows_fuller() -> None:
    budget = Budget(1000)
    first, second = Peer(budget, [5000]), Peer(budget, [5000])
    first.read(600)
    second.read(500)
    assert (first.may_read, second.may_read) == (True, False)

    second.read(400)  # bytes that were on their way when it was stopped

    assert (first.may_read, second.may_read) == (True, False)


def test_the_right_passes_on_when_the_chosen_one_leaves_or_is_stopped_otherwise() -> None:
    budget = Budget(1000)
    peers = [Peer(budget, [5000]) for _ in range(3)]
    for peer, count in zip(peers, (900, 800, 700), strict=True):
        peer.read(count)
    assert peers[0].may_read

    peers[0].share.leave()
    assert [peer.may_read for peer in peers[1:]] == [True, False]

    peers[1].share.able(False)
    assert [peer.may_read for peer in peers[1:]] == [False, True]


def test_one_frame_over_the_whole_limit_is_taken_alone() -> None:
    budget = Budget(1000)
    giant, small = Peer(budget, [50_000]), Peer(budget, [10])
    while giant.frames:
        assert giant.may_read
        giant.read(700)
    assert not giant.may_read
    assert not small.may_read

    giant.answer()

    assert budget.held == 0
    assert small.may_read


def test_a_connection_that_comes_when_the_house_is_full_does_not_read() -> None:
    budget = Budget(100)
    first = Peer(budget, [101])
    first.read(101)

    second = Peer(budget, [10])

    assert not second.may_read
    first.answer()
    assert second.may_read


def test_a_watcher_is_told_once_for_each_episode() -> None:
    told: list[bool] = []
    budget = Budget(100)
    budget.watch(told.append)
    peer = Peer(budget, [90, 20, 10])
    for _ in range(3):
        peer.read(90)
    for _ in range(3):
        peer.answer()

    assert told == [True, False]


@settings(max_examples=200)
@given(
    st.lists(st.lists(st.integers(1, 400), min_size=1, max_size=4), min_size=1, max_size=6),
    st.integers(1, 300),
    st.randoms(use_true_random=False),
)
def test_every_frame_is_taken_in_the_end_and_memory_stays_bounded(
    plans: list[list[int]], limit: int, chance: Random
) -> None:
    """Whatever the order of reads and answers, nothing stands still, and no more than one peer is over."""
    budget = Budget(limit)
    peers = [Peer(budget, list(frames)) for frames in plans]
    for _ in range(5000):
        readers = [peer for peer in peers if peer.frames and peer.may_read]
        debtors = [peer for peer in peers if peer.waiting]
        if budget.over:
            assert len([peer for peer in peers if peer.may_read]) <= 1
        if not readers and not debtors:
            break
        peer = chance.choice(readers + debtors)
        if peer.waiting and (not peer.frames or not peer.may_read or chance.choice([True, False])):
            peer.answer()
        else:
            peer.read(chance.choice([1, 10, 100]))

    assert [[]] * len(peers) == [peer.frames for peer in peers]
    assert budget.held == 0
