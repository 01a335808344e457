"""`gatepost schema`: JSON Schema of every file of a site, for the editor in which routes are written."""

from __future__ import annotations

import json
import sys
from pathlib import Path

import click

from engine.cli.options import site_argument

__all__ = ["schema", "write_schemas"]


@click.command(epilog="\b\nExamples:\n  gatepost schema config\n  gatepost schema config --out ../schemas")
@site_argument
@click.option(
    "--out", metavar="DIR", type=click.Path(path_type=Path, file_okay=False),
    help="Write to this folder instead of SITE/schema.",
)  # fmt: skip
def schema(site: Path, out: Path | None) -> None:
    """Write JSON Schemas of a site's files into SITE/schema (SITE: config unless given).

    An editor with yaml-language-server then completes keys and the site's own names (feeds, channels,
    tables, trays, guards, profiles), shows what each key means, and marks what does not belong. It finds the
    schema by a comment in the file; in a route:

    \b
        # yaml-language-server: $schema=../schema/route.schema.json

    The site may be half written. Names are suggestions: write the schemas anew when there are new ones.
    """
    if not (site / "gatepost.yaml").is_file():
        click.echo(f"{site} is no site folder. Make one with: gatepost init my-site", err=True)
        sys.exit(1)
    folder = site / "schema" if out is None else out
    written = write_schemas(site, folder)
    click.echo(f"{len(written)} schemas written to {folder}: {', '.join(written)}.")


def write_schemas(site: Path, folder: Path) -> list[str]:
    """Write every schema, with the names of a site; what there was is replaced. The names of the files."""
    from engine.site.schema import all_schemas, names_of

    folder.mkdir(parents=True, exist_ok=True)
    written = []
    for what, found in all_schemas(names_of(site)).items():
        path = folder / f"{what}.schema.json"
        path.write_text(json.dumps(found, indent=1, ensure_ascii=False) + "\n", encoding="utf-8")
        written.append(path.name)
    return written
