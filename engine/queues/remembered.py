"""Which queues Gatepost has made on the broker: a list in the data folder, one name a line.

At the start the broker is asked about these and no others: to ask for a queue that is not there costs a
channel and a line in the broker's log, and a site may have thousands of addresses that never got a message.
The list decides nothing else. A name that was lost with a crash is found again when its queue is next used.
"""

from __future__ import annotations

from collections.abc import Collection, Iterator
from pathlib import Path

from engine.observe.log import get_log

__all__ = ["FILE", "Remembered"]

FILE = "broker-queues"

log = get_log()


class Remembered:
    """The names. file: where they are kept; None: nowhere, for as long as this object lives."""

    def __init__(self, file: Path | None = None) -> None:
        self._file = file
        self._names: dict[str, None] = {}
        if file is not None and file.exists():
            text = file.read_text(encoding="utf-8", errors="replace")
            # The end of the last line may have been lost with a crash; half a name would name another queue.
            *whole, half = text.split("\n")
            self._names = dict.fromkeys(whole)
            if half:
                self._rewrite()

    def __contains__(self, queue: str) -> bool:
        return queue in self._names

    def __iter__(self) -> Iterator[str]:
        return iter(tuple(self._names))

    def __len__(self) -> int:
        return len(self._names)

    def add(self, queue: str) -> None:
        """The queue stands on the broker."""
        if queue in self._names:
            return
        self._names[queue] = None
        self._write(f"{queue}\n", "a")

    def forget(self, queues: Collection[str]) -> None:
        """These are not on the broker."""
        gone = [queue for queue in queues if self._names.pop(queue, queue) is None]
        if gone:
            self._rewrite()

    def _rewrite(self) -> None:
        self._write("".join(f"{queue}\n" for queue in self._names), "w")

    def _write(self, text: str, mode: str) -> None:
        if self._file is None:
            return
        target = self._file if mode == "a" else self._file.with_suffix(".new")
        try:
            with target.open(mode, encoding="utf-8") as file:
                file.write(text)
            if target != self._file:
                target.replace(self._file)
        except OSError as why:
            log.warning("broker.trouble", why=f"the list of our queues cannot be written ({why.strerror})")
