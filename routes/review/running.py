"""Runs the tests of routes: each decides its sample with the whole site, on a fake clock, and is compared.

The same `decide` as traffic, the same rules of delivery; nothing is delivered and no file is read. A plan
must know what it was compiled from (`Plan.origin`), as every plan of `compile_plan` does.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field, replace

from routes.hl7.message import Message
from routes.hl7.path import CompiledPath, NoSuchPlace, Purpose, Unwritable
from routes.hl7.samples import read_sample
from routes.language.compiled import FeedPlan, Plan
from routes.language.facts import FeedFacts
from routes.language.files import Origin
from routes.language.plan import compile_feed
from routes.language.problems import Spot
from routes.language.source import Scalar
from routes.language.steps import RouteFile
from routes.language.trial_words import path_of, tables_instead, tables_of
from routes.language.trials import TableRows, Trial
from routes.review.comparing import Difference, compare
from routes.review.happening import Happened, Situation, happen
from routes.review.playing import Pretended

__all__ = ["USUAL_MOMENT", "Failed", "Result", "Runner", "run_all", "run_test", "run_tests"]

USUAL_MOMENT = 1_767_605_400_000_000
"""When the message of a test is received that does not say so: 2026-01-05T09:30Z, a Monday morning."""


@dataclass(frozen=True, slots=True)
class Result:
    """How one test ended. `happened` is None where it could not be run; then `differences` says why.

    note: what the writer of a failed test may not have thought of, or "".
    """

    route: str
    name: str
    spot: Spot
    differences: tuple[Difference, ...] = ()
    happened: Happened | None = None
    note: str = ""

    @property
    def passed(self) -> bool:
        """All as expected."""
        return not self.differences


@dataclass(frozen=True, slots=True)
class Failed:
    """A test that failed, in words that may be logged: where it stands and what it is called, no content."""

    route: str
    name: str
    spot: Spot

    def __str__(self) -> str:
        return f"{self.spot}: the test of route {self.route} fails: {self.name}"


def run_tests(plan: Plan, samples: Mapping[str, bytes]) -> tuple[Failed, ...]:
    """The tests that fail; none where all is well. samples: by path within the site, such as
    `samples/result.hl7`."""
    return tuple(
        Failed(result.route, result.name, result.spot)
        for result in run_all(plan, samples)
        if not result.passed
    )


def run_all(
    plan: Plan,
    samples: Mapping[str, bytes],
    wanted: Callable[[RouteFile, Trial], bool] = lambda _route, _trial: True,
) -> Iterator[Result]:
    """Every test that is wanted, in the order of the files, one by one as they are run."""
    runner = Runner(plan, samples)
    for route in runner.origin.files.routes.values():
        for trial in route.tests:
            if wanted(route, trial):
                yield runner.run(route, trial)


def run_test(plan: Plan, route: RouteFile, trial: Trial, samples: Mapping[str, bytes]) -> Result:
    """One test. For several, `run_all` compiles less."""
    return Runner(plan, samples).run(route, trial)


@dataclass(slots=True)
class Runner:
    """Runs tests of one plan; keeps what it compiled for them."""

    plan: Plan
    samples: Mapping[str, bytes]
    origin: Origin = field(init=False)
    _compiled: dict[tuple[str, ...], FeedPlan] = field(default_factory=dict)
    _paths: dict[tuple[str, str, Purpose], CompiledPath] = field(default_factory=dict)

    def __post_init__(self) -> None:
        if self.plan.origin is None:
            raise ValueError("the plan does not know what it was compiled from")
        self.origin = self.plan.origin

    def run(self, route: RouteFile, trial: Trial) -> Result:
        """One test, whatever happens in it."""
        result = Result(route.name.value, trial.name.value, trial.spot)
        data = self.samples.get(trial.given.value)
        if data is None or trial.expected is None:
            missing = Difference("given", trial.given.value, "there is no such sample")
            return replace(result, differences=(missing,))
        facts = self.facts(route, trial)
        try:
            happened = self.happen(route, trial, data)
        except _NotEdited as why:
            return replace(result, differences=(Difference("with", why.path, str(why)),))
        differences = compare(
            trial.expected,
            happened,
            lambda text: self._path(route, text, "read"),
            facts.charset,
            facts.segment_ends,
        )
        note = _behind(facts.dialect) if differences and trial.edits and facts.dialect else ""
        return replace(result, differences=differences, happened=happened, note=note)

    def happen(self, route: RouteFile, trial: Trial, data: bytes) -> Happened:
        """What becomes of a sample in a test's circumstances, whatever it expects."""
        return happen(read_sample(data), self._situation(route, trial, self.facts(route, trial)))

    def facts(self, route: RouteFile, trial: Trial) -> FeedFacts:
        """The feed that a test's sample comes in by."""
        return self.origin.feeds[(trial.feed or route.feeds[0]).value]

    def _situation(self, route: RouteFile, trial: Trial, facts: FeedFacts) -> Situation:
        received = USUAL_MOMENT if trial.received is None else trial.received
        behaviours = {each.channel.value: each.behaviour for each in trial.pretences.channels}
        lasting = trial.pretences.lasting
        return Situation(
            replace(self.plan, feeds={facts.name: self._feed(trial.tables, facts)}),
            self.origin,
            facts,
            route.name.value,
            received,
            Pretended(behaviours) if lasting is None else Pretended(behaviours, received + lasting),
            tuple([(place.channel, place.address) for place in trial.earlier]),
            self._edit(route, trial.edits) if trial.edits else None,
            tuple([(place.channel, place.address) for place in trial.final]),
        )

    def _feed(self, tables: tuple[TableRows, ...], facts: FeedFacts) -> FeedPlan:
        if not tables and not self.origin.settings.live:
            return self.plan.feeds[facts.name]
        instead = tables_instead(facts.dialect, self.origin.files)
        changed = tables_of(tables, self.origin.files.tables, instead)
        key = (facts.name, *sorted(f"{name} {table.hash}" for name, table in changed.items()))
        found = self._compiled.get(key)
        if found is None:
            found = self._compiled[key] = compile_feed(self.origin, facts.name, changed)
        return found

    def _path(self, route: RouteFile, text: str, purpose: Purpose) -> CompiledPath:
        key = (route.name.value, text, purpose)
        found = self._paths.get(key)
        if found is None:
            found = self._paths[key] = path_of(text, route.names, purpose)
        return found

    def _edit(self, route: RouteFile, edits: tuple[tuple[Scalar, str], ...]) -> Callable[[Message], None]:
        paths = [(text.value, self._path(route, text.value, "write"), value) for text, value in edits]

        def edit(message: Message) -> None:
            for text, path, value in paths:
                try:
                    _write(path, message, value)
                except (NoSuchPlace, Unwritable) as why:
                    raise _NotEdited(text, str(why)) from why

        return edit


def _behind(dialect: str) -> str:
    return (
        f"what stands in with is written behind the dialect {dialect}, which did not see it; for a value "
        "that the dialect reads, make another sample"
    )


def _write(path: CompiledPath, message: Message, value: str) -> None:
    """A value of `with`. For a whole field it may hold components and repetitions; an empty one empties the
    field with all its repetitions, and so does one that brings repetitions of its own."""
    found, (repetition, component, *_) = path.path, message.separators.cuts
    if found.many or not found.field or found.component:
        (path.write_all if found.many else path.write)(message, value)
        return
    path.write(message, value)
    if found.repetition is None and (not value or repetition in value):
        for place in path.places(message, None)[:1]:
            message.set_field(place.segment, place.field, value)
    elif component in value:
        path.write_raw(message, value)


class _NotEdited(Exception):
    """A value of `with` that the message cannot hold."""

    def __init__(self, path: str, why: str) -> None:
        super().__init__(why)
        self.path = path
