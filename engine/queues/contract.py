"""What a queue must do: carry tickets for deliveries from the outbox to the delivery workers, in order.

The journal is authoritative; a ticket only says "this delivery is due". One contract, two kinds:
`embedded` (the journal's outbox rows are the queue) and `rabbitmq`. A lane is one (channel, address).
Within a lane tickets come in the order of delivery ids, and the next ones come only as the earlier are
`finish`ed; lanes never wait for one another.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Collection, Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Protocol

from engine.journal.records import DeliveryRow

if TYPE_CHECKING:
    from engine.site.model import ChannelSettings

__all__ = ["Queue", "Tickets", "Work"]


@dataclass(frozen=True, slots=True)
class Tickets:
    """Consecutive due deliveries of one lane, oldest first, rows loaded with bodies."""

    channel: str
    address: str
    rows: tuple[DeliveryRow, ...]


Work = Callable[[Tickets], Awaitable[int]]
"""Carries a lane's tickets out, outcomes committed before it returns. Returns 0 when all of them have ended
(or were found ended), so that the lane may go on at once, or the time (µs since 1970) before which the
lane's head must not be tried again."""


class Queue(Protocol):
    """The way from the outbox to the workers."""

    async def start(self, work: Work) -> None:
        """Begin handing out tickets, starting with what the journal holds open from before."""

    def offer(self, rows: Sequence[DeliveryRow]) -> None:
        """Just committed outbox rows. Never blocks; memory stays bounded: what does not fit is read
        from the journal later."""

    def renew(
        self, channels: Mapping[str, ChannelSettings], changed: Collection[str]
    ) -> Sequence[tuple[str, str]]:
        """These are the channels from now on; `changed` names those that are new, other than before, or gone.
        Ends the rests of their lanes, and gives these lanes: what they waited for may be mended."""

    async def stop(self) -> None:
        """Stop handing out, wait for work in progress, release what is held."""
