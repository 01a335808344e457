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
    prompt: bool = False  # its frames are answered at once, before the read is over
    stopped: bool = False  # by something other than the budget
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
            if self.prompt:
                self.answer()
        self.share.hold(self.got)

    def stop(self, stopped: bool) -> None:
        self.stopped = stopped
        self.share.able(not stopped)

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


def test_where_all_is_unfinished_and_within_the_limit_everybody_reads() -> None:
    budget = Budget(800)
    letter, result = Peer(budget, [5000]), Peer(budget, [20])
    letter.read(790)
    result.read(20)
    assert (letter.may_read, result.may_read) == (False, False)

    result.answer()

    assert (letter.may_read, result.may_read) == (True, True)


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


def test_a_finished_connection_gives_the_right_up_though_its_frame_was_answered_at_once() -> None:
    budget = Budget(1000)
    letter, result = Peer(budget, [3000]), Peer(budget, [200], prompt=True)
    letter.read(1500)
    letter.stop(True)
    assert result.may_read
    result.read(200)

    letter.stop(False)

    assert (letter.may_read, result.may_read) == (True, False)


def test_where_nobody_who_could_read_has_begun_all_of_them_may_and_the_first_goes_on_alone() -> None:
    budget = Budget(1000)
    stopped, idle, busy = Peer(budget, [3000]), Peer(budget, []), Peer(budget, [200])
    stopped.read(1500)
    stopped.stop(True)
    assert (idle.may_read, busy.may_read) == (True, True)

    busy.read(100)

    assert (idle.may_read, busy.may_read) == (False, True)
    busy.read(100)
    assert (idle.may_read, busy.may_read) == (False, False)
    busy.answer()
    assert (idle.may_read, busy.may_read) == (True, True)


@settings(max_examples=100)
@given(
    st.lists(st.lists(st.integers(1, 400), max_size=4), min_size=1, max_size=6),
    st.integers(1, 300),
    st.randoms(use_true_random=False),
)
def test_every_frame_is_taken_in_the_end_whatever_the_order_of_events(
    plans: list[list[int]], limit: int, chance: Random
) -> None:
    """Reads, answers, stops and starts come in any order; nothing stands still, and past the limit no
    more than one peer goes on with a frame."""
    budget = Budget(limit)
    peers = [Peer(budget, list(frames), prompt=chance.random() < 0.3) for frames in plans]
    for _ in range(3000):
        readers = [peer for peer in peers if peer.frames and peer.may_read and not peer.stopped]
        debtors = [peer for peer in peers if peer.waiting]
        stopped = [peer for peer in peers if peer.stopped]
        if budget.over:
            assert len([peer for peer in readers if peer.got]) <= 1
        if not readers and not debtors and not stopped:
            break
        what = chance.random()
        if what < 0.1:
            chance.choice(peers).stop(True)
        elif stopped and (what < 0.3 or not readers + debtors):
            chance.choice(stopped).stop(False)
        elif debtors and (what < 0.6 or not readers):
            chance.choice(debtors).answer()
        elif readers:
            chance.choice(readers).read(chance.choice([1, 10, 100]))

    assert [peer.frames for peer in peers if peer.frames] == []
    assert budget.held == 0
    assert all(peer.may_read for peer in peers)
