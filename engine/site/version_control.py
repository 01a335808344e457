"""Which files of a site differ from its last commit, as git says. Must not know what the files are for."""

from __future__ import annotations

import subprocess
from pathlib import Path

__all__ = ["NoHistory", "changed_files"]

_PATIENCE = 30.0  # seconds


class NoHistory(Exception):
    """Nobody can say what changed; the text says why, without a full stop."""


def changed_files(folder: Path) -> frozenset[str]:
    """Paths within the folder that differ from the last commit, new ones included.

    Raises NoHistory where the folder is in no git repository, or git is not installed.
    """
    tracked = _git(folder, "diff", "--name-only", "-z", "--relative", "HEAD", "--", ".")
    new = _git(folder, "ls-files", "--others", "--exclude-standard", "-z", "--", ".")
    return frozenset(name for name in (tracked + new).split("\0") if name)


def _git(folder: Path, *arguments: str) -> str:
    try:
        done = subprocess.run(  # noqa: S603 - our own words
            ["git", *arguments],  # noqa: S607 - git as the user has it
            cwd=folder,
            capture_output=True,
            timeout=_PATIENCE,
            check=False,
        )
    except FileNotFoundError:
        raise NoHistory("git is not installed") from None
    except (OSError, subprocess.TimeoutExpired):
        raise NoHistory("git does not answer") from None
    if done.returncode:
        raise NoHistory("the site is not in a git repository with a commit")
    return done.stdout.decode("utf-8", "surrogateescape")
