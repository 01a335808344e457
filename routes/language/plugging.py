"""`step: package.name@1.2`: how it is bound to a plugin that the site allows. No plugin is run here."""

from __future__ import annotations

from collections.abc import Mapping

from routes.flow.changing import Step
from routes.flow.plugging import plug_in
from routes.language.facts import PluginFacts
from routes.language.nearest import nearest
from routes.language.problems import Problems
from routes.language.steps import Plugin

__all__ = ["bind_plugin"]


def bind_plugin(step: Plugin, allowed: Mapping[str, PluginFacts], problems: Problems) -> Step | None:
    """The step's closure; None after a problem."""
    names = [segment.value for segment in step.writes]
    for segment in step.writes:
        if not (len(segment.value) == 3 and segment.value.isalnum() and segment.value.isupper()):
            problems.add(segment.spot, "This must be the name of a segment, such as PID.", "needs-segment")
            return None
    facts = allowed.get(step.name.value)
    if facts is not None:
        return plug_in(facts.run, dict(step.settings), frozenset(names))
    package = step.name.value.split("@", 1)[0]
    others = [name for name in allowed if name.split("@", 1)[0] == package]
    near = others[0] if others else nearest(step.name.value, allowed)
    hint = (
        f'; did you mean "{near}"?'
        if near
        else f". Whoever answers for the site can allow it: plugins: [{step.name.value}]"
    )
    problems.add(
        step.name.spot,
        f'gatepost.yaml does not allow the plugin step "{step.name.value}"{hint}',
        "plugin-not-allowed",
        fix=near,
    )
    return None
