"""`gatepost replay` says what would differ, on the screen, for scripts and as a page; and touches nothing."""

from __future__ import annotations

import base64
import hashlib
import json
import re
import subprocess
import sys
from html.parser import HTMLParser
from pathlib import Path

import pytest
from click.testing import CliRunner, Result

from engine.cli import main
from engine.cli.replay_page import in_words
from engine.journal.schema import DATABASE
from tests.engine.past_rig import an_example, edit, load, sample, samples, work

NAME = "PENHALIGON"
HOSTILE = "<script>alert(1)</script>"
LONG_AGO = "2026-01-01"


@pytest.fixture(scope="module")
def before(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The example site as it was when its samples came in, its journal beside it."""
    site = an_example(tmp_path_factory.mktemp("before"))
    work(site, [*samples(), sample("st_annes_result", 99, control_id=HOSTILE)])
    return site


@pytest.fixture(scope="module")
def site(before: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The same journal behind a site that has changed since."""
    changed = an_example(tmp_path_factory.mktemp("after"))
    edit(changed / "gatepost.yaml", "data: ../data", f"data: {before.parent / 'data'}")
    edit(changed / "routes" / "gp_results.yaml", "set: {MSH-6: practice}", "set: {MSH-6: PID-5.1}")
    edit(changed / "tables" / "gp_directory.csv", "Ash Lane Surgery,electronic", "Ash Lane Surgery,paper")
    return changed


def replay(*arguments: object) -> Result:
    return CliRunner().invoke(main, ["replay", *map(str, arguments)])


def test_what_would_differ_is_told_with_its_reasons(site: Path) -> None:
    result = replay("gp_results", site, "--since", LONG_AGO, "--show", "9")

    assert result.exit_code == 1, result.output
    first = result.stdout.splitlines()[0]
    assert first.startswith(
        "13 messages; 4 same; 9 differ: 4 gp_message → print_room, 3 other content to arch"
    )
    for words in (
        "route routes/gp_results.yaml changed",
        "table tables/gp_directory.csv changed: 1 row changed",
        "Y06601: accepts: electronic → paper",
        "gp_message @ Y06601 → print_room @ Y06601",
        f"MSH-6  Y06601 → {NAME}",
    ):
        assert words in result.stdout
    assert "patient data" in result.stderr


def test_where_nothing_differs_the_status_is_0(before: Path) -> None:
    result = replay("--all", before, "--since", LONG_AGO)

    assert result.exit_code == 0, result.output
    assert f"{len(samples()) + 1} messages; {len(samples()) + 1} same; 0 differ" in result.stdout
    assert "the files are the same as now" in result.stdout


def test_a_time_without_messages_says_so(before: Path) -> None:
    result = replay("--all", before, "--since", "1s")

    assert result.exit_code == 0
    assert "0 messages; 0 same; 0 differ" in result.stdout
    assert "--since goes further back" in result.stdout


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        ([], "Which route? Name one"),
        (["gp_result", "SITE"], '"gp_result" in this site; did you mean "gp_results"?'),
        (["gp_results", "SITE", "--feed", "st_anes_tie"], 'did you mean "st_annes_tie"?'),
        (["gp_results", "SITE", "--all"], "Name a route or say --all, not both"),
        (["gp_results", "SITE", "--since", "yesterday"], "is no time"),
        (["gp_results", "SITE", "--html", "no/such/folder/x.html"], "There is no folder no/such/folder"),
        (["gp_results", "SITE", "--limit", "0"], "0 is not in the range"),
    ],
)
def test_wrong_use_ends_with_status_2_and_says_what_is_right(
    before: Path, arguments: list[str], words: str
) -> None:
    result = replay(*[before if argument == "SITE" else argument for argument in arguments])

    assert result.exit_code == 2
    assert words in " ".join(result.output.split())


def test_a_site_without_a_journal_says_what_to_do(tmp_path: Path) -> None:
    result = replay("gp_results", an_example(tmp_path))

    assert result.exit_code == 1
    assert "no journal" in result.output


def test_a_site_with_problems_is_not_replayed(site: Path, tmp_path: Path) -> None:
    broken = an_example(tmp_path)
    edit(broken / "routes" / "gp_results.yaml", "send:", "sent:")
    result = replay("gp_results", broken)

    assert result.exit_code == 1
    assert "routes/gp_results.yaml" in result.output


def test_a_script_gets_all_of_it(site: Path) -> None:
    result = replay("gp_results", site, "--since", LONG_AGO, "--json")
    told = json.loads(result.stdout)

    assert (told["route"], told["config"]) == ("gp_results", load(site).hash)
    assert told["messages"] == told["same"] + told["differ"]
    assert sum(group["count"] for group in told["groups"]) == told["differ"]
    for group in told["groups"]:
        assert len(group["messages"]) == group["count"]
    (config,) = told["configs"]
    assert [
        (change["kind"], change["rows"] and change["rows"]["changed"]) for change in config["changed"]
    ] == [
        ("route", None),
        ("table", 1),
        ("settings", None),
    ]
    places = {
        (place["path"], place["after"])
        for group in told["groups"]
        for message in group["messages"]
        for change in message["changes"]
        for place in change["fields"]
    }
    assert ("MSH-6", NAME) in places


def test_only_the_newest_are_looked_at_where_a_limit_is_given(site: Path) -> None:
    told = json.loads(replay("--all", site, "--since", LONG_AGO, "--limit", "3", "--json").stdout)
    assert told["messages"] == 3


class Page(HTMLParser):
    """What a browser would make of a page: its tags, its texts, its ids and where it leads."""

    def __init__(self) -> None:
        super().__init__()
        self.tags: list[str] = []
        self.attributes: list[tuple[str, str | None]] = []
        self.words: list[str] = []

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.append(tag)
        self.attributes += attrs

    def handle_data(self, data: str) -> None:
        self.words.append(data)

    @property
    def text(self) -> str:
        return " ".join(" ".join(self.words).split())


def page_of(site: Path, folder: Path, *options: str) -> tuple[str, Page]:
    file = folder / "report.html"
    result = replay("--all", site, "--since", LONG_AGO, "--html", file, *options)
    assert result.exit_code == 1, result.output
    assert str(file) in result.stdout
    assert file.stat().st_mode & 0o777 == 0o600
    page = Page()
    page.feed(file.read_text(encoding="utf-8"))
    return file.read_text(encoding="utf-8"), page


def test_the_page_stands_alone(site: Path, tmp_path: Path) -> None:
    source, page = page_of(site, tmp_path)

    assert not {"script", "img", "link", "iframe", "object", "form", "input"} & set(page.tags)
    links = [value or "" for name, value in page.attributes if name in ("href", "src", "action")]
    assert links
    assert all(link.startswith("#") for link in links)
    assert not [name for name, _ in page.attributes if name == "style" or name.startswith("on")]
    style = re.search(r"<style>(.*?)</style>", source, re.DOTALL)
    assert style is not None
    assert "url(" not in style[1]
    assert "@import" not in style[1]
    policy = next(v for n, v in page.attributes if n == "content" and v and "default-src 'none'" in v)
    digest = re.search(r"style-src 'sha256-([^']+)'", policy or "")
    assert digest is not None
    assert digest[1] == base64.b64encode(hashlib.sha256(style[1].encode()).digest()).decode()


def test_the_page_tells_in_plain_words_what_would_differ(site: Path, tmp_path: Path) -> None:
    _, page = page_of(site, tmp_path, "--by", "A. Analyst")

    for words in (
        "This page holds patient data.",
        "MSH-6 receiving facility",
        "Went to gp_message; would go to print_room",
        "Other content to",
        "Run by A. Analyst on",
        "1 row changed",
        "- set: {MSH-6: practice}",
        "+ - set: {MSH-6: PID-5.1}".replace("+ -", "+  -"),
        NAME,
        "delivers nothing",
    ):
        assert " ".join(words.split()) in page.text.replace("-  - set", "- set"), words
    ids = {value for name, value in page.attributes if name == "id"}
    links = {(value or "")[1:] for name, value in page.attributes if name == "href"}
    assert links <= ids


def test_what_a_message_says_is_text_and_never_markup(site: Path, tmp_path: Path) -> None:
    source, page = page_of(site, tmp_path)

    assert HOSTILE in page.text
    assert "<script" not in source


def test_values_are_hidden_where_they_shall_be(site: Path, tmp_path: Path) -> None:
    shown, _ = page_of(site, tmp_path)
    assert NAME in shown

    source, page = page_of(site, tmp_path, "--hide-values")
    assert NAME not in source
    assert "Values are hidden." in page.text
    assert "10 letters" in page.text
    for options in ([], ["--json"]):
        result = replay("--all", site, "--since", LONG_AGO, "--hide-values", "--show", "99", *options)
        assert NAME not in result.output
        assert "patient data" not in result.stderr
        assert "10 letters" in result.stdout


@pytest.mark.parametrize(
    ("kind", "sentence"),
    [
        ("print_room → gp_message", "Went to print_room; would go to gp_message"),
        ("gp + archive → held", "Went to gp and archive; would wait for a person"),
        ("sent → held", "Were sent; would wait for a person"),
        ("held in a → held in b", "Were held in a; would be held in b"),
        ("not wanted → sent", "Were not wanted by any route; would be sent"),
        ("also to duty_desk", "Also to duty_desk"),
    ],
)
def test_each_kind_of_difference_is_a_sentence(kind: str, sentence: str) -> None:
    assert in_words(kind) == sentence


def test_nothing_is_written_but_the_report(site: Path, before: Path, tmp_path: Path) -> None:
    def files(folder: Path) -> dict[str, bytes]:
        found = [
            path for path in folder.rglob("*") if path.is_file() and not path.name.startswith(DATABASE + "-")
        ]
        return {str(path): hashlib.sha256(path.read_bytes()).digest() for path in found}

    data = before.parent / "data"
    kept = files(data), files(site)
    replay("--all", site, "--since", LONG_AGO, "--html", tmp_path / "report.html")
    assert (files(data), files(site)) == kept


def test_a_replay_knows_no_way_to_deliver_or_to_write_the_journal() -> None:
    code = (
        "import sys, engine.cli.replay, engine.site.loading\n"
        "bad = ('channels', 'engine.delivery', 'engine.queues', 'engine.router', 'engine.intake',"
        " 'engine.supervisor', 'engine.journal.writer', 'engine.journal.sqlite', 'aiormq', 'pika')\n"
        "print([name for name in sys.modules if name.startswith(bad)])"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "[]"
