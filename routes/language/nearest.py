"""Which of the known words somebody probably meant. Pure text; knows nothing of files or keys."""

from __future__ import annotations

from collections.abc import Iterable
from difflib import get_close_matches

__all__ = ["did_you_mean", "nearest"]

MAX_SHOWN = 12


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
