"""Where a site's journal lies, found without loading the site.

Commands that ask a running engine, or read its journal, must work while the site's files are being changed
and are wrong. Must not know what else stands in them.
"""

from __future__ import annotations

from pathlib import Path

from engine.site.files import read_file
from engine.site.overlay import lay_over
from engine.site.settings import DATA
from routes.language.problems import Problems
from routes.language.source import Block, Node, Scalar, read_yaml

__all__ = ["find_data_folder"]


def find_data_folder(folder: Path, environment: str = "") -> Path | None:
    """The data folder that gatepost.yaml and the environment's file name; None where they cannot be read."""
    settings = _node(folder, "gatepost.yaml")
    if environment and settings is not None:
        layer = _node(folder, f"environments/{environment}.yaml")
        settings = None if layer is None else lay_over(settings, layer)
    if not isinstance(settings, Block):
        return None
    said = settings.get(DATA.key)
    if said is None:
        return (folder / str(DATA.default)).resolve()
    return (folder / said.value).resolve() if isinstance(said, Scalar) and said.value else None


def _node(folder: Path, name: str) -> Node | None:
    problems = Problems()  # whoever needs the site whole hears of them
    text = read_file(name, folder / name, folder.resolve(), problems)
    return None if text is None else read_yaml(name, text, problems)
