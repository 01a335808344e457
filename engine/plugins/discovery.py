"""Finds the plugin steps that a site allows among the installed packages.

A package registers a step under the entry point group `gatepost.steps`. Nothing of it is imported here: the
engine's own process knows a plugin by its name, its version and the hash of its files.
"""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from dataclasses import dataclass
from importlib.metadata import Distribution, EntryPoint, entry_points

__all__ = ["GROUP", "Installed", "fits_version", "installed_steps"]

GROUP = "gatepost.steps"


@dataclass(frozen=True, slots=True)
class Installed:
    """One registered step: `target` is what the entry point names, as `package.module:function`.

    hash: SHA-256 over the files of its distribution, so that a changed plugin is another configuration.
    """

    name: str
    version: str
    target: str
    hash: str


def installed_steps() -> Mapping[str, Installed]:
    """Every step that an installed package registers, by its name."""
    found: dict[str, Installed] = {}
    for entry in entry_points(group=GROUP):
        distribution = entry.dist
        if distribution is not None:
            found[entry.name] = _installed(entry, distribution)
    return found


def fits_version(installed: str, wanted: str) -> bool:
    """Whether a version is the one that was asked for: `1.2` means 1.2 and every 1.2.x, nothing later."""
    return installed == wanted or installed.startswith(f"{wanted}.")


def _installed(entry: EntryPoint, distribution: Distribution) -> Installed:
    digest = hashlib.sha256()
    for file in sorted(distribution.files or (), key=str):
        if file.suffix == ".pyc" or file.name == "RECORD":
            continue  # made while installing, and different on each machine
        path = distribution.locate_file(file)
        try:
            data = open(str(path), "rb").read()  # noqa: PTH123, SIM115 - `path` is a SimplePath
        except OSError:
            data = b""
        digest.update(f"{file}\0{len(data)}\0".encode() + data)
    return Installed(entry.name, distribution.version, entry.value, digest.hexdigest())
