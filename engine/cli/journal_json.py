"""What commands write of messages, copies and the audit for scripts. Never what they say.

Knows nothing of searches, and loads nothing: several commands that must be quick share it.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from engine.cli.journal_view import iso_time

if TYPE_CHECKING:
    from engine.journal.answers import DeliveryShown, MessageShown
    from engine.journal.stuck import AuditShown

__all__ = ["audit_as_json", "copy_as_json", "message_as_json"]


def message_as_json(message: MessageShown) -> dict[str, object]:
    """What a script may know of a message: no content."""
    return {
        "id": message.id,
        "feed": message.feed,
        "received": iso_time(message.received),
        "type": message.type,
        "version": message.version,
        "control_id": message.control_id,
        "peer": message.peer,
        "bytes": message.size,
        "kind": message.kind,
        "state": message.state,
        "original": message.original or None,
        "refused": message.refused,
        "verdict": message.verdict,
        "rejected": message.rejected,
        "config": message.config,
        "decided": iso_time(message.decided),
        "copies": [copy_as_json(copy) for copy in message.copies],
    }


def copy_as_json(copy: DeliveryShown) -> dict[str, object]:
    """What a script may know of one copy."""
    return {
        "id": copy.id,
        "route": copy.route,
        "channel": copy.channel,
        "address": copy.address,
        "state": copy.state,
        "attempts": copy.attempts,
        "created": iso_time(copy.created),
        "closed": iso_time(copy.closed),
        "next_try": iso_time(copy.next_try),
        "in_doubt": copy.in_doubt,
        "merged": copy.merged,
        "reason": copy.reason,
        "piece": copy.piece,
        "kind": copy.kind,
        "parent": copy.parent or None,
        "bytes": copy.size,
    }


def audit_as_json(line: AuditShown) -> dict[str, object]:
    """One line, for scripts."""
    return {
        "id": line.id, "at": iso_time(line.at), "who": line.who, "what": line.what, "why": line.why,
        "message": line.message, "held": line.held or None, "copy": line.delivery or None,
        "config": line.config, "detail": line.detail,
    }  # fmt: skip
