"""Mistakes made on a copy of the example site: each is refused with its file, line, rule and remedy.

One mistake gives one problem: nobody should have to find the real one among its consequences.
"""

from __future__ import annotations

import shutil
from collections import defaultdict
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest

from engine.site.loading import load_site
from routes.language.problems import Problem

EXAMPLE = Path(__file__).resolve().parents[3] / "config"
LIVE = {"RABBIT_PASSWORD": "tr0ut"}


@dataclass(frozen=True)
class Mistake:
    """Edit `file`: put `new` in place of the first `old`. The problem then stands there, on the line that
    holds `at` (the first line of `new` unless given), with this rule and these words of remedy."""

    name: str
    file: str
    old: str
    new: str
    rule: str
    at: str
    environment: str
    remedy: str


def _read_mistakes(text: str) -> Iterator[Mistake]:
    """`mistakes.txt` says at its top how it is written."""
    for block in text.strip().split("\n\n")[1:]:
        marked: dict[str, list[str]] = defaultdict(list)
        for line in block.split("\n"):
            mark = line[:2].strip() if line[:1] in "#-+@!" else "file"
            marked[mark].append(line if mark == "file" else line[2:])
        file, _, environment = marked["file"][0].partition(" with ")
        rule, _, remedy = marked["!"][0].partition(": ")
        old, new = "\n".join(marked["-"]), "\n".join(marked["+"])
        at = marked["@"][0] if marked["@"] else marked["+"][0]
        yield Mistake(marked["#"][0], file, old, new, rule, at, environment, remedy)


MISTAKES = list(_read_mistakes((Path(__file__).parent / "mistakes.txt").read_text(encoding="utf-8")))


@pytest.fixture
def site(tmp_path: Path) -> Path:
    return Path(shutil.copytree(EXAMPLE, tmp_path / "config"))


def errors(site: Path, environment: str = "") -> list[Problem]:
    loaded, problems = load_site(site, environment, environ=LIVE)
    found = [problem for problem in problems if problem.severity == "error"]
    assert (loaded is None) == bool(found)
    return found


def make(mistake: Mistake, site: Path) -> str:
    """Edit the file; its text afterwards."""
    path = site / mistake.file
    text = path.read_text(encoding="utf-8")
    assert mistake.old in text, "the example site has changed: this mistake must be made elsewhere"
    text = text.replace(mistake.old, mistake.new, 1)
    path.write_text(text, encoding="utf-8")
    return text


def line_of(text: str, part: str) -> int:
    return text[: text.index(part)].count("\n") + 1


@pytest.mark.parametrize("mistake", MISTAKES, ids=lambda m: m.name)
def test_a_mistake_is_refused_at_its_place_with_its_remedy(mistake: Mistake, site: Path) -> None:
    text = make(mistake, site)
    found = errors(site, mistake.environment)

    here = [problem for problem in found if problem.spot.file == mistake.file]
    assert len(here) == 1, [str(problem) for problem in found]
    assert found == here, "one mistake is told once, not wherever it is felt"
    [problem] = here
    assert problem.rule == mistake.rule, str(problem)
    assert problem.spot.line == line_of(text, mistake.at), str(problem)
    assert mistake.remedy in str(problem).split("\n", 1)[0]
    if problem.edit is not None:
        (site / mistake.file).write_text(problem.edit.apply(text), encoding="utf-8")
        assert problem.rule not in [each.rule for each in errors(site, mistake.environment)]


@pytest.mark.parametrize(
    ("text", "line"),
    [("feeds:\n  kind: mllp\n  listen: 127.0.0.1:2575\n", 2), ("feeds:\n  ward_pas:\n", 2)],
    ids=["keys without a feed", "a feed without keys"],
)
def test_feeds_without_anything_below_their_names_are_told_once(text: str, line: int, site: Path) -> None:
    (site / "feeds.yaml").write_text(text, encoding="utf-8")
    [problem] = errors(site)

    assert (problem.rule, problem.spot.file, problem.spot.line) == ("wrong-kind", "feeds.yaml", line)
    assert "the name of each feed" in problem.message


def test_a_mailbox_without_a_broker_is_warned_of_and_never_run(site: Path) -> None:
    path = site / "channels.yaml"
    text = path.read_text(encoding="utf-8").replace("kind: folder\n    path: duty_desk", "kind: amqp", 1)
    path.write_text(text, encoding="utf-8")
    line = line_of(text, "kind: amqp")

    [warning] = load_site(site)[1]
    refused = [load_site(site, to_run=True), load_site(site, "demo")]

    assert (warning.rule, warning.severity, warning.spot.line) == ("needs-broker", "warning", line)
    assert "amqp://" in str(warning)
    for loaded, problems in refused:
        assert loaded is None
        assert [(each.rule, each.spot.line) for each in problems if each.severity == "error"] == [
            ("needs-broker", line)
        ]


@pytest.mark.parametrize("environment", ["", "demo", "mailboxes", "live"])
def test_without_a_mistake_nothing_is_refused(environment: str, site: Path) -> None:
    assert errors(site, environment) == []


def test_several_mistakes_are_all_found_in_one_go_in_file_order(site: Path) -> None:
    chosen = [m for m in MISTAKES if m.name in ("an unknown dialect", "an unknown key", "port 0")]
    for mistake in chosen:
        make(mistake, site)

    places = [(problem.spot.file, problem.spot.line) for problem in errors(site)]

    assert len(places) == 3
    assert places == sorted(places)


def test_a_broken_table_of_closed_days_is_no_second_mistake_of_the_hours(site: Path) -> None:
    (site / "tables" / "bank_holidays.csv").write_text("day;name\n2026-12-25;Christmas\n", encoding="utf-8")
    with (site / "gatepost.yaml").open("a", encoding="utf-8") as file:
        file.write(
            "hours:\n  working:\n    zone: Europe/London\n"
            "    monday_to_friday: 08:00-18:00\n    closed: bank_holidays\n"
        )
    route = site / "routes" / "gp_results.yaml"
    text = route.read_text(encoding="utf-8")
    route.write_text(
        text.replace("that: MSH-9.1 = 'ORU'", "that: MSH-9.1 = 'ORU' and received in hours working", 1),
        encoding="utf-8",
    )

    assert [problem.rule for problem in errors(site)] == ["not-commas"]


Break = Callable[[Path], object]


def _write_latin_1(site: Path) -> None:
    path = site / "tables" / "gp_of_doctor.csv"
    path.write_bytes(path.read_bytes().replace(b"Dr A", b"Dr \xc5"))


@pytest.mark.parametrize(
    ("broken", "file", "rule"),
    [
        (lambda site: (site / "feeds.yaml").unlink(), "feeds.yaml", "missing-file"),
        (lambda site: (site / "feeds.yaml").write_text("feeds: {}\n"), "feeds.yaml", "no-feeds"),
        (lambda site: (site / "channels.yaml").write_text("channels: {}\n"), "channels.yaml", "no-channels"),
        (_write_latin_1, "tables/gp_of_doctor.csv", "not-utf-8"),
        (lambda site: (site / "routes/x.yml").write_text("route: x\n"), "routes/x.yml", "stray-file"),
        (lambda site: (site / "routes/x.yaml").symlink_to("/etc/hostname"), "routes/x.yaml", "link-out"),
    ],
    ids=["no feeds.yaml", "no feed", "no channel", "not UTF-8", "another ending", "a link out"],
)  # fmt: skip
def test_a_broken_folder_is_refused(broken: Break, file: str, rule: str, site: Path) -> None:
    broken(site)

    assert (file, rule) in {(problem.spot.file, problem.rule) for problem in errors(site)}
