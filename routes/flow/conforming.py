"""`conforms_to` at work: asks a profile (or the standard) and notes every finding with the message.

Findings of severity error fail the check, and then its outcome is taken; warnings are only noted. Must not
know how a profile is written.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import replace

from routes.conformance.finding import MOST
from routes.conformance.finding import Finding as Found
from routes.flow.decision import Finding, Held
from routes.flow.running import Act, Otherwise, Outcome, Run, Test
from routes.language.scope import Scope

__all__ = ["Conformance", "conform"]

Conformance = Callable[[Scope], Sequence[Found]]


def conform(check: Conformance, name: str, otherwise: Otherwise, where: str, when: Test | None = None) -> Act:
    """A check by a profile. A hold says how many findings there were, and never what they were about."""

    def act(run: Run) -> Outcome | None:
        if when is not None and not when(run.scope):
            return None
        findings = check(run.scope)
        if not findings:
            return None
        run.warnings += [_noted(found, where) for found in findings]
        if all(found.severity == "warning" for found in findings):
            return None
        if isinstance(otherwise, Held):
            return run.take(replace(otherwise, reason=_reason(name, len(findings))))
        return run.take(otherwise)

    return act


def _noted(found: Found, where: str) -> Finding:
    words = f"{found} (warning)" if found.severity == "warning" else str(found)
    return Finding(words, where, "conformance")


def _reason(name: str, count: int) -> str:
    if count > MOST:
        return f"does not conform to {name}: more than {MOST} findings"
    return f"does not conform to {name}: {count} {'finding' if count == 1 else 'findings'}"
