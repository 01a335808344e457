"""The contract between the engine's delivery workers and a kind of outbound channel.

A channel moves one parcel at a time to one address and says truthfully what happened. It knows nothing
of retries, parking or the journal: the engine's policy decides what an outcome means.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Literal, Protocol

__all__ = ["Parcel", "Receipt", "ReceiptKind", "Sender"]

ReceiptKind = Literal[
    "reply",  # the peer answered: `code` holds its acknowledgement code, AA, AE, AR, CA, CE or CR
    "none",  # sent, and no answer in time, or the connection closed before one: delivery is in doubt
    "garbled",  # sent, and the answer could not be read or answers another message: delivery is in doubt
    "unreachable",  # nothing was sent
    "unsendable",  # these bytes can never be sent by this channel (a VT or FS CR inside, too large)
    "done",  # kinds without a reply: the bytes are durably where they should be (file renamed, confirmed)
    "failed",  # kinds without a reply: they are not (disk full, queue refused); may be tried again
]


@dataclass(frozen=True, slots=True)
class Parcel:
    """One delivery as a channel sees it: where to, the bytes, and what a header or file name may hold."""

    delivery: int
    message: int
    channel: str
    address: str
    body: bytes
    control_id: bytes  # MSH-10 of `body`, byte for byte: what MSA-2 of the reply must equal
    feed: str = ""
    type: str = ""  # MSH-9 as `ORU^R01`
    config: str = ""  # hash of the configuration that decided it
    attempt: int = 1


@dataclass(frozen=True, slots=True)
class Receipt:
    """What became of one parcel. `detail` is for operators and holds no message content. `answer`: the peer's
    acknowledgement as it came, where it says more than a code: its words may be content."""

    kind: ReceiptKind
    code: str = ""
    detail: str = ""
    answer: bytes = field(default=b"", compare=False)


class Sender(Protocol):
    """One lane of an outbound channel: everything for one (channel, address), in order.

    `send` takes parcels in order and yields receipts for a prefix of them, in the same order: it may
    stop early after a receipt other than `done` or a reply of AA or CA, and the rest was then not sent.
    Kinds with a reply keep one parcel in flight. It never raises for trouble with the peer.
    """

    async def send(self, parcels: Sequence[Parcel]) -> Sequence[Receipt]: ...

    async def close(self) -> None: ...
