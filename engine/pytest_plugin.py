"""Makes the tests of routes items of pytest: `pytest my-site` runs what `gatepost test my-site` runs.

pytest finds this by its entry point and loads it in every run, also where there is no site: so everything
else is imported when the first site is met. Must not know how a test is run or told.
"""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

if TYPE_CHECKING:
    from routes.language.steps import RouteFile
    from routes.language.trials import Trial
    from routes.review.running import Runner

__all__ = ["RouteTest", "RouteTests", "pytest_collect_file"]


def pytest_collect_file(file_path: Path, parent: pytest.Collector) -> RouteTests | None:
    """A file of `routes/` in a site folder; any other file is somebody else's."""
    if file_path.suffix != ".yaml" or file_path.parent.name != "routes":
        return None
    if not (file_path.parent.parent / "gatepost.yaml").is_file():
        return None
    found: RouteTests = RouteTests.from_parent(parent, path=file_path)
    return found


class RouteTests(pytest.File):
    """One route's file. Its site is loaded once for all of them."""

    def collect(self) -> Iterator[RouteTest]:
        """Every test in the file. A site with errors cannot be tested, and says why."""
        site = self.path.parent.parent
        runner = _runner(self.config, site)
        if isinstance(runner, str):
            raise self.CollectError(runner)
        name = f"routes/{self.path.name}"
        for route in runner.origin.files.routes.values():
            if route.spot.file == name:
                for trial in route.tests:
                    item: RouteTest = RouteTest.from_parent(self, name=trial.name.value)
                    item.prepare(runner, route, trial)
                    yield item


class RouteTest(pytest.Item):
    """One test of a route."""

    def prepare(self, runner: Runner, route: RouteFile, trial: Trial) -> None:
        """Tell it what to run."""
        self._runner = runner
        self._route = route
        self._trial = trial

    def runtest(self) -> None:
        """Run it; a difference is a failure."""
        result = self._runner.run(self._route, self._trial)
        if not result.passed:
            raise _Different("\n".join(str(difference) for difference in result.differences))

    def repr_failure(self, excinfo: pytest.ExceptionInfo[BaseException], style: Any = None) -> str:
        """The differences alone; our own files are of no interest to an analyst."""
        if isinstance(excinfo.value, _Different):
            from routes.review.telling import HINT

            return f"{self._trial.spot}: {self._trial.name.value}\n\n{excinfo.value}\n\n{HINT}"
        return str(super().repr_failure(excinfo, style))

    def reportinfo(self) -> tuple[Path, int, str]:
        """Where it stands: pytest counts lines from nought."""
        return self.path, self._trial.spot.line - 1, f"{self._route.name.value}: {self._trial.name.value}"


class _Different(AssertionError):
    """Something else happened than the test expects."""


_RUNNERS = pytest.StashKey["dict[Path, Runner | str]"]()


def _runner(config: pytest.Config, site: Path) -> Runner | str:
    """What runs a site's tests, or why they cannot be run."""
    known = config.stash.setdefault(_RUNNERS, {})
    if site not in known:
        known[site] = _load(site)
    return known[site]


def _load(site: Path) -> Runner | str:
    from engine.site.files import read_samples
    from engine.site.loading import load_site
    from routes.language.problems import Problems
    from routes.review.running import Runner

    loaded, problems = load_site(site)
    if loaded is None:
        errors = [str(problem) for problem in problems if problem.severity == "error"]
        return "\n".join([f"{site} has errors, so its tests cannot be run:", *errors])
    return Runner(loaded.plan, read_samples(site, Problems()))
