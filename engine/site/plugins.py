"""The plugin steps that gatepost.yaml allows: found, pinned to their version, and made ready to run.

Must not know which routes use them.
"""

from __future__ import annotations

import re
from collections.abc import Mapping

from engine.plugins.discovery import Installed, fits_version, installed_steps
from engine.plugins.host import PluginHost
from routes.language.facts import PluginFacts
from routes.language.nearest import did_you_mean
from routes.language.problems import Problems
from routes.language.source import Scalar

__all__ = ["find_plugins"]

_WRITTEN = re.compile(r"([A-Za-z_][\w.]*)@(\d[\w.]*)")


def find_plugins(
    allowed: tuple[Scalar, ...], time_limit: float, memory: int, problems: Problems
) -> Mapping[str, PluginFacts]:
    """What each entry of `plugins` stands for; a problem for each that cannot be had.

    time_limit: seconds for one message; memory: bytes, of each plugin's process.
    """
    found: dict[str, PluginFacts] = {}
    installed: Mapping[str, Installed] | None = None
    for entry in allowed:
        if installed is None:
            installed = installed_steps()
        facts = _find(entry, installed, time_limit, memory, problems)
        if facts is not None:
            found[entry.value] = facts
    return found


def _find(
    entry: Scalar, installed: Mapping[str, Installed], time_limit: float, memory: int, problems: Problems
) -> PluginFacts | None:
    written = _WRITTEN.fullmatch(entry.value)
    if written is None:
        problems.add(
            entry.spot,
            "A plugin step is written with the version that was tested: package.name@1.2.",
            "bad-plugin",
        )
        return None
    name, version = written.groups()
    step = installed.get(name)
    if step is None:
        problems.add(
            entry.spot,
            f'No plugin step "{name}" is installed here{did_you_mean(name, installed)} Install its package '
            "into the environment that Gatepost runs in.",
            "unknown-plugin",
        )
        return None
    if not fits_version(step.version, version):
        problems.add(
            entry.spot,
            f'Of "{name}" version {step.version} is installed, and the site was tested with {version}. '
            "Install that one, or test with this one and write its version here.",
            "plugin-version",
        )
        return None
    host = PluginHost(step, time_limit=time_limit, memory=memory)
    sentence = host.describe()
    if sentence is None:
        problems.add(
            entry.spot,
            f'The plugin step "{name}" cannot be loaded. Its package may be broken, or limits.plugin_memory '
            "too small for it.",
            "broken-plugin",
        )
        return None
    return PluginFacts(entry.value, step.version, step.hash, sentence, host.run)
