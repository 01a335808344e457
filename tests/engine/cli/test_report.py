"""`gatepost report` adds up on the screen, in a CSV, as JSON and as a page; none of them holds content."""

from __future__ import annotations

import asyncio
import base64
import csv
import hashlib
import json
import os
import re
import shutil
from collections.abc import Callable
from dataclasses import replace
from html.parser import HTMLParser
from pathlib import Path

import pytest
from click.testing import CliRunner, Result

from engine.cli import main
from engine.cli.report_forms import report_as_csv
from engine.cli.report_names import NO_NAMES, Names, names_of
from engine.cli.report_page import report_page
from engine.journal.records import BatchCount, Decided, HeldPart, NewDelivery, RoutePart, Verdict
from engine.journal.sqlite import SqliteJournal
from engine.reconciliation import CopyLine, Line, Report
from tests.engine.journal.journal_rig import START, arrival, changed, decided, store
from tests.engine.journal.test_journal_reckoning import spoil

GOLDEN = Path(__file__).parent / "golden"
EXAMPLE = Path(__file__).parents[3] / "config"
SITE = "site: three-hospitals\ndata: data\ntimezone: Europe/London\n"
DAY = "2026-01-05"
NAME = "PENHALIGON"
HOSTILE = "<script>alert(1)</script>"


async def fill(folder: Path) -> None:
    """One message of each fate, on one day; and one that is open since the day before."""
    journal = SqliteJournal.open(folder, loop=asyncio.get_running_loop())
    day_before = START - 24 * 3_600_000_000
    await store(journal, arrival(100, at=day_before, hold="batch_count"))
    rows = await store(journal, *(arrival(number, NAME) for number in range(1, 10)))
    await store(journal, arrival(1, NAME), arrival(50, refused="no readable MSH"))
    await store(journal, arrival(60, feed="st_annes_tie", type_="ADT^A01"))
    ids = [row.id for row in rows]

    def to(*practices: str) -> list[NewDelivery]:
        return [NewDelivery("gp_results", "gp_message", code, None, b"1") for code in practices]

    made = await journal.record([
        decided(ids[0], *to("Y06601", "Y06602")),
        decided(ids[1], *to("Y06601")),
        decided(ids[2], *to("Y06602")),
        decided(ids[3], *to("Y06603")),
        decided(ids[4], *to("Y06601")),
        Decided(ids[5], "c1", START, (RoutePart("gp_results", "not_wanted", "not a result"),)),
        Decided(ids[6], "c1", START, (RoutePart("gp_results", "rejected"),), verdict=Verdict("error"),
                rejected=True),
        Decided(ids[7], "c1", START, (RoutePart("gp_results", "held"),),
                held=(HeldPart("gp_results", "no_practice", "no such practice"),)),
        decided(ids[8], *to("=1+1")),
    ])  # fmt: skip
    ((a, b), (c,), (d,), (_,), (e,), *_, (f,)) = made
    await journal.change([changed(row, "delivered") for row in (a, b, c, f)])
    await journal.change([changed(c, "acknowledged"), changed(d, "parked"), changed(e, "discarded")])
    await journal.close()


@pytest.fixture(scope="module")
def filled(tmp_path_factory: pytest.TempPathFactory) -> Path:
    site = tmp_path_factory.mktemp("report")
    (site / "gatepost.yaml").write_text(SITE, encoding="utf-8")
    (site / "data").mkdir()
    asyncio.run(fill(site / "data"))
    return site


@pytest.fixture
def site(tmp_path: Path) -> Path:
    (tmp_path / "gatepost.yaml").write_text(SITE, encoding="utf-8")
    (tmp_path / "data").mkdir()
    asyncio.run(fill(tmp_path / "data"))
    return tmp_path


def report(*arguments: object) -> Result:
    return CliRunner().invoke(main, ["report", *map(str, arguments)])


def as_json(site: Path, *arguments: object) -> dict[str, object]:
    answer: dict[str, object] = json.loads(report(site, "--json", *arguments).stdout)
    return answer


def is_golden(name: str, text: str) -> bool:
    golden = GOLDEN / name
    if os.environ.get("GATEPOST_GOLDEN") == "renew":
        golden.write_bytes(text.encode())
    return golden.read_bytes() == text.encode()


def test_the_screen_is_as_reviewed(filled: Path) -> None:
    result = report(filled, "--day", DAY)

    assert result.exit_code == 0, result.output
    assert is_golden("report.txt", re.sub(r" +$", "", result.stdout, flags=re.MULTILINE))


def test_the_csv_is_as_reviewed_and_adds_up(filled: Path, tmp_path: Path) -> None:
    file = tmp_path / "new" / "report.csv"
    result = report(filled, "--since", "2026-01-04", "--until", DAY, "--csv", file)

    assert result.exit_code == 0, result.output
    text = file.read_bytes().decode()
    assert is_golden("report.csv", text)
    for line in csv.DictReader(text.splitlines()):
        values = list(line.values())
        if line["what"] == "messages":
            assert int(line["accepted"]) == sum(map(int, values[7:19]))
        else:
            assert int(line["copies"]) == sum(map(int, values[22:]))


@pytest.mark.parametrize("hostile", ["=1+1", "+1", "-1", "@SUM(A1)", "\tx", "\rx", "'=1"])
def test_a_spreadsheet_runs_nothing_of_the_csv(hostile: str) -> None:
    copies = [CopyLine(DAY, "lab", "ORU", "gp", hostile, {"delivered": 1})]
    lines = [Line(DAY, "lab", hostile, {"delivered": 1})]

    text = report_as_csv(Report("s", "Europe/London", [DAY], 0, "", "", lines, copies))

    cells = [cell for row in csv.reader(text.splitlines(keepends=True)) for cell in row]
    assert "'" + hostile in cells
    assert hostile not in cells


def test_json_has_every_fate_once(filled: Path) -> None:
    total = as_json(filled, "--day", DAY)["total"]

    assert isinstance(total, dict)
    counts = {name: count for name, count in total.items() if count and "oldest" not in name}
    assert counts == {
        "accepted": 11, "delivered": 2, "acknowledged": 1, "outstanding": 1, "held": 1, "stopped": 1,
        "ended": 1, "not_wanted": 1, "rejected": 1, "duplicate": 1, "undecided": 1,
    }  # fmt: skip


def test_one_feed_and_one_practice_can_be_asked_for(filled: Path) -> None:
    feed = as_json(filled, "--day", DAY, "--feed", "st_annes_tie")
    practice = as_json(filled, "--day", DAY, "--practice", "Y06602")

    assert feed["total"]["accepted"] == 1  # type: ignore[index]
    assert practice["total"]["accepted"] == 2  # type: ignore[index]
    assert [line["practice"] for line in practice["copies"]] == ["Y06602"]  # type: ignore[attr-defined]


def test_a_message_that_is_lost_or_contradicts_itself_is_named(site: Path) -> None:
    spoil(site / "data", "DELETE FROM delivery WHERE message=3")
    spoil(site / "data", "DELETE FROM message WHERE id=7")

    result = report(site, "--day", DAY)

    assert result.exit_code == 1
    assert "It does NOT balance." in result.stdout
    assert "1 message has a record that contradicts itself: 3." in result.stdout
    assert "1 message has no record: 7." in result.stdout
    assert as_json(site, "--day", DAY)["balances"] is False


@pytest.mark.parametrize(("count", "status", "words"), [(9, 0, "+0"), (12, 1, "-3"), (8, 1, "+1")])
def test_what_the_sender_counted_is_compared(
    filled: Path, tmp_path: Path, count: int, status: int, words: str
) -> None:
    file = tmp_path / "counts.csv"
    file.write_text(f"feed,type,count\nnorthfield_lims,ORU,{count}\n", encoding="utf-8")

    result = report(filled, "--day", DAY, "--sent", file)

    assert result.exit_code == status
    assert words in result.stdout.partition("What the senders say")[2]


def test_sequence_numbers_are_looked_at_when_asked(filled: Path) -> None:
    result = report(filled, "--day", DAY, "--sequences")

    assert result.exit_code == 0
    assert "No message has a number in MSH-13." in result.stdout


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (["--day", "5.1.2026"], "is no day; write 2026-11-24, yesterday or today"),
        (["--day", DAY, "--since", DAY], "not both"),
        (["--until", DAY], "--until needs --since"),
        (["--since", DAY, "--until", "2026-01-04"], "is before"),
        (["--feed", "northfield_lim"], 'did you mean "northfield_lims"?'),
        (["--json", "--csv", "x.csv"], "in a run of their own"),
        (["--sent", "COUNTS"], "cannot be used: its first line must name the columns"),
    ],
)
def test_wrong_use_says_what_is_right(filled: Path, tmp_path: Path, arguments: list[str], words: str) -> None:
    counts = tmp_path / "counts.csv"
    counts.write_text("a,b\n", encoding="utf-8")

    result = report(filled, *(str(counts) if word == "COUNTS" else word for word in arguments))

    assert result.exit_code == 2
    assert words in " ".join(result.output.split())


class Page(HTMLParser):
    """The elements of a page, and its text."""

    def __init__(self) -> None:
        super().__init__()
        self.tags: list[str] = []
        self.links: list[str] = []
        self.words = ""

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.append(tag)
        self.links += [value or "" for name, value in attrs if name in ("href", "src")]

    def handle_data(self, data: str) -> None:
        self.words += data


def read(text: str) -> Page:
    page = Page()
    page.feed(text)
    return page


def test_the_page_answers_its_question_first_and_fetches_nothing(filled: Path, tmp_path: Path) -> None:
    file = tmp_path / "report.html"
    assert report(filled, "--day", DAY, "--html", file).exit_code == 0
    text = file.read_text(encoding="utf-8")
    page = read(text)

    assert page.words.index("Not all of them yet.") < page.words.index("What became of each message")
    assert "2 messages wait for a person and 2 messages are still on their way." in page.words
    assert "Still open from the days before" in page.words
    assert "script" not in page.tags
    assert page.links == []
    style = text.partition("<style>")[2].partition("</style>")[0]
    digest = base64.b64encode(hashlib.sha256(style.encode()).digest()).decode()
    assert f"style-src 'sha256-{digest}'" in text
    assert NAME not in text


@pytest.mark.parametrize("form", [report_page, report_as_csv])
def test_no_form_holds_content(filled: Path, form: Callable[[Report], str]) -> None:
    assert NAME not in form(Report("s", "Europe/London", [DAY], 0, "", "", [], []))
    assert NAME not in report(filled, "--day", DAY).stdout
    assert NAME not in report(filled, "--day", DAY, "--json").stdout


def test_whatever_comes_from_outside_is_text_on_the_page() -> None:
    lines = [Line(DAY, HOSTILE, HOSTILE, {"delivered": 1})]
    copies = [CopyLine(DAY, HOSTILE, HOSTILE, HOSTILE, HOSTILE, {"parked": 1})]

    text = report_page(Report(HOSTILE, "Europe/London", [DAY], 0, HOSTILE, HOSTILE, lines, copies))

    assert "<script" not in text
    assert read(text).words.count(HOSTILE) >= 6


def test_codes_have_the_names_that_people_know_below_them(tmp_path: Path) -> None:
    site = Path(shutil.copytree(EXAMPLE, tmp_path / "site"))
    lines = [
        Line(DAY, "northfield_lims", "ORU", {"delivered": 1}),
        Line(DAY, "gone_lims", "ORU", {"held": 1}),
    ]
    copies = [
        CopyLine(DAY, "northfield_lims", "ORU", "gp_message", "Y06601", {"parked": 1}),
        CopyLine(DAY, "northfield_lims", "ORU", "archive", "", {"delivered": 1}),
    ]
    found = Report("s", "Europe/London", [DAY], 0, "", "", lines, copies)

    words = read(report_page(found, names_of(site, ""))).words
    assert "northfield_limsNorthfield Infirmary, laboratory" in words
    assert "Y06601Ash Lane Surgery" in words
    assert names_of(tmp_path / "no site", "") == NO_NAMES


def test_a_name_from_outside_is_text_on_the_page() -> None:
    lines = [Line(DAY, "lab", "ORU", {"delivered": 1})]

    text = report_page(Report("s", "Europe/London", [DAY], 0, "", "", lines, []), Names({"lab": HOSTILE}))

    assert "<script" not in text
    assert HOSTILE in read(text).words


@pytest.mark.parametrize(
    ("counts", "words"),
    [
        ({"delivered": 2, "acknowledged": 1}, "Yes: nothing is outstanding."),
        ({"delivered": 2, "stopped": 1}, "1 message waits for a person."),
        ({"undecided": 1}, "1 message is still on its way."),
        ({}, "No message came in."),
    ],
)
def test_the_answer_is_that_of_the_figures(counts: dict[str, int], words: str) -> None:
    lines = [Line(DAY, "lab", "ORU", counts)] if counts else []  # type: ignore[arg-type]

    assert words in read(report_page(Report("s", "Europe/London", [DAY], 0, "", "", lines, []))).words


def test_a_page_that_does_not_balance_says_so_above_all() -> None:
    lines = [Line(DAY, "lab", "ORU", {"delivered": 2, "unaccounted": 1})]

    found = Report("s", "Europe/London", [DAY], 0, "", "", lines, [], unaccounted=[17], missing=[(20, 22)])

    words = read(report_page(found)).words
    assert "It does NOT balance." in words
    assert "3 messages have no record: 20 to 22." in words


def test_rates_are_proposed_from_the_journal(filled: Path) -> None:
    result = report(filled, "--suggest-rates", "--since", DAY, "--until", DAY, "--feed", "northfield_lims")
    nothing = report(filled, "--suggest-rates", "--since", "2025-01-01", "--until", "2025-01-28")

    assert result.exit_code == 0, result.output
    assert '    monday: {"08:00-09:00": 10}' in result.stdout
    assert nothing.exit_code == 1
    assert "No message came in between" in nothing.stderr


def test_what_the_trailers_of_batches_say_is_in_every_form_and_a_difference_tells(
    site: Path, tmp_path: Path
) -> None:
    async def batches() -> None:
        journal = SqliteJournal.open(site / "data", loop=asyncio.get_running_loop())
        wrong = BatchCount(3, 1, "BTS-1 does not equal the number of messages", first=True)
        await store(
            journal,
            replace(arrival(70, NAME), batch=BatchCount(2, 2, first=True)),
            arrival(71, NAME),
            replace(arrival(72, NAME), batch=wrong, hold="batch_count"),
        )
        await journal.close()

    assert "batches" not in as_json(site, "--day", DAY)
    asyncio.run(batches())

    shown = report(site, "--day", DAY)
    assert shown.exit_code == 1
    assert "What the trailers of batches say" in shown.stdout
    assert re.search(r"2 +5 +3 +1 +message 16", shown.stdout), shown.stdout
    assert as_json(site, "--day", DAY)["batches"] == [{
        "feed": "northfield_lims", "batches": 2, "telling": 2, "said": 5, "came": 3, "differing": 1,
        "examples": [16],
    }]  # fmt: skip
    page = tmp_path / "page.html"
    report(site, "--day", DAY, "--html", page)
    assert "What the trailers of batches say" in page.read_text(encoding="utf-8")
    assert "batches" not in as_json(site, "--day", DAY, "--practice", "Y06601"), "no batch is a practice's"
