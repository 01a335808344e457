"""From what a channel reports, by the channel's rules, to the change of a delivery's state.

The rules themselves are pure and live in routes.flow.delivery; here they meet the journal.
"""

from __future__ import annotations

from channels.contract import Receipt
from engine.journal.records import Changed, DeliveryRow, DeliveryState
from routes.flow.delivery import Again, Delivery, Policy, Tried, next_step

__all__ = ["judge", "resting"]


def judge(row: DeliveryRow, attempts: int, receipt: Receipt, policy: Policy, now: int) -> Changed:
    """The change that a receipt makes to a claimed row. `attempts` counts the attempt just made.

    A delivery that must be tried again goes back to where it waited: `queued` where a broker's queue
    holds its ticket, else `waiting`.
    """
    in_doubt = row.in_doubt or row.state == "sending"  # claimed before, with no outcome recorded
    (action,) = next_step(
        Delivery(max(row.created, row.again), attempts, in_doubt),
        Tried(receipt.kind, receipt.code, receipt.detail),
        policy,
        now,
    )
    if isinstance(action, Again):
        return Changed(row.id, resting(row), now, attempts, action.at, action.reason, action.in_doubt)
    return Changed(row.id, action.state, now, attempts, 0, action.reason, action.in_doubt)


def resting(row: DeliveryRow) -> DeliveryState:
    """The state in which this row waits for its next attempt."""
    return "queued" if row.state == "queued" else "waiting"
