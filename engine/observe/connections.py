"""Turns a listener's notes into log events: one line for each, with counts and never content."""

from __future__ import annotations

from channels.mllp import Note
from engine.observe.log import get_log

__all__ = ["log_note"]

log = get_log()


def log_note(note: Note) -> None:
    """Write the line that belongs to this note."""
    feed, peer = note.feed, note.peer
    match note.kind:
        case "opened":
            log.info("feed.connected", feed=feed, peer=peer)
        case "closed":
            # Load balancers look in every few seconds without sending anything: not worth a line each.
            level = log.info if note.count else log.debug
            level("feed.disconnected", feed=feed, peer=peer, why=note.detail, frames=note.count)
        case "refused":
            log.warning("feed.connection_refused", feed=feed, peer=peer, why=note.detail)
        case "discarded":
            log.warning("feed.bytes_discarded", feed=feed, peer=peer, bytes=note.count)
        case "truncated":
            log.warning("feed.frame_truncated", feed=feed, peer=peer, bytes=note.count)
        case "too_long":
            log.warning("feed.frame_too_long", feed=feed, peer=peer, limit=note.count)
        case "over_budget":
            log.warning("feed.paused", feed=feed, why="intake memory is full", bytes=note.count)
        case "within_budget":
            log.warning("feed.resumed", feed=feed, why="intake memory has room")
        case "failed" | "unanswerable" | "not_accepting" | "accepting":
            log.error("feed.trouble", feed=feed, peer=peer, what=note.kind, why=note.detail)
