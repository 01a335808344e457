"""What several commands share: the SITE argument, its options, and how a site with problems is refused.

Must not know what any command does with a site.
"""

from __future__ import annotations

import errno
import sys
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

if TYPE_CHECKING:
    from engine.site.model import Site
    from routes.language.problems import Problem

__all__ = [
    "data_folder",
    "environment_option",
    "load_or_refuse",
    "load_with_problems",
    "remedy_for_port",
    "show_problems",
    "site_argument",
]

Command = Callable[..., Any]


def site_argument(command: Command) -> Command:
    """SITE, the site folder; `config` where it is left out."""
    return click.argument("site", type=click.Path(path_type=Path), default=Path("config"))(command)


def environment_option(command: Command) -> Command:
    """--environment NAME, the file laid over the site's own."""
    return click.option(
        "--environment", "-e", default="", metavar="NAME", help="Overlay environments/NAME.yaml."
    )(command)


def show_problems(problems: list[Problem]) -> None:
    """Each with its line and caret, on stderr."""
    for problem in problems:
        click.echo(str(problem), err=True)


def load_or_refuse(site: Path, environment: str) -> Site:
    """The site. Where it has errors they are shown, and the command ends with exit status 1."""
    return load_with_problems(site, environment)[0]


def load_with_problems(site: Path, environment: str) -> tuple[Site, list[Problem]]:
    """The same, with what the check warns of."""
    from engine.site.loading import load_site  # not paid for by commands that are told the data folder

    loaded, problems = load_site(site, environment)
    if loaded is None:
        show_problems(problems)
        sys.exit(1)
    return loaded, problems


def data_folder(site: Path, environment: str, data: Path | None) -> Path:
    """Where the journal lies: what --data says, or else what the site says, also where it has problems."""
    if data is not None:
        return data
    from engine.site.data_folder import find_data_folder  # not paid for where it is not needed

    found = find_data_folder(site, environment)
    return load_or_refuse(site, environment).data if found is None else found


def remedy_for_port(why: OSError, choose: str) -> str:
    """What to do where a port could not be opened, as a further sentence; "" where we know nothing.

    choose: where another port is chosen, as "choose another port in feeds.yaml".
    """
    if why.errno != errno.EADDRINUSE:
        return ""
    return f". Another program uses the port (`ss -ltnp` shows which): end it, or {choose}."
