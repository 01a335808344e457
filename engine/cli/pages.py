"""Writes a page that a command made into a file, or says why it cannot. Must not know what stands in it."""

from __future__ import annotations

import sys
from pathlib import Path

import click

__all__ = ["write_page"]


def write_page(file: Path, page: str) -> None:
    """The page into the file, its folder made where there is none. Ends the command where that fails."""
    try:
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_text(page, encoding="utf-8")
    except OSError as why:
        click.echo(f"{file} cannot be written: {why.strerror}.", err=True)
        sys.exit(1)
    click.echo(f"Wrote {file}")
