"""From a channel's settings to the pure rules of its deliveries.

Delivery follows these rules and the tests of routes try them, so this must not know how anything is
delivered.
"""

from __future__ import annotations

from engine.site.model import ChannelSettings
from routes.flow.delivery import Policy

__all__ = ["policy_of"]


def policy_of(settings: ChannelSettings) -> Policy:
    """The rules of one channel. Seconds become microseconds."""
    retry = settings.retry
    return Policy(
        first=round(retry.first * 1e6),
        factor=retry.factor,
        longest=round(retry.longest * 1e6),
        give_up=round(retry.give_up * 1e6),
        replies=settings.replies,
    )
