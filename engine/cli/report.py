"""`gatepost report`: reconciliation. What came in, what became of it, and whether that adds up.

Reads the journal and the senders' counts, and has the rest counted and shown: it must not know how.
"""

from __future__ import annotations

import json
import sys
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import replace
from datetime import date, datetime, timedelta
from pathlib import Path
from zoneinfo import ZoneInfo

import click

from engine.cli.journal_view import console, data_option, open_journal
from engine.cli.options import environment_option, site_argument
from engine.cli.pages import write_page
from engine.cli.report_forms import print_report, report_as_csv, report_as_json
from engine.cli.report_names import names_of
from engine.cli.report_page import report_page
from engine.cli.search_terms import SearchTerms
from engine.journal.reading import JournalReader
from engine.journal.reckoning import Reckoning
from engine.reconciliation import Report, bounds_of, days_between, reconcile
from engine.sent_counts import CountFileError, SentCount, compare, follow, numbers_of, read_counts
from engine.site.data_folder import find_site_name, find_timezone
from engine.usual_rates import suggest_rates as suggest

__all__ = ["report"]

MOST_DAYS = 400
WEEKS = 4
"""Weeks that --suggest-rates looks at unless it is told since when."""


@click.command(
    epilog="\b\nExamples:\n  gatepost report config --day yesterday --html report.html\n"
    "  gatepost report --since 2026-11-01 --until 2026-11-30 --csv november.csv\n"
    "  gatepost report --day yesterday --sent laboratory-counts.csv\n"
    "  gatepost report --suggest-rates --feed northfield_lims"
)
@site_argument
@environment_option
@data_option
@click.option("--day", default="", metavar="DAY", help="2026-11-24, yesterday, or today (the default).")
@click.option("--since", default="", metavar="DAY", help="The first day, in place of --day.")
@click.option("--until", default="", metavar="DAY", help="The last day (included); today unless given.")
@click.option("--feed", default="", metavar="NAME", help="Only messages of this feed.")
@click.option("--practice", default="", metavar="CODE", help="Only messages with a copy for this address.")
@click.option(
    "--sent",
    type=click.Path(path_type=Path, dir_okay=False, exists=True),
    metavar="FILE",
    help="What the senders say they sent: CSV with the columns feed,type,count.",
)
@click.option(
    "--sequences", is_flag=True, help="Look for gaps in the senders' sequence numbers (MSH-13). Slower."
)
@click.option("--json", "as_json", is_flag=True, help="One JSON object, for scripts.")
@click.option(
    "--csv", "table", type=click.Path(path_type=Path, dir_okay=False), metavar="FILE",
    help="Write every figure, for a spreadsheet.",
)  # fmt: skip
@click.option(
    "--html", "page", type=click.Path(path_type=Path, dir_okay=False), metavar="FILE",
    help="Write a page to be read or printed.",
)  # fmt: skip
@click.option(
    "--suggest-rates", is_flag=True, help="Propose `expect` for feeds.yaml, from the weeks before today."
)
def report(
    site: Path,
    environment: str,
    data: Path | None,
    day: str,
    since: str,
    until: str,
    feed: str,
    practice: str,
    sent: Path | None,
    sequences: bool,
    as_json: bool,
    table: Path | None,
    page: Path | None,
    suggest_rates: bool,
) -> None:
    """What SITE (default: config) accepted in a day or more, and what became of each message.

    Counts by day (in the site's time zone), feed, type and practice. Every accepted message is delivered,
    on its way, held, parked, not wanted, rejected, a duplicate or not decided yet, and is in one of these
    only; what does not add up is named. What is open from earlier days is told too. No content of messages is
    shown. Works while the engine runs, from its own process, and while it is stopped.

    Exit status 1 where it does not balance, or where the senders' counts (a file, the trailers of batches) or
    numbers differ.
    """
    if as_json and (table or page):
        raise click.UsageError("--json writes to the screen: ask for --csv and --html in a run of their own.")
    zone = ZoneInfo(find_timezone(site, environment))
    with open_journal(site, environment, data) as journal:
        SearchTerms(site, environment, journal).check(feed, "")
        if suggest_rates:
            _suggest(journal, zone, since, until, feed)
            return
        days = _days(zone, day, since, until, journal)
        counts = _counts(sent, site, environment, journal) if sent is not None else None
        reckoning = journal.reckoning(feed=feed, practice=practice)
        with _progress(len(days)) as counted:
            found = reconcile(
                reckoning,
                days,
                zone,
                site=find_site_name(site, environment),
                made=int(time.time() * 1e6),
                feed=feed,
                practice=practice,
                counted=counted,
            )
            found = _with_senders(found, reckoning, days, zone, counts, sequences=sequences)
    _show(found, site, environment, as_json=as_json, table=table, page=page)
    sys.exit(0 if found.balances and not _differ(found) else 1)


@contextmanager
def _progress(days: int) -> Iterator[Callable[[], None]]:
    """What is called for each day that is counted: drawn for somebody who watches, and else nothing."""
    if not sys.stderr.isatty():
        yield lambda: None
        return
    with click.progressbar(length=days, label="Counting", file=sys.stderr) as progress:
        yield lambda: progress.update(1)


# -- what is asked --------------------------------------------------------------------------------------


def _days(zone: ZoneInfo, day: str, since: str, until: str, journal: JournalReader) -> Sequence[date]:
    today = datetime.now(zone).date()
    if day and (since or until):
        raise click.UsageError("Say --day, or --since and --until, not both.")
    if until and not since:
        raise click.UsageError("--until needs --since, the first day.")
    if not since:
        chosen = _day(day or "today", today)
        return [chosen]
    first, last = _day(since, today), _day(until, today) if until else today
    if last < first:
        raise click.UsageError(f"{last} is before {first}.")
    oldest = journal.reckoning().first()
    if oldest:  # days from before the journal began would be empty lines
        first = min(max(first, datetime.fromtimestamp(oldest / 1e6, zone).date()), last)
    if (last - first).days >= MOST_DAYS:
        raise click.UsageError(f"A report is of at most {MOST_DAYS} days.")
    return days_between(first, last)


def _day(text: str, today: date) -> date:
    named = {"today": today, "yesterday": today - timedelta(days=1)}
    if text in named:
        return named[text]
    try:
        return date.fromisoformat(text)
    except ValueError:
        raise click.BadParameter(f'"{text}" is no day; write 2026-11-24, yesterday or today') from None


def _counts(file: Path, site: Path, environment: str, journal: JournalReader) -> Sequence[SentCount]:
    try:
        counts = read_counts(file.read_text(encoding="utf-8"))
    except (OSError, UnicodeDecodeError, CountFileError) as why:
        words = "it is not UTF-8" if isinstance(why, UnicodeDecodeError) else str(why)
        raise click.UsageError(f"{file} cannot be used: {words}.") from None
    terms = SearchTerms(site, environment, journal)
    for count in counts:
        terms.check(count.feed, "")
    return counts


# -- what the senders say -------------------------------------------------------------------------------


def _with_senders(
    found: Report,
    reckoning: Reckoning,
    days: Sequence[date],
    zone: ZoneInfo,
    counts: Sequence[SentCount] | None,
    *,
    sequences: bool,
) -> Report:
    if counts is not None:
        accepted = {
            (line.feed, line.type): (line.accepted - line.count("duplicate"), line.count("duplicate"))
            for line in found.by_feed_and_type()
        }
        found = replace(found, differences=compare(counts, accepted))
    since, until = bounds_of(days[0], zone)[0], bounds_of(days[-1], zone)[1]
    found = replace(found, batches=reckoning.batches(since, until))
    if sequences:
        found = replace(found, sequences=follow(numbers_of(reckoning.heads(since, until))))
    return found


def _differ(found: Report) -> bool:
    differences = any(one.difference for one in found.differences or ())
    differences = differences or any(one.differing for one in found.batches)
    return differences or any(one.missing or one.repeats for one in found.sequences or ())


# -- what is shown --------------------------------------------------------------------------------------


def _show(
    found: Report, site: Path, environment: str, *, as_json: bool, table: Path | None, page: Path | None
) -> None:
    if as_json:
        click.echo(json.dumps(report_as_json(found), indent=2))
    elif table is None and page is None:
        print_report(console(), found)
    if table is not None:
        write_page(table, report_as_csv(found))
    if page is not None:
        write_page(page, report_page(found, names_of(site, environment)))


def _suggest(journal: JournalReader, zone: ZoneInfo, since: str, until: str, feed: str) -> None:
    today = datetime.now(zone).date()
    first = _day(since, today) if since else today - timedelta(weeks=WEEKS)
    last = _day(until, today) if until else today - timedelta(days=1)
    if last < first or (last - first).days >= MOST_DAYS:
        raise click.UsageError(
            f"Rates are proposed from 1 to {MOST_DAYS} days; --since comes before --until."
        )
    since_, until_ = bounds_of(first, zone)[0], bounds_of(last, zone)[1]
    arrived = journal.reckoning(feed=feed).arrived(since_, until_)
    text = suggest(arrived, days_between(first, last), zone)
    if not text:
        click.echo(f"No message came in between {first} and {last}; --since goes further back.", err=True)
        sys.exit(1)
    click.echo(text, nl=False)
