"""The words of the way back: what the codes of an acknowledgement mean, and why something comes back.

HL7 tables 0008 and 0357, and the codes of ITK3. Plain values, so that whoever only shows them needs no more.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Literal, get_args

__all__ = ["DEFAULT_REJECTIONS", "MEANING", "REASON_WORDS", "RETURN_REASONS", "Meaning", "ReturnReason"]

ReturnReason = Literal["unknown_patient", "left", "deceased", "misdirected", "rejected"]
RETURN_REASONS: tuple[ReturnReason, ...] = get_args(ReturnReason)
REASON_WORDS: Mapping[str, str] = {
    "unknown_patient": "the recipient does not know this patient",
    "left": "the patient has left the recipient",
    "deceased": "the patient has died",
    "misdirected": "it was meant for somebody else",
    "rejected": "the recipient's application rejected it",
}

DEFAULT_REJECTIONS: Mapping[str, ReturnReason] = {
    "204": "unknown_patient",  # table 0357: unknown key identifier
    "30002": "unknown_patient",  # ITK3: not known here
    "30003": "left",
    "30004": "deceased",
    "MISDIRECTED": "misdirected",
}
"""What the codes of a rejection mean, unless the feed says otherwise; any other is `rejected`."""

Meaning = Literal["has_it", "committed", "returned"]
MEANING: Mapping[str, Meaning] = {
    "AA": "has_it", "CA": "committed",
    "AE": "returned", "AR": "returned", "CE": "returned", "CR": "returned",
}  # fmt: skip
"""What each code of table 0008 says of a copy: the application has it; it is stored there, which is no
proof of more; or it comes back."""
