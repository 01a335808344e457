"""Tells how a test of a route ended, in lines for a person who may see the message.

Shared by `gatepost test` and by pytest. Must not know terminals or colours.
"""

from __future__ import annotations

from collections.abc import Iterator

from routes.review.happening import Happened
from routes.review.playing import Made
from routes.review.running import Result

__all__ = ["HINT", "tell_all", "tell_differences"]

HINT = (
    "Left of the arrow stands what the test expects, right of it what happened. Correct the route; or the "
    "test, if this is what you want now."
)


def tell_differences(result: Result) -> Iterator[str]:
    """One line for each difference, and what may explain them."""
    yield from (str(difference) for difference in result.differences)
    if result.note:
        yield f"({result.note})"


def tell_all(happened: Happened) -> Iterator[str]:
    """All that happened, one line each, in the words of an expectation."""
    yield f"ack: {', '.join(happened.acks) or 'none'}"
    for made in happened.sent:
        yield f"sent: {made.where}{_ending(made)}"
    for held in happened.held:
        yield f"held: {held.tray} ({held.reason}{', ' + held.where if held.where else ''})"
    for words in happened.rejected:
        yield f"rejected: {words}"
    for rule in happened.not_wanted:
        yield f"not_wanted: {rule}"
    for finding in (*happened.warned, *happened.side):
        yield f"warned: {finding.words}{' (' + finding.where + ')' if finding.where else ''}"


def _ending(made: Made) -> str:
    words = [made.ending.replace("_", " ")]
    if made.copy.piece:
        words.append(f"piece {made.copy.piece}")
    if made.instead_of:
        words.append(f"in place of {made.instead_of}")
    if made.reason:
        words.append(made.reason)
    return f" ({'; '.join(words)})"
