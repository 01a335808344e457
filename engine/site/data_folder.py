"""Where a site's journal lies, its name and its time zone, found without loading the site.

Commands that ask a running engine, or read its journal, must work while the site's files are being changed
and are wrong; and they must start quickly, so nothing is imported here that loads a site. Must not know
what else stands in its files.
"""

from __future__ import annotations

from pathlib import Path

from engine.site.basics import DATA, NAME, TIMEZONE, UNLESS
from engine.site.files import read_file
from engine.site.overlay import lay_over
from routes.language.problems import Problems
from routes.language.source import Block, Node, Scalar, read_yaml

__all__ = ["find_data_folder", "find_site_name", "find_timezone"]


def find_data_folder(folder: Path, environment: str = "") -> Path | None:
    """The data folder that gatepost.yaml and the environment's file name; None where they cannot be read."""
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


def _said(folder: Path, environment: str, key: str) -> str:
    settings = _settings(folder, environment)
    said = settings.get(key) if isinstance(settings, Block) else None
    return said.value if isinstance(said, Scalar) else ""


def _settings(folder: Path, environment: str) -> Node | None:
    settings = _node(folder, "gatepost.yaml")
    if environment and settings is not None:
        layer = _node(folder, f"environments/{environment}.yaml")
        return None if layer is None else lay_over(settings, layer)
    return settings


def _node(folder: Path, name: str) -> Node | None:
    problems = Problems()  # whoever needs the site whole hears of them
    text = read_file(name, folder / name, folder.resolve(), problems)
    return None if text is None else read_yaml(name, text, problems)
