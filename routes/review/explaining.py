"""Explains a route: from the very files that decide, a document that a clinician can read and sign.

Takes what a plan was compiled from and the name of a route, gives headings, tables and numbered sentences in
the order in which things happen. Must not know how a page is written, or any message.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, replace
from itertools import count

from routes.language.assembly import passes_to
from routes.language.facts import FeedFacts
from routes.language.files import Origin
from routes.language.problems import Problem
from routes.language.steps import Accept, Check, DialectFile, FirstOf, RouteFile, SendEntry, Step
from routes.review.document import (
    Document,
    Kind,
    Phrase,
    Run,
    Section,
    Sentence,
    joined,
    name,
    phrase,
    plain,
    said,
)
from routes.review.expression_words import clause, is_condition, noun
from routes.review.glossary import glossary
from routes.review.outcome_words import NO_WORDS, Wording, names_of
from routes.review.overview import Before, overview, trays
from routes.review.send_words import send_sentence
from routes.review.step_words import accept_sentence, check_sentence, step_sentence
from routes.review.surroundings import Asked, Surroundings

__all__ = ["Label", "describe_entry", "explain_route"]

NOT_WANTED = """\
A message that is not wanted here is acknowledged to its sender and counted; nothing of it is sent \
by this route."""
HELD = """\
While a check holds a message, this route sends nothing of it. A person can release it, and then it is \
decided again."""
UNCHANGED = """\
All else in the message stays exactly as it came. A change that cannot be made holds the message in the \
tray """
BEFORE = """\
What waits here reaches no route until a person releases it."""
EACH = """\
Each of these is done by itself: a copy that waits or cannot be sent does not keep the others back."""
WAITING = """\
What must not go by itself waits in a tray, which is a list that people work through, until somebody has \
looked at it."""
STORED = """\
 are told that a message is accepted as soon as it is safely stored, before any of this is decided."""
ROUTED = """\
 are answered when all routes have decided: a message that is refused is answered with the words of its \
refusal, and nothing of it is sent by any route; every other one is accepted, also where it waits in a \
tray or is not wanted."""
PROMISES = """\
Nothing is thrown away: each message is sent, waits for a person, is refused with words, or is counted as \
not wanted.
At most one copy of a message goes to one channel and address, also where several sentences lead there.
If this route fails unexpectedly, the message waits in the tray failed, and other routes go on."""


@dataclass(frozen=True, slots=True)
class Label:
    """What the page is headed with: the site's name, its version (a hash) and its environment, or ""."""

    site: str = ""
    version: str = ""
    environment: str = ""


NO_LABEL = Label()

Entry = Step | Check | Accept | SendEntry | FirstOf


def describe_entry(entry: Entry, wording: Wording = NO_WORDS) -> str:
    """Any entry of a route, dialect or guard as a plain text, its points behind it.

    wording: the file's names and the site, where they are known.
    """
    return _flat(_sentence(entry, wording))


def _sentence(entry: Entry, wording: Wording) -> Sentence:
    match entry:
        case Check():
            return check_sentence(entry, wording)
        case Accept():
            return accept_sentence(entry, wording)
        case SendEntry() | FirstOf():
            return send_sentence(entry, wording)
        case Step():
            return step_sentence(entry, wording)


def _flat(sentence: Sentence) -> str:
    points = " ".join(f"({_flat(point)})" for point in sentence.points)
    return f"{plain(sentence.words)} {points}".strip()


def explain_route(
    origin: Origin, route: str, label: Label = NO_LABEL, problems: Iterable[Problem] = ()
) -> Document:
    """The explanation of one route. KeyError: there is no such route.

    problems: what the check of the site found; what concerns this route is told, so that nobody signs a
    sentence that is not carried out.
    """
    told = _Told(origin, origin.files.routes[route])
    front = told.overview()
    warned = told.warned(problems)
    sections = _numbered([section for section in told.sections() if section is not None])
    promises = tuple(Sentence(phrase(line)) for line in PROMISES.splitlines())
    closing = (
        trays(sections, told.wording),
        glossary((*front, *sections), origin),
        Section(phrase("What always holds"), sentences=promises),
    )
    return Document(
        route,
        told.route.about,
        told.route.owner,
        told.summary(front),
        (*front, *warned, *sections, *[section for section in closing if section is not None]),
        label.site,
        label.version,
        label.environment,
    )


def _numbered(sections: Iterable[Section]) -> list[Section]:
    """Sentences counted through from the first section to the last."""
    numbers = count(1)
    return [
        replace(section, sentences=tuple(replace(each, number=next(numbers)) for each in section.sentences))
        for section in sections
    ]


class _Told:
    """One route on its way into a document."""

    def __init__(self, origin: Origin, route: RouteFile) -> None:
        self.origin = origin
        self.route = route
        self.around = Surroundings(origin, route)
        self.wording = Wording(names_of(route.names), origin)
        self.shared = Wording(origin=origin)

    def overview(self) -> list[Section]:
        """The two tables at the front."""
        return overview(self.route, self.wording, self._before())

    def _before(self) -> Iterator[Before]:
        """Checks and changes that come before the route's own, each with where they stand."""
        for dialect, _ in self.around.dialects():
            inside = Wording(names_of(dialect.names), self.origin)
            yield f"dialect {dialect.name.value}", dialect.checks, dialect.changes, inside
        for asked in self.around.guards():
            yield f"shared check {asked.guard.name.value}", asked.guard.checks, (), self.shared

    def warned(self, problems: Iterable[Problem]) -> list[Section]:
        """What the check warns of in the files that this explanation tells of."""
        files = {self.route.spot.file}
        files |= {dialect.spot.file for dialect, _ in self.around.dialects()}
        files |= {asked.guard.spot.file for asked in self.around.guards()}
        found = [problem for problem in problems if problem.spot.file in files]
        lines = [Sentence(phrase(problem.message), where=str(problem.spot)) for problem in found]
        return [Section(phrase("What the check warns of"), sentences=tuple(lines))] if lines else []

    def summary(self, front: Sequence[Section]) -> Sequence[Phrase]:
        """What comes in, where it goes and where it may wait, in a few lines."""
        said_so: list[Phrase] = []
        feeds, passing = self.around.feeds(), self.around.passing()
        if feeds:
            named = joined([phrase(name(f.name, "feed"), _called(f.about)) for f in feeds])
            said_so.append(phrase("Messages come in from ", named, "."))
        if passing:
            said_so.append(phrase("Other routes pass messages to it: ", _named(passing, "route"), "."))
        sent = _all_of(front, "channel")
        if sent:
            named = joined([phrase(name(each, "channel"), self._channel_about(each)) for each in sent])
            said_so.append(phrase("They are sent to ", named, "; the table says when."))
        onward = dict.fromkeys(passes_to(self.route))
        if onward:
            said_so.append(phrase("They go on to ", _named(onward, "route"), "; the table says when."))
        held = _all_of(front, "tray")
        if held:
            said_so.append(phrase(WAITING))
        return said_so

    def _channel_about(self, channel: str) -> Phrase:
        found = self.origin.channels.get(channel)
        return _called("" if found is None else found.about)

    # --- sections ----------------------------------------------------------------------------------------

    def sections(self) -> Iterator[Section | None]:
        """What happens, in its order; None for a part that the route does not have."""
        yield _section("What the route's own words mean", _meanings(self.wording))
        yield self._incoming()
        for dialect, feeds in self.around.dialects():
            yield self._dialect(dialect, feeds)
        for asked in self.around.guards():
            yield self._guard(asked)
        wanted = [accept_sentence(accept, self.wording) for accept in self.route.accept]
        yield _section("Which of them this route wants", wanted, phrase(NOT_WANTED))
        checks = [check_sentence(check, self.wording) for check in self.route.checks]
        yield _section("What is checked", checks, phrase(HELD))
        changes = [step_sentence(step, self.wording) for step in self.route.changes]
        note = phrase(UNCHANGED, name("change_failed", "tray"), ", unless said otherwise.")
        yield _section("What is changed", changes, note)
        sends = [send_sentence(entry, self.wording) for entry in self.route.sends]
        yield _section("Where copies are sent", sends, phrase(EACH))
        yield _section("What the senders are told", self._answers())

    def _incoming(self) -> Section | None:
        sentences: list[Sentence] = []
        feeds = self.around.feeds()
        if feeds:
            points = tuple(_feed_sentence(feed) for feed in feeds)
            sentences.append(Sentence(phrase("The route takes the messages of these feeds:"), points))
        for other in self.around.passing():
            words = (" passes messages to this one; its own explanation says which.",)
            sentences.append(Sentence(phrase("The route ", name(other, "route"), *words)))
        return _section("Which messages come in", sentences)

    def _dialect(self, dialect: DialectFile, feeds: Sequence[str]) -> Section:
        wording = Wording(names_of(dialect.names), self.origin)
        sentences = list(_meanings(wording))
        sentences += [check_sentence(check, wording) for check in dialect.checks]
        sentences += [step_sentence(step, wording) for step in dialect.changes]
        for instead, table in dialect.tables:
            words = phrase(
                "Where a route names the table ", name(instead.value, "table"), ", the table ",
                name(table.value, "table"), " is read for these messages.",
            )  # fmt: skip
            sentences.append(Sentence(words))
        whose = phrase("Before anything else, for messages from ", _named(feeds, "feed"), ".")
        title = phrase("The hospital's dialect: ", name(dialect.name.value))
        note = phrase(BEFORE) if _may_wait(sentences) else ()
        return Section(title, _with_about(whose, dialect.about), sentences=tuple(sentences), note=note)

    def _guard(self, asked: Asked) -> Section:
        guard = asked.guard
        whose = phrase("for every feed") if asked.everywhere else phrase("for this route")
        note = phrase(BEFORE if asked.everywhere or asked.feeds else HELD)
        if asked.feeds:
            whose = phrase("for messages from ", _named(asked.feeds, "feed"))
        sentences = tuple(check_sentence(check, self.shared) for check in guard.checks)
        title = phrase("Shared check: ", name(guard.name.value))
        intro = _with_about(phrase("Asked ", whose, "."), guard.about)
        return Section(title, intro, sentences=sentences, note=note)

    def _answers(self) -> Iterator[Sentence]:
        """What each feed's acknowledgement means."""
        feeds = self.around.all_feeds()
        for acknowledge, words in (("when_stored", STORED), ("when_routed", ROUTED)):
            names = [feed.name for feed in feeds if feed.acknowledge == acknowledge]
            if names:
                yield Sentence(phrase("The senders behind ", _named(names, "feed"), words))


def _section(title: str, sentences: Iterable[Sentence], note: Phrase = ()) -> Section | None:
    found = tuple(sentences)
    return Section(phrase(title), sentences=found, note=note) if found else None


def _may_wait(sentences: Iterable[Sentence]) -> bool:
    return any(run.kind == "tray" for each in sentences for run in each.words)


def _with_about(words: Phrase, about: str) -> Phrase:
    return phrase(words, " ", said(about)) if about else words


def _meanings(wording: Wording) -> Iterator[Sentence]:
    """What each name of a file stands for."""
    for word, tree in wording.naming.names.items():
        if is_condition(tree, wording.naming):
            yield Sentence(phrase(name(word), " is true when ", clause(tree, wording.naming), "."))
        else:
            yield Sentence(phrase(name(word), " means ", noun(tree, wording.naming), "."))


def _feed_sentence(feed: FeedFacts) -> Sentence:
    words = phrase(name(feed.name, "feed"), _called(feed.about))
    if feed.queue:
        words = phrase(words, ", which takes them from the queue ", name(feed.queue), " on the broker")
    if feed.dialect:
        words = phrase(words, ", in the dialect ", name(feed.dialect))
    if feed.timezone:
        words = phrase(words, f", with the clock of {feed.timezone}")
    if feed.retired:
        words = phrase(words, ", which is retired and takes no more messages")
    if feed.answers_for:
        channels = _named((channel for channel, _ in feed.answers_for), "channel")
        answers = "; what answers a delivery is matched to the copies that went out by "
        words = phrase(words, answers, channels)
    return Sentence(phrase(words, "."))


def _called(about: str) -> Phrase:
    """What a feed or channel is, in brackets behind its name."""
    return phrase(" (", said(about), ")") if about else ()


def _named(names: Iterable[str], kind: Kind) -> Phrase:
    return joined([Run(text, kind) for text in names])


def _all_of(sections: Iterable[Section], kind: Kind) -> list[str]:
    """The names of one kind in the tables of these sections, each once."""
    tables = [section.table for section in sections if section.table is not None]
    cells = [cell for table in tables for row in table.rows for cell in row]
    return list(dict.fromkeys(run.text for cell in cells for run in cell if run.kind == kind))
