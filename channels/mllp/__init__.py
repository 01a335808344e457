"""MLLP, the way most HL7 v2 travels: framing, a listener and a sender."""

from channels.mllp.budget import Budget
from channels.mllp.client import exchange
from channels.mllp.framer import Discarded, Event, Frame, Framer, TooLong, Truncated, Unframeable, frame
from channels.mllp.intake import Counters, Intake, Note, NoteKind, Slot
from channels.mllp.listener import CannotListen, Listener
from channels.mllp.sender import MllpSender
from channels.mllp.tls import client_context, server_context

__all__ = [
    "Budget",
    "CannotListen",
    "Counters",
    "Discarded",
    "Event",
    "Frame",
    "Framer",
    "Intake",
    "Listener",
    "MllpSender",
    "Note",
    "NoteKind",
    "Slot",
    "TooLong",
    "Truncated",
    "Unframeable",
    "client_context",
    "exchange",
    "frame",
    "server_context",
]
