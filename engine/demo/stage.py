"""Sets the stage: a working copy of the example site whose ports are free on this machine.

The copy lies in the demo's own folder, so that nothing of the hospital's is touched. Ports stay as they are
written where they are free; others get a free one, and the caller is told which.
"""

from __future__ import annotations

import csv
import re
import shutil
import socket
from collections.abc import Iterator
from pathlib import Path

from engine.demo.people import Doctor

__all__ = ["doctors_of", "example_site", "set_stage"]

_ENDPOINT = re.compile(r"(?<![@\w.])(?:127\.0\.0\.1|localhost|0\.0\.0\.0):(\d{2,5})\b")
_FIRST, _LAST = 20_000, 32_000  # below the range that the kernel gives to outgoing connections


def example_site() -> Path:
    """The example site: `config` beside the package in a checkout, `example_site` inside an installed one.

    Raises FileNotFoundError where neither is there.
    """
    package = Path(__file__).resolve().parents[1]
    for folder in (package.parent / "config", package / "example_site"):
        if (folder / "feeds.yaml").is_file():
            return folder
    raise FileNotFoundError("the example site is not where the program was installed; name one with --site")


def set_stage(site: Path, environment: str, into: Path) -> dict[int, int]:
    """Copy `site` (samples too: its tests name them) to `into`, and replace ports that are taken.

    Returns {old port: new port}.

    Raises OSError where no free port is found or files cannot be copied.
    """
    shutil.copytree(site, into, ignore=shutil.ignore_patterns("var", ".*"))
    texts = {path: path.read_text(encoding="utf-8") for path in _files(into, environment)}
    ports = {int(found) for text in texts.values() for found in _ENDPOINT.findall(text)}
    moved = _replacements(ports)
    if moved:
        for path, text in texts.items():
            changed = _ENDPOINT.sub(lambda match: _moved(match, moved), text)
            if changed != text:
                path.write_text(changed, encoding="utf-8")
    return moved


def doctors_of(site: Path) -> tuple[Doctor, ...]:
    """The GPs of the site's table gp_of_doctor, whom the simulated hospitals know. Raises OSError."""
    with (site / "tables" / "gp_of_doctor.csv").open(encoding="utf-8", newline="") as table:
        return tuple(_doctor(row) for row in csv.DictReader(table))


def _doctor(row: dict[str, str]) -> Doctor:
    _, _, name = row["name"].rpartition("Dr ")
    initial, _, family = name.partition(" ")
    return Doctor(row["doctor"], family or initial, initial[:1], row["practice"])


def _files(site: Path, environment: str) -> Iterator[Path]:
    """The files that may name a port of this machine."""
    for name in ("gatepost.yaml", "feeds.yaml", "channels.yaml", f"environments/{environment}.yaml"):
        if (site / name).is_file():
            yield site / name
    yield from sorted((site / "tables").glob("*.csv"))


def _replacements(ports: set[int]) -> dict[int, int]:
    taken = sorted(port for port in ports if not _is_free(port))
    candidates = (port for port in range(_FIRST, _LAST) if port not in ports and _is_free(port))
    replaced = {}
    for port in taken:
        new = next(candidates, None)
        if new is None:
            raise OSError(f"port {port} is taken and no other is free between {_FIRST} and {_LAST}")
        replaced[port] = new
    return replaced


def _is_free(port: int) -> bool:
    with socket.socket(socket.AF_INET, socket.SOCK_STREAM) as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind(("127.0.0.1", port))
        except OSError:
            return False
    return True


def _moved(match: re.Match[str], moved: dict[int, int]) -> str:
    old = match.group(1)
    new = moved.get(int(old))
    return match.group(0) if new is None else match.group(0)[: -len(old)] + str(new)
