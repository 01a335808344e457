"""Where a site's journal lies, its name, its time zone and its trays, found without loading the site.

Commands that ask a running engine, or read its journal, must work while the site's files are being changed
and are wrong; and they must start quickly, so nothing is imported here that loads a site. Must not know
what else stands in its files.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, NamedTuple

from engine.site.basics import DATA, NAME, OPEN_TO, OWNER, TIMEZONE, TRAYS, UNLESS

if TYPE_CHECKING:
    from routes.language.source import Node

__all__ = ["TrayKeeper", "find_data_folder", "find_site_name", "find_timezone", "find_trays"]

_GLANCE = 65_536  # bytes
_KEY = re.compile(rb"[a-z_]+:(?: |$)")
_PLAIN = re.compile(rb"data: +([A-Za-z0-9_./][A-Za-z0-9_./-]*) *(?: #.*)?")


class TrayKeeper(NamedTuple):
    """Whose a tray is, and to which roles it is open; () is all of them."""

    owner: str
    open_to: tuple[str, ...]


def find_data_folder(folder: Path, environment: str = "") -> Path | None:
    """The data folder that gatepost.yaml and the environment's file name; None where they cannot be read."""
    glanced = _glance(folder, environment)
    if glanced:
        return (folder / glanced).resolve()
    from routes.language.source import Block, Scalar

    settings = _settings(folder, environment)
    if not isinstance(settings, Block):
        return None
    said = settings.get(DATA)
    if said is None:
        return (folder / UNLESS[DATA]).resolve()
    return (folder / said.value).resolve() if isinstance(said, Scalar) and said.value else None


def find_site_name(folder: Path, environment: str = "") -> str:
    """The site's name; where it cannot be read, that of its folder."""
    said = _said(folder, environment, NAME)
    return said or folder.resolve().name


def find_timezone(folder: Path, environment: str = "") -> str:
    """The site's time zone; where none can be read, the one that holds unless another is set."""
    from zoneinfo import ZoneInfo  # for reports alone

    said = _said(folder, environment, TIMEZONE)
    try:
        ZoneInfo(said)
    except (KeyError, ValueError, OSError):  # ZoneInfoNotFoundError is a KeyError
        return UNLESS[TIMEZONE]
    return said


def find_trays(folder: Path, environment: str = "") -> Mapping[str, TrayKeeper]:
    """The trays that gatepost.yaml and the environment's file list, by name; none where they cannot be
    read. A tray that is not listed is open to all."""
    from routes.language.source import Block

    settings = _settings(folder, environment)
    trays = settings.get(TRAYS) if isinstance(settings, Block) else None
    if not isinstance(trays, Block):
        return {}
    found = {}
    for name, tray in trays.entries:
        said = {key.value: value for key, value in tray.entries} if isinstance(tray, Block) else {}
        found[name.value] = TrayKeeper(" ".join(_texts(said.get(OWNER))), _texts(said.get(OPEN_TO)))
    return found


def _texts(node: Node | None) -> tuple[str, ...]:
    """A list of texts, or one by itself, which counts as a list of one."""
    from routes.language.source import Items, Scalar

    nodes = node.items if isinstance(node, Items) else (node,)
    return tuple(one.value for one in nodes if isinstance(one, Scalar))


def _said(folder: Path, environment: str, key: str) -> str:
    from routes.language.source import Block, Scalar

    settings = _settings(folder, environment)
    said = settings.get(key) if isinstance(settings, Block) else None
    return said.value if isinstance(said, Scalar) else ""


def _glance(folder: Path, environment: str) -> str:
    """What `data` says where it stands as it nearly always does, on a line of its own in plain letters.

    "" for all else, which is read as YAML: that costs more than the rest of what an engine is asked with.
    """
    said = ""
    for name in ("gatepost.yaml", f"environments/{environment}.yaml" if environment else ""):
        if not name:
            continue
        try:
            with (folder / name).open("rb") as file:
                text = file.read(_GLANCE + 1)
        except OSError:
            return ""
        lines = [line for line in text.splitlines() if line.strip() and not line.lstrip().startswith(b"#")]
        found = [line for line in lines if b"data" in line.partition(b":")[0]]
        if len(text) > _GLANCE or not lines or not _KEY.match(lines[0]) or len(found) > 1:
            return ""
        if found:
            match = _PLAIN.fullmatch(found[0])
            if match is None:
                return ""
            said = match[1].decode("ascii")
    return said


def _settings(folder: Path, environment: str) -> Node | None:
    from engine.site.overlay import lay_over

    settings = _node(folder, "gatepost.yaml")
    if environment and settings is not None:
        layer = _node(folder, f"environments/{environment}.yaml")
        return None if layer is None else lay_over(settings, layer)
    return settings


def _node(folder: Path, name: str) -> Node | None:
    from engine.site.files import read_file
    from routes.language.problems import Problems
    from routes.language.source import read_yaml

    problems = Problems()  # whoever needs the site whole hears of them
    text = read_file(name, folder / name, folder.resolve(), problems)
    return None if text is None else read_yaml(name, text, problems)
