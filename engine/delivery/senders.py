"""Makes the sender of a lane from its channel's settings.

What stands in the way of a sender (no endpoint for an address, an unreadable certificate) is reported as
`unreachable` for each parcel, so that it is retried, seen, and mended by a correction of the site.
"""

from __future__ import annotations

import contextlib
import ssl
from collections.abc import Callable, Hashable, Mapping, Sequence
from typing import TYPE_CHECKING

from channels.catalogue import KINDS
from channels.contract import Parcel, Receipt, Sender
from channels.folder import FolderSender
from channels.mllp.sender import MllpSender
from channels.mllp.tls import client_context

if TYPE_CHECKING:
    from engine.site.model import Address, ChannelSettings, Tls

__all__ = ["LateAnswer", "NoWay", "Senders"]

LateAnswer = Callable[[bytes, str, bytes], None]
"""Told the control id and code of an application acknowledgement that follows a commit one; its bytes."""


class NoWay:
    """Stands in for a sender that cannot be made: every parcel is `unreachable`, with the reason."""

    def __init__(self, why: str) -> None:
        self._receipt = Receipt("unreachable", detail=why)

    async def send(self, parcels: Sequence[Parcel]) -> Sequence[Receipt]:
        """Nothing is sent."""
        return [self._receipt for _ in parcels[:1]]

    async def close(self) -> None:
        """Nothing is held."""


class Senders:
    """Makes senders; keeps one TLS context for each set of TLS files.

    contexts: TLS contexts that are there already; reading authorities takes its time.
    """

    def __init__(
        self, channels: Mapping[str, ChannelSettings], contexts: Mapping[Tls, ssl.SSLContext] = {}
    ) -> None:
        self._channels = channels
        needed = {settings.tls for settings in channels.values()}
        self.contexts = {tls: context for tls, context in contexts.items() if tls in needed}

    def way(self, channel: str, address: str) -> Hashable:
        """What a lane's sender was made of: where this is the same in another site, the sender is too."""
        settings = self._channels.get(channel)
        if settings is None:
            return None
        endpoint = _endpoint(settings, address)
        return (
            settings.kind, settings.path, endpoint, settings.connect_timeout, settings.reply_timeout,
            settings.tls,
        )  # fmt: skip

    def prepare(self) -> None:
        """Read the TLS files that are not read yet. Takes its time; what cannot be read is told when it is
        used."""
        for settings in self._channels.values():
            with contextlib.suppress(OSError, ssl.SSLError):
                self._context(settings.tls)

    def replies(self, channel: str) -> bool:
        """Whether the channel's peers answer each parcel, so that one is in flight at a time."""
        settings = self._channels.get(channel)
        kind = KINDS.get(settings.kind) if settings else None
        return kind is None or kind.replies

    def open(self, channel: str, address: str, on_late_answer: LateAnswer) -> Sender:
        """A sender for one lane. Connects to nothing yet."""
        settings = self._channels.get(channel)
        if settings is None:
            return NoWay("this channel is not in the site; put it back, or discard what waits for it")
        if settings.kind == "folder":
            return self._folder(settings, address)
        if settings.kind == "mllp":
            return self._mllp(settings, address, on_late_answer)
        return NoWay("a mailbox needs a broker: give the site one (broker: amqp://...)")

    def _folder(self, settings: ChannelSettings, address: str) -> Sender:
        if settings.path is None:
            return NoWay("the channel has no path")
        return FolderSender(settings.path, address)

    def _mllp(self, settings: ChannelSettings, address: str, on_late_answer: LateAnswer) -> Sender:
        endpoint = _endpoint(settings, address)
        if endpoint is None:
            return NoWay(f"no endpoint for address {address!r} in the directory {settings.directory}")
        try:
            context = self._context(settings.tls)
        except (OSError, ssl.SSLError) as error:
            return NoWay(f"the channel's TLS files cannot be used ({type(error).__name__})")
        return MllpSender(
            *endpoint,
            connect_timeout=settings.connect_timeout,
            reply_timeout=settings.reply_timeout,
            tls=context,
            server_name=settings.tls.server_name if settings.tls else "",
            on_late_answer=on_late_answer,
        )

    def _context(self, tls: Tls | None) -> ssl.SSLContext | None:
        if tls is None:
            return None
        if tls not in self.contexts:
            self.contexts[tls] = client_context(tls.ca, tls.certificate, tls.key)
        return self.contexts[tls]


def _endpoint(settings: ChannelSettings, address: str) -> Address | None:
    """Where an address is reached: at the one endpoint of the channel, such as a hub that passes each message
    on by what stands in it, or at its own."""
    return settings.send_to if settings.send_to is not None else settings.endpoints.get(address)
