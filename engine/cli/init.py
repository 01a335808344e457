"""`gatepost init`: a small starter site that passes its own check. The files lie in engine/cli/starter."""

from __future__ import annotations

import sys
from importlib import resources
from importlib.resources.abc import Traversable
from pathlib import Path

import click

from engine.cli.schema import write_schemas

__all__ = ["init"]


@click.command(epilog="Example: gatepost init my-site")
@click.argument("folder", metavar="DIR", type=click.Path(path_type=Path, file_okay=False))
def init(folder: Path) -> None:
    """Write a small starter site into DIR, which must be new or empty.

    It has one feed, one dialect, one route to a folder, one table and a sample message, and passes its
    own check. Every file says in its comments what may be changed. The folder `schema` is for editors:
    `gatepost schema` writes it anew.
    """
    if folder.is_dir() and any(folder.iterdir()):
        click.echo(f"{folder} is not empty; name a new folder, so that nothing is overwritten.", err=True)
        sys.exit(1)
    written = _copy(resources.files("engine.cli") / "starter", folder)
    write_schemas(folder, folder / "schema")
    click.echo(f"{written} files written to {folder}, and schema/ for your editor. Next:\n")
    click.echo(f"  gatepost check {folder}")
    click.echo(f"  gatepost test {folder}")
    click.echo(f"  gatepost run {folder}")
    click.echo(f"  gatepost send 127.0.0.1:2575 {folder / 'samples' / 'admission.hl7'}")
    click.echo(f"\nThe admission then lies in {folder / 'var' / 'admissions'}.")


def _copy(source: Traversable, target: Path) -> int:
    """Copy a folder of plain files; how many there were."""
    target.mkdir(parents=True, exist_ok=True)
    written = 0
    for entry in source.iterdir():
        if entry.is_dir():
            written += _copy(entry, target / entry.name)
        else:
            name = ".gitignore" if entry.name == "gitignore" else entry.name
            (target / name).write_bytes(entry.read_bytes())
            written += 1
    return written
