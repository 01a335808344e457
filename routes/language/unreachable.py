"""Entries of a route that no message can come to: an `accept` that shuts out everything, a choice behind one
that takes all of its messages.

Sees the obvious only, like `constants`: what it does not see is left alone. Looks at files that have no
problem of their own.
"""

from __future__ import annotations

from routes.language.constants import can_all_hold
from routes.language.parser import parse_expression
from routes.language.problems import Problems
from routes.language.source import Scalar
from routes.language.steps import FirstOf, RouteFile
from routes.language.syntax import Expression, ExpressionError

__all__ = ["find_unreachable"]


def find_unreachable(route: RouteFile, problems: Problems) -> None:
    """Report them."""
    _look_at_accept(route, problems)
    for said in route.sends:
        if isinstance(said, FirstOf):
            _look_at_choices(said, problems)


def _look_at_accept(route: RouteFile, problems: Problems) -> None:
    wanted: list[Expression] = []
    denied: list[Expression] = []
    for entry in route.accept:
        text = entry.that or entry.unless
        expression = None if text is None else _parsed(text)
        if text is None or expression is None:
            continue
        (wanted if entry.that is not None else denied).append(expression)
        if not can_all_hold(wanted, denied):
            problems.add(
                text.spot,
                "This route accepts nothing: every entry must be true, and this one cannot be together with "
                "those above it. Several values stand in one entry, such as MSH-9.1 in ['ORU', 'ADT'].",
                "accepts-nothing",
            )
            return


def _look_at_choices(said: FirstOf, problems: Problems) -> None:
    above: list[Expression] = []
    for entry in said.entries:
        expression = None if entry.when is None else _parsed(entry.when)
        if entry.when is None or expression is None:
            continue
        if above and not can_all_hold([expression], above):
            problems.add(
                entry.when.spot,
                "This entry is never reached: wherever it is true, an entry above it is true as well and is "
                "taken.",
                "never-reached",
            )
            return
        above.append(expression)


def _parsed(text: Scalar) -> Expression | None:
    try:
        return parse_expression(text.value)
    except ExpressionError:
        return None  # the compiler has reported it
