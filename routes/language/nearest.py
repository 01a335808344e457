"""Which of the known words somebody probably meant. Pure text; knows nothing of files or keys."""

from __future__ import annotations

from collections.abc import Iterable
from difflib import SequenceMatcher, get_close_matches

__all__ = ["did_you_mean", "nearest", "resembles"]

MAX_SHOWN = 12
ALIKE = 0.75
"""How much of two words must agree before one may be put in the place of the other unasked."""


def resembles(word: str, other: str) -> bool:
    """Whether `word` is so surely a slip for `other` that an editor may offer to replace it."""
    one, two = (text.casefold().replace("-", "_").replace(" ", "_") for text in (word, other))
    return bool(one) and SequenceMatcher(None, one, two).ratio() >= ALIKE


def nearest(word: str, allowed: Iterable[str]) -> str:
    """The known word that is most like `word`, or "" where none is near."""
    known = list(allowed)
    folded = {k.casefold().replace("-", "_").replace(" ", "_"): k for k in known}
    plain = word.casefold().replace("-", "_").replace(" ", "_")
    if plain in folded:
        return folded[plain]
    found = get_close_matches(plain, list(folded), n=1, cutoff=0.6)
    return folded[found[0]] if found else ""


def did_you_mean(word: str, allowed: Iterable[str], *, allowed_words: str = "allowed") -> str:
    """The end of a problem's message: `; did you mean "check"?`, or the list of what is allowed."""
    known = list(allowed)
    near = nearest(word, known)
    if near:
        return f'; did you mean "{near}"?'
    if not known:
        return "; none is defined."
    shown = ", ".join(sorted(known)[:MAX_SHOWN])
    more = ", …" if len(known) > MAX_SHOWN else ""
    return f"; {allowed_words}: {shown}{more}."
