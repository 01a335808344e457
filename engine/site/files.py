"""Reads a site folder's files as text, its samples as bytes, and nothing outside it.

Reports what is too large, is not UTF-8, leads out of the folder, or lies where it would be ignored in
silence. Must not know what stands in any file.
"""

from __future__ import annotations

import difflib
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path

from routes.language.problems import Problems, Spot

__all__ = [
    "FOLDERS", "ROOT_FILES", "SAMPLES", "SiteFiles", "is_read", "read_file", "read_folder", "read_samples",
]  # fmt: skip

ROOT_FILES = ("gatepost.yaml", "feeds.yaml", "channels.yaml")
FOLDERS = {
    "routes": (".yaml",),
    "dialects": (".yaml",),
    "guards": (".yaml",),
    "profiles": (".yaml",),
    "tables": (".csv", ".yaml"),
    "environments": (".yaml",),
}
MAX_YAML = 1_000_000  # bytes
MAX_TABLE = 64_000_000  # bytes: about a million rows
MAX_SAMPLE = 32 * 1024 * 1024  # bytes: the largest frame that a feed takes unless set
MAX_SAMPLES = 256 * 1024 * 1024  # bytes, of all of them
MAX_FILES = 2_000
SAMPLES = "samples"


@dataclass(frozen=True, slots=True)
class SiteFiles:
    """The texts of a site by their path relative to it: `routes/gp_results.yaml`; samples as bytes."""

    texts: dict[str, str] = field(default_factory=dict)
    samples: dict[str, bytes] = field(default_factory=dict)

    def sources(self) -> dict[str, str]:
        """What routes are made of: routes, dialects, guards, profiles and tables."""
        rooms = ("routes/", "dialects/", "guards/", "profiles/", "tables/")
        return {name: text for name, text in self.texts.items() if name.startswith(rooms)}

    def environments(self) -> list[str]:
        """The names of the environment files."""
        return sorted(Path(name).stem for name in self.texts if name.startswith("environments/"))


def is_read(name: str) -> bool:
    """Whether a file of this name within a site is one that a site has."""
    room, _, file = name.rpartition("/")
    return name in ROOT_FILES or (bool(file) and file.endswith(FOLDERS.get(room, ())) and file[0] != ".")


def read_folder(
    folder: Path, problems: Problems, instead: Mapping[str, str] | None = None
) -> SiteFiles | None:
    """Read every file that belongs to the site. None where this is no site folder at all.

    instead: texts that stand for files, or are files of their own, as an editor has them unsaved.
    """
    if not folder.is_dir():
        problems.add(
            Spot(str(folder), whole=True),
            f"There is no such folder. Name a site folder, or make one: gatepost init {folder}",
            "no-site",
        )
        return None
    if not (folder / "gatepost.yaml").is_file():
        problems.add(
            Spot(str(folder), whole=True),
            "This is no site folder yet: it holds no gatepost.yaml. Write one, or have a small site written "
            "into a new or empty folder: gatepost init my-site",
            "no-site",
        )
        return None
    root = folder.resolve()
    texts = dict(instead or {})
    for name, path in _listed(folder, problems):
        if instead and name in instead:
            continue
        if len(texts) >= MAX_FILES:
            problems.add(Spot(name), f"A site has at most {MAX_FILES:,} files.", "too-large")
            break
        text = read_file(name, path, root, problems)
        if text is not None:
            texts[name] = text
    for name in ROOT_FILES:
        if name not in texts and not (folder / name).exists():
            problems.add(Spot(name), f"{name} is missing; every site has one.", "missing-file")
    return SiteFiles(dict(sorted(texts.items())), read_samples(folder, problems))


def read_samples(folder: Path, problems: Problems) -> dict[str, bytes]:
    """The samples of a site, those in folders of samples/ too, by their path in the site."""
    found: dict[str, bytes] = {}
    root = folder.resolve()
    left = MAX_SAMPLES
    for path in sorted((folder / SAMPLES).rglob("*")):
        name = path.relative_to(folder).as_posix()
        if path.is_dir() or path.name.startswith(".") or path.name.endswith("~"):
            continue
        if len(found) >= MAX_FILES:
            problems.add(Spot(name), f"A site has at most {MAX_FILES:,} samples.", "too-large")
            break
        data = _bytes(name, path, root, min(MAX_SAMPLE, left), problems)
        if data is not None:
            found[name] = data
            left -= len(data)
    return found


def _listed(folder: Path, problems: Problems) -> Iterator[tuple[str, Path]]:
    """The files that count, in a fixed order; a problem for each that would be ignored in silence."""
    for path in sorted(folder.iterdir()):
        if path.name in ROOT_FILES:
            yield path.name, path
        elif path.is_dir() and path.name in FOLDERS:
            yield from _listed_room(path, problems)
        elif path.name != SAMPLES:
            _warn_of_stranger(path, problems)


def _listed_room(room: Path, problems: Problems) -> Iterator[tuple[str, Path]]:
    endings = FOLDERS[room.name]
    for path in sorted(room.iterdir()):
        name = f"{room.name}/{path.name}"
        if path.name.startswith(".") or path.name.endswith("~"):
            continue  # what editors and version control leave behind
        if path.suffix in endings and not path.is_dir():
            yield name, path
        else:
            allowed = " or ".join(endings)
            problems.add(
                Spot(name),
                f"Only {allowed} files are read in {room.name}/. Rename it or move it away.",
                "stray-file",
            )


def _warn_of_stranger(path: Path, problems: Problems) -> None:
    """A file or folder beside the known ones is a note, unless its name looks like a slip of the pen."""
    known = ROOT_FILES if path.is_file() else (*FOLDERS, SAMPLES)
    near = difflib.get_close_matches(path.name, known, n=1, cutoff=0.75)
    if near:
        problems.add(
            Spot(path.name),
            f'"{path.name}" is not read; did you mean "{near[0]}"?',
            "stray-file",
            fix=near[0],
        )


def read_file(name: str, path: Path, root: Path, problems: Problems) -> str | None:
    """One file's text, or None and a problem. name: its path within the site, to be shown."""
    data = _bytes(name, path, root, MAX_TABLE if path.suffix == ".csv" else MAX_YAML, problems)
    return None if data is None else _decode(name, data, problems)


def _bytes(name: str, path: Path, root: Path, limit: int, problems: Problems) -> bytes | None:
    """A file's bytes, if it lies in the site and is not larger than `limit`."""
    real = path.resolve()
    if not real.is_relative_to(root):
        problems.add(
            Spot(name), "This link leads out of the site folder. Put the file itself here.", "link-out"
        )
        return None
    if not real.is_file():
        problems.add(Spot(name), "This is not a file that can be read.", "unreadable-file")
        return None
    try:
        with real.open("rb") as file:
            data = file.read(limit + 1)
    except OSError as why:
        problems.add(Spot(name), f"This file cannot be read: {why.strerror}.", "unreadable-file")
        return None
    if len(data) > limit:
        problems.add(Spot(name), f"This file is larger than {limit:,} bytes.", "too-large")
        return None
    return data


def _decode(name: str, data: bytes, problems: Problems) -> str | None:
    try:
        return data.decode("utf-8")
    except UnicodeDecodeError as why:
        line = data.count(b"\n", 0, why.start) + 1
        begin = data.rfind(b"\n", 0, why.start) + 1
        column = len(data[begin : why.start].decode("utf-8", "replace")) + 1
        problems.add(
            Spot(name, line, column),
            "This file is not UTF-8 text. Save it as UTF-8 (in Excel: CSV UTF-8).",
            "not-utf-8",
        )
        return None
