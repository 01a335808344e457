"""`gatepost test`: runs the tests that stand in the route files, and shows what differs, cell by cell."""

from __future__ import annotations

import json
import sys
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from typing import NoReturn

import click

from engine.cli.options import environment_option, show_problems, site_argument
from engine.site.files import read_samples
from engine.site.loading import load_site
from engine.site.version_control import NoHistory, changed_files
from routes.language.files import Origin
from routes.language.nearest import did_you_mean
from routes.language.problems import Problem, Problems
from routes.language.steps import RouteFile
from routes.language.trials import Trial
from routes.review.junit import as_junit
from routes.review.resting import SHARED, files_of
from routes.review.running import Result, run_all
from routes.review.telling import HINT, tell_all, tell_differences

__all__ = ["test"]

Wanted = Callable[[RouteFile, Trial], bool]


@click.command(
    epilog="\b\nExamples:\n  gatepost test\n  gatepost test my-site --route gp_results -v\n"
    "  gatepost test my-site --changed --junit results.xml"
)
@site_argument
@environment_option
@click.option("--route", "names", multiple=True, metavar="NAME", help="Only this route's tests; repeatable.")
@click.option("--name", "text", default="", metavar="TEXT", help="Only tests whose name holds this text.")
@click.option(
    "--changed", is_flag=True, help="Only routes that rest on a file changed since the last commit (git)."
)
@click.option(
    "--junit", type=click.Path(path_type=Path, dir_okay=False), help="Write JUnit XML, for a build server."
)
@click.option("--json", "as_json", is_flag=True, help="One JSON object, for scripts and editors.")
@click.option("-v", "--verbose", is_flag=True, help="Name every test, and tell all that happened in it.")
def test(
    site: Path,
    environment: str,
    names: tuple[str, ...],
    text: str,
    changed: bool,
    junit: Path | None,
    as_json: bool,
    verbose: bool,
) -> None:
    """Run the tests of SITE's routes (default: config).

    The site is checked first. Each test decides its sample with the whole site, as traffic would be, on a
    fake clock; nothing is delivered. Exit status 1 where a test fails or the site has an error. What is
    shown of a failed test is message content: samples are invented, so it is nobody's.
    """
    loaded, problems = load_site(site, environment)
    if loaded is None or loaded.plan.origin is None:
        _refuse(site, problems, as_json=as_json)
    origin = loaded.plan.origin
    chosen = _chosen(site, origin, names, changed=changed)
    wanted: Wanted = lambda route, trial: route.name.value in chosen and text in trial.name.value  # noqa: E731
    results = list(run_all(loaded.plan, read_samples(site, Problems()), wanted))
    if text and not results:
        raise click.UsageError(f'no test has "{text}" in its name')
    if junit is not None:
        junit.write_text(as_junit(loaded.name, results), encoding="utf-8")
    untested = [name for name, route in origin.files.routes.items() if name in chosen and not route.tests]
    if as_json:
        found = _as_json(loaded.name, problems, results, untested)
        click.echo(json.dumps(found, indent=2, ensure_ascii=False))
    else:
        for line in _lines(results, untested, verbose=verbose):
            click.echo(line)
    sys.exit(0 if all(result.passed for result in results) else 1)


def _refuse(site: Path, problems: list[Problem], *, as_json: bool) -> NoReturn:
    """The site has errors, so that no test can be run."""
    if as_json:
        click.echo(json.dumps(_as_json("", problems, (), ()), indent=2, ensure_ascii=False))
    else:
        show_problems([problem for problem in problems if problem.severity == "error"])
        click.echo(f"✗ {site} has errors, so its tests cannot be run. Correct them first.", err=True)
    sys.exit(1)


def _chosen(site: Path, origin: Origin, names: tuple[str, ...], *, changed: bool) -> frozenset[str]:
    """The routes whose tests are asked for."""
    routes = origin.files.routes
    for name in names:
        if name not in routes:
            raise click.UsageError(f'there is no route "{name}"{did_you_mean(name, routes)}')
    chosen = frozenset(names or routes)
    if not changed:
        return chosen
    try:
        touched = changed_files(site)
    except NoHistory as why:
        click.echo(f"Nobody can say what changed ({why}): the tests of all routes are run.", err=True)
        return chosen
    if any(file.startswith(SHARED) for file in touched):
        return chosen
    return frozenset(name for name in chosen if touched & files_of(routes[name], origin))


def _lines(results: Sequence[Result], untested: Sequence[str], *, verbose: bool) -> Iterator[str]:
    failed = [result for result in results if not result.passed]
    for result in results if verbose else failed:
        yield f"{'✓' if result.passed else '✗'} {result.spot}: {result.name} [{result.route}]"
        yield from (f"    {line}" for line in tell_differences(result))
        if verbose and result.happened is not None:
            yield "    all that happened:" if failed else "    happened:"
            yield from (f"      {line}" for line in tell_all(result.happened))
    for name in untested:
        yield f"Note: route {name} has no tests."
    tests = _count(len(results), "test")
    routes = _count(len({result.route for result in results}), "route")
    if failed:
        yield ""
        yield f"✗ {len(failed)} of {tests} of {routes} {'fails' if len(failed) == 1 else 'fail'}. {HINT}"
        if not verbose:
            yield "Add -v to see all that happened."
    else:
        yield f"✓ {tests} of {routes}"


def _count(number: int, noun: str) -> str:
    return f"{number} {noun}" if number == 1 else f"{number} {noun}s"


def _as_json(
    site: str, problems: Sequence[Problem], results: Sequence[Result], untested: Sequence[str]
) -> dict[str, object]:
    return {
        "ok": bool(site) and all(result.passed for result in results),
        "site": site,
        "problems": [
            {
                "file": problem.spot.file,
                "line": problem.spot.line,
                "column": problem.spot.column,
                "severity": problem.severity,
                "rule": problem.rule,
                "message": problem.message,
            }
            for problem in problems
        ],
        "tests": [_test_as_json(result) for result in results],
        "routes_without_tests": list(untested),
    }


def _test_as_json(result: Result) -> dict[str, object]:
    return {
        "route": result.route,
        "name": result.name,
        "file": result.spot.file,
        "line": result.spot.line,
        "passed": result.passed,
        "differences": [
            {
                "place": each.place,
                "what": each.what,
                "expected": each.expected,
                "found": each.found,
                "why": each.why,
            }
            for each in result.differences
        ],
    }
