"""`gatepost explain`: a route in plain English, for those who answer for what it does."""

from __future__ import annotations

import shutil
import sys
from pathlib import Path

import click

from engine.cli.options import environment_option, load_with_problems, site_argument
from engine.cli.pages import write_page
from engine.site.model import Site
from routes.language.nearest import did_you_mean
from routes.language.problems import Problem
from routes.review.document import Document

__all__ = ["explain"]

FORMATS = ("text", "markdown", "html")


@click.command(epilog="Example: gatepost explain gp_results config --format html --out gp_results.html")
@click.argument("route", required=False, default="")
@site_argument
@environment_option
@click.option(
    "--format", "form", type=click.Choice(FORMATS), default="text", show_default=True,
    help="html is one page with a place for signatures, to be printed or sent.",
)  # fmt: skip
@click.option(
    "--out", "-o", type=click.Path(path_type=Path), metavar="FILE",
    help="Write to FILE (with --all: one file for each route, into the folder FILE).",
)  # fmt: skip
@click.option("--all", "every", is_flag=True, help="Every route of the site; ROUTE is then left out.")
def explain(route: str, site: Path, environment: str, form: str, out: Path | None, every: bool) -> None:
    """Explain what ROUTE of SITE (default: config) does, as numbered sentences in plain English.

    Where messages go, what can stop one, who looks at what waits, and what the senders are told: from the
    very files that decide. A clinician can read it, check it and sign it; paths stand in brackets for
    analysts.
    """
    if every and route:
        site, route = Path(route), ""
    if not route and not every:
        raise click.UsageError("Name a route, or ask for every one with --all.")
    loaded, problems = load_with_problems(site, environment)
    wanted = list(loaded.plan.routes) if every else [route]
    if not every and route not in loaded.plan.routes:
        message = f'{loaded.name} has no route "{route}"{did_you_mean(route, loaded.plan.routes)}'
        raise click.UsageError(message)
    pages = {each: _page(loaded, problems, each, form, on_terminal=out is None) for each in wanted}
    _write(pages, form, out, every=every)


def _page(site: Site, problems: list[Problem], route: str, form: str, *, on_terminal: bool) -> str:
    from routes.review.drawing import draw_site
    from routes.review.explaining import Label, explain_route
    from routes.review.html_form import write_html
    from routes.review.markdown_form import write_markdown
    from routes.review.svg_form import write_svg
    from routes.review.text_form import write_text

    origin = site.plan.origin
    if origin is None:
        raise RuntimeError("a loaded site keeps what its plan was compiled from")
    label = Label(site.name, site.hash, site.environment)
    document: Document = explain_route(origin, route, label, problems)
    if form == "markdown":
        return write_markdown(document)
    if form == "html":
        return write_html(document, write_svg(draw_site(origin, [route]), f"Route {route}", framed=False))
    wide = shutil.get_terminal_size().columns if on_terminal and sys.stdout.isatty() else 0
    return write_text(document, min(wide, 100))


def _write(pages: dict[str, str], form: str, out: Path | None, *, every: bool) -> None:
    if out is None:
        click.echo("\n\n".join(pages.values()), nl=False)
        return
    ending = {"text": "txt", "markdown": "md", "html": "html"}[form]
    for route, page in pages.items():
        write_page(out / f"{route}.{ending}" if every else out, page)
