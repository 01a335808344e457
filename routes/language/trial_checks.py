"""Looks at the tests of routes before any is run: names that are not there, and what can never happen.

What a test speaks of is the whole site, so this looks at it when all of it is put together. Where the site
has other errors nothing is said of what can never happen: nobody knows yet what will. Runs no test.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass

from routes.hl7.batch import Batch
from routes.hl7.header import Unreadable, read_header
from routes.hl7.path import PathError, Purpose
from routes.hl7.samples import read_sample
from routes.language.assembly import Assembly, passes_to
from routes.language.facts import FeedFacts
from routes.language.nearest import did_you_mean, nearest
from routes.language.problems import Problems, Spot
from routes.language.send_shapes import EARLIER
from routes.language.source import Scalar
from routes.language.steps import Check, FirstOf, Otherwise, RouteFile, SendEntry
from routes.language.trial_words import (
    cells_of,
    parts_of,
    path_of,
    routes_behind,
    tables_instead,
    tables_of,
)
from routes.language.trials import Destination, Expected, TableRow, Trial
from routes.tables.table import Table, TableError

__all__ = ["ENGINE_TRAYS", "look_at_trials"]

ENGINE_TRAYS = (
    "batch_count", "change_failed", "conflicting_copies", "failed", "overtaken", "unknown_address",
    "unknown_code", "unreadable", "unreadable_value",
)  # fmt: skip
"""The trays that the engine itself holds in."""

_REFUSALS = ("AE", "AR", "CE", "CR")


def look_at_trials(
    assembly: Assembly, feeds: Mapping[str, FeedFacts], samples: Mapping[str, bytes] | None
) -> None:
    """Every test of every route. samples: by path in the site; None where nobody knows which there are."""
    certain = not assembly.problems.errors
    for route in assembly.files.routes.values():
        _find_twins(route.tests, assembly.problems)
        seen: dict[str, _Around] = {}
        for trial in route.tests:
            check = _TrialCheck(assembly, feeds, route, trial)
            sample = check.sample(samples)
            check.names(certain=certain)
            if certain and trial.expected is not None:
                check.possible(trial.expected, sample, seen)


def _find_twins(trials: Iterable[Trial], problems: Problems) -> None:
    first: dict[str, Spot] = {}
    for trial in trials:
        earlier = first.setdefault(trial.name.value, trial.name.spot)
        if earlier is not trial.name.spot:
            problems.add(
                trial.name.spot,
                f"Another test of this route has this name (line {earlier.line}); give each its own, so that "
                "a failure says which it is.",
                "duplicate-test",
            )


@dataclass(frozen=True, slots=True)
class _Around:
    """What can become of a message in a route and all around it. finds: a profile's findings may warn.
    passed: another route has a part in it."""

    behind: tuple[RouteFile, ...]
    trays: set[str]
    warnings: set[str]
    rejects: set[str]
    rules: set[str]
    finds: bool
    passed: bool


@dataclass(slots=True)
class _TrialCheck:
    """One test of one route."""

    assembly: Assembly
    feeds: Mapping[str, FeedFacts]
    route: RouteFile
    trial: Trial

    # --- names ------------------------------------------------------------------------------------

    def sample(self, samples: Mapping[str, bytes] | None) -> Batch | None:
        """The sample's messages, where they are known."""
        given = self.trial.given
        if samples is None:
            return None
        if given.value not in samples:
            message = f'There is no sample "{given.value}"{did_you_mean(given.value, samples)}'
            if not samples:
                message = (
                    f'There is no sample "{given.value}": samples/ is empty. Put an invented message there.'
                )
            self._add(given.spot, message, "missing-sample", fix=nearest(given.value, samples))
            return None
        sample = read_sample(samples[given.value])
        if not sample.messages:
            self._add(given.spot, f"{given.value} holds no message.", "missing-sample")
            return None
        return sample

    def names(self, *, certain: bool) -> None:
        """Everything that the test calls by a name, and its paths. certain: so far nothing else is wrong, so
        what is said of addresses is not the doing of a channel that says it itself."""
        trial, expected = self.trial, self.trial.expected
        self._feed(certain=certain)
        for path, _ in trial.edits:
            self._path(path, "write")
        for pretence in trial.pretences.channels:
            self._channel(pretence.channel, pretence.channel.value)
        tables = self._tables()
        for place in (*trial.earlier, *trial.final):
            # Who had it then may be in no directory any more, and the channel gone; a near miss is a slip.
            if nearest(place.channel, self.assembly.channels):
                self._destination(place, None, certain=certain)
        for copy in () if expected is None else expected.sent:
            self._destination(copy.to, tables, certain=certain)
            for path, _ in copy.values:
                self._path(path, "read")

    def _feed(self, *, certain: bool) -> None:
        feed = self.trial.feed
        if feed is None:
            first = next((one for one in self.route.tests if one.feed is None), None)
            # Once for all of them; a route that nothing comes to has been told of.
            if not self.route.feeds and self.trial is first and self._ways():
                self._add(
                    self.trial.spot,
                    f'Route "{self.route.name.value}" has no "from": say by which feed the sample comes in '
                    "(example: feed: ward_lims).",
                    "missing-key",
                )
        elif feed.value not in self.feeds:
            message = f'There is no feed "{feed.value}"{did_you_mean(feed.value, self.feeds)}'
            self._add(feed.spot, message, "unknown-feed", fix=nearest(feed.value, self.feeds))
        elif certain and feed.value not in (ways := self._ways()):
            self._add(
                feed.spot,
                f'Messages of feed "{feed.value}" do not come to route "{self.route.name.value}"; '
                f"these do: {', '.join(ways) or 'none'}.",
                "never-happens",
            )

    def _ways(self) -> list[str]:
        """The feeds whose messages come to this route, through other routes too."""
        routes = self.assembly.files.routes
        name = self.route.name.value
        found: dict[str, None] = {}
        for other in routes.values():
            if name in {behind.name.value for behind in routes_behind(other, routes)}:
                found.update(dict.fromkeys(feed.value for feed in other.feeds if feed.value in self.feeds))
        return list(found)

    def _path(self, text: Scalar, purpose: Purpose) -> None:
        try:
            path_of(text.value, self.route.names, purpose)
        except PathError as error:
            words = f"{error.message[:1].upper()}{error.message[1:]}"
            end = "" if words.endswith((".", "?", "!")) else "."
            spot = text.at(error.offset, error.length)
            self._add(spot, words + end, error.rule, fix=error.fix)

    def _tables(self) -> dict[str, Table]:
        """The site's tables with the rows of this test; what does not fit is reported."""
        tables = self.assembly.files.tables
        facts = self._facts()
        instead = tables_instead(facts.dialect if facts else "", self.assembly.files)
        good = True
        for given in self.trial.tables:
            name = instead.get(given.table.value, given.table.value)
            if name not in tables:
                good = False
                if name not in tables.failed:
                    message = f'There is no table "{name}"{did_you_mean(name, tables)}'
                    self._add(given.table.spot, message, "unknown-table", fix=nearest(name, tables))
                continue
            for row in given.rows:
                good = self._row(row, tables[name]) and good
        if not good:
            return dict(tables)
        try:
            return {**tables, **tables_of(self.trial.tables, tables, instead)}
        except TableError as error:
            self._add(self.trial.tables[0].table.spot, f"{error.key}: {error.message}", error.rule)
            return dict(tables)

    def _row(self, row: TableRow, table: Table) -> bool:
        if row.columns is None:
            if len(row.cells) != len(table.columns):
                self._add(
                    row.spot,
                    f'Table "{table.name}" has the columns {", ".join(table.columns)}: give a cell for each '
                    "of them, or write column: value.",
                    "ragged-row",
                )
                return False
        else:
            for column in row.columns:
                if column.value not in table.columns:
                    message = f'Table "{table.name}" has no column "{column.value}"'
                    hint = did_you_mean(column.value, table.columns)
                    fix = nearest(column.value, table.columns)
                    self._add(column.spot, message + hint, "no-such-column", fix=fix)
                    return False
        if not cells_of(row, table).get(table.columns[0]):
            self._add(row.spot, f'This row has no key (the column "{table.columns[0]}").', "empty-key")
            return False
        return True

    def _channel(self, text: Scalar, name: str) -> bool:
        channels = self.assembly.channels
        if name in channels:
            return True
        message = f'There is no channel "{name}"{did_you_mean(name, channels)}'
        self._add(text.at(0, len(name)), message, "unknown-channel", fix=nearest(name, channels))
        return False

    def _destination(self, to: Destination, tables: Mapping[str, Table] | None, *, certain: bool) -> None:
        if not self._channel(to.text, to.channel) or not certain:
            return
        directory = self.assembly.channels[to.channel].directory
        if not directory:
            if to.address:
                self._add(
                    to.text.spot,
                    f'Channel "{to.channel}" has no directory, so its copies have no address: write '
                    f"{to.channel} alone.",
                    "needless-address",
                    fix=to.channel,
                )
        elif not to.address:
            self._add(
                to.text.spot,
                f'Channel "{to.channel}" has the directory {directory}: say which address, as '
                f"{to.channel} @ {self._example(directory)}.",
                "missing-address",
            )
        elif tables is None:
            return
        elif directory in tables and to.address not in set(tables[directory].keys()):
            at = to.text.value.rindex(to.address)
            self._add(
                to.text.at(at, len(to.address)),
                f'"{to.address}" is no key of the directory {directory}, so nothing can go there. A test may '
                "give it a row under tables.",
                "unknown-address",
            )

    def _example(self, directory: str) -> str:
        table = self.assembly.files.tables.get(directory)
        return next(iter(table.keys()), "ADDRESS") if table is not None else "ADDRESS"

    def _facts(self) -> FeedFacts | None:
        if self.trial.feed is not None:
            return self.feeds.get(self.trial.feed.value)
        return self.feeds.get(self.route.feeds[0].value) if self.route.feeds else None

    # --- what can never happen --------------------------------------------------------------------

    def possible(self, expected: Expected, sample: Batch | None, seen: dict[str, _Around]) -> None:
        """Whether the route, and all around it, can do what is expected of it. seen: what is around it, by
        the feed that the sample comes in by; the same for all tests of the route."""
        facts = self._facts()
        feed = "" if facts is None else facts.name
        around = seen.get(feed)
        if around is None:
            around = seen[feed] = self._around(facts)
        self._each(expected.held, around.trays, "Nothing here holds in the tray")
        if not around.finds:
            self._each(expected.warned, around.warnings, "Nothing here warns with the words")
        self._each(expected.rejected, around.rejects, "No reject has the words")
        self._each(expected.not_wanted, around.rules, "No entry of accept has the rule")
        self._sent(expected, around.behind)
        self._together(expected, facts, sample, around.passed)

    def _around(self, facts: FeedFacts | None) -> _Around:
        files = self.assembly.files
        behind = routes_behind(self.route, files.routes)
        names = [*self.assembly.settings.guards, *(facts.guards if facts else ())]
        names += [guard.value for route in behind for guard in route.guards]
        around: list[object] = [*behind, *(files.guards[name] for name in names if name in files.guards)]
        if facts is not None and facts.dialect in files.dialects:
            around.append(files.dialects[facts.dialect])
        said = list(_outcomes(around))
        # A reject anywhere ends the message for all of its routes.
        everywhere = _outcomes([*files.routes.values(), *files.guards.values(), *files.dialects.values()])
        others = [route for route in files.routes.values() if route is not self.route]
        return _Around(
            tuple(behind),
            {one.words for one in said if one.kind == "hold"} | set(ENGINE_TRAYS),
            {one.words for one in said if one.kind == "warn"},
            {one.words for one in everywhere if one.kind == "reject"},
            {entry.rule for route in behind for entry in route.accept},
            finds=any(isinstance(part, Check) and part.profile is not None for part in parts_of(around)),
            passed=len(behind) > 1 or any(self.route.name.value in passes_to(other) for other in others),
        )

    def _each(self, texts: Iterable[Scalar], known: set[str], words: str) -> None:
        for text in texts:
            if text.value not in known:
                message = (
                    f'{words} "{text.value}"{did_you_mean(text.value, known, allowed_words="there are")}'
                )
                self._add(text.spot, message, "never-happens", fix=nearest(text.value, known))

    def _sent(self, expected: Expected, behind: Iterable[RouteFile]) -> None:
        reached: set[str] = set()
        for entry in _entries(behind):
            if entry.to.value == EARLIER and not entry.passes:
                return  # anybody may have had an earlier version
            reached |= {entry.to.value} if not entry.passes else set()
            reached |= {entry.fall_back.then.value} if entry.fall_back else set()
            if entry.if_returned is not None and entry.if_returned.to is not None:
                reached.add(entry.if_returned.to.value)
        for copy in expected.sent:
            if copy.to.channel not in reached and copy.to.channel in self.assembly.channels:
                self._add(
                    copy.to.text.spot,
                    f'Route "{self.route.name.value}" never sends to channel "{copy.to.channel}".',
                    "never-happens",
                )

    def _together(
        self, expected: Expected, facts: FeedFacts | None, sample: Batch | None, passes: bool
    ) -> None:
        """Outcomes that one message cannot have, or not of this feed."""
        if facts is not None and facts.acknowledge == "when_stored":
            for text in expected.rejected[:1]:
                self._add(
                    text.spot,
                    f'Feed "{facts.name}" acknowledges when_stored: nothing that it brings can be rejected.',
                    "never-happens",
                )
            for ack in expected.acks if sample is not None and _acceptable(sample, facts) else ():
                if ack.value in _REFUSALS:
                    self._add(
                        ack.spot,
                        f'Feed "{facts.name}" acknowledges when_stored: its sender is told AA (or CA) before '
                        "any route decides.",
                        "never-happens",
                    )
        if sample is None or len(sample.messages) != 1:
            return
        for text in expected.rejected[:1]:
            if expected.sent or expected.held:
                self._add(
                    text.spot,
                    "A message that is rejected is sent nowhere, and nothing of it is held.",
                    "never-happens",
                )
        for text in expected.not_wanted[:1]:
            if (expected.sent or expected.held) and not passes:
                self._add(
                    text.spot, "A message that is not wanted is sent nowhere, and nothing of it is held.",
                    "never-happens",
                )  # fmt: skip

    def _add(self, spot: Spot, message: str, rule: str, *, fix: str = "") -> None:
        self.assembly.problems.add(spot, message, rule, fix=fix)


def _acceptable(sample: Batch, facts: FeedFacts) -> bool:
    """Whether every message of the sample is one that intake takes."""
    try:
        headers = [read_header(piece.data, segment_ends=facts.segment_ends) for piece in sample.messages]
    except Unreadable:
        return False
    return all(header.control_id and not header.is_acknowledgement for header in headers)


def _entries(routes: Iterable[RouteFile]) -> Iterator[SendEntry]:
    for route in routes:
        for said in route.sends:
            yield from said.entries if isinstance(said, FirstOf) else (said,)


def _outcomes(parts: Iterable[object]) -> Iterator[Otherwise]:
    """Every `else` and `otherwise` in these parts of files."""
    return (part for part in parts_of(parts) if isinstance(part, Otherwise))
