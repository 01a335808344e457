"""Turns: fair, bounded, and lanes in trouble in nobody's way."""

from __future__ import annotations

import asyncio

from engine.queues.schedule import AGAIN, IDLE, Schedule, now_us
from tests.engine.waiting import until


async def test_lanes_take_turns_and_one_that_wants_more_goes_behind_the_others() -> None:
    turns: list[str] = []

    async def turn(key: str) -> int:
        turns.append(key)
        return AGAIN if turns.count(key) < 3 else IDLE

    schedule: Schedule[str] = Schedule(turn, places=1)
    for key in "abc":
        schedule.wake(key)
    await until(lambda: len(turns) == 9)
    assert turns == list("abcabcabc")
    await schedule.stop()


async def test_no_lane_has_two_turns_at_once_and_a_wake_meanwhile_is_not_lost() -> None:
    at_work: set[str] = set()
    turns: list[str] = []
    go = asyncio.Event()

    async def turn(key: str) -> int:
        assert key not in at_work
        at_work.add(key)
        turns.append(key)
        await go.wait()
        at_work.discard(key)
        return IDLE

    schedule: Schedule[str] = Schedule(turn)
    schedule.wake("a")
    await until(lambda: turns == ["a"])
    schedule.wake("a")
    schedule.wake("a")
    assert turns == ["a"]
    go.set()
    await until(lambda: turns == ["a", "a"])
    await schedule.stop()


async def test_lanes_in_trouble_never_take_the_places_of_healthy_ones() -> None:
    done: list[str] = []
    hanging = asyncio.Event()
    tries: dict[str, int] = {}

    async def turn(key: str) -> int:
        if key.startswith("dead"):
            tries[key] = tries.get(key, 0) + 1
            if tries[key] > 1:
                await hanging.wait()
            return now_us() + 1
        done.append(key)
        return IDLE

    schedule: Schedule[str] = Schedule(turn, places=2, troubled_places=2)
    for number in range(20):
        schedule.wake(f"dead{number}")
    await until(lambda: sum(count > 1 for count in tries.values()) == 2)
    for number in range(50):
        schedule.wake(f"well{number}")
    await until(lambda: len(done) == 50)
    hanging.set()
    await until(lambda: all(count > 1 for count in tries.values()))
    await schedule.stop()


async def test_lanes_whose_turns_take_long_do_not_keep_the_places_of_others() -> None:
    """As when hundreds of practices fall silent at once: each first try lasts until its time is up."""
    done: list[str] = []
    hanging = asyncio.Event()
    at_work: set[str] = set()

    async def turn(key: str) -> int:
        if key.startswith("slow"):
            at_work.add(key)
            await hanging.wait()
            at_work.discard(key)
        done.append(key)
        return IDLE

    schedule: Schedule[str] = Schedule(turn, places=2, troubled_places=1, long_places=3, long=20_000)
    for number in range(10):
        schedule.wake(f"slow{number}")
    await until(lambda: len(at_work) == 5)  # two in usual places, three in those of long ones
    assert not done
    hanging.set()
    await until(lambda: len(done) == 10)
    hanging.clear()
    done.clear()
    for number in range(3):  # every place is free again
        schedule.wake(f"slow{number}")
    for number in range(50):
        schedule.wake(f"well{number}")
    await until(lambda: len(done) == 50)
    assert len(at_work) == 3
    hanging.set()
    await until(lambda: len(done) == 53)
    assert schedule._free == [2, 1, 3]
    await schedule.stop()


async def test_short_turns_stay_in_usual_places() -> None:
    most = 0
    at_work = 0

    async def turn(_key: int) -> int:
        nonlocal at_work, most
        at_work += 1
        most = max(most, at_work)
        await asyncio.sleep(0)
        at_work -= 1
        return IDLE

    schedule: Schedule[int] = Schedule(turn, places=3, long_places=10)
    for number in range(100):
        schedule.wake(number)
    await until(lambda: not schedule.busy(99))
    assert most == 3
    await schedule.stop()


async def test_a_resting_lane_is_tried_when_it_is_due_and_not_before() -> None:
    turns: list[int] = []
    due = now_us() + 80_000

    async def turn(key: str) -> int:
        turns.append(now_us())
        return due if len(turns) == 1 else IDLE

    schedule: Schedule[str] = Schedule(turn)
    schedule.wake("a")
    await until(lambda: len(turns) == 1)
    schedule.wake("a")  # more work for it changes nothing: its head decides
    await until(lambda: len(turns) == 2)
    assert turns[1] >= due
    await schedule.stop()


async def test_a_paused_schedule_starts_nothing_and_goes_on_when_it_is_resumed() -> None:
    turns: list[str] = []

    async def turn(key: str) -> int:
        turns.append(key)
        return IDLE

    schedule: Schedule[str] = Schedule(turn)
    schedule.pause()
    schedule.wake("a")
    await asyncio.sleep(0)
    await asyncio.sleep(0)
    assert turns == []
    schedule.resume()
    await until(lambda: turns == ["a"])
    await schedule.stop()


async def test_thousands_of_lanes_cost_no_tasks_once_they_are_idle() -> None:
    turns: list[int] = []

    async def turn(key: int) -> int:
        turns.append(key)
        return IDLE

    before = len(asyncio.all_tasks())
    schedule: Schedule[int] = Schedule(turn)
    for key in range(6300):
        schedule.wake(key)
    assert len(asyncio.all_tasks()) <= before + 256
    await until(lambda: len(turns) == 6300)
    await until(lambda: len(asyncio.all_tasks()) == before)
    assert not schedule.busy(1)
    await schedule.stop()


async def test_a_clock_that_is_set_back_does_not_make_a_rest_longer() -> None:
    hour = 3_600_000_000
    set_back = 0
    tries = 0

    def clock() -> int:
        return now_us() - set_back

    async def turn(_key: str) -> int:
        nonlocal set_back, tries
        tries += 1
        return clock() + 20_000 if tries == 1 else IDLE

    schedule: Schedule[str] = Schedule(turn, clock=clock)
    schedule.wake("a")
    await until(lambda: tries == 1)
    set_back = hour
    await until(lambda: tries == 2)
    assert not schedule.busy("a")
    await schedule.stop()


async def test_a_clock_that_is_set_back_within_a_turn_does_not_make_its_rest_longer() -> None:
    tries: list[int] = []
    set_back = 0

    def clock() -> int:
        return now_us() - set_back

    async def turn(_key: str) -> int:
        nonlocal set_back
        tries.append(now_us())
        due = clock() + 50_000
        set_back = 3_600_000_000
        return due if len(tries) == 1 else IDLE

    schedule: Schedule[str] = Schedule(turn, clock=clock)
    schedule.wake("a")
    await until(lambda: len(tries) == 2, seconds=5)
    assert tries[1] - tries[0] >= 40_000
    await schedule.stop()


async def test_a_rest_that_begins_after_the_clock_was_set_back_is_kept() -> None:
    tries: list[int] = []

    def clock() -> int:
        return now_us() - 3_600_000_000 * bool(tries)

    async def turn(_key: str) -> int:
        tries.append(now_us())
        return clock() + 50_000 if len(tries) == 1 else IDLE

    schedule: Schedule[str] = Schedule(turn, clock=clock)
    schedule.wake("a")
    await until(lambda: len(tries) == 2, seconds=5)
    assert tries[1] - tries[0] >= 40_000
    await schedule.stop()
