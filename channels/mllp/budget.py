"""The memory that all connections of all listeners share: unfinished frames and unanswered ones.

Pure book-keeping: knows nothing of sockets, frames or clocks. It only says which connection may read.

The rules:

1. While no more than the limit is held, everybody may read.
2. Past the limit nobody may, until enough is released.
3. Frames that wait for their answer are released by the engine in time. Unfinished frames are released
   only by reading on. So where everything held is unfinished, exactly one connection may read past the
   limit: the one that holds most, for it is likely to finish first. It keeps this right until its frame
   is complete, it leaves, or it is stopped for another reason. One frame larger than the whole limit is
   taken in this way, alone.
4. Where nobody who could read has begun a frame, all of these may begin one; the first to do so is then
   the one of rule 3. So a feed that is stopped with its memory full does not stop the others.

Reading starts again at seven eighths of the limit, so that a full house does not pause and resume every
socket for every message.
"""

from __future__ import annotations

from collections.abc import Callable

__all__ = ["Budget", "Share"]


class Share:
    """One connection's part in the budget."""

    __slots__ = ("_able", "_budget", "_may_read", "_tell", "partial")

    def __init__(self, budget: Budget, tell: Callable[[bool], None]) -> None:
        self._budget = budget
        self._tell = tell
        self._may_read = True
        self._able = True
        self.partial = 0

    def hold(self, partial: int) -> None:
        """A read has been dealt with: the connection's unfinished frame now takes so many bytes."""
        grown = partial - self.partial
        self.partial = partial
        self._budget.grow(grown)

    def able(self, able: bool) -> None:
        """Whether the connection would read if it may: one that is stopped for another reason cannot be
        the one that reads past the limit."""
        if able != self._able:
            self._able = able
            self._budget.settle()

    def leave(self) -> None:
        """The connection is gone, and its unfinished frame with it."""
        self._budget.part(self)

    @property
    def is_able(self) -> bool:
        """False where another reason keeps the connection from reading."""
        return self._able

    def allow(self, may_read: bool) -> None:
        """Called by the budget."""
        if may_read != self._may_read:
            self._may_read = may_read
            self._tell(may_read)


class Budget:
    """`limit` bytes for all connections together."""

    def __init__(self, limit: int) -> None:
        self.limit = limit
        self._low = limit - limit // 8
        self._partial = 0
        self._taken = 0
        self._shares: dict[Share, None] = {}
        self._favourite: Share | None = None
        self._free = False  # past the limit, and rule 4 holds
        self._watchers: list[Callable[[bool], None]] = []
        self.over = False

    @property
    def held(self) -> int:
        """Bytes held now: unfinished and unanswered frames."""
        return self._partial + self._taken

    def resize(self, limit: int) -> None:
        """Another limit, from now on."""
        self.limit = limit
        self._low = limit - limit // 8
        self.settle()

    def watch(self, tell: Callable[[bool], None]) -> None:
        """Call `tell` with True when the limit is passed, and with False when reading starts again."""
        self._watchers.append(tell)

    def unwatch(self, tell: Callable[[bool], None]) -> None:
        """Stop telling. Nothing happens where nobody was told."""
        if tell in self._watchers:
            self._watchers.remove(tell)

    def join(self, tell: Callable[[bool], None]) -> Share:
        """A new connection. `tell` is called with False when it must stop reading, at once where the
        limit is already passed, and with True when it may go on."""
        share = Share(self, tell)
        self._shares[share] = None
        if self.over:
            share.allow(False)
            self.settle()
        return share

    def part(self, share: Share) -> None:
        """Called by the share."""
        if share in self._shares:
            del self._shares[share]
            self._partial -= share.partial
            share.partial = 0  # which also takes from it the right to read past the limit
            self.settle()

    def grow(self, count: int) -> None:
        """Called by the share: unfinished frames take so many bytes more (or less)."""
        self._partial += count
        self.settle()

    def take(self, count: int) -> None:
        """A frame of so many bytes is complete and waits for its answer. The rules are applied when the
        connection next says what it holds, at the end of the read."""
        self._taken += count

    def release(self, count: int) -> None:
        """It is answered."""
        self._taken -= count
        if self.over:
            self.settle()

    def settle(self) -> None:
        """Apply the rules to what is held now."""
        held = self._partial + self._taken
        if not self.over:
            if held > self.limit:
                self.over = True
                self._tell_all()
        elif held <= self._low or (held <= self.limit and not self._taken):
            self.over = False
            self._favourite, self._free = None, False
            self._tell_all()
        if self.over:
            self._choose()

    def _tell_all(self) -> None:
        for share in list(self._shares):
            share.allow(not self.over)
        for tell in list(self._watchers):
            tell(self.over)

    def _choose(self) -> None:
        """Who reads past the limit (rules 3 and 4)."""
        chosen = self._favourite
        if self._taken:
            chosen, free = None, False
        else:
            if chosen is None or not (chosen.partial and chosen.is_able):
                able = [share for share in self._shares if share.is_able]
                chosen = max(able, key=lambda share: share.partial, default=None)
                if chosen is not None and not chosen.partial:
                    chosen = None
            free = chosen is None
        if free or free is not self._free or chosen is not self._favourite:
            self._favourite, self._free = chosen, free
            for share in list(self._shares):
                share.allow(share is chosen or (free and share.is_able))
