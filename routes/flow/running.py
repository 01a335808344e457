"""One route (or dialect, or guard) at work on one message: its state, and what an act of it may say.

A route is a row of acts, closures made once when the site is loaded. An act does its work on the `Run` and
gives None to go on, or the outcome that ends it. State belongs to one message and one route; nothing here
is shared between two.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass

from routes.flow.decision import Finding, Held, Rejected
from routes.hl7.message import Message
from routes.language.scope import Scope

__all__ = ["Act", "Failed", "Otherwise", "Outcome", "Run", "Test", "Undone", "ask", "run_all"]

Outcome = Held | Rejected
Otherwise = Held | Rejected | Finding
Test = Callable[[Scope], bool]


@dataclass(slots=True)
class Run:
    """The message as this route sees it, the scope its expressions read in, and warnings so far.

    answered: places whose hold a person has let go of: what stands there holds no more. unchanged: so too
    where a change of the message cannot be made, which then stays as it is.
    """

    message: Message
    scope: Scope
    warnings: list[Finding]
    answered: frozenset[str] = frozenset()
    unchanged: bool = False

    def put(self, message: Message) -> None:
        """Go on with another state of the message."""
        self.message = message
        self.scope.message = message
        self.scope.forget()

    def take(self, otherwise: Otherwise, *, change: bool = False) -> Outcome | None:
        """An `else`: a warning is noted and the route goes on, anything else ends it, unless a person has
        answered it. change: it is that of a change, which could not be made."""
        if isinstance(otherwise, Finding):
            self.warnings.append(otherwise)
            return None
        answered = otherwise.where in self.answered and isinstance(otherwise, Held)
        return None if answered and (self.unchanged or not change) else otherwise


Act = Callable[[Run], Outcome | None]


class Undone(Held):
    """What a step within a `for_each` says that has an `else`: that one is to take it, with this reason."""

    __slots__ = ()


class Failed(Exception):
    """An act failed unexpectedly: `act` is the closure, `kind` the failure's class. No message content."""

    def __init__(self, act: object, kind: str) -> None:
        super().__init__(kind)
        self.act = act
        self.kind = kind


def run_all(acts: Sequence[Act], run: Run) -> Outcome | None:
    """Carry out acts in order until one ends the route. Failed where one fails unexpectedly."""
    act: Act | None = None
    try:
        for act in acts:
            outcome = act(run)
            if outcome is not None:
                return outcome
    except Failed:
        raise  # by an act within this one, which is the better place
    except Exception as failure:
        raise Failed(act, type(failure).__name__) from failure
    return None


def ask(passes: Test, otherwise: Otherwise, when: Test | None = None) -> Act:
    """A check: goes on where `passes` is true (or `when` is not), and takes `otherwise` where it is not."""
    if when is None:

        def check(run: Run) -> Outcome | None:
            return None if passes(run.scope) else run.take(otherwise)

        return check

    def check_when(run: Run) -> Outcome | None:
        scope = run.scope
        return None if not when(scope) or passes(scope) else run.take(otherwise)

    return check_when
