"""How many tickets a lane gets at once: so many that they take about half a second.

A quick lane gets many, so that commits are shared; a slow one gets few, so that it holds little memory,
stops soon when asked to, and gives its place to others. Only lanes that are at work are remembered.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Hashable
from typing import Generic, TypeVar

__all__ = ["Pace"]

_TURN = 0.5  # seconds that one lane's tickets should take

Key = TypeVar("Key", bound=Hashable)


class Pace(Generic[Key]):
    """Sizes for each key's next turn, between 1 and `most`; a key not known begins with `first`."""

    def __init__(self, first: int, most: int, monotonic: Callable[[], float] = time.monotonic) -> None:
        self._first = first
        self._most = most
        self._monotonic = monotonic
        self._sizes: dict[Key, int] = {}
        self._begun: dict[Key, float] = {}

    def size(self, key: Key) -> int:
        """How many tickets this key's next turn should have, at most."""
        return self._sizes.get(key, self._first)

    def begin(self, key: Key) -> None:
        """A turn begins."""
        self._begun[key] = self._monotonic()

    def end(self, key: Key, count: int) -> None:
        """A turn of so many tickets ended well."""
        each = (self._monotonic() - self._begun.pop(key)) / max(1, count)
        fits = int(_TURN / each) if each > 0 else self._most
        size = self.size(key)
        self._sizes[key] = max(1, min(fits, max(size, count) * 2, self._most))

    def stumble(self, key: Key) -> None:
        """A turn ended in trouble: the next one tries a single ticket."""
        self._begun.pop(key, None)
        self._sizes[key] = 1

    def forget(self, key: Key) -> None:
        """The key has nothing more to do."""
        self._sizes.pop(key, None)
        self._begun.pop(key, None)
