"""`gatepost graph`: the whole site as a picture, from feeds through routes to channels and trays."""

from __future__ import annotations

from pathlib import Path

import click

from engine.cli.options import environment_option, load_or_refuse, site_argument
from engine.cli.pages import write_page
from routes.language.nearest import did_you_mean

__all__ = ["graph"]

FORMATS = ("mermaid", "svg")


@click.command(epilog="Example: gatepost graph config --format svg --out site.svg")
@site_argument
@environment_option
@click.option(
    "--route", "-r", "routes", multiple=True, metavar="ROUTE",
    help="Only this route and all that it is joined to; may be given several times.",
)  # fmt: skip
@click.option(
    "--format", "form", type=click.Choice(FORMATS),
    help="mermaid is a text that many wikis draw; svg is a picture for a browser or the wall. "
    "[default: svg where FILE ends in .svg, else mermaid]",
)  # fmt: skip
@click.option("--out", "-o", type=click.Path(path_type=Path), metavar="FILE", help="Write to FILE.")
def graph(site: Path, environment: str, routes: tuple[str, ...], form: str | None, out: Path | None) -> None:
    """Draw SITE (default: config): which feed leads to which route, and each route to what.

    Derived from the files that decide, so it is never out of date. Lines are labelled with their conditions:
    solid where messages go, dotted where one is held or refused, or goes to a second channel because no
    proof of delivery came in time.
    """
    from routes.review.drawing import draw_site
    from routes.review.mermaid_form import write_mermaid
    from routes.review.svg_form import write_svg

    loaded = load_or_refuse(site, environment)
    for route in routes:
        if route not in loaded.plan.routes:
            raise click.UsageError(
                f'{loaded.name} has no route "{route}"{did_you_mean(route, loaded.plan.routes)}'
            )
    origin = loaded.plan.origin
    if origin is None:
        raise RuntimeError("a loaded site keeps what its plan was compiled from")
    drawn = draw_site(origin, routes or None)
    svg = form == "svg" or (form is None and out is not None and out.suffix == ".svg")
    page = write_svg(drawn, f"Where messages go: {loaded.name}") if svg else write_mermaid(drawn)
    if out is None:
        click.echo(page, nl=False)
        return
    write_page(out, page)
