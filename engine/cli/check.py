"""`gatepost check`: every problem of a site, with its place, its line and the remedy."""

from __future__ import annotations

import json
import sys
from pathlib import Path

import click

from engine.cli.options import environment_option, site_argument
from engine.site.loading import load_site
from engine.site.model import Site
from routes.language.problems import Problem

__all__ = ["check"]


@click.command(epilog="Example: gatepost check config --environment live")
@site_argument
@environment_option
@click.option("--json", "as_json", is_flag=True, help="One JSON object, for scripts and editors.")
def check(site: Path, environment: str, as_json: bool) -> None:
    """Check SITE (default: config) without starting anything.

    Reads every file, lays the environment over them, follows secrets, compiles every route, and prints all
    problems in file order as file:line:column: message [rule]. Exit status 1 where any is an error;
    warnings alone leave it 0.
    """
    loaded, problems = load_site(site, environment)
    if as_json:
        click.echo(json.dumps(_as_json(loaded, problems), indent=2, ensure_ascii=False))
    else:
        for problem in problems:
            click.echo(f"{problem}\n")
        click.echo(_summary(site, loaded, problems))
    sys.exit(0 if loaded is not None else 1)


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


def _as_json(site: Site | None, problems: list[Problem]) -> dict[str, object]:
    summary: dict[str, object] = {"ok": site is not None}
    if site is not None:
        summary |= {
            "site": site.name,
            "hash": site.hash,
            "environment": site.environment,
            "data": str(site.data),
            "broker": site.broker_shown,
            "feeds": sorted(site.feeds),
            "routes": sorted(site.plan.routes),
            "channels": sorted(site.channels),
            "tables": sorted(site.plan.tables),
        }
    return {**summary, "problems": [_problem(problem) for problem in problems]}


def _problem(problem: Problem) -> dict[str, object]:
    spot = problem.spot
    return {
        "file": spot.file,
        "line": spot.line,
        "column": spot.column,
        "length": spot.length,
        "severity": problem.severity,
        "rule": problem.rule,
        "message": problem.message,
        "fix": problem.fix,
    }
