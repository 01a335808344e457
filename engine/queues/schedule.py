"""Decides which lane works next: fair turns, a bound on lanes at work, and back-off with one timer.

A lane is any hashable key. A task exists only while a lane is at work, so thousands of idle lanes cost
nothing. Lanes in trouble have places of their own: however many practices are dead, the healthy ones
never wait for them. So have lanes whose turn takes long, as with a practice that answers slowly or is about
to turn out to be dead: others wait for its place for a second at most. Knows nothing of deliveries, journals
or brokers.
"""

from __future__ import annotations

import asyncio
import heapq
import itertools
import time
from collections import deque
from collections.abc import Awaitable, Callable, Hashable
from typing import Final, Generic, TypeVar

__all__ = ["AGAIN", "IDLE", "Schedule", "now_us"]

IDLE: Final = 0
"""What a turn returns when the lane has nothing more to do until it is woken."""
AGAIN: Final = -1
"""What a turn returns when the lane wants another turn, behind the others."""

_LONGEST_SLEEP = 60.0  # seconds; a clock that was set is noticed this soon
_SET_BACK = 1_000_000  # microseconds by which it must have gone back
_USUAL, _TROUBLED, _LONG = 0, 1, 2  # the kinds of places

Key = TypeVar("Key", bound=Hashable)


def now_us() -> int:
    """Microseconds since 1970-01-01T00:00Z."""
    return time.time_ns() // 1000


class Schedule(Generic[Key]):
    """Gives lanes their turns. `turn` does a bounded piece of one lane's work and returns IDLE, AGAIN or
    the time (microseconds since 1970) before which the lane must rest: a lane that rests is in trouble.

    `turn` must not raise; a lane never has two turns at once. long: microseconds after which a turn is taken
    to one of the long places, where others wait for its own.
    """

    def __init__(
        self,
        turn: Callable[[Key], Awaitable[int]],
        *,
        places: int = 256,
        troubled_places: int = 64,
        long_places: int = 0,
        long: int = 1_000_000,
        clock: Callable[[], int] = now_us,
        steady: Callable[[], int] = lambda: time.monotonic_ns() // 1000,
    ) -> None:
        self._turn = turn
        self._clock = clock
        self._steady = steady
        self._offset = clock() - steady()
        self._free = [places, troubled_places, long_places]
        self._long = long
        self._begun: dict[Key, int] = {}  # lanes in usual places, and since when, oldest first
        self._room: asyncio.TimerHandle | None = None
        self._ready: tuple[deque[Key], deque[Key]] = (deque(), deque())
        self._state: dict[Key, str] = {}  # ready, working, woken (working, and woken meanwhile), resting
        self._troubled: set[Key] = set()
        self._resting: list[tuple[int, int, Key]] = []
        self._due: dict[Key, int] = {}
        self._number = itertools.count()
        self._timer: asyncio.TimerHandle | None = None
        self._tasks: dict[asyncio.Task[None], Key] = {}
        self._paused = False
        self._stopping = False

    @property
    def troubled(self) -> frozenset[Key]:
        """The lanes that rest, or are being tried again after a rest."""
        return frozenset(self._troubled)

    def busy(self, key: Key) -> bool:
        """Whether the lane is ready, at work or resting."""
        return key in self._state

    def wake(self, key: Key) -> None:
        """There is something to do for this lane. A resting lane rests on: its head decides."""
        state = self._state.get(key)
        if state is None:
            self._make_ready(key)
        elif state == "working":
            self._state[key] = "woken"

    def rest(self, key: Key, due: int) -> None:
        """Leave an idle lane alone until `due` (it waited when the process began)."""
        if key not in self._state and not self._stopping:
            self._lay(key, due)

    def hurry(self, wanted: Callable[[Key], bool] = lambda _key: True) -> list[Key]:
        """End rests now: what the lanes waited for has come back. The lanes that rested."""
        rested = [key for key in self._due if wanted(key)]
        for key in rested:
            self._due.pop(key)
            self._make_ready(key)
        return rested

    def pause(self) -> None:
        """Start no further turns; those at work go on."""
        self._paused = True

    def resume(self) -> None:
        """Start turns again."""
        self._paused = False
        self._pump()

    async def stop(self) -> None:
        """Start nothing more and wait for the turns at work; cancelled, it cancels them and waits."""
        self._stopping = True
        for timer in (self._timer, self._room):
            if timer is not None:
                timer.cancel()
        self._timer = self._room = None
        try:
            while self._tasks:
                await asyncio.wait(self._tasks)
        except asyncio.CancelledError:
            for task in self._tasks:
                task.cancel()
            await asyncio.gather(*self._tasks, return_exceptions=True)
            raise

    # -- turns -----------------------------------------------------------------------------------

    def _make_ready(self, key: Key) -> None:
        self._state[key] = "ready"
        self._ready[key in self._troubled].append(key)
        self._pump()

    def _pump(self) -> None:
        if self._paused or self._stopping:
            return
        for kind in (_USUAL, _TROUBLED):
            ready = self._ready[kind]
            while ready and (self._free[kind] > 0 or (kind == _USUAL and self._make_room())):
                key = ready.popleft()
                self._free[kind] -= 1
                self._state[key] = "working"
                if kind == _USUAL:
                    self._begun[key] = self._steady()
                task = asyncio.create_task(self._work(key, kind))
                self._tasks[task] = key
                task.add_done_callback(self._gone)

    def _make_room(self) -> bool:
        """Take the turn that has lasted longest out of its usual place; where that is too soon, look again
        when it is not."""
        if not self._begun or not self._free[_LONG]:
            return False
        key, since = next(iter(self._begun.items()))
        left = since + self._long - self._steady()
        if left <= 0:
            del self._begun[key]
            self._free[_LONG] -= 1
            self._free[_USUAL] += 1
            return True
        if self._room is None:
            self._room = asyncio.get_running_loop().call_later(left / 1e6, self._look_for_room)
        return False

    def _look_for_room(self) -> None:
        self._room = None
        self._pump()

    def _gone(self, task: asyncio.Task[None]) -> None:
        self._tasks.pop(task, None)
        if not task.cancelled() and (failure := task.exception()) is not None:
            raise failure  # a turn must not raise: let the loop's handler say so loudly

    async def _work(self, key: Key, kind: int) -> None:
        result = IDLE
        offset = self._clock() - self._steady()
        try:
            result = await self._turn(key)
        finally:
            if kind == _USUAL and self._begun.pop(key, None) is None:
                kind = _LONG  # it was taken there meanwhile
            self._free[kind] += 1
            woken = self._state.pop(key) == "woken"
            if result > 0:
                self._troubled.add(key)
                self._lay(key, self._by_this_clock(result, offset))
            else:
                self._troubled.discard(key)
                if woken or result == AGAIN:
                    self._make_ready(key)
            self._pump()

    # -- rests -----------------------------------------------------------------------------------

    def _lay(self, key: Key, due: int) -> None:
        self._state[key] = "resting"
        self._troubled.add(key)
        self._due[key] = due
        heapq.heappush(self._resting, (due, next(self._number), key))
        if self._resting[0][2] == key:
            self._set_timer()

    def _set_timer(self) -> None:
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None
        if self._resting and not self._stopping:
            delay = max(0.0, min((self._resting[0][0] - self._clock()) / 1e6, _LONGEST_SLEEP))
            self._timer = asyncio.get_running_loop().call_later(delay, self._ring)

    def _ring(self) -> None:
        now = self._clock()
        if self._set_back(now):
            # Rests are given as times of day, and these lanes would rest for as long as the clock went back.
            self.hurry()
        while self._resting and self._resting[0][0] <= now:
            due, _, key = heapq.heappop(self._resting)
            if self._due.get(key) == due:  # else it was hurried, and this entry is stale
                del self._due[key]
                self._make_ready(key)
        self._set_timer()

    def _by_this_clock(self, due: int, offset: int) -> int:
        """A time that a turn gave, where the clock was set back since it began: counted by the old clock, it
        would lie as much too late. offset: of the clock when the turn began."""
        now = self._clock()
        back = offset - (now - self._steady())
        return due - back if back > _SET_BACK and due - now >= back else due

    def _set_back(self, now: int) -> bool:
        """Whether the clock has been set back since the last look."""
        before, self._offset = self._offset, now - self._steady()
        return self._offset < before - _SET_BACK
