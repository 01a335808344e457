"""How a message's way through one route ended: the one record that is both written and shown as it is."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

__all__ = ["RoutePart"]


@dataclass(frozen=True, slots=True)
class RoutePart:
    """How one entry into a route ended, for conservation: a message enters each route of its feed once, and
    others as often as it, or a piece of it, is passed to them."""

    route: str
    outcome: Literal["sent", "held", "rejected", "not_wanted", "passed", "nothing_more", "discarded"]
    detail: str = ""
