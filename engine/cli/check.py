"""`gatepost check`: every problem of a site, with its place, its line and the remedy."""

from __future__ import annotations

import json
import sys
from pathlib import Path, PurePath
from typing import TYPE_CHECKING

import click

from engine.cli.options import environment_option, site_argument

if TYPE_CHECKING:
    from engine.site.model import Site
    from routes.language.problems import Problem

__all__ = ["check"]


@click.command(
    epilog="\b\nExamples:\n"
    "  gatepost check config --environment live\n"
    "  gatepost check --explain yaml-ate-the-quotes\n"
    "  gatepost check config --json --stdin routes/gp_results.yaml < unsaved.yaml"
)
@site_argument
@environment_option
@click.option("--json", "as_json", is_flag=True, help="One JSON object, for scripts and editors.")
@click.option(
    "--stdin", "unsaved", metavar="FILE",
    help="Check with the text on standard input in place of FILE of the site, as an editor does.",
)  # fmt: skip
@click.option(
    "--explain", "rule", metavar="RULE", help="Say what a rule means and what to do; checks nothing."
)
def check(site: Path, environment: str, as_json: bool, unsaved: str | None, rule: str | None) -> None:
    """Check SITE (default: config) without starting anything.

    Reads every file, lays the environment over them, follows secrets, compiles every route, and prints all
    problems in file order as file:line:column: message [rule]. Exit status 1 where any is an error;
    warnings alone leave it 0.
    """
    if rule is not None:
        _explain(rule.strip("[]"), as_json)
        return
    from engine.site.loading import load_site

    instead = {} if unsaved is None else {_within(site, unsaved): _standard_input()}
    loaded, problems = load_site(site, environment, instead=instead)
    if as_json:
        from engine.cli.check_json import check_as_json

        click.echo(json.dumps(check_as_json(loaded, problems), indent=2, ensure_ascii=False))
    else:
        for problem in problems:
            click.echo(f"{problem}\n")
        click.echo(_summary(site, loaded, problems))
    sys.exit(0 if loaded is not None else 1)


def _within(site: Path, file: str) -> str:
    """The file's name within the site: as it is given, or from a path that leads into the site folder."""
    from engine.site.files import is_read

    name = PurePath(file)
    for path in (name, *([] if name.is_absolute() else [Path.cwd() / name])):
        if path.is_absolute() and path.is_relative_to(site.resolve()):
            name = path.relative_to(site.resolve())
            break
    if not is_read(name.as_posix()):
        raise click.UsageError(
            f"{file} is no file that a site has; name one such as routes/gp_results.yaml, within {site}"
        )
    return name.as_posix()


def _standard_input() -> str:
    try:
        return sys.stdin.buffer.read().decode("utf-8")
    except UnicodeDecodeError:
        raise click.UsageError("what came on standard input is not UTF-8 text") from None


def _explain(rule: str, as_json: bool) -> None:
    """A rule's row of docs/problems.md."""
    from engine.cli.rules import rules
    from routes.language.nearest import did_you_mean

    found = rules().get(rule)
    if found is None:
        near = did_you_mean(rule, rules())
        raise click.UsageError(f'there is no rule "{rule}"{near} docs/problems.md lists them all')
    if as_json:
        told = {"rule": found.id, "wrong": found.wrong, "remedy": found.remedy, "link": found.link}
        click.echo(json.dumps(told, indent=2, ensure_ascii=False))
        return
    click.echo(f"{found.id} ({found.section}; {'a warning' if found.warns else 'an error'})\n")
    wrong = found.wrong.removeprefix("A warning. ")
    click.echo(click.wrap_text(f"What is wrong: {wrong}", width=100, subsequent_indent="  "))
    click.echo(click.wrap_text(f"What to do: {found.remedy}", width=100, subsequent_indent="  "))


def _summary(site: Path, loaded: Site | None, problems: list[Problem]) -> str:
    warnings = _count(sum(p.severity == "warning" for p in problems), "warning")
    if loaded is None:
        errors = _count(sum(p.severity == "error" for p in problems), "error")
        return f"✗ {site}: {errors}, {warnings}. It cannot run like this."
    tail = f", {warnings}" if problems else ""
    return f"✓ {loaded.name} is in order: {_counted(loaded)}{tail}."


def _counted(site: Site) -> str:
    parts = (
        _count(len(site.feeds), "feed"),
        _count(len(site.plan.routes), "route"),
        _count(len(site.channels), "channel"),
        _count(len(site.plan.tables), "table"),
    )
    return ", ".join(parts)


def _count(number: int, noun: str) -> str:
    return f"{number} {noun}" if number == 1 else f"{number} {noun}s"
